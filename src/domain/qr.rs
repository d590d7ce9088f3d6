//! A text as a QR code, drawn as SVG.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

use super::text::escape_html;

/// The quiet border a reader wants around the code, modules.
const BORDER: i32 = 4;

/// The code as an `<svg>` element that is as large as its place; empty where the text is too long for one.
pub fn svg(text: &str) -> String {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else { return String::new() };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        for x in (0..size).filter(|x| code.get_module(*x, y)) {
            // Writing into a text cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + BORDER, y + BORDER);
        }
    }
    let side = size + 2 * BORDER;
    format!(
        "<svg viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"{}\">\
         <path d=\"M0 0h{side}v{side}H0z\" fill=\"#fff\"/><path d=\"{path}\"/></svg>",
        escape_html(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_border() {
        let svg = svg("https://parking.example/lots/L1");
        // A corner's first row: seven dark modules after the border.
        for x in 4..11 {
            assert!(svg.contains(&format!("M{x} 4h1v1h-1z")), "{svg}");
        }
        assert!(!svg.contains("M3 ") && svg.contains("aria-label=\"https://parking.example/lots/L1\""));
        assert!(super::svg(&"x".repeat(5000)).is_empty());
    }
}
