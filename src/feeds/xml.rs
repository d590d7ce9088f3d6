//! A writer of XML in which an element cannot stay open and a text cannot break out.

use std::{borrow::Cow, fmt::Display};

use quick_xml::{
    Writer,
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event},
};

/// Writes one document.
pub struct Xml {
    writer: Writer<Vec<u8>>,
}

impl Xml {
    /// A document with its declaration.
    pub fn document() -> Self {
        let mut xml = Self { writer: Writer::new(Vec::with_capacity(64 * 1024)) };
        xml.put(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        xml
    }

    /// An element with attributes and what stands in it.
    pub fn inside(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        self.put(Event::Start(start(name, attributes)));
        content(self);
        self.put(Event::End(BytesEnd::new(name)));
    }

    /// An element with attributes and nothing in it.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.put(Event::Empty(start(name, attributes)));
    }

    /// An element with a text in it.
    pub fn leaf(&mut self, name: &str, text: impl Display) {
        self.leaf_with(name, &[], text);
    }

    /// An element with attributes and a text in it.
    pub fn leaf_with(&mut self, name: &str, attributes: &[(&str, &str)], text: impl Display) {
        let text = text.to_string();
        self.inside(name, attributes, |xml| xml.put(Event::Text(BytesText::new(&clean(&text)))));
    }

    /// The document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.writer.into_inner()
    }

    fn put(&mut self, event: Event<'_>) {
        // Memory takes everything that is written to it.
        let _ = self.writer.write_event(event);
    }
}

fn start<'a>(name: &'a str, attributes: &'a [(&'a str, &'a str)]) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (key, value) in attributes {
        start.push_attribute((*key, &*clean(value)));
    }
    start
}

/// A text without the characters XML 1.0 has no room for.
fn clean(text: &str) -> Cow<'_, str> {
    let has_room = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    if text.chars().all(has_room) {
        Cow::Borrowed(text)
    } else {
        text.chars().filter(|c| has_room(*c)).collect::<String>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_element() {
        let mut xml = Xml::document();
        xml.inside("a", &[("b", "\"<&\u{1}")], |xml| xml.leaf("c", "</c><d>\u{0}西&东"));
        let text = String::from_utf8(xml.into_bytes()).unwrap();
        assert!(text.contains("<c>&lt;/c&gt;&lt;d&gt;西&amp;东</c></a>"), "{text}");
        assert!(!text.contains(['\u{0}', '\u{1}']) && text.contains("b=\"&quot;&lt;&amp;\""), "{text}");
    }
}
