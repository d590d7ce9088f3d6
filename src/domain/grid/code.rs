//! Codes of cells: fifteen digits, from the county's division code down to the cell, or the fourteen of the older standard.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A cell's code: six digits of the division (GB/T 2260), three of the street, three of the community, and three of the cell
/// (GB/T 30428.1), or two (CJ/T 213).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GridCode(String);

/// Why a text is no code of a cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    /// Its length is wrong, or it holds something else than digits.
    #[error("a cell's code has 15 digits (division 6, street 3, community 3, cell 3), or 14 by the older standard")]
    Shape,
    /// No province begins like that.
    #[error("the first two digits name no province, from 11 to 82")]
    Province,
    /// A part that counts from one is zero.
    #[error("the {0} part is zero")]
    Zero(&'static str),
}

impl GridCode {
    /// The code's digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The county: six digits.
    pub fn division(&self) -> &str {
        &self.0[..6]
    }
    /// The town or street: the first nine digits.
    pub fn town(&self) -> &str {
        &self.0[..9]
    }
    /// The community: the first twelve digits.
    pub fn community(&self) -> &str {
        &self.0[..12]
    }
}

impl FromStr for GridCode {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        if !matches!(text.len(), 14 | 15) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCode::Shape);
        }
        // Provinces are grouped 1 to 8; none is x0.
        let (region, province) = (text.as_bytes()[0] - b'0', text.as_bytes()[1] - b'0');
        if !(1..=8).contains(&region) || !(1..=6).contains(&province) {
            return Err(InvalidCode::Province);
        }
        for (part, name) in [(&text[6..9], "street"), (&text[9..12], "community"), (&text[12..], "cell")] {
            if part.bytes().all(|byte| byte == b'0') {
                return Err(InvalidCode::Zero(name));
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for GridCode {
    type Error = InvalidCode;
    fn try_from(text: String) -> Result<Self, InvalidCode> {
        text.parse()
    }
}

impl From<GridCode> for String {
    fn from(code: GridCode) -> Self {
        code.0
    }
}

impl fmt::Display for GridCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_tells_its_county_town_and_community() {
        let code: GridCode = "331125001002003".parse().unwrap();
        assert_eq!((code.division(), code.town(), code.community()), ("331125", "331125001", "331125001002"));
        assert!("33112500100203".parse::<GridCode>().is_ok(), "the older standard's fourteen digits");
    }

    #[test]
    fn what_is_no_code_is_refused_with_the_reason() {
        for (text, why) in [
            ("G01", InvalidCode::Shape),
            ("3311250010020031", InvalidCode::Shape),
            ("33112500100200A", InvalidCode::Shape),
            ("931125001002003", InvalidCode::Province),
            ("301125001002003", InvalidCode::Province),
            ("331125000002003", InvalidCode::Zero("street")),
            ("331125001000003", InvalidCode::Zero("community")),
            ("331125001002000", InvalidCode::Zero("cell")),
        ] {
            assert_eq!(text.parse::<GridCode>(), Err(why), "{text}");
        }
    }
}
