//! The whole job from outside: one message moves Redis, the socket, the page and the sign; a crash loses and doubles nothing.

use std::{net::SocketAddr, process::Command};

use serde_json::{Value, json};

use crate::{
    node::{CAMERA_TOKEN, Node, Places},
    services::{self, free_port, wait_for},
    town::town,
};

/// The free places of a lot as the HTTP door tells them.
fn free(node: &Node, lot: &str) -> Option<u64> {
    node.get(&format!("/api/v1/lots/{lot}"))?.1["free"].as_u64()
}

/// A native space message.
fn space(state: &str, seq: u64) -> String {
    json!({"state": state, "at": chrono::Utc::now().to_rfc3339(), "seq": seq}).to_string()
}
