//! The letters of signs, as dots: two strikes, 16 and 24 dots high, both under the SIL Open Font License (`fonts/OFL.txt`).
//!
//! The 16-dot strike is GNU Unifont and covers the basic plane. The 24-dot strike is drawn from Noto Sans Mono CJK SC Bold by
//! `fonts/make.py` and covers ASCII and GB 2312: heavier, and far easier to read from a moving car.

/// The 24-dot strike: records of 75 octets by code point; `fonts/make.py` says how they are laid out.
static NOTO_24: &[u8] = include_bytes!("../fonts/noto24.bin");
const RECORD: usize = 75;
/// Octets of a record before its dots: code point and width.
const HEAD: usize = 3;

/// A set of letters drawn for one height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strike {
    /// 16 dots high; Latin letters are 8 wide, Chinese ones 16.
    Sixteen,
    /// 24 dots high; Latin letters are 12 wide, Chinese ones 24.
    TwentyFour,
}

/// The dots of one letter.
#[derive(Debug, Clone, Copy)]
pub struct Glyph {
    /// Width, dots.
    pub width: u32,
    dots: Dots,
}

#[derive(Debug, Clone, Copy)]
enum Dots {
    Unifont(&'static unifont::Glyph),
    Noto(&'static [u8]),
}

impl Strike {
    /// Height of its letters, dots.
    pub fn height(self) -> u32 {
        match self {
            Self::Sixteen => 16,
            Self::TwentyFour => 24,
        }
    }

    /// The glyph of a character, unless the strike has none or it is not a visible one.
    pub fn glyph(self, character: char) -> Option<Glyph> {
        if character.is_control() {
            return None;
        }
        match self {
            Self::Sixteen => {
                let glyph = unifont::get_glyph(character)?;
                Some(Glyph { width: glyph.get_width() as u32, dots: Dots::Unifont(glyph) })
            }
            Self::TwentyFour => {
                let record = noto(u16::try_from(u32::from(character)).ok()?)?;
                Some(Glyph { width: record[HEAD - 1].into(), dots: Dots::Noto(&record[HEAD..]) })
            }
        }
    }

    /// Width of a text, dots; characters without a glyph take none.
    pub fn width(self, text: &str) -> u32 {
        text.chars().filter_map(|character| self.glyph(character)).map(|glyph| glyph.width).sum()
    }

    /// The first character of a text that has no glyph.
    pub fn missing(self, text: &str) -> Option<char> {
        text.chars().find(|character| self.glyph(*character).is_none())
    }
}

/// The record of a code point.
fn noto(code: u16) -> Option<&'static [u8]> {
    let (mut low, mut high) = (0, NOTO_24.len() / RECORD);
    while low < high {
        let middle = usize::midpoint(low, high);
        let record = &NOTO_24[middle * RECORD..(middle + 1) * RECORD];
        match u16::from_be_bytes([record[0], record[1]]).cmp(&code) {
            std::cmp::Ordering::Equal => return Some(record),
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

impl Glyph {
    /// Whether the dot is lit; `x` and `y` count from the upper left corner.
    pub fn dot(&self, x: u32, y: u32) -> bool {
        if x >= self.width {
            return false;
        }
        match self.dots {
            Dots::Unifont(glyph) => y < 16 && glyph.get_pixel(x as usize, y as usize),
            Dots::Noto(rows) => {
                let at = y as usize * 3 + x as usize / 8;
                rows.get(at).is_some_and(|octet| octet & (0x80 >> (x % 8)) != 0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawn_strike_is_whole_ordered_and_has_what_signs_say() {
        assert_eq!(NOTO_24.len() % RECORD, 0);
        let codes: Vec<u16> = NOTO_24.chunks_exact(RECORD).map(|r| u16::from_be_bytes([r[0], r[1]])).collect();
        assert!(codes.is_sorted_by(|a, b| a < b));
        for text in ["0123456789-", "FULL CLOSED", "满关闭紧张有位", "城西停车场", "瓯江缙云衢州圳"]
        {
            assert_eq!(Strike::TwentyFour.missing(text), None, "{text}");
            assert_eq!(Strike::Sixteen.missing(text), None, "{text}");
        }
        assert_eq!(Strike::TwentyFour.missing("城🅿"), Some('🅿'));
    }

    #[test]
    fn chinese_letters_are_twice_as_wide_as_digits_in_both_strikes() {
        for strike in [Strike::Sixteen, Strike::TwentyFour] {
            assert_eq!((strike.width("8"), strike.width("满")), (strike.height() / 2, strike.height()));
        }
    }

    #[test]
    fn a_dash_is_a_bar_in_the_middle() {
        for strike in [Strike::Sixteen, Strike::TwentyFour] {
            let dash = strike.glyph('-').unwrap();
            let lit: Vec<u32> = (0..strike.height()).filter(|y| (0..dash.width).any(|x| dash.dot(x, *y))).collect();
            assert!(!lit.is_empty() && lit.iter().all(|y| (strike.height() / 3..strike.height() * 3 / 4).contains(y)));
        }
    }
}
