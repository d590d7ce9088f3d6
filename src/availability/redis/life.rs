//! The lives of the servers behind the partitions: noticing that one was restarted, replaced or emptied since its
//! partitions were last known to be whole.
//!
//! A server that comes back may have lost all it held, its last second, or nothing; a replica that takes over may have been
//! behind. None of them says so. Each partition therefore keeps, beside its epoch, the name of the server's life under
//! which it was last whole; another name means that something may be missing.

use ::redis::{Value, cmd};

use super::{Redis, link, link::Lane, place::partition_of, wire};
use crate::{
    availability::contract::{Cause, Error, Loss},
    clock,
    domain::ids::LotId,
};

/// Notes the server's life, and begins a new epoch so that followers take a new snapshot; but only in a partition that has
/// one, since a partition without must go on being seen as empty.
const SETTLE: &str = "if redis.call('HEXISTS', KEYS[1], 'epoch') == 0 then return 0 end \
                      redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'life', ARGV[2]) return 1";

impl Redis {
    /// See [`crate::availability::Engine::losses`].
    pub async fn losses(&self) -> Result<Vec<Loss>, Error> {
        let looks = self.0.partitions.iter().enumerate().map(|(number, partition)| async move {
            let server = self.0.link.server_of(&partition.meta).await.map_err(link::of)?;
            let mut ask = cmd("HMGET");
            ask.arg(&partition.meta).arg("epoch").arg("life");
            let [epoch, life] = wire::exactly::<2>(self.0.link.send(Lane::Read, &ask).await.map_err(link::of)?)?;
            let cause = match (epoch, life) {
                // Nothing is declared yet: whoever calls next will see to that, and then there is no life.
                (Value::Nil, _) | (_, Value::Nil) => Cause::Emptied,
                (_, life) if wire::text(life.clone())? == server.run_id => return Ok(None),
                _ => Cause::ServerChanged,
            };
            Ok(Some(Loss { partition: number, server: server.run_id, cause }))
        });
        Ok(futures_util::future::try_join_all(looks).await?.into_iter().flatten().collect())
    }

    /// See [`crate::availability::Engine::settle`].
    pub async fn settle(&self, losses: &[Loss]) -> Result<(), Error> {
        for loss in losses {
            let Some(partition) = self.0.partitions.get(loss.partition) else { continue };
            let epoch = clock::random_bytes::<8>()
                .map_err(|error| Error::Setting(format!("the system gives no randomness: {error}")))?;
            let mut command = cmd("EVAL");
            command.arg(SETTLE).arg(1).arg(&partition.meta).arg(hex::encode(epoch)).arg(&loss.server);
            self.0.link.send(Lane::Write, &command).await.map_err(link::of)?;
        }
        Ok(())
    }

    /// Whether a lot lies in one of the partitions.
    pub(in crate::availability) fn lies_in(&self, lot: &LotId, losses: &[Loss]) -> bool {
        let own = partition_of(lot, self.0.partitions.len());
        losses.iter().any(|loss| loss.partition == own)
    }
}
