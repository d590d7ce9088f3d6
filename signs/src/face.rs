//! A face: what one panel of a sign shows at a time, in words and states, before any layout or protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a panel shows at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Face {
    /// Grows with each new face of the panel, also over a restart.
    pub version: u64,
    /// What kind of face it is, seen as a whole.
    pub mode: Mode,
    /// Its lines, from top to bottom.
    pub lines: Vec<Line>,
    /// Who says it.
    #[serde(default)]
    pub source: Source,
    /// How long each page stands where the lines need more than one, milliseconds; see [`crate::layout::pages`].
    #[serde(default = "default_page_ms")]
    pub page_ms: u32,
    /// How bright the LEDs should be, percent of the sign's brightest; `None` leaves it to the sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brightness_percent: Option<u8>,
}

/// How long a page stands unless the face says otherwise, milliseconds: time to read two lines at 50 km/h.
pub const PAGE_MS: u32 = 4_000;

fn default_page_ms() -> u32 {
    PAGE_MS
}

/// Who says what a face shows, from the lowest voice to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The guidance rules.
    #[default]
    Guidance,
    /// An operator.
    Operator,
    /// An operator, for the safety of all.
    Emergency,
}

/// What kind of face it is, seen as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// At least one line tells of room, or somebody has something to say.
    Normal,
    /// Every line is full.
    Full,
    /// Every line is closed.
    Closed,
    /// No line has a number that can be believed.
    Fallback,
    /// Nothing is lit.
    #[default]
    Blank,
}

/// One line: a name, an arrow, and what is told of the place; or free text, which is a label and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Line {
    /// The words on the sign.
    pub label: String,
    /// Which way to drive.
    pub arrow: Option<Arrow>,
    /// The number, or the word that stands in its place.
    pub text: String,
    /// What the text means.
    pub state: LineState,
    /// The colour of the text; of the label in a line of free text.
    #[serde(default)]
    pub colour: Colour,
    /// The lots the number is the sum of; with no number, all lots the line is about.
    pub lots: Vec<String>,
    /// The free places of those lots, as every other door tells them; `None` without live data.
    pub free: Option<u32>,
    /// What was added to `free` before it was judged and shown: zero or less.
    pub offset: i64,
    /// Why the line does not simply follow `free`.
    pub reason: Option<Reason>,
    /// The rule that gave the text; `None` in a line of free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
}

/// A rule that turns free places into what a driver is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The count, judged by thresholds with hysteresis.
    Thresholds,
    /// The same, of what will be left when the driver arrives.
    Arrival,
}

/// The colour of a run of LEDs, by name: what a sign can light varies, the meaning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Names, arrows, and text of operators.
    #[default]
    Amber,
    /// There is room.
    Green,
    /// Nearly full.
    Yellow,
    /// Full, closed, danger.
    Red,
    /// No meaning of its own.
    White,
    /// Half-lit white: no number that can be believed.
    Grey,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
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
    #[default]
    NoData,
    /// Free text: a person's words, not a count.
    Text,
}

/// Why a line does not simply follow its lots' free count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Fewer places are forecast for the moment of arrival.
    ForecastOnArrival,
    /// Cars are coming in faster than others leave, and some of the places will be taken on arrival.
    FlowOnArrival,
    /// Drivers are known to be on their way to the places.
    UnderWay,
    /// Places are kept back by configuration.
    HeldBack,
    /// FULL or nearly full stays until clearly more is free.
    Hysteresis,
    /// The number is rounded down.
    Rounded,
    /// A word stands in place of the number because it is not young any more.
    Ageing,
    /// A word stands in place of the number because too few sensors report.
    FewReporting,
    /// The number is too old to be told.
    Stale,
    /// Too few sensors report for anything to be told.
    NotReporting,
    /// Nothing was ever heard of the place.
    Unheard,
    /// It is outside the opening hours.
    OutOfHours,
    /// It was closed by the operator.
    ClosedByOperator,
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
        Self { version, page_ms: PAGE_MS, ..Self::default() }
    }

    /// The face without anything that ages: every line keeps its label and shows `----`; with free text alone it is dark.
    #[must_use]
    pub fn fallen_back(&self) -> Self {
        let silent = |line: &Line| Line {
            label: line.label.clone(),
            arrow: line.arrow,
            text: "----".to_owned(),
            colour: Colour::Grey,
            lots: line.lots.clone(),
            ..Line::default()
        };
        let lines: Vec<Line> = self.lines.iter().filter(|line| line.state != LineState::Text).map(silent).collect();
        let mode = if lines.is_empty() { Mode::Blank } else { Mode::Fallback };
        Self { mode, lines, ..self.clone() }
    }

    /// Whether the two show the same, whatever their versions.
    pub fn shows_same(&self, other: &Self) -> bool {
        let Self { version: _, mode, lines, source, page_ms, brightness_percent } = self;
        *mode == other.mode
            && *lines == other.lines
            && *source == other.source
            && *page_ms == other.page_ms
            && *brightness_percent == other.brightness_percent
    }
}

impl Colour {
    /// The colour of a state unless the sign is configured otherwise.
    pub fn of(state: LineState) -> Self {
        match state {
            LineState::Free => Self::Green,
            LineState::Few => Self::Yellow,
            LineState::Full | LineState::Closed => Self::Red,
            LineState::NoData => Self::Grey,
            LineState::Text => Self::Amber,
        }
    }
}

impl Line {
    /// A line of free text.
    pub fn words(text: impl Into<String>, colour: Colour) -> Self {
        Self { label: text.into(), state: LineState::Text, colour, ..Self::default() }
    }

    /// The colour of the label: amber, but for free text, which has its own.
    pub fn label_colour(&self) -> Colour {
        if self.state == LineState::Text { self.colour } else { Colour::Amber }
    }
}

/// The line as one plain text: label, arrow, text, with a space between those there are.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)?;
        if let Some(arrow) = self.arrow {
            write!(f, " {}", arrow.glyph())?;
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " {}", self.text) }
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
            colour: Colour::of(state),
            lots: vec!["L1".into()],
            free,
            rule: Some(Rule::Thresholds),
            ..Line::default()
        }
    }

    pub(crate) fn face(lines: Vec<Line>) -> Face {
        Face { version: 7, mode: Mode::Normal, lines, page_ms: PAGE_MS, ..Face::default() }
    }

    #[test]
    fn a_face_is_told_with_the_words_of_the_api() {
        let mut line = line("城西停车场", Some(Arrow::UTurn), "34", LineState::Few);
        line.reason = Some(Reason::ForecastOnArrival);
        assert_eq!(
            serde_json::to_value(face(vec![line])).unwrap(),
            serde_json::json!({"version": 7, "mode": "normal", "source": "guidance", "page_ms": 4000, "lines": [{
                "label": "城西停车场", "arrow": "u_turn", "text": "34", "state": "few", "colour": "yellow", "lots": ["L1"],
                "free": 34, "offset": 0, "reason": "forecast_on_arrival", "rule": "thresholds"}]})
        );
    }

    #[test]
    fn a_face_told_before_pages_and_brightness_still_reads() {
        let old = r#"{"version":3,"mode":"blank","lines":[]}"#;
        assert_eq!(serde_json::from_str::<Face>(old).unwrap(), Face::blank(3));
    }

    #[test]
    fn a_face_that_falls_back_keeps_its_labels_and_loses_its_numbers_and_words() {
        let told = face(vec![line("城西", Some(Arrow::Left), "34", LineState::Free)]).fallen_back();
        assert_eq!((told.mode, told.lines[0].to_string().as_str()), (Mode::Fallback, "城西 ← ----"));
        assert_eq!((told.lines[0].state, told.lines[0].free), (LineState::NoData, None));
        assert_eq!(face(vec![Line::words("前方施工", Colour::Red)]).fallen_back().mode, Mode::Blank);
    }

    #[test]
    fn a_line_reads_as_plain_text() {
        assert_eq!(line("城西停车场", Some(Arrow::Left), "34", LineState::Free).to_string(), "城西停车场 ← 34");
        assert_eq!(line("East", None, "FULL", LineState::Full).to_string(), "East FULL");
        assert_eq!(Line::words("前方施工", Colour::Red).to_string(), "前方施工");
    }
}
