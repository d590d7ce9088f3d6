//! The simulator's town at the server's doors: its city file is read whole, and nothing its sensors say is refused.

use chrono::{DateTime, Utc};
use yunpark::{
    domain::city,
    ingest::{Batch, Directory, normalise},
};
use yunpark_sensors::Decoder;
use yunpark_simulator::{
    life::traffic::Traffic,
    town::{Town, TownOptions},
};

fn read(text: &str) -> city::City {
    match city::read(text, &|codec| codec.parse::<Decoder>().is_ok()) {
        Ok(city) => city,
        Err(faults) => panic!("{} faults, the first: {}", faults.len(), faults[0]),
    }
}

#[test]
fn the_city_file_of_every_simulated_town_is_read_without_a_fault() {
    for seed in [1, 2, 99] {
        let town = Town::generate(seed, TownOptions::default());
        let city = read(&town.to_geojson());
        assert!(city.fictional);
        assert_eq!(city.lots.values().map(|lot| lot.capacity).sum::<u32>(), town.capacity());
        assert_eq!(city.signs.len(), town.signs.len());
    }
}

#[test]
fn every_message_of_the_simulated_town_passes_the_sensors_door() {
    let town = Town::generate(1, TownOptions::default());
    let directory = Directory::of(&read(&town.to_geojson()));
    let now: DateTime<Utc> = "2026-07-29T00:00:00Z".parse().unwrap();
    let mut traffic = Traffic::new(&town, 1, 7.7, now);
    traffic.report_everything();
    let mut batch = Batch::default();
    let mut messages = 0;
    for _ in 0..200 {
        while let Some(message) = traffic.next_message(now) {
            messages += 1;
            let before = batch.observations.len();
            if let Err(refusal) = normalise(&message.topic, message.payload.as_bytes(), &directory, now, &mut batch) {
                panic!("{} is refused: {refusal}", message.topic);
            }
            // A counter tells both ways at once.
            assert!(batch.observations.len() > before, "{} states nothing", message.topic);
        }
        traffic.step(0.05, 20.0);
    }
    assert!(messages > 2_000, "{messages} messages");
}
