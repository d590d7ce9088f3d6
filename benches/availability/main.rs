//! Availability beside its limits, in one run: what a bare client reaches with the same calls, what a bare hash map reaches
//! with the same keys, and what 100,000 spaces take.
//!
//! `./run bench availability [SECONDS]`. Needs `redis-server`; all load stays on loopback. Rounds of ours and of the limit
//! alternate, and the medians of their ratios are judged, since another program on the machine disturbs both alike.

mod in_process;
mod in_redis;
mod large;
#[path = "../rig.rs"]
mod rig;

use rig::Failure;

async fn measure(seconds: u64) -> Result<bool, Failure> {
    let mut holds = in_redis::measure(seconds).await?;
    holds &= in_process::measure(seconds).await?;
    large::measure().await?;
    Ok(holds)
}

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let holds = runtime.block_on(measure(rig::seconds(5)))?;
    if holds { Ok(()) } else { Err("a limit is not held".into()) }
}
