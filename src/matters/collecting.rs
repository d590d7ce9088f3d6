//! The first step: what people and devices say is taken in once, joined to what is known, and given a receipt.

use bytes::Bytes;
use chrono::Duration;
use serde_json::json;

use super::{Error, Matters, error::text};
use crate::{
    clock,
    domain::{
        ids::GridCellId,
        ledger::{Digest, Kind},
        matter::{
            Matter, Said, Source,
            merge::{Known, same_matter},
        },
        staff::Actor,
        time::Instant,
    },
    store::{
        Tx, evidence, incidents,
        matter_reports::{self, Report},
        matters,
    },
};

/// Characters of receipts: none that are mistaken for another.
const RECEIPT: &[u8] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Metres in a degree of latitude.
const DEGREE_M: f64 = 111_000.0;
/// Most pictures of one report.
pub(super) const MOST_PICTURES: usize = 3;

/// Who says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reporter {
    /// Anybody, from an address.
    Public {
        /// The address.
        address: String,
    },
    /// A system that reports in callers' names.
    Gateway {
        /// Its name.
        name: String,
    },
    /// Somebody of the staff.
    Staff(crate::enforcement::Person),
    /// A device, by the rule that watches it.
    System {
        /// The rule.
        rule: String,
    },
}

/// A report as it comes in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewReport {
    /// Who says it.
    pub reporter: Reporter,
    /// How it comes in.
    pub source: Source,
    /// The key it is sent under: the same report once.
    pub key: String,
    /// The code of its category.
    pub category: String,
    /// lon/lat WGS-84.
    pub location: Option<(f64, f64)>,
    /// The cell, where no place is known.
    pub cell: Option<GridCellId>,
    /// Where, in words.
    pub place: String,
    /// What is said.
    pub what: String,
    /// How the reporter can be reached.
    pub contact: Option<String>,
    /// The device it is about.
    pub subject: Option<String>,
}

/// What came of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// What it is followed by.
    pub receipt: String,
    /// The matter it is of.
    pub matter: Matter,
    /// Whether it was received before.
    pub duplicate: bool,
    /// Whether others had said it already.
    pub merged: bool,
}

impl Matters {
    /// Takes in a report: a new matter, or one more voice for a known one.
    pub async fn collect(&self, new: NewReport, images: Vec<Bytes>) -> Result<Collected, Error> {
        let now = self.clock.now();
        let new = checked(new, self)?;
        let address = match &new.reporter {
            Reporter::Public { address } => Some(self.hashed(address)),
            _ => None,
        };
        // Whoever said too much is told so before pictures are decoded.
        self.rank(&self.db, address.as_deref(), now).await?;
        if images.len() > MOST_PICTURES {
            return Err(Error::invalid("image", format!("must be at most {MOST_PICTURES}")));
        }
        let content = content_of(&new, &images);
        let reporter = name_of(&new.reporter);
        if let Some(found) = matter_reports::by_key(&self.db, &reporter, &new.key).await? {
            return self.again(found, content).await;
        }
        let pieces = self.desk.keep(images, now).await?;

        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        if let Some(found) = matter_reports::by_key(&mut tx, &reporter, &new.key).await? {
            drop(tx);
            return self.again(found, content).await;
        }
        let rank = self.rank(&mut tx, address.as_deref(), now).await?;
        for piece in &pieces {
            evidence::note(&mut tx, piece, now).await?;
        }
        let report = Report {
            receipt: receipt()?,
            matter: String::new(),
            source: new.source,
            reporter,
            key: new.key.clone(),
            content,
            category: new.category.clone(),
            what: new.what.clone(),
            place: new.place.clone(),
            contact: new.contact.clone(),
            address,
            rank,
            judged: None,
            at: now,
            pictures: pieces.iter().map(|piece| piece.sha256).collect(),
        };
        let collected = self.enter(&mut tx, &new, report, now).await?;
        tx.commit().await?;
        metrics::counter!("yunpark_matter_reports_total", "source" => new.source.as_str()).increment(1);
        self.bell.notify_waiters();
        Ok(collected)
    }

    /// Joins a report to the matter it is of, or makes a new one, and enters that in the ledger.
    async fn enter(&self, tx: &mut Tx, new: &NewReport, mut report: Report, now: Instant) -> Result<Collected, Error> {
        let drawn = self.drawn();
        let rule = self.catalogue.categories.get(&new.category).map(|category| category.same);
        let rule = rule.ok_or_else(|| Error::invalid("category", "is not in the catalogue"))?;
        let within_deg = f64::from(rule.within_m) / DEGREE_M;
        let known: Vec<Known> =
            matters::open_near(tx, &new.category, new.subject.as_deref(), new.location, within_deg).await?;
        let same = same_matter(&known, &new.category, new.location, new.subject.as_deref(), now, rule).cloned();
        let merged = same.is_some();
        let (matter, kind) = match same {
            Some(matter) => (matter, Kind::MatterReported),
            None => (self.begin(tx, new, &drawn, now).await?, Kind::MatterCollected),
        };
        // A text of the public may name people: the ledger holds its hash, and the text can be forgotten.
        let told = json!({
            "receipt": report.receipt, "source": report.source, "content": report.content.to_string(), "rank": report.rank,
            "category": report.category,
        });
        let step = (actor_of(&new.reporter), kind, told);
        matters::save(tx, &matter, step, report.pictures.clone(), now).await?;
        report.matter.clone_from(&matter.id);
        matter_reports::add(tx, &report).await?;
        if !merged {
            self.tell_partners(tx, &drawn, &matter, "collected", now).await?;
        }
        Ok(Collected { receipt: report.receipt, matter, duplicate: false, merged })
    }

    async fn begin(&self, tx: &mut Tx, new: &NewReport, drawn: &super::Drawn, now: Instant) -> Result<Matter, Error> {
        let place = drawn.places.place(&drawn.city, new.location, new.cell.as_ref());
        let day = now.with_timezone(&drawn.city.time_zone).format("%Y%m%d");
        let prefix = format!("{}{day}-", self.config.prefix);
        let last = matters::last_number(tx, &prefix).await?;
        let said = Said {
            id: clock::new_id(),
            number: crate::domain::record::next_number(&prefix, last.as_deref()),
            category: new.category.clone(),
            source: new.source,
            cell: place.cell,
            town: place.town,
            street_class: place.street_class,
            location: new.location,
            subject: new.subject.clone(),
            at: now,
        };
        Ok(Matter::collect(said, self.rules(drawn))?)
    }

    async fn again(&self, found: Report, content: Digest) -> Result<Collected, Error> {
        if found.content != content {
            return Err(Error::KeyReused);
        }
        let listed = matters::find(&self.db, &found.matter).await?.ok_or(Error::NotFound("matter"))?;
        Ok(Collected { receipt: found.receipt, merged: listed.reports > 1, matter: listed.matter, duplicate: true })
    }

    /// The rank of one more report of an address; staff, gateways and devices are always first.
    async fn rank(
        &self,
        on: impl Into<crate::store::On<'_>>,
        address: Option<&str>,
        now: Instant,
    ) -> Result<u32, Error> {
        let Some(address) = address else { return Ok(1) };
        let (hour, day) = (now - Duration::hours(1), now - Duration::days(1));
        let heard = matter_reports::heard(on, address, hour, day).await?;
        self.config.measure.rank(heard).map_err(|slowed| {
            metrics::counter!("yunpark_matter_reports_slowed_total").increment(1);
            Error::Slowed(slowed)
        })
    }

    /// An address as nobody without the salt can turn it back.
    fn hashed(&self, address: &str) -> String {
        Digest::of(&[&self.salt[..], address.as_bytes()].concat()).to_string()[..32].to_owned()
    }
}

fn checked(mut new: NewReport, desk: &Matters) -> Result<NewReport, Error> {
    if !desk.catalogue.categories.contains_key(&new.category) {
        return Err(Error::invalid("category", "is not in the catalogue"));
    }
    if new.key.is_empty() || new.key.len() > 128 {
        return Err(Error::invalid("key", "must have 1 to 128 characters"));
    }
    new.what = text("what", &new.what, 1000)?.unwrap_or_default();
    new.place = text("place", &new.place, 200)?.unwrap_or_default();
    new.contact = match &new.contact {
        Some(contact) => text("contact", contact, 64)?,
        None => None,
    };
    let drawn = desk.drawn();
    let cell = new.cell.as_ref().filter(|cell| drawn.city.grid_cells.contains_key(*cell));
    if new.cell.is_some() && cell.is_none() {
        return Err(Error::invalid("cell", "is not in the city"));
    }
    if let Some((lon, lat)) = new.location {
        if !(lon.is_finite() && lat.is_finite() && (-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)) {
            return Err(Error::invalid("location", "must be [longitude, latitude]"));
        }
        let is_outside = matches!(new.reporter, Reporter::Public { .. } | Reporter::Gateway { .. })
            && !drawn.city.grid_cells.is_empty()
            && drawn.places.place(&drawn.city, Some((lon, lat)), None).cell.is_none();
        if is_outside {
            return Err(Error::invalid("location", "lies in no cell of this city"));
        }
    } else if new.cell.is_none() && new.subject.is_none() && new.place.is_empty() {
        return Err(Error::invalid("location", "or place must say where"));
    }
    Ok(new)
}

fn name_of(reporter: &Reporter) -> String {
    match reporter {
        Reporter::Public { .. } => "public".to_owned(),
        Reporter::Gateway { name } => format!("gateway {name}"),
        Reporter::Staff(person) => format!("staff {}", person.name),
        Reporter::System { rule } => format!("system {rule}"),
    }
}

fn actor_of(reporter: &Reporter) -> Actor {
    match reporter {
        Reporter::Public { .. } => Actor::System { rule: "citizen".to_owned() },
        Reporter::Gateway { name } => Actor::System { rule: format!("gateway {name}") },
        Reporter::Staff(person) => person.actor(),
        Reporter::System { rule } => Actor::System { rule: rule.clone() },
    }
}

fn content_of(new: &NewReport, images: &[Bytes]) -> Digest {
    let images: Vec<String> = images.iter().map(|image| Digest::of(image).to_string()).collect();
    let said = json!([new.category, new.location, new.cell, new.place, new.what, new.contact, new.subject, images]);
    Digest::of(said.to_string().as_bytes())
}

/// Twelve characters that nobody guesses: `7K3M-9QXR-2TDW`.
pub(super) fn receipt() -> Result<String, Error> {
    let bytes: [u8; 12] = clock::random_bytes().map_err(|_| Error::invalid("receipt", "cannot be made"))?;
    let chars: String = bytes.iter().map(|byte| char::from(RECEIPT[usize::from(*byte) % RECEIPT.len()])).collect();
    Ok(format!("{}-{}-{}", &chars[..4], &chars[4..8], &chars[8..]))
}
