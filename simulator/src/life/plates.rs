//! Invented plates and cars; some come back, so that a plate has a history.

use rand::{RngExt, rngs::StdRng};

/// A vehicle that stands where it should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Car {
    /// Its plate.
    pub plate: String,
    /// Battery-electric cars carry eight characters on green.
    pub electric: bool,
    /// Its paint, RGB.
    pub paint: [u8; 3],
}

const SERIAL: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const PAINTS: [[u8; 3]; 7] =
    [[236, 236, 232], [28, 30, 34], [150, 154, 158], [176, 32, 36], [34, 72, 140], [214, 190, 150], [60, 96, 66]];
const REGULARS: usize = 9;
const REGULAR_SHARE: f64 = 0.4;

/// The town's careless drivers.
#[derive(Debug)]
pub struct Drivers {
    regulars: Vec<Car>,
    rng: StdRng,
}

impl Drivers {
    /// Drivers drawn from the given randomness.
    pub fn new(mut rng: StdRng) -> Self {
        let regulars = (0..REGULARS).map(|_| invent(&mut rng)).collect();
        Self { regulars, rng }
    }

    /// The same regulars, met in another order.
    pub fn after(mut self, skipped: usize) -> Self {
        (0..skipped * 7).for_each(|_| drop(self.next()));
        self
    }

    /// Somebody who was never here before.
    pub fn stranger(&mut self) -> Car {
        invent(&mut self.rng)
    }

    /// Whoever comes next.
    pub fn next(&mut self) -> Car {
        if self.rng.random_bool(REGULAR_SHARE) {
            self.regulars[self.rng.random_range(0..self.regulars.len())].clone()
        } else {
            invent(&mut self.rng)
        }
    }
}

fn pick(rng: &mut StdRng, from: &[u8]) -> char {
    char::from(from[rng.random_range(0..from.len())])
}

fn invent(rng: &mut StdRng) -> Car {
    let electric = rng.random_bool(0.35);
    let mut plate = String::from("浙K");
    if electric {
        plate.push(if rng.random_bool(0.8) { 'D' } else { 'F' });
        let second = if rng.random_bool(0.3) { LETTERS } else { SERIAL };
        plate.push(pick(rng, second));
        (0..4).for_each(|_| plate.push(pick(rng, SERIAL)));
    } else {
        let letter = rng.random_range(0..5);
        (0..5).for_each(|i| plate.push(pick(rng, if i == letter { LETTERS } else { SERIAL })));
    }
    Car { plate, electric, paint: PAINTS[rng.random_range(0..PAINTS.len())] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn plates_are_of_the_national_form_and_some_drivers_return() {
        let mut drivers = Drivers::new(StdRng::seed_from_u64(3));
        let cars: Vec<Car> = (0..200).map(|_| drivers.next()).collect();
        for car in &cars {
            assert_eq!(car.plate.chars().count(), if car.electric { 8 } else { 7 }, "{}", car.plate);
            assert!(car.plate.starts_with("浙K"));
            assert!(car.plate.chars().skip(2).all(|c| c.is_ascii_digit() || LETTERS.contains(&(c as u8))));
        }
        let distinct: std::collections::BTreeSet<_> = cars.iter().map(|car| &car.plate).collect();
        assert!(distinct.len() < cars.len() - 40, "{} of {} plates are new", distinct.len(), cars.len());
    }
}
