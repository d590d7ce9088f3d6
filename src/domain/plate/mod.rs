//! A licence plate as read, in its normal form, and folded so that characters readers confuse fall together.
//!
//! Structures after GA 36-2018; the serial of a plate never holds I or O, so `O` and `I` read there mean `0` and `1`.

mod near;

use serde::{Deserialize, Serialize};

pub use near::{Match, keys_alike, keys_of, keys_sought, match_of};

const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
const COLOURS: [&str; 8] = ["新能源", "渐变", "蓝", "黄", "绿", "白", "黑", "红"];
const NO_PLATE: [&str; 8] = ["无车牌", "无牌", "无号牌", "未识别", "车牌未知", "NOPLATE", "UNKNOWN", "NONE"];
const NEW_ENERGY: &str = "DABCEFGHJK";
/// Characters readers confuse with each other; the first stands for its class.
const CONFUSABLE: [&str; 11] = ["0ODQ", "1ILT7", "2Z", "5S", "8B", "6GC", "UVY", "MNW", "KX", "PR", "EF"];
/// Longest plate text kept, characters.
const MAX_CHARS: usize = 24;

/// What a plate's structure says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlateKind {
    /// Province, letter, five characters: blue for cars, yellow for lorries and coaches.
    Ordinary,
    /// Green with eight characters, a car.
    NewEnergySmall,
    /// Green with eight characters, a lorry or coach.
    NewEnergyLarge,
    /// 警
    Police,
    /// 挂
    Trailer,
    /// 学
    Learner,
    /// 港 or 澳
    HongKongMacao,
    /// 使: six digits and the word, or the older form with the word first.
    Embassy,
    /// 领
    Consulate,
    /// WJ
    ArmedPolice,
    /// The army's two letters and five digits.
    Army,
    /// 应急: of the fire and rescue services, with the letter of their branch.
    Emergency,
    /// 民航: for vehicles inside an airport.
    CivilAviation,
    /// 临: a temporary plate.
    Temporary,
    /// An electric bicycle's plate of Zhejiang: the city's name, a letter or none, digits.
    ElectricBicycle,
    /// Latin letters and digits alone: of another country, or a plate whose province was not read.
    Foreign,
    /// A plate with unread characters, each told as `?`.
    Partial,
    /// Free text: a plate of no structure known here.
    Other,
    /// Nothing that could be read, or no plate at all.
    Unreadable,
}

impl PlateKind {
    /// Vehicles that may be on urgent duty: a person decides, and nothing is dropped in silence.
    pub fn may_be_on_duty(self) -> bool {
        matches!(self, Self::Police | Self::ArmedPolice | Self::Army | Self::Emergency)
    }
}

/// A plate: what was read, its normal form, its folded form and its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plate {
    raw: String,
    norm: String,
    fold: String,
    kind: PlateKind,
}

impl Plate {
    /// Reads a plate as a camera or a person wrote it; never fails, since free text is a plate too.
    pub fn read(raw: &str) -> Self {
        let (norm, kind) = normalise(raw);
        Self { raw: raw.chars().take(64).collect(), fold: fold(&norm), norm, kind }
    }

    /// The text as read.
    pub fn raw(&self) -> &str {
        &self.raw
    }
    /// The normal form; empty when unreadable.
    pub fn norm(&self) -> &str {
        &self.norm
    }
    /// The folded form, without the province; equal for plates that differ only in characters readers confuse.
    pub fn fold(&self) -> &str {
        &self.fold
    }
    /// What its structure says it is.
    pub fn kind(&self) -> PlateKind {
        self.kind
    }
    /// Whether every character was read, so that the plate names one vehicle.
    pub fn names_a_vehicle(&self) -> bool {
        !matches!(self.kind, PlateKind::Partial | PlateKind::Unreadable)
    }

    /// The plate with most of it hidden, for whatever is public: `浙K·**345`.
    pub fn mask(&self) -> String {
        let chars: Vec<char> = self.norm.chars().collect();
        let (head, dot, tail) = match chars.len() {
            0..=3 => (0, "", 0),
            4..=6 => (1, "", 1),
            _ => (2, "·", 3),
        };
        let hidden = "*".repeat(chars.len() - head - tail);
        let text = |part: &[char]| part.iter().collect::<String>();
        format!("{}{dot}{hidden}{}", text(&chars[..head]), text(&chars[chars.len() - tail..]))
    }
}

/// A search as an officer types it: cleaned like a plate, with `?` for a character nobody is sure of.
pub fn search_pattern(query: &str) -> String {
    clean(query).0
}

/// Folds confusable characters into one and drops the province.
pub fn fold(norm: &str) -> String {
    let class = |c: char| CONFUSABLE.iter().find(|class| class.contains(c)).and_then(|class| class.chars().next());
    norm.chars().filter(|c| !PROVINCES.contains(*c)).map(|c| class(c).unwrap_or(c)).collect()
}

/// How far two normal forms are apart, where they may be two readings of one plate: 0 when they are equal, 1 when they differ
/// only in the province or in one character readers confuse; `None` when they are two plates.
pub fn distance(one: &str, other: &str) -> Option<u8> {
    if one == other {
        return Some(0);
    }
    let parts = |norm: &str| -> (Vec<char>, Vec<char>) { norm.chars().partition(|c| PROVINCES.contains(*c)) };
    let ((province, serial), (other_province, other_serial)) = (parts(one), parts(other));
    if serial == other_serial {
        return Some(1);
    }
    if province != other_province || serial.len() != other_serial.len() {
        return None;
    }
    let mut differing = serial.iter().zip(&other_serial).filter(|(one, other)| one != other);
    let (one, other) = differing.next()?;
    let are_confused = CONFUSABLE.iter().any(|class| class.contains(*one) && class.contains(*other));
    (are_confused && differing.next().is_none()).then_some(1)
}

/// Half-width upper case without separators; and the same with `?` where a camera's `-` may stand for an unread one.
fn clean(raw: &str) -> (String, String) {
    let half_width = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        _ => c,
    };
    let is_separator = |c: &char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '·' | '•' | '∙' | '・' | '‧' | '．' | '.' | '_' | '\u{feff}' | '\u{200b}')
    };
    let text: String = raw
        .chars()
        .map(half_width)
        .filter(|c| !is_separator(c))
        .map(|c| c.to_ascii_uppercase())
        .take(MAX_CHARS)
        .collect();
    (text.replace('-', ""), text.replace('-', "?"))
}

fn normalise(raw: &str) -> (String, PlateKind) {
    let (joined, unread) = clean(raw);
    let joined = without_colour(joined);
    if NO_PLATE.contains(&joined.as_str()) || joined.chars().all(|c| c == '?') {
        return (String::new(), PlateKind::Unreadable);
    }
    if let Some(known) = structured(&joined) {
        return known;
    }
    let unread = without_colour(unread);
    let starts_as_a_plate = unread.chars().next().is_some_and(|c| PROVINCES.contains(c) || c == '?');
    if unread.contains('?') && starts_as_a_plate && matches!(unread.chars().count(), 7 | 8) {
        return (unread, PlateKind::Partial);
    }
    let kind = if joined.contains('?') { PlateKind::Partial } else { unstructured(&joined) };
    (joined, kind)
}

/// Strips leading colour words (`蓝浙AX2P12`), but not 黑 where it is the province.
fn without_colour(mut text: String) -> String {
    loop {
        if structured(&text).is_some() {
            return text;
        }
        let Some(rest) = COLOURS.iter().find_map(|word| text.strip_prefix(word)) else { return text };
        let rest = rest.trim_start_matches(['色', '牌', '底']);
        let goes_on = rest.chars().next().is_some_and(|c| PROVINCES.contains(c) || c == '?')
            || COLOURS.iter().any(|word| rest.starts_with(word))
            || structured(rest).is_some();
        if !goes_on {
            return text;
        }
        text = rest.to_owned();
    }
}

/// The normal form and kind of a text with a plate's structure; `None` for free text.
fn structured(text: &str) -> Option<(String, PlateKind)> {
    let chars: Vec<char> = text.chars().collect();
    let serial_from = match *chars.as_slice() {
        ['W', 'J', third, ..] if PROVINCES.contains(third) => 3,
        _ => 2,
    };
    let fixed: Vec<char> = chars
        .iter()
        .enumerate()
        .map(|(at, c)| match c {
            'O' if at >= serial_from => '0',
            'I' if at >= serial_from => '1',
            c => *c,
        })
        .collect();
    let kind = kind_of(&fixed)?;
    Some((fixed.into_iter().collect(), kind))
}

fn kind_of(chars: &[char]) -> Option<PlateKind> {
    let digits = |part: &[char]| part.iter().all(char::is_ascii_digit);
    let serial = |part: &[char]| part.iter().all(|c| is_serial(*c));
    let issuer = |c: char| c.is_ascii_uppercase() && c != 'I';
    match *chars {
        ['W', 'J', ref rest @ ..] => {
            let rest = rest.strip_prefix(&[*rest.first()?]).filter(|_| PROVINCES.contains(rest[0])).unwrap_or(rest);
            let (last, number) = rest.split_last()?;
            let is_armed_police =
                number.len() == 4 && digits(number) && (last.is_ascii_digit() || "TDSHBXJ".contains(*last));
            is_armed_police.then_some(PlateKind::ArmedPolice)
        }
        [a, b, ref number @ ..] if number.len() == 5 && digits(number) && is_army(a, b) => Some(PlateKind::Army),
        [ref number @ .., '使'] | ['使', ref number @ ..] if number.len() == 6 && digits(number) => {
            Some(PlateKind::Embassy)
        }
        ['民', '航', ref number @ ..] if number.len() == 5 && serial(number) => Some(PlateKind::CivilAviation),
        [province, letter, ref number @ .., '应', '急']
            if PROVINCES.contains(province)
                && letter.is_ascii_uppercase()
                && (4..=5).contains(&number.len())
                && serial(number) =>
        {
            Some(PlateKind::Emergency)
        }
        ['临', province, letter, ref number @ ..] | [province, letter, '临', ref number @ ..]
            if PROVINCES.contains(province)
                && issuer(letter)
                && (4..=6).contains(&number.len())
                && number.iter().all(char::is_ascii_alphanumeric) =>
        {
            Some(PlateKind::Temporary)
        }
        [province, letter, ref rest @ ..] if PROVINCES.contains(province) && issuer(letter) => match *rest {
            [ref number @ .., '领'] if number.len() == 4 && digits(number) => Some(PlateKind::Consulate),
            [ref part @ .., suffix] if part.len() == 4 && serial(part) && !suffix.is_ascii() => match suffix {
                '警' => Some(PlateKind::Police),
                '挂' => Some(PlateKind::Trailer),
                '学' => Some(PlateKind::Learner),
                '港' | '澳' if province == '粤' && letter == 'Z' => Some(PlateKind::HongKongMacao),
                _ => None,
            },
            [first, second, ref number @ ..]
                if number.len() == 4 && digits(number) && NEW_ENERGY.contains(first) && is_serial(second) =>
            {
                Some(PlateKind::NewEnergySmall)
            }
            [ref number @ .., last] if number.len() == 5 && digits(number) && NEW_ENERGY.contains(last) => {
                Some(PlateKind::NewEnergyLarge)
            }
            ref all if all.len() == 5 && serial(all) => Some(PlateKind::Ordinary),
            _ => None,
        },
        _ => None,
    }
}

/// What a text without a plate's structure may be.
fn unstructured(text: &str) -> PlateKind {
    let chars: Vec<char> = text.chars().collect();
    let name = chars.iter().take_while(|c| !c.is_ascii()).count();
    let rest = &chars[name..];
    let number = rest.strip_prefix(&[*rest.first().unwrap_or(&' ')]).filter(|_| rest[0].is_ascii_uppercase());
    let number = number.unwrap_or(rest);
    let digits = number.iter().all(char::is_ascii_digit);
    if (2..=4).contains(&name) && digits && (5..=7).contains(&number.len()) {
        return PlateKind::ElectricBicycle;
    }
    let is_mixed = chars.iter().any(char::is_ascii_digit) && chars.iter().any(char::is_ascii_uppercase);
    if name == 0 && is_mixed && (4..=9).contains(&chars.len()) && chars.iter().all(char::is_ascii_alphanumeric) {
        return PlateKind::Foreign;
    }
    PlateKind::Other
}

fn is_serial(c: char) -> bool {
    c.is_ascii_digit() || (c.is_ascii_uppercase() && c != 'I' && c != 'O')
}

fn is_army(first: char, second: char) -> bool {
    "VKHBSLJNGCE".contains(first) && (matches!(second, 'A'..='D' | 'J'..='P' | 'R'..='T' | 'V' | 'Y'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_structure_is_known_by_its_kind() {
        for (raw, norm, kind) in [
            ("浙K·A1234", "浙KA1234", PlateKind::Ordinary),
            ("蓝浙AX2P12", "浙AX2P12", PlateKind::Ordinary),
            ("浙ＫＡ１２O４", "浙KA1204", PlateKind::Ordinary),
            ("浙k a12oi", "浙KA1201", PlateKind::Ordinary),
            ("苏O12345", "苏O12345", PlateKind::Ordinary),
            ("黑A12345", "黑A12345", PlateKind::Ordinary),
            ("黑粤Z1234港", "粤Z1234港", PlateKind::HongKongMacao),
            ("新能源绿 浙AD12345", "浙AD12345", PlateKind::NewEnergySmall),
            ("黄绿浙A12345D", "浙A12345D", PlateKind::NewEnergyLarge),
            ("浙E123A警", "浙E123A警", PlateKind::Police),
            ("浙E1234挂", "浙E1234挂", PlateKind::Trailer),
            ("浙E1234学", "浙E1234学", PlateKind::Learner),
            ("224001使", "224001使", PlateKind::Embassy),
            ("沪A1234领", "沪A1234领", PlateKind::Consulate),
            ("WJ浙1234X", "WJ浙1234X", PlateKind::ArmedPolice),
            ("VA12345", "VA12345", PlateKind::Army),
            ("使014578", "使014578", PlateKind::Embassy),
            ("浙X1234应急", "浙X1234应急", PlateKind::Emergency),
            ("民航A1234", "民航A1234", PlateKind::CivilAviation),
            ("浙E·临12345", "浙E临12345", PlateKind::Temporary),
            ("浙Z1234港", "浙Z1234港", PlateKind::Other),
            ("云和012345", "云和012345", PlateKind::ElectricBicycle),
            ("湖州A123456", "湖州A123456", PlateKind::ElectricBicycle),
            ("B-MW 1234", "BMW1234", PlateKind::Foreign),
            ("叉车", "叉车", PlateKind::Other),
            ("浙E-2345", "浙E?2345", PlateKind::Partial),
            ("浙E-12345", "浙E12345", PlateKind::Ordinary),
            ("无车牌", "", PlateKind::Unreadable),
            ("noPlate", "", PlateKind::Unreadable),
            (" ", "", PlateKind::Unreadable),
        ] {
            let plate = Plate::read(raw);
            assert_eq!((plate.norm(), plate.kind()), (norm, kind), "{raw}");
        }
    }

    #[test]
    fn readings_of_one_plate_differ_in_the_province_or_in_one_confusable_character() {
        for (one, other, apart) in [
            ("浙KB8123", "浙KB8123", Some(0)),
            ("浙KB8123", "浙K88123", Some(1)),
            ("浙KB8123", "沪KB8123", Some(1)),
            ("浙KB8123", "KB8123", Some(1)),
            ("浙KB8123", "沪K88123", None),
            ("浙KB8123", "浙KBB123", Some(1)),
            ("浙KB8123", "浙K8B123", None),
            ("浙K11111", "浙K77777", None),
            ("浙KA1234", "浙KA1235", None),
            ("浙A12345", "浙A123450", None),
        ] {
            assert_eq!(distance(one, other), apart, "{one} {other}");
            assert_eq!(distance(other, one), apart, "{other} {one}");
        }
    }

    #[test]
    fn a_public_page_shows_the_head_and_the_tail_of_a_plate() {
        assert_eq!(Plate::read("浙K12345").mask(), "浙K·**345");
        assert_eq!(Plate::read("浙AD12345").mask(), "浙A·***345");
        assert_eq!(Plate::read("1234").mask(), "1**4");
        assert_eq!(Plate::read("").mask(), "");
    }

    fn known() -> impl Strategy<Value = String> {
        let province = prop::sample::select(PROVINCES.chars().collect::<Vec<_>>());
        (province, "[A-HJ-NP-Z]", "[A-HJ-NP-Z0-9]{5}|[DABCEFGHJK][A-HJ-NP-Z0-9][0-9]{4}|[A-HJ-NP-Z0-9]{4}[警挂学]")
            .prop_map(|(province, letter, serial)| format!("{province}{letter}{serial}"))
    }

    proptest! {
        #[test]
        fn reading_a_normal_form_again_changes_nothing(raw in "[蓝黄绿白黑新能源浙粤WJ警学港使领oOiI0-9a-zA-Z·. ？?Ａ-]{0,12}") {
            let once = Plate::read(&raw);
            let twice = Plate::read(once.norm());
            prop_assert_eq!(once.norm(), twice.norm());
            prop_assert_eq!((once.fold(), once.kind()), (twice.fold(), twice.kind()));
        }

        #[test]
        fn any_text_at_all_is_read_and_masked(raw in any::<String>()) {
            let plate = Plate::read(&raw);
            let again = Plate::read(plate.norm());
            prop_assert_eq!(again.norm(), plate.norm());
            prop_assert!(plate.mask().chars().count() <= plate.norm().chars().count() + 1);
        }

        #[test]
        fn confusing_one_character_or_the_province_leaves_the_fold(plate in known(), at in 0_usize..8, pick in 0_usize..8) {
            let folded = Plate::read(&plate).fold().to_owned();
            let mut chars: Vec<char> = plate.chars().collect();
            let at = at % chars.len();
            if at == 0 {
                chars[0] = PROVINCES.chars().nth(pick).unwrap();
            } else if let Some(class) = CONFUSABLE.iter().find(|class| class.contains(chars[at])) {
                chars[at] = class.chars().nth(pick % class.len()).unwrap();
            }
            let confused: String = chars.into_iter().collect();
            let read = Plate::read(&confused);
            prop_assert_eq!(read.fold(), folded, "{} read as {}", plate, confused);
        }

        #[test]
        fn the_mask_shows_at_most_five_characters(plate in known()) {
            let shown = Plate::read(&plate).mask().chars().filter(|c| !matches!(c, '*' | '·')).count();
            prop_assert_eq!(shown, 5);
        }
    }
}
