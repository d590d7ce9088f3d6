//! Draws what a camera sees: a street, the zone's marking, a car with its plate, and the words burnt into the picture.

use std::io::Cursor;

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};

use super::plates::Car;

/// Width of a picture, pixels.
pub const WIDTH: u32 = 1280;
/// Height of a picture, pixels.
pub const HEIGHT: u32 = 720;
const QUALITY: u8 = 82;

/// What stands in the picture besides the street.
#[derive(Debug)]
pub struct Shot<'a> {
    /// The car.
    pub car: &'a Car,
    /// Words of the upper line: local time and camera.
    pub caption: &'a str,
    /// Words of the lower line: the zone.
    pub zone: &'a str,
    /// Moves the car, so that zones do not look alike; pixels.
    pub shift: u32,
    /// Seed of the street's houses.
    pub street: u64,
}

/// The picture as JPEG, 1280 x 720.
pub fn draw(shot: &Shot<'_>) -> image::ImageResult<Vec<u8>> {
    let mut picture = RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([188, 204, 216]));
    street(&mut picture, shot.street);
    car(&mut picture, shot.car, 300 + shot.shift % 260, 330);
    fill(&mut picture, 0, 0, WIDTH, 44, [18, 20, 22]);
    text(&mut picture, shot.caption, 14, 6, 2, [240, 240, 240]);
    fill(&mut picture, 0, HEIGHT - 44, WIDTH, 44, [18, 20, 22]);
    text(&mut picture, shot.zone, 14, HEIGHT - 38, 2, [250, 210, 90]);
    let mut out = Cursor::new(Vec::with_capacity(128 * 1024));
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut out, QUALITY))?;
    Ok(out.into_inner())
}

fn fill(picture: &mut RgbImage, x: u32, y: u32, width: u32, height: u32, colour: [u8; 3]) {
    let (right, bottom) = ((x + width).min(WIDTH), (y + height).min(HEIGHT));
    if x >= right {
        return;
    }
    let stride = WIDTH as usize * 3;
    for row in y..bottom {
        let start = row as usize * stride + x as usize * 3;
        for pixel in picture.as_mut()[start..start + (right - x) as usize * 3].chunks_exact_mut(3) {
            pixel.copy_from_slice(&colour);
        }
    }
}

fn street(picture: &mut RgbImage, seed: u64) {
    let mut draw = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |below: u64| {
        draw ^= draw << 13;
        draw ^= draw >> 7;
        draw ^= draw << 17;
        (draw % below) as u32
    };
    let mut x = 0;
    while x < WIDTH {
        let (width, height) = (140 + next(120), 120 + next(130));
        let tone = 150 + next(70) as u8;
        fill(picture, x, 300 - height, width - 6, height, [tone, tone - 8, tone - 22]);
        for column in 0..(width - 30) / 40 {
            for row in 0..(height - 30) / 44 {
                fill(picture, x + 16 + column * 40, 300 - height + 16 + row * 44, 22, 26, [96, 116, 132]);
            }
        }
        x += width;
    }
    fill(picture, 0, 300, WIDTH, 210, [176, 170, 160]);
    // Slabs of the pavement, then the kerb and the carriageway.
    for row in 0..5 {
        fill(picture, 0, 300 + row * 42, WIDTH, 2, [154, 148, 140]);
    }
    fill(picture, 0, 300, WIDTH, 6, [196, 176, 60]);
    fill(picture, 0, 510, WIDTH, 14, [206, 204, 198]);
    fill(picture, 0, 524, WIDTH, HEIGHT - 524, [78, 80, 84]);
    // A yellow line along the kerb, and a dashed one in the middle of the road.
    fill(picture, 0, 532, WIDTH, 8, [230, 190, 40]);
    for dash in 0..8 {
        fill(picture, 40 + dash * 170, 640, 90, 8, [226, 226, 220]);
    }
}

fn shade(colour: [u8; 3], percent: u16) -> [u8; 3] {
    colour.map(|channel| (u16::from(channel) * percent / 100).min(255) as u8)
}

fn disc(picture: &mut RgbImage, x: u32, y: u32, radius: u32, colour: [u8; 3]) {
    for row in 0..=2 * radius {
        let up = f64::from(row) - f64::from(radius);
        let half = (f64::from(radius * radius) - up * up).max(0.0).sqrt() as u32;
        fill(picture, x - half, y + row - radius, 2 * half, 1, colour);
    }
}

/// The car's back, three quarters from behind: body, cabin, windows, wheels, lamps, plate.
fn car(picture: &mut RgbImage, car: &Car, x: u32, y: u32) {
    fill(picture, x - 16, y + 268, 560, 16, [120, 116, 110]);
    for row in 0..100 {
        let inset = 100 - row;
        fill(picture, x + 40 + inset / 2, y + row, 420 - inset, 1, shade(car.paint, 92));
    }
    for row in 0..76 {
        let inset = 80 - row;
        fill(picture, x + 66 + inset / 2, y + 16 + row, 368 - inset, 1, [46, 58, 68]);
    }
    fill(picture, x, y + 100, 500, 130, car.paint);
    fill(picture, x, y + 196, 500, 40, shade(car.paint, 80));
    fill(picture, x + 8, y + 236, 484, 20, [40, 42, 44]);
    for lamp in [x + 10, x + 420] {
        fill(picture, lamp, y + 118, 70, 34, [196, 30, 34]);
    }
    for wheel in [x + 70, x + 430] {
        disc(picture, wheel, y + 246, 34, [22, 22, 24]);
        disc(picture, wheel, y + 246, 15, [150, 152, 156]);
    }
    let (board, ink) = if car.electric { ([120, 206, 130], [12, 12, 12]) } else { ([26, 70, 170], [248, 248, 248]) };
    let width = if car.electric { 176 } else { 160 };
    fill(picture, x + 250 - width / 2 - 4, y + 156, width + 8, 52, [240, 240, 240]);
    fill(picture, x + 250 - width / 2, y + 160, width, 44, board);
    text(picture, &car.plate, x + 250 - width / 2 + 12, y + 166, 2, ink);
}

/// Words in GNU Unifont, `scale` times its 16 pixels; returns where they end.
fn text(picture: &mut RgbImage, words: &str, mut x: u32, y: u32, scale: u32, colour: [u8; 3]) {
    for character in words.chars() {
        let Some(glyph) = unifont::get_glyph(character) else { continue };
        for row in 0..16 {
            for column in 0..glyph.get_width() {
                if glyph.get_pixel(column, row) {
                    fill(picture, x + column as u32 * scale, y + row as u32 * scale, scale, scale, colour);
                }
            }
        }
        x += glyph.get_width() as u32 * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_evidence_sized_and_shows_car_and_plate() {
        let car = Car { plate: "浙KD12345".to_owned(), electric: true, paint: [176, 32, 36] };
        let shot =
            Shot {
                car: &car, caption: "2026-07-29 08:00:00 C01", zone: "凤鸣街人行道禁停段", shift: 100, street: 4
            };
        let jpeg = draw(&shot).unwrap();
        let picture = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (WIDTH, HEIGHT));
        let [red, green, _] = picture.get_pixel(400 + 250, 330 + 112).0;
        assert!(red > 140 && green < 80, "the body wears the car's paint");
        let plate = picture.get_pixel(400 + 250 - 84, 330 + 200).0;
        assert!(plate[1] > plate[0] && plate[1] > plate[2], "an electric car's plate is green: {plate:?}");
    }
}
