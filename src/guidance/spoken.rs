//! The face of an order: a person's text, or guidance's own lines with one word for all.

use yunpark_signs as signs;
use yunpark_signs::{Colour, Face, Line, LineState, Mode, Size, Source, layout::wrap};

use super::line::{NO_DATA, shown_in};
use crate::{
    config,
    domain::{
        sign::{Panel, Sign},
        sign_order::{Order, OrderMode, Priority},
        text::Language,
    },
};

/// The size of a panel.
pub(super) fn size(panel: &Panel) -> Size {
    Size { width: panel.width_px.into(), height: panel.height_px.into() }
}

/// What a panel of a sign shows under an order; `guidance` is what it would show without.
pub(super) fn face(order: &Order, sign: &Sign, panel: &Panel, guidance: Face, rules: &config::Guidance) -> Face {
    let source = match order.priority {
        Priority::Operator => Source::Operator,
        Priority::Emergency => Source::Emergency,
    };
    let words = rules.words(sign.language);
    let (mode, lines) = match order.mode {
        OrderMode::Blank => (Mode::Blank, Vec::new()),
        OrderMode::Text => (Mode::Normal, text(order, sign.language, size(panel), colour(order, sign))),
        OrderMode::Full => (Mode::Full, worded(guidance.lines, &words.full, LineState::Full, sign, rules)),
        OrderMode::Closed => (Mode::Closed, worded(guidance.lines, &words.closed, LineState::Closed, sign, rules)),
        OrderMode::Fallback => (Mode::Fallback, worded(guidance.lines, NO_DATA, LineState::NoData, sign, rules)),
    };
    Face { mode, lines, source, ..guidance }
}

fn colour(order: &Order, sign: &Sign) -> Colour {
    shown_in(if order.is_red { Colour::Red } else { Colour::Amber }, sign.manner.leds)
}

fn text(order: &Order, language: Language, size: Size, colour: Colour) -> Vec<Line> {
    wrap(order.text.get(language), size).into_iter().map(|line| Line::words(line, colour)).collect()
}

/// The lines, each with one word in place of its number.
fn worded(lines: Vec<Line>, word: &str, state: LineState, sign: &Sign, rules: &config::Guidance) -> Vec<Line> {
    let colour = shown_in(rules.colour(state), sign.manner.leds);
    let said = |line: Line| Line { text: word.to_owned(), state, colour, reason: None, rule: None, offset: 0, ..line };
    lines.into_iter().map(said).collect()
}

/// Whether a panel can show an order's text.
///
/// # Errors
/// Why it does not fit.
pub(super) fn fits(order: &Order, sign: &Sign, panel: &Panel) -> Result<(), signs::FitError> {
    if order.mode != OrderMode::Text {
        return Ok(());
    }
    let size = size(panel);
    let lines = text(order, sign.language, size, Colour::Amber);
    signs::pages(&Face { mode: Mode::Normal, lines, ..Face::blank(0) }, size).map(drop)
}
