//! Where pictures are read and documents are set: work that takes a processor for milliseconds to seconds. It yields to everything
//! else, so that a flood of pictures delays no sign, no answer and no commit.

use std::{
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use tokio::sync::{Semaphore, oneshot};

use super::Error;

/// Pieces of work at the same time: one a processor, within these; each may take hundreds of megabytes.
const AT_ONCE: RangeInclusive<usize> = 2..=8;
/// How far below others this work stands, as nice(2) counts.
const YIELDS: i32 = 10;

/// A few threads of low priority, one to a piece of work.
pub(super) struct Workshop {
    turns: Arc<Semaphore>,
}

impl Default for Workshop {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { turns: Arc::new(Semaphore::new(processors.clamp(*AT_ONCE.start(), *AT_ONCE.end()))) }
    }
}

impl Workshop {
    /// What a piece of work gives; [`Error::Decoding`] if it panics or no thread can be had.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| Error::Decoding)?;
        let (answer, answered) = oneshot::channel();
        let thread = thread::Builder::new().name("workshop".to_owned()).spawn(move || {
            // On Linux priority is a thread's own. Where it cannot be lowered the work is done all the same.
            let _ = rustix::process::nice(YIELDS);
            let made = catch_unwind(AssertUnwindSafe(work));
            // Held here, so that a request given up in the middle does not let another begin.
            drop(turn);
            if let Ok(made) = made {
                drop(answer.send(made));
            }
        });
        thread.map_err(|_| Error::Decoding)?;
        answered.await.map_err(|_| Error::Decoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nice value of the thread that asks, from the 19th field of its stat (proc(5)); its name may hold spaces.
    fn niceness() -> i32 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn work_yields_to_others_and_what_panics_leaves_its_place() {
        let (shop, before) = (Workshop::default(), niceness());
        assert_eq!(shop.run(niceness).await.unwrap(), (before + YIELDS).min(19));
        assert_eq!(niceness(), before, "others keep theirs");
        for _ in 0..=*AT_ONCE.end() {
            let fallen = shop.run(|| panic!("a fault in the decoder")).await;
            assert!(matches!(fallen, Err(Error::Decoding)));
        }
        assert_eq!(shop.run(|| 7).await.unwrap(), 7);
    }
}
