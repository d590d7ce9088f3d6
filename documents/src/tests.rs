//! Each document in Chinese as it is set; what must stand on it, and what is refused. With `YUNPARK_PDF_DIR` the files are kept there,
//! to be looked at.

use serde_json::Value as Json;

use super::*;

const NOTO: &str = "/usr/share/fonts/opentype/noto";
const ALL: [&str; 7] = ["warning", "parking_notice", "decision", "site_record", "seizure", "release", "receipt"];

/// 行政处罚法 第五十九条: each of its six items, and the fields that tell it.
const PENALTY_59: [(&str, &[&str]); 6] = [
    ("当事人的姓名或者名称、地址", &["party_name", "party_address"]),
    ("违反法律、法规、规章的事实和证据", &["time", "place", "reason", "evidence_count"]),
    ("行政处罚的种类和依据", &["amount", "articles"]),
    ("行政处罚的履行方式和期限", &["performance"]),
    ("申请行政复议、提起行政诉讼的途径和期限", &["review_authority", "court"]),
    ("作出行政处罚决定的行政机关名称和作出决定的日期", &["authority", "decided"]),
];

/// 行政强制法 第二十四条: each of its five items.
const COERCION_24: [(&str, &[&str]); 5] = [
    ("当事人的姓名或者名称、地址", &["party_name", "party_address"]),
    ("查封、扣押的理由、依据和期限", &["reason", "legal_basis", "taken", "until"]),
    ("查封、扣押场所、设施或者财物的名称、数量等", &["inventory"]),
    ("申请行政复议或者提起行政诉讼的途径和期限", &["review_authority", "court"]),
    ("行政机关的名称、印章和日期", &["authority", "date"]),
];

fn typesetter() -> Typesetter {
    let names = FontNames { body: "Noto Serif CJK SC".into(), slip: "Noto Sans CJK SC".into() };
    Typesetter::new(std::path::Path::new(NOTO), names).unwrap()
}

fn told() -> Json {
    let mut told: Json = serde_json::from_str(include_str!("../samples/told.json")).unwrap();
    told["qr"] = include_str!("../samples/check.svg").into();
    told
}

fn keep(name: &str, pdf: &[u8]) {
    if let Ok(folder) = std::env::var("YUNPARK_PDF_DIR") {
        std::fs::write(std::path::Path::new(&folder).join(format!("{name}.pdf")), pdf).unwrap();
    }
}

#[test]
fn every_document_is_set_on_every_paper_and_the_same_twice() {
    let typesetter = typesetter();
    for document in ALL {
        for paper in ["a4", "80mm", "58mm"] {
            let mut told = told();
            told["paper"] = paper.into();
            let pdf = typesetter.set(template(document).unwrap(), &told, &["authority"]).unwrap();
            assert!(pdf.starts_with(b"%PDF-1."), "{document}");
            assert_eq!(typesetter.set(template(document).unwrap(), &told, &["authority"]).unwrap(), pdf, "{document}");
            keep(&format!("{document}-{paper}"), &pdf);
        }
    }
}

#[test]
fn each_item_of_the_laws_lists_stands_on_the_decisions() {
    let typesetter = typesetter();
    for (document, items) in [("decision", &PENALTY_59[..]), ("seizure", &COERCION_24[..])] {
        let template = template(document).unwrap();
        for (item, fields) in items {
            typesetter.set(template, &told(), fields).unwrap_or_else(|error| panic!("{document} {item}: {error}"));
            // The letter itself tells the authority.
            for field in fields.iter().filter(|field| **field != "authority") {
                let lost =
                    template.replace(&format!("f(\"{field}\""), "f(\"phone\"").replace(&format!("#{field}()"), "");
                let missing = Err(Error::MissingField((*field).to_owned()));
                assert_eq!(typesetter.set(&lost, &told(), fields), missing, "{document}");
                // Named where nobody sees it, it does not stand there either; a bare number may stand anywhere.
                if told()[*field].as_str().is_some_and(|text| text.chars().count() > 4) {
                    let hidden = format!("#let unseen = f(\"{field}\")\n{lost}");
                    assert_eq!(typesetter.set(&hidden, &told(), fields), missing, "{document}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_known_is_a_place_to_write_it() {
    let typesetter = typesetter();
    let mut told = told();
    for field in ["party_name", "party_address", "second_officer", "witness", "custody", "bank", "phone", "address"] {
        told[field] = "".into();
    }
    for document in ALL {
        let required = if document == "decision" { &["party_name", "party_address"][..] } else { &[] };
        let pdf = typesetter.set(template(document).unwrap(), &told, required).unwrap();
        keep(&format!("{document}-blank"), &pdf);
    }
}

#[test]
fn a_character_without_a_picture_is_named() {
    let typesetter = typesetter();
    let mut told = told();
    told["reason"] = "占用盲道\u{1F697}停车".into();
    let refused = typesetter.set(template("decision").unwrap(), &told, &["reason"]).unwrap_err();
    assert_eq!(refused, Error::MissingGlyph { character: '\u{1F697}', family: "Noto Serif CJK SC".into() });
    assert!(refused.to_string().contains("U+1F697"), "{refused}");
    // Rare characters of names and places that are in use have one.
    told["reason"] = "在㴪潭、浬浦镇、䃅头村、𬭎路停放".into();
    typesetter.set(template("decision").unwrap(), &told, &["reason"]).unwrap();
}

#[test]
fn what_is_told_is_text_and_no_template_of_its_own() {
    let typesetter = typesetter();
    let mut told = told();
    told["reason"] = "#panic(\"x\") $a$ *b* [c] // d \\ <e> @f = g".into();
    typesetter.set(template("decision").unwrap(), &told, &["reason"]).unwrap();
    for reaching in [
        "#read(\"/etc/passwd\")",
        "#import \"@preview/x:1.0.0\": y",
        "#image(\"a.png\")",
        "#let x = ",
        "#f(\"nobody\")",
    ] {
        assert!(matches!(typesetter.set(reaching, &told, &[]), Err(Error::Template(_))), "{reaching}");
    }
}

#[test]
fn a_font_that_is_not_there_is_named_with_its_folder() {
    let names = FontNames { body: "FangSong".into(), slip: "Noto Sans CJK SC".into() };
    let missing = Typesetter::new(std::path::Path::new(NOTO), names).unwrap_err();
    assert_eq!(missing, Error::NoFont { family: "FangSong".into(), folder: NOTO.into() });
}
