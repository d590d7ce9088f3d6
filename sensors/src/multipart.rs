//! A `multipart/...` body taken apart, as cameras write them: with or without names, types and lengths.

/// Most parts of one body.
const MOST_PARTS: usize = 32;
/// Longest head of one part, bytes.
const LONGEST_HEAD: usize = 4096;

/// One part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The field's name; empty when it has none.
    pub name: &'a str,
    /// The file's name; empty when it has none.
    pub file_name: &'a str,
    /// The media type as written; empty when there is none.
    pub media_type: &'a str,
    /// Its bytes.
    pub body: &'a [u8],
}

impl Part<'_> {
    /// Whether it looks like a JPEG or PNG, whatever its type says.
    pub fn is_picture(&self) -> bool {
        self.body.starts_with(&[0xff, 0xd8, 0xff]) || self.body.starts_with(b"\x89PNG\r\n\x1a\n")
    }
    /// Whether it looks like XML, whatever its type says.
    pub fn is_xml(&self) -> bool {
        let text = self.body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(self.body);
        text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
    }
}

/// Why a body cannot be taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The media type names no boundary.
    #[error("the media type names no boundary")]
    NoBoundary,
    /// The body ends before its last boundary.
    #[error("the body ends before its last part does")]
    Torn,
    /// A part's head cannot be read.
    #[error("the head of a part cannot be read")]
    Head,
    /// More parts than any camera sends.
    #[error("the body has more than 32 parts")]
    TooMany,
}

/// The boundary a `Content-Type` of `multipart/...` names.
pub fn boundary(media_type: &str) -> Option<&str> {
    let (kind, parameters) = media_type.split_once(';')?;
    if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    (!value.is_empty() && value.len() <= 200).then_some(value)
}

/// Takes a whole body apart; one that was cut off is refused, so that half a message is never taken for a whole one.
pub fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, Fault> {
    let mark = format!("--{boundary}");
    let start = find(body, mark.as_bytes()).ok_or(Fault::Torn)?;
    let between = format!("\r\n{mark}");
    let mut rest = &body[start + mark.len()..];
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() == MOST_PARTS {
            return Err(Fault::TooMany);
        }
        let inside = rest.strip_prefix(b"\r\n").ok_or(if rest.is_empty() { Fault::Torn } else { Fault::Head })?;
        let end = find(inside, between.as_bytes()).ok_or(Fault::Torn)?;
        parts.push(part(&inside[..end])?);
        rest = &inside[end + between.len()..];
    }
}

fn part(bytes: &[u8]) -> Result<Part<'_>, Fault> {
    let (head, body) = match find(bytes, b"\r\n\r\n") {
        Some(at) => (&bytes[..at], &bytes[at + 4..]),
        // No head at all: the part begins with an empty line.
        None => (&bytes[..0], bytes.strip_prefix(b"\r\n").ok_or(Fault::Head)?),
    };
    if head.len() > LONGEST_HEAD {
        return Err(Fault::Head);
    }
    let head = std::str::from_utf8(head).map_err(|_| Fault::Head)?;
    let (mut name, mut file_name, mut media_type) = ("", "", "");
    for line in head.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        if key.trim().eq_ignore_ascii_case("content-disposition") {
            (name, file_name) = (parameter(value, "name"), parameter(value, "filename"));
        } else if key.trim().eq_ignore_ascii_case("content-type") {
            media_type = value.trim();
        }
    }
    Ok(Part { name, file_name, media_type, body })
}

fn parameter<'a>(value: &'a str, wanted: &str) -> &'a str {
    let found = value.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
    });
    found.unwrap_or_default()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Vec<u8> {
        let path = "../../shared/samples/captures/hik_anpr_multipart_SYNTHETIC.body";
        std::fs::read(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }
    const BOUNDARY: &str = "---------------------------7e13971310878";

    #[test]
    fn the_sample_comes_apart_into_its_xml_and_its_pictures() {
        let body = sample();
        let parts = parts(&body, BOUNDARY).unwrap();
        assert!(parts[0].is_xml() && !parts[0].is_picture());
        let pictures: Vec<&str> = parts[1..].iter().map(|part| part.file_name).collect();
        assert_eq!(pictures, ["detectionPicture_1.jpg", "detectionPicture_2.jpg", "licensePlatePicture.jpg"]);
        assert!(parts[1..].iter().all(|part| part.body == [0xff, 0xd8, 0xff, 0xd9] && part.is_picture()));
        assert_eq!((parts[0].name, parts[0].media_type), ("anpr.xml", "text/xml"));
    }

    #[test]
    fn half_a_body_is_no_body() {
        let body = sample();
        for length in [0, 10, 60, body.len() / 2, body.len() - 200, body.len() - 5] {
            assert!(parts(&body[..length], BOUNDARY).is_err(), "{length}");
        }
        assert_eq!(parts(&body, "other"), Err(Fault::Torn));
    }

    #[test]
    fn a_boundary_is_read_from_the_media_type() {
        assert_eq!(boundary("multipart/form-data; boundary=abc"), Some("abc"));
        assert_eq!(boundary("Multipart/Mixed; charset=utf-8; Boundary=\"a b\""), Some("a b"));
        for none in
            ["multipart/form-data", "application/xml", "text/plain; boundary=x", "multipart/form-data; boundary="]
        {
            assert_eq!(boundary(none), None, "{none}");
        }
    }

    #[test]
    fn parts_without_names_or_heads_are_taken() {
        let body = b"--b\r\n\r\n<a/>\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n--b--\r\n";
        let parts = parts(body, "b").unwrap();
        assert_eq!((parts[0].body, parts[0].name), (&b"<a/>"[..], ""));
        assert!(parts[1].is_picture());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300), text in "(--b|\r\n|a|:|;|=|\"){0,60}") {
            let _ = (parts(&body, "b"), parts(text.as_bytes(), "b"), boundary(&text));
        }
    }
}
