//! What is rehearsed: the rows of the table.

use std::time::Duration;

use super::{
    fault::{
        Door::{Captures, OneDevice, Reports, Sockets},
        Fault::{self, ClockOff, Cut, DevicesOff, DiskFull, Flooded, Killed, Lost, Silent, Slow, Stopped},
        Part::{Broker, Devices, Doors, Node, PostgreSQL, Redis, Signs},
    },
    scene::{Build, has_other_clocks},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Rows of one town.
pub struct Plan {
    /// What the town is called in the table.
    pub name: &'static str,
    /// What its node stands on.
    pub build: Build,
    /// How long a promise may take to be kept again once the node is well.
    pub patience: Duration,
    /// What is broken, row by row.
    pub rows: Vec<Vec<Fault>>,
}

/// What every run of the tests rehearses.
pub fn short() -> Vec<Plan> {
    let rows =
        vec![vec![Stopped(Redis)], vec![Silent(PostgreSQL)], vec![Cut(Broker)], vec![Killed(Node), Killed(PostgreSQL)]];
    vec![Plan { name: "county", build: Build::County, patience: PATIENCE, rows }]
}

/// Everything.
pub fn long() -> Vec<Plan> {
    let single = |faults: &[Fault]| faults.iter().map(|fault| vec![*fault]).collect::<Vec<_>>();
    let pair = |pairs: &[(Fault, Fault)]| pairs.iter().map(|(one, other)| vec![*one, *other]).collect::<Vec<_>>();

    let mut county = single(&[
        Killed(Node),
        Killed(Redis),
        Killed(PostgreSQL),
        Killed(Broker),
        Killed(Signs),
        Stopped(Node),
        Stopped(Redis),
        Stopped(PostgreSQL),
        Stopped(Broker),
        Stopped(Signs),
        Cut(Redis),
        Cut(PostgreSQL),
        Cut(Broker),
        Cut(Signs),
        Cut(Doors),
        Cut(Devices),
        Silent(Redis),
        Silent(PostgreSQL),
        Silent(Broker),
        Silent(Doors),
        Lost(Redis),
        Lost(PostgreSQL),
        Lost(Broker),
        Lost(Doors),
        Lost(Devices),
        Slow(Redis),
        Slow(PostgreSQL),
        Slow(Broker),
        Slow(Signs),
        Slow(Doors),
        Slow(Devices),
        Flooded(Captures),
        Flooded(Reports),
        Flooded(Sockets),
        Flooded(OneDevice),
        DevicesOff(30),
    ]);
    county.extend(pair(&[
        (Killed(Redis), Killed(Node)),
        (Stopped(Redis), Killed(Node)),
        (Killed(Node), Killed(PostgreSQL)),
        (Killed(Node), Killed(Broker)),
        (Killed(Redis), Killed(PostgreSQL)),
        (Killed(Redis), Killed(Broker)),
        (Stopped(PostgreSQL), Killed(Broker)),
        (Stopped(Redis), Cut(PostgreSQL)),
        (Cut(Redis), Cut(Broker)),
        (Silent(PostgreSQL), Killed(Node)),
        (Slow(Redis), Killed(Node)),
        (Slow(Broker), Stopped(Redis)),
        (Cut(Devices), Stopped(Node)),
        (Cut(Doors), Killed(Redis)),
        (Killed(Signs), Killed(Node)),
        (Stopped(Signs), Stopped(Broker)),
        (Flooded(Captures), Slow(PostgreSQL)),
        (Flooded(OneDevice), Killed(Redis)),
        (Flooded(Sockets), Killed(Node)),
    ]));
    if has_other_clocks() {
        county.extend(single(&[ClockOff(30), ClockOff(-30), ClockOff(1_200)]));
        county.extend(pair(&[(ClockOff(1_200), Killed(Redis)), (ClockOff(-30), Cut(Broker))]));
    }

    let mut alone =
        single(&[DiskFull, Killed(Node), Stopped(Node), Killed(Broker), Flooded(Captures), Flooded(OneDevice)]);
    alone.extend(pair(&[
        (DiskFull, Killed(Node)),
        (DiskFull, Killed(Broker)),
        (DiskFull, Stopped(Node)),
        (Killed(Node), Killed(Broker)),
        (Flooded(Reports), DiskFull),
    ]));
    vec![
        Plan { name: "county", build: Build::County, patience: PATIENCE, rows: county },
        Plan { name: "alone", build: Build::Alone, patience: PATIENCE, rows: alone },
    ]
}
