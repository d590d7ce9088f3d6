//! Captures that wait at the same time are entered by one transaction: what a commit costs, a flush to disk above all, is paid
//! once for all of them. Whoever comes first leads; the others wait for his commit, so an answer still comes after it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::{
    Desk, Error,
    receive::{Kept, Received},
};
use crate::store::incidents;

/// Most captures of one transaction, so that nobody waits long for those before him.
const MOST_TOGETHER: usize = 32;

/// What became of captures that belong together, each with the kind of its source.
type Entered = Result<Vec<(Received, &'static str)>, Error>;

/// Captures that belong together, and who waits for them.
struct Turn {
    kept: Arc<Vec<Kept>>,
    answer: oneshot::Sender<Entered>,
}

/// Who waits to be entered, and the right to do it for all.
#[derive(Default)]
pub(super) struct Waiting {
    turns: Mutex<Vec<Turn>>,
    lead: tokio::sync::Mutex<()>,
}

impl Waiting {
    fn join(&self, kept: Arc<Vec<Kept>>) -> oneshot::Receiver<Entered> {
        let (answer, answered) = oneshot::channel();
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).push(Turn { kept, answer });
        answered
    }

    /// The first of those that wait, as many as one transaction takes; those who have given up are left out.
    fn take(&self) -> Vec<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|turn| !turn.answer.is_closed());
        let mut captures = 0;
        let fitting = turns.iter().take_while(|turn| {
            captures += turn.kept.len();
            captures <= MOST_TOGETHER
        });
        let count = fitting.count().max(1).min(turns.len());
        turns.drain(..count).collect()
    }
}

impl Desk {
    /// Enters captures that belong together, all of them or none, with others that wait at the same time.
    pub(super) async fn enter_with_others(&self, kept: Vec<Kept>) -> Entered {
        let kept = Arc::new(kept);
        let mut answered = self.waiting.join(kept.clone());
        loop {
            let lead = tokio::select! {
                biased;
                answer = &mut answered => {
                    if let Ok(entered) = answer {
                        return entered;
                    }
                    // He who led was given up in the middle; what he had begun is undone.
                    answered = self.waiting.join(kept.clone());
                    continue;
                }
                lead = self.waiting.lead.lock() => lead,
            };
            self.enter_all(self.waiting.take()).await;
            drop(lead);
        }
    }

    /// One transaction for all; if any of them cannot be entered, one for each, so that nobody answers for another's fault.
    async fn enter_all(&self, turns: Vec<Turn>) {
        if turns.len() > 1
            && let Ok(entered) = self.enter_once(turns.iter().map(|turn| &turn.kept[..])).await
        {
            for (turn, entered) in turns.into_iter().zip(entered) {
                drop(turn.answer.send(Ok(entered)));
            }
            return;
        }
        for turn in turns {
            let entered = self
                .enter_once([&turn.kept[..]].into_iter())
                .await
                .map(|entered| entered.into_iter().flatten().collect());
            drop(turn.answer.send(entered));
        }
    }

    async fn enter_once(
        &self,
        all: impl Iterator<Item = &[Kept]> + Send,
    ) -> Result<Vec<Vec<(Received, &'static str)>>, Error> {
        let mut tx = self.db.begin_write().await?;
        incidents::one_at_a_time(&mut tx).await?;
        let mut entered = Vec::new();
        for kept in all {
            let mut received = Vec::with_capacity(kept.len());
            for kept in kept {
                received.push(self.enter(&mut tx, kept).await?);
            }
            entered.push(received);
        }
        tx.commit().await?;
        Ok(entered)
    }
}
