//! How bright a sign is: by a table of its own over the city's clock, or by the sun where it stands.

use chrono::Timelike;
use chrono_tz::Tz;
use sunrise::{Coordinates, DawnType, SolarDay, SolarEvent};

use crate::{
    config,
    domain::{sign::Sign, time::Instant},
};

/// The brightness of a sign at `now`, percent of its brightest.
pub fn percent(sign: &Sign, zone: Tz, now: Instant, rules: &config::Brightness) -> u8 {
    let table = &sign.manner.brightness;
    let local = now.with_timezone(&zone).naive_local();
    if let Some(last) = table.last() {
        let minute = local.hour() * 60 + local.minute();
        let step = table.iter().rev().find(|step| u32::from(step.from_min) <= minute).unwrap_or(last);
        return step.percent;
    }
    let Some(place) = Coordinates::new(sign.location.y, sign.location.x) else { return rules.day_percent };
    let day = SolarDay::new(place, local.date());
    let is_between = |from, to| match (day.event_time(from), day.event_time(to)) {
        (Some(from), Some(to)) => Some(from <= now && now < to),
        // The polar day or night: there is no such moment today.
        _ => None,
    };
    match is_between(SolarEvent::Sunrise, SolarEvent::Sunset) {
        Some(true) | None => rules.day_percent,
        Some(false) => match is_between(SolarEvent::Dawn(DawnType::Civil), SolarEvent::Dusk(DawnType::Civil)) {
            Some(true) => rules.twilight_percent,
            _ => rules.night_percent,
        },
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Asia::Shanghai;

    use super::*;
    use crate::{
        domain::{
            sign::{BrightnessStep, SignLink},
            text::Language,
            time::parse_rfc3339,
        },
        guidance::policy::tests::sign,
    };

    fn at(sign: &Sign, local: &str) -> u8 {
        let rules = config::Config::load(None).unwrap().guidance.brightness;
        percent(sign, Shanghai, parse_rfc3339(&format!("2026-03-10T{local}:00+08:00")).unwrap(), &rules)
    }

    #[test]
    fn a_sign_is_bright_by_day_dimmer_in_twilight_and_dim_at_night() {
        // In the county seat on that day the sun rises about 6:14 and sets about 18:04.
        let sign = sign(SignLink::MqttJson, Language::Zh);
        let told = ["00:10", "05:30", "06:05", "06:30", "12:00", "17:50", "18:15", "19:00", "23:50"];
        assert_eq!(told.map(|time| at(&sign, time)), [30, 30, 60, 100, 100, 100, 60, 30, 30]);
    }

    #[test]
    fn a_table_of_the_signs_own_goes_by_the_citys_clock_and_over_midnight() {
        let mut sign = sign(SignLink::MqttJson, Language::Zh);
        let step = |from_min, percent| BrightnessStep { from_min, percent };
        sign.manner.brightness = vec![step(6 * 60, 90), step(20 * 60 + 30, 25)];
        assert_eq!(
            ["05:59", "06:00", "20:29", "20:30", "23:59", "00:00"].map(|time| at(&sign, time)),
            [25, 90, 90, 25, 25, 25]
        );
    }
}
