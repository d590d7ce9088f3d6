//! Faults by switch: what goes wrong between a sensor and the broker, so that the other side can show how it takes it.

use std::collections::VecDeque;

use clap::ValueEnum;
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::broker::Message;

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// Messages are delivered twice.
    Duplicate,
    /// Messages overtake each other.
    Reorder,
    /// Messages are lost.
    Drop,
    /// Bay sensors tell one state whatever happens, after a few changes.
    Stuck,
    /// Gates overlook vehicles that leave.
    Drift,
    /// Batteries run down, and sensors fall silent.
    BatteryDeath,
    /// Clocks of sensors are wrong.
    ClockSkew,
    /// Gateways fail, and whole lots fall silent for minutes.
    GatewayOutage,
}

/// Which faults are on, and how many sensors or messages they befall.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct Faults {
    /// What goes wrong; may be given several times or with commas.
    #[arg(long = "fault", value_name = "FAULT", value_enum, value_delimiter = ',')]
    pub on: Vec<Fault>,
    /// Share of sensors or messages that faults befall, 0 to 1.
    #[arg(long = "fault-share", value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    pub share: f64,
}

impl Default for Faults {
    fn default() -> Self {
        Self { on: Vec::new(), share: 0.1 }
    }
}

impl Faults {
    /// Whether a fault is on.
    pub fn has(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    /// The chance that one sensor or message is befallen by it; 0 while it is off.
    pub fn chance(&self, fault: Fault) -> f64 {
        if self.has(fault) { self.share } else { 0.0 }
    }
}

/// A share, 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("must be a number from 0 to 1".to_owned()),
    }
}

/// The way from sensors to the broker, with its faults.
#[derive(Debug)]
pub struct Way {
    faults: Faults,
    rng: StdRng,
    /// Messages under way; the first is next.
    ready: VecDeque<Message>,
    /// Messages held up, each with how many others go before it.
    held: Vec<(u32, Message)>,
}

impl Way {
    /// A way with these faults.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self { faults, rng: StdRng::seed_from_u64(seed ^ 0xFA17), ready: VecDeque::new(), held: Vec::new() }
    }

    /// Sends a message on its way.
    pub fn send(&mut self, message: Message) {
        for (left, _) in &mut self.held {
            *left = left.saturating_sub(1);
        }
        let mut still_held = Vec::new();
        for (left, message) in std::mem::take(&mut self.held) {
            if left == 0 {
                self.ready.push_back(message);
            } else {
                still_held.push((left, message));
            }
        }
        self.held = still_held;
        if self.rng.random_bool(self.faults.chance(Fault::Drop)) {
            return;
        }
        if self.rng.random_bool(self.faults.chance(Fault::Duplicate)) {
            self.ready.push_back(message.clone());
        }
        if self.rng.random_bool(self.faults.chance(Fault::Reorder)) {
            self.held.push((self.rng.random_range(1..200), message));
        } else {
            self.ready.push_back(message);
        }
    }

    /// The next message to hand over.
    pub fn arrived(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }

    /// The message could not be handed over: it is the next again.
    pub fn put_back(&mut self, message: Message) {
        self.ready.push_front(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(on: &[Fault], share: f64) -> Vec<String> {
        let mut way = Way::new(Faults { on: on.to_vec(), share }, 1);
        let mut arrived = Vec::new();
        for n in 0..2_000 {
            way.send(Message { topic: n.to_string(), payload: String::new() });
            arrived.extend(std::iter::from_fn(|| way.arrived()).map(|message| message.topic));
        }
        arrived
    }

    fn straight() -> Vec<String> {
        (0..2_000).map(|n| n.to_string()).collect()
    }

    #[test]
    fn without_a_switch_everything_arrives_once_and_in_order() {
        assert_eq!(sent(&[], 1.0), straight());
    }

    #[test]
    fn each_switch_does_what_it_says() {
        let twice = sent(&[Fault::Duplicate], 0.1);
        assert!((2_100..2_300).contains(&twice.len()), "{}", twice.len());
        let lost = sent(&[Fault::Drop], 0.1);
        assert!((1_700..1_900).contains(&lost.len()), "{}", lost.len());
        let late = sent(&[Fault::Reorder], 0.1);
        assert!(late.len() > 1_950 && late != straight());
        let mut sorted = late.clone();
        sorted.sort_by_key(|n| n.parse::<u32>().unwrap());
        sorted.dedup();
        assert_eq!(sorted.len(), late.len(), "late is neither lost nor twice");
    }

    #[test]
    fn a_message_put_back_is_the_next_again() {
        let mut way = Way::new(Faults::default(), 1);
        way.send(Message { topic: "a".into(), payload: String::new() });
        let message = way.arrived().unwrap();
        way.put_back(message.clone());
        assert_eq!((way.arrived(), way.arrived()), (Some(message), None));
    }
}
