//! Where each glyph of a face stands on its panel, or why the face does not fit.
//!
//! A label is never shortened: the layouts are tried from the largest letters and the roomiest arrangement to the smallest and
//! narrowest, then on more pages, and when the last does not hold the face, composing it is an error.

use serde::{Deserialize, Serialize};

use crate::{
    face::{Colour, Face, Line, LineState, Mode},
    font::Strike,
};

/// Most pages a face is spread over: a driver who passes has no time for more.
pub const MAX_PAGES: usize = 4;

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
    /// There are more lines than rows, on as many pages as there may be.
    #[error(
        "{lines} lines need {needed} dots of height on the fullest of {MAX_PAGES} pages; the panel has {available}"
    )]
    TooHigh {
        /// Number of lines.
        lines: usize,
        /// Height needed, dots.
        needed: u32,
        /// Height of the panel, dots.
        available: u32,
    },
    /// No font has such a character.
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

/// Letters of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letters {
    /// Whose dots they have.
    pub strike: Strike,
    /// How many dots a dot of a glyph takes, each way.
    pub scale: u32,
}

/// One run of glyphs on the panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its characters.
    pub text: String,
    /// Whether it is an arrow, which is not drawn as a letter.
    pub is_arrow: bool,
    /// Its colour.
    pub colour: Colour,
    /// Its left edge, dots from the panel's left.
    pub x: u32,
    /// Its upper edge, dots from the panel's top.
    pub y: u32,
}

/// One page of a face laid out on a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The panel's size.
    pub size: Size,
    /// The letters of all its runs.
    pub letters: Letters,
    /// How the parts of a line are arranged.
    pub arrangement: Arrangement,
    /// Which of the face's lines stand on this page.
    pub lines: std::ops::Range<usize>,
    /// Everything that is lit.
    pub runs: Vec<Run>,
}

impl Letters {
    /// From the largest to the smallest; of two as high, the heavier first.
    const ALL: [Self; 7] = [
        Self::of(Strike::TwentyFour, 3),
        Self::of(Strike::Sixteen, 4),
        Self::of(Strike::TwentyFour, 2),
        Self::of(Strike::Sixteen, 3),
        Self::of(Strike::Sixteen, 2),
        Self::of(Strike::TwentyFour, 1),
        Self::of(Strike::Sixteen, 1),
    ];
    const SMALLEST: Self = Self::of(Strike::Sixteen, 1);

    const fn of(strike: Strike, scale: u32) -> Self {
        Self { strike, scale }
    }

    /// Height of a row, dots.
    pub fn height(self) -> u32 {
        self.strike.height() * self.scale
    }

    /// Width of a text, dots.
    pub fn width(self, text: &str) -> u32 {
        self.strike.width(text) * self.scale
    }

    /// Width of a run, dots.
    pub fn run_width(self, run: &Run) -> u32 {
        if run.is_arrow { self.height() } else { self.width(&run.text) }
    }

    /// The arrangements worth trying: enlarged letters only where one row holds a line.
    fn arrangements(self, lines: &[Line]) -> &'static [Arrangement] {
        if self.scale > 1 || lines.iter().all(is_words) { &Arrangement::ALL[..1] } else { &Arrangement::ALL }
    }
}

fn is_words(line: &Line) -> bool {
    line.state == LineState::Text
}

impl Arrangement {
    const ALL: [Self; 3] = [Self::Airy, Self::Tight, Self::Stacked];

    fn rows(self) -> u32 {
        if self == Self::Stacked { 2 } else { 1 }
    }

    /// Dots between the parts of a line.
    fn gap(self, letters: Letters) -> u32 {
        (if self == Self::Airy { 4 } else { 1 }) * letters.scale
    }

    /// Width of arrow and text together. Room is kept for a text of four digits, `----` or two Chinese characters even where
    /// it is shorter, so that a number that turns into a word moves nothing.
    fn tail(self, line: &Line, letters: Letters) -> u32 {
        let arrow = line.arrow.map_or(0, |_| letters.height() + self.gap(letters));
        arrow + letters.width(&line.text).max(2 * letters.height())
    }

    fn width(self, line: &Line, letters: Letters) -> u32 {
        let label = letters.width(&line.label);
        match self {
            _ if is_words(line) => label,
            Self::Stacked => label.max(self.tail(line, letters)),
            _ if label == 0 => self.tail(line, letters),
            _ => label + self.gap(letters) + self.tail(line, letters),
        }
    }
}

/// Lays a face out on a panel, on as few pages as hold it and on those in the roomiest way; all pages look alike.
///
/// # Errors
/// A character no font has, or a face that [`MAX_PAGES`] pages do not hold.
pub fn pages(face: &Face, size: Size) -> Result<Vec<Layout>, FitError> {
    for line in &face.lines {
        if let Some(character) = Strike::Sixteen.missing(&line.label).or_else(|| Strike::Sixteen.missing(&line.text)) {
            return Err(FitError::MissingGlyph { label: line.label.clone(), character });
        }
    }
    let lines = face.lines.as_slice();
    if face.mode == Mode::Blank || lines.is_empty() {
        let (letters, arrangement) = (Letters::SMALLEST, Arrangement::Airy);
        return Ok(vec![Layout { size, letters, arrangement, lines: 0..0, runs: Vec::new() }]);
    }
    let mut per_page = lines.len();
    for count in 1..=MAX_PAGES.min(lines.len()) {
        per_page = lines.len().div_ceil(count);
        if let Some((letters, arrangement)) = roomiest(lines, per_page, size) {
            let page =
                |first: usize| place(lines, first..(first + per_page).min(lines.len()), size, letters, arrangement);
            return Ok((0..lines.len()).step_by(per_page).map(page).collect());
        }
    }
    Err(misfit(lines, per_page, size))
}

/// Lays a face out on a single page.
///
/// # Errors
/// As [`pages`], and a face that needs more than one page.
pub fn fit(face: &Face, size: Size) -> Result<Layout, FitError> {
    let mut pages = pages(face, size)?;
    match pages.pop() {
        Some(only) if pages.is_empty() => Ok(only),
        _ => Err(misfit(&face.lines, face.lines.len(), size)),
    }
}

/// The largest letters and roomiest arrangement that hold every line, so many of them on a page.
fn roomiest(lines: &[Line], per_page: usize, size: Size) -> Option<(Letters, Arrangement)> {
    let drawn = |letters: &Letters| {
        lines.iter().all(|line| letters.strike.missing(&line.label).or(letters.strike.missing(&line.text)).is_none())
    };
    for letters in Letters::ALL.into_iter().filter(drawn) {
        for arrangement in letters.arrangements(lines) {
            let high = per_page as u32 * arrangement.rows() * letters.height();
            let wide = lines.iter().map(|line| arrangement.width(line, letters)).max().unwrap_or(0);
            if high <= size.height && wide <= size.width {
                return Some((letters, *arrangement));
            }
        }
    }
    None
}

/// Why the smallest letters do not hold so many lines on a page.
fn misfit(lines: &[Line], per_page: usize, size: Size) -> FitError {
    let letters = Letters::SMALLEST;
    let high = per_page as u32 * letters.height();
    if high > size.height {
        return FitError::TooHigh { lines: lines.len(), needed: high, available: size.height };
    }
    let narrowest = if high * 2 <= size.height { Arrangement::Stacked } else { Arrangement::Tight };
    let widest = lines.iter().max_by_key(|line| narrowest.width(line, letters));
    let (label, needed) =
        widest.map_or((String::new(), 0), |line| (line.label.clone(), narrowest.width(line, letters)));
    FitError::TooWide { label, needed, available: size.width }
}

fn place(lines: &[Line], on: std::ops::Range<usize>, size: Size, letters: Letters, arrangement: Arrangement) -> Layout {
    let rows = on.len() as u32 * arrangement.rows();
    // What is left of the height is shared out above, between and below the rows.
    let spare = (size.height - rows * letters.height()) / (rows + 1);
    let mut runs = Vec::new();
    let mut y = spare;
    for line in &lines[on.clone()] {
        let mut run = |text: &str, is_arrow, colour, x, y| {
            if !text.is_empty() {
                runs.push(Run { text: text.to_owned(), is_arrow, colour, x, y });
            }
        };
        let left = if is_words(line) { (size.width - letters.width(&line.label)) / 2 } else { 0 };
        run(&line.label, false, line.label_colour(), left, y);
        if arrangement == Arrangement::Stacked {
            y += letters.height() + spare;
        }
        if let Some(arrow) = line.arrow {
            let x = size.width - arrangement.tail(line, letters);
            run(arrow.glyph().encode_utf8(&mut [0; 4]), true, Colour::Amber, x, y);
        }
        run(&line.text, false, line.colour, size.width - letters.width(&line.text), y);
        y += letters.height() + spare;
    }
    Layout { size, letters, arrangement, lines: on, runs }
}

/// Breaks free text into lines that fit a width in the smallest letters: at line ends, else at spaces, else anywhere.
pub fn wrap(text: &str, size: Size) -> Vec<String> {
    let wide = |text: &str| Letters::SMALLEST.width(text);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for character in paragraph.trim().chars() {
            line.push(character);
            if wide(&line) > size.width && line.chars().count() > 1 {
                let latin = |c: char| c.is_ascii_graphic();
                let at_space =
                    line.rfind(' ').filter(|_| latin(character) && line.chars().rev().nth(1).is_some_and(latin));
                let at = at_space.filter(|at| *at > 0).unwrap_or(line.len() - character.len_utf8());
                let rest = line.split_off(at);
                lines.push(std::mem::replace(&mut line, rest.trim_start().to_owned()));
            }
        }
        lines.push(line);
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Arrow,
        face::tests::{face, line},
    };

    const SIZE: Size = Size { width: 160, height: 48 };

    fn lay(label: &str, size: Size) -> Result<Layout, FitError> {
        fit(&face(vec![line(label, Some(Arrow::Left), "34", LineState::Free)]), size)
    }

    #[test]
    fn a_line_takes_the_largest_letters_that_fit() {
        let letters = |width, height| lay("城西停车场", Size { width, height }).unwrap().letters;
        assert_eq!(letters(400, 48), Letters::of(Strike::TwentyFour, 2));
        assert_eq!(letters(320, 48), Letters::of(Strike::Sixteen, 2));
        assert_eq!(letters(240, 48), Letters::of(Strike::TwentyFour, 1));
        assert_eq!(letters(160, 16), Letters::of(Strike::Sixteen, 1));
        assert_eq!(
            lay("城西停车场", SIZE).unwrap().arrangement,
            Arrangement::Stacked,
            "24 dots in two rows before 16 in one"
        );
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
        let lines = |n| face(vec![line("A", None, "1", LineState::Free); n]);
        assert_eq!(fit(&lines(4), SIZE), Err(FitError::TooHigh { lines: 4, needed: 64, available: 48 }));
        assert_eq!(pages(&lines(13), SIZE), Err(FitError::TooHigh { lines: 13, needed: 64, available: 48 }));
        for character in ['🅿', '\u{7}'] {
            let label = format!("P{character}");
            assert_eq!(lay(&label, SIZE), Err(FitError::MissingGlyph { label, character }));
        }
    }

    #[test]
    fn a_number_that_turns_into_a_word_does_not_move_the_label() {
        let place = |text: &str| fit(&face(vec![line("城西停车场", None, text, LineState::Free)]), SIZE).unwrap();
        assert_eq!(place("3").runs[0], place("关闭").runs[0]);
        assert_eq!(place("3").letters, place("----").letters);
    }

    #[test]
    fn lines_beyond_the_panel_stand_on_further_pages_that_look_alike() {
        let lines: Vec<Line> =
            ["城西", "城东", "城南停车场", "城北", "云和"].map(|l| line(l, None, "34", LineState::Free)).into();
        let pages = pages(&face(lines), SIZE).unwrap();
        assert_eq!(pages.iter().map(|page| page.lines.clone()).collect::<Vec<_>>(), [0..3, 3..5]);
        assert!(pages.iter().all(|page| page.letters == pages[0].letters && page.arrangement == pages[0].arrangement));
        assert!(pages[1].runs.iter().any(|run| run.text == "云和"));
    }

    #[test]
    fn free_text_stands_in_the_middle_in_its_own_colour() {
        let page = fit(&face(vec![Line::words("前方封闭", Colour::Red)]), SIZE).unwrap();
        let [run] = page.runs.as_slice() else { panic!("{:?}", page.runs) };
        assert_eq!((run.colour, run.x), (Colour::Red, (160 - page.letters.width("前方封闭")) / 2));
    }

    #[test]
    fn free_text_breaks_between_words_and_anywhere_in_chinese() {
        let narrow = Size { width: 64, height: 32 };
        assert_eq!(wrap("前方道路封闭请绕行", narrow), ["前方道路", "封闭请绕", "行"]);
        assert_eq!(wrap("Road closed\n  ahead", narrow), ["Road", "closed", "ahead"]);
        assert_eq!(wrap("Umleitungsstrecke", narrow), ["Umleitun", "gsstreck", "e"]);
        assert!(wrap(" \n ", narrow).is_empty());
    }

    proptest::proptest! {
        #[test]
        fn whatever_fits_stays_within_the_panel(label in "[a-z城西停车场]{0,12}", text in "[0-9]{1,4}|满|FULL", width in 16u32..400, height in 8u32..130, n in 1usize..4) {
            let lines = vec![line(&label, Some(Arrow::Right), &text, LineState::Free); n];
            for layout in pages(&face(lines), Size { width, height }).unwrap_or_default() {
                let letters = layout.letters;
                for (i, a) in layout.runs.iter().enumerate() {
                    proptest::prop_assert!(a.x + letters.run_width(a) <= width && a.y + letters.height() <= height);
                    for b in &layout.runs[i + 1..] {
                        let apart = a.y != b.y || a.x + letters.run_width(a) <= b.x || b.x + letters.run_width(b) <= a.x;
                        proptest::prop_assert!(apart, "{a:?} and {b:?} lie over each other");
                    }
                }
            }
        }

        #[test]
        fn wrapped_text_loses_no_letter_and_fits_its_width(text in "[a-zA-Z城西停车场 \n]{0,60}", width in 16u32..200) {
            let lines = wrap(&text, Size { width, height: 16 });
            proptest::prop_assert!(lines.iter().all(|line| Letters::SMALLEST.width(line) <= width), "{:?}", lines);
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
