//! What was promised, looked at after something was broken.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::Value;
use yunpark::{
    config::Config,
    domain::{capture::Source, ids::CameraId},
    store::{Db, availability_state, captures},
};

use super::{
    cameras::camera_of,
    fault::{Fault, Part, Word},
    listener::counts,
    scene::Scene,
    sensors::{CROWDED, Counts, GATES},
    table::{Captures, Freshness, Health, Ledger, Live, Observations, Row, Signs},
    watch::SIGNS,
    within,
};

/// Within this the node is ready again, and everything said meanwhile has been heard.
const SOON: Duration = Duration::from_secs(90);
/// A sign that is driven again shows a number that is at most so old.
const FRESH: Duration = Duration::from_secs(3);

impl Scene {
    /// What the node said of its health while `faults` lasted.
    pub fn judge_health(&self, faults: &[Fault], since: Instant, row: &mut Row) {
        let looks = self.watch.looks_since(since);
        let is_mute = faults.iter().any(|fault| fault.word() == Word::Nothing);
        for fault in faults {
            // Another fault may be what the node rightly names; and a node that is down names nothing.
            let is_asked = match fault.word() {
                Word::Nothing => true,
                Word::Well => faults.len() == 1,
                _ => !is_mute,
            };
            if let Some(wrong) = fault.misjudged(&looks).filter(|_| is_asked) {
                row.breaks(Health, wrong);
            }
        }
    }

    /// Waits until the node calls itself and its signs well. One that ended by itself is started again, as systemd does.
    pub fn wait_until_well(&mut self, faults: &[Fault], ended_at: Instant, row: &mut Row) {
        while ended_at.elapsed() < SOON {
            if let Some(status) = self.node.ended() {
                // It may refuse to start while what it stands on is away, with one line that says so; never more than that.
                if faults.contains(&Fault::Killed(Part::Node)) {
                    row.starts += 1;
                } else {
                    row.breaks(Health, format!("the node ended by itself with {status}"));
                }
                self.node.begin();
            }
            let look = self.watch.newest_since(ended_at);
            if look.is_some_and(|look| look.ill.is_some_and(|ill| ill.is_empty()) && look.ill_signs.is_empty()) {
                row.well_after = Some(ended_at.elapsed());
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let last = self.watch.looks_since(ended_at).pop();
        row.breaks(Health, format!("not well {SOON:?} afterwards: {last:?}"));
    }

    /// Every promise, while the load goes on and then at rest.
    pub fn judge_promises(&mut self, row: &mut Row) {
        let runtime = self.runtime().handle().clone();
        for (gate, sign) in SIGNS.iter().enumerate() {
            let is_new = || {
                let shown = self.watch.shown(gate);
                shown.and_then(|free| self.sensors.age(gate, free)).is_some_and(|age| age <= FRESH)
            };
            if !runtime.block_on(within(self.patience, is_new)) {
                let shown = self.watch.shown(gate);
                let age = shown.and_then(|free| self.sensors.age(gate, free));
                row.breaks(Signs, format!("{sign} shows {shown:?}, last true {age:.1?} ago"));
            }
        }
        if !runtime.block_on(self.sensors.hush(SOON)) {
            row.breaks(
                Observations,
                format!("the broker does not take what devices say: {:?}", self.sensors.figures()),
            );
        }
        let model = self.sensors.model();
        let is_as_modelled = || {
            let told = self.lots();
            model.iter().all(|(lot, counts)| told.get(*lot).is_some_and(|(_, told)| told == counts))
        };
        if !runtime.block_on(within(self.patience, is_as_modelled)) {
            let told = self.lots();
            for (lot, counts) in
                model.iter().filter(|(lot, counts)| told.get(**lot).map(|told| &told.1) != Some(*counts))
            {
                row.breaks(
                    Observations,
                    format!("{lot} is {counts:?} free, occupied, unknown, and {:?} is told", told.get(*lot)),
                );
            }
        }
        self.recount(&model, row);
        self.judge_keeping(row);
        let is_the_same = || {
            let told = self.lots();
            !told.is_empty() && self.listener.shows() == told
        };
        if !runtime.block_on(within(self.patience, is_the_same)) {
            let (told, shown) = (self.lots(), self.listener.shows());
            let differ: Vec<_> = told.iter().filter(|(lot, told)| shown.get(*lot) != Some(*told)).collect();
            row.breaks(Live, format!("the API tells {differ:?}, and the socket does not"));
        }
        for fault in self.listener.take_faults() {
            row.breaks(Live, fault);
        }
        self.judge_captures(row);
        let (laws, too_old, oldest) = self.watch.take();
        row.oldest = oldest;
        for how in laws {
            row.breaks(Observations, how);
        }
        for how in too_old {
            row.breaks(Freshness, how);
        }
        self.watch.expect_clock_off(Duration::ZERO);
        self.cameras.go_on();
        self.sensors.go_on();
    }

    /// Version and counts of each lot as the API tells them.
    fn lots(&self) -> BTreeMap<String, (u64, Counts)> {
        let Some((200, told)) = self.node.get("/api/v1/lots") else { return BTreeMap::new() };
        let lots = told["lots"].as_array().into_iter().flatten();
        let of = |lot: &Value| {
            (lot["id"].as_str().unwrap_or_default().to_owned(), (lot["version"].as_u64().unwrap_or(0), counts(lot)))
        };
        lots.map(of).collect()
    }

    /// The counts of each lot of bays are a recount of its bays.
    fn recount(&self, model: &BTreeMap<&'static str, Counts>, row: &mut Row) {
        for (lot, counts) in model.iter().filter(|(lot, _)| !GATES.contains(*lot) && **lot != CROWDED) {
            let told = self.node.get(&format!("/api/v1/lots/{lot}/spaces")).map(|(_, told)| told).unwrap_or_default();
            let spaces: Vec<&Value> = told["spaces"].as_array().into_iter().flatten().collect();
            let of = |state: &str| spaces.iter().filter(|space| space["state"] == state).count() as u64;
            let recounted = ["free", "occupied", "unknown"].map(of);
            if recounted != *counts {
                row.breaks(Observations, format!("the bays of {lot} are {recounted:?}, not {counts:?}"));
            }
        }
    }

    /// What Redis knows is kept in the store, so that it can be given back.
    fn judge_keeping(&mut self, row: &mut Row) {
        if self.redis.is_none() {
            return;
        }
        let runtime = self.runtime().handle().clone();
        let lots = self.lots();
        let differing = || {
            let kept = runtime.block_on(kept_versions(&self.node.config)).unwrap_or_default();
            let told = lots.iter().filter(|(lot, (version, _))| *version > 0 && kept.get(*lot) != Some(version));
            told.map(|(lot, (version, _))| format!("{lot} {version}, kept {:?}", kept.get(lot))).collect::<Vec<_>>()
        };
        let began = Instant::now();
        while !differing().is_empty() && began.elapsed() < self.patience {
            std::thread::sleep(Duration::from_millis(300));
        }
        let differ = differing();
        if !differ.is_empty() {
            row.breaks(Observations, format!("the store is not told what is known: {differ:?}"));
        }
    }

    fn judge_captures(&mut self, row: &mut Row) {
        let runtime = self.runtime().handle().clone();
        if !runtime.block_on(self.cameras.hush(SOON)) {
            row.breaks(Captures, "the camera is not answered");
        }
        for odd in self.cameras.take_odd() {
            row.breaks(Captures, odd);
        }
        let (answered, open) = self.cameras.answered();
        match runtime.block_on(kept(&self.node.config, &answered)) {
            Err(error) => row.breaks(Captures, format!("the store does not tell its captures: {error}")),
            Ok((lost, count)) => {
                for (key, id) in lost {
                    row.breaks(Captures, format!("{key} was answered with {id}, and is not there"));
                }
                let answered = answered.len() as u64;
                if count < answered || count > answered + open {
                    row.breaks(
                        Captures,
                        format!("{count} captures are kept of {answered} answered and {open} not answered"),
                    );
                }
            }
        }
        let proof = self.node.command(&["ledger", "verify", "--config", self.node.path()], "");
        let said = String::from_utf8_lossy(&proof.stdout);
        if !proof.status.success() || !said.starts_with("whole: ") {
            row.breaks(Ledger, format!("{said}{}", String::from_utf8_lossy(&proof.stderr)));
        }
    }
}

/// The versions of lots that the store could give back.
async fn kept_versions(config: &std::path::Path) -> Result<BTreeMap<String, u64>, Box<dyn std::error::Error>> {
    let db = Db::connect(&Config::load(Some(config))?.store).await?;
    let kept = availability_state::index(&db).await?;
    db.close().await;
    Ok(kept.into_iter().map(|(lot, version, _)| (lot.as_str().to_owned(), version)).collect())
}

/// The answered captures that the store does not have under their keys, and how many it has in all.
async fn kept(
    config: &std::path::Path,
    answered: &BTreeMap<String, String>,
) -> Result<(Vec<(String, String)>, u64), Box<dyn std::error::Error>> {
    let db = Db::connect(&Config::load(Some(config))?.store).await?;
    let mut tx = db.begin_read().await?;
    let mut lost = Vec::new();
    for (key, id) in answered {
        let source = Source::Camera(CameraId::parse(camera_of(key))?);
        let found = captures::by_key(&mut tx, &source, key).await?;
        if found.is_none_or(|found| found.id != *id) {
            lost.push((key.clone(), id.clone()));
        }
    }
    let (from, to) = (chrono::DateTime::UNIX_EPOCH, super::sensors::wall() + chrono::Duration::days(1));
    let count = captures::count_between(&mut tx, from, to).await?;
    drop(tx);
    db.close().await;
    Ok((lost, count))
}
