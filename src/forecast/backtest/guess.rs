//! Which column is what, where nobody says so: by the names in use, and by what the rows hold.

use chrono_tz::Tz;

use super::csv::{Columns, Fault, Places, RawRow, read_time};

const TIME: &[&str] = &["lastupdated", "timestamp", "observedat", "datetime", "time", "updated", "date", "at", "ts"];
const LOT: &[&str] =
    &["systemcodenumber", "lot", "carpark", "garage", "parking", "site", "facility", "name", "id", "code"];
const CAPACITY: &[&str] = &["capacity", "total", "places", "slots", "size", "max"];
const OCCUPIED: &[&str] = &["occupancy", "occupied", "occupation", "used", "taken", "vehicles", "cars"];
const FREE: &[&str] = &["free", "available", "vacant", "availability", "empty", "remaining"];

/// The places of the columns in a file with these names and rows.
pub(super) fn places(names: &[String], rows: &[Vec<String>], asked: &Columns, zone: Tz) -> Result<Places, Fault> {
    let all = names.join(", ");
    let named = |column: &Option<String>| -> Result<Option<usize>, Fault> {
        let Some(wanted) = column else { return Ok(None) };
        let by_name = names.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted.trim()));
        let by_number = || wanted.parse::<usize>().ok().filter(|n| (1..=names.len()).contains(n)).map(|n| n - 1);
        by_name.or_else(by_number).map(Some).ok_or_else(|| Fault::NoColumn(wanted.clone(), all.clone()))
    };
    let mut taken: Vec<usize> = Vec::new();
    let mut found = |own: Option<usize>, known: &[&str]| {
        let place = own.or_else(|| known_as(names, known, &taken));
        taken.extend(place);
        place
    };
    // What is named is settled first, so that no guess takes it.
    let own = [&asked.time, &asked.lot, &asked.capacity, &asked.occupied, &asked.free];
    let own: Vec<Option<usize>> = own.into_iter().map(named).collect::<Result<_, _>>()?;
    for place in own.iter().flatten() {
        found(Some(*place), &[]);
    }
    let time = found(own[0], TIME);
    let free = found(own[4], FREE);
    let mut occupied = if own[4].is_some() && own[3].is_none() { None } else { found(own[3], OCCUPIED) };
    let capacity = if asked.fixed_capacity.is_some() { own[2] } else { found(own[2], CAPACITY) };
    let mut lot = found(own[1], LOT);
    let sample: Vec<&Vec<String>> = rows.iter().step_by((rows.len() / 200).max(1)).collect();
    let holds = |column: usize, is: &dyn Fn(&str) -> bool| {
        !sample.is_empty()
            && sample.iter().filter(|row| row.get(column).is_some_and(|cell| is(cell))).count() * 10 > sample.len() * 9
    };
    let is_time = |cell: &str| read_time(cell, zone).is_some();
    let is_number = |cell: &str| cell.trim().trim_end_matches('%').parse::<f64>().is_ok();
    let time = time
        .or_else(|| (0..names.len()).find(|column| holds(*column, &is_time)))
        .ok_or_else(|| Fault::Unclear("time", all.clone()))?;
    let rest: Vec<usize> = (0..names.len())
        .filter(|column| ![Some(time), free, occupied, capacity, lot].contains(&Some(*column)))
        .collect();
    if occupied.is_none() && free.is_none() {
        occupied = rest.iter().copied().rfind(|column| holds(*column, &is_number));
    }
    if lot.is_none() {
        lot = rest.iter().copied().find(|column| Some(*column) != occupied && !holds(*column, &is_number));
    }
    if occupied.is_none() && free.is_none() {
        return Err(Fault::Unclear("occupied", all));
    }
    if occupied.is_none() && capacity.is_none() && asked.fixed_capacity.is_none() {
        return Err(Fault::Unclear("capacity", all));
    }
    Ok(Places { lot, capacity, occupied, free, time })
}

/// The column with a name in use: the whole name, else a part of it.
fn known_as(names: &[String], known: &[&str], taken: &[usize]) -> Option<usize> {
    let plain: Vec<String> = names
        .iter()
        .map(|name| name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase())
        .collect();
    let open = |place: &usize| !taken.contains(place);
    let whole = known.iter().find_map(|word| (0..plain.len()).filter(open).find(|place| plain[*place] == *word));
    let long: Vec<&&str> = known.iter().filter(|word| word.len() > 3).collect();
    whole.or_else(|| {
        long.into_iter().find_map(|word| (0..plain.len()).filter(open).find(|place| plain[*place].contains(*word)))
    })
}

/// Gives rows without a capacity theirs; how, in words. Shares and percentages are of a hundred.
pub(super) fn scale(rows: &mut [RawRow], places: &Places, fixed: Option<u32>) -> Option<String> {
    if places.capacity.is_some() && fixed.is_none() {
        return None;
    }
    if let Some(fixed) = fixed {
        return Some(fixed.to_string());
    }
    let most = rows.iter().map(|row| row.occupied).fold(0.0, f64::max);
    let (factor, capacity, told) = match most {
        most if most <= 1.0 => (1000.0, 1000.0, "1 (shares)"),
        most if most <= 100.0 => (10.0, 1000.0, "100 (per cent)"),
        most => (1.0, most, "the greatest count"),
    };
    let whole = rows.iter().all(|row| row.occupied.fract() == 0.0);
    let (factor, capacity) = if most > 1.0 && most <= 100.0 && whole { (1.0, 100.0) } else { (factor, capacity) };
    for row in rows {
        row.occupied *= factor;
        row.capacity = capacity;
    }
    Some(told.to_owned())
}
