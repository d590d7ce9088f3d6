//! The signs of the simulated town, told by the real rules of guidance.

use std::collections::{BTreeMap, VecDeque};

use chrono::Duration;
use yunpark::{
    config::{Config, Policy as Rule},
    domain::{
        availability::Availability,
        city::City,
        demand::{Counted, Demand, Kind, counted},
        guidance::RulesChange,
        ids::{LotId, PanelId, SignId},
        sign::{GuidanceLine, Manner, Panel, Sign, Target},
        sign_link::SignLink,
        text::{Language, Localized},
        time::Instant,
    },
    guidance::{
        arrival::Ahead,
        flow::{Flow, Rates},
        panel::PanelState,
        policy::{Situation, compose, min_dwell},
    },
};
use yunpark_signs::LineState;
use yunpark_simulator::drivers::{Corner, Streets, Told, World};

use super::Failure;

/// Seconds of a block, as drivers drive it.
const BLOCK_S: u32 = 14;

/// A way of guiding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The bare count: open while one is free.
    Raw,
    /// The count, with thresholds and hysteresis.
    Thresholds,
    /// What will be left on arrival.
    Arrival,
    /// The same, less the drivers whose app says where they go.
    UnderWay,
}

/// All signs of the town and what they show.
pub struct Signs {
    policy: Policy,
    config: Config,
    city: City,
    each: Vec<(Corner, Sign, PanelState)>,
    lots: Vec<LotId>,
    capacities: Vec<u32>,
    update_s: u32,
    lag_s: u32,
    heard: VecDeque<Vec<u32>>,
    flows: BTreeMap<LotId, Flow>,
    versions: Vec<u64>,
    last: Vec<u32>,
    shown: BTreeMap<Corner, Vec<Told>>,
}

impl Signs {
    /// Signs that are told something new every `update_s` seconds, from counts that are `lag_s` seconds old.
    pub fn new(streets: &Streets, policy: Policy, update_s: u32, lag_s: u32) -> Result<Self, Failure> {
        let mut config = Config::load(None)?;
        config.guidance.policy = if policy == Policy::Thresholds { Rule::Thresholds } else { Rule::Arrival };
        let city = city(streets)?;
        let lots: Vec<LotId> = streets.lots.iter().map(|lot| LotId::parse(&lot.id)).collect::<Result<_, _>>()?;
        let mut signs = Vec::new();
        for (index, corner) in streets.signs.iter().enumerate() {
            let line = |(lot, place): (&LotId, &yunpark_simulator::drivers::Place)| GuidanceLine {
                target: Target::Lot(lot.clone()),
                label: None,
                arrow: None,
                travel_time_s: corner.blocks_to(place.at) * BLOCK_S,
            };
            let lines = lots.iter().zip(&streets.lots).map(line).collect();
            let panel =
                Panel { id: PanelId::parse("P")?, width_px: 160, height_px: 256, lines, rules: RulesChange::default() };
            let sign = Sign {
                id: SignId::parse(&format!("G{index}"))?,
                name: Localized::default(),
                location: geo::Coord { x: 119.5, y: 28.1 },
                heading_deg: 0.0,
                language: Language::Zh,
                panels: vec![panel],
                link: SignLink::MqttJson,
                manner: Manner { min_interval_ms: Some(update_s * 1000), ..Manner::default() },
            };
            signs.push((*corner, sign, PanelState::default()));
        }
        let capacities: Vec<u32> = streets.lots.iter().map(|lot| lot.capacity).collect();
        Ok(Self {
            policy,
            config,
            city,
            each: signs,
            versions: vec![1; lots.len()],
            last: vec![0; lots.len()],
            lots,
            capacities,
            update_s,
            lag_s,
            heard: VecDeque::new(),
            flows: BTreeMap::new(),
            shown: BTreeMap::new(),
        })
    }

    /// What every sign tells of every lot now.
    pub fn told(&mut self, world: &World) -> BTreeMap<Corner, Vec<Told>> {
        self.heard.push_back(world.occupied.clone());
        let occupied = if self.heard.len() > self.lag_s as usize { self.heard.pop_front() } else { None };
        let Some(occupied) = occupied else { return self.shown.clone() };
        let now = Instant::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(world.now_s.into());
        let lots = self.availability(&occupied, now - Duration::seconds(self.lag_s.into()));
        for (id, lot) in &lots {
            self.flows.entry(id.clone()).or_insert_with(|| Flow::new(lot, now)).observe(lot, now);
        }
        if world.now_s.is_multiple_of(self.update_s) {
            self.compose(world, &lots, now);
        }
        self.shown.clone()
    }

    fn availability(&mut self, occupied: &[u32], observed_at: Instant) -> BTreeMap<LotId, Availability> {
        let mut lots = BTreeMap::new();
        for (index, id) in self.lots.iter().enumerate() {
            if self.last[index] != occupied[index] {
                self.versions[index] += 1;
                self.last[index] = occupied[index];
            }
            let capacity = self.capacities[index];
            let lot = Availability {
                free: capacity - occupied[index],
                occupied: occupied[index],
                unknown: 0,
                observed_at: Some(observed_at),
                version: self.versions[index],
                ..Availability::unheard(id.clone(), capacity)
            };
            lots.insert(id.clone(), lot);
        }
        lots
    }

    fn compose(&mut self, world: &World, lots: &BTreeMap<LotId, Availability>, now: Instant) {
        if self.policy == Policy::Raw {
            let told: Vec<Told> =
                self.lots.iter().map(|lot| if lots[lot].free > 0 { Told::Open } else { Told::Full }).collect();
            self.shown = self.each.iter().map(|(corner, ..)| (*corner, told.clone())).collect();
            return;
        }
        let start = now - Duration::seconds(world.now_s.into());
        let said: Vec<Demand> =
            world.said.iter().map(|(lot, at_s)| self.demand(*lot, start + Duration::seconds((*at_s).into()))).collect();
        let counts_demand = self.policy == Policy::UnderWay;
        let settings = &self.config.demand;
        let under_way = |lot: &LotId, before: Instant| -> u32 {
            if !counts_demand {
                return 0;
            }
            let of_lot = said.iter().filter(|demand| demand.lot == *lot);
            let counted: Counted = counted(of_lot, now, before);
            counted.places(lots[lot].capacity, settings.comes, settings.most_share)
        };
        let flows = &self.flows;
        let ahead = |lot: &LotId, before: Instant| Ahead {
            forecast: None,
            rates: flows.get(lot).map_or_else(Rates::default, |flow| flow.rates(now)),
            under_way: under_way(lot, before),
        };
        let situation = Situation {
            city: &self.city,
            lots,
            now,
            rules: &self.config.guidance,
            stale_after: Duration::seconds(self.config.availability.stale_after_s.into()),
            answer: Duration::milliseconds(self.config.display.timeout_ms as i64),
            is_open: &|_| true,
            ahead: &ahead,
            orders: &[],
        };
        for (corner, sign, state) in &mut self.each {
            let composed = compose(sign, &sign.panels[0], &situation, state);
            let version = u64::from(world.now_s) + 1;
            state.advance(composed.face, &composed.lost, now, min_dwell(sign, &self.config.guidance), || version);
            let Some(face) = &state.shown else { continue };
            let told = face.lines.iter().map(|line| match line.state {
                LineState::Free | LineState::Few => Told::Open,
                LineState::Full => Told::Full,
                _ => Told::Nothing,
            });
            self.shown.insert(*corner, told.collect());
        }
    }

    fn demand(&self, lot: usize, arrives_at: Instant) -> Demand {
        let ends_at = arrives_at + Duration::seconds(self.config.demand.grace_s.into());
        Demand { lot: self.lots[lot].clone(), kind: Kind::Intent, arrives_at, ends_at }
    }
}

/// A city file with the lots of the streets.
fn city(streets: &Streets) -> Result<City, Failure> {
    let lot = |place: &yunpark_simulator::drivers::Place| {
        serde_json::json!({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [
                119.5 + f64::from(place.at.x) * 0.001, 28.1 + f64::from(place.at.y) * 0.001
            ]},
            "properties": {
                "kind": "lot", "id": place.id, "name": place.id, "lot_kind": "garage", "capacity": place.capacity,
                "vehicle_class": "motor", "counted_by": "counters"
            }
        })
    };
    let file = serde_json::json!({
        "type": "FeatureCollection",
        "yunpark": {"version": 1, "name": "Centre", "time_zone": "Asia/Shanghai", "fictional": true},
        "groups": [], "sensors": [],
        "features": streets.lots.iter().map(lot).collect::<Vec<_>>()
    });
    yunpark::domain::city::read(&file.to_string(), &|_| true).map_err(|faults| format!("{faults:?}").into())
}
