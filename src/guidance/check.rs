//! Whether every panel can show all it may ever have to: asked at an import, so that no sign goes dark by the road.

use yunpark_signs::{Face, FitError, Line, Mode, font::Strike, pages};

use super::{line::NO_DATA, policy::rules_of, spoken::size};
use crate::{
    config,
    domain::{
        city::{City, Fault},
        sign::{GuidanceLine, Panel, Sign, Target},
    },
};

/// Every panel and line that cannot show its widest words, by sign, panel and line.
pub fn faults(city: &City, rules: &config::Guidance) -> Vec<Fault> {
    let mut faults = Vec::new();
    for sign in city.signs.values() {
        for (at, panel) in sign.panels.iter().enumerate() {
            check(city, sign, panel, at, rules, &mut faults);
        }
    }
    faults
}

fn check(city: &City, sign: &Sign, panel: &Panel, at: usize, rules: &config::Guidance, faults: &mut Vec<Fault>) {
    let mut fault = |key: String, error: &FitError| {
        let reason = format!("panel {}: {error}", panel.id);
        faults.push(Fault { feature: format!("sign {}", sign.id), key, reason });
    };
    let face = |lines| Face { mode: Mode::Normal, lines, ..Face::blank(0) };
    let mut widest = Vec::new();
    let mut is_well = true;
    for (n, line) in panel.lines.iter().enumerate() {
        let line = widest_line(city, sign, panel, line, rules);
        if let Err(error) = pages(&face(vec![line.clone()]), size(panel)) {
            fault(format!("properties.panels[{at}].lines[{n}]"), &error);
            is_well = false;
        }
        widest.push(line);
    }
    if is_well && let Err(error) = pages(&face(widest), size(panel)) {
        fault(format!("properties.panels[{at}].lines"), &error);
    }
}

/// A line with the widest label and the widest text it may have. Characters no font has are kept, wherever they stand.
fn widest_line(city: &City, sign: &Sign, panel: &Panel, line: &GuidanceLine, rules: &config::Guidance) -> Line {
    let lots = city.target_lots(&line.target);
    let own = line.label.as_ref().or_else(|| city.target_name(&line.target)).map(|name| name.get(sign.language));
    let names = matches!(line.target, Target::Nearest(_)).then(|| lots.iter().map(|lot| lot.name.get(sign.language)));
    let labels = own.into_iter().chain(names.into_iter().flatten());
    let words = rules.words(sign.language);
    let is_word_told = |word: &String| *word != words.almost_full && *word != words.free;
    let judged = rules_of(sign, panel, rules);
    // A word for room is told only where numbers may give way to words.
    let has_soft_words =
        judged.almost_full_as_word || judged.number_max_age_s > 0 || judged.number_reporting_share > 0.0;
    let texts =
        [words.free.clone(), words.almost_full.clone(), words.full.clone(), words.closed.clone(), NO_DATA.to_owned()]
            .into_iter()
            .filter(|word| has_soft_words || is_word_told(word))
            .chain([lots.iter().map(|lot| u64::from(lot.capacity)).sum::<u64>().to_string()]);
    let has_arrow = line.arrow.is_some()
        || matches!(&line.target, Target::Nearest(choices) if choices.iter().any(|choice| choice.arrow.is_some()));
    Line {
        label: widest_of(labels.map(str::to_owned)),
        arrow: has_arrow.then_some(yunpark_signs::Arrow::Ahead),
        text: widest_of(texts),
        state: yunpark_signs::LineState::Free,
        ..Line::default()
    }
}

/// The widest text; before any other, one that cannot be written.
fn widest_of(texts: impl Iterator<Item = String>) -> String {
    let rank = |text: &String| (Strike::Sixteen.missing(text).is_some(), Strike::Sixteen.width(text));
    texts.max_by_key(rank).unwrap_or_default()
}
