//! GA/T 1400's colour codes, of plates and vehicles alike.

/// A colour by its GA/T 1400 code; mind that other formats number colours otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Color {
    /// 1 黑
    Black,
    /// 2 白
    White,
    /// 3 灰
    Gray,
    /// 4 红
    Red,
    /// 5 蓝
    Blue,
    /// 6 黄
    Yellow,
    /// 7 橙
    Orange,
    /// 8 棕
    Brown,
    /// 9 绿
    Green,
    /// 10 紫
    Purple,
    /// 11 青
    Cyan,
    /// 12 粉
    Pink,
    /// 13 透明
    Transparent,
    /// 99 其他
    Other,
}

impl Color {
    /// The colour of a code; `None` for a code the standard does not have.
    pub fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::Black,
            2 => Self::White,
            3 => Self::Gray,
            4 => Self::Red,
            5 => Self::Blue,
            6 => Self::Yellow,
            7 => Self::Orange,
            8 => Self::Brown,
            9 => Self::Green,
            10 => Self::Purple,
            11 => Self::Cyan,
            12 => Self::Pink,
            13 => Self::Transparent,
            99 => Self::Other,
            _ => return None,
        })
    }

    /// The colour's word, as captures keep it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Black => "black",
            Self::White => "white",
            Self::Gray => "gray",
            Self::Red => "red",
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Brown => "brown",
            Self::Green => "green",
            Self::Purple => "purple",
            Self::Cyan => "cyan",
            Self::Pink => "pink",
            Self::Transparent => "transparent",
            Self::Other => "other",
        }
    }
}
