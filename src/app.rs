//! The only place where the parts are joined: builds them from the configuration and starts them by name.

mod signs;

use std::{
    convert::Infallible,
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use yunpark_sensors::Decoder;

use crate::{
    api::{self, Services, Shared, door::Door},
    availability::{Board, Engine, Limits, LotLayout, Upkeep},
    broker,
    cityfeed::CityFeed,
    clock::Clock,
    config::{Config, MqttVersion, Role, Rules},
    demand::{DemandDesk, Roads},
    domain::{
        availability::Quality,
        city::{City, SensorBinding},
        matter::Source,
        sensor_health::{Illness, Severity},
    },
    enforcement::{self, Desk},
    feeds::{
        Press, Spots,
        sources::{Sources, fetch::Fetcher, mapping::Mapping},
        webhooks::Post,
    },
    forecast::{Forecaster, Recorder},
    guidance::{OrderDesk, OrderFeed},
    history,
    ingest::{self, EventBook},
    keeper::{Keeper, Resets},
    lifecycle::{Death, Lifecycle, Stage},
    live::Hub,
    matters::{Ailing, Health, Matters},
    mqtt::Link,
    sensor_health::{GATEWAY_FILTER, Gatekeeper, Ward},
    settings::SettingsDesk,
    signboard::{HealthState, SignBoard},
    staff::StaffDesk,
    store::{Db, evidence::Evidence, past::Past},
    telemetry::Trails,
};

/// Scheduled corrections that are held until they are entered in the ledger.
const RESETS: usize = 1024;
/// What gateways say that is held until it is kept.
const GATEWAY_WORDS: usize = 1024;

/// A node whose parts are joined and started.
pub struct App {
    /// Where the HTTP door listens.
    pub http: SocketAddr,
    /// Where the embedded broker listens, if there is one.
    pub broker: Option<SocketAddr>,
    lifecycle: Lifecycle,
    grace: Duration,
}

impl App {
    /// Builds and starts the parts of this node's roles. Every component that runs has a name.
    pub async fn start(mut config: Config, clock: Clock, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let broker = if config.mqtt.url.is_empty() && needs_broker(&config) {
            let address = broker::start(&config.mqtt.embedded_listen)?;
            config.mqtt.url = format!("mqtt://{address}");
            // The embedded broker speaks this version.
            config.mqtt.protocol = MqttVersion::V311;
            Some(address)
        } else {
            None
        };
        let grace = Duration::from_secs(config.node.stop_grace_s);
        let config = Arc::new(config);
        let has = |role: Role| config.node.roles.contains(&role);
        let mut lifecycle = Lifecycle::default();
        let (doors, rest) = (lifecycle.token(Stage::Door), lifecycle.token(Stage::Rest));

        let db = Db::connect(&config.store).await.context("the database cannot be opened")?;
        db.migrate().await.context("the database cannot be brought up to date")?;
        let evidence = Evidence::at(&config.store.evidence_dir)?;

        let configured = Rules::of(&config.enforcement);
        let (settings, rules) = SettingsDesk::open(db.clone(), clock.clone(), configured).await?;
        let settings = Arc::new(settings);
        lifecycle.start("settings", Stage::Rest, settings.clone().follow(rest.clone()));

        let (feed, city) = CityFeed::load_under(db.clone(), rules.clone()).await?;
        lifecycle.start("city", Stage::Rest, feed.run(rest.clone()));

        let engine = engine(&config).await.context("availability cannot be computed")?;
        engine
            .configure(&layouts(&city.borrow(), &config), clock.now())
            .await
            .context("the city cannot be declared")?;
        // What reads messages and guides signs sees a new city only once the engine counts it, so that no observation of a
        // new lot is acknowledged and lost.
        let (declared, counted_city) = watch::channel(city.borrow().clone());
        let declaring = declare(engine.clone(), city.clone(), declared, config.clone(), clock.clone(), rest.clone());
        lifecycle.start("layouts", Stage::Rest, declaring);
        let (told, resets) = mpsc::channel(RESETS);
        lifecycle.start("resets", Stage::Rest, Resets::new(db.clone(), resets).run(rest.clone()));
        let upkeep = Upkeep::new(engine.clone(), counted_city.clone(), clock.clone()).telling(told);
        lifecycle.start("upkeep", Stage::Rest, upkeep.run(rest.clone()));
        let board = Arc::new(Board::new(engine.clone()));
        lifecycle.start("board", Stage::Rest, board.clone().run(rest.clone()));

        let every = Duration::from_secs(config.availability.keep_every_s.max(1).into());
        let keeper = Keeper::new(engine.clone(), db.clone(), board.clone(), clock.clone(), every);
        keeper.begin().await.context("availability cannot be given back what the store keeps")?;
        let kept = keeper.bell();
        lifecycle.start("keeper", Stage::Rest, keeper.run(rest.clone()));

        let stale_after_s = config.availability.stale_after_s;
        let forecaster = Forecaster::new(
            board.clone(),
            city.clone(),
            clock.clone(),
            stale_after_s,
            config.forecast.clone(),
            rules.clone(),
        );
        let forecaster = Arc::new(forecaster);
        let keep_every = Duration::from_secs(config.forecast.keep_every_s.into());
        let recorder = Recorder::new(db.clone(), forecaster.clone(), keep_every);
        lifecycle.start("forecast", Stage::Rest, recorder.run(rest.clone()));

        let mover = history::Mover::new(db.clone(), board.clone(), engine.clone(), clock.clone(), &config.history);
        lifecycle.start("transitions", Stage::Rest, mover.run(rest.clone()));
        let (forgotten, whole_months) = (history::kept(&config), config.history.whole_months);
        let keeper = history::Keeper::new(db.clone(), clock.clone(), forgotten, whole_months);
        let months = keeper.word();
        lifecycle.start("history", Stage::Rest, keeper.run(rest.clone()));

        let ward = Ward::open(
            db.clone(),
            clock.clone(),
            city.clone(),
            config.mqtt.client_id.clone(),
            &config.sensors,
            heartbeat_of,
        );
        let ward = Arc::new(ward.await.context("the sensors' health cannot be read")?);
        lifecycle.start("sensors", Stage::Rest, ward.clone().run(rest.clone()));

        let demand = Arc::new(DemandDesk::new(db.clone(), clock.clone(), city.clone(), config.demand.clone()));
        lifecycle.start("demand", Stage::Rest, demand.clone().run(rest.clone()));
        let roads = Roads::open(db.clone(), clock.clone(), counted_city.clone(), board.clone(), &config);
        let roads = Arc::new(roads.await.context("the roads to lots cannot be read")?);
        lifecycle.start("roads", Stage::Rest, roads.clone().run(rest.clone()));

        let signs = Arc::new(SignBoard::following(Trails::new(&config.telemetry)));
        let mut health: Vec<(&'static str, api::HealthCheck)> = Vec::new();
        if let Db::Postgres { .. } = db {
            health.push(("history", Box::new(move || Ok(months.told()))));
        }
        let tenancy = signs::share(&mut lifecycle, &config, (&engine, &db, &clock), &counted_city, (&signs, &board));
        if has(Role::Guidance) || engine.leases().is_some() {
            let orders = OrderFeed::new(db.clone(), clock.clone(), signs.clone());
            lifecycle.start("orders", Stage::Rest, orders.run(rest.clone()));
        }
        if has(Role::Guidance) {
            let (looks, coming) = ((&board, &signs, &forecaster), (&demand, &roads));
            let link = signs::drive(&mut lifecycle, &config, &clock, &counted_city, looks, coming, tenancy.clone())?;
            if let Some(tenancy) = tenancy {
                health.push(("sign_leases", Box::new(move || tenancy.told())));
            }
            let check: api::HealthCheck = Box::new(move || {
                let link = link.borrow();
                let fault = || link.fault.clone().unwrap_or_else(|| "connecting".to_owned());
                if link.connected { Ok(None) } else { Err(fault()) }
            });
            health.push(("mqtt_signs", check));
        }
        if has(Role::Ingest) {
            let ingest =
                ingest::open(&config.mqtt, counted_city.clone(), engine.clone(), Some(db.clone()), clock.clone())?;
            let streams = ingest.alert_streams(&config.ingest)?;
            let (store_events, max_future_ms) = (config.ingest.store_events, config.availability.max_future_ms);
            let book = EventBook::new(db.clone(), ward.clone(), store_events, max_future_ms);
            hear_gateways(&mut lifecycle, &config, &clock, &ward)?;
            lifecycle.start("mqtt", Stage::Door, ingest.door.run(doors.clone()));
            lifecycle.start(
                "ingest",
                Stage::Door,
                ingest
                    .pipeline
                    .keeping(book)
                    .counting(roads.clone())
                    .following(signs.trails().clone())
                    .run(doors.clone()),
            );
            lifecycle.start("alert-streams", Stage::Door, streams.run(doors.clone()));
            lifecycle.start("dead-letters", Stage::Door, ingest.letters.run(doors.clone()));
            let (state, lag, clock) = (ingest.health, ingest.lag, clock.clone());
            let check: api::HealthCheck = Box::new(move || {
                let state = state.borrow();
                let fault = || state.fault.clone().unwrap_or_else(|| "connecting".to_owned());
                if state.is_ok() { Ok(Some(lag.told(clock.now()))) } else { Err(fault()) }
            });
            health.push(("mqtt", check));
        }

        let desk = Desk::new(
            db.clone(),
            evidence,
            city.clone(),
            clock.clone(),
            config.enforcement.clone(),
            free_now(&board, &city, &clock, config.availability.stale_after_s, &ward),
        );
        let desk = Arc::new(desk.under(rules));
        if has(Role::Enforcement) {
            let (desk, rest) = (desk.clone(), rest.clone());
            if needs_broker(&config) {
                let ear = enforcement::Ear::new(&config.mqtt, desk.clone())?;
                lifecycle.start("captures", Stage::Door, ear.run(doors.clone()));
            }
            let key = enforcement::heads::key_of(Path::new(&config.enforcement.signing_key))?;
            let folder = PathBuf::from(&config.enforcement.heads_dir);
            let signer = enforcement::heads::Signer::new(db.clone(), clock.clone(), city.clone(), key, folder);
            lifecycle.start("heads", Stage::Rest, signer.run(rest.clone()));
            lifecycle.start("incidents", Stage::Rest, async move { desk.run(rest).await });
        }
        let fetcher = Fetcher::new(config.feeds.allow_private_addresses);
        let matters = Arc::new(Matters::new(
            (db.clone(), desk.clone()),
            city.clone(),
            clock.clone(),
            config.matters.clone(),
            devices_health(&city, &ward, &signs, (&desk, &clock, config.matters.camera_silent_h)),
            fetcher.clone(),
        ));
        if has(Role::Enforcement) {
            lifecycle.start("matters", Stage::Rest, matters.clone().run(rest.clone()));
            lifecycle.start("partners", Stage::Rest, matters.clone().run_links(rest.clone()));
        }
        let spots = Arc::new(Spots::default());
        if has(Role::Web) {
            let what = (board.clone(), engine.clone(), db.clone());
            lifecycle.start("spots", Stage::Rest, spots.clone().follow(what, city.clone(), rest.clone()));
        }
        let seen = (board.clone(), city.clone());
        let press = Arc::new(Press::new(seen, spots, signs.clone(), clock.clone(), config.clone()));
        check_columns(&config)?;
        let kept_in = (engine.clone(), db.clone());
        let asked = config.feeds.sources.clone();
        let sources = Arc::new(Sources::new(asked, fetcher.clone(), kept_in, counted_city.clone(), clock.clone()));
        if has(Role::Ingest) {
            lifecycle.start("sources", Stage::Rest, sources.clone().run(rest.clone()));
        }
        let told = (press.clone(), signs.clone(), sources.clone());
        let subscribers = config.feeds.subscribers.clone();
        let post = Arc::new(Post::new(subscribers, told, (db.clone(), fetcher), clock.clone()));
        if has(Role::Web) {
            lifecycle.start("post", Stage::Rest, post.clone().run(rest.clone()));
        }
        let staff = Arc::new(StaffDesk::new(db.clone(), clock.clone(), config.session.clone()));
        let orders = Arc::new(OrderDesk::new(db.clone(), clock.clone(), city.clone()));
        let services: Shared = Arc::new(Services {
            hub: Arc::new(Hub::new(config.http.max_live_sessions)),
            city,
            past: Past::open(db.clone(), &config.store)?,
            db,
            engine,
            board,
            kept,
            press,
            sources,
            post,
            signs,
            orders,
            forecaster,
            demand,
            roads,
            desk,
            settings,
            matters,
            doorman: api::doorman(),
            staff,
            ward,
            health,
            metrics,
            clock,
            config: config.clone(),
            stop: doors.clone(),
        });
        lifecycle.start("live", Stage::Rest, api::live::pump(services.clone(), rest));
        let door = Door::open(&config.http).await?;
        let http = door.address()?;
        lifecycle.start("http", Stage::Door, async move {
            door.serve(api::router(services), doors.cancelled_owned(), grace / 2).await;
            Ok::<_, Infallible>(())
        });
        Ok(Self { http, broker, lifecycle, grace })
    }

    /// The lifecycle, so that the demonstration can add its own components.
    pub fn lifecycle(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }

    /// Runs until `stop` resolves, or a component dies.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), Death> {
        self.lifecycle.run(stop, self.grace).await
    }
}

/// A mapping that names a field there is not would be passed over in silence.
fn check_columns(config: &Config) -> Result<(), crate::config::Error> {
    for (name, source) in &config.feeds.sources {
        if let Some(field) = Mapping::unknown(&source.columns) {
            return Err(crate::config::Error {
                key: format!("feeds.sources.{name}.columns"),
                source_name: "configuration".to_owned(),
                reason: format!("there is no field {field:?}"),
            });
        }
    }
    Ok(())
}

/// Whether a role of this node speaks MQTT.
fn needs_broker(config: &Config) -> bool {
    config.node.roles.iter().any(|role| matches!(role, Role::Ingest | Role::Guidance))
}

/// The engine the configuration names.
pub(crate) async fn engine(config: &Config) -> Result<Engine, crate::availability::Error> {
    let availability = &config.availability;
    if availability.redis_url.is_empty() {
        let journal = (!availability.journal.is_empty()).then(|| PathBuf::from(&availability.journal));
        Engine::memory(journal, Limits::of(availability))
    } else {
        Engine::redis(availability).await
    }
}

/// The city as the engine is told it.
pub(crate) fn layouts(city: &City, config: &Config) -> Vec<LotLayout> {
    LotLayout::of_city(city, &config.availability, &|codec| codec.parse::<Decoder>().ok()?.heartbeat_s())
}

/// Declares the city to the engine anew whenever it changes, and passes it on when that is done.
async fn declare(
    engine: Engine,
    mut city: watch::Receiver<Arc<City>>,
    declared: watch::Sender<Arc<City>>,
    config: Arc<Config>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<(), crate::availability::Error> {
    // What was declared at the start counts as seen.
    city.mark_unchanged();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            changed = city.changed() => if changed.is_err() {
                stop.cancelled().await;
                return Ok(());
            },
        }
        let next = city.borrow_and_update().clone();
        let layouts = layouts(&next, &config);
        while let Err(error) = engine.configure(&layouts, clock.now()).await {
            tracing::warn!(error = %error, "the new city cannot be declared yet; trying again");
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
        declared.send_replace(next);
    }
}

/// How often a sensor says something at least, seconds.
fn heartbeat_of(city: &City, sensor: &SensorBinding) -> Option<u32> {
    let declared = || city.codecs.get(sensor.codec.as_str())?.heartbeat_s;
    let known = || sensor.codec.parse::<Decoder>().ok()?.heartbeat_s();
    sensor.heartbeat_s.or_else(declared).or_else(known)
}

/// The connection on which gateways say that they are there.
fn hear_gateways(
    lifecycle: &mut Lifecycle,
    config: &Config,
    clock: &Clock,
    ward: &Arc<Ward>,
) -> Result<(), crate::mqtt::Error> {
    let rest = lifecycle.token(Stage::Rest);
    let (deliver, said) = mpsc::channel(GATEWAY_WORDS);
    let (link, _, _) = Link::named("gateways", &config.mqtt, &[GATEWAY_FILTER], deliver)?;
    lifecycle.start("mqtt-gateways", Stage::Rest, link.run(rest.clone()));
    let keeper = Gatekeeper::new(ward.clone(), clock.clone(), said);
    lifecycle.start("gateways", Stage::Rest, keeper.run(rest));
    Ok(())
}

/// Free places of a lot that can be believed now, for notices and the review desk.
fn free_now(
    board: &Arc<Board>,
    city: &watch::Receiver<Arc<City>>,
    clock: &Clock,
    stale_after_s: u32,
    ward: &Arc<Ward>,
) -> enforcement::FreeNow {
    let (board, city, clock, ward) = (board.clone(), city.clone(), clock.clone(), ward.clone());
    Arc::new(move |lot| {
        let state = board.snapshot();
        let counts = state.lots.get(lot)?;
        let own_limit = city.borrow().lots.get(lot)?.stale_after_s;
        let limit = chrono::Duration::seconds(own_limit.unwrap_or(stale_after_s).into());
        if counts.quality(clock.now(), limit) != Quality::Live {
            return None;
        }
        // No decision rests on a sensor that is silent, stuck or still learning: its place counts as taken.
        Some(counts.free.saturating_sub(ward.doubtful_places(lot)?))
    })
}

/// How all devices are: sensors by what they say, gateways by their last will, cameras by when they last sent something, signs by
/// their drivers.
fn devices_health(
    city: &watch::Receiver<Arc<City>>,
    ward: &Arc<Ward>,
    signs: &Arc<SignBoard>,
    (desk, clock, camera_silent_h): (&Arc<Desk>, &Clock, u32),
) -> crate::matters::HealthOf {
    let (city, ward, signs) = (city.clone(), ward.clone(), signs.clone());
    let (desk, clock) = (desk.clone(), clock.clone());
    Arc::new(move || {
        let city = city.borrow().clone();
        let mut health = Health::default();
        let mut note = |subject: String, ailing: Option<Ailing>| match ailing {
            Some(ailing) => health.ill.push(ailing),
            None => drop(health.well.insert(subject)),
        };
        for state in ward.sensors(None) {
            let subject = format!("sensor:{}", state.binding.id);
            let lot = state.binding.lot.as_ref().and_then(|lot| city.lots.get(lot));
            let approach = state.binding.approach.as_ref().and_then(|approach| city.approaches.get(approach));
            let location = lot.map(|lot| lot.location).or(approach.map(|approach| approach.location));
            let name = lot.map(|lot| &lot.name).or(approach.map(|approach| &approach.name));
            let what: Vec<&str> = state.illnesses.iter().map(|illness| illness.as_str()).collect();
            // One behind a gateway that is away is the gateway's matter; one that was never heard is not in use yet.
            if state.illnesses.iter().any(|one| matches!(one, Illness::GatewayDown | Illness::Unheard)) {
                continue;
            }
            let is_ill = state.severity() == Severity::Ill;
            let ailing = is_ill.then(|| Ailing {
                subject: subject.clone(),
                category: "C0202",
                source: Source::Sensor,
                since: None,
                location: location.map(|location| (location.x, location.y)),
                what: what.join(", "),
                place: name.map(|name| name.zh.clone()).unwrap_or_default(),
            });
            note(subject, ailing);
        }
        for gateway in ward.gateways() {
            let subject = format!("gateway:{}", gateway.id);
            let ailing = (!gateway.is_online).then(|| Ailing {
                subject: subject.clone(),
                category: "C0205",
                source: Source::Sensor,
                since: None,
                location: None,
                what: "offline".to_owned(),
                place: gateway.id.clone(),
            });
            note(subject, ailing);
        }
        let silent_before = clock.now() - chrono::Duration::hours(camera_silent_h.into());
        for camera in desk.cameras() {
            // One that was never heard by this node says nothing of itself.
            let Some(last_at) = camera.tally.last_at else { continue };
            let subject = format!("camera:{}", camera.id);
            let known = city.cameras.get(&camera.id);
            let ailing = (last_at < silent_before).then(|| Ailing {
                subject: subject.clone(),
                category: "C0204",
                source: Source::Camera,
                since: Some(last_at),
                location: known.map(|camera| (camera.location.x, camera.location.y)),
                what: "silent".to_owned(),
                place: camera.name.zh.clone(),
            });
            note(subject, ailing);
        }
        for sign in city.signs.values() {
            let subject = format!("sign:{}", sign.id);
            let Some(found) = signs.status(&sign.id).health else { continue };
            let ailing = match found.state {
                HealthState::Ok => None,
                HealthState::Unknown => continue,
                HealthState::Failing | HealthState::Unreachable => Some(Ailing {
                    subject: subject.clone(),
                    category: "C0203",
                    source: Source::Sign,
                    since: Some(found.since),
                    location: Some((sign.location.x, sign.location.y)),
                    what: found.detail.unwrap_or_default(),
                    place: sign.name.zh.clone(),
                }),
            };
            note(subject, ailing);
        }
        health
    })
}
