//! DATEX II 3.7: `VmsTablePublication`, where the signs stand, and `VmsPublication`, what each was last seen to show and what
//! is wrong with it.

use yunpark_signs::{Colour, Face, Line, Mode, Source};

use super::{
    texts,
    v3::{publication, version},
};
use crate::{
    config,
    domain::{
        sign::{Leds, Sign},
        text::{Language, Localized},
        time::{Instant, rfc3339},
    },
    feeds::{datum::degrees, picture::Picture, press::Variant, xml::Xml},
    signboard::{HealthState, SignBoard, SignStatus},
};

/// The id of the table of signs.
const TABLE: &str = "signs";

/// Where the signs stand.
pub fn signs_table(picture: &Picture, variant: Variant, settings: &config::Feeds) -> Vec<u8> {
    let version = version(picture);
    publication("vms:VmsTablePublication", picture, settings, |xml| {
        header(xml);
        xml.inside("vms:vmsControllerTable", &[("id", TABLE), ("version", &version)], |xml| {
            for sign in picture.city.signs.values() {
                xml.inside("vms:vmsController", &[("id", sign.id.as_str()), ("version", &version)], |xml| {
                    xml.leaf("vms:numberOfVms", sign.panels.len());
                    for (index, _) in sign.panels.iter().enumerate() {
                        xml.inside("vms:vms", &[("vmsIndex", &index.to_string())], |xml| {
                            xml.inside("vms:vms", &[], |xml| panel(xml, sign, variant, settings));
                        });
                    }
                });
            }
        });
    })
}

fn header(xml: &mut Xml) {
    xml.inside("vms:headerInformation", &[], |xml| xml.leaf("com:informationStatus", "real"));
}

fn panel(xml: &mut Xml, sign: &Sign, variant: Variant, settings: &config::Feeds) {
    texts(xml, ["vms:description", "com:"], &sign.name, settings);
    xml.leaf("vms:physicalSupport", "roadsideMounted");
    xml.leaf("vms:vmsType", if sign.manner.leds == Leds::Amber { "monochromeGraphic" } else { "colourGraphic" });
    xml.leaf("vms:dedicatedUsage", "parkingInformation");
    xml.inside("vms:vmsConfiguration", &[], |xml| xml.leaf("vms:numberOfDisplayAreas", 1));
    let place = variant.crs.of(sign.location);
    xml.inside("vms:vmsLocation", &[("xsi:type", "loc:PointLocation")], |xml| {
        xml.inside("loc:coordinatesForDisplay", &[], |xml| {
            xml.leaf("loc:latitude", degrees(place.y));
            xml.leaf("loc:longitude", degrees(place.x));
        });
    });
}

/// What each sign shows.
pub fn signs(picture: &Picture, settings: &config::Feeds, board: &SignBoard) -> Vec<u8> {
    let version = version(picture);
    publication("vms:VmsPublication", picture, settings, |xml| {
        header(xml);
        for sign in picture.city.signs.values() {
            let status = board.status(&sign.id);
            xml.inside("vms:vmsControllerStatus", &[], |xml| controller(xml, sign, &status, &version, picture.at));
        }
    })
}

fn controller(xml: &mut Xml, sign: &Sign, status: &SignStatus, version: &str, now: Instant) {
    let table = [("targetClass", "vms:VmsControllerTable"), ("id", TABLE), ("version", version)];
    xml.empty("vms:vmsControllerTableReference", &table);
    let own = [("targetClass", "vms:VmsController"), ("id", sign.id.as_str()), ("version", version)];
    xml.empty("vms:vmsControllerReference", &own);
    if let Some(seen) = status.confirmed.values().map(|confirmed| confirmed.at).max() {
        xml.leaf("vms:statusUpdateTime", rfc3339(seen));
    }
    for (index, panel) in sign.panels.iter().enumerate() {
        xml.inside("vms:vmsStatus", &[("vmsIndex", &index.to_string())], |xml| {
            xml.inside("vms:vmsStatus", &[], |xml| {
                let confirmed = status.confirmed.get(&panel.id);
                if let Some(working) = working(status, confirmed.map(|confirmed| confirmed.face.as_ref())) {
                    xml.leaf("vms:workingStatus", working);
                }
                if let Some(confirmed) = confirmed {
                    message(xml, sign, &confirmed.face, confirmed.at);
                }
                faults(xml, status, panel.id.as_str(), now);
            });
        });
    }
    if let Some(health) = status.health.as_ref().filter(|health| health.state == HealthState::Unreachable) {
        xml.inside("vms:vmsControllerFault", &[], |xml| {
            xml.leaf("com:faultCreationTime", rfc3339(health.since));
            xml.leaf("com:faultLastUpdateTime", rfc3339(health.since));
            xml.leaf("vms:vmsControllerFault", "communicationsFailure");
        });
    }
}

fn working(status: &SignStatus, shown: Option<&Face>) -> Option<&'static str> {
    match (status.health.as_ref()?.state, shown) {
        (HealthState::Unknown, _) => None,
        (HealthState::Unreachable, _) => Some("notWorking"),
        (HealthState::Ok | HealthState::Failing, Some(face)) if face.mode == Mode::Blank => Some("blank"),
        (HealthState::Ok | HealthState::Failing, _) => Some("working"),
    }
}

fn message(xml: &mut Xml, sign: &Sign, face: &Face, at: Instant) {
    xml.inside("vms:vmsMessage", &[("messageIndex", "0")], |xml| {
        xml.inside("vms:vmsMessage", &[], |xml| {
            xml.leaf("vms:setBySystem", face.source == Source::Guidance);
            xml.leaf("vms:timeLastSet", rfc3339(at));
            xml.inside("vms:displayAreaSettings", &[("displayAreaIndex", "0")], |xml| {
                xml.inside("vms:displayAreaSettings", &[("xsi:type", "vms:TextDisplay")], |xml| {
                    if face.mode == Mode::Blank {
                        xml.leaf("vms:isBlank", true);
                    }
                    for (index, line) in face.lines.iter().enumerate() {
                        text_line(xml, index, line, sign.language);
                    }
                });
            });
        });
    });
}

fn text_line(xml: &mut Xml, index: usize, line: &Line, language: Language) {
    let language = if language == Language::En { "en" } else { "zh" };
    xml.inside("vms:textLine", &[("lineIndex", &index.to_string())], |xml| {
        xml.inside("vms:textLine", &[("lineLanguage", language)], |xml| {
            xml.leaf("vms:textLine", words(line));
            xml.leaf("vms:lineColour", colour(line.colour));
        });
    });
}

/// A line as it is read from left to right.
pub fn words(line: &Line) -> String {
    let arrow = line.arrow.map(|arrow| arrow.glyph().to_string());
    let parts = [Some(line.label.clone()), arrow, Some(line.text.clone())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn colour(colour: Colour) -> &'static str {
    match colour {
        Colour::Amber | Colour::Yellow => "amber",
        Colour::Green => "green",
        Colour::Red => "red",
        Colour::White | Colour::Grey => "white",
    }
}

/// A panel for which no face could be composed, or which does not show the face it should.
fn faults(xml: &mut Xml, status: &SignStatus, panel: &str, now: Instant) {
    let health = status.health.as_ref();
    let since = health.map_or(now, |health| health.since);
    let composed = status.faults.iter().find(|(id, _)| id.as_str() == panel).map(|(_, reason)| reason);
    let kind = match (composed, health.map(|health| health.state)) {
        (Some(_), _) => "other",
        (None, Some(HealthState::Failing)) => "incorrectMessageDisplayed",
        (None, Some(HealthState::Unreachable)) => "outOfService",
        (None, _) => return,
    };
    xml.inside("vms:vmsFault", &[], |xml| {
        if let Some(reason) = composed {
            let text = Localized { zh: reason.clone(), en: reason.clone() };
            xml.inside("com:faultDescription", &[], |xml| {
                xml.inside("com:values", &[], |xml| xml.leaf_with("com:value", &[("lang", "en")], &text.en));
            });
        }
        xml.leaf("com:faultCreationTime", rfc3339(since));
        xml.leaf("com:faultLastUpdateTime", rfc3339(since));
        xml.leaf("vms:vmsFault", kind);
    });
}
