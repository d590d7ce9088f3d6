//! Follows what other nodes set: looks every other second whether there are more rows.

use std::{convert::Infallible, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::SettingsDesk;
use crate::store::settings::revision;

/// A running node asks this often whether something was set.
const EVERY: Duration = Duration::from_secs(2);

impl SettingsDesk {
    /// Looks until `stop`. While the database is away, what held last holds on.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) -> Result<(), Infallible> {
        let mut known = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            match revision(&self.db).await {
                Ok(now) if known == Some(now) => {}
                Ok(now) => match self.renew().await {
                    Ok(()) => known = Some(now),
                    Err(error) => tracing::warn!(error = %error, "what was set cannot be read yet"),
                },
                Err(error) => tracing::warn!(error = %error, "the store does not say what was set"),
            }
        }
    }
}
