//! Signs as the API tells them: what each should show, what it was seen to show, how it is, and its picture.

use serde::Serialize;
use yunpark_signs::{
    Face, Size,
    render::{self, Matrix},
};

use crate::{
    domain::{
        city::City,
        ids::{PanelId, SignId},
        sign::{Panel, Sign, SignLink},
        text::Localized,
        time::{Instant, rfc3339},
    },
    signboard::{HealthState, SignBoard, SignStatus},
};

/// Side of one LED in a panel's picture, pixels.
const PITCH_PX: u32 = 4;

/// All signs.
#[derive(Debug, Serialize)]
pub struct SignsView {
    /// The signs, by id.
    pub signs: Vec<SignView>,
}

/// One sign.
#[derive(Debug, Serialize)]
pub struct SignView {
    /// Its id.
    pub id: SignId,
    /// Its name.
    pub name: Localized,
    /// Where it stands, lon/lat WGS-84.
    pub location: [f64; 2],
    /// Which way its reader is heading, degrees clockwise from north.
    pub heading_deg: f64,
    /// How it is reached.
    pub protocol: &'static str,
    /// Its panels, from left to right.
    pub panels: Vec<PanelView>,
    /// How it is.
    pub health: HealthView,
}

/// One panel.
#[derive(Debug, Serialize)]
pub struct PanelView {
    /// Its id.
    pub id: PanelId,
    /// Width, dots.
    pub width_px: u16,
    /// Height, dots.
    pub height_px: u16,
    /// What it should show.
    pub desired: Option<Face>,
    /// What it was last seen to show.
    pub confirmed: Option<Face>,
    /// When that was.
    pub confirmed_at: Option<String>,
    /// Where its picture is.
    pub image: String,
}

/// How a sign is.
#[derive(Debug, Serialize)]
pub struct HealthView {
    /// How it is.
    pub state: HealthState,
    /// What is wrong, or worth knowing.
    pub detail: Option<String>,
    /// Since when; `None` if nobody has asked it yet.
    pub since: Option<String>,
}

/// `GET /api/v1/signs`.
pub fn signs_view(city: &City, board: &SignBoard) -> SignsView {
    SignsView { signs: city.signs.values().map(|sign| sign_view(sign, &board.status(&sign.id))).collect() }
}

/// `GET /api/v1/signs/{id}`: `None` if the city has no such sign.
pub fn sign_view_of(city: &City, board: &SignBoard, id: &str) -> Option<SignView> {
    let sign = city.signs.get(id)?;
    Some(sign_view(sign, &board.status(&sign.id)))
}

/// One sign with what is known of it.
pub fn sign_view(sign: &Sign, status: &SignStatus) -> SignView {
    SignView {
        id: sign.id.clone(),
        name: sign.name.clone(),
        location: [sign.location.x, sign.location.y],
        heading_deg: sign.heading_deg,
        protocol: match sign.link {
            SignLink::MqttJson => "mqtt_json",
            SignLink::Ntcip1203 { .. } => "ntcip1203",
        },
        panels: sign.panels.iter().map(|panel| panel_view(sign, panel, status)).collect(),
        health: health_view(status),
    }
}

fn panel_view(sign: &Sign, panel: &Panel, status: &SignStatus) -> PanelView {
    let confirmed = status.confirmed.get(&panel.id);
    PanelView {
        id: panel.id.clone(),
        width_px: panel.width_px,
        height_px: panel.height_px,
        desired: status.desired.get(&panel.id).map(|face| face.as_ref().clone()),
        confirmed: confirmed.map(|confirmed| confirmed.face.as_ref().clone()),
        confirmed_at: confirmed.map(|confirmed| rfc3339(confirmed.at)),
        image: format!("/api/v1/signs/{}/panels/{}.png", sign.id, panel.id),
    }
}

/// A sign whose driver is content still fails while a face of it could not be composed.
fn health_view(status: &SignStatus) -> HealthView {
    let fault = status.faults.iter().map(|(panel, fault)| format!("panel {panel}: {fault}")).next();
    let since = |at: Instant| Some(rfc3339(at));
    match (&status.health, fault) {
        (None, fault) => HealthView { state: HealthState::Unknown, detail: fault, since: None },
        (Some(health), Some(fault)) if health.state == HealthState::Ok => {
            HealthView { state: HealthState::Failing, detail: Some(fault), since: since(health.since) }
        }
        (Some(health), _) => {
            HealthView { state: health.state, detail: health.detail.clone(), since: since(health.since) }
        }
    }
}

/// `GET /api/v1/signs/{id}/panels/{panel}.png`: the confirmed face, or a dark panel where nothing is confirmed. `None` if the
/// city has no such panel.
pub fn panel_png(city: &City, board: &SignBoard, sign: &str, panel: &str) -> Option<Result<Vec<u8>, render::Error>> {
    let sign = city.signs.get(sign)?;
    let panel = sign.panels.iter().find(|p| p.id.as_str() == panel)?;
    let size = Size { width: panel.width_px.into(), height: panel.height_px.into() };
    let status = board.status(&sign.id);
    let matrix = match status.confirmed.get(&panel.id) {
        Some(confirmed) => Matrix::draw(&confirmed.face, size),
        None => Ok(Matrix::dark(size)),
    };
    Some(matrix.map_err(render::Error::from).and_then(|matrix| render::png(&[matrix], PITCH_PX)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use yunpark_signs::{Line, LineState, Mode};

    use super::*;
    use crate::domain::{guidance::RulesChange, sign::Manner, text::Language};

    fn city() -> City {
        let mut city = City::default();
        let id = SignId::parse("G1").unwrap();
        let panel = Panel {
            id: PanelId::parse("P1").unwrap(),
            width_px: 128,
            height_px: 32,
            lines: Vec::new(),
            rules: RulesChange::default(),
        };
        let sign = Sign {
            id: id.clone(),
            name: Localized { zh: "城西一号牌".into(), en: "West 1".into() },
            location: geo::Coord { x: 119.5, y: 28.1 },
            heading_deg: 90.0,
            language: Language::Zh,
            panels: vec![panel],
            link: SignLink::MqttJson,
            manner: Manner::default(),
        };
        city.signs.insert(id, sign);
        city
    }

    fn face() -> Face {
        let line = Line {
            label: "城西".into(),
            arrow: None,
            text: "34".into(),
            state: LineState::Free,
            lots: vec!["L1".into()],
            free: Some(34),
            ..Line::default()
        };
        Face { mode: Mode::Normal, lines: vec![line], ..Face::blank(9) }
    }

    #[test]
    fn a_sign_tells_what_it_should_show_apart_from_what_it_shows() {
        let (city, board) = (city(), SignBoard::default());
        let (sign, panel) = (SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap());
        board.desire(&sign, &panel, face(), None);
        let view = serde_json::to_value(signs_view(&city, &board)).unwrap();
        let told = &view["signs"][0];
        assert_eq!(told["panels"][0]["desired"]["lines"][0]["text"], "34");
        assert_eq!(told["panels"][0]["confirmed"], serde_json::Value::Null);
        assert_eq!(told["health"]["state"], "unknown");
        assert_eq!(told["panels"][0]["image"], "/api/v1/signs/G1/panels/P1.png");
        board.confirm(&sign, [(&panel, &Arc::new(face()))], Instant::UNIX_EPOCH);
        board.report(&sign, HealthState::Ok, None, Instant::UNIX_EPOCH);
        let view = serde_json::to_value(sign_view_of(&city, &board, "G1").unwrap()).unwrap();
        assert_eq!(view["panels"][0]["confirmed"]["version"], 9);
        assert_eq!(view["panels"][0]["confirmed_at"], "1970-01-01T00:00:00Z");
        assert_eq!(view["health"]["state"], "ok");
        assert!(sign_view_of(&city, &board, "G2").is_none());
    }

    #[test]
    fn a_face_that_could_not_be_composed_makes_the_sign_ill() {
        let (city, board) = (city(), SignBoard::default());
        let (sign, panel) = (SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap());
        board.desire(&sign, &panel, Face::blank(1), Some("too wide".into()));
        board.report(&sign, HealthState::Ok, None, Instant::UNIX_EPOCH);
        let health = sign_view_of(&city, &board, "G1").unwrap().health;
        assert_eq!((health.state, health.detail.as_deref()), (HealthState::Failing, Some("panel P1: too wide")));
    }

    #[test]
    fn the_picture_is_dark_until_a_face_is_confirmed() {
        let (city, board) = (city(), SignBoard::default());
        let (sign, panel) = (SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap());
        let picture = || panel_png(&city, &board, "G1", "P1").unwrap().unwrap();
        let dark = picture();
        board.desire(&sign, &panel, face(), None);
        assert_eq!(picture(), dark, "what is desired is not drawn");
        board.confirm(&sign, [(&panel, &Arc::new(face()))], Instant::UNIX_EPOCH);
        assert_ne!(picture(), dark);
        assert!(panel_png(&city, &board, "G1", "P2").is_none());
    }
}
