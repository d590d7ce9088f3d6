//! The approaches of the city file: counted stretches of road on the way to lots.

use std::collections::BTreeSet;

use geo::Geometry;

use super::{
    draft::{Draft, Thing},
    field::{Field, Object, well},
    geometry,
};
use crate::domain::{
    approach::{Approach, LONGEST_S, Leg, MOST_LEGS, SHORTEST_S},
    ids::{ApproachId, LotId},
};

impl<'a> Draft<'a> {
    /// Reads an `approach` feature's properties.
    pub(super) fn approach(&mut self, id: Option<ApproachId>, mut approach: Object<'a>, geometry: Option<Geometry>) {
        let name = approach.need("name").and_then(|f| f.localized());
        let leads_to = approach.need("leads_to").and_then(|f| self.legs(&f));
        let properties = approach.field().clone();
        approach.finish();
        self.approach_features.extend(id.clone().map(|id| (properties, id)));
        let read = || {
            let location = geometry::representative(&geometry?)?;
            Some(Approach { id: id?, name: name?, location, leads_to: leads_to? })
        };
        self.city.approaches.extend(read().map(|approach| (approach.id.clone(), approach)));
    }

    /// The lots it leads to: each once, each within reach, and no more cars than pass.
    fn legs(&mut self, field: &Field<'a>) -> Option<Vec<Leg>> {
        let items = field.list()?;
        if items.is_empty() || items.len() > MOST_LEGS {
            field.fault(format_args!("must name 1 to {MOST_LEGS} lots"));
            return None;
        }
        let mut known: BTreeSet<LotId> = BTreeSet::new();
        let legs: Vec<Option<Leg>> = items.iter().map(|item| self.leg(item, &mut known)).collect();
        let legs = legs.into_iter().collect::<Option<Vec<Leg>>>()?;
        let all: f64 = legs.iter().map(|leg| leg.share).sum();
        if all > 1.0 + 1e-9 {
            field.fault(format_args!("has shares of {all:.2} together, and no more than 1 can turn in"));
            return None;
        }
        Some(legs)
    }

    fn leg(&mut self, item: &Field<'a>, known: &mut BTreeSet<LotId>) -> Option<Leg> {
        let mut leg = item.object()?;
        let lot = leg.need("lot").and_then(|f| {
            let lot: LotId = self.id_of(&f, Thing::Lot)?;
            if !known.insert(lot.clone()) {
                f.fault(format_args!("is named twice: {lot}"));
                return None;
            }
            Some(lot)
        });
        let travel_time_s = leg.need("travel_time_s").and_then(|f| f.whole(SHORTEST_S..=LONGEST_S));
        let share = leg.may("share").map(|f| f.number(0.0..=1.0));
        leg.finish();
        Some(Leg { lot: lot?, travel_time_s: travel_time_s?, share: well(share)?.unwrap_or(0.0) })
    }

    /// More approaches of one lot than can be learned of are a fault of the one too many.
    pub(super) fn check_approaches(&self) {
        let mut leading: std::collections::BTreeMap<&LotId, usize> = std::collections::BTreeMap::new();
        for (properties, id) in &self.approach_features {
            for leg in self.city.approaches.get(id).into_iter().flat_map(|approach| &approach.leads_to) {
                let count = leading.entry(&leg.lot).or_default();
                *count += 1;
                if *count > MOST_LEGS {
                    let lot = &leg.lot;
                    properties.fault_at(
                        "leads_to",
                        format_args!("is one too many for lot {lot}: at most {MOST_LEGS} approaches lead to a lot"),
                    );
                }
            }
        }
    }
}
