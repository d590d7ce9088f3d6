//! What the town hides on purpose, for reports to find: a place where drivers park where they may not although places are free
//! round the corner, because no sign tells them.

use serde::Serialize;

use super::{
    Lot, Sign, Street, Target, Zone,
    geometry::{Point, middle},
};

/// The street of the planted place: one whose zone has a camera.
const STREET: &str = "xinyuan";
/// A sign nearer than this is on the way of those who park there, metres; farther than any report looks.
const REACH_M: f64 = 900.0;
/// So many lots count as round the corner.
const NEAREST: usize = 3;

/// A place where a sign is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingSign {
    /// The zone.
    pub zone: String,
    /// The lots round the corner, the nearest first.
    pub lots: Vec<String>,
}

/// Plants the place: no sign within reach leads to the lots round its corner.
pub fn missing_sign(
    streets: &[Street],
    zones: &[Zone],
    lots: &[Lot],
    groups: &[super::Group],
    signs: &mut [Sign],
) -> Option<MissingSign> {
    let street = streets.iter().find(|street| street.id == STREET)?;
    let zone = zones.iter().find(|zone| zone.name.zh.starts_with(&street.name.zh))?;
    let here = middle(&zone.area);
    let near = round_the_corner(lots, here);
    let leads = |target: &Target| match target {
        Target::Lot(lot) => near.contains(lot),
        Target::Group(id) => {
            groups.iter().any(|group| group.id == id && group.lots.iter().any(|lot| near.contains(lot)))
        }
    };
    for sign in signs.iter_mut().filter(|sign| (sign.at - here).length() <= REACH_M) {
        for panel in &mut sign.panels {
            let kept = panel.lines.iter().filter(|line| !leads(&line.target)).count();
            // A sign with nothing left to say keeps its first line: it is left for the report to judge.
            if kept > 0 && kept < panel.lines.len() {
                let row_px = panel.height_px / panel.lines.len() as u16;
                panel.lines.retain(|line| !leads(&line.target));
                panel.height_px = row_px * panel.lines.len() as u16;
            }
        }
    }
    Some(MissingSign { zone: zone.id.clone(), lots: near })
}

/// The lots nearest to a place.
fn round_the_corner(lots: &[Lot], here: Point) -> Vec<String> {
    let mut near: Vec<&Lot> = lots.iter().filter(|lot| !lot.non_motor).collect();
    near.sort_by(|one, other| (one.middle() - here).length().total_cmp(&(other.middle() - here).length()));
    near.into_iter().take(NEAREST).map(|lot| lot.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Town, TownOptions};
    use super::*;

    #[test]
    fn no_sign_within_reach_leads_to_the_lots_round_the_corner_and_a_camera_watches() {
        for seed in [1, 2, 7, 99] {
            let town = Town::generate(seed, TownOptions::default());
            let planted = town.missing_sign.as_ref().expect("the place is planted");
            let zone = town.zones.iter().find(|zone| zone.id == planted.zone).unwrap();
            assert!(town.cameras.iter().any(|camera| camera.zones.first() == Some(&planted.zone)), "seed {seed}");
            let here = middle(&zone.area);
            let group = |id: &str| town.groups.iter().find(|group| group.id == id).unwrap();
            let lines =
                town.signs.iter().filter(|sign| (sign.at - here).length() <= 600.0).flat_map(|sign| &sign.panels);
            for line in lines.flat_map(|panel| &panel.lines) {
                let leads = match &line.target {
                    Target::Lot(lot) => planted.lots.contains(lot),
                    Target::Group(id) => group(id).lots.iter().any(|lot| planted.lots.contains(lot)),
                };
                assert!(!leads, "seed {seed}: {line:?}");
            }
        }
    }
}
