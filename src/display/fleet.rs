//! Keeps one driver task per sign of the city: started, stopped and restarted as the city and the tasks change.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use yunpark_signs::mqtt_json::sign_of_ack;

use super::{
    Publish,
    driver::{Context, drive},
    http_pull::{HttpPull, PATIENCE},
    modbus::{Bus, Modbus, Place},
    mqtt_json::MqttJson,
    ntcip::{Access, Hold, Ntcip},
    onbon::Onbon,
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
    task: AbortHandle,
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
    /// Lines that several Modbus units hang on.
    buses: BTreeMap<(Endpoint, Framing), Bus>,
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
        let (tasks, drivers) = (JoinSet::new(), BTreeMap::new());
        Self { config, clock, city, board, publish, acks, tasks, drivers, buses: BTreeMap::new() }
    }

    /// Drives the signs until `stop`, and leaves them as they are: a node that is started again soon finds them showing what
    /// is still true. A sign that is left to itself goes dark by its own timer, never later than the first of its numbers
    /// reaches its limit.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        let (mut acks_open, mut city_open) = (true, true);
        loop {
            self.reconcile();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = self.city.changed(), if city_open => city_open = changed.is_ok(),
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                    let (task, panicked) = match ended {
                        Ok((task, ())) => (task, false),
                        Err(error) => (error.id(), error.is_panic()),
                    };
                    self.bury(task, panicked, &stop).await;
                }
                ack = self.acks.recv(), if acks_open => match ack {
                    Some((topic, payload)) => self.hand_on(&topic, payload),
                    None => acks_open = false,
                },
            }
        }
        self.tasks.shutdown().await;
        Ok(())
    }

    /// Stops the tasks of signs that are gone or others now, and starts those of new ones.
    fn reconcile(&mut self) {
        let city = self.city.borrow_and_update().clone();
        self.drivers.retain(|id, driver| {
            let stays = city.signs.get(id) == Some(&driver.sign);
            if !stays {
                driver.task.abort();
            }
            stays
        });
        for (id, sign) in &city.signs {
            if !self.drivers.contains_key(id) {
                let driver = self.start(sign.clone());
                self.drivers.insert(id.clone(), driver);
            }
        }
    }

    fn start(&mut self, sign: Sign) -> Driver {
        let context = Context {
            sign: sign.clone(),
            config: self.config.clone(),
            clock: self.clock.clone(),
            board: self.board.clone(),
        };
        let timeout = Duration::from_millis(self.config.timeout_ms);
        let dead_man_s = self.config.dead_man_s;
        let (task, acks) = match &sign.link {
            SignLink::Ntcip1203 { address, community, version } => {
                let hold = Hold::new(self.clock.clone(), dead_man_s, timeout);
                let access = Access { community: community.clone(), version: version.clone() };
                let ntcip = Ntcip::new(&sign, address, access, timeout, hold);
                (self.tasks.spawn(drive(context, ntcip)), None)
            }
            SignLink::Onbon { address, run_mode } => {
                let onbon = Onbon::new(&sign, address, *run_mode, self.clock.clone(), dead_man_s, timeout);
                (self.tasks.spawn(drive(context, onbon)), None)
            }
            SignLink::Xunpeng { line, no_data } => {
                let xunpeng = Xunpeng::new(line.clone(), *no_data, timeout);
                (self.tasks.spawn(drive(context, xunpeng)), None)
            }
            SignLink::Modbus { line, framing, unit, registers } => {
                let bus = self.buses.entry((line.clone(), *framing)).or_default().clone();
                let place = Place { endpoint: line.clone(), framing: *framing, unit: *unit };
                let registers = registers.clone();
                let modbus = Modbus::new(&sign, bus, place, registers, self.clock.clone(), dead_man_s, timeout);
                (self.tasks.spawn(drive(context, modbus)), None)
            }
            SignLink::HttpPull => {
                let shown = self.board.follow_shown(&sign.id);
                let desired = self.board.follow(&sign.id);
                let screen = HttpPull { shown, desired, clock: self.clock.clone(), patience: PATIENCE };
                (self.tasks.spawn(drive(context, screen)), None)
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
                };
                (self.tasks.spawn(drive(context, mqtt)), Some(sender))
            }
        };
        Driver { sign, task, acks }
    }

    /// Takes note of a task that ended; the next reconciliation starts it again.
    async fn bury(&mut self, task: tokio::task::Id, panicked: bool, stop: &CancellationToken) {
        let dead = self.drivers.iter().find(|(_, driver)| driver.task.id() == task).map(|(id, _)| id.clone());
        // A task that was stopped because its sign left is no longer among the drivers.
        let Some(id) = dead else { return };
        self.drivers.remove(&id);
        metrics::counter!("yunpark_sign_driver_deaths_total").increment(1);
        tracing::error!(sign.id = %id, driver.panicked = panicked, "a sign's driver died; it is started again");
        self.board.unconfirm(&id);
        let detail = Some("its driver died and is started again".to_owned());
        self.board.report(&id, HealthState::Failing, detail, self.clock.now());
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RESTART) => {}
        }
    }

    fn hand_on(&self, topic: &str, payload: Bytes) {
        let driver = sign_of_ack(topic).and_then(|sign| self.drivers.get(sign)).and_then(|driver| driver.acks.as_ref());
        if driver.is_none_or(|acks| acks.try_send(payload).is_err()) {
            metrics::counter!("yunpark_sign_acks_dropped_total").increment(1);
        }
    }
}
