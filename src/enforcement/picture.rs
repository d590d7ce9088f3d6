//! Pictures as they come in: looked at, decoded once within limits, kept untouched.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader, Limits};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{Desk, Error};
use crate::{domain::time::Instant, store::evidence::Piece};

/// Longest side of a thumbnail, pixels.
const SMALL_PX: u32 = 320;

/// A picture that was looked at: its size and type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    width_px: u32,
    height_px: u32,
    media_type: &'static str,
}

/// Why a picture is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NotAPicture,
    TooLarge,
}

/// Looks at a picture with a decoder that may have a fault of its own: one that panics has not read a picture.
fn guarded(look: impl FnOnce() -> Result<Look, Fault>) -> Result<Look, Fault> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).unwrap_or_else(|_| {
        metrics::counter!("yunpark_decoder_panics_total").increment(1);
        Err(Fault::NotAPicture)
    })
}

/// Looks at a picture: its type by its first bytes, its size by its head, and then all of it, so that nothing is kept as
/// evidence that cannot be shown.
fn look(bytes: &[u8], max_pixels: u64) -> Result<Look, Fault> {
    let reader = || ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| Fault::NotAPicture);
    let format = reader()?.format();
    let (width_px, height_px) = reader()?.into_dimensions().map_err(|_| Fault::NotAPicture)?;
    if u64::from(width_px) * u64::from(height_px) > max_pixels {
        return Err(Fault::TooLarge);
    }
    let media_type = match format {
        Some(ImageFormat::Jpeg) => {
            whole_jpeg(bytes)?;
            "image/jpeg"
        }
        Some(ImageFormat::Png) => {
            let mut whole = reader()?;
            let mut limits = Limits::default();
            // Four channels of two bytes, and as much again to work in.
            limits.max_alloc = Some(max_pixels.saturating_mul(16));
            whole.limits(limits);
            whole.decode().map_err(|error| match error {
                image::ImageError::Limits(_) => Fault::TooLarge,
                _ => Fault::NotAPicture,
            })?;
            "image/png"
        }
        _ => return Err(Fault::NotAPicture),
    };
    Ok(Look { width_px, height_px, media_type })
}

/// Reads a JPEG to its end. Of its colours only the brightness is worked out, which takes half the time; decoders show what
/// came of a picture that was cut off in the middle, so that it ends is asked first.
fn whole_jpeg(bytes: &[u8]) -> Result<(), Fault> {
    if !ends(bytes) {
        return Err(Fault::NotAPicture);
    }
    let mut decoder = JpegDecoder::new(ZCursor::new(bytes));
    decoder.decode_headers().map_err(|_| Fault::NotAPicture)?;
    if decoder.input_colorspace() == Some(ColorSpace::YCbCr) {
        let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::Luma);
        decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    }
    decoder.decode().map(drop).map_err(|_| Fault::NotAPicture)
}

/// Whether a JPEG has an end (EOI) after its scan has begun (SOS). The one of a small picture in its head comes before; within a
/// scan 0xff is followed by 0 or a restart (ITU-T T.81, B.1.1).
fn ends(bytes: &[u8]) -> bool {
    const SOS: u8 = 0xda;
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        match rest {
            [0xff, 0xff, ..] => rest = &rest[1..],
            [0xff, SOS, scan @ ..] => return scan.windows(2).any(|pair| pair == [0xff, 0xd9]),
            [0xff, _, high, low, ..] => {
                let Some(next) = rest.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..) else { return false };
                rest = next;
            }
            // Some cameras leave bytes between segments.
            [_, next @ ..] => rest = next,
            [] => return false,
        }
    }
}

/// A JPEG at most [`SMALL_PX`] wide and high.
fn reduce(bytes: &[u8], max_pixels: u64) -> Option<Vec<u8>> {
    look(bytes, max_pixels).ok()?;
    let picture = image::load_from_memory(bytes).ok()?.thumbnail(SMALL_PX, SMALL_PX).to_rgb8();
    let mut small = Cursor::new(Vec::new());
    picture.write_to(&mut small, ImageFormat::Jpeg).ok()?;
    Some(small.into_inner())
}

impl Desk {
    /// Looks at pictures away from the tasks that answer requests, then stores their bytes; nothing is stored unless all are
    /// pictures.
    pub async fn keep(&self, images: Vec<Bytes>, taken_at: Instant) -> Result<Vec<Piece>, Error> {
        if let Some(index) = images.iter().position(|bytes| bytes.len() > self.config.max_image_bytes) {
            return Err(Error::PictureTooLarge { index });
        }
        let max_pixels = self.config.max_pixels;
        let (images, looks) = self
            .workshop
            .run(move || {
                let looks: Vec<Result<Look, Fault>> =
                    images.iter().map(|bytes| guarded(|| look(bytes, max_pixels))).collect();
                (images, looks)
            })
            .await?;
        let looks = looks.into_iter().enumerate().map(|(index, look)| {
            look.map_err(|fault| match fault {
                Fault::NotAPicture => Error::NotAPicture { index },
                Fault::TooLarge => Error::PictureTooLarge { index },
            })
        });
        let looks: Vec<Look> = looks.collect::<Result<_, _>>()?;
        let mut pieces = Vec::with_capacity(images.len());
        for (bytes, look) in images.into_iter().zip(looks) {
            pieces.push(Piece {
                bytes: bytes.len() as u32,
                sha256: self.evidence.put(bytes).await?,
                width_px: look.width_px,
                height_px: look.height_px,
                media_type: look.media_type.to_owned(),
                taken_at: Some(taken_at),
            });
        }
        Ok(pieces)
    }

    /// A small picture of a piece of evidence, made anew each time: the original is never touched. `None` for what is no picture.
    pub(super) async fn reduced(&self, bytes: Bytes) -> Result<Option<Bytes>, Error> {
        let max_pixels = self.config.max_pixels;
        let reduce = move || {
            let reduced = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reduce(&bytes, max_pixels)));
            reduced.ok().flatten().map(Bytes::from)
        };
        self.workshop.run(reduce).await
    }

    /// Whether a picture is large enough to be evidence.
    pub(super) fn is_usable(&self, piece: &Piece) -> bool {
        piece.width_px >= self.config.min_width_px && piece.height_px >= self.config.min_height_px
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image::GrayImage::new(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_decoder_that_panics_has_read_no_picture() {
        assert_eq!(guarded(|| panic!("a fault in the decoder")), Err(Fault::NotAPicture));
        let good = png(4, 3);
        assert_eq!(guarded(|| look(&good, 12)), look(&good, 12));
    }

    #[test]
    fn a_thumbnail_keeps_the_shape_and_needs_a_picture() {
        let small = reduce(&png(1280, 720), 1_000_000).unwrap();
        let seen = look(&small, 1_000_000).unwrap();
        assert_eq!((seen.width_px, seen.height_px, seen.media_type), (320, 180, "image/jpeg"));
        assert_eq!((reduce(b"no picture", 1_000_000), reduce(&png(1280, 720), 1000)), (None, None));
    }

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, (x * y) as u8]));
        picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_jpeg_cut_off_anywhere_is_not_taken_even_with_a_whole_small_one_in_its_head() {
        let (small, large) = (jpeg(16, 16), jpeg(200, 120));
        let length = u16::try_from(small.len() + 2).unwrap().to_be_bytes();
        let app1 = [&[0xff, 0xe1][..], &length, &small].concat();
        let whole = [&large[..2], &app1, &large[2..]].concat();
        let seen = look(&whole, 24_000).unwrap();
        assert_eq!((seen.width_px, seen.height_px, seen.media_type), (200, 120, "image/jpeg"));
        assert!(
            look(&[&whole[..], b"what a maker adds"].concat(), 24_000).is_ok(),
            "what follows the end is not looked at"
        );
        for length in (0..whole.len() - 1).step_by(37).chain([whole.len() - 1]) {
            assert_eq!(look(&whole[..length], 24_000), Err(Fault::NotAPicture), "{length} of {}", whole.len());
        }
        let grey = image::GrayImage::new(40, 30);
        let mut bytes = Cursor::new(Vec::new());
        grey.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        assert!(look(&bytes.into_inner(), 1200).is_ok(), "a night camera sends no colours");
    }

    #[test]
    fn only_whole_jpeg_and_png_pictures_within_the_limit_are_taken() {
        let good = png(40, 30);
        let seen = look(&good, 1200).unwrap();
        assert_eq!((seen.width_px, seen.height_px, seen.media_type), (40, 30, "image/png"));
        assert_eq!(look(&good, 1199), Err(Fault::TooLarge));
        for bad in [&good[..good.len() / 2], b"GIF89a\x01\x00\x01\x00", b"<svg/>", b"", &[0xff, 0xd8, 0xff, 0xd9]] {
            assert_eq!(look(bad, 1200), Err(Fault::NotAPicture));
        }
    }
}
