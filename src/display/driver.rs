//! What every driver does alike: follow the newest faces, verify them, try again with growing pauses, tell the sign board.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::{Error, fence::Fence};
use crate::{
    clock::{self, Clock},
    config,
    domain::{sign::Sign, time::Instant},
    signboard::{Circuit, Desired, Device, HealthState, SignBoard, good_until},
};

/// What a driver's task holds.
pub struct Context {
    /// The sign as the city describes it.
    pub sign: Sign,
    /// How signs are driven.
    pub config: config::Display,
    /// The clock.
    pub clock: Clock,
    /// Where faces are read and confirmations written.
    pub board: Arc<SignBoard>,
    /// What is asked before each write.
    pub fence: Fence,
}

/// What a protocol does: all the rest is [`drive`].
///
/// What is written carries its own end, so that the sign goes dark by itself when it is not told again: after the dead man's
/// time, and never after [`good_until`], whichever is sooner. So neither a crash, nor a cut link, nor an orderly stop leaves
/// a number standing beyond its limit. A sign without a timer is told to be dark at a number's end and when it is let go.
pub trait Protocol {
    /// Shows these faces and returns once the sign was seen to show them, with what else is worth knowing.
    fn show(&mut self, faces: &Desired) -> impl Future<Output = Result<Option<String>, Error>> + Send;
    /// Confirms that the sign still shows them, and keeps it from falling back as long as they may stand by now.
    fn verify(&mut self, faces: &Desired) -> impl Future<Output = Result<Option<String>, Error>> + Send;
    /// How the sign's parts were when last examined, where it tells of them.
    fn device(&self) -> Option<Device> {
        None
    }
    /// Takes the faces off a sign that has no timer of its own; asked when their time is over, and when nobody will look
    /// after the sign any more.
    fn darken(&mut self) -> impl Future<Output = Result<(), Error>> + Send {
        async { Ok(()) }
    }
}

/// Failures in a row from which on a sign is only tried now and then.
const FAILURES_THAT_OPEN: u32 = 3;

/// Drives one sign until it is let go. A sign with a timer is left as it is: who comes next finds it showing what is still
/// true, and if nobody comes its timer ends it.
pub async fn drive(context: Context, mut protocol: impl Protocol, let_go: CancellationToken) {
    tokio::select! {
        () = let_go.cancelled() => {}
        () = follow(&context, &mut protocol) => {}
    }
    match tokio::time::timeout(parting(&context.config), protocol.darken()).await {
        // What is another node's is not this one's to darken.
        Ok(Ok(()) | Err(Error::Unleased)) => {}
        Ok(Err(error)) => tracing::warn!(sign.id = %context.sign.id, error = %error, "the sign was let go lit"),
        Err(_) => tracing::warn!(sign.id = %context.sign.id, "the sign was let go lit: it does not answer"),
    }
}

/// How long a sign may take to be let go: the line opened and one answer heard, within a part of what a stop may take.
pub(super) fn parting(config: &config::Display) -> Duration {
    Duration::from_millis(config.timeout_ms).saturating_mul(2).min(Duration::from_secs(5))
}

/// Follows the newest faces for ever.
async fn follow(context: &Context, protocol: &mut impl Protocol) {
    let Context { sign, config, clock, board, fence } = context;
    let mut desired = board.follow(&sign.id);
    let pause = |failures: u32| backoff(failures, Duration::from_secs(u64::from(config.max_backoff_s.max(1))));
    let dead_man = chrono::Duration::seconds(i64::from(config.dead_man_s));
    // What the sign shows, and when it goes dark by itself.
    // A sign may show anything from before this task; one without a timer is told to be dark once nothing may be told.
    let mut is_dark = false;
    let (mut shown, mut lit_until, mut failures): (Option<Arc<Desired>>, Option<Instant>, u32) = (None, None, 0);
    loop {
        // Only the newest counts: what changed while the last was written is written next, the rest is passed over.
        let faces = newest(sign, &mut desired).await;
        if !fence.holds() {
            // Whoever keeps the leases is about to say so, or to renew it.
            (shown, lit_until) = (None, None);
            wait(&mut desired, Duration::from_millis(250)).await;
            continue;
        }
        let end = good_until(&faces);
        if end.is_some_and(|end| end <= clock.now()) {
            // Too old to be told to anybody. The sign has gone dark by itself; what comes next is written anew.
            board.unconfirm(&sign.id);
            if !is_dark {
                // A sign without a timer that does not take this either is told again, and stays ill until then.
                match protocol.darken().await {
                    Ok(()) => (is_dark, shown, lit_until) = (true, None, None),
                    Err(Error::Unleased) => {}
                    Err(error) => {
                        let state = if error.is_silence() { HealthState::Unreachable } else { HealthState::Failing };
                        board.report_cause(&sign.id, state, error.cause(), Some(error.to_string()), clock.now());
                    }
                }
            }
            wait(&mut desired, Duration::from_secs(1)).await;
            continue;
        }
        if failures >= FAILURES_THAT_OPEN {
            board.set_circuit(&sign.id, Circuit::HalfOpen);
        }
        is_dark = false;
        let outcome = match &shown {
            Some(shown) if shows_same(shown, &faces) => protocol.verify(&faces).await,
            _ => {
                board.send(&sign.id, faces.iter().map(|(panel, wanted)| (panel, &wanted.face)), clock.now());
                let span = board.trails().takes(&sign.id).map_or_else(Span::none, |trail| trail.writing(&sign.id));
                let began = tokio::time::Instant::now();
                let told = protocol.show(&faces).instrument(span.clone()).await;
                timed(context, &span, began.elapsed(), told.is_ok());
                told
            }
        };
        let now = clock.now();
        if let Some(device) = protocol.device() {
            board.note_device(&sign.id, device);
        }
        match outcome {
            // Whatever came of it, it came in time that was not this node's any more: the next holder's word counts.
            _ if !fence.holds() => {}
            Ok(detail) => {
                let dark = now + dead_man;
                (shown, lit_until, failures) = (Some(faces.clone()), Some(end.map_or(dark, |end| end.min(dark))), 0);
                board.set_circuit(&sign.id, Circuit::Closed);
                board.confirm(&sign.id, faces.iter().map(|(panel, wanted)| (panel, &wanted.face)), now);
                if board.report(&sign.id, HealthState::Ok, detail, now) {
                    tracing::info!(sign.id = %sign.id, "the sign shows what it should");
                }
                // Signs that were started together are not all looked at together for ever.
                let verify = by_chance(Duration::from_secs(u64::from(config.verify_every_s.max(1))));
                wait(&mut desired, verify.min(half_of(end, now))).await;
            }
            // What was overtaken was never seen, and nothing is wrong with the sign.
            Err(Error::Overtaken) => shown = None,
            Err(Error::Unleased) => {
                shown = None;
                wait(&mut desired, Duration::from_millis(100)).await;
            }
            Err(error) => {
                shown = None;
                let silent = error.is_silence();
                // A face that cannot be told to this sign says nothing of the sign, and the next may be told at once.
                failures = failures.saturating_add(u32::from(!error.is_of_the_face()));
                // A sign that answers and shows something else is known not to show it; a silent one goes on showing it
                // until its own timer ends.
                if !silent || lit_until.is_none_or(|end| now >= end) {
                    board.unconfirm(&sign.id);
                }
                if failures >= FAILURES_THAT_OPEN {
                    board.set_circuit(&sign.id, Circuit::Open);
                }
                let state = if silent { HealthState::Unreachable } else { HealthState::Failing };
                metrics::counter!("yunpark_sign_failures_total").increment(1);
                if board.report_cause(&sign.id, state, error.cause(), Some(error.to_string()), now) {
                    tracing::warn!(sign.id = %sign.id, error = %error, "the sign does not show what it should");
                }
                // A silent sign rests, whatever comes. One found to show something else is written again at once, then ever
                // more slowly, but a new face is tried when it comes.
                if silent {
                    tokio::time::sleep(pause(failures)).await;
                } else if failures > 1 || error.is_of_the_face() {
                    wait(&mut desired, pause(failures)).await;
                }
            }
        }
    }
}

/// Tells how long a sign took to be told, where that is followed or took long.
fn timed(context: &Context, span: &Span, took: Duration, is_shown: bool) {
    let (sign, took_ms) = (&context.sign.id, took.as_millis() as u64);
    let _within = span.enter();
    tracing::debug!(target: "yunpark::trail", { sign.id = %sign, took_ms, is_shown }, "a sign was told");
    if context.config.slow_ms > 0 && took_ms >= context.config.slow_ms {
        metrics::counter!("yunpark_sign_slow_total").increment(1);
        tracing::warn!(sign.id = %sign, took_ms, is_shown, "slow sign: it took longer to be told than display.slow_ms");
    }
}

/// The newest faces, once every panel of the sign has one.
async fn newest(sign: &Sign, desired: &mut watch::Receiver<Arc<Desired>>) -> Arc<Desired> {
    loop {
        let faces = desired.borrow_and_update().clone();
        if sign.panels.iter().all(|panel| faces.contains_key(&panel.id)) {
            return faces;
        }
        wait(desired, Duration::from_secs(1)).await;
    }
}

/// Whether two sets of faces show the same, however long they may stand.
fn shows_same(one: &Desired, other: &Desired) -> bool {
    let faces = one.iter().map(|(panel, wanted)| (panel, &wanted.face));
    faces.eq(other.iter().map(|(panel, wanted)| (panel, &wanted.face)))
}

/// Half of the time that is left until `end`: the next look comes early enough for a confirmation since then to be told to
/// the sign before it goes dark. At least a quarter of a second.
fn half_of(end: Option<Instant>, now: Instant) -> Duration {
    let left = end.and_then(|end| (end - now).to_std().ok());
    match end {
        None => Duration::MAX,
        Some(_) => (left.unwrap_or_default() / 2).max(Duration::from_millis(250)),
    }
}

/// Waits for new faces, at most so long.
async fn wait(desired: &mut watch::Receiver<Arc<Desired>>, longest: Duration) {
    if let Ok(Err(_)) = tokio::time::timeout(longest, desired.changed()).await {
        // The sign has left the board; its task is about to be stopped.
        tokio::time::sleep(longest).await;
    }
}

/// A pause that doubles with each failure from half a second up to `longest`, shortened by up to a half at random so that
/// signs that fell silent together are not all asked at once.
fn backoff(failures: u32, longest: Duration) -> Duration {
    by_chance(Duration::from_millis(500).saturating_mul(1 << failures.saturating_sub(1).min(10)).min(longest))
}

/// A time shortened by up to a half at random.
fn by_chance(whole: Duration) -> Duration {
    let [chance] = clock::random_bytes::<1>().unwrap_or([128]);
    whole.mul_f64(1.0 - f64::from(chance) / 510.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_differ_by_chance() {
        let longest = Duration::from_secs(30);
        for failures in 1..40 {
            let pause = backoff(failures, longest);
            let whole = Duration::from_millis(500 << (failures - 1).min(10)).min(longest);
            assert!(pause <= whole && pause * 2 >= whole, "{failures}: {pause:?}");
        }
    }
}
