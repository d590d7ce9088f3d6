//! Leases in Redis: one script tends all that one node holds or wants in one partition, in one step where they are kept.
//!
//! A partition's leases lie in the slot of its lots, so that a cluster spreads both alike and a server that is away costs the
//! leases it keeps and no others.

use std::{collections::BTreeMap, time::Duration};

use ::redis::{Value, cmd};
use serde_json::json;

use super::{Redis, link, link::Lane, place, wire};
use crate::{availability::contract::Error, domain::ids::SignId};

const SCRIPT: &str = include_str!("../lua/leases.lua");

/// Where leases of signs are kept. Clones share connections.
#[derive(Debug, Clone)]
pub struct Leases(pub(in crate::availability) Redis);

/// What a node asks of one partition.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// The node's life: a name no other process ever has.
    pub life: String,
    /// What people call the node.
    pub name: String,
    /// Whether it goes on; one that does not is no longer among the living.
    pub stays: bool,
    /// How long leases last.
    pub length: Duration,
    /// Leases to be renewed, with their tokens.
    pub renew: Vec<(SignId, u64)>,
    /// Leases to be taken, each with the highest token heard of it elsewhere.
    pub take: Vec<(SignId, u64)>,
    /// Leases given back, with their tokens.
    pub give: Vec<(SignId, u64)>,
}

/// What the partition answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The nodes that live, by their lives, with what people call them.
    pub nodes: BTreeMap<String, String>,
    /// Whether each lease asked for is renewed; else it is lost.
    pub renewed: Vec<bool>,
    /// The token of each lease asked for, if it was to be had.
    pub taken: Vec<Option<u64>>,
}

impl Leases {
    /// How many partitions there are.
    pub fn shards(&self) -> usize {
        self.0.0.partitions.len()
    }

    /// The partition that keeps a sign's lease.
    pub fn shard_of(&self, sign: &SignId) -> usize {
        place::partition_of_text(sign.as_str(), self.shards())
    }

    /// Gives, renews and takes leases of one partition, and says that the node lives. May be said twice without harm.
    pub async fn tend(&self, shard: usize, ask: &Ask) -> Result<Answer, Error> {
        let Some(partition) = self.0.0.partitions.get(shard) else { return Ok(Answer::default()) };
        let told = |leases: &[(SignId, u64)]| -> Vec<(String, String)> {
            leases.iter().map(|(sign, token)| (sign.to_string(), token.to_string())).collect()
        };
        let asked = json!({"renew": told(&ask.renew), "take": told(&ask.take), "give": told(&ask.give)});
        let mut command = cmd("EVAL");
        command.arg(SCRIPT).arg(3);
        for key in &partition.leases {
            command.arg(key);
        }
        command.arg(ask.length.as_millis() as u64).arg(&ask.life).arg(&ask.name).arg(u8::from(ask.stays));
        command.arg(asked.to_string());
        // Not behind what waits to be written: a lease must not be lost because much is said of the bays.
        let answer = self.0.0.link.send(Lane::Read, &command).await.map_err(link::of)?;
        let [living, renewed, taken] = wire::exactly::<3>(answer)?;
        let living: Vec<String> = wire::list(living)?.into_iter().map(wire::text).collect::<Result<_, _>>()?;
        let answer = Answer {
            nodes: living.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect(),
            renewed: wire::list(renewed)?.iter().map(|value| matches!(value, Value::Int(1))).collect(),
            taken: wire::list(taken)?.iter().map(token).collect(),
        };
        if answer.renewed.len() != ask.renew.len() || answer.taken.len() != ask.take.len() {
            return Err(wire::foreign("another number of leases"));
        }
        Ok(answer)
    }
}

fn token(value: &Value) -> Option<u64> {
    match value {
        Value::Int(token) => u64::try_from(*token).ok().filter(|token| *token > 0),
        _ => None,
    }
}
