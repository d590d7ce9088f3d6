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
    availability::{Engine, Error, Limits},
    cityfeed,
    clock::{self, Clock},
    config::Config,
    domain::{availability::Availability, city::City, hours, ids::LotId, sign_order::Order, time::Instant},
    guidance::{
        arrival::Ahead,
        panel::PanelState,
        policy::{Situation, answer, compose},
    },
    store::{Db, sign_orders},
};

/// Side of one LED in the picture, pixels.
const PITCH_PX: u32 = 6;

/// Draws a sign of the stored city by the present availability into a file.
pub async fn render(config: &Config, sign: &str, out: &Path) -> anyhow::Result<ExitCode> {
    let db = Db::connect(&config.store).await?;
    let (_, city) = cityfeed::stored(&db).await?.context("no city has been imported")?;
    let lots = lots(&present(config).await?, &city).await?;
    let now = Clock::System.now();
    let orders = sign_orders::running(&db, now).await?;
    let png = picture(&city, sign, &lots, config, &orders, now)?;
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
    let limits = Limits::of(&config.availability);
    let engine = match std::fs::copy(&config.availability.journal, &journal) {
        Ok(_) => Engine::memory(Some(journal), limits).map_err(anyhow::Error::from),
        // Nothing was ever kept: every lot is unheard.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Engine::memory(None, limits)?),
        Err(error) => Err(anyhow::Error::from(error).context(format!("the journal {}", config.availability.journal))),
    };
    std::fs::remove_dir_all(&copy)?;
    engine
}

/// The lots as the engine has them. To look is not to declare: an engine without a city is left so, and every lot is unheard.
async fn lots(engine: &Engine, city: &City) -> anyhow::Result<BTreeMap<LotId, Availability>> {
    let lots = match engine.lots().await {
        Ok(snapshot) => snapshot.lots,
        Err(Error::NotConfigured) => {
            city.lots.values().map(|lot| Availability::unheard(lot.id.clone(), lot.capacity)).collect()
        }
        Err(error) => return Err(error.into()),
    };
    Ok(lots.into_iter().map(|lot| (lot.lot.clone(), lot)).collect())
}

/// All panels of a sign side by side, of each every page, composed from `lots` at `now` by the configured rules, as PNG. No forecast is asked.
pub fn picture(
    city: &City,
    sign: &str,
    lots: &BTreeMap<LotId, Availability>,
    config: &Config,
    orders: &[Order],
    now: Instant,
) -> anyhow::Result<Vec<u8>> {
    let sign = city.signs.get(sign).with_context(|| format!("the city has no sign {sign}"))?;
    let situation = Situation {
        city,
        lots,
        now,
        rules: &config.guidance,
        stale_after: chrono::Duration::seconds(i64::from(config.availability.stale_after_s)),
        answer: answer(&config.display),
        is_open: &|lot| hours::is_open(lot.opening_hours.as_deref(), city.time_zone, now),
        ahead: &|_, _| Ahead::default(),
        age: &|_| chrono::Duration::zero(),
        orders,
    };
    let panels = sign.panels.iter().map(|panel| {
        let face = compose(sign, panel, &situation, &mut PanelState::default()).face;
        let size = Size { width: panel.width_px.into(), height: panel.height_px.into() };
        Matrix::pages(&face, size).with_context(|| format!("panel {}", panel.id))
    });
    Ok(render::png(&panels.collect::<anyhow::Result<Vec<_>>>()?.concat(), PITCH_PX)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::availability::LotLayout;

    fn config(journal: &Path) -> Config {
        let mut config = Config::load(None).unwrap();
        config.availability.journal = journal.display().to_string();
        config
    }

    fn town() -> City {
        let file = serde_json::json!({
            "type": "FeatureCollection",
            "yunpark": {"version": 1, "name": "T", "time_zone": "Asia/Shanghai", "fictional": true},
            "groups": [], "sensors": [],
            "features": [{"type": "Feature", "geometry": {"type": "Point", "coordinates": [119.5, 28.1]},
                "properties": {"kind": "lot", "id": "L1", "name": "A", "lot_kind": "garage", "capacity": 12}}]
        });
        crate::domain::city::read(&file.to_string(), &|_| true).unwrap()
    }

    #[tokio::test]
    async fn to_look_at_an_engine_without_a_city_declares_none() {
        let dir = tempfile::tempdir().unwrap();
        let engine = present(&config(&dir.path().join("none"))).await.unwrap();
        let lots = lots(&engine, &town()).await.unwrap();
        assert_eq!((lots["L1"].capacity, lots["L1"].observed_at), (12, None));
        assert!(matches!(engine.lots().await, Err(Error::NotConfigured)), "nothing was written");
    }

    #[tokio::test]
    async fn the_counts_are_those_the_journal_keeps_and_a_journal_that_cannot_be_read_is_told() {
        let (dir, city) = (tempfile::tempdir().unwrap(), town());
        let journal = dir.path().join("journal");
        let limits = Limits::of(&config(&journal).availability);
        let running = Engine::memory(Some(journal.clone()), limits).unwrap();
        let layouts: Vec<_> = city.lots.values().map(LotLayout::of).collect();
        running.configure(&layouts, Instant::UNIX_EPOCH).await.unwrap();
        let kept = std::fs::read(&journal).unwrap();
        let copied = present(&config(&journal)).await.unwrap();
        assert_eq!(lots(&copied, &city).await.unwrap()["L1"].capacity, 12);
        assert_eq!(std::fs::read(&journal).unwrap(), kept, "the journal of the running node is as it was");
        let error = present(&config(dir.path())).await.unwrap_err();
        assert!(format!("{error:#}").contains("the journal"), "a folder is no journal: {error:#}");
    }
}
