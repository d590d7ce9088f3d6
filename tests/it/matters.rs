//! City management on both databases: every kind of matter through the seven steps, and what runs by itself.

mod abuse;
mod devices;
mod flow;
mod partners;
mod scores;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use chrono::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use yunpark::{
    clock::Clock,
    config::{self, Config},
    domain::{
        city::City,
        ids::{CameraId, GridCellId, StreetId},
        matter::{Source, Step, dispatch::Unit},
        place::{GridCell, Street},
        staff::Role,
        text::Localized,
        time::{Instant, parse_rfc3339},
    },
    enforcement::{Desk, Person},
    feeds::sources::fetch::Fetcher,
    matters::{Health, Matters, NewReport, NewStep, Reporter},
    store::{Db, evidence::Evidence, verify},
};

use crate::services;

pub(crate) struct Hall {
    pub(crate) matters: Arc<Matters>,
    pub(crate) db: Db,
    pub(crate) evidence: Evidence,
    pub(crate) clock: Clock,
    pub(crate) health: Arc<Mutex<Health>>,
    _dir: TempDir,
}

/// Tuesday, nine in the morning in Shanghai.
pub(crate) fn start() -> Instant {
    local("2026-03-10T09:00")
}

pub(crate) fn local(text: &str) -> Instant {
    parse_rfc3339(&format!("{text}:00+08:00")).unwrap()
}

fn text(zh: &str) -> Localized {
    Localized { zh: zh.into(), en: zh.into() }
}

/// Two cells of two towns side by side, with a street of class 1 in the first.
pub(crate) fn city() -> City {
    let mut city = City { name: text("云和"), fictional: true, ..City::default() };
    for (nth, (unit, code)) in
        [("城北中队", "331125001001001"), ("城南中队", "331125002001001")].into_iter().enumerate()
    {
        let west = 119.57 + 0.01 * nth as f64;
        let id = GridCellId::parse(&format!("G{}", nth + 1)).unwrap();
        let area = geo::MultiPolygon(vec![geo::Rect::new((west, 28.10), (west + 0.01, 28.11)).to_polygon()]);
        let cell = GridCell {
            id: id.clone(),
            name: text(&format!("{} 号网格", nth + 1)),
            unit: text(unit),
            area,
            code: Some(code.parse().unwrap()),
            shifts: Vec::new(),
        };
        city.grid_cells.insert(id, cell);
    }
    let id = StreetId::parse("ST1").unwrap();
    let line = geo::LineString::from(vec![(119.571, 28.105), (119.579, 28.105)]);
    city.streets.insert(id.clone(), Street { id, name: text("解放街"), class: 1, line });
    let _ = CameraId::parse("CAM-1");
    city
}

impl Hall {
    async fn open(url: &str, dir: TempDir, change: &impl Fn(&mut config::Matters)) -> Self {
        let store = config::Store::of(url, 4);
        let db = Db::connect(&store).await.unwrap();
        db.migrate().await.unwrap();
        let evidence = Evidence::open(&dir.path().join("evidence")).unwrap();
        let clock = Clock::manual(start());
        let loaded = Config::load(None).unwrap();
        let (mut enforcement, mut config) = (loaded.enforcement, loaded.matters);
        (enforcement.min_width_px, enforcement.min_height_px) = (64, 36);
        let repair = Unit {
            name: text("设备运维"),
            duties: vec!["C".into()],
            most_open: 10,
            people: vec!["zhao".into()],
            ..Unit::default()
        };
        config.units.clear();
        config.units.insert("repair".into(), repair);
        config.towns.insert("331125001".into(), vec!["sun".into()]);
        change(&mut config);
        let (_, receiver) = watch::channel(Arc::new(city()));
        let desk =
            Desk::new(db.clone(), evidence.clone(), receiver.clone(), clock.clone(), enforcement, Arc::new(|_| None));
        let health: Arc<Mutex<Health>> = Arc::default();
        let told = health.clone();
        let health_of = Arc::new(move || told.lock().unwrap().clone());
        let what = (db.clone(), Arc::new(desk));
        let matters = Matters::new(what, receiver, clock.clone(), config, health_of, Fetcher::new(true));
        Self { matters: Arc::new(matters), db, evidence, clock, health, _dir: dir }
    }

    /// One round of all that runs by itself.
    pub(crate) async fn round(&self) {
        self.matters.round(&mut None).await.unwrap();
    }

    pub(crate) async fn step(&self, id: &str, step: Step, person: &Person) -> Result<(), yunpark::matters::Error> {
        let new = NewStep { step, why: "现场核对".into() };
        self.matters.advance(id, new, None, person).await.map(|_| ())
    }

    pub(crate) fn set_ill(&self, ill: Vec<yunpark::matters::Ailing>, well: &[&str]) {
        let well: BTreeSet<String> = well.iter().map(|one| (*one).to_owned()).collect();
        *self.health.lock().unwrap() = Health { ill, well };
    }

    /// The whole ledger is what was written, and every row of matters is what its last entry says.
    pub(crate) async fn prove(&self) {
        verify::verify(&self.db, Some(&self.evidence)).await.unwrap();
    }
}

/// The same hall on SQLite and on PostgreSQL.
pub(crate) async fn halls() -> Vec<Hall> {
    halls_with(|_| {}).await
}

pub(crate) async fn halls_with(change: impl Fn(&mut config::Matters)) -> Vec<Hall> {
    let (one, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let sqlite = format!("sqlite://{}", one.path().join("yunpark.db").display());
    let postgres = tokio::task::spawn_blocking(services::postgres).await.unwrap();
    vec![Hall::open(&sqlite, one, &change).await, Hall::open(&postgres, other, &change).await]
}

pub(crate) fn person(name: &str, role: Role) -> Person {
    Person { name: name.into(), role }
}

pub(crate) fn county() -> Person {
    person("li", Role::Supervisor)
}

pub(crate) fn officer() -> Person {
    person("wang", Role::Officer)
}

pub(crate) fn picture(shade: u8) -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let picture = image::GrayImage::from_pixel(64, 36, image::Luma([shade]));
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner().into()
}

/// A report of the public at the street of class 1.
pub(crate) fn report(key: &str, category: &str, address: &str, at: (f64, f64)) -> NewReport {
    NewReport {
        reporter: Reporter::Public { address: address.into() },
        source: Source::Citizen,
        key: key.into(),
        category: category.into(),
        location: Some(at),
        cell: None,
        place: "解放街 12 号门口".into(),
        what: "堵住了人行道".into(),
        contact: Some("13800000000".into()),
        subject: None,
    }
}

pub(crate) const STREET: (f64, f64) = (119.575, 28.1051);

pub(crate) fn minutes(n: i64) -> Duration {
    Duration::minutes(n)
}
