//! What an engine must know of a lot and its spaces, and how the city file tells it.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{
    config,
    domain::{
        city::City,
        ids::{LotId, SpaceId},
        lot::{CountedBy, Lot, SpaceUse, VehicleClass},
    },
};

/// A sensor silent for this many tenths of its heartbeat is stale, and dead after the second.
const STALE_TENTHS: u32 = 25;
const DEAD_TENTHS: u32 = 100;

/// What the engine must know of a lot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotLayout {
    /// The lot.
    pub lot: LotId,
    /// Number of places; taken as the number of spaces if it is less.
    pub capacity: u32,
    /// Which reports are its truth.
    pub counted_by: CountedBy,
    /// Whether the reports that are not its truth are kept beside it.
    #[serde(default)]
    pub mixed: bool,
    /// Spaces that report their own state.
    pub spaces: Vec<SpaceLayout>,
    /// Places of each special use as stated; never less than the spaces of that use.
    #[serde(default)]
    pub uses: BTreeMap<SpaceUse, u32>,
}

/// What the engine must know of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceLayout {
    /// The space.
    pub id: SpaceId,
    /// Which vehicles it is for.
    #[serde(default)]
    pub vehicle_class: VehicleClass,
    /// Its special uses.
    #[serde(default)]
    pub uses: Vec<SpaceUse>,
    /// It counts as unknown when its sensor was silent for longer, seconds; `None` means never.
    #[serde(default)]
    pub stale_after_s: Option<u32>,
    /// Its last word is forgotten when its sensor was silent for longer, seconds; `None` means never.
    #[serde(default)]
    pub dead_after_s: Option<u32>,
}

impl SpaceLayout {
    /// A space for motor vehicles, without a special use or a limit to its silence.
    pub fn plain(id: SpaceId) -> Self {
        Self { id, vehicle_class: VehicleClass::Motor, uses: Vec::new(), stale_after_s: None, dead_after_s: None }
    }
}

impl LotLayout {
    /// The layout of a lot of the city file, without limits to the silence of its spaces.
    pub fn of(lot: &Lot) -> Self {
        let space = |space: &crate::domain::lot::Space| SpaceLayout {
            vehicle_class: space.vehicle_class.unwrap_or(lot.vehicle_class),
            uses: space.uses.clone(),
            ..SpaceLayout::plain(space.id.clone())
        };
        Self {
            lot: lot.id.clone(),
            capacity: lot.capacity,
            counted_by: lot.counted_by,
            mixed: lot.mixed,
            spaces: lot.spaces.iter().map(space).collect(),
            uses: lot.uses.clone(),
        }
    }

    /// The layouts of a whole city. A space's limits come from its sensor's heartbeat, by the city file or else by
    /// `heartbeat_of` its codec (seconds), or else from the configuration.
    pub fn of_city(
        city: &City,
        config: &config::Availability,
        heartbeat_of: &dyn Fn(&str) -> Option<u32>,
    ) -> Vec<Self> {
        let mut heartbeats = HashMap::new();
        let declared = |codec: &str| city.codecs.get(codec).and_then(|codec| codec.heartbeat_s);
        for sensor in city.sensors.values() {
            if let (Some(lot), Some(space), Some(heartbeat_s)) = (
                &sensor.lot,
                &sensor.space,
                sensor.heartbeat_s.or_else(|| declared(&sensor.codec)).or_else(|| heartbeat_of(&sensor.codec)),
            ) {
                heartbeats.insert((lot, space), heartbeat_s);
            }
        }
        let configured = |limit_s: u32| (limit_s > 0).then_some(limit_s);
        let mut layouts: Vec<Self> = city.lots.values().map(Self::of).collect();
        for layout in &mut layouts {
            for space in &mut layout.spaces {
                let heartbeat_s = heartbeats.get(&(&layout.lot, &space.id)).copied();
                let times =
                    |tenths: u32| heartbeat_s.map(|heartbeat_s| heartbeat_s.saturating_mul(tenths).div_ceil(10));
                space.stale_after_s = times(STALE_TENTHS).or(configured(config.space_stale_after_s));
                space.dead_after_s = times(DEAD_TENTHS).or(configured(config.space_dead_after_s));
            }
        }
        layouts
    }

    /// The number of places, never less than the spaces.
    pub(super) fn places(&self) -> u32 {
        self.capacity.max(u32::try_from(self.spaces.len()).unwrap_or(u32::MAX))
    }

    /// Whether its spaces are kept.
    pub(super) fn keeps_spaces(&self) -> bool {
        self.counted_by == CountedBy::Spaces || self.mixed
    }

    /// The groups of the lot with the number of places of each: each use, and each class if there are several.
    pub(super) fn groups(&self) -> Vec<(Group, u32)> {
        let mut capacities: BTreeMap<Group, u32> =
            self.uses.iter().map(|(it, count)| (Group::Use(*it), *count)).collect();
        let mut counted: BTreeMap<Group, u32> = BTreeMap::new();
        let has_classes = self.has_classes();
        for space in &self.spaces {
            for group in space.groups(has_classes) {
                *counted.entry(group).or_default() += 1;
            }
        }
        for (group, count) in counted {
            let capacity = capacities.entry(group).or_default();
            *capacity = (*capacity).max(count);
        }
        capacities.into_iter().collect()
    }

    /// Whether it has spaces of several vehicle classes.
    pub(super) fn has_classes(&self) -> bool {
        self.spaces.iter().any(|space| space.vehicle_class != self.spaces[0].vehicle_class)
    }
}

impl SpaceLayout {
    /// The groups it belongs to; its class is one only in a lot of several.
    pub(super) fn groups(&self, has_classes: bool) -> Vec<Group> {
        let class = has_classes.then_some(Group::Class(self.vehicle_class));
        let mut groups: Vec<Group> = class.into_iter().chain(self.uses.iter().map(|it| Group::Use(*it))).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

/// What the places of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// A vehicle class.
    Class(VehicleClass),
    /// A special use.
    Use(SpaceUse),
}

impl Group {
    /// All there can be.
    pub(super) const ALL: [Self; 7] = [
        Self::Class(VehicleClass::Motor),
        Self::Class(VehicleClass::NonMotor),
        Self::Use(SpaceUse::Disabled),
        Self::Use(SpaceUse::Charging),
        Self::Use(SpaceUse::Loading),
        Self::Use(SpaceUse::Taxi),
        Self::Use(SpaceUse::Family),
    ];

    /// The letter that stands for it in Redis.
    pub(super) fn letter(self) -> &'static str {
        match self {
            Self::Class(VehicleClass::Motor) => "m",
            Self::Class(VehicleClass::NonMotor) => "n",
            Self::Use(SpaceUse::Disabled) => "d",
            Self::Use(SpaceUse::Charging) => "c",
            Self::Use(SpaceUse::Loading) => "l",
            Self::Use(SpaceUse::Taxi) => "t",
            Self::Use(SpaceUse::Family) => "f",
        }
    }

    /// A bit of its own.
    pub(super) fn bit(self) -> u8 {
        Self::ALL.iter().position(|group| *group == self).map_or(0, |index| 1 << index)
    }

    /// Its class and its use, one of them none.
    pub(super) fn parts(self) -> (Option<VehicleClass>, Option<SpaceUse>) {
        match self {
            Self::Class(class) => (Some(class), None),
            Self::Use(it) => (None, Some(it)),
        }
    }
}
