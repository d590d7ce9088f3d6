//! One line of a panel: which lots it is about, how far they can be trusted, and what is told of them.

use std::collections::BTreeSet;

use chrono::Duration;
use yunpark_signs as signs;
use yunpark_signs::{Colour, LineState, Reason};

use super::{
    arrival::{Latency, left_on_arrival},
    hysteresis::{Fullness, Thresholds},
    policy::Situation,
    trust::{Trust, heard_and_unknown, reporting_share, trust},
};
use crate::{
    domain::{
        availability::Availability,
        guidance::{Policy, Rules},
        lot::Lot,
        sign::{Arrow, Choice, GuidanceLine, Leds, Sign, Target},
        time::Instant,
    },
    signboard::Basis,
};

/// Shown where there is no number that can be believed.
pub(super) const NO_DATA: &str = "----";

/// Judges the lines of one panel.
pub(super) struct Judge<'a> {
    pub(super) sign: &'a Sign,
    pub(super) rules: &'a Rules,
    pub(super) at: &'a Situation<'a>,
    /// How much longer than now a number must hold.
    pub(super) hold: Duration,
    /// The longest time between two things the sign is told.
    pub(super) update: Duration,
}

/// A line as it is told, and what it rests on.
pub(super) struct Told {
    pub(super) line: signs::Line,
    /// When the first of the numbers it is made of reaches its limit.
    pub(super) good_until: Option<Instant>,
    pub(super) basis: Basis,
    /// Lots of which nothing may be told.
    pub(super) lost: BTreeSet<String>,
}

/// A lot that is open, with its availability and how far that is trusted.
type Known<'a> = (&'a Lot, &'a Availability, Trust);

impl Judge<'_> {
    /// Judges a line; `levels` remembers how full each thing it tells of was.
    pub(super) fn line(&self, line: &GuidanceLine, levels: &mut Vec<Fullness>) -> Told {
        match &line.target {
            Target::Nearest(choices) => self.nearest(line, choices, levels),
            Target::Lot(_) | Target::Group(_) => {
                levels.resize(1, Fullness::Free);
                let lots = self.at.city.target_lots(&line.target);
                let travel_time = Duration::seconds(line.travel_time_s.into());
                let mut told = self.sum(&lots, travel_time, &mut levels[0]);
                self.label(line).clone_into(&mut told.line.label);
                told.line.arrow = line.arrow.map(arrow);
                told
            }
        }
    }

    fn label<'a>(&'a self, line: &'a GuidanceLine) -> &'a str {
        let name = line.label.as_ref().or_else(|| self.at.city.target_name(&line.target));
        name.map_or("", |name| name.get(self.sign.language))
    }

    /// The first choice that has room. With none, what is told of the whole: full if one of them is, else that nothing can be
    /// told, else closed.
    fn nearest(&self, line: &GuidanceLine, choices: &[Choice], levels: &mut Vec<Fullness>) -> Told {
        levels.resize(choices.len(), Fullness::Free);
        let mut all: Vec<Told> = Vec::with_capacity(choices.len());
        for (choice, level) in choices.iter().zip(levels) {
            let lots: Vec<&Lot> = self.at.city.lots.get(&choice.lot).into_iter().collect();
            let travel_time = choice.travel_time_s.unwrap_or(line.travel_time_s);
            let mut told = self.sum(&lots, Duration::seconds(travel_time.into()), level);
            told.line.label = lots.first().map_or_else(String::new, |lot| lot.name.get(self.sign.language).to_owned());
            told.line.arrow = choice.arrow.or(line.arrow).map(arrow);
            all.push(told);
        }
        let lost: BTreeSet<String> = all.iter().flat_map(|told| told.lost.iter().cloned()).collect();
        let has_room = |told: &Told| matches!(told.line.state, LineState::Free | LineState::Few);
        if let Some(at) = all.iter().position(has_room) {
            return Told { lost, ..all.swap_remove(at) };
        }
        let rank = |told: &Told| match told.line.state {
            LineState::Full => 2,
            LineState::NoData => 1,
            _ => 0,
        };
        let highest = all.iter().map(rank).max().unwrap_or(0);
        let mut alike = all.into_iter().filter(|told| rank(told) == highest);
        let Some(mut whole) = alike.next() else { return self.sum(&[], Duration::zero(), &mut Fullness::Free) };
        for other in alike {
            whole.line.lots.extend(other.line.lots);
            whole.line.free = whole.line.free.zip(other.line.free).map(|(a, b)| a.saturating_add(b));
            whole.line.offset += other.line.offset;
            whole.good_until = [whole.good_until, other.good_until].into_iter().flatten().min();
        }
        self.label(line).clone_into(&mut whole.line.label);
        whole.line.arrow = line.arrow.map(arrow);
        Told { lost, ..whole }
    }

    /// What is told of the sum of some lots, without label and arrow.
    fn sum(&self, lots: &[&Lot], travel_time: Duration, level: &mut Fullness) -> Told {
        let at = self.at;
        let (open, shut): (Vec<&Lot>, Vec<&Lot>) = lots.iter().partition(|lot| self.shut(lot).is_none());
        let seen: Vec<(&Lot, Option<&Availability>, Trust)> = open
            .iter()
            .map(|lot| {
                let availability = at.lots.get(&lot.id);
                (*lot, availability, trust(availability, self.rules, self.limit(lot), at.now, self.hold))
            })
            .collect();
        let known: Vec<Known<'_>> = seen
            .iter()
            .filter(|(_, _, trust)| !matches!(trust, Trust::Nothing(_)))
            .filter_map(|(lot, availability, trust)| Some((*lot, (*availability)?, *trust)))
            .collect();
        let lost = (seen
            .iter()
            .filter(|(_, _, trust)| matches!(trust, Trust::Nothing(_)))
            .map(|(lot, ..)| lot.id.to_string()))
        .chain(shut.iter().map(|lot| lot.id.to_string()))
        .collect();
        let basis = self.basis(&open, &known);
        let silent = |line: signs::Line| Told {
            line: signs::Line { lots: lots.iter().map(|lot| lot.id.to_string()).collect(), ..line },
            good_until: None,
            basis: basis.clone(),
            lost,
        };
        if open.is_empty() && !lots.is_empty() {
            *level = Fullness::Free;
            let text = at.rules.words(self.sign.language).closed.clone();
            // One that an operator closed stays closed when the hours of the others begin.
            let reasons: Vec<Reason> = shut.iter().filter_map(|lot| self.shut(lot)).collect();
            let by_operator = reasons.iter().find(|reason| **reason == Reason::ClosedByOperator);
            return silent(self.told(text, LineState::Closed, by_operator.or(reasons.first()).copied()));
        }
        if known.is_empty() {
            // The memory is kept: a lot that was full when it fell silent is not open for having been silent.
            let reason = seen.iter().find_map(|(_, _, trust)| match trust {
                Trust::Nothing(reason) => Some(*reason),
                _ => None,
            });
            return silent(self.told(NO_DATA.to_owned(), LineState::NoData, reason));
        }
        let good_until = known.iter().filter_map(|(lot, a, _)| Some(a.observed_at? + self.limit(lot))).min();
        let counted = known.iter().map(|(lot, ..)| lot.id.to_string()).collect();
        let Told { line, lost, .. } = silent(self.count(&known, travel_time, level));
        Told { line: signs::Line { lots: counted, ..line }, good_until, basis, lost }
    }

    /// What is told of lots that can be trusted.
    fn count(&self, known: &[Known<'_>], travel_time: Duration, level: &mut Fullness) -> signs::Line {
        let words = self.at.rules.words(self.sign.language);
        let free: u32 = known.iter().fold(0, |sum, (_, a, _)| sum.saturating_add(a.free));
        let capacity = known.iter().fold(0u32, |sum, (_, a, _)| sum.saturating_add(a.capacity));
        let (count, mut reason) = self.count_on_arrival(known, free, travel_time);
        let thresholds = Thresholds::of(capacity, self.rules);
        *level = thresholds.judge(count, *level);
        let mistrust = known.iter().find_map(|(_, _, trust)| match trust {
            Trust::Word(reason) => Some(*reason),
            _ => None,
        });
        let (state, word) = match *level {
            Fullness::Full => (LineState::Full, Some(&words.full)),
            Fullness::AlmostFull => {
                (LineState::Few, (self.rules.almost_full_as_word || mistrust.is_some()).then_some(&words.almost_full))
            }
            Fullness::Free => (LineState::Free, mistrust.is_some().then_some(&words.free)),
        };
        let mut shown = count;
        let text = if let Some(word) = word {
            reason = match mistrust {
                Some(mistrust) if *level != Fullness::Full => Some(mistrust),
                _ if thresholds.is_kept(count, *level) => Some(Reason::Hysteresis),
                _ => reason,
            };
            word.clone()
        } else {
            shown = rounded(count, self.rules.round_to);
            if shown < count {
                reason = reason.or(Some(Reason::Rounded));
            }
            shown.to_string()
        };
        let offset = i64::from(shown) - i64::from(free);
        signs::Line { free: Some(free), offset, ..self.told(text, state, reason) }
    }

    /// The count that is judged and shown, and why it is not the bare one.
    fn count_on_arrival(&self, known: &[Known<'_>], free: u32, travel_time: Duration) -> (u32, Option<Reason>) {
        let count = free.saturating_sub(self.rules.held_back);
        let reason = (count < free).then_some(Reason::HeldBack);
        if self.rules.policy == Policy::Thresholds {
            return (count, reason);
        }
        let (mut left, mut why) = (0u32, None);
        for (lot, availability, _) in known {
            let latency = Latency {
                travel: travel_time,
                age: (self.at.age)(availability).min(Duration::seconds(self.rules.age_counts_s.into())),
                update: self.update,
            };
            let ahead = (self.at.ahead)(&lot.id, self.at.now + latency.until_arrival());
            let (of_lot, reason) = left_on_arrival(availability.free, &latency, &ahead, self.rules);
            left = left.saturating_add(of_lot);
            why = why.or(reason);
        }
        if left < count { (left, why) } else { (count, reason) }
    }

    fn told(&self, text: String, state: LineState, reason: Option<Reason>) -> signs::Line {
        let rule = match self.rules.policy {
            Policy::Thresholds => signs::Rule::Thresholds,
            Policy::Arrival => signs::Rule::Arrival,
        };
        let colour = shown_in(self.at.rules.colour(state), self.sign.manner.leds);
        signs::Line { text, state, reason, colour, rule: Some(rule), ..signs::Line::default() }
    }

    /// What a line rests on: of the lots it tells of, or of all that are open if it tells of none.
    fn basis(&self, open: &[&Lot], known: &[Known<'_>]) -> Basis {
        let told: Vec<&Availability> = if known.is_empty() {
            open.iter().filter_map(|lot| self.at.lots.get(&lot.id)).collect()
        } else {
            known.iter().map(|(_, availability, _)| *availability).collect()
        };
        let limit = open.iter().map(|lot| self.limit(lot)).min().unwrap_or(self.at.stale_after);
        Basis {
            observed_at: told.iter().filter_map(|lot| lot.observed_at).min(),
            limit_s: u32::try_from(limit.num_seconds()).unwrap_or(u32::MAX),
            reporting_share: reporting_share(
                open.iter().map(|lot| self.at.lots.get(&lot.id).map_or((0, lot.capacity), heard_and_unknown)),
            ),
        }
    }

    /// Why nobody may drive to a lot now, whatever its sensors say; `None` if it is open.
    fn shut(&self, lot: &Lot) -> Option<Reason> {
        if self.at.lots.get(&lot.id).is_some_and(|availability| availability.closed) {
            Some(Reason::ClosedByOperator)
        } else if (self.at.is_open)(lot) {
            None
        } else {
            Some(Reason::OutOfHours)
        }
    }

    /// How old a lot's number may grow.
    fn limit(&self, lot: &Lot) -> Duration {
        lot.stale_after_s.map_or(self.at.stale_after, |limit| Duration::seconds(limit.into()))
    }
}

/// Rounded down to a multiple of `to` once there is one: a number below is exact, for there each place counts.
fn rounded(count: u32, to: u32) -> u32 {
    if to > 1 && count >= to { count - count % to } else { count }
}

/// A colour as a sign's LEDs can show it.
pub(super) fn shown_in(colour: Colour, leds: Leds) -> Colour {
    match (leds, colour) {
        (Leds::Amber, _) | (Leds::RedGreen, Colour::White | Colour::Grey) => Colour::Amber,
        (Leds::Rgb | Leds::RedGreen, colour) => colour,
    }
}

fn arrow(arrow: Arrow) -> signs::Arrow {
    match arrow {
        Arrow::Left => signs::Arrow::Left,
        Arrow::Ahead => signs::Arrow::Ahead,
        Arrow::Right => signs::Arrow::Right,
        Arrow::UTurn => signs::Arrow::UTurn,
    }
}
