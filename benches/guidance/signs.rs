//! The signs of the simulated town, told by the real rules of guidance.

use std::collections::{BTreeMap, VecDeque};

use chrono::Duration;
use yunpark::{
    config::{Config, Policy as Rule},
    domain::{
        approach::{BIN_S, Bin, Limits, Moved, Passed, Seen, Sighting, Turning},
        availability::Availability,
        city::City,
        demand::{Coming, Counted, Demand, Kind, counted},
        guidance::RulesChange,
        ids::{ApproachId, LotId, PanelId, SignId},
        observation::{Direction, Statement},
        sign::{GuidanceLine, Manner, Panel, Sign, Target},
        sign_link::SignLink,
        text::{Language, Localized},
        time::Instant,
    },
    guidance::{
        arrival::Ahead,
        flow::{Flows, Sent},
        panel::PanelState,
        policy::{Situation, compose, min_dwell},
    },
};
use yunpark_signs::LineState;
use yunpark_simulator::drivers::{Corner, Crowd, Day, Memory, Streets, Told, World, run};

use super::Failure;

/// Seconds of a block, as drivers drive it.
const BLOCK_S: u32 = 14;

/// The drivers of the days on which counters learn which way they turn.
const TAUGHT_BY: std::ops::Range<u64> = 900_000..900_002;

/// A way of guiding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The bare count: open while one is free.
    Raw,
    /// The count, with thresholds and hysteresis.
    Thresholds,
    /// What will be left on arrival.
    Arrival,
    /// The same, less those whom counters at the signs on the rim saw, by the share that was learned to turn in.
    Counted,
    /// What will be left on arrival, less the drivers whose app says where they go.
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
    flows: Flows,
    versions: Vec<u64>,
    last: Vec<u32>,
    shown: BTreeMap<Corner, Vec<Told>>,
    counters: Counters,
}

impl Signs {
    /// Signs that are told something new every `update_s` seconds, from counts that are `lag_s` seconds old.
    pub fn new(streets: &Streets, policy: Policy, update_s: u32, lag_s: u32) -> Result<Self, Failure> {
        let mut signs = Self::untaught(streets, policy, update_s, lag_s)?;
        if policy == Policy::Counted {
            // Other days, with other drivers, have taught which way they turn.
            let (crowd, day) = (Crowd::default(), Day::default());
            for seed in TAUGHT_BY {
                let mut memory = Memory::new(streets, day.length_s);
                run(streets, &crowd, &day, seed, &mut memory, Some(&mut |world: &World| signs.told(world)));
                let learned = std::mem::take(&mut signs.counters.learned);
                signs = Self::untaught(streets, policy, update_s, lag_s)?;
                signs.counters.learned = learned;
            }
        }
        Ok(signs)
    }

    fn untaught(streets: &Streets, policy: Policy, update_s: u32, lag_s: u32) -> Result<Self, Failure> {
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
            flows: Flows::default(),
            shown: BTreeMap::new(),
            counters: Counters::new(streets)?,
        })
    }

    /// What every sign tells of every lot now.
    pub fn told(&mut self, world: &World) -> BTreeMap<Corner, Vec<Told>> {
        self.heard.push_back(world.occupied.clone());
        let occupied = if self.heard.len() > self.lag_s as usize { self.heard.pop_front() } else { None };
        let Some(occupied) = occupied else { return self.shown.clone() };
        let now = Instant::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(world.now_s.into());
        let lots = self.availability(&occupied, now - Duration::seconds(self.lag_s.into()));
        self.flows.observe(&lots, now);
        if self.policy == Policy::Counted {
            self.counters.hear(&world.passed, &lots, now, &self.config);
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
        let under_way = |lot: &LotId, before: Instant| -> Coming {
            if !counts_demand {
                let most = settings.most_share * f64::from(lots[lot].capacity);
                return Coming { said: 0, counted: self.counters.expected(lot, now, before).min(most) };
            }
            let of_lot = said.iter().filter(|demand| demand.lot == *lot);
            let counted: Counted = counted(of_lot, now, before);
            Coming::said(counted.places(lots[lot].capacity, settings.comes, settings.most_share))
        };
        let flows = &self.flows;
        let ahead = |lot: &LotId, before: Instant| Ahead {
            forecast: None,
            rates: flows.rates(lot, now),
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
            age: &|lot| flows.age(lot, now),
            orders: &[],
        };
        let mut sent = Sent::default();
        for (corner, sign, state) in &mut self.each {
            let composed = compose(sign, &sign.panels[0], &situation, state);
            let version = u64::from(world.now_s) + 1;
            state.advance(composed.face, &composed.lost, now, min_dwell(sign, &self.config.guidance), || version);
            let Some(face) = &state.shown else { continue };
            sent.add(&self.city, &sign.panels[0], face);
            let told = face.lines.iter().map(|line| match line.state {
                LineState::Free | LineState::Few => Told::Open,
                LineState::Full => Told::Full,
                _ => Told::Nothing,
            });
            self.shown.insert(*corner, told.collect());
        }
        self.flows.send(sent);
    }

    fn demand(&self, lot: usize, arrives_at: Instant) -> Demand {
        let ends_at = arrives_at + Duration::seconds(self.config.demand.grace_s.into());
        Demand { lot: self.lots[lot].clone(), kind: Kind::Intent, arrives_at, ends_at }
    }
}

/// Counters at the signs on the rim, those of one side of the town together an approach, and what is learned from them. A car that
/// passes signs further in was counted when it came.
struct Counters {
    /// The side of each sign; none of those further in.
    sides: Vec<Option<usize>>,
    approaches: Vec<(ApproachId, f64)>,
    passed: Vec<Passed>,
    /// The way from each side to each lot, seconds.
    travel_s: BTreeMap<LotId, Vec<u32>>,
    learned: BTreeMap<LotId, Turning>,
    seen: BTreeMap<LotId, (Seen, u32, bool)>,
    since: Option<Instant>,
    words: u64,
}

impl Counters {
    fn new(streets: &Streets) -> Result<Self, Failure> {
        let last = streets.size - 1;
        let side = |at: &Corner| match at {
            Corner { x: 0, .. } => Some(0),
            Corner { x, .. } if *x == last => Some(1),
            Corner { y: 0, .. } => Some(2),
            Corner { y, .. } if *y == last => Some(3),
            _ => None,
        };
        let sides: Vec<Option<usize>> = streets.signs.iter().map(side).collect();
        let names = ["west", "east", "south", "north"];
        let approaches =
            names.iter().map(|name| Ok((ApproachId::parse(name)?, 0.0))).collect::<Result<_, Failure>>()?;
        let mean = |to: Corner, of: usize| {
            let ways = streets.signs.iter().zip(&sides).filter(|(_, side)| **side == Some(of));
            let ways: Vec<u32> = ways.map(|(at, _)| at.blocks_to(to) * BLOCK_S).collect();
            ways.iter().sum::<u32>() / u32::try_from(ways.len().max(1)).unwrap_or(1)
        };
        let travel = |lot: &yunpark_simulator::drivers::Place| -> Result<_, Failure> {
            Ok((LotId::parse(&lot.id)?, (0..names.len()).map(|of| mean(lot.at, of)).collect()))
        };
        let travel_s = streets.lots.iter().map(travel).collect::<Result<_, _>>()?;
        Ok(Self {
            sides,
            approaches,
            passed: vec![Passed::default(); names.len()],
            travel_s,
            learned: BTreeMap::new(),
            seen: BTreeMap::new(),
            since: None,
            words: 0,
        })
    }

    /// Counts who passed in this second, and learns what came of those before.
    fn hear(&mut self, passed: &[u32], lots: &BTreeMap<LotId, Availability>, now: Instant, config: &Config) {
        let limits = Limits { max_future_ms: 60_000, seq_reset_after_s: 600, max_delta: 500 };
        for (side, count) in self.sides.iter().zip(passed).filter(|(_, count)| **count > 0) {
            let Some(side) = *side else { continue };
            self.words += 1;
            let statement = Statement::Passage { direction: Direction::In, count: *count, lane: String::new() };
            let approach = self.approaches[side].0.clone();
            let (session, seq) = (None, Some(self.words));
            let sighting = Sighting { approach, statement, observed_at: now, received_at: now, session, seq };
            self.passed[side].hear(&sighting, limits);
        }
        for (id, lot) in lots {
            let (seen, came, teaches) = self.seen.entry(id.clone()).or_insert_with(|| (Seen::new(lot), 0, true));
            match seen.look(lot) {
                Moved::Came(more) => *came += more,
                Moved::Corrected => *teaches = false,
                Moved::Nothing | Moved::Left(_) => {}
            }
            *teaches &= lot.free > 1;
        }
        let since = *self.since.get_or_insert(now);
        if now - since < Duration::seconds(BIN_S) {
            return;
        }
        self.since = Some(now);
        let memory = config.demand.turn_memory_days * 86_400.0 / BIN_S as f64;
        for (id, (_, came, teaches)) in &mut self.seen {
            let (came, teaches) = (std::mem::take(came), std::mem::replace(teaches, true));
            if teaches {
                let due = self.passed.iter().zip(&self.travel_s[id]);
                let due: Vec<f64> = due.map(|(passed, travel_s)| passed.arriving(*travel_s, since, now)).collect();
                let turning = self.learned.entry(id.clone()).or_default();
                let bin = Bin { due: &due, came: f64::from(came) };
                turning.learn(&self.approaches, bin, memory, config.demand.most_turn);
            }
        }
    }

    /// How many are on their way to a lot and there before an instant.
    fn expected(&self, lot: &LotId, now: Instant, before: Instant) -> f64 {
        let Some(turning) = self.learned.get(lot) else { return 0.0 };
        let each = self.approaches.iter().zip(&self.passed).zip(&self.travel_s[lot]);
        let expected = each.map(|(((approach, _), passed), travel_s)| {
            turning.share(approach).unwrap_or(0.0) * passed.arriving(*travel_s, now, before)
        });
        expected.sum()
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
