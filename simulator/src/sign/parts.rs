//! The parts of an emulated NTCIP 1203 sign that may fail: doors, pixels, temperatures.

use yunpark_signs::ntcip::oid;

/// The objects of its temperatures.
const TEMPERATURES: [&[u32]; 6] = [
    oid::CABINET_LOWEST,
    oid::CABINET_HIGHEST,
    oid::AMBIENT_LOWEST,
    oid::AMBIENT_HIGHEST,
    oid::HOUSING_LOWEST,
    oid::HOUSING_HIGHEST,
];
/// The most failed pixels its table holds.
const MOST_FAILED: u32 = 100;
/// The kind of test by which pixels are found to fail.
const PIXEL_TEST: u32 = 2;

/// How the parts of a sign are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// Doors that are open, as bits.
    pub doors: i32,
    /// The pixels that failed its test, from the left and from the top.
    pub failed_pixels: Vec<[i32; 2]>,
    /// Lowest and highest temperature of cabinet, air and housing, degrees Celsius; a sign without sensors has none.
    pub temperatures: Option<[i32; 6]>,
}

impl Default for Parts {
    fn default() -> Self {
        Self { doors: 0, failed_pixels: Vec::new(), temperatures: Some([31, 34, 18, 19, 29, 36]) }
    }
}

impl Parts {
    /// The objects that tell of them.
    pub(super) fn objects() -> Vec<Vec<u32>> {
        let mut all: Vec<Vec<u32>> = [oid::DOOR_OPEN, oid::PIXEL_FAILURES].map(<[u32]>::to_vec).into();
        all.extend(TEMPERATURES.map(<[u32]>::to_vec));
        for column in [oid::PIXEL_FAILURE_X, oid::PIXEL_FAILURE_Y, oid::PIXEL_FAILURE_STATUS] {
            all.extend((1..=MOST_FAILED).map(|row| [column, &[PIXEL_TEST, row]].concat()));
        }
        all
    }

    /// The value of one of them.
    pub(super) fn get(&self, object: &[u32]) -> Option<i32> {
        match object {
            oid::DOOR_OPEN => Some(self.doors),
            oid::PIXEL_FAILURES => i32::try_from(self.failed_pixels.len()).ok(),
            _ => match TEMPERATURES.iter().position(|known| *known == object) {
                Some(at) => Some(self.temperatures?[at]),
                None => self.failed_pixel(object),
            },
        }
    }

    /// A cell of the table of failed pixels.
    fn failed_pixel(&self, object: &[u32]) -> Option<i32> {
        const STUCK_OFF: i32 = 1 << 4;
        let (cell, row) = object.split_at_checked(oid::PIXEL_FAILURE_X.len())?;
        let &[PIXEL_TEST, row] = row else { return None };
        let [x, y] = *self.failed_pixels.get(usize::try_from(row).ok()?.checked_sub(1)?)?;
        match cell {
            oid::PIXEL_FAILURE_X => Some(x),
            oid::PIXEL_FAILURE_Y => Some(y),
            oid::PIXEL_FAILURE_STATUS => Some(STUCK_OFF),
            _ => None,
        }
    }
}
