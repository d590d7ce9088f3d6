//! Counts the statements that the database's library calls slow: it tells of them in the log alone.

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

/// What the library logs under.
const STATEMENTS: &str = "sqlx::query";

/// Counts slow statements.
pub(super) struct Slow;

impl<S: Subscriber> Layer<S> for Slow {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if metadata.target() == STATEMENTS && *metadata.level() == Level::WARN {
            metrics::counter!("yunpark_sql_slow_total").increment(1);
        }
    }
}
