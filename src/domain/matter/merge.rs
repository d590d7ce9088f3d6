//! Whether a new report is of a matter that is known: the same kind, at the same place, within a time.

use chrono::Duration;
use geo::{Distance, Haversine, Point};

use super::{Matter, category::SameMatter};
use crate::domain::time::Instant;

/// A matter that is open, with when it was last reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The matter.
    pub matter: Matter,
    /// Its last report.
    pub last_at: Instant,
}

/// The known matter a report of this category, place and time is of: the nearest one. Reports without a place are of one matter
/// only if they name the same device.
pub fn same_matter<'a>(
    known: &'a [Known],
    category: &str,
    location: Option<(f64, f64)>,
    subject: Option<&str>,
    at: Instant,
    rule: SameMatter,
) -> Option<&'a Matter> {
    let within = Duration::hours(rule.within_h.into());
    let open = known.iter().filter(|one| one.matter.state.is_open() && one.matter.category == category);
    let open = open.filter(|one| (at - one.last_at).abs() <= within);
    if let Some(subject) = subject {
        return open.map(|one| &one.matter).find(|matter| matter.subject.as_deref() == Some(subject));
    }
    let here = location?;
    let far = |there: (f64, f64)| Haversine.distance(Point::new(here.0, here.1), Point::new(there.0, there.1));
    let near = open.filter(|one| one.matter.subject.is_none()).filter_map(|one| {
        let metres = far(one.matter.location?);
        (metres <= f64::from(rule.within_m)).then_some((metres, &one.matter))
    });
    near.min_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.id.cmp(&other.1.id)))
        .map(|(_, matter)| matter)
}
