//! The signs of a node: guidance and the drivers, and the leases by which several nodes share them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use yunpark_signs::mqtt_json::ACK_FILTER;

use crate::{
    availability::{Board, Engine},
    clock::Clock,
    config::{Config, Role},
    demand::{DemandDesk, Roads},
    display::{Fleet, Record, Tenancy, Tenures},
    domain::{city::City, demand::Coming, ids::LotId, lease::Terms},
    forecast::{Arrival, Forecaster},
    guidance::{Guide, arrival::Expected},
    lifecycle::{Lifecycle, Stage},
    mqtt::{Link, LinkState},
    signboard::SignBoard,
    store::Db,
};

/// Acknowledgements of signs held for the fleet.
const SIGN_ACKS: usize = 1024;

/// What lets several nodes share the signs: leases in Redis, and the record of what each node knows. `None` without Redis, where a
/// node is alone, and for a node that drives none.
pub(super) fn share(
    lifecycle: &mut Lifecycle,
    config: &Arc<Config>,
    (engine, db, clock): (&Engine, &Db, &Clock),
    city: &watch::Receiver<Arc<City>>,
    (signs, board): (&Arc<SignBoard>, &Arc<Board>),
) -> Option<Arc<Tenancy>> {
    let book = engine.leases()?;
    let name = config.mqtt.client_id.clone();
    // Nothing is this node's before it holds a lease.
    signs.drive(std::collections::BTreeMap::new());
    let tenancy = config.node.roles.contains(&Role::Guidance).then(|| Arc::new(Tenancy::new(book.clone())));
    let rest = lifecycle.token(Stage::Rest);
    if let Some(tenancy) = &tenancy {
        let terms = Terms::of(Duration::from_secs(config.display.lease_s.into()));
        let seen = (signs.clone(), board.clone());
        let tenures = Tenures::new((book, tenancy.clone()), terms, name.clone(), city.clone(), seen);
        lifecycle.start("sign-leases", Stage::Rest, tenures.run(rest.clone()));
    }
    let record = Record::new(db.clone(), clock.clone(), signs.clone(), tenancy.clone(), name);
    lifecycle.start("sign-record", Stage::Rest, record.run(rest));
    tenancy
}

/// Guidance, the connection signs are told over, and one driver a sign.
pub(super) fn drive(
    lifecycle: &mut Lifecycle,
    config: &Arc<Config>,
    clock: &Clock,
    city: &watch::Receiver<Arc<City>>,
    (board, signs, forecaster): (&Arc<Board>, &Arc<SignBoard>, &Arc<Forecaster>),
    (demand, roads): (&Arc<DemandDesk>, &Arc<Roads>),
    tenancy: Option<Arc<Tenancy>>,
) -> anyhow::Result<watch::Receiver<LinkState>> {
    let rest = lifecycle.token(Stage::Rest);
    let (deliver, acks) = mpsc::channel(SIGN_ACKS);
    let (link, publisher, state) = Link::new(&config.mqtt, &[ACK_FILTER], deliver)?;
    lifecycle.start("mqtt-signs", Stage::Rest, link.run(rest.clone()));
    let publish = Arc::new(move |topic: &str, payload: Bytes| {
        publisher.publish_retained(topic, payload).map_err(|error| error.to_string())
    });
    let fleet = Fleet::new(config.display.clone(), clock.clone(), city.clone(), signs.clone(), publish, acks);
    let fleet = match tenancy {
        Some(tenancy) => fleet.under(tenancy),
        None => fleet,
    };
    lifecycle.start("signs", Stage::Rest, fleet.run(rest.clone()));
    let forecast = {
        let forecaster = forecaster.clone();
        Arc::new(move |lot: &LotId, at| match forecaster.at(lot, at)? {
            Arrival::Expected { forecast, .. } => Some(Expected { free: forecast.free, chance: forecast.chance }),
            Arrival::Closed => Some(Expected { free: 0, chance: 0.0 }),
        })
    };
    let under_way = {
        let (demand, roads) = (demand.clone(), roads.clone());
        Arc::new(move |lot: &LotId, before| Coming {
            said: demand.places(lot, before),
            counted: roads.expected(lot, before),
        })
    };
    let guide =
        Guide::new(config.clone(), clock.clone(), city.clone(), board.clone(), signs.clone(), forecast, under_way);
    lifecycle.start("guidance", Stage::Rest, guide.run(rest));
    Ok(state)
}
