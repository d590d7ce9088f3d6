//! What the handlers share: the node's parts, joined in `app`.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::feeds::limits::Limiter;
use crate::{
    availability::{Board, Engine},
    clock::Clock,
    config::Config,
    demand::{DemandDesk, Roads},
    domain::city::City,
    enforcement::Desk,
    feeds::{Press, sources::Sources, webhooks::Post},
    forecast::Forecaster,
    guidance::OrderDesk,
    keeper::Bell,
    live::Hub,
    matters::Matters,
    sensor_health::Ward,
    settings::SettingsDesk,
    signboard::SignBoard,
    staff::StaffDesk,
    store::{Db, past::Past},
};

/// Says whether a dependency is well and, if there is something to tell, how it is; or what is wrong with it.
pub type HealthCheck = Box<dyn Fn() -> Result<Option<String>, String> + Send + Sync>;

/// The node's parts as the handlers see them.
pub struct Services {
    /// The configuration.
    pub config: Arc<Config>,
    /// The clock.
    pub clock: Clock,
    /// The city in force.
    pub city: watch::Receiver<Arc<City>>,
    /// The database.
    pub db: Db,
    /// Where histories are read.
    pub past: Past,
    /// Where availability is computed.
    pub engine: Engine,
    /// The newest availability of every lot.
    pub board: Arc<Board>,
    /// Keeps what the engine knows; told of operators' actions.
    pub kept: Bell,
    /// Fan-out to live sessions.
    pub hub: Arc<Hub>,
    /// Writes the open data.
    pub press: Arc<Press>,
    /// Other operators' feeds, and how they are.
    pub sources: Arc<Sources>,
    /// Tells subscribers.
    pub post: Arc<Post>,
    /// What signs should show, and show.
    pub signs: Arc<SignBoard>,
    /// What people have signs show.
    pub orders: Arc<OrderDesk>,
    /// Free places on arrival.
    pub forecaster: Arc<Forecaster>,
    /// Drivers under way.
    pub demand: Arc<DemandDesk>,
    /// Who passed upstream of lots.
    pub roads: Arc<Roads>,
    /// Captures, incidents, records.
    pub desk: Arc<Desk>,
    /// City management.
    pub matters: Arc<Matters>,
    /// How often one address may knock at the public's doors.
    pub doorman: Limiter,
    /// How the sensors are.
    pub ward: Arc<Ward>,
    /// What is set at run time.
    pub settings: Arc<SettingsDesk>,
    /// Accounts and sessions.
    pub staff: Arc<StaffDesk>,
    /// The connections of this node's roles, each with its check.
    pub health: Vec<(&'static str, HealthCheck)>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Cancelled when the doors close.
    pub stop: CancellationToken,
}

/// The parts, shared by all handlers.
pub type Shared = Arc<Services>;
