//! What a sign without letters shows of a line: a number or none, and the line's state.

use crate::face::{Face, Line, LineState, Mode};

/// What digits tell of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The number on the face; 0 where the line says that there is no room; `None` where nothing can be told.
    pub number: Option<u32>,
    /// What the line means.
    pub state: LineState,
}

/// What digits tell of each line of a face, so many lines in all. A line that is missing, or that is free text, tells nothing.
pub fn told(face: &Face, lines: usize) -> Vec<Told> {
    let nothing = Told { number: None, state: LineState::NoData };
    let lit = if face.mode == Mode::Blank { &[] } else { face.lines.as_slice() };
    (0..lines).map(|at| lit.get(at).map_or(nothing, of_line)).collect()
}

fn of_line(line: &Line) -> Told {
    let number = match line.state {
        LineState::Free | LineState::Few => line.text.trim().parse().ok(),
        LineState::Full | LineState::Closed => Some(0),
        LineState::NoData | LineState::Text => None,
    };
    Told { number, state: line.state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::tests::{face, line};

    #[test]
    fn a_number_is_told_a_full_lot_is_zero_and_nothing_known_is_no_number() {
        let lines = vec![
            line("A", None, "34", LineState::Free),
            line("B", None, "FULL", LineState::Full),
            line("C", None, "----", LineState::NoData),
            line("D", None, "LOW", LineState::Few),
        ];
        let numbers: Vec<_> = told(&face(lines), 5).into_iter().map(|told| told.number).collect();
        assert_eq!(numbers, [Some(34), Some(0), None, None, None]);
    }

    #[test]
    fn a_dark_face_tells_nothing() {
        let blank = Face::blank(3);
        assert_eq!(told(&blank, 1), [Told { number: None, state: LineState::NoData }]);
    }
}
