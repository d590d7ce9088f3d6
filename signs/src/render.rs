//! Draws a panel as its LEDs: first the dots, then a picture of round lamps on a black board.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

use crate::{
    arrow::arrow_dot,
    face::{Arrow, Colour, Face},
    layout::{FitError, Layout, Size, pages},
};

/// What one LED emits: red, green, blue.
pub type Light = [u8; 3];

/// Amber, the colour of names and arrows.
pub const AMBER: Light = [255, 176, 0];
/// Green: there is room.
pub const GREEN: Light = [40, 255, 80];
/// Yellow: nearly full.
pub const YELLOW: Light = [255, 236, 40];
/// Red: full or closed.
pub const RED: Light = [255, 44, 28];
/// White: no meaning of its own.
pub const WHITE: Light = [245, 245, 245];
/// Grey: no number that can be believed.
pub const GREY: Light = [150, 150, 150];

const BOARD: Light = [5, 5, 6];
const UNLIT: Light = [24, 24, 26];
const HOUSING: Light = [46, 48, 52];

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The face does not fit its panel.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The picture could not be encoded.
    #[error("the picture could not be encoded: {0}")]
    Encode(#[from] image::ImageError),
}

impl Colour {
    /// What an LED of this colour emits.
    pub fn light(self) -> Light {
        match self {
            Self::Amber => AMBER,
            Self::Green => GREEN,
            Self::Yellow => YELLOW,
            Self::Red => RED,
            Self::White => WHITE,
            Self::Grey => GREY,
        }
    }
}

/// The LEDs of one panel; `None` is unlit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    size: Size,
    dots: Vec<Option<Light>>,
}

impl Matrix {
    /// A panel with nothing lit.
    pub fn dark(size: Size) -> Self {
        Self { size, dots: vec![None; (size.width * size.height) as usize] }
    }

    /// A face on its panel, page by page; at least one.
    pub fn pages(face: &Face, size: Size) -> Result<Vec<Self>, FitError> {
        Ok(pages(face, size)?.iter().map(Self::of).collect())
    }

    /// A face on its panel; of several pages, the first.
    pub fn draw(face: &Face, size: Size) -> Result<Self, FitError> {
        Ok(Self::pages(face, size)?.into_iter().next().unwrap_or_else(|| Self::dark(size)))
    }

    /// A layout's dots.
    pub fn of(layout: &Layout) -> Self {
        let mut matrix = Self::dark(layout.size);
        let (letters, row) = (layout.letters, layout.letters.strike.height());
        for run in &layout.runs {
            let mut x = run.x;
            for character in run.text.chars() {
                let arrow = run.is_arrow.then(|| arrow_of(character)).flatten();
                let glyph = if arrow.is_none() { letters.strike.glyph(character) } else { None };
                let wide = glyph.map_or(if arrow.is_some() { row } else { 0 }, |glyph| glyph.width);
                for (gx, gy) in (0..row).flat_map(|gy| (0..wide).map(move |gx| (gx, gy))) {
                    let lit = match arrow {
                        Some(arrow) => arrow_dot(arrow, row, gx, gy),
                        None => glyph.is_some_and(|glyph| glyph.dot(gx, gy)),
                    };
                    if lit {
                        let light = run.colour.light();
                        matrix.light(x + gx * letters.scale, run.y + gy * letters.scale, letters.scale, light);
                    }
                }
                x += wide * letters.scale;
            }
        }
        matrix
    }

    /// The panel's size.
    pub fn size(&self) -> Size {
        self.size
    }

    /// The LED at a place; `None` is unlit or off the panel.
    pub fn dot(&self, x: u32, y: u32) -> Option<Light> {
        if x < self.size.width && y < self.size.height { self.dots[(y * self.size.width + x) as usize] } else { None }
    }

    fn light(&mut self, x: u32, y: u32, side: u32, light: Light) {
        for (x, y) in (y..y + side).flat_map(|y| (x..x + side).map(move |x| (x, y))) {
            if x < self.size.width && y < self.size.height {
                self.dots[(y * self.size.width + x) as usize] = Some(light);
            }
        }
    }
}

fn arrow_of(character: char) -> Option<Arrow> {
    [Arrow::Left, Arrow::Ahead, Arrow::Right, Arrow::UTurn].into_iter().find(|arrow| arrow.glyph() == character)
}

/// A picture of panels side by side in one housing: PNG, each LED a round lamp in a square of `pitch` pixels.
pub fn png(panels: &[Matrix], pitch: u32) -> Result<Vec<u8>, Error> {
    let pitch = pitch.clamp(2, 16);
    let frame = pitch * 2;
    let wide: u32 = panels.iter().map(|panel| panel.size.width * pitch + frame).sum::<u32>() + frame;
    let high = panels.iter().map(|panel| panel.size.height).max().unwrap_or(1) * pitch + 2 * frame;
    let mut picture = RgbImage::from_pixel(wide, high, Rgb(HOUSING));
    let lamp = lamp(pitch);
    let mut left = frame;
    for panel in panels {
        for (x, y) in (0..panel.size.height).flat_map(|y| (0..panel.size.width).map(move |x| (x, y))) {
            let dot = panel.dot(x, y);
            let colour = dot.unwrap_or(UNLIT);
            for (i, cover) in lamp.iter().enumerate() {
                let (px, py) = (i as u32 % pitch, i as u32 / pitch);
                let pixel = Rgb(std::array::from_fn(|c| {
                    mix(BOARD[c], colour[c], if dot.is_some() { cover.lit } else { cover.unlit })
                }));
                picture.put_pixel(left + x * pitch + px, frame + y * pitch + py, pixel);
            }
        }
        left += panel.size.width * pitch + frame;
    }
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// A panel as plain dots, one pixel for each LED and black where none is lit, for a display that is a screen itself: PNG.
///
/// # Errors
/// The picture cannot be encoded.
pub fn dots_png(panel: &Matrix) -> Result<Vec<u8>, Error> {
    let mut picture = RgbImage::new(panel.size.width, panel.size.height);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        *pixel = Rgb(panel.dot(x, y).unwrap_or_default());
    }
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

/// How much of a pixel a lamp covers; a lit one also glows around its rim.
struct Cover {
    lit: f32,
    unlit: f32,
}

fn lamp(pitch: u32) -> Vec<Cover> {
    let middle = pitch as f32 / 2.0;
    let radius = pitch as f32 * 0.40;
    (0..pitch * pitch)
        .map(|i| {
            let (dx, dy) = ((i % pitch) as f32 + 0.5 - middle, (i / pitch) as f32 + 0.5 - middle);
            let far = dx.hypot(dy);
            let cover = |radius: f32| (radius + 0.5 - far).clamp(0.0, 1.0);
            // A lit lamp outshines its rim: seen from afar, or in a small picture, strokes are whole and bright.
            let glow = 0.5 * (1.0 - (far - radius) / (pitch as f32 * 0.35)).clamp(0.0, 1.0);
            Cover { lit: cover(pitch as f32 * 0.46).max(glow), unlit: cover(radius) }
        })
        .collect()
}

fn mix(below: u8, above: u8, share: f32) -> u8 {
    (f32::from(above) - f32::from(below)).mul_add(share, f32::from(below)).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::{
        LineState,
        tests::{face, line},
    };

    const SIZE: Size = Size { width: 160, height: 32 };

    fn colours(state: LineState, text: &str) -> std::collections::BTreeSet<Light> {
        let matrix = Matrix::draw(&face(vec![line("城西", Some(Arrow::Left), text, state)]), SIZE).unwrap();
        matrix.dots.iter().flatten().copied().collect()
    }

    #[test]
    fn the_colour_of_the_text_tells_its_state_and_the_name_is_amber() {
        for (state, text, colour) in [
            (LineState::Free, "34", GREEN),
            (LineState::Few, "3", YELLOW),
            (LineState::Full, "满", RED),
            (LineState::NoData, "----", GREY),
        ] {
            assert_eq!(colours(state, text), [AMBER, colour].into(), "{text}");
        }
    }

    #[test]
    fn a_picture_is_a_png_of_the_panels_side_by_side() {
        let panel = Matrix::draw(&face(vec![line("城西", None, "34", LineState::Free)]), SIZE).unwrap();
        let bytes = png(&[panel, Matrix::dark(SIZE)], 4).unwrap();
        let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Png).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (2 * 640 + 3 * 8, 128 + 16));
        let brightest = |x0: u32, x1: u32| {
            (x0..x1).flat_map(|x| (8..136).map(move |y| (x, y))).map(|(x, y)| picture.get_pixel(x, y).0[1]).max()
        };
        assert_eq!((brightest(8, 648), brightest(656, 1296)), (Some(255), Some(24)));
    }

    #[test]
    fn plain_dots_are_a_pixel_each() {
        let panel = Matrix::draw(&face(vec![line("城西", None, "34", LineState::Free)]), SIZE).unwrap();
        let picture =
            image::load_from_memory_with_format(&dots_png(&panel).unwrap(), ImageFormat::Png).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (SIZE.width, SIZE.height));
        let same = |(x, y, pixel): (u32, u32, &Rgb<u8>)| pixel.0 == panel.dot(x, y).unwrap_or([0; 3]);
        assert!(picture.enumerate_pixels().all(same));
    }

    #[test]
    fn a_dark_panel_has_nothing_lit() {
        assert!(Matrix::draw(&Face::blank(1), SIZE).unwrap() == Matrix::dark(SIZE));
    }
}
