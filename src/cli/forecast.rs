//! `yunpark forecast backtest`: how well a recorded series is forecast.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use anyhow::Context;
use chrono::{Duration, NaiveDate};
use chrono_tz::Tz;
use clap::Args;

use super::output::say;
use crate::{
    domain::calendar::Calendar,
    forecast::backtest::{self, Columns, Grid, Plan, Table},
};

/// Days judged where no end of learning is named.
const JUDGED_DAYS: i64 = 14;

/// What is back-tested, and how.
#[derive(Debug, Args)]
pub(super) struct Backtest {
    /// The series: a row per lot and time, with or without a header; of many lots or of one.
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// Column of the lot, by its name or number; guessed when absent, as are the other columns.
    #[arg(long)]
    lot_column: Option<String>,
    /// Column of the capacity.
    #[arg(long)]
    capacity_column: Option<String>,
    /// Column of the occupied places, or their per cent where there is no capacity.
    #[arg(long)]
    occupied_column: Option<String>,
    /// Column of the free places, in place of the occupied ones.
    #[arg(long)]
    free_column: Option<String>,
    /// Column of the time.
    #[arg(long)]
    time_column: Option<String>,
    /// Capacity of every lot, where no column tells it.
    #[arg(long)]
    capacity: Option<u32>,
    /// Time zone of times without an offset, and of the weekdays.
    #[arg(long, default_value = "UTC")]
    time_zone: Tz,
    /// Public holidays, as dates.
    #[arg(long, value_delimiter = ',')]
    holidays: Vec<NaiveDate>,
    /// Weekend days that are worked.
    #[arg(long, value_delimiter = ',')]
    worked_days: Vec<NaiveDate>,
    /// Minutes ahead.
    #[arg(long, value_delimiter = ',', default_value = "15,30,60", value_parser = clap::value_parser!(u32).range(1..=1440))]
    horizons: Vec<u32>,
    /// The end of what is only learned: a date, which is learned to its end, or an instant. The last 14 days are judged when
    /// absent.
    #[arg(long)]
    train_until: Option<String>,
    /// The end of what is judged, likewise.
    #[arg(long)]
    test_until: Option<String>,
    /// Minutes of the grid the rows are put on; their usual distance when absent.
    #[arg(long)]
    step: Option<u32>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the back-test.
pub(super) fn backtest(options: Backtest) -> anyhow::Result<ExitCode> {
    let file = options.csv.display().to_string();
    let bytes = std::fs::read(&options.csv).with_context(|| file.clone())?;
    let text = String::from_utf8_lossy(&bytes);
    let columns = Columns {
        lot: options.lot_column,
        capacity: options.capacity_column,
        occupied: options.occupied_column,
        free: options.free_column,
        time: options.time_column,
        fixed_capacity: options.capacity,
    };
    anyhow::ensure!(options.step != Some(0), "--step must be at least 1");
    let table = Table::read(&text, &columns, options.time_zone).with_context(|| file.clone())?;
    let grid = Grid::of(&table, options.step);
    let instant = |text: &str| {
        backtest::until(text, options.time_zone).with_context(|| format!("{text} is neither a date nor an instant"))
    };
    let judged_from = match &options.train_until {
        Some(text) => instant(text)?,
        None => grid.last_instant() - Duration::days(JUDGED_DAYS),
    };
    let judged_until = options.test_until.as_deref().map(instant).transpose()?;
    let set = |dates: Vec<NaiveDate>| dates.into_iter().collect::<BTreeSet<_>>();
    let plan = Plan {
        horizons_min: options.horizons,
        judged_from,
        judged_until,
        calendar: Calendar::new(options.time_zone, set(options.holidays), set(options.worked_days)),
    };
    let report = backtest::run(&grid, &plan);
    anyhow::ensure!(
        report.horizons.iter().any(|horizon| horizon.rows > 0),
        "{file}: nothing to judge after {}",
        report.judged_from
    );
    if options.json {
        return Ok(say(&serde_json::to_string_pretty(&report)?));
    }
    say(&format!("{file}: {}; {} rows unreadable", table.taken, table.unreadable));
    Ok(say(report.to_string().trim_end()))
}
