//! The city in force, as every room sees it: read from the store at the start, and again when an import has changed it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use yunpark_sensors::Decoder;

use crate::{
    config::Rules,
    domain::city::{City, Document, Fault, read_documents},
    store::{self, Db, city},
};

/// A running node asks this often whether another city was imported.
const EVERY: Duration = Duration::from_secs(2);

/// Why the stored city cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What is stored no longer reads; an import by this version mends it.
    #[error("the stored city no longer reads ({count} faults, the first: {first}); import the city file again")]
    Faults {
        /// How many faults.
        count: usize,
        /// The first of them.
        first: String,
    },
}

/// Whether this version can decode a device of `vendor/model`.
pub fn known_codec(name: &str) -> bool {
    name.parse::<Decoder>().is_ok()
}

/// Follows the stored city.
pub struct CityFeed {
    db: Db,
    revision: Option<u64>,
    /// The city as its file says it.
    imported: City,
    rules: Option<watch::Receiver<Arc<Rules>>>,
    tell: watch::Sender<Arc<City>>,
}

impl CityFeed {
    /// The stored city, or an empty one before the first import, and the feed that follows it.
    pub async fn load(db: Db) -> Result<(Self, watch::Receiver<Arc<City>>), Error> {
        Self::begin(db, None).await
    }

    /// The same, where rules set at run time say how long vehicles may stand in a class of streets.
    pub async fn load_under(
        db: Db,
        rules: watch::Receiver<Arc<Rules>>,
    ) -> Result<(Self, watch::Receiver<Arc<City>>), Error> {
        Self::begin(db, Some(rules)).await
    }

    async fn begin(
        db: Db,
        rules: Option<watch::Receiver<Arc<Rules>>>,
    ) -> Result<(Self, watch::Receiver<Arc<City>>), Error> {
        let (revision, imported) = match stored(&db).await? {
            Some((revision, city)) => (Some(revision), city),
            None => (None, City::default()),
        };
        let told = rules.as_ref().map_or_else(|| imported.clone(), |rules| under(&imported, &rules.borrow()));
        let (tell, watched) = watch::channel(Arc::new(told));
        Ok((Self { db, revision, imported, rules, tell }, watched))
    }

    /// Looks for another revision until `stop`. A city that no longer reads is told once; the last good one stays.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            let ruled = changed(&mut self.rules);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
                () = ruled => {
                    self.tell_if_ruled_otherwise();
                    continue;
                }
            }
            match city::revision(&self.db).await {
                Ok(revision) if revision == self.revision => {}
                Ok(revision) => self.renew(revision).await,
                Err(error) => tracing::warn!(error = %error, "the store does not say which city is in force"),
            }
        }
    }

    /// The imported city under the rules in force.
    fn ruled(&self) -> City {
        self.rules.as_ref().map_or_else(|| self.imported.clone(), |rules| under(&self.imported, &rules.borrow()))
    }

    /// Rules change more often than what they say of zones.
    fn tell_if_ruled_otherwise(&self) {
        let city = self.ruled();
        let differs = city.zones != self.tell.borrow().zones;
        if differs {
            tracing::info!("another stay is allowed in some zones");
            self.tell.send_replace(Arc::new(city));
        }
    }

    async fn renew(&mut self, revision: Option<u64>) {
        match stored(&self.db).await {
            Ok(Some((revision, city))) => {
                tracing::info!(city.revision = revision, lots = city.lots.len(), "another city is in force");
                self.revision = Some(revision);
                self.imported = city;
                self.tell.send_replace(Arc::new(self.ruled()));
            }
            Ok(None) => {}
            Err(Error::Store(error)) => tracing::warn!(error = %error, "the new city cannot be loaded yet"),
            Err(error @ Error::Faults { .. }) => {
                self.revision = revision;
                tracing::error!(error = %error, "the last good city stays in force");
            }
        }
    }
}

/// Waits until rules change; for good where there are none.
async fn changed(rules: &mut Option<watch::Receiver<Arc<Rules>>>) {
    if let Some(rules) = rules
        && rules.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// A city whose zones allow what the rules of their streets' class say.
fn under(city: &City, rules: &Rules) -> City {
    let mut city = city.clone();
    for zone in city.zones.values_mut() {
        zone.dwell_s = rules.of_class(zone.street_class).dwell_s.unwrap_or(zone.dwell_s);
    }
    city
}

/// The city as it is stored; `None` before the first import.
pub async fn stored(db: &Db) -> Result<Option<(u64, City)>, Error> {
    let mut tx = db.begin_read().await?;
    let loaded = city::load(&mut tx).await?;
    tx.commit().await?;
    let Some((revision, features)) = loaded else { return Ok(None) };
    let documents: Vec<Document> = features
        .into_iter()
        .map(|feature| Document { kind: feature.kind, id: feature.id, json: feature.doc })
        .collect();
    let mut city = read_documents(&documents, &known_codec).map_err(|faults| Error::Faults {
        count: faults.len(),
        first: faults.first().map(Fault::to_string).unwrap_or_default(),
    })?;
    city.revision = revision;
    Ok(Some((revision, city)))
}
