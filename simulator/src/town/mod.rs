//! A made-up county seat: the same town for the same seed, complete enough to guide drivers through.

mod backdrop;
mod cells;
mod devices;
mod geojson;
pub mod geometry;
mod ground;
mod landmarks;
mod lots;
mod plan;
mod plants;
mod relief;
mod signs;
#[cfg(test)]
mod tests;
mod zones;

use rand::{SeedableRng, rngs::StdRng};

use geometry::Point;
pub use plants::MissingSign;
pub use relief::lon_lat;

/// How a town is to be made.
#[derive(Debug, Clone, Copy)]
pub struct TownOptions {
    /// NTCIP signs listen on this UDP port of the local machine and the seven after it.
    pub ntcip_base_port: u16,
}

impl Default for TownOptions {
    fn default() -> Self {
        Self { ntcip_base_port: 16_100 }
    }
}

/// A text in Chinese and English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// What a lot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LotKind {
    /// Underground or multi-storey.
    Garage,
    /// Open ground.
    CarPark,
    /// A row of bays beside a street.
    Street,
}

/// Who parks in a lot; it decides the hours of its tide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Residents.
    Home,
    /// Patients and visitors.
    Hospital,
    /// Parks, river, old streets.
    Leisure,
    /// A food market.
    Market,
    /// Offices and counters of the administration.
    Office,
    /// Coach station, park and ride.
    RideOn,
    /// Schools, libraries.
    School,
    /// Shops.
    Shopping,
}

/// What reports a bay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Device {
    /// The bay's own topic.
    Native,
    /// A Bosch TPS110 behind ChirpStack, by its EUI.
    Bosch(String),
    /// An Nwave NPS405 behind The Things Stack, by its device id.
    Nwave(String),
}

/// One bay.
#[derive(Debug, Clone)]
pub struct Space {
    /// Unique in its lot.
    pub id: String,
    /// Its corners, metres.
    pub outline: Vec<Point>,
    /// Special uses, in the city file's words.
    pub uses: Vec<&'static str>,
    /// What reports it.
    pub device: Device,
}

/// One lot.
#[derive(Debug, Clone)]
pub struct Lot {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Words,
    /// The words for a sign, at most six Chinese characters.
    pub label: Words,
    /// What it is.
    pub kind: LotKind,
    /// Who parks here.
    pub purpose: Purpose,
    /// For e-bikes and bicycles.
    pub non_motor: bool,
    /// Its corners, metres.
    pub area: Vec<Point>,
    /// Places.
    pub capacity: u32,
    /// Bays that report themselves; empty where counters report the lot.
    pub spaces: Vec<Space>,
    /// Places of special use where no bay says so.
    pub uses: Vec<(&'static str, u32)>,
    /// OpenStreetMap opening hours; `None` is always.
    pub opening_hours: Option<&'static str>,
    /// What it costs.
    pub tariff: Words,
    /// Greatest height, metres.
    pub max_height_m: Option<f64>,
    /// Where to drive in.
    pub entrances: Vec<Point>,
    /// Index of its street.
    pub street: usize,
    /// Index of its grid cell.
    pub cell: usize,
    /// Its data is stale after this many seconds, where it differs from the rule.
    pub stale_after_s: Option<u32>,
}

impl Lot {
    /// The EUI of the passage counter at its gate: every third lot without bay sensors has one; the others' gates speak
    /// natively.
    pub fn counter(&self) -> Option<String> {
        let number: u32 = self.id.trim_start_matches('L').parse().ok()?;
        (self.spaces.is_empty() && number.is_multiple_of(3)).then(|| format!("24e124410d{number:06x}"))
    }

    /// Its middle.
    pub fn middle(&self) -> Point {
        geometry::middle(&self.area)
    }
}

/// One street.
#[derive(Debug, Clone)]
pub struct Street {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: Words,
    /// 1 (strict) to 4 (basic).
    pub class: u8,
    /// Its middle line, metres.
    pub line: Vec<Point>,
}

impl Street {
    /// Half its width from kerb to kerb, metres.
    pub fn half_width_m(&self) -> f64 {
        match self.class {
            1 => 13.0,
            2 => 10.0,
            3 => 7.5,
            _ => 4.0,
        }
    }
}

/// A stretch of pavement or roadside with a parking rule.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Words,
    /// `no_parking`, `time_limited` or `non_motor_only`.
    pub rule: &'static str,
    /// OpenStreetMap hours; `None` is always.
    pub hours: Option<&'static str>,
    /// How long a vehicle may stand before somebody looks, seconds.
    pub dwell_s: u32,
    /// Its street's class.
    pub street_class: u8,
    /// Its corners, metres.
    pub area: Vec<Point>,
}

/// A camera that watches zones.
#[derive(Debug, Clone)]
pub struct Camera {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Words,
    /// Where it stands.
    pub at: Point,
    /// What it sees.
    pub view: Vec<Point>,
    /// Ids of its zones, the nearest first.
    pub zones: Vec<String>,
    /// Its 20 digits in GA/T 1400.
    pub viid_device_id: String,
}

/// How a sign is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignLink {
    /// Retained JSON over the broker.
    MqttJson,
    /// NTCIP 1203 at an address.
    Ntcip(String),
}

/// What a line of a sign counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A lot by id.
    Lot(String),
    /// A group by id.
    Group(String),
}

/// One line of a panel.
#[derive(Debug, Clone)]
pub struct SignLine {
    /// What it counts.
    pub target: Target,
    /// Its words, at most six Chinese characters.
    pub label: Words,
    /// `left`, `ahead`, `right` or `u_turn`.
    pub arrow: &'static str,
    /// Driving time, seconds.
    pub travel_time_s: u32,
}

/// One display area of a sign.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Unique in its sign.
    pub id: String,
    /// Pixels across.
    pub width_px: u16,
    /// Pixels down.
    pub height_px: u16,
    /// From top to bottom.
    pub lines: Vec<SignLine>,
}

/// One roadside sign.
#[derive(Debug, Clone)]
pub struct Sign {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Words,
    /// Where it stands.
    pub at: Point,
    /// Where its reader is heading, degrees clockwise from north.
    pub heading_deg: f64,
    /// `area`, `street` or `entrance`.
    pub level: &'static str,
    /// How it is reached.
    pub link: SignLink,
    /// Its panels.
    pub panels: Vec<Panel>,
}

/// Lots that signs sum up.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: Words,
    /// Its lots.
    pub lots: Vec<String>,
    /// Where drivers think it is.
    pub middle: Point,
}

/// A management cell and who answers for it.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Words,
    /// Its code by the national standard.
    pub code: String,
    /// The responsible unit.
    pub unit: Words,
    /// Its corners, metres.
    pub area: Vec<Point>,
}

/// Ground drawn below everything.
#[derive(Debug, Clone)]
pub struct Backdrop {
    /// Its id.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<Words>,
    /// `water`, `green` or `building`.
    pub class: &'static str,
    /// Outlines, metres.
    pub areas: Vec<Vec<Point>>,
}

/// The whole town.
#[derive(Debug, Clone)]
pub struct Town {
    /// Its name.
    pub name: Words,
    /// Streets.
    pub streets: Vec<Street>,
    /// Lots.
    pub lots: Vec<Lot>,
    /// Groups of lots.
    pub groups: Vec<Group>,
    /// Signs.
    pub signs: Vec<Sign>,
    /// Zones.
    pub zones: Vec<Zone>,
    /// Cameras.
    pub cameras: Vec<Camera>,
    /// Management cells.
    pub cells: Vec<Cell>,
    /// Water, green, buildings.
    pub backdrop: Vec<Backdrop>,
    /// Where drivers park where they may not for want of a sign: what a report should find.
    pub missing_sign: Option<MissingSign>,
}

impl Town {
    /// Makes the town of a seed.
    pub fn generate(seed: u64, options: TownOptions) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let relief = relief::Relief::new(&mut rng);
        let streets: Vec<Street> = plan::streets()
            .into_iter()
            .map(|(drawn, line)| Street {
                id: drawn.id,
                name: Words::new(drawn.name.0, drawn.name.1),
                class: drawn.class,
                line: relief.place_all(&line),
            })
            .collect();
        let mut ground = ground::Ground::default();
        for (index, street) in streets.iter().enumerate() {
            ground.lay_road(index, &street.line, street.half_width_m());
        }
        let mut backdrop = backdrop::nature(&relief, &mut ground);
        let cells = cells::divide(&relief, &mut rng);
        let mut lots = lots::lay_out(&streets, &cells, &relief, &mut ground, &mut rng);
        devices::install(&mut lots, &mut rng);
        let zones = zones::mark(&streets, &mut ground);
        let cameras = zones::watch(&zones);
        backdrop.extend(backdrop::buildings(&streets, &mut ground, &mut rng));
        let groups = signs::groups(&lots, &relief);
        let mut signs = signs::erect(&streets, &lots, &groups, options);
        let missing_sign = plants::missing_sign(&streets, &zones, &lots, &groups, &mut signs);
        Self {
            name: Words::new("云溪县城", "Yunxi"),
            streets,
            lots,
            groups,
            signs,
            zones,
            cameras,
            cells,
            backdrop,
            missing_sign,
        }
    }

    /// The town as a city file, to be imported.
    pub fn to_geojson(&self) -> String {
        geojson::write(self).to_string()
    }

    /// Number of places in all lots.
    pub fn capacity(&self) -> u32 {
        self.lots.iter().map(|lot| lot.capacity).sum()
    }
}
