//! `yunpark sign render`: a sign as it would show the given availability, as a picture.

use std::collections::BTreeMap;

use anyhow::Context;
use yunpark_signs::{
    Size,
    render::{self, Matrix},
};

use crate::{
    config::Config,
    domain::{availability::Availability, city::City, hours, ids::LotId, time::Instant},
    guidance::policy::{PanelState, Situation, compose},
};

/// Side of one LED in the picture, pixels.
const PITCH_PX: u32 = 6;

/// All panels of a sign side by side, composed from `lots` at `now` by the configured rules, as PNG. No forecast is asked.
pub fn picture(
    city: &City,
    sign: &str,
    lots: &BTreeMap<LotId, Availability>,
    config: &Config,
    now: Instant,
) -> anyhow::Result<Vec<u8>> {
    let sign = city.signs.get(sign).with_context(|| format!("the city has no sign {sign}"))?;
    let situation = Situation {
        city,
        lots,
        now,
        rules: &config.guidance,
        stale_after: chrono::Duration::seconds(i64::from(config.availability.stale_after_s)),
        is_open: &|lot| hours::is_open(lot.opening_hours.as_deref(), city.time_zone, now),
        forecast: &|_, _| None,
    };
    let panels = sign.panels.iter().map(|panel| {
        let face = compose(panel, sign.language, &situation, &mut PanelState::default());
        let size = Size { width: panel.width_px.into(), height: panel.height_px.into() };
        Matrix::draw(&face, size).with_context(|| format!("panel {}", panel.id))
    });
    Ok(render::png(&panels.collect::<anyhow::Result<Vec<_>>>()?, PITCH_PX)?)
}
