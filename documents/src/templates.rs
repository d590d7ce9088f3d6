//! The built-in templates, one for each document, and the letter they are all written on.

/// What every template begins with: paper, fonts, and how a field is told.
pub(crate) const LETTER: &str = include_str!("../templates/letter.typ");

/// The built-in template of a document.
pub fn template(document: &str) -> Option<&'static str> {
    Some(match document {
        "warning" => include_str!("../templates/warning.typ"),
        "parking_notice" => include_str!("../templates/parking_notice.typ"),
        "decision" => include_str!("../templates/decision.typ"),
        "site_record" => include_str!("../templates/site_record.typ"),
        "seizure" => include_str!("../templates/seizure.typ"),
        "release" => include_str!("../templates/release.typ"),
        "receipt" => include_str!("../templates/receipt.typ"),
        _ => return None,
    })
}

/// Whether a template, or the letter it is written on, tells a field: `f("name")`, `told.name`, or `inventory()`, `near()`, `qr()`
/// for what is more than a text.
pub fn tells(template: &str, field: &str) -> bool {
    let told = [format!("f(\"{field}\""), format!("told.{field}")];
    let drawn = format!("{field}()");
    let code = |text: &str, ways: &[&str]| {
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.any(|line| ways.iter().any(|way| line.contains(way)))
    };
    code(template, &[&told[0], &told[1], &drawn]) || code(LETTER, &[&told[0], &told[1]])
}
