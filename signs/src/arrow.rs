//! The dots of arrows, heavier than letters, so that they read from a moving car.

use crate::face::Arrow;

/// Side of the drawn arrow, dots.
const SIDE: u32 = 16;
const LEFT: [u16; 16] = [
    0x0000, 0x0000, 0x0100, 0x0300, 0x0700, 0x0F00, 0x1FFE, 0x3FFE, 0x3FFE, 0x1FFE, 0x0F00, 0x0700, 0x0300, 0x0100,
    0x0000, 0x0000,
];
const U_TURN: [u16; 16] = [
    0x0000, 0x07E0, 0x0FF0, 0x1FF8, 0x1C38, 0x1818, 0x1818, 0x1818, 0x1818, 0x7E18, 0x7E18, 0x3C18, 0x3C18, 0x1818,
    0x1818, 0x0000,
];

/// Whether a dot of an arrow drawn `side` dots wide and high is lit.
pub fn arrow_dot(arrow: Arrow, side: u32, x: u32, y: u32) -> bool {
    if x >= side || y >= side || side < SIDE {
        return false;
    }
    // Larger arrows take their dots from the nearest of the drawn one.
    let (x, y) = (x * SIDE / side, y * SIDE / side);
    let dot = |rows: &[u16; 16], x: u32, y: u32| rows[y as usize] & (0x8000 >> x) != 0;
    match arrow {
        Arrow::Left => dot(&LEFT, x, y),
        Arrow::Right => dot(&LEFT, SIDE - 1 - x, y),
        Arrow::Ahead => dot(&LEFT, y, x),
        Arrow::UTurn => dot(&U_TURN, x, y),
    }
}
