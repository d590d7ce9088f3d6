//! MULTI, the text a sign is written in: from faces to MULTI, and from MULTI back to plain lines.
//!
//! Digits and Latin letters stay as they are, so that anyone who reads the MULTI sees the number; Chinese characters and
//! arrows become `[hcXXXX]`, for MULTI has no characters beyond ASCII.

use std::fmt::Write;

use crate::{
    face::{Colour, Face, Line, LineState, Mode},
    layout::{Arrangement, FitError, Layout, Size, pages},
};

/// How a sign takes colours, by its `dmsColorScheme`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorScheme {
    /// One colour or shades of one: no colour tags are written.
    Monochrome,
    /// The ten numbered colours.
    #[default]
    Classic,
    /// Red, green and blue.
    Rgb,
}

impl ColorScheme {
    /// From the value of `dmsColorScheme`.
    pub fn from_code(code: i32) -> Self {
        match code {
            1 | 2 => Self::Monochrome,
            4 => Self::Rgb,
            _ => Self::Classic,
        }
    }

    fn tag(self, multi: &mut String, colour: Colour) {
        let [r, g, b] = colour.light();
        match self {
            Self::Monochrome => {}
            Self::Classic => drop(write!(multi, "[cf{}]", classic(colour))),
            Self::Rgb => drop(write!(multi, "[cf{r},{g},{b}]")),
        }
    }
}

/// The numbered colour nearest to ours.
fn classic(colour: Colour) -> u8 {
    match colour {
        Colour::Amber => 9,
        Colour::Green => 3,
        Colour::Yellow => 2,
        Colour::Red => 1,
        // Grey has no number of its own among the classic colours: white.
        Colour::White | Colour::Grey => 7,
    }
}

/// The MULTI text of a sign's panels, from left to right. A sign of one panel is written without rectangles; a panel with
/// fewer pages than another begins again.
pub fn encode(panels: &[(&Face, Size)], scheme: ColorScheme) -> Result<String, FitError> {
    let laid: Vec<Vec<Layout>> = panels.iter().map(|(face, size)| pages(face, *size)).collect::<Result<_, _>>()?;
    let count = laid.iter().map(Vec::len).max().unwrap_or(1);
    let mut multi = String::new();
    if count > 1 {
        // Tenths of a second; a page goes out for none before the next.
        let page_ds = panels.iter().map(|(face, _)| face.page_ms / 100).max().unwrap_or(0).clamp(5, 255);
        let _ = write!(multi, "[pt{page_ds}o0]");
    }
    for page in 0..count {
        if page > 0 {
            multi.push_str("[np]");
        }
        let mut left = 1;
        for ((face, size), layouts) in panels.iter().zip(&laid) {
            let layout = &layouts[page % layouts.len()];
            if panels.len() > 1 {
                let _ = write!(multi, "[tr{left},1,{},{}]", size.width, size.height);
                left += size.width;
            }
            if face.mode == Mode::Blank {
                continue;
            }
            multi.push_str("[jp3]");
            for (index, line) in face.lines[layout.lines.clone()].iter().enumerate() {
                if index > 0 {
                    multi.push_str("[nl]");
                }
                write_line(&mut multi, line, layout.arrangement == Arrangement::Stacked, scheme);
            }
        }
    }
    Ok(multi)
}

fn write_line(multi: &mut String, line: &Line, stacked: bool, scheme: ColorScheme) {
    multi.push_str(if line.state == LineState::Text { "[jl3]" } else { "[jl2]" });
    scheme.tag(multi, line.label_colour());
    literal(multi, &line.label);
    if line.state == LineState::Text {
        return;
    }
    multi.push_str(if stacked { "[nl][jl4]" } else { "[jl4]" });
    if let Some(arrow) = line.arrow {
        literal(multi, arrow.glyph().encode_utf8(&mut [0; 4]));
        multi.push(' ');
    }
    scheme.tag(multi, line.colour);
    literal(multi, &line.text);
}

fn literal(multi: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '[' | ']' => multi.extend([character, character]),
            ' '..='~' => multi.push(character),
            _ => drop(write!(multi, "[hc{:X}]", u32::from(character))),
        }
    }
}

/// Why a text is not MULTI this side can read, with the code of `dmsMultiSyntaxError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// An unknown tag, or one that is not closed.
    #[error("unsupported tag at octet {0}")]
    Tag(usize),
    /// A known tag with a value it cannot have.
    #[error("unsupported tag value at octet {0}")]
    Value(usize),
    /// A character MULTI does not have.
    #[error("character not defined at octet {0}")]
    Character(usize),
}

impl SyntaxError {
    /// The value of `dmsMultiSyntaxError`.
    pub fn code(self) -> i32 {
        match self {
            Self::Tag(_) => 3,
            Self::Value(_) => 4,
            Self::Character(_) => 7,
        }
    }
    /// The octet it stands at.
    pub fn position(self) -> usize {
        match self {
            Self::Tag(at) | Self::Value(at) | Self::Character(at) => at,
        }
    }
}

/// Plain text of one rectangle of the sign, on one page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rectangle {
    /// Left, top, width, height in pixels, counted from 1; `None` is the whole sign.
    pub place: Option<[u32; 4]>,
    /// Its lines; a change of justification within a line reads as a space.
    pub lines: Vec<String>,
}

/// Reads MULTI as the plain lines of its rectangles, page after page.
pub fn read(multi: &str) -> Result<Vec<Rectangle>, SyntaxError> {
    let mut rectangles: Vec<Rectangle> = Vec::new();
    let mut place = None;
    let mut lines = vec![String::new()];
    let mut rest = multi.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let doubled = rest.peek().is_some_and(|(_, next)| *next == character);
        match character {
            '[' | ']' if doubled => {
                rest.next();
                push(&mut lines, character);
            }
            '[' => {
                let mut tag = String::new();
                loop {
                    match rest.next() {
                        Some((_, ']')) => break,
                        Some((_, c)) if c != '[' => tag.push(c.to_ascii_lowercase()),
                        _ => return Err(SyntaxError::Tag(at)),
                    }
                }
                match parse_tag(&tag, at)? {
                    Tag::Character(character) => push(&mut lines, character),
                    Tag::NewLine => lines.push(String::new()),
                    Tag::Gap => {
                        if lines.last().is_some_and(|line| !line.is_empty() && !line.ends_with(' ')) {
                            push(&mut lines, ' ');
                        }
                    }
                    Tag::Rectangle(next) => {
                        finish(&mut rectangles, place, std::mem::replace(&mut lines, vec![String::new()]));
                        place = Some(next);
                    }
                    Tag::NewPage => {
                        finish(&mut rectangles, place.take(), std::mem::replace(&mut lines, vec![String::new()]));
                    }
                    Tag::Style => {}
                }
            }
            ' '..='~' if character != ']' => push(&mut lines, character),
            _ => return Err(SyntaxError::Character(at)),
        }
    }
    finish(&mut rectangles, place, lines);
    Ok(rectangles)
}

fn push(lines: &mut [String], character: char) {
    if let Some(line) = lines.last_mut() {
        line.push(character);
    }
}

/// Ends a rectangle; what stands before the first one is kept only if there is something.
fn finish(rectangles: &mut Vec<Rectangle>, place: Option<[u32; 4]>, lines: Vec<String>) {
    let empty = lines.iter().all(String::is_empty);
    if place.is_some() || !empty {
        rectangles.push(Rectangle { place, lines: if empty { Vec::new() } else { lines } });
    }
}

enum Tag {
    Character(char),
    NewLine,
    Gap,
    Rectangle([u32; 4]),
    NewPage,
    Style,
}

fn parse_tag(tag: &str, at: usize) -> Result<Tag, SyntaxError> {
    let wrong = SyntaxError::Value(at);
    let numbers =
        |text: &str| text.split(',').map(|n| n.parse::<u32>().map_err(|_| wrong)).collect::<Result<Vec<_>, _>>();
    let between = |text: &str, low: u32, high: u32| match numbers(text)?.as_slice() {
        [n] if (low..=high).contains(n) => Ok(()),
        _ => Err(wrong),
    };
    if let Some(hex) = tag.strip_prefix("hc") {
        return u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).map(Tag::Character).ok_or(wrong);
    }
    if let Some(area) = tag.strip_prefix("tr") {
        let area: [u32; 4] = numbers(area)?.try_into().map_err(|_| wrong)?;
        return if area[0] > 0 && area[1] > 0 { Ok(Tag::Rectangle(area)) } else { Err(wrong) };
    }
    if let Some(colour) = tag.strip_prefix("cf").or_else(|| tag.strip_prefix("cb")) {
        return match numbers(colour)?.as_slice() {
            [number] if *number <= 9 => Ok(Tag::Style),
            [r, g, b] if [r, g, b].into_iter().all(|c| *c <= 255) => Ok(Tag::Style),
            _ => Err(wrong),
        };
    }
    if let Some(n) = tag.strip_prefix("jp") {
        return between(n, 2, 4).map(|()| Tag::Style);
    }
    if let Some(n) = tag.strip_prefix("jl") {
        return between(n, 2, 5).map(|()| Tag::Gap);
    }
    if let Some(n) = tag.strip_prefix("fo") {
        return between(n, 1, 255).map(|()| Tag::Style);
    }
    if let Some(time) = tag.strip_prefix("pt") {
        let (on, off) =
            time.split_once('o').map_or((time, "0"), |(on, off)| (on, if off.is_empty() { "0" } else { off }));
        return if on.is_empty() {
            Ok(Tag::Style)
        } else {
            between(on, 0, 255).and(between(off, 0, 255)).map(|()| Tag::Style)
        };
    }
    match tag.strip_prefix("nl") {
        _ if tag == "np" => Ok(Tag::NewPage),
        Some("") => Ok(Tag::NewLine),
        Some(n) => numbers(n).map(|_| Tag::NewLine),
        None => Err(SyntaxError::Tag(at)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::face::{
        Arrow, LineState,
        tests::{face, line},
    };

    const SIZE: Size = Size { width: 160, height: 32 };

    #[test]
    fn a_face_is_written_with_literal_digits_and_hex_characters() {
        let face = face(vec![
            line("城西", Some(Arrow::Left), "34", LineState::Free),
            line("P[1]", None, "满", LineState::Full),
        ]);
        assert_eq!(
            encode(&[(&face, SIZE)], ColorScheme::Classic).unwrap(),
            "[jp3][jl2][cf9][hc57CE][hc897F][jl4][hc2190] [cf3]34[nl][jl2][cf9]P[[1]][jl4][cf1][hc6EE1]"
        );
        let rgb = encode(&[(&face, SIZE)], ColorScheme::Rgb).unwrap();
        assert!(rgb.contains("[cf40,255,80]34"), "{rgb}");
        assert!(!encode(&[(&face, SIZE)], ColorScheme::Monochrome).unwrap().contains("[cf"));
    }

    #[test]
    fn several_panels_stand_in_rectangles_from_left_to_right() {
        let (a, b) = (face(vec![line("A", None, "1", LineState::Free)]), Face::blank(1));
        let multi = encode(&[(&a, SIZE), (&b, SIZE)], ColorScheme::Monochrome).unwrap();
        assert_eq!(multi, "[tr1,1,160,32][jp3][jl2]A[jl4]1[tr161,1,160,32]");
        assert_eq!(
            read(&multi).unwrap(),
            [
                Rectangle { place: Some([1, 1, 160, 32]), lines: vec!["A 1".into()] },
                Rectangle { place: Some([161, 1, 160, 32]), lines: vec![] },
            ]
        );
    }

    #[test]
    fn a_face_of_more_lines_than_rows_is_written_on_pages() {
        let lines = ["A", "B", "C"].map(|label| line(label, None, "1", LineState::Free)).to_vec();
        let multi = encode(&[(&face(lines), SIZE)], ColorScheme::Monochrome).unwrap();
        assert_eq!(multi, "[pt40o0][jp3][jl2]A[jl4]1[nl][jl2]B[jl4]1[np][jp3][jl2]C[jl4]1");
        let told: Vec<Vec<String>> = read(&multi).unwrap().into_iter().map(|page| page.lines).collect();
        assert_eq!(told, [vec!["A 1", "B 1"], vec!["C 1"]]);
    }

    #[test]
    fn free_text_is_centred() {
        let words = face(vec![Line::words("STOP", Colour::Red)]);
        assert_eq!(encode(&[(&words, SIZE)], ColorScheme::Classic).unwrap(), "[jp3][jl3][cf1]STOP");
    }

    #[test]
    fn a_face_too_wide_for_its_panel_is_not_written() {
        let face = face(vec![line("城西停车场城西停车场", None, "1", LineState::Free)]);
        let small = Size { width: 96, height: 16 };
        assert!(matches!(encode(&[(&face, small)], ColorScheme::Rgb), Err(FitError::TooWide { .. })));
    }

    #[test]
    fn wrong_multi_is_refused_with_its_place() {
        for (multi, error) in [
            ("34[zz]", SyntaxError::Tag(2)),
            ("[jl9]", SyntaxError::Value(0)),
            ("a[hcZZ]", SyntaxError::Value(1)),
            ("[nl", SyntaxError::Tag(0)),
            ("满", SyntaxError::Character(0)),
            ("a]", SyntaxError::Character(1)),
            ("[cf10]", SyntaxError::Value(0)),
            ("[tr0,1,2,3]", SyntaxError::Value(0)),
        ] {
            assert_eq!(read(multi), Err(error), "{multi}");
        }
        assert_eq!(read(""), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_as_the_same_words(label in "[A-Za-z\\[\\]城西停车场]{1,8}", text in "[0-9]{1,4}|满|FULL|----", arrow in any::<bool>()) {
            let line = line(&label, arrow.then_some(Arrow::Ahead), &text, LineState::Free);
            let face = face(vec![line.clone(), line.clone()]);
            let multi = encode(&[(&face, Size { width: 400, height: 64 })], ColorScheme::Rgb).unwrap();
            prop_assert!(multi.is_ascii());
            let read = read(&multi).unwrap();
            prop_assert_eq!(&read[0].lines, &[line.to_string(), line.to_string()]);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(multi in "\\PC{0,40}|[\\[\\]a-z0-9,]{0,40}") {
            let _ = read(&multi);
        }
    }
}
