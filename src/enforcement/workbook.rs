//! A table as an Excel workbook (Office Open XML): one sheet of texts, stored without compression, nothing in it a formula.

use std::fmt::Write;

/// What the archive's parts are.
const TYPES: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Types \
    xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default Extension=\"rels\" \
    ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/><Default Extension=\"xml\" \
    ContentType=\"application/xml\"/><Override PartName=\"/xl/workbook.xml\" \
    ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/><Override \
    PartName=\"/xl/worksheets/sheet1.xml\" \
    ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>";
/// What the archive begins with.
const ROOT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Relationships \
    xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
    Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" \
    Target=\"xl/workbook.xml\"/></Relationships>";
/// What the workbook holds.
const BOOK: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<Relationships \
    xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" \
    Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" \
    Target=\"worksheets/sheet1.xml\"/></Relationships>";
/// Longest text of one cell that Excel takes, characters.
const LONGEST: usize = 32_767;

/// The name of a column, counted from 0: A, B, ... Z, AA.
fn column(mut at: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.insert(0, b'A' + (at % 26) as u8);
        if at < 26 {
            return String::from_utf8(name).unwrap_or_default();
        }
        at = at / 26 - 1;
    }
}

/// A text as it may stand in XML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars().take(LONGEST) {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\n' | '\t') => safe.push(' '),
            '\u{fffe}' | '\u{ffff}' => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// Writes rows of texts as a workbook. `mark` stands in the page's footer: who exported it is found by it.
pub(super) fn workbook(name: &str, rows: &[Vec<String>], mark: &str) -> Vec<u8> {
    let mut sheet = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet \
         xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>",
    );
    for (row, cells) in rows.iter().enumerate() {
        let _ = write!(sheet, "<row r=\"{}\">", row + 1);
        for (at, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            // Texts in place: whatever begins with an equals sign stays a text.
            let _ = write!(
                sheet,
                "<c r=\"{}{}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{}</t></is></c>",
                column(at),
                row + 1,
                escaped(cell)
            );
        }
        sheet.push_str("</row>");
    }
    let _ = write!(
        sheet,
        "</sheetData><headerFooter><oddFooter>&amp;C{}</oddFooter></headerFooter></worksheet>",
        escaped(&mark.replace('&', "&&"))
    );
    let book = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<workbook \
         xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
         xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"{}\" sheetId=\"1\" \
         r:id=\"rId1\"/></sheets></workbook>",
        escaped(name)
    );
    zipped(&[
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", ROOT.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", BOOK.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// CRC-32 as ZIP wants it (IEEE 802.3, reflected).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// A ZIP archive of files that are stored as they are.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let (offset, length, name_length) = (out.len() as u32, bytes.len() as u32, name.len() as u16);
        let mut common = Vec::new();
        // Version 2.0, names in UTF-8, stored, the first of January 1980.
        for word in [20_u16, 0x0800, 0, 0, 33] {
            common.extend(word.to_le_bytes());
        }
        for number in [crc32(bytes), length, length] {
            common.extend(number.to_le_bytes());
        }
        common.extend(name_length.to_le_bytes());
        common.extend(0_u16.to_le_bytes());
        out.extend(0x0403_4b50_u32.to_le_bytes());
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(*bytes);
        directory.extend(0x0201_4b50_u32.to_le_bytes());
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, count) = (out.len() as u32, files.len() as u16);
    out.extend(&directory);
    out.extend(0x0605_4b50_u32.to_le_bytes());
    for word in [0, 0, count, count] {
        out.extend(word.to_le_bytes());
    }
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_on_behind_z() {
        assert_eq!([0, 25, 26, 51, 52, 701, 702].map(column), ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }

    #[test]
    fn the_checksum_is_the_one_everybody_knows() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn python_reads_the_workbook_and_finds_texts_where_formulas_might_stand() {
        let rows = vec![vec!["号牌".to_owned(), "<a> & \"b\"".to_owned()], vec!["=1+1".to_owned(), String::new()]];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.xlsx");
        std::fs::write(&path, workbook("records", &rows, "export 7")).unwrap();
        let script = "import sys, zipfile, xml.etree.ElementTree as E\n\
                      z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None\n\
                      s = E.fromstring(z.read('xl/worksheets/sheet1.xml')); [E.fromstring(z.read(n)) for n in z.namelist()]\n\
                      n = '{http://schemas.openxmlformats.org/spreadsheetml/2006/main}'\n\
                      print('|'.join(t.text for t in s.iter(n + 't')), len(list(s.iter(n + 'f'))), s.find(n + 'headerFooter')[0].text)";
        let output = std::process::Command::new("python3").args(["-c", script]).arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "号牌|<a> & \"b\"|=1+1 0 &Cexport 7");
    }
}
