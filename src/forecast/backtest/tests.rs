//! How the forecast does on real car parks, where the series is at hand.

use std::fmt::Write;

use chrono_tz::UTC;

use super::*;

fn backtest(path: &str, from: &str, until: &str) -> Option<Report> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/").to_owned() + path;
    let Ok(text) = std::fs::read_to_string(file) else {
        println!("SKIPPED {path} is not at hand");
        return None;
    };
    let table = Table::read(&text, &Columns::default(), UTC).unwrap();
    let grid = Grid::of(&table, None);
    let plan = Plan {
        horizons_min: vec![30, 60],
        judged_from: csv::until(from, UTC).unwrap(),
        judged_until: csv::until(until, UTC),
        calendar: Calendar::plain(UTC),
    };
    Some(run(&grid, &plan))
}

#[test]
fn on_real_car_parks_it_beats_every_simpler_method_and_its_band_holds() {
    let Some(report) = backtest("data/birmingham-until-2016-12-05.csv", "2016-11-21", "2016-12-05") else { return };
    println!("{report}");
    assert_eq!((report.lots, report.dropped.len()), (28, 1));
    for horizon in &report.horizons {
        let [ours, simpler @ ..] = horizon.methods.as_slice() else { panic!() };
        assert!(horizon.rows > 5_000);
        for rival in simpler {
            assert!(ours.mae_percent < rival.mae_percent, "{} min: {ours:?} {rival:?}", horizon.minutes);
        }
        assert!((0.87..0.93).contains(&horizon.coverage), "{}", horizon.coverage);
        assert!(horizon.coverage_worst_lot > 0.8, "{} {}", horizon.worst_lot, horizon.coverage_worst_lot);
        assert!(horizon.brier < 0.75 * horizon.brier_raw, "{} {}", horizon.brier, horizon.brier_raw);
    }
}

#[test]
fn the_same_command_judges_a_file_without_a_header() {
    let Some(report) = backtest("samples/parkapi/dresden_altmarkt_occupancy_15min.csv", "2016-01-31", "2016-02-28")
    else {
        return;
    };
    println!("{report}");
    assert_eq!((report.lots, report.step_min), (1, 15));
    for horizon in &report.horizons {
        for rival in &horizon.methods[1..8] {
            assert!(horizon.methods[0].mae_percent < 0.95 * rival.mae_percent, "{horizon:?}");
        }
    }
}

#[test]
fn dirty_rows_are_counted_and_stay_within_the_lot() {
    let mut text = "lot,time,occupied,capacity\n".to_owned();
    for minute in 0..3000 {
        let (day, hour, rest) = (1 + minute / 1440, minute / 60 % 24, minute % 60);
        writeln!(text, "A,2026-03-0{day}T{hour:02}:{rest:02}:00Z,{},50", minute % 51).unwrap();
    }
    text += "A,2026-03-01T00:05:00Z,7,50\nA,2026-03-01T00:06:00Z,-3,50\nA,2026-03-01T00:07:00Z,54,50\nB,nonsense,1,2\n";
    let table = Table::read(&text, &Columns::default(), UTC).unwrap();
    assert_eq!(table.unreadable, 1);
    let grid = Grid::of(&table, None);
    let dirt = grid.lots[0].dirt;
    assert_eq!((dirt.negative, dirt.above, dirt.duplicates, dirt.disordered), (1, 1, 3, 1));
    let rows = (grid.first..=grid.last).filter_map(|cell| grid.lots[0].row(cell));
    assert!(rows.into_iter().all(|row| row.free <= row.capacity));
}
