//! Keeps one driver task per sign of the city: started, stopped and restarted as the city and the tasks change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use yunpark_signs::mqtt_json::sign_of_ack;

use super::{
    Publish,
    driver::{Context, drive, parting},
    fence::Fence,
    http_pull::{HttpPull, PATIENCE},
    modbus::{Bus, Line, Modbus, Place},
    mqtt_json::MqttJson,
    ntcip::{Access, Hold, Ntcip},
    onbon::Onbon,
    tenure::Tenancy,
    xunpeng::Xunpeng,
};
use crate::{
    clock::Clock,
    config,
    domain::{
        city::City,
        ids::SignId,
        sign::{Sign, SignLink},
        sign_link::{Endpoint, Framing},
    },
    signboard::{HealthState, SignBoard},
};

/// Acknowledgements of one sign that may wait for its driver.
const ACKS_KEPT: usize = 64;
/// A driver that died is started again after this long.
const RESTART: Duration = Duration::from_secs(1);

/// One sign's task.
struct Driver {
    sign: Sign,
    /// The lease it drives under; `None` where this node is alone.
    token: Option<u64>,
    task: AbortHandle,
    /// Tells it to let its sign go; it ends by itself then.
    let_go: CancellationToken,
    acks: Option<mpsc::Sender<Bytes>>,
}

/// All signs of the city.
pub struct Fleet {
    config: config::Display,
    clock: Clock,
    city: watch::Receiver<Arc<City>>,
    board: Arc<SignBoard>,
    publish: Publish,
    acks: mpsc::Receiver<(String, Bytes)>,
    tasks: JoinSet<()>,
    drivers: BTreeMap<SignId, Driver>,
    /// Signs whose driver died, and when it is started again.
    resting: BTreeMap<SignId, Instant>,
    /// Lines that several Modbus units hang on; each is closed when the last of its units is let go.
    buses: BTreeMap<(Endpoint, Framing), Weak<Line>>,
    /// Says which signs are this node's; all are where it is alone.
    tenancy: Option<Arc<Tenancy>>,
}

impl Fleet {
    /// A fleet that drives nothing yet. `acks` brings topic and payload of what comes on
    /// [`yunpark_signs::mqtt_json::ACK_FILTER`].
    pub fn new(
        config: config::Display,
        clock: Clock,
        city: watch::Receiver<Arc<City>>,
        board: Arc<SignBoard>,
        publish: Publish,
        acks: mpsc::Receiver<(String, Bytes)>,
    ) -> Self {
        let (tasks, drivers, resting) = (JoinSet::new(), BTreeMap::new(), BTreeMap::new());
        Self {
            config,
            clock,
            city,
            board,
            publish,
            acks,
            tasks,
            drivers,
            resting,
            buses: BTreeMap::new(),
            tenancy: None,
        }
    }

    /// Drives only the signs whose leases this node holds.
    #[must_use]
    pub fn under(mut self, tenancy: Arc<Tenancy>) -> Self {
        self.tenancy = Some(tenancy);
        self
    }

    /// Drives the signs until `stop`, and leaves those that have a timer as they are: a node that is started again soon finds
    /// them showing what is still true. A sign that is left to itself goes dark by its own timer, never later than the first
    /// of its numbers reaches its limit; one without a timer is told to.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        let (mut acks_open, mut city_open) = (true, true);
        let mut held = self.tenancy.as_ref().map(|tenancy| tenancy.follow());
        loop {
            self.reconcile();
            let next = self.resting.values().min().copied();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.city.changed(), if city_open => city_open = changed.is_ok(),
                () = moved(&mut held) => {}
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    let (task, panicked) = match ended {
                        Ok((task, ())) => (task, false),
                        Err(error) => (error.id(), error.is_panic()),
                    };
                    self.bury(task, panicked);
                }
                () = rest_until(next), if next.is_some() => {}
                ack = self.acks.recv(), if acks_open => match ack {
                    Some((topic, payload)) => self.hand_on(&topic, payload),
                    None => acks_open = false,
                },
            }
        }
        self.drivers.values().for_each(|driver| driver.let_go.cancel());
        let patience = parting(&self.config) + Duration::from_secs(1);
        let ended = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                let task = ended.map_or_else(|error| error.id(), |(task, ())| task);
                let driver = self.drivers.iter().find(|(_, driver)| driver.task.id() == task);
                // Whoever waits for the sign need not wait for the others.
                if let (Some((sign, _)), Some(tenancy)) = (driver, &self.tenancy) {
                    tenancy.finish(sign);
                }
            }
        };
        if tokio::time::timeout(patience, ended).await.is_err() {
            tracing::warn!("signs that do not answer were let go as they are");
        }
        self.tasks.shutdown().await;
        if let Some(tenancy) = &self.tenancy {
            self.drivers.keys().for_each(|sign| tenancy.finish(sign));
        }
        Ok(())
    }

    /// Lets go of signs that are gone or others now, and starts the tasks of new ones, each once the one before has ended:
    /// two never speak to one sign.
    fn reconcile(&mut self) {
        let city = self.city.borrow_and_update().clone();
        for (id, driver) in &self.drivers {
            let is_held = self.tenancy.as_ref().is_none_or(|tenancy| tenancy.token(id) == driver.token);
            if city.signs.get(id) != Some(&driver.sign) || !is_held {
                driver.let_go.cancel();
            }
        }
        let now = Instant::now();
        self.resting.retain(|id, until| *until > now && city.signs.contains_key(id));
        self.buses.retain(|_, line| line.strong_count() > 0);
        for (id, sign) in &city.signs {
            if self.drivers.contains_key(id) || self.resting.contains_key(id) {
                continue;
            }
            let fence = self.tenancy.as_ref().map_or_else(|| Some(Fence::alone()), |tenancy| tenancy.begin(id));
            if let Some(fence) = fence {
                let driver = self.start(sign.clone(), fence);
                self.drivers.insert(id.clone(), driver);
            }
        }
    }

    fn start(&mut self, sign: Sign, fence: Fence) -> Driver {
        let token = fence.token();
        let context = Context {
            sign: sign.clone(),
            config: self.config.clone(),
            clock: self.clock.clone(),
            board: self.board.clone(),
            fence: fence.clone(),
        };
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let dead_man_s = self.config.dead_man_s;
        let let_go = CancellationToken::new();
        let (task, acks) = match &sign.link {
            SignLink::Ntcip1203 { address, community, version } => {
                let hold = Hold::new(self.clock.clone(), dead_man_s, timeout);
                let access = Access { community: community.clone(), version: version.clone() };
                let ntcip = Ntcip::new(&sign, address, access, timeout, hold, fence);
                (self.tasks.spawn(drive(context, ntcip, let_go.clone())), None)
            }
            SignLink::Onbon { address, run_mode } => {
                let onbon = Onbon::new(&sign, address, *run_mode, self.clock.clone(), dead_man_s, (timeout, fence));
                (self.tasks.spawn(drive(context, onbon, let_go.clone())), None)
            }
            SignLink::Xunpeng { line, no_data } => {
                let xunpeng = Xunpeng::new(line.clone(), *no_data, timeout, fence);
                (self.tasks.spawn(drive(context, xunpeng, let_go.clone())), None)
            }
            SignLink::Modbus { line, framing, unit, registers } => {
                let bus = self.bus(line, *framing);
                let place = Place { endpoint: line.clone(), framing: *framing, unit: *unit };
                let registers = registers.clone();
                let modbus =
                    Modbus::new(&sign, bus, place, registers, self.clock.clone(), dead_man_s, (timeout, fence));
                (self.tasks.spawn(drive(context, modbus, let_go.clone())), None)
            }
            SignLink::HttpPull { .. } => {
                let shown = self.board.follow_shown(&sign.id);
                let desired = self.board.follow(&sign.id);
                let screen = HttpPull { shown, desired, clock: self.clock.clone(), patience: PATIENCE };
                (self.tasks.spawn(drive(context, screen, let_go.clone())), None)
            }
            SignLink::MqttJson => {
                let (sender, acks) = mpsc::channel(ACKS_KEPT);
                let mqtt = MqttJson {
                    sign: sign.id.clone(),
                    publish: self.publish.clone(),
                    acks,
                    clock: self.clock.clone(),
                    dead_man: Duration::from_secs(u64::from(self.config.dead_man_s)),
                    timeout,
                    fence,
                };
                (self.tasks.spawn(drive(context, mqtt, let_go.clone())), Some(sender))
            }
        };
        Driver { sign, token, task, let_go, acks }
    }

    /// The line several units may share, open or not.
    fn bus(&mut self, endpoint: &Endpoint, framing: Framing) -> Bus {
        let known = self.buses.entry((endpoint.clone(), framing)).or_default();
        known.upgrade().unwrap_or_else(|| {
            let line = Bus::default();
            *known = Arc::downgrade(&line);
            line
        })
    }

    /// Takes note of a task that ended. One that was to end makes room for the sign's next; one that died is started again
    /// after a rest, which keeps no other sign waiting.
    fn bury(&mut self, task: tokio::task::Id, panicked: bool) {
        let ended = self.drivers.iter().find(|(_, driver)| driver.task.id() == task).map(|(id, _)| id.clone());
        let Some((id, driver)) = ended.and_then(|id| self.drivers.remove_entry(&id)) else { return };
        if let Some(tenancy) = &self.tenancy {
            tenancy.finish(&id);
        }
        if driver.let_go.is_cancelled() && !panicked {
            // What it last knew is not known of the sign's next address or panels.
            let is_ours = self.tenancy.as_ref().is_none_or(|tenancy| tenancy.token(&id).is_some());
            if is_ours && self.city.borrow().signs.contains_key(&id) {
                self.board.unconfirm(&id);
            }
            return;
        }
        metrics::counter!("yunpark_sign_driver_deaths_total").increment(1);
        tracing::error!(sign.id = %id, driver.panicked = panicked, "a sign's driver died; it is started again");
        self.board.unconfirm(&id);
        let detail = Some("its driver died and is started again".to_owned());
        self.board.report(&id, HealthState::Failing, detail, self.clock.now());
        self.resting.insert(id, Instant::now() + RESTART);
    }

    fn hand_on(&self, topic: &str, payload: Bytes) {
        let sign = sign_of_ack(topic);
        if let (Some(sign), Some(tenancy)) = (sign.and_then(|sign| SignId::parse(sign).ok()), &self.tenancy)
            && tenancy.token(&sign).is_none()
        {
            // Another node waits for it.
            return;
        }
        let driver = sign.and_then(|sign| self.drivers.get(sign)).and_then(|driver| driver.acks.as_ref());
        if driver.is_none_or(|acks| acks.try_send(payload).is_err()) {
            metrics::counter!("yunpark_sign_acks_dropped_total").increment(1);
        }
    }
}

/// Waits until what is held moves; for ever where a node is alone.
async fn moved(held: &mut Option<watch::Receiver<u64>>) {
    let is_told = match held {
        Some(held) => held.changed().await.is_ok(),
        None => false,
    };
    if !is_told {
        std::future::pending::<()>().await;
    }
}

/// Waits until a moment; for ever without one.
async fn rest_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
