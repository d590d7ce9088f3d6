//! Signs, and the groups of lots they guide to.

use chrono::Timelike;
use geo::Geometry;

use super::{
    draft::{Draft, Thing},
    field::{Field, Object, well},
    geometry, sign_link,
};
use crate::domain::{
    guidance::{Policy, Rules, RulesChange},
    ids::{GroupId, LotId, PanelId, SignId},
    sign::{BrightnessStep, Choice, GuidanceLine, LotGroup, Manner, Panel, Sign, Target},
};

/// Widest and highest panel, pixels.
const MAX_PANEL_PX: u32 = 4_096;
/// Longest driving time from a sign to its target, seconds.
const MAX_TRAVEL_TIME_S: u32 = 7_200;
/// Longest dwell and longest interval of a sign, milliseconds.
const MAX_REST_MS: u32 = 600_000;

impl<'a> Draft<'a> {
    /// Reads a `sign` feature's properties.
    pub(super) fn sign(&mut self, id: Option<SignId>, mut sign: Object<'a>, geometry: Option<Geometry>) {
        let name = sign.need("name").and_then(|f| f.localized());
        let heading_deg = sign.need("heading_deg").and_then(|f| f.number(0.0..=360.0));
        let language = sign.may("language").map(|f| f.word());
        let link_field = sign.need("link");
        let link = link_field.as_ref().and_then(sign_link::link);
        let panels = sign.need("panels").and_then(|f| self.panels(&f));
        if let (Some(field), Some(link), Some(panels)) = (&link_field, &link, &panels) {
            sign_link::agree(link, panels, field);
        }
        let manner = manner(&mut sign);
        sign.finish();
        let read = || {
            Some(Sign {
                id: id?,
                name: name?,
                location: geometry::representative(&geometry?)?,
                heading_deg: heading_deg?,
                language: well(language)?.unwrap_or_default(),
                panels: panels?,
                link: link?,
                manner: manner?,
            })
        };
        self.city.signs.extend(read().map(|sign| (sign.id.clone(), sign)));
    }

    fn panels(&mut self, list: &Field<'a>) -> Option<Vec<Panel>> {
        let items = not_empty(list)?;
        let mut seen: Vec<PanelId> = Vec::new();
        let panels: Vec<Option<Panel>> = items.iter().map(|item| self.panel(item, &mut seen)).collect();
        panels.into_iter().collect()
    }

    fn panel(&mut self, item: &Field<'a>, seen: &mut Vec<PanelId>) -> Option<Panel> {
        let mut panel = item.object()?;
        let id = panel.need("id").and_then(|f| {
            let id: PanelId = f.id()?;
            if seen.contains(&id) {
                f.fault(format_args!("there is already a panel {id}"));
            }
            seen.push(id.clone());
            Some(id)
        });
        let width_px = panel.need("width_px").and_then(|f| f.whole(1..=MAX_PANEL_PX));
        let height_px = panel.need("height_px").and_then(|f| f.whole(1..=MAX_PANEL_PX));
        let lines = panel.need("lines").and_then(|f| {
            let lines: Vec<Option<GuidanceLine>> = not_empty(&f)?.iter().map(|item| self.line(item)).collect();
            lines.into_iter().collect()
        });
        let rules = panel.may("guidance").map(|f| rules(&f));
        panel.finish();
        Some(Panel {
            id: id?,
            width_px: width_px? as u16,
            height_px: height_px? as u16,
            lines: lines?,
            rules: well(rules)?.unwrap_or_default(),
        })
    }

    fn line(&mut self, item: &Field<'a>) -> Option<GuidanceLine> {
        let mut line = item.object()?;
        let lot = line.may("lot");
        let group = line.may("group");
        let nearest = line.may("nearest");
        let target = match (&lot, &group, &nearest) {
            (Some(lot), None, None) => self.id_of(lot, Thing::Lot).map(Target::Lot),
            (None, Some(group), None) => self.id_of(group, Thing::Group).map(Target::Group),
            (None, None, Some(choices)) => self.choices(choices).map(Target::Nearest),
            _ => {
                item.fault("a line guides to one lot, one group, or the nearest of some lots");
                None
            }
        };
        let label = line.may("label").map(|f| f.localized());
        let arrow = line.may("arrow").map(|f| f.word());
        let travel_time_s = line.may("travel_time_s").map(|f| f.whole(0..=MAX_TRAVEL_TIME_S));
        line.finish();
        Some(GuidanceLine {
            target: target?,
            label: well(label)?,
            arrow: well(arrow)?,
            travel_time_s: well(travel_time_s)?.unwrap_or(0),
        })
    }

    /// Reads a line's `nearest`: lots in the order they are to be filled.
    fn choices(&mut self, list: &Field<'a>) -> Option<Vec<Choice>> {
        let choices: Vec<Option<Choice>> = not_empty(list)?
            .iter()
            .map(|item| {
                let mut choice = item.object()?;
                let lot = choice.need("lot").and_then(|f| self.id_of(&f, Thing::Lot));
                let arrow = choice.may("arrow").map(|f| f.word());
                let travel_time_s = choice.may("travel_time_s").map(|f| f.whole(0..=MAX_TRAVEL_TIME_S));
                choice.finish();
                Some(Choice { lot: lot?, arrow: well(arrow)?, travel_time_s: well(travel_time_s)? })
            })
            .collect();
        choices.into_iter().collect()
    }

    /// Reads one element of the file's `groups`.
    pub(super) fn group(&mut self, item: &Field<'a>) {
        let Some(mut group) = item.object() else { return };
        let id = group.need("id").and_then(|f| {
            let id: GroupId = f.id()?;
            self.declare(&f, Thing::Group(id.clone()));
            Some(id)
        });
        let name = group.need("name").and_then(|f| f.localized());
        let lots: Option<Vec<LotId>> = group.need("lots").and_then(|f| {
            let lots: Vec<Option<LotId>> = not_empty(&f)?.iter().map(|f| self.id_of(f, Thing::Lot)).collect();
            lots.into_iter().collect()
        });
        group.finish();
        let read = || Some(LotGroup { id: id?, name: name?, lots: lots? });
        self.city.groups.extend(read().map(|group| (group.id.clone(), group)));
    }
}

fn not_empty<'a>(list: &Field<'a>) -> Option<Vec<Field<'a>>> {
    let items = list.list()?;
    if items.is_empty() {
        list.fault("must not be empty");
        return None;
    }
    Some(items)
}

/// How a sign behaves.
fn manner(sign: &mut Object<'_>) -> Option<Manner> {
    let level = sign.may("level").map(|f| f.word());
    let leds = sign.may("leds").map(|f| f.word());
    let min_dwell_ms = sign.may("min_dwell_ms").map(|f| f.whole(0..=MAX_REST_MS));
    let min_interval_ms = sign.may("min_interval_ms").map(|f| f.whole(0..=MAX_REST_MS));
    let brightness = sign.may("brightness").map(|f| brightness(&f));
    Some(Manner {
        level: well(level)?.unwrap_or_default(),
        leds: well(leds)?.unwrap_or_default(),
        min_dwell_ms: well(min_dwell_ms)?,
        min_interval_ms: well(min_interval_ms)?,
        brightness: well(brightness)?.unwrap_or_default(),
    })
}

/// A table of brightness by the clock, sorted by time.
fn brightness(list: &Field<'_>) -> Option<Vec<BrightnessStep>> {
    let steps: Vec<Option<BrightnessStep>> = not_empty(list)?
        .iter()
        .map(|item| {
            let mut step = item.object()?;
            let from_min = step.need("from").and_then(|f| {
                let time = f.text().and_then(|text| chrono::NaiveTime::parse_from_str(text, "%H:%M").ok());
                if time.is_none() {
                    f.fault("must be a time of day such as 18:30");
                }
                time.map(|time| (time.hour() * 60 + time.minute()) as u16)
            });
            let percent = step.need("percent").and_then(|f| f.whole(1..=100));
            step.finish();
            Some(BrightnessStep { from_min: from_min?, percent: percent? as u8 })
        })
        .collect();
    let mut steps: Vec<BrightnessStep> = steps.into_iter().collect::<Option<_>>()?;
    steps.sort_by_key(|step| step.from_min);
    Some(steps)
}

/// What a panel sets otherwise than the configured rules.
fn rules(field: &Field<'_>) -> Option<RulesChange> {
    let change: RulesChange = field.word()?;
    // Whatever it leaves out is taken as harmless here: the configured rules are checked where they stand.
    let harmless = Rules {
        policy: Policy::Thresholds,
        full_share: 0.0,
        full_exit_share: 1.0,
        full_free: 0,
        almost_full_share: 0.0,
        almost_full_exit_share: 1.0,
        almost_full_free: 0,
        almost_full_as_word: false,
        held_back: 0,
        near_s: 0,
        margin: 0.0,
        margin_slow: 10.0,
        age_counts_s: 0,
        round_to: 1,
        number_max_age_s: 0,
        number_reporting_share: 1.0,
        min_reporting_share: 0.0,
    };
    match harmless.changed(&change).fault() {
        None => Some(change),
        Some((key, reason)) => {
            field.fault_at(key, reason);
            None
        }
    }
}
