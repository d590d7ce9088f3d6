//! Numeric object ids of NTCIP 1203 v03, and the values its enumerations take.

macro_rules! dms {
    ($($(#[$doc:meta])* $name:ident = [$($arc:literal),*];)*) => {
        $($(#[$doc])* pub const $name: &[u32] = &[1, 3, 6, 1, 4, 1, 1206, 4, 2, 3, $($arc),*];)*
    };
}

dms! {
    /// The subtree of dynamic message signs.
    ROOT = [];
    /// Height of the whole sign, pixels.
    SIGN_HEIGHT_PIXELS = [2, 3, 0];
    /// Width of the whole sign, pixels.
    SIGN_WIDTH_PIXELS = [2, 4, 0];
    /// 1 one bit, 2 grey, 3 classic, 4 24-bit colour.
    COLOR_SCHEME = [4, 11, 0];
    /// Longest MULTI text taken, octets.
    MAX_MULTI_LENGTH = [4, 16, 0];
    /// Number of changeable messages that may be defined.
    MAX_CHANGEABLE = [5, 3, 0];
    /// Columns of the message table; a cell is `column.memory.number`.
    MESSAGE_TABLE = [5, 8, 1];
    /// Why the last validation failed.
    VALIDATE_ERROR = [5, 9, 0];
    /// 2 local, 4 central, 5 central override.
    CONTROL_MODE = [6, 1, 0];
    /// Writing 1 restarts the controller.
    SOFTWARE_RESET = [6, 2, 0];
    /// Twelve octets: lights a message.
    ACTIVATE_MESSAGE = [6, 3, 0];
    /// Minutes until what is shown ends; writable.
    TIME_REMAINING = [6, 4, 0];
    /// Which message is shown.
    MESSAGE_SOURCE = [6, 5, 0];
    /// Who put it there: 8 central, 11 reset, 14 end of its duration.
    SOURCE_MODE = [6, 7, 0];
    /// Shown after a short loss of power.
    SHORT_POWER_RECOVERY_MESSAGE = [6, 8, 0];
    /// Shown after a long loss of power.
    LONG_POWER_RECOVERY_MESSAGE = [6, 9, 0];
    /// Shown after a reset.
    RESET_MESSAGE = [6, 11, 0];
    /// Shown when nobody has spoken to the sign for [`TIME_COMM_LOSS`].
    COMM_LOSS_MESSAGE = [6, 12, 0];
    /// Minutes without a word after which the sign is on its own; 0 is never.
    TIME_COMM_LOSS = [6, 13, 0];
    /// Shown when a message's time has run out.
    END_DURATION_MESSAGE = [6, 15, 0];
    /// Why the last activation failed.
    ACTIVATE_ERROR = [6, 17, 0];
    /// What is wrong with the MULTI text.
    MULTI_SYNTAX_ERROR = [6, 18, 0];
    /// Where in the MULTI text.
    MULTI_SYNTAX_POSITION = [6, 19, 0];
    /// 2 photocell, 4 manual, 6 manual by level.
    ILLUM_CONTROL = [7, 1, 0];
    /// How many levels of brightness there are.
    BRIGHT_LEVELS = [7, 4, 0];
    /// The level while brightness is manual.
    MANUAL_LEVEL = [7, 6, 0];
    /// Doors that are open, as bits.
    DOOR_OPEN = [9, 6, 0];
    /// Bits of the sign's faults.
    SHORT_ERROR_STATUS = [9, 7, 1, 0];
    /// How many pixels failed.
    PIXEL_FAILURES = [9, 7, 2, 0];
    /// Column of the table of failed pixels: how far from the left; a cell is `column.test.number`.
    PIXEL_FAILURE_X = [9, 7, 3, 1, 3];
    /// How far from the top.
    PIXEL_FAILURE_Y = [9, 7, 3, 1, 4];
    /// Bits: 0 stuck on, 1 colour, 2 electrical, 3 mechanical, 4 stuck off, 5 partial.
    PIXEL_FAILURE_STATUS = [9, 7, 3, 1, 5];
    /// Lowest temperature in the control cabinet, degrees Celsius.
    CABINET_LOWEST = [9, 9, 1, 0];
    /// Highest temperature in the control cabinet.
    CABINET_HIGHEST = [9, 9, 2, 0];
    /// Lowest temperature of the air around.
    AMBIENT_LOWEST = [9, 9, 3, 0];
    /// Highest temperature of the air around.
    AMBIENT_HIGHEST = [9, 9, 4, 0];
    /// Lowest temperature in the sign's housing.
    HOUSING_LOWEST = [9, 9, 5, 0];
    /// Highest temperature in the sign's housing.
    HOUSING_HIGHEST = [9, 9, 6, 0];
}

/// Lowest and highest in the control cabinet.
pub const CABINET_TEMPERATURES: [&[u32]; 2] = [CABINET_LOWEST, CABINET_HIGHEST];
/// Lowest and highest of the air around.
pub const AMBIENT_TEMPERATURES: [&[u32]; 2] = [AMBIENT_LOWEST, AMBIENT_HIGHEST];
/// Lowest and highest in the sign's housing.
pub const HOUSING_TEMPERATURES: [&[u32]; 2] = [HOUSING_LOWEST, HOUSING_HIGHEST];

/// Columns of the message table.
pub mod column {
    /// Kind of memory.
    pub const MEMORY: u32 = 1;
    /// Number of the message.
    pub const NUMBER: u32 = 2;
    /// The MULTI text.
    pub const MULTI: u32 = 3;
    /// Who wrote it.
    pub const OWNER: u32 = 4;
    /// Its CRC.
    pub const CRC: u32 = 5;
    /// Whether beacons flash with it.
    pub const BEACON: u32 = 6;
    /// Whether pixel service runs with it.
    pub const PIXEL_SERVICE: u32 = 7;
    /// The priority it holds the face with.
    pub const RUN_TIME_PRIORITY: u32 = 8;
    /// Its state, and the requests that move it.
    pub const STATUS: u32 = 9;
}

/// A cell of the message table.
pub fn message(column: u32, memory: u8, number: u16) -> Vec<u32> {
    [MESSAGE_TABLE, &[column, u32::from(memory), u32::from(number)]].concat()
}

/// Values of a message's status.
pub mod status {
    /// Never written.
    pub const NOT_USED: i32 = 1;
    /// Being written.
    pub const MODIFYING: i32 = 2;
    /// Being checked.
    pub const VALIDATING: i32 = 3;
    /// Checked and ready.
    pub const VALID: i32 = 4;
    /// Checked and refused.
    pub const ERROR: i32 = 5;
    /// Request: let it be written.
    pub const MODIFY_REQUEST: i32 = 6;
    /// Request: check it.
    pub const VALIDATE_REQUEST: i32 = 7;
    /// Request: forget it.
    pub const NOT_USED_REQUEST: i32 = 8;
}

/// What the word for an error of `dmsActivateMsgError` is.
pub fn activate_error(code: i32) -> &'static str {
    match code {
        2 => "none",
        3 => "priority too low",
        4 => "message is not valid",
        5 => "memory type not supported",
        6 => "no such message number",
        7 => "CRC differs",
        8 => "MULTI syntax",
        9 => "sign is under local control",
        10 => "sign is under central control",
        11 => "central override",
        _ => "other",
    }
}

/// What the word for an error of `dmsValidateMessageError` is.
pub fn validate_error(code: i32) -> &'static str {
    match code {
        2 => "none",
        3 => "beacons",
        4 => "pixel service",
        5 => "MULTI syntax",
        _ => "other",
    }
}

/// What the word for an error of `dmsMultiSyntaxError` is.
pub fn syntax_error(code: i32) -> &'static str {
    match code {
        2 => "none",
        3 => "unsupported tag",
        4 => "unsupported tag value",
        5 => "text too big",
        6 => "font not defined",
        7 => "character not defined",
        8 | 9 => "field device",
        10 => "flash region",
        11 => "tag conflict",
        12 => "too many pages",
        13 => "font version",
        14 => "graphic number",
        15 => "graphic not defined",
        _ => "other",
    }
}

/// Faults by bit of `shortErrorStatus`, and whether one leaves the face dark.
pub const FAULTS: [(u8, &str, bool); 14] = [
    (1, "communications", false),
    (2, "power", true),
    (3, "attached device", false),
    (4, "lamp", false),
    (5, "pixel", false),
    (6, "photocell", false),
    (7, "message", true),
    (8, "controller", false),
    (9, "temperature", false),
    (10, "climate control", false),
    (11, "critical temperature", true),
    (12, "drum", false),
    (13, "door open", false),
    (14, "humidity", false),
];

/// The words for the bits of `shortErrorStatus` that are set.
pub fn faults(bits: i32) -> Vec<&'static str> {
    FAULTS.iter().filter(|(bit, ..)| bits & (1 << bit) != 0).map(|(_, word, _)| *word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_stand_at_their_places_in_the_tree() {
        let text = |oid: &[u32]| oid.iter().map(u32::to_string).collect::<Vec<_>>().join(".");
        assert_eq!(text(ACTIVATE_MESSAGE), "1.3.6.1.4.1.1206.4.2.3.6.3.0");
        assert_eq!(text(&message(column::MULTI, 5, 1)), "1.3.6.1.4.1.1206.4.2.3.5.8.1.3.5.1");
        assert_eq!(text(SHORT_ERROR_STATUS), "1.3.6.1.4.1.1206.4.2.3.9.7.1.0");
    }
}
