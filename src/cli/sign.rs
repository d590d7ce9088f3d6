//! `yunpark sign render`: a sign as it would show the given availability, as a picture.

use std::{collections::BTreeMap, path::Path, process::ExitCode};

use anyhow::Context;
use yunpark_signs::{
    Size,
    render::{self, Matrix},
};

use super::output::say;
use crate::{
    app,
    availability::{Engine, Limits},
    cityfeed,
    clock::{self, Clock},
    config::Config,
    domain::{availability::Availability, city::City, hours, ids::LotId, time::Instant},
    guidance::policy::{PanelState, Situation, compose},
    store::Db,
};

/// Side of one LED in the picture, pixels.
const PITCH_PX: u32 = 6;

/// Draws a sign of the stored city by the present availability into a file.
pub async fn render(config: &Config, sign: &str, out: &Path) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let (_, city) = cityfeed::stored(&db).await?.context("no city has been imported")?;
    let (clock, engine) = (Clock::System, present(config).await?);
    engine.configure(&app::layouts(&city), clock.now()).await?;
    let lots = engine.lots().await?.lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect();
    let png = picture(&city, sign, &lots, config, clock.now())?;
    std::fs::write(out, png).with_context(|| out.display().to_string())?;
    Ok(say(&format!("{sign} drawn into {}", out.display())))
}

/// The engine the running node counts with; of one that counts in its own process, a copy of what its journal says.
async fn present(config: &Config) -> anyhow::Result<Engine> {
    if !config.availability.redis_url.is_empty() {
        return Ok(app::engine(config).await?);
    }
    let copy = std::env::temp_dir().join(format!("yunpark-journal-{}", clock::new_id()));
    std::fs::create_dir(&copy)?;
    let journal = copy.join("journal");
    let engine = match std::fs::copy(&config.availability.journal, &journal) {
        Ok(_) => Engine::memory(Some(journal), Limits::of(&config.availability)),
        // Nothing was ever kept: every lot is unheard.
        Err(_) => Engine::memory(None, Limits::of(&config.availability)),
    };
    std::fs::remove_dir_all(&copy)?;
    Ok(engine?)
}

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
