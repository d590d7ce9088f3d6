//! What a JPEG says of itself (Exif): when and where it was taken, to be held against what its sender says.
//!
//! Source: Exif 2.3 and TIFF 6.0. Only what is asked for is read; whatever else stands there, or is broken, is nothing.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeZone, Utc};

const EXIF_IFD: u16 = 0x8769;
const GPS_IFD: u16 = 0x8825;
const TAKEN: u16 = 0x9003;
const TAKEN_OFFSET: u16 = 0x9011;
/// Most entries of one directory that are looked at.
const MOST_ENTRIES: u16 = 512;

/// What a picture says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Exif {
    /// When it was taken; a clock without a zone is Beijing's.
    pub taken_at: Option<DateTime<Utc>>,
    /// Where, longitude and latitude, WGS-84.
    pub location: Option<(f64, f64)>,
}

/// Reads what a JPEG says of itself; nothing where it says nothing.
pub fn read(jpeg: &[u8]) -> Exif {
    tiff_of(jpeg).and_then(Tiff::of).map(Tiff::told).unwrap_or_default()
}

/// The TIFF block of the first Exif segment.
fn tiff_of(jpeg: &[u8]) -> Option<&[u8]> {
    let mut rest = jpeg.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let (marker, after) = (rest.get(..2)?, rest.get(2..)?);
        // Pictures begin at the start of scan; before that only segments with a length stand.
        if marker[0] != 0xff || matches!(marker[1], 0xda | 0xd9) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(after.get(..2)?.try_into().ok()?));
        let segment = after.get(2..length)?;
        if marker[1] == 0xe1
            && let Some(tiff) = segment.strip_prefix(b"Exif\0\0")
        {
            return Some(tiff);
        }
        rest = after.get(length..)?;
    }
}

#[derive(Clone, Copy)]
struct Tiff<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl<'a> Tiff<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, is_little: true }),
            b"MM\0*" => Some(Self { bytes, is_little: false }),
            _ => None,
        }
    }

    fn u16(self, at: usize) -> Option<u16> {
        let two = self.bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if self.is_little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    }

    fn u32(self, at: usize) -> Option<u32> {
        let four = self.bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.is_little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) })
    }

    /// Where the value of an entry of a directory stands, how many there are, and of what type.
    fn entry(self, directory: usize, tag: u16) -> Option<(usize, u32, u16)> {
        let count = self.u16(directory)?.min(MOST_ENTRIES);
        let at = (0..usize::from(count)).map(|nth| directory + 2 + nth * 12).find(|at| self.u16(*at) == Some(tag))?;
        let (kind, count) = (self.u16(at + 2)?, self.u32(at + 4)?);
        let size = match kind {
            1 | 2 | 7 => 1,
            3 => 2,
            4 => 4,
            5 => 8,
            _ => return None,
        };
        let is_inside = u64::from(count) * size <= 4;
        let value = if is_inside { at + 8 } else { self.u32(at + 8)? as usize };
        Some((value, count, kind))
    }

    fn pointer(self, directory: usize, tag: u16) -> Option<usize> {
        let (value, _, kind) = self.entry(directory, tag)?;
        (kind == 4).then(|| self.u32(value))?.map(|at| at as usize)
    }

    fn text(self, directory: usize, tag: u16) -> Option<&'a str> {
        let (value, count, kind) = self.entry(directory, tag)?;
        let bytes = self.bytes.get(value..value.checked_add(count.min(64) as usize)?)?;
        let text = std::str::from_utf8(bytes).ok()?;
        (kind == 2).then(|| text.trim_end_matches('\0').trim())
    }

    /// Degrees, minutes and seconds as degrees.
    fn degrees(self, directory: usize, tag: u16) -> Option<f64> {
        let (value, count, kind) = self.entry(directory, tag)?;
        if kind != 5 || count != 3 {
            return None;
        }
        let part = |nth: usize| -> Option<f64> {
            let (over, under) = (self.u32(value.checked_add(nth * 8)?)?, self.u32(value.checked_add(nth * 8 + 4)?)?);
            (under != 0).then(|| f64::from(over) / f64::from(under))
        };
        Some(part(0)? + part(1)? / 60.0 + part(2)? / 3600.0)
    }

    fn told(self) -> Exif {
        let Some(first) = self.u32(4).map(|at| at as usize) else { return Exif::default() };
        let taken_at = self.pointer(first, EXIF_IFD).and_then(|exif| {
            let naive = NaiveDateTime::parse_from_str(self.text(exif, TAKEN)?, "%Y:%m:%d %H:%M:%S").ok()?;
            let offset = self.text(exif, TAKEN_OFFSET).and_then(|text| text.parse::<FixedOffset>().ok());
            let offset = offset.or_else(|| FixedOffset::east_opt(8 * 3600))?;
            Some(offset.from_local_datetime(&naive).single()?.to_utc())
        });
        let location = self.pointer(first, GPS_IFD).and_then(|gps| {
            let sign = |tag, back: &str| Some(if self.text(gps, tag)? == back { -1.0 } else { 1.0 });
            let (lat, lon) = (self.degrees(gps, 2)? * sign(1, "S")?, self.degrees(gps, 4)? * sign(3, "W")?);
            ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some((lon, lat))
        });
        Exif { taken_at, location }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A JPEG whose Exif says when and where, written by hand in either order of bytes.
    fn sample(is_little: bool) -> Vec<u8> {
        let two = |value: u16| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let four = |value: u32| if is_little { value.to_le_bytes() } else { value.to_be_bytes() };
        let mut tiff = if is_little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&two(tag)[..], &two(kind), &four(count), &value].concat()
        };
        tiff.extend(four(8));
        // IFD0 at 8: two pointers; the Exif IFD at 38, the GPS IFD at 56, values behind.
        tiff.extend(two(2));
        tiff.extend(entry(EXIF_IFD, 4, 1, four(38)));
        tiff.extend(entry(GPS_IFD, 4, 1, four(56)));
        tiff.extend(four(0));
        tiff.extend(two(1));
        tiff.extend(entry(TAKEN, 2, 20, four(110)));
        tiff.extend(four(0));
        tiff.extend(two(4));
        tiff.extend(entry(1, 2, 2, *b"N\0\0\0"));
        tiff.extend(entry(2, 5, 3, four(130)));
        tiff.extend(entry(3, 2, 2, *b"E\0\0\0"));
        tiff.extend(entry(4, 5, 3, four(154)));
        tiff.extend(four(0));
        assert_eq!(tiff.len(), 110);
        tiff.extend(b"2026:03:10 09:15:00\0");
        for (over, under) in [(28_u32, 1_u32), (6, 1), (3_600, 100), (119, 1), (34, 1), (12, 1)] {
            tiff.extend(four(over));
            tiff.extend(four(under));
        }
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xe1];
        jpeg.extend(((tiff.len() + 8) as u16).to_be_bytes());
        jpeg.extend(b"Exif\0\0");
        jpeg.extend(tiff);
        jpeg.extend([0xff, 0xda, 0, 2, 0xff, 0xd9]);
        jpeg
    }

    #[test]
    fn time_and_place_are_read_in_either_order_of_bytes() {
        for is_little in [true, false] {
            let told = read(&sample(is_little));
            assert_eq!(told.taken_at.unwrap().to_rfc3339(), "2026-03-10T01:15:00+00:00");
            let (lon, lat) = told.location.unwrap();
            assert!((lon - 119.57).abs() < 1e-9 && (lat - 28.11).abs() < 1e-9, "{lon} {lat}");
        }
    }

    #[test]
    fn a_picture_that_says_nothing_or_is_broken_tells_nothing() {
        assert_eq!(read(&[0xff, 0xd8, 0xff, 0xd9]), Exif::default());
        assert_eq!(read(b"\x89PNG"), Exif::default());
        let whole = sample(true);
        for length in 0..whole.len() - 6 {
            read(&whole[..length]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(at in 0_usize..300, with in any::<[u8; 4]>(), tail in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut jpeg = sample(at % 2 == 0);
            let at = at % (jpeg.len() - 4);
            jpeg[at..at + 4].copy_from_slice(&with);
            read(&jpeg);
            read(&tail);
            read(&[&[0xff, 0xd8, 0xff, 0xe1][..], &tail].concat());
        }
    }
}
