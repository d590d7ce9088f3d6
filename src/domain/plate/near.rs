//! Finding plates that were misread: keys under which a plate is found again when a reader took one character for another, lost
//! one or made one up; and how near two readings are.
//!
//! The keys are made of the folded form, so that any number of confusable characters and the province cost nothing; every way to
//! leave one character out of it is a key as well, so that two forms one step apart share one. Trigrams fail on texts this short.
//!
//! Among millions of plates nearly every reading is one step from dozens of others. So those are sought first that a reader would
//! mistake for what was read, by how alike the characters look; all that are one step away only where these are few.

use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};

use super::{CONFUSABLE, PROVINCES, fold};

/// Longest folded form whose every shortened form is a key, characters.
const LONGEST: usize = 12;
/// Lengths of the heads and tails that are keys by themselves, for plates of which only a part was seen.
const ENDS: [usize; 2] = [4, 5];

/// Most keys of readings alike.
const MOST_ALIKE: usize = 64;
/// Characters that look alike beside those readers confuse, in pairs, and what it costs to take one for the other, tenths. The
/// measure: bold glyphs of four sans-serif faces (DejaVu Sans, Noto Sans CJK, Nimbus Sans and its narrow cut), each brought to one
/// box of 24 by 48, blurred, correlated; the mean over the faces is at least 0.8, 0.7 and 0.6.
const ALIKE: [(u8, &str); 3] = [
    (5, "06 08 09 0G 38 3S 56 68 6B 6S 89 8S 9B 9S BD BR BS FP HN"),
    (6, "0B 0C 0U 23 35 39 3B 4A 58 59 5B 69 6E 7Y 7Z 8D 8G 8R 9D 9G 9Q BE BG DG DU EL FR GQ GS HM TY XY"),
    (
        7,
        "03 05 0R 0S 27 29 36 3D 3G 3J 3Z 4W 5D 5E 5G 6D 6F 6Q 6R 6U 6W 8C 8E 8Q 8U 8W 9P 9R 9U 9W AW AX BC BF BH BM BN BP BQ BU \
         BW CD CE CL CQ CS DR DS EG EP ER ES EZ GU HP HR HU JU KR MP MR MU MV NR NU QU RS RW TZ VW WX XZ",
    ),
];
/// A character for another.
const OTHER: u8 = 10;
/// One of its class for another.
const CONFUSED: u8 = 3;

/// What it costs to take one ASCII character for another, tenths.
static COSTS: LazyLock<Box<[[u8; 128]; 128]>> = LazyLock::new(|| {
    let mut costs = Box::new([[OTHER; 128]; 128]);
    let mut set = |one: char, other: char, cost: u8| {
        costs[one as usize][other as usize] = cost;
        costs[other as usize][one as usize] = cost;
    };
    for (cost, pairs) in ALIKE {
        for pair in pairs.split(' ') {
            if let [one, other] = *pair.chars().collect::<Vec<_>>() {
                set(one, other, cost);
            }
        }
    }
    for class in CONFUSABLE {
        for (one, other) in class.chars().flat_map(|one| class.chars().map(move |other| (one, other))) {
            set(one, other, CONFUSED);
        }
    }
    costs
});

/// How a plate that was found answers what was sought, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// It is the very plate.
    Exact,
    /// It fits every character that was seen.
    Partial,
    /// It differs in the province or in characters readers confuse.
    Confusable,
    /// It is one character off beside that.
    Near,
}

/// A short text as a number, the same on every machine.
fn key(tag: u8, text: &[char]) -> i64 {
    let text: String = text.iter().collect();
    let digest = Sha256::new().chain_update([tag]).chain_update(text.as_bytes()).finalize();
    let mut eight = [0; 8];
    eight.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(eight)
}

fn without(chars: &[char], at: usize) -> Vec<char> {
    [&chars[..at], &chars[at + 1..]].concat()
}

/// The keys a plate's normal form is kept under.
pub fn keys_of(norm: &str) -> Vec<i64> {
    let chars: Vec<char> = fold(norm).chars().collect();
    let mut keys = shortened(&chars);
    for length in ENDS.into_iter().filter(|length| *length < chars.len()) {
        keys.push(key(b'^', &chars[..length]));
        keys.push(key(b'$', &chars[chars.len() - length..]));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The folded form itself, and each way to leave one character out.
fn shortened(chars: &[char]) -> Vec<i64> {
    let mut keys = vec![key(b'=', chars)];
    if (2..=LONGEST).contains(&chars.len()) {
        keys.extend((0..chars.len()).map(|at| key(b'=', &without(chars, at))));
    }
    keys
}

/// The keys under which plates like a search are found; `?` stands for any one character. None where what is known is too short
/// or in too many pieces for a key.
pub fn keys_sought(pattern: &str) -> Vec<i64> {
    let chars: Vec<char> = fold(pattern).chars().collect();
    let unknown: Vec<usize> = (0..chars.len()).filter(|at| chars[*at] == '?').collect();
    let mut keys = match *unknown.as_slice() {
        [] => shortened(&chars),
        // A plate without this one character.
        [at] => vec![key(b'=', &without(&chars, at))],
        _ => Vec::new(),
    };
    let head = unknown.first().copied().unwrap_or(chars.len());
    let tail = unknown.last().map_or(0, |at| at + 1);
    let longest = |known: usize| ENDS.into_iter().rev().find(|length| *length <= known);
    // A whole plate is sought whole; a part of one by its longest end.
    if !unknown.is_empty() || chars.len() <= ENDS[1] {
        keys.extend(longest(head).map(|length| key(b'^', &chars[..length])));
        keys.extend(longest(chars.len() - tail).map(|length| key(b'$', &chars[chars.len() - length..])));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The keys of a whole plate's form and of what readers would make of it by one character more, the likeliest first. None for a
/// part of a plate.
pub fn keys_alike(pattern: &str) -> Vec<i64> {
    let read: Vec<char> = pattern.chars().filter(|c| !PROVINCES.contains(*c)).collect();
    let folded: Vec<char> = fold(pattern).chars().collect();
    if read.contains(&'?') || folded.len() != read.len() || !(ENDS[1] + 1..=LONGEST).contains(&folded.len()) {
        return Vec::new();
    }
    let mut ways: Vec<(u8, usize, char)> = Vec::new();
    for (at, one) in read.iter().enumerate().filter(|(_, one)| one.is_ascii()) {
        let costs = COSTS[*one as usize].iter().zip(0_u8..);
        ways.extend(
            costs
                .filter(|(cost, _)| (CONFUSED + 1..OTHER).contains(cost))
                .map(|(cost, other)| (*cost, at, other.into())),
        );
    }
    ways.sort_unstable();
    let mut keys = vec![key(b'=', &folded)];
    for (_, at, other) in ways {
        let mut form = folded.clone();
        form[at] = fold(&other.to_string()).chars().next().unwrap_or(other);
        let key = key(b'=', &form);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys.truncate(MOST_ALIKE);
    keys
}

/// How a plate answers a search, and how far it is from it in tenths of a character; `None` when it is another plate.
pub fn match_of(pattern: &str, norm: &str) -> Option<(Match, u32)> {
    if pattern == norm {
        return Some((Match::Exact, 0));
    }
    let (sought, found): (Vec<char>, Vec<char>) = (pattern.chars().collect(), norm.chars().collect());
    if fits(&sought, &found) {
        return Some((Match::Partial, 0));
    }
    let apart = distance(&sought, &found);
    if folded_fits(pattern, norm) {
        return Some((Match::Confusable, apart));
    }
    // Characters readers confuse cost less than half of one.
    (apart < 20).then_some((Match::Near, apart))
}

/// Whether every known character stands in the plate in this order without a gap.
fn fits(sought: &[char], found: &[char]) -> bool {
    !sought.is_empty()
        && found
            .windows(sought.len())
            .any(|part| part.iter().zip(sought).all(|(one, other)| *other == '?' || one == other))
}

fn folded_fits(pattern: &str, norm: &str) -> bool {
    let (sought, found): (Vec<char>, Vec<char>) = (fold(pattern).chars().collect(), fold(norm).chars().collect());
    fits(&sought, &found)
}

/// What it costs to take one character for another, tenths.
fn mistaken(one: char, other: char) -> u32 {
    if one == other || one == '?' || other == '?' {
        0
    } else if PROVINCES.contains(one) && PROVINCES.contains(other) {
        4
    } else {
        let cost = COSTS.get(one as usize).and_then(|costs| costs.get(other as usize));
        cost.copied().unwrap_or(OTHER).into()
    }
}

/// What it costs to lose or make up one character, tenths.
fn lost(one: char) -> u32 {
    if PROVINCES.contains(one) { 4 } else { 10 }
}

/// The cheapest way from one reading to the other, tenths of a character.
fn distance(one: &[char], other: &[char]) -> u32 {
    let mut before: Vec<u32> = std::iter::once(0)
        .chain(other.iter().scan(0, |sum, c| {
            *sum += lost(*c);
            Some(*sum)
        }))
        .collect();
    for a in one {
        let mut row = vec![before[0] + lost(*a)];
        for (at, b) in other.iter().enumerate() {
            let cheapest = (before[at] + mistaken(*a, *b)).min(before[at + 1] + lost(*a)).min(row[at] + lost(*b));
            row.push(cheapest);
        }
        before = row;
    }
    before.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finds(sought: &str, plate: &str) -> bool {
        let keys = keys_of(plate);
        keys_sought(sought).iter().any(|key| keys.contains(key)) && match_of(sought, plate).is_some()
    }

    #[test]
    fn a_plate_is_found_by_what_a_reader_makes_of_it() {
        for (sought, why) in [
            ("浙K12345", "as it is"),
            ("沪K12345", "another province"),
            ("K12345", "without its province"),
            ("浙KI234S", "two confusable characters"),
            ("浙K12X45", "one character wrong"),
            ("浙K1245", "one character lost"),
            ("浙K123345", "one character too many"),
            ("浙K12?45", "one character unknown"),
            ("K12?45", "one unknown, and no province"),
            ("2345", "the last four"),
            ("12345", "the last five"),
            ("??2345", "the last four, told as such"),
            ("浙K123??", "the first four behind the province"),
        ] {
            assert!(finds(sought, "浙K12345"), "{why}");
        }
        for (sought, why) in [("浙K99999", "another plate"), ("浙K1299X", "two characters wrong"), ("???", "nothing")]
        {
            assert!(!finds(sought, "浙K12345"), "{why}");
        }
    }

    #[test]
    fn what_was_found_is_ranked_by_how_near_it_is() {
        let mut found: Vec<_> = ["浙K12345", "沪K12345", "浙KI2345", "浙K12346", "浙K12845"]
            .into_iter()
            .filter_map(|plate| match_of("浙K12345", plate).map(|rank| (rank, plate)))
            .collect();
        found.sort();
        let order: Vec<&str> = found.iter().map(|(_, plate)| *plate).collect();
        assert_eq!(order, ["浙K12345", "浙KI2345", "沪K12345", "浙K12346", "浙K12845"]);
        assert_eq!(match_of("浙K12345", "浙K12345").unwrap().0, Match::Exact);
        assert_eq!(match_of("K123", "浙K12345").unwrap().0, Match::Partial);
        assert_eq!(match_of("沪KI2345", "浙K12345").unwrap().0, Match::Confusable);
        assert_eq!(match_of("浙K99999", "浙K12345"), None);
    }

    #[test]
    fn what_looks_alike_is_sought_first_and_ranked_before_any_other_character() {
        for (sought, plate) in [("浙K12345", "浙K12B45"), ("粤K12345", "浙K12845"), ("浙A4H000", "浙A4N000")] {
            let keys = keys_of(plate);
            assert!(keys_alike(sought).iter().any(|key| keys.contains(key)), "{sought} for {plate}");
        }
        let rank = |plate| match_of("浙K12345", plate).unwrap();
        assert!(rank("浙K12B45") < rank("浙K12J45") && rank("浙K12J45") < rank("浙K12H45"));
        assert!(rank("浙K12B45") < rank("浙K1245"));
        for part in ["K123", "浙K12?45", "2345", "", "？？"] {
            assert_eq!(keys_alike(part), Vec::<i64>::new(), "{part}");
        }
        for pairs in ALIKE {
            assert!(pairs.1.split(' ').all(|pair| pair.len() == 2), "{pairs:?}");
        }
    }

    proptest! {
        #[test]
        fn any_whole_plate_has_few_keys_alike_and_its_own_first(serial in "[A-HJ-NP-Z][A-HJ-NP-Z0-9]{5,6}") {
            let alike = keys_alike(&serial);
            prop_assert!(alike.len() <= MOST_ALIKE);
            prop_assert!(keys_of(&serial).contains(&alike[0]), "the form itself comes first");
        }

        #[test]
        fn one_slip_of_any_kind_leaves_a_common_key(serial in "[A-HJ-NP-Z][A-HJ-NP-Z0-9]{5,6}", at in 0_usize..7,
            with in "[A-HJ-NP-Z0-9]", slip in 0_u8..3) {
            let plate = format!("浙{serial}");
            let mut read: Vec<char> = plate.chars().collect();
            let at = 1 + at % (read.len() - 1);
            match slip {
                0 => read[at] = with.chars().next().unwrap(),
                1 => drop(read.remove(at)),
                _ => read.insert(at, with.chars().next().unwrap()),
            }
            read[0] = '粤';
            let read: String = read.into_iter().collect();
            prop_assert!(finds(&read, &plate), "{} read as {}", plate, read);
        }

        #[test]
        fn any_search_at_all_has_few_keys(sought in "\\PC{0,40}") {
            prop_assert!(keys_sought(&sought).len() <= LONGEST + 1);
            prop_assert!(keys_of(&sought).len() <= LONGEST + 1 + 2 * ENDS.len());
        }
    }
}
