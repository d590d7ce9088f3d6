//! Scores of cells, units, people and partners: rates of a month, weighed by a formula that the configuration holds.

use serde::{Deserialize, Serialize};

/// How much each rate weighs; what has no figures in a month weighs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Put right in time.
    pub on_time: f64,
    /// Found put right the first time somebody looked.
    pub verified_first_time: f64,
    /// Closed and not taken up again.
    pub not_reopened: f64,
    /// How content reporters and evaluators are.
    pub satisfaction: f64,
}

/// What was counted of one month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Counted {
    /// Matters closed.
    pub closed: u64,
    /// Of them put right in time.
    pub on_time: u64,
    /// Of them verified the first time.
    pub verified_first_time: u64,
    /// Of them taken up again.
    pub reopened: u64,
    /// Of them judged, by reporters or evaluators.
    pub judged: u64,
    /// The sum of those judgements, each 1 to 5.
    pub judged_sum: u64,
}

/// The rates and the score they make.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// 0 to 1.
    pub on_time: Option<f64>,
    /// 0 to 1.
    pub verified_first_time: Option<f64>,
    /// 0 to 1.
    pub not_reopened: Option<f64>,
    /// 0 to 1: 1 of 5 is 0, 5 of 5 is 1.
    pub satisfaction: Option<f64>,
    /// 0 to 100, one decimal; none where nothing was closed.
    pub score: Option<f64>,
}

impl Counted {
    /// The rates, and their weighed mean.
    pub fn score(&self, weights: &Weights) -> Score {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let on_time = share(self.on_time, self.closed);
        let verified_first_time = share(self.verified_first_time, self.closed);
        let not_reopened = share(self.closed.saturating_sub(self.reopened), self.closed);
        let satisfaction = share(self.judged_sum.saturating_sub(self.judged), self.judged * 4);
        let parts = [
            (on_time, weights.on_time),
            (verified_first_time, weights.verified_first_time),
            (not_reopened, weights.not_reopened),
            (satisfaction, weights.satisfaction),
        ];
        let (sum, weight) = parts.iter().fold((0.0, 0.0), |(sum, weight), (rate, weighs)| match rate {
            Some(rate) => (sum + rate * weighs, weight + weighs),
            None => (sum, weight),
        });
        let score = (weight > 0.0).then(|| (1000.0 * sum / weight).round() / 10.0);
        Score { on_time, verified_first_time, not_reopened, satisfaction, score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEIGHTS: Weights =
        Weights { on_time: 40.0, verified_first_time: 30.0, not_reopened: 10.0, satisfaction: 20.0 };

    #[test]
    fn a_score_is_the_weighed_mean_of_the_rates_there_are() {
        let month = Counted { closed: 10, on_time: 9, verified_first_time: 8, reopened: 1, judged: 4, judged_sum: 16 };
        let score = month.score(&WEIGHTS);
        assert_eq!(score.satisfaction, Some(0.75));
        // (0.9 * 40 + 0.8 * 30 + 0.9 * 10 + 0.75 * 20) / 100
        assert_eq!(score.score, Some(84.0));
        // Nobody judged: the rest stands for all.
        let unjudged = Counted { judged: 0, judged_sum: 0, ..month };
        assert_eq!(unjudged.score(&WEIGHTS).score, Some(86.3));
        assert_eq!(Counted::default().score(&WEIGHTS).score, None);
    }
}
