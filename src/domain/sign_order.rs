//! Orders to signs: what a person has them show, above what guidance would, from when to when and why.

use serde::{Deserialize, Serialize};

use super::{
    ids::{PanelId, SignId},
    sign::Sign,
    text::Localized,
    time::Instant,
};

/// Whose word is heard first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// An operator's word, above guidance.
    Operator,
    /// A word for the safety of all, above an operator's.
    Emergency,
}

/// What an order has a panel show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderMode {
    /// Its text.
    Text,
    /// Its lines as always, each with the word for full.
    Full,
    /// Its lines as always, each with the word for closed.
    Closed,
    /// Its lines as always, each with `----`.
    Fallback,
    /// Nothing.
    Blank,
}

/// An order to signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// The signs it is for; empty is all.
    pub signs: Vec<SignId>,
    /// The one panel it is for; all when absent.
    pub panel: Option<PanelId>,
    /// Whose word it is.
    pub priority: Priority,
    /// What it has them show.
    pub mode: OrderMode,
    /// The text, in each sign's language; empty unless the mode is `Text`.
    pub text: Localized,
    /// Whether the text is red instead of amber.
    pub is_red: bool,
    /// Why; anyone may read it.
    pub reason: String,
    /// From when on it holds.
    pub starts_at: Instant,
    /// From when on it does not.
    pub ends_at: Instant,
    /// Who gave it; for the staff only.
    pub ordered_by: String,
    /// When.
    pub ordered_at: Instant,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Instant>,
}

impl Priority {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Emergency => "emergency",
        }
    }
    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Operator, Self::Emergency].into_iter().find(|priority| priority.as_str() == word)
    }
}

impl OrderMode {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Full => "full",
            Self::Closed => "closed",
            Self::Fallback => "fallback",
            Self::Blank => "blank",
        }
    }
    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Text, Self::Full, Self::Closed, Self::Fallback, Self::Blank]
            .into_iter()
            .find(|mode| mode.as_str() == word)
    }
}

impl Order {
    /// Whether it is for a panel of a sign.
    pub fn is_for(&self, sign: &SignId, panel: &PanelId) -> bool {
        (self.signs.is_empty() || self.signs.contains(sign)) && self.panel.as_ref().is_none_or(|only| only == panel)
    }

    /// Whether it holds at `now`.
    pub fn holds(&self, now: Instant) -> bool {
        self.starts_at <= now && now < self.ends_at && self.withdrawn_at.is_none_or(|at| now < at)
    }

    /// What is heard first comes last: by priority, then the later start, then the later word.
    fn rank(&self) -> (Priority, Instant, Instant, &str) {
        (self.priority, self.starts_at, self.ordered_at, &self.id)
    }
}

/// The order a panel follows at `now`; guidance has it where there is none.
pub fn in_force<'a>(orders: &'a [Order], sign: &SignId, panel: &PanelId, now: Instant) -> Option<&'a Order> {
    orders.iter().filter(|order| order.holds(now) && order.is_for(sign, panel)).max_by_key(|order| order.rank())
}

/// The orders that some panel of a sign follows at `now`, each once.
pub fn followed<'a>(orders: &'a [Order], sign: &Sign, now: Instant) -> Vec<&'a Order> {
    let mut followed: Vec<&Order> = Vec::new();
    for order in sign.panels.iter().filter_map(|panel| in_force(orders, &sign.id, &panel.id, now)) {
        if followed.iter().all(|known| known.id != order.id) {
            followed.push(order);
        }
    }
    followed
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;

    fn order(id: &str, priority: Priority, from_s: i64, to_s: i64) -> Order {
        let at = |s| Instant::UNIX_EPOCH + Duration::seconds(s);
        Order {
            id: id.to_owned(),
            signs: vec![SignId::parse("G1").unwrap()],
            panel: None,
            priority,
            mode: OrderMode::Blank,
            text: Localized::default(),
            is_red: false,
            reason: "works".to_owned(),
            starts_at: at(from_s),
            ends_at: at(to_s),
            ordered_by: "ann".to_owned(),
            ordered_at: at(0),
            withdrawn_at: None,
        }
    }

    fn heard(orders: &[Order], at_s: i64) -> Option<&str> {
        let now = Instant::UNIX_EPOCH + Duration::seconds(at_s);
        in_force(orders, &SignId::parse("G1").unwrap(), &PanelId::parse("P1").unwrap(), now)
            .map(|order| order.id.as_str())
    }

    #[test]
    fn an_emergency_is_heard_above_an_operator_and_an_operator_above_guidance() {
        let orders = [
            order("works", Priority::Operator, 10, 100),
            order("flood", Priority::Emergency, 30, 50),
            order("newer works", Priority::Operator, 40, 80),
        ];
        let told: Vec<_> = [9, 10, 30, 45, 50, 80, 99, 100].map(|s| heard(&orders, s)).into();
        let (works, flood, newer) = (Some("works"), Some("flood"), Some("newer works"));
        assert_eq!(told, [None, works, flood, flood, newer, works, works, None]);
    }

    #[test]
    fn an_order_holds_for_its_signs_and_its_panel_only_and_not_once_withdrawn() {
        let mut orders = [order("one", Priority::Operator, 0, 100)];
        orders[0].signs = vec![SignId::parse("G2").unwrap()];
        assert_eq!(heard(&orders, 1), None);
        orders[0].signs.clear();
        assert_eq!(heard(&orders, 1), Some("one"), "no sign named is all");
        orders[0].panel = Some(PanelId::parse("P2").unwrap());
        assert_eq!(heard(&orders, 1), None);
        orders[0].panel = None;
        orders[0].withdrawn_at = Some(Instant::UNIX_EPOCH + Duration::seconds(5));
        assert_eq!((heard(&orders, 4), heard(&orders, 5)), (Some("one"), None));
    }

    proptest! {
        #[test]
        fn what_is_heard_holds_and_nothing_higher_does(spans in prop::collection::vec((0i64..50, 1i64..50, any::<bool>()), 0..8), at_s in 0i64..110) {
            let orders: Vec<Order> = spans.iter().enumerate().map(|(n, (from, long, emergency))| {
                order(&n.to_string(), if *emergency { Priority::Emergency } else { Priority::Operator }, *from, from + long)
            }).collect();
            let now = Instant::UNIX_EPOCH + Duration::seconds(at_s);
            match heard(&orders, at_s) {
                None => prop_assert!(orders.iter().all(|order| !order.holds(now))),
                Some(id) => {
                    let heard = orders.iter().find(|order| order.id == id).unwrap();
                    prop_assert!(heard.holds(now));
                    prop_assert!(orders.iter().all(|other| !other.holds(now) || other.priority <= heard.priority));
                }
            }
        }
    }
}
