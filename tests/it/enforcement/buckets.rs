//! One suite over every place evidence may lie: a folder, and a bucket of a server that speaks S3.

use std::{
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use yunpark::{
    domain::ledger::Digest,
    enforcement::documents::{Document, Paper},
};

use super::*;

const USER: &str = "yunpark";
const SECRET: &str = "evidence-secret";

/// A server of buckets on this machine, ended with the test.
struct Buckets {
    child: Child,
    endpoint: String,
}

impl Drop for Buckets {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a request signed as S3 wants it; whether it was done.
fn signed(endpoint: &str, method: &str, path: &str, body: &[u8]) -> bool {
    let mut curl = Command::new("curl");
    curl.args(["-sf", "-o", "/dev/null", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3"]);
    // As a form, a server may read it.
    curl.args(["-H", "Content-Type: application/octet-stream", "--user"]);
    curl.args([&format!("{USER}:{SECRET}"), "--data-binary", "@-", &format!("{endpoint}/{path}")]);
    let mut child = curl.stdin(Stdio::piped()).spawn().expect("curl must be installed; `./run test` does it");
    child.stdin.take().unwrap().write_all(body).unwrap();
    child.wait().unwrap().success()
}

impl Buckets {
    /// `None` where there is none.
    fn start() -> Option<Self> {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        let server = home.join(".cache/yunpark/moto/bin/moto_server");
        if !server.exists() {
            assert!(std::env::var_os("CI").is_none(), "there is no moto; `./run test` installs it");
            let _ = writeln!(std::io::stderr(), "SKIPPED on a bucket: there is no moto; `./run test` installs it");
            return None;
        }
        let port = services::free_port().to_string();
        let mut command = Command::new(server);
        command.args(["-H", "127.0.0.1", "-p", &port]).stdout(Stdio::null()).stderr(Stdio::null());
        let endpoint = format!("http://127.0.0.1:{port}");
        let buckets = Self { child: command.spawn().unwrap(), endpoint };
        services::wait_for("a bucket", || signed(&buckets.endpoint, "PUT", "evidence", b"").then_some(()));
        Some(buckets)
    }

    fn open(&self, address: &str) -> Evidence {
        let settings = [
            ("AWS_ACCESS_KEY_ID", USER),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        Evidence::bucket(address, settings.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
    }
}

/// Changes the bytes kept under a hash, behind the back of the store.
type Change<'a> = &'a dyn Fn(&str, &[u8]);

fn path_of(digest: Digest) -> String {
    let name = digest.to_string();
    format!("{}/{}/{name}", &name[0..2], &name[2..4])
}

async fn suite(evidence: Evidence, change: Change<'_>) {
    let bytes = Bytes::from_static(b"a picture");
    let digest = evidence.put(bytes.clone()).await.unwrap();
    assert_eq!(evidence.put(bytes.clone()).await.unwrap(), digest, "twice is once");
    let at_once = futures_util::future::join_all((0..8).map(|_| evidence.put(Bytes::from_static(b"at once")))).await;
    assert!(at_once.iter().all(|put| put.as_ref().unwrap() == &Digest::of(b"at once")));
    assert_eq!(evidence.get(digest).await.unwrap(), Some(bytes.clone()));
    assert_eq!(evidence.get(Digest::of(b"another")).await.unwrap(), None);
    let large = Bytes::from(vec![7; 3_000_000]);
    let kept = evidence.put(large.clone()).await.unwrap();
    assert_eq!(evidence.get(kept).await.unwrap(), Some(large));
    change(&path_of(digest), b"a pikture");
    let changed = evidence.get(digest).await.unwrap_err().to_string();
    assert!(changed.contains(&digest.to_string()), "{changed}");
    assert!(evidence.put(bytes).await.is_err(), "what was changed is not taken for stored");
    for one in [digest, kept, Digest::of(b"at once"), digest] {
        evidence.erase(one).await.unwrap();
    }
    assert_eq!(evidence.get(digest).await.unwrap(), None);

    // A case with its pictures, its manifest and a document; then one bit of each.
    let dir = TempDir::new().unwrap();
    let url = format!("sqlite://{}", dir.path().join("yunpark.db").display());
    let store = config::Store::of(&url, 4);
    let db = Db::connect(&store).await.unwrap();
    db.migrate().await.unwrap();
    let house = House::over(db, evidence, dir, &|_| {});
    let incident = house.ripe("浙K12345").await;
    let record = house.desk.review(&incident, Decision::Warning.into(), &officer()).await.unwrap().1.unwrap();
    let (base, officer) = ("http://parking.example", officer());
    house.desk.document(&record.id, Document::Warning, Paper::A4, base, &officer).await.unwrap().unwrap();
    let report = verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    assert_eq!(report.checked_evidence, 4, "two pictures, a manifest, a document");
    let head = ledger::head(&house.db).await.unwrap();
    let entries = ledger::entries(&house.db, 1, head.seq as u32).await.unwrap();
    let mut pieces: Vec<Digest> = entries.iter().flat_map(|entry| entry.evidence.iter().copied()).collect();
    pieces.sort();
    pieces.dedup();
    for piece in pieces {
        let whole = house.evidence.get(piece).await.unwrap().unwrap();
        let mut flipped = whole.to_vec();
        flipped[whole.len() / 2] ^= 1;
        change(&path_of(piece), &flipped);
        let named = verify::verify(&house.db, Some(&house.evidence)).await.unwrap_err().to_string();
        assert!(named.contains(&format!("evidence {piece} was changed")), "{named}");
        change(&path_of(piece), &whole);
    }
    verify::verify(&house.db, Some(&house.evidence)).await.unwrap();

    // What a crash left behind is found, and swept.
    let stray = house.evidence.put(Bytes::from_static(b"of an upload that was cut off")).await.unwrap();
    let strays = house.evidence.strays(&house.db, std::time::Duration::ZERO).await.unwrap();
    assert_eq!(strays.len(), 1);
    assert!(strays[0].path.ends_with(&stray.to_string()), "{strays:?}");
    assert!(house.evidence.strays(&house.db, std::time::Duration::from_secs(3600)).await.unwrap().is_empty());
    house.evidence.remove(&strays[0]).await.unwrap();
    assert_eq!(house.evidence.get(stray).await.unwrap(), None);
    verify::verify(&house.db, Some(&house.evidence)).await.unwrap();
    comes_back(&house).await;
}

/// A backup of all of it, restored after every piece was lost; a piece that is lost before is told.
async fn comes_back(house: &House) {
    let folder = TempDir::new().unwrap();
    let tar = folder.path().join("whole.tar");
    let made = backup::make(&house.db, &house.evidence, &tar, house.clock.now(), &mut |_| {}).await.unwrap();
    assert_eq!((made.evidence.files, made.evidence.missing.len()), (4, 0));
    let source = backup::Source::open(&tar).unwrap();
    let manifest = backup::check(&source, &mut |_| {}).unwrap();
    assert_eq!(manifest, made);
    let head = ledger::head(&house.db).await.unwrap();
    let entries = ledger::entries(&house.db, 1, head.seq as u32).await.unwrap();
    let pieces: std::collections::BTreeSet<Digest> =
        entries.iter().flat_map(|entry| entry.evidence.iter().copied()).collect();
    for (nth, piece) in pieces.iter().enumerate() {
        house.evidence.erase(*piece).await.unwrap();
        let lossy = folder.path().join(format!("lossy-{nth}"));
        let made = backup::make(&house.db, &house.evidence, &lossy, house.clock.now(), &mut |_| {}).await.unwrap();
        assert_eq!((made.evidence.missing.len(), made.evidence.missing.contains(piece)), (nth + 1, true));
    }
    let url = format!("sqlite://{}", folder.path().join("new.db").display());
    let store = config::Store::of(&url, 4);
    let db = Db::connect(&store).await.unwrap();
    let put = backup::restore(&db, &house.evidence, &source, &manifest, &mut |_| {}).await.unwrap();
    assert_eq!((put.stored, put.there), (4, 0));
    let report = verify::verify_through(&db, Some(&house.evidence), Some(manifest.ledger)).await.unwrap();
    assert_eq!((report.checked_evidence, report.head()), (4, head));
    let again = backup::restore(&db, &house.evidence, &source, &manifest, &mut |_| {}).await.unwrap_err();
    assert!(matches!(again, backup::Error::NotEmpty(_)), "{again}");
    db.close().await;
}

#[tokio::test]
async fn evidence_is_kept_in_a_folder() {
    let folder = TempDir::new().unwrap();
    let evidence = Evidence::open(folder.path()).unwrap();
    suite(evidence, &|path, bytes| std::fs::write(folder.path().join(path), bytes).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_is_kept_in_a_bucket() {
    let Some(buckets) = tokio::task::spawn_blocking(Buckets::start).await.unwrap() else { return };
    for (address, prefix) in [("s3://evidence", ""), ("s3://evidence/county/one", "county/one/")] {
        let change = |path: &str, bytes: &[u8]| {
            assert!(signed(&buckets.endpoint, "PUT", &format!("evidence/{prefix}{path}"), bytes));
        };
        suite(buckets.open(address), &change).await;
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_refuses_and_takes_nothing_for_stored() {
    let Some(buckets) = tokio::task::spawn_blocking(Buckets::start).await.unwrap() else { return };
    let elsewhere = buckets.open("s3://nowhere");
    assert!(elsewhere.put(Bytes::from_static(b"a picture")).await.is_err());
}
