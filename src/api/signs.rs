//! Signs as the API tells them: what each should show, what it was seen to show, how it is, and its picture.

use serde::{Deserialize, Serialize};
use yunpark_signs::{
    Face, Size, pages,
    render::{self, Matrix},
};

use super::sign_orders::OrderView;

use crate::{
    domain::{
        city::City,
        guidance::SignLevel,
        ids::{PanelId, SignId},
        sign::{Panel, Sign},
        sign_order::followed,
        text::Localized,
        time::{Instant, rfc3339},
    },
    signboard::{Basis, Cause, Circuit, Device, Health, HealthState, SignBoard, SignStatus},
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
    /// Where it stands on a driver's way.
    pub level: SignLevel,
    /// How it is reached.
    pub protocol: &'static str,
    /// The orders its panels follow now, and why.
    pub orders: Vec<OrderView>,
    /// Its panels, from left to right.
    pub panels: Vec<PanelView>,
    /// How it is.
    pub health: HealthView,
    /// How its parts are; `None` where it does not tell.
    pub device: Option<DeviceView>,
}

/// How the parts of a sign are; what it does not tell is missing.
#[derive(Debug, Serialize)]
pub struct DeviceView {
    /// Its faults, in words.
    pub faults: Vec<&'static str>,
    /// Whether a door of it is open.
    pub door_open: Option<bool>,
    /// How many pixels fail.
    pub failed_pixels: Option<u32>,
    /// Where the first of them are, from the left and from the top, counted from 1.
    pub failed_pixel_places: Vec<(u16, u16)>,
    /// Lowest and highest temperature in the control cabinet, degrees Celsius.
    pub cabinet_c: Option<[i16; 2]>,
    /// Lowest and highest temperature of the air around.
    pub ambient_c: Option<[i16; 2]>,
    /// Lowest and highest temperature in the housing.
    pub housing_c: Option<[i16; 2]>,
    /// When that was read.
    pub examined_at: String,
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
    /// For how much longer it may, milliseconds; `None` if what it shows does not age.
    pub desired_good_for_ms: Option<u64>,
    /// How many pages that takes.
    pub desired_pages: usize,
    /// What each of its lines rests on; empty under an order.
    pub basis: Vec<BasisView>,
    /// Why no face could be composed.
    pub fault: Option<String>,
    /// What it was last seen to show.
    pub confirmed: Option<Face>,
    /// How many pages that takes.
    pub confirmed_pages: usize,
    /// Since when it has been seen to show it.
    pub confirmed_since: Option<String>,
    /// When it was last seen.
    pub confirmed_at: Option<String>,
    /// The version it was last told.
    pub sent_version: Option<u64>,
    /// When that was.
    pub sent_at: Option<String>,
    /// Where its picture is.
    pub image: String,
}

/// What a line rests on.
#[derive(Debug, Serialize)]
pub struct BasisView {
    /// The oldest observation behind it; `None` if nothing was ever heard.
    pub observed_at: Option<String>,
    /// How old it may grow before the line falls back, seconds.
    pub limit_s: u32,
    /// Share of the places in service that have a live word, 0 to 1.
    pub reporting_share: f64,
}

/// Which picture of a panel is asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PictureQuery {
    /// Which face.
    pub face: WhichFace,
    /// Which page of it, from 0; past the last it begins again.
    pub page: usize,
    /// How it is drawn.
    pub style: Style,
    /// Of no meaning here: a page adds it so that a new face has a new address.
    pub v: Option<u64>,
}

/// Which face of a panel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhichFace {
    /// What it was last seen to show.
    #[default]
    Confirmed,
    /// What it should show.
    Desired,
    /// The desired lines with `----` in place of what ages: for a display to have at hand when it hears nothing more.
    Fallback,
}

/// How a panel is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Round lamps in a housing, as it hangs by the road.
    #[default]
    Lamps,
    /// One pixel for each LED.
    Dots,
}

/// How a sign is.
#[derive(Debug, Serialize)]
pub struct HealthView {
    /// How it is.
    pub state: HealthState,
    /// What kind of thing is wrong.
    pub cause: Option<Cause>,
    /// What is wrong, or worth knowing.
    pub detail: Option<String>,
    /// Since when; `None` if nobody has asked it yet.
    pub since: Option<String>,
    /// Whether it is told everything, or tried only now and then.
    pub circuit: Circuit,
}

/// `GET /api/v1/signs`.
pub fn signs_view(city: &City, board: &SignBoard, now: Instant) -> SignsView {
    SignsView { signs: city.signs.values().map(|sign| sign_view(sign, board, now)).collect() }
}

/// `GET /api/v1/signs/{id}`: `None` if the city has no such sign.
pub fn sign_view_of(city: &City, board: &SignBoard, id: &str, now: Instant) -> Option<SignView> {
    Some(sign_view(city.signs.get(id)?, board, now))
}

/// One sign with what is known of it.
pub fn sign_view(sign: &Sign, board: &SignBoard, now: Instant) -> SignView {
    let (status, orders) = (board.status(&sign.id), board.orders());
    SignView {
        id: sign.id.clone(),
        name: sign.name.clone(),
        location: [sign.location.x, sign.location.y],
        heading_deg: sign.heading_deg,
        level: sign.manner.level,
        orders: followed(&orders, sign, now).into_iter().map(OrderView::from).collect(),
        protocol: sign.link.protocol(),
        panels: sign.panels.iter().map(|panel| panel_view(sign, panel, &status, now)).collect(),
        health: health_view(&status),
        device: status.device.as_ref().map(DeviceView::from),
    }
}

impl From<&Device> for DeviceView {
    fn from(device: &Device) -> Self {
        let pixels = device.failed_pixels.as_ref();
        Self {
            faults: device.faults.clone(),
            door_open: device.door_open,
            failed_pixels: pixels.map(|pixels| pixels.count),
            failed_pixel_places: pixels.map(|pixels| pixels.places.clone()).unwrap_or_default(),
            cabinet_c: device.cabinet_c,
            ambient_c: device.ambient_c,
            housing_c: device.housing_c,
            examined_at: rfc3339(device.examined_at),
        }
    }
}

fn panel_view(sign: &Sign, panel: &Panel, status: &SignStatus, now: Instant) -> PanelView {
    let confirmed = status.confirmed.get(&panel.id);
    let desired = status.desired.get(&panel.id);
    let page_count =
        |face: Option<&Face>| face.and_then(|face| pages(face, size(panel)).ok()).map_or(0, |pages| pages.len());
    let good_for = status.good_until.get(&panel.id).map(|end| (*end - now).num_milliseconds());
    PanelView {
        id: panel.id.clone(),
        width_px: panel.width_px,
        height_px: panel.height_px,
        desired: desired.map(|face| face.as_ref().clone()),
        desired_good_for_ms: good_for.map(|ms| u64::try_from(ms).unwrap_or(0)),
        desired_pages: page_count(desired.map(AsRef::as_ref)),
        basis: status.basis.get(&panel.id).into_iter().flatten().map(BasisView::from).collect(),
        fault: status.faults.get(&panel.id).cloned(),
        confirmed_pages: page_count(confirmed.map(|confirmed| confirmed.face.as_ref())),
        confirmed: confirmed.map(|confirmed| confirmed.face.as_ref().clone()),
        confirmed_since: confirmed.map(|confirmed| rfc3339(confirmed.since)),
        confirmed_at: confirmed.map(|confirmed| rfc3339(confirmed.at)),
        sent_version: status.sent.get(&panel.id).map(|sent| sent.face.version),
        sent_at: status.sent.get(&panel.id).map(|sent| rfc3339(sent.at)),
        image: format!("/api/v1/signs/{}/panels/{}.png", sign.id, panel.id),
    }
}

fn size(panel: &Panel) -> Size {
    Size { width: panel.width_px.into(), height: panel.height_px.into() }
}

impl From<&Basis> for BasisView {
    fn from(basis: &Basis) -> Self {
        let Basis { observed_at, limit_s, reporting_share } = *basis;
        Self { observed_at: observed_at.map(rfc3339), limit_s, reporting_share }
    }
}

/// A sign whose driver is content still fails while a face of it could not be composed.
fn health_view(status: &SignStatus) -> HealthView {
    let fault = status.faults.iter().map(|(panel, fault)| format!("panel {panel}: {fault}")).next();
    let since = |at: Instant| Some(rfc3339(at));
    let circuit = status.circuit;
    match (&status.health, fault) {
        (None, fault) => HealthView { state: HealthState::Unknown, cause: None, detail: fault, since: None, circuit },
        (Some(health), Some(fault)) if health.state == HealthState::Ok => {
            let (state, cause) = (HealthState::Failing, Some(Cause::Face));
            HealthView { state, cause, detail: Some(fault), since: since(health.since), circuit }
        }
        (Some(health), _) => {
            let Health { state, cause, detail, since: began } = health.clone();
            HealthView { state, cause, detail, since: since(began), circuit }
        }
    }
}

/// `GET /api/v1/signs/{id}/panels/{panel}.png`: one page of a panel's face, or a dark panel where there is none. `None` if
/// the city has no such panel.
pub fn panel_png(
    city: &City,
    board: &SignBoard,
    sign: &str,
    panel: &str,
    query: PictureQuery,
) -> Option<Result<Vec<u8>, render::Error>> {
    let sign = city.signs.get(sign)?;
    let panel = sign.panels.iter().find(|p| p.id.as_str() == panel)?;
    let status = board.status(&sign.id);
    let face = match query.face {
        WhichFace::Confirmed => status.confirmed.get(&panel.id).map(|confirmed| &confirmed.face),
        WhichFace::Desired | WhichFace::Fallback => status.desired.get(&panel.id),
    };
    let face =
        face.map(|face| if query.face == WhichFace::Fallback { face.fallen_back() } else { face.as_ref().clone() });
    let pages = face.map_or_else(|| Ok(Vec::new()), |face| Matrix::pages(&face, size(panel)));
    Some(pages.map_err(render::Error::from).and_then(|pages| {
        let page = pages.get(query.page % pages.len().max(1)).cloned().unwrap_or_else(|| Matrix::dark(size(panel)));
        match query.style {
            Style::Lamps => render::png(&[page], PITCH_PX),
            Style::Dots => render::dots_png(&page),
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use yunpark_signs::{Line, LineState, Mode};

    use super::*;
    use crate::domain::{
        guidance::RulesChange,
        sign::{Manner, SignLink},
        text::Language,
    };

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
        let view = serde_json::to_value(signs_view(&city, &board, Instant::UNIX_EPOCH)).unwrap();
        let told = &view["signs"][0];
        assert_eq!(told["panels"][0]["desired"]["lines"][0]["text"], "34");
        assert_eq!(told["panels"][0]["confirmed"], serde_json::Value::Null);
        assert_eq!(told["health"]["state"], "unknown");
        assert_eq!(told["panels"][0]["image"], "/api/v1/signs/G1/panels/P1.png");
        board.confirm(&sign, [(&panel, &Arc::new(face()))], Instant::UNIX_EPOCH);
        board.report(&sign, HealthState::Ok, None, Instant::UNIX_EPOCH);
        let view = serde_json::to_value(sign_view_of(&city, &board, "G1", Instant::UNIX_EPOCH).unwrap()).unwrap();
        assert_eq!(view["panels"][0]["confirmed"]["version"], 9);
        assert_eq!(view["panels"][0]["confirmed_at"], "1970-01-01T00:00:00Z");
        assert_eq!(view["health"]["state"], "ok");
        assert!(sign_view_of(&city, &board, "G2", Instant::UNIX_EPOCH).is_none());
    }

    #[test]
    fn a_face_that_could_not_be_composed_makes_the_sign_ill() {
        let (city, board) = (city(), SignBoard::default());
        let (sign, panel) = (SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap());
        board.desire(&sign, &panel, Face::blank(1), Some("too wide".into()));
        board.report(&sign, HealthState::Ok, None, Instant::UNIX_EPOCH);
        let health = sign_view_of(&city, &board, "G1", Instant::UNIX_EPOCH).unwrap().health;
        assert_eq!((health.state, health.detail.as_deref()), (HealthState::Failing, Some("panel P1: too wide")));
    }

    #[test]
    fn the_picture_is_dark_until_a_face_is_confirmed() {
        let (city, board) = (city(), SignBoard::default());
        let (sign, panel) = (SignId::parse("G1").unwrap(), PanelId::parse("P1").unwrap());
        let picture = || panel_png(&city, &board, "G1", "P1", PictureQuery::default()).unwrap().unwrap();
        let dark = picture();
        board.desire(&sign, &panel, face(), None);
        assert_eq!(picture(), dark, "what is desired is not drawn");
        board.confirm(&sign, [(&panel, &Arc::new(face()))], Instant::UNIX_EPOCH);
        assert_ne!(picture(), dark);
        assert!(panel_png(&city, &board, "G1", "P2", PictureQuery::default()).is_none());
    }
}
