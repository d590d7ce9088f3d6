//! HTTP Digest for cameras (RFC 2617 and its quirks in the field): challenges issued, answers checked.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;

use super::Error;
use crate::{clock, domain::time::Instant};

/// A challenge may be answered for this long, seconds.
const NONCE_LIFE_S: i64 = 120;
/// Most challenges open at once; the oldest give way.
const MAX_NONCES: usize = 4096;

/// The challenges that are open.
pub(super) struct Challenges {
    realm: String,
    /// When each was issued, and the highest count it was answered with.
    open: Mutex<HashMap<String, (Instant, u32)>>,
}

impl Challenges {
    pub(super) fn new(realm: &str) -> Self {
        Self { realm: realm.to_owned(), open: Mutex::default() }
    }

    /// A new challenge, the value of `WWW-Authenticate`.
    pub(super) fn challenge(&self, now: Instant) -> Result<String, Error> {
        let nonce = hex::encode(clock::random_bytes::<16>().map_err(|_| Error::invalid("nonce", "cannot be made"))?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (issued, _)| (now - *issued).num_seconds() <= NONCE_LIFE_S);
        if open.len() >= MAX_NONCES
            && let Some(oldest) = open.iter().min_by_key(|(_, (issued, _))| *issued).map(|(nonce, _)| nonce.clone())
        {
            open.remove(&oldest);
            metrics::counter!("yunpark_viid_challenges_dropped_total").increment(1);
        }
        open.insert(nonce.clone(), (now, 0));
        Ok(format!("Digest realm=\"{}\",qop=\"auth\",algorithm=MD5,nonce=\"{nonce}\"", self.realm))
    }

    /// Whether an answer is to an open challenge of ours and proves the password, for this method and path. An answer with a
    /// count that was used before is a replay.
    pub(super) fn accepts(&self, answer: &Answer, password: &str, method: &str, path: &str, now: Instant) -> bool {
        if answer.realm != self.realm || !is_path(&answer.uri, path) {
            return false;
        }
        let count = u32::from_str_radix(answer.nc.trim(), 16).unwrap_or(1);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !answer.proves(password, method) {
            // One guess for each challenge.
            open.remove(&answer.nonce);
            return false;
        }
        match open.get_mut(&answer.nonce) {
            Some((issued, last)) if (now - *issued).num_seconds() <= NONCE_LIFE_S && count > *last => {
                *last = count;
                true
            }
            _ => false,
        }
    }
}

/// Whether a digest's `uri` is the path asked for; some cameras write the whole address.
pub(super) fn is_path(uri: &str, path: &str) -> bool {
    let after_host = uri.split_once("://").and_then(|(_, rest)| rest.find('/').map(|slash| &rest[slash..]));
    after_host.unwrap_or(uri) == path
}

/// A camera's answer to a challenge, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) uri: String,
    response: String,
    qop: Option<String>,
    pub(super) nc: String,
    cnonce: String,
}

impl Answer {
    /// Reads `Digest key="value", ...`; values may be quoted or not, and the last quote may be missing.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut fields = HashMap::new();
        let mut rest = rest.trim();
        while let Some((key, after)) = rest.split_once('=') {
            let after = after.trim_start();
            let (value, next) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => after.split_once(',').unwrap_or((after, "")),
            };
            fields.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            rest = next.trim_start_matches([',', ' ']);
        }
        let mut take = |key: &str| fields.remove(key);
        let algorithm = take("algorithm");
        if algorithm.is_some_and(|algorithm| !algorithm.eq_ignore_ascii_case("md5")) {
            return None;
        }
        Some(Self {
            username: take("username")?,
            realm: take("realm")?,
            nonce: take("nonce")?,
            uri: take("uri")?,
            response: take("response")?.to_ascii_lowercase(),
            qop: take("qop").filter(|qop| !qop.is_empty()),
            nc: take("nc").unwrap_or_default(),
            cnonce: take("cnonce").unwrap_or_default(),
        })
    }

    /// Whether it was made with the password (RFC 2617; `nc` and `uri` enter the hash as they were written).
    pub(super) fn proves(&self, password: &str, method: &str) -> bool {
        let ha1 = md5(&format!("{}:{}:{password}", self.username, self.realm));
        let ha2 = md5(&format!("{method}:{}", self.uri));
        let expected = match self.qop.as_deref() {
            Some("auth") => md5(&format!("{ha1}:{}:{}:{}:auth:{ha2}", self.nonce, self.nc, self.cnonce)),
            None => md5(&format!("{ha1}:{}:{ha2}", self.nonce)),
            Some(_) => return false,
        };
        expected.as_bytes().ct_eq(self.response.as_bytes()).into()
    }
}

fn md5(text: &str) -> String {
    hex::encode(Md5::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_answered_with_a_growing_count_and_in_time() {
        let now = Instant::UNIX_EPOCH;
        let challenges = Challenges::new("viid");
        let challenge = challenges.challenge(now).unwrap();
        let nonce = challenge.split("nonce=\"").nth(1).unwrap().trim_end_matches('"').to_owned();
        let answer = |nc: &str| {
            let response = md5(&format!("{}:{nonce}:{nc}:c:auth:{}", md5("u:viid:p"), md5("POST:/x")));
            let header = format!(
                "Digest username=\"u\",realm=\"viid\",nonce=\"{nonce}\",uri=\"/x\",qop=auth,nc={nc},cnonce=\"c\",\
                 response=\"{response}\""
            );
            Answer::parse(&header).unwrap()
        };
        let (first, second) = (answer("00000001"), answer("00000002"));
        assert!(!challenges.accepts(&first, "p", "POST", "/y", now), "another path");
        assert!(challenges.accepts(&first, "p", "POST", "/x", now));
        assert!(!challenges.accepts(&first, "p", "POST", "/x", now), "a replay");
        assert!(challenges.accepts(&second, "p", "POST", "/x", now + chrono::Duration::seconds(120)));
        assert!(!challenges.accepts(&answer("00000003"), "p", "POST", "/x", now + chrono::Duration::seconds(121)));
        let guessed = Challenges::new("viid");
        guessed.open.lock().unwrap().insert(nonce.clone(), (now, 0));
        assert!(!guessed.accepts(&first, "q", "POST", "/x", now), "a wrong password");
        assert!(!guessed.accepts(&first, "p", "POST", "/x", now), "one guess for each challenge");
    }

    fn vector() -> serde_json::Value {
        let path =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/samples/captures/viid_digest_test_vector_SYNTHETIC.json");
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn the_digest_vector_proves_its_password_and_no_other() {
        let vector = vector();
        let answer = Answer::parse(vector["authorization"].as_str().unwrap()).unwrap();
        assert!(answer.proves(vector["password"].as_str().unwrap(), "POST"));
        assert!(!answer.proves("passw0rd!", "POST"));
        assert!(!answer.proves(vector["password"].as_str().unwrap(), "GET"));
    }

    #[test]
    fn headers_as_cameras_in_the_field_write_them_are_read() {
        let plain = Answer::parse(vector()["authorization"].as_str().unwrap()).unwrap();
        let quirky = "digest username=33010299011190000253, realm=\"viid\", nonce=\"0123456789abcdef\", \
                      uri=\"/VIID/System/Register\", algorithm=\"MD5\", qop=auth, nc=\"00000001\", cnonce=\"0a4f113b\", \
                      response=\"AA64714401AB99317D3F328CA6748A16\", opaque=\"never closed";
        assert_eq!(Answer::parse(quirky), Some(plain));
        for bad in ["", "Digest", "Basic abc", "Digest username=\"x\"", "Digest ====", "Digest a=\"\"\"\"\",,,="] {
            assert_eq!(Answer::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_unpadded_count_and_a_whole_address_enter_the_hash_as_written() {
        let uri = "http://10.0.0.1:8080/VIID/System/Register";
        let (ha1, ha2) = (md5("u:viid:p"), md5(&format!("POST:{uri}")));
        let response = md5(&format!("{ha1}:n:1:c:auth:{ha2}"));
        let header = format!(
            "Digest username=\"u\",realm=\"viid\",nonce=\"n\",uri=\"{uri}\",qop=auth,nc=1,cnonce=\"c\",response=\"{response}\""
        );
        assert!(Answer::parse(&header).unwrap().proves("p", "POST"));
        assert!(is_path(uri, "/VIID/System/Register") && is_path("/VIID/System/Register", "/VIID/System/Register"));
        assert!(!is_path(uri, "/VIID/System/UnRegister"));
    }
}
