//! Taking an incident to look at, so that two people do not look at one; and decisions about several at once.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Desk, Error, Person, reviewing::Review};
use crate::{
    domain::{incident, time::Instant},
    store::{Tx, claims, incidents},
};

/// Most decisions in one go.
const MAX_REVIEWS: usize = 100;

/// Who has taken an incident, until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// The person.
    pub person: String,
    /// Until when nobody else decides.
    pub until: Instant,
}

/// A decision about one of several incidents.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct ReviewOf {
    /// The incident.
    pub incident: String,
    /// The decision.
    #[serde(flatten)]
    pub review: Review,
}

impl Desk {
    /// Takes an incident for a while; taken again by the same person, the while begins anew.
    pub async fn claim(&self, id: &str, person: &Person) -> Result<Claim, Error> {
        let now = self.clock.now();
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let incident = incidents::find(&mut tx, id).await?.ok_or(Error::NotFound("incident"))?;
        if incident.state.is_settled() {
            return Err(incident::Refused::AlreadyReviewed.into());
        }
        self.check_claim(&mut tx, &incident.id, person, now).await?;
        let until = now + chrono::Duration::seconds(self.config.claim_s.into());
        claims::take(&mut tx, &incident.id, &person.name, until).await?;
        tx.commit().await?;
        Ok(Claim { person: person.name.clone(), until })
    }

    /// Gives an incident back; whether this person had it.
    pub async fn release_claim(&self, id: &str, person: &Person) -> Result<bool, Error> {
        let mut tx = self.db.begin_write().await?;
        let Some(incident) = incidents::find(&mut tx, id).await? else { return Ok(false) };
        let released = claims::release(&mut tx, &incident.id, &person.name).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// Refuses where somebody else has the incident.
    pub(super) async fn check_claim(&self, tx: &mut Tx, id: &str, person: &Person, now: Instant) -> Result<(), Error> {
        match claims::of(tx, id, now).await? {
            Some((name, until)) if name != person.name => {
                Err(Error::Claimed { minutes: ((until - now).num_seconds().max(0) as u32).div_ceil(60) })
            }
            _ => Ok(()),
        }
    }

    /// Decides about several incidents: each by itself, so that one that is refused spoils no other.
    pub async fn review_many(
        &self,
        reviews: Vec<ReviewOf>,
        person: &Person,
    ) -> Result<Vec<(String, Result<Option<String>, Error>)>, Error> {
        if reviews.is_empty() || reviews.len() > MAX_REVIEWS {
            return Err(Error::invalid("reviews", format!("must be 1 to {MAX_REVIEWS}")));
        }
        let mut answers = Vec::with_capacity(reviews.len());
        for ReviewOf { incident, review } in reviews {
            let came = match self.review(&incident, review, person).await {
                Ok((_, record)) => Ok(record.map(|record| record.number)),
                Err(Error::Store(error)) if error.is_unavailable() => return Err(error.into()),
                Err(error) => Err(error),
            };
            answers.push((incident, came));
        }
        Ok(answers)
    }
}
