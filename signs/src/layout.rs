//! Where each glyph of a face stands on its panel, or why the face does not fit.
//!
//! Glyphs are GNU Unifont's: 8 by 16 dots for Latin, 16 by 16 for Chinese. A label is never shortened: the layouts are tried
//! from the roomiest to the narrowest, and when the last does not hold the face, composing it is an error.

use serde::{Deserialize, Serialize};
use unifont::Glyph;

use crate::face::{Arrow, Face, Line, LineState, Mode};

/// Height of a row of text, dots.
pub const ROW: u32 = 16;
/// Room kept for the text even when it is shorter, dots: four digits, `----`, or two Chinese characters.
const TEXT_ROOM: u32 = 32;
/// Largest enlargement of a glyph.
const MAX_SCALE: u32 = 4;

/// Size of a panel, dots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Width, dots.
    pub width: u32,
    /// Height, dots.
    pub height: u32,
}

/// Why a face cannot be shown on a panel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// The narrowest layout is still too wide.
    #[error("the line {label:?} needs {needed} dots of width; the panel has {available}")]
    TooWide {
        /// The widest line's label.
        label: String,
        /// Width needed, dots.
        needed: u32,
        /// Width of the panel, dots.
        available: u32,
    },
    /// There are more lines than rows.
    #[error("{lines} lines need {needed} dots of height; the panel has {available}")]
    TooHigh {
        /// Number of lines.
        lines: usize,
        /// Height needed, dots.
        needed: u32,
        /// Height of the panel, dots.
        available: u32,
    },
    /// The font has no such character.
    #[error("the line {label:?} holds U+{:04X}, which the font does not have", u32::from(*character))]
    MissingGlyph {
        /// The line's label.
        label: String,
        /// The character.
        character: char,
    },
}

/// How the parts of a line are arranged, from the roomiest to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// Label, arrow and text in one row, with air between.
    Airy,
    /// In one row, a dot apart.
    Tight,
    /// The label in a row of its own, arrow and text below.
    Stacked,
}

/// What a run of dots is, which chooses its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The name of the place.
    Label,
    /// The arrow.
    Arrow,
    /// The number or word, in the colour of its state.
    Text(LineState),
}

/// One run of glyphs on the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its characters.
    pub text: String,
    /// What it is.
    pub part: Part,
    /// Its left edge, dots from the panel's left.
    pub x: u32,
    /// Its upper edge, dots from the panel's top.
    pub y: u32,
}

/// A face laid out on a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The panel's size.
    pub size: Size,
    /// How many dots a dot of a glyph takes, each way.
    pub scale: u32,
    /// How the parts of a line are arranged.
    pub arrangement: Arrangement,
    /// Everything that is lit.
    pub runs: Vec<Run>,
}

/// The glyph of a character, unless the font has none or it is not a visible one.
pub fn glyph(character: char) -> Option<&'static Glyph> {
    if character.is_control() { None } else { unifont::get_glyph(character) }
}

/// Width of a text whose glyphs all exist, dots.
fn width(text: &str) -> u32 {
    text.chars().filter_map(glyph).map(|glyph| glyph.get_width() as u32).sum()
}

impl Arrangement {
    const ALL: [Self; 3] = [Self::Airy, Self::Tight, Self::Stacked];

    fn rows(self) -> u32 {
        if self == Self::Stacked { 2 } else { 1 }
    }

    /// Dots between the parts of a line.
    fn gap(self) -> u32 {
        if self == Self::Airy { 4 } else { 1 }
    }

    /// Width of arrow and text together.
    fn tail(self, line: &Line) -> u32 {
        line.arrow.map_or(0, |_| ROW + self.gap()) + width(&line.text).max(TEXT_ROOM)
    }

    fn width(self, line: &Line) -> u32 {
        let label = width(&line.label);
        match self {
            Self::Stacked => label.max(self.tail(line)),
            _ if label == 0 => self.tail(line),
            _ => label + self.gap() + self.tail(line),
        }
    }
}

/// Lays a face out on a panel in the roomiest way that holds it.
pub fn fit(face: &Face, size: Size) -> Result<Layout, FitError> {
    for line in &face.lines {
        if let Some(character) = line.label.chars().chain(line.text.chars()).find(|c| glyph(*c).is_none()) {
            return Err(FitError::MissingGlyph { label: line.label.clone(), character });
        }
    }
    if face.mode == Mode::Blank || face.lines.is_empty() {
        return Ok(Layout { size, scale: 1, arrangement: Arrangement::Airy, runs: Vec::new() });
    }
    let count = face.lines.len();
    for scale in (1..=MAX_SCALE).rev() {
        for arrangement in Arrangement::ALL {
            // Enlarged letters are worth having only in one row; two small rows read better than one shortened one.
            let high = count as u32 * arrangement.rows() * ROW * scale;
            let wide = face.lines.iter().map(|line| arrangement.width(line) * scale).max().unwrap_or(0);
            if high <= size.height && wide <= size.width && (scale == 1 || arrangement == Arrangement::Airy) {
                return Ok(place(face, size, scale, arrangement));
            }
        }
    }
    let high = count as u32 * ROW;
    if high > size.height {
        return Err(FitError::TooHigh { lines: count, needed: high, available: size.height });
    }
    let narrowest = if high * 2 <= size.height { Arrangement::Stacked } else { Arrangement::Tight };
    let widest = face.lines.iter().max_by_key(|line| narrowest.width(line));
    let (label, needed) = widest.map_or((String::new(), 0), |line| (line.label.clone(), narrowest.width(line)));
    Err(FitError::TooWide { label, needed, available: size.width })
}

fn place(face: &Face, size: Size, scale: u32, arrangement: Arrangement) -> Layout {
    let rows = face.lines.len() as u32 * arrangement.rows();
    // What is left of the height is shared out above, between and below the rows.
    let spare = (size.height - rows * ROW * scale) / (rows + 1);
    let mut runs = Vec::new();
    let mut y = spare;
    for line in &face.lines {
        let mut run = |text: String, part, x, y| {
            if !text.is_empty() {
                runs.push(Run { text, part, x, y });
            }
        };
        run(line.label.clone(), Part::Label, 0, y);
        if arrangement == Arrangement::Stacked {
            y += ROW * scale + spare;
        }
        if let Some(arrow) = line.arrow {
            run(arrow.glyph().to_string(), Part::Arrow, size.width - arrangement.tail(line) * scale, y);
        }
        run(line.text.clone(), Part::Text(line.state), size.width - width(&line.text) * scale, y);
        y += ROW * scale + spare;
    }
    Layout { size, scale, arrangement, runs }
}

/// The dots of an arrow, 16 by 16, heavier than a letter so that it reads from a moving car.
pub fn arrow_dot(arrow: Arrow, x: u32, y: u32) -> bool {
    const LEFT: [u16; 16] = [
        0x0000, 0x0000, 0x0100, 0x0300, 0x0700, 0x0F00, 0x1FFE, 0x3FFE, 0x3FFE, 0x1FFE, 0x0F00, 0x0700, 0x0300, 0x0100,
        0x0000, 0x0000,
    ];
    const U_TURN: [u16; 16] = [
        0x0000, 0x07E0, 0x0FF0, 0x1FF8, 0x1C38, 0x1818, 0x1818, 0x1818, 0x1818, 0x7E18, 0x7E18, 0x3C18, 0x3C18, 0x1818,
        0x1818, 0x0000,
    ];
    if x >= ROW || y >= ROW {
        return false;
    }
    let dot = |rows: &[u16; 16], x: u32, y: u32| rows[y as usize] & (0x8000 >> x) != 0;
    match arrow {
        Arrow::Left => dot(&LEFT, x, y),
        Arrow::Right => dot(&LEFT, ROW - 1 - x, y),
        Arrow::Ahead => dot(&LEFT, y, x),
        Arrow::UTurn => dot(&U_TURN, x, y),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::tests::{face, line};

    const SIZE: Size = Size { width: 160, height: 48 };

    fn lay(label: &str, size: Size) -> Result<Layout, FitError> {
        fit(&face(vec![line(label, Some(Arrow::Left), "34", LineState::Free)]), size)
    }

    #[test]
    fn a_line_takes_the_largest_letters_that_fit() {
        assert_eq!(lay("城西停车场", Size { width: 320, height: 48 }).unwrap().scale, 2);
        assert_eq!(lay("城西停车场", SIZE).unwrap().scale, 1);
        assert_eq!(lay("城西停车场", SIZE).unwrap().arrangement, Arrangement::Airy);
    }

    #[test]
    fn a_narrower_layout_is_tried_before_a_label_is_refused() {
        let arrangement = |width, height| lay("城西停车场", Size { width, height }).map(|layout| layout.arrangement);
        assert_eq!(arrangement(136, 16), Ok(Arrangement::Airy));
        assert_eq!(arrangement(130, 16), Ok(Arrangement::Tight));
        assert_eq!(arrangement(96, 32), Ok(Arrangement::Stacked));
        let refused = FitError::TooWide { label: "城西停车场".into(), needed: 130, available: 96 };
        assert_eq!(arrangement(96, 16), Err(refused));
    }

    #[test]
    fn too_many_lines_and_unknown_characters_are_named() {
        let lines = vec![line("A", None, "1", LineState::Free); 4];
        assert_eq!(fit(&face(lines), SIZE), Err(FitError::TooHigh { lines: 4, needed: 64, available: 48 }));
        for character in ['🅿', '\u{7}'] {
            let label = format!("P{character}");
            assert_eq!(lay(&label, SIZE), Err(FitError::MissingGlyph { label, character }));
        }
    }

    #[test]
    fn a_number_that_turns_into_a_word_does_not_move_the_label() {
        let place = |text: &str| fit(&face(vec![line("城西停车场", None, text, LineState::Free)]), SIZE).unwrap();
        assert_eq!(place("3").runs[0], place("关闭").runs[0]);
        assert_eq!(place("3").scale, place("----").scale);
    }

    proptest::proptest! {
        #[test]
        fn whatever_fits_stays_within_the_panel(label in "[a-z城西停车场]{0,12}", text in "[0-9]{1,4}|满|FULL", width in 16u32..400, height in 8u32..130, n in 1usize..4) {
            let lines = vec![line(&label, Some(Arrow::Right), &text, LineState::Free); n];
            if let Ok(layout) = fit(&face(lines), Size { width, height }) {
                for run in &layout.runs {
                    let wide = if run.part == Part::Arrow { ROW } else { super::width(&run.text) };
                    proptest::prop_assert!(run.x + wide * layout.scale <= width && run.y + ROW * layout.scale <= height);
                }
                for (i, a) in layout.runs.iter().enumerate() {
                    for b in &layout.runs[i + 1..] {
                        let wide = |run: &Run| if run.part == Part::Arrow { ROW } else { super::width(&run.text) } * layout.scale;
                        let apart = a.y != b.y || a.x + wide(a) <= b.x || b.x + wide(b) <= a.x;
                        proptest::prop_assert!(apart, "{a:?} and {b:?} lie over each other");
                    }
                }
            }
        }
    }
}
