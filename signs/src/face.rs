//! A face: what one panel of a sign shows at a time, in words and states, before any layout or protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a panel shows at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Face {
    /// Grows with each new face of the panel, also over a restart.
    pub version: u64,
    /// What kind of face it is, seen as a whole.
    pub mode: Mode,
    /// Its lines, from top to bottom.
    pub lines: Vec<Line>,
}

/// What kind of face it is, seen as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// At least one line tells of room.
    Normal,
    /// Every line is full.
    Full,
    /// Every line is closed.
    Closed,
    /// No line has a number that can be believed.
    Fallback,
    /// Nothing is lit.
    Blank,
}

/// One line: a name, an arrow, and what is told of the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The words on the sign.
    pub label: String,
    /// Which way to drive.
    pub arrow: Option<Arrow>,
    /// The number, or the word that stands in its place.
    pub text: String,
    /// What the text means; it chooses the colour.
    pub state: LineState,
    /// The lots the number is the sum of; with no number, all lots the line is about.
    pub lots: Vec<String>,
    /// The free places of those lots, as every other door tells them; `None` without live data.
    pub free: Option<u32>,
    /// What was added to `free` before it was judged and shown: zero or less.
    pub offset: i64,
    /// Why the line does not simply follow `free`.
    pub reason: Option<Reason>,
}

/// Which way to drive, as seen by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrow {
    /// Turn left.
    Left,
    /// Straight on.
    Ahead,
    /// Turn right.
    Right,
    /// Turn back.
    UTurn,
}

/// What a line tells a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// There is room.
    Free,
    /// Nearly full.
    Few,
    /// Full.
    Full,
    /// Closed.
    Closed,
    /// No number that can be believed.
    NoData,
}

/// Why a line does not simply follow its lots' free count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Fewer places are forecast for the moment of arrival.
    ForecastOnArrival,
    /// Places are kept back by configuration.
    HeldBack,
    /// FULL stays until clearly more is free.
    Hysteresis,
}

impl Arrow {
    /// The character that stands for the arrow in plain text and in MULTI.
    pub fn glyph(self) -> char {
        match self {
            Self::Left => '←',
            Self::Ahead => '↑',
            Self::Right => '→',
            Self::UTurn => '↶',
        }
    }
}

impl Face {
    /// A face with nothing lit.
    pub fn blank(version: u64) -> Self {
        Self { version, mode: Mode::Blank, lines: Vec::new() }
    }

    /// Whether the two show the same, whatever their versions.
    pub fn shows_same(&self, other: &Self) -> bool {
        self.mode == other.mode && self.lines == other.lines
    }
}

/// The line as one plain text: label, arrow, text, with a space between.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        if let Some(arrow) = self.arrow {
            write!(f, " {}", arrow.glyph())?;
        }
        write!(f, " {}", self.text)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn line(label: &str, arrow: Option<Arrow>, text: &str, state: LineState) -> Line {
        let free = text.parse().ok();
        Line {
            label: label.into(),
            arrow,
            text: text.into(),
            state,
            lots: vec!["L1".into()],
            free,
            offset: 0,
            reason: None,
        }
    }

    pub(crate) fn face(lines: Vec<Line>) -> Face {
        Face { version: 7, mode: Mode::Normal, lines }
    }

    #[test]
    fn a_face_is_told_with_the_words_of_the_api() {
        let mut line = line("城西停车场", Some(Arrow::UTurn), "34", LineState::Few);
        line.reason = Some(Reason::ForecastOnArrival);
        assert_eq!(
            serde_json::to_value(face(vec![line])).unwrap(),
            serde_json::json!({"version": 7, "mode": "normal", "lines": [{
                "label": "城西停车场", "arrow": "u_turn", "text": "34", "state": "few", "lots": ["L1"],
                "free": 34, "offset": 0, "reason": "forecast_on_arrival"}]})
        );
    }

    #[test]
    fn a_line_reads_as_plain_text() {
        assert_eq!(line("城西停车场", Some(Arrow::Left), "34", LineState::Free).to_string(), "城西停车场 ← 34");
        assert_eq!(line("East", None, "FULL", LineState::Full).to_string(), "East FULL");
    }
}
