//! The SNMP agent of an emulated NTCIP 1203 sign, for SNMP versions 1, 2c and 3.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use async_snmp::{
    Agent, AuthProtocol, AuthoritativeEngine, BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, Oid,
    PreparedSet, PrivProtocol, RequestContext, SetCommitResult, SetTestError, SetTestResult, SetUndoResult, Value,
    VarBind,
};
use tokio_util::sync::CancellationToken;
use yunpark_signs::ntcip::{multi, oid};

use super::{
    controller::{Cell, Controller, Refusal},
    faults::{Faults, Switches},
    parts::Parts,
};

/// Longer than anybody waits for an answer.
const UNHEARD: Duration = Duration::from_secs(15);

/// An emulated sign.
#[derive(Debug, Clone)]
pub struct NtcipSign {
    /// Where its SNMP agent listens (UDP); port 0 takes a free one.
    pub listen: SocketAddr,
    /// The community it answers to.
    pub community: String,
    /// Width of the whole sign, pixels.
    pub width: u32,
    /// Height of the whole sign, pixels.
    pub height: u32,
    /// How long it takes a minute to be.
    pub minute: Duration,
    /// Name and passwords (SHA-256, AES-128) of a user of SNMP version 3.
    pub user: Option<[String; 3]>,
}

impl NtcipSign {
    /// A sign of common size that answers to `public`.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            community: "public".to_owned(),
            width: 320,
            height: 96,
            minute: Duration::from_secs(60),
            user: None,
        }
    }
}

/// A running sign: what it shows, and the ways it can go wrong.
#[derive(Debug, Clone)]
pub struct Handle {
    address: SocketAddr,
    controller: Shared,
    faults: Faults,
}

impl Handle {
    /// Where its agent listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The plain lines of each of its rectangles, from left to right; empty when dark.
    pub fn shown(&self) -> Vec<Vec<String>> {
        let rectangles = multi::read(&self.multi()).unwrap_or_default();
        rectangles.into_iter().map(|rectangle| rectangle.lines).collect()
    }

    /// The MULTI text on its face.
    pub fn multi(&self) -> String {
        self.controller.lock().shown()
    }

    /// The level of brightness it was set to, of ten; `None` while its photocell decides.
    pub fn brightness(&self) -> Option<i32> {
        self.controller.lock().brightness()
    }

    /// Switches it off and on.
    pub fn restart(&self) {
        self.controller.lock().restart();
    }

    /// Sets the bits of `shortErrorStatus`.
    pub fn set_faults(&self, bits: i32) {
        self.controller.lock().faults = bits;
    }

    /// Sets how its parts are.
    pub fn set_parts(&self, parts: Parts) {
        self.controller.lock().parts = parts;
    }

    /// Throws its switches: what they say of answers holds for its agent, the rest for its controller.
    pub fn set_switches(&self, switches: Switches) {
        let mut controller = self.controller.lock();
        controller.local = switches.local;
        controller.lies = switches.lies;
        controller.corrupts = switches.wrong_crc;
        drop(controller);
        self.faults.set(switches);
    }

    /// Switches it off and on, and lets it take its time to start.
    pub fn reboot(&self, takes: Duration) {
        self.restart();
        self.faults.silence(takes);
    }

    /// Lets its memory fail: each message written from now on is stored with one wrong octet.
    pub fn set_corrupting(&self, corrupts: bool) {
        self.controller.lock().corrupts = corrupts;
    }
}

#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<Controller>>);

impl Shared {
    /// The controller at the present moment.
    fn lock(&self) -> MutexGuard<'_, Controller> {
        let mut controller = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        controller.settle(Instant::now());
        controller
    }
}

/// Starts a sign that runs until `stop`.
pub async fn run_ntcip(sign: NtcipSign, stop: CancellationToken) -> anyhow::Result<Handle> {
    let controller = Shared(Arc::new(Mutex::new(Controller::new(sign.width, sign.height, sign.minute))));
    let faults = Faults::default();
    let mut agent = Agent::builder();
    if let Some([name, auth, privacy]) = &sign.user {
        // A sign that forgets how often it was started is as good as new each time.
        let engine = AuthoritativeEngine::install(format!("yunpark-sign-{name}").into_bytes(), |_| {
            Ok::<(), std::convert::Infallible>(())
        })?;
        agent = agent.authoritative_engine(engine).usm_user(bytes_of(name), |user| {
            user.auth_priv(AuthProtocol::Sha256, auth.as_bytes(), PrivProtocol::Aes128, privacy.as_bytes())
        })?;
    }
    let agent = agent
        .bind(sign.listen.to_string())
        .community(bytes_of(&sign.community))
        .handler(
            Oid::from_slice(oid::ROOT),
            Arc::new(Mib { controller: controller.clone(), faults: faults.clone(), objects: Controller::objects() }),
        )
        .allow_all_access()
        .cancellation_token(stop)
        .build()
        .await
        .with_context(|| format!("the sign cannot listen on {}", sign.listen))?;
    let address = agent.local_addr();
    tokio::spawn(async move {
        if let Err(error) = agent.run().await {
            tracing::error!(sign.address = %address, error = %error, "the emulated sign died");
        }
    });
    Ok(Handle { address, controller, faults })
}

fn bytes_of(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// The sign's objects.
struct Mib {
    controller: Shared,
    faults: Faults,
    objects: Vec<Vec<u32>>,
}

impl Mib {
    /// The controller, as soon as the sign answers; `None`, after its asker has given up, for a request it did not hear.
    async fn heard(&self) -> Option<MutexGuard<'_, Controller>> {
        if !self.faults.answers().await {
            tokio::time::sleep(UNHEARD).await;
            return None;
        }
        let mut controller = self.controller.lock();
        controller.hear(Instant::now());
        Some(controller)
    }
}

fn value_of(cell: Cell) -> Value {
    match cell {
        Cell::Number(number) => Value::Integer(number),
        Cell::Octets(octets) => Value::OctetString(octets.into()),
    }
}

fn cell_of(value: &Value) -> Option<Cell> {
    match value {
        Value::Integer(number) => Some(Cell::Number(*number)),
        Value::OctetString(octets) => Some(Cell::Octets(octets.to_vec())),
        _ => None,
    }
}

impl MibHandler for Mib {
    fn get<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetResult>> {
        Box::pin(async move {
            let cell = self.heard().await.and_then(|controller| controller.get(oid.arcs(), Instant::now()));
            Ok(cell.map_or(GetResult::NoSuchObject, |cell| GetResult::Value(value_of(cell))))
        })
    }

    fn get_next<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        Box::pin(async move {
            let Some(controller) = self.heard().await else { return Ok(GetNextResult::EndOfMibView) };
            let after = self.objects.partition_point(|object| object.as_slice() <= oid.arcs());
            let next = self.objects[after..].iter().find_map(|object| {
                let cell = controller.get(object, Instant::now())?;
                Some(GetNextResult::Value(VarBind::new(Oid::from_slice(object), value_of(cell))))
            });
            Ok(next.unwrap_or(GetNextResult::EndOfMibView))
        })
    }

    fn test_set<'a>(&'a self, _: &'a RequestContext, oid: &'a Oid, value: &'a Value) -> BoxFuture<'a, SetTestResult> {
        Box::pin(async move {
            let checked = match cell_of(value) {
                Some(cell) => match self.heard().await {
                    Some(mut controller) => controller.check(oid.arcs(), &cell).map(|()| cell),
                    None => Err(Refusal::General),
                },
                None => Err(Refusal::WrongType),
            };
            let controller = self.controller.clone();
            match checked {
                Ok(cell) => Ok(Box::new(Prepared { controller, cell, before: None }) as Box<dyn PreparedSet>),
                Err(Refusal::NotWritable) => Err(SetTestError::NotWritable),
                Err(Refusal::WrongType) => Err(SetTestError::WrongType),
                Err(Refusal::General) => Err(SetTestError::GeneralFailure),
            }
        })
    }
}

/// A value that was checked and waits to be taken.
struct Prepared {
    controller: Shared,
    cell: Cell,
    before: Option<Controller>,
}

impl PreparedSet for Prepared {
    fn commit<'a>(&'a mut self, _: &'a RequestContext, oid: &'a Oid, _: &'a Value) -> BoxFuture<'a, SetCommitResult> {
        let mut controller = self.controller.lock();
        self.before = Some(controller.clone());
        controller.apply(oid.arcs(), &self.cell, Instant::now());
        drop(controller);
        Box::pin(async { Ok(()) })
    }

    fn undo<'a>(&'a mut self, _: &'a RequestContext, _: &'a Oid, _: &'a Value) -> BoxFuture<'a, SetUndoResult> {
        if let Some(before) = self.before.take() {
            *self.controller.lock() = before;
        }
        Box::pin(async { Ok(()) })
    }
}
