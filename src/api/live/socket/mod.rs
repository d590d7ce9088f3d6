//! The socket itself: the handshake, and whole messages in both directions.
//!
//! Tungstenite copies what it sends into a buffer of each socket's own, and knows no deflated messages. Here ten thousand clients
//! are sent the same bytes from the same place, and a client at rest holds no buffer.

mod extension;
mod wire;

use std::io;

use axum::{body::Body, extract::Request, http::header::SEC_WEBSOCKET_EXTENSIONS, response::Response};
use bytes::{Buf, Bytes};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::{Error, handshake::server::create_response_with_body};

pub(super) use self::wire::Heard;
use self::wire::{Ear, Opcode};
use crate::{api::Problem, live::Words};

/// How much is read at once, bytes: clients say little.
const READ: usize = 256;
/// The code with which a server goes away (RFC 6455, 7.4.1).
pub(super) const GOING_AWAY: u16 = 1001;

/// A socket that is agreed on and follows when the answer has gone out.
pub(super) struct Coming {
    upgrade: OnUpgrade,
    deflates: bool,
}

/// Answers a request for a socket.
pub(super) fn accept(mut request: Request) -> Result<(Response, Coming), Problem> {
    let refused = |error: Error| Problem::bad_request(error.to_string()).named("not-a-websocket");
    let mut answer = create_response_with_body(&request, Body::empty).map_err(refused)?;
    let agreed = extension::agree(request.headers());
    let deflates = agreed.is_some();
    if let Some(agreed) = agreed {
        answer.headers_mut().insert(SEC_WEBSOCKET_EXTENSIONS, agreed);
    }
    Ok((answer, Coming { upgrade: hyper::upgrade::on(&mut request), deflates }))
}

impl Coming {
    /// The socket; `None` if the client has gone.
    pub(super) async fn socket(self) -> Option<Socket> {
        let connection = TokioIo::new(self.upgrade.await.ok()?);
        Some(Socket { connection, deflates: self.deflates, ear: Ear::new(self.deflates) })
    }
}

/// A connection that carries messages.
pub(super) struct Socket {
    connection: TokioIo<Upgraded>,
    /// Whether the client takes deflated messages.
    deflates: bool,
    ear: Ear,
}

impl Socket {
    /// Says something; whoever can inflate it is told it deflated.
    pub(super) async fn say(&mut self, words: &Words) -> io::Result<()> {
        match words.deflated().filter(|_| self.deflates) {
            Some(deflated) => self.send(wire::head(Opcode::Text, true, deflated.len()), deflated).await,
            None => self.send(wire::head(Opcode::Text, false, words.text().len()), words.text().as_bytes()).await,
        }
    }

    /// What the client says next. Whoever stops waiting for it loses nothing.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            match self.ear.next() {
                Ok(Some(heard)) => return heard,
                Ok(None) => {}
                Err(broken) => return Heard::End(Some(broken as u16)),
            }
            let mut read = [0; READ];
            match self.connection.read(&mut read).await {
                Ok(0) | Err(_) => return Heard::End(None),
                Ok(count) => self.ear.take(&read[..count]),
            }
        }
    }

    /// Answers a ping.
    pub(super) async fn pong(&mut self, payload: Bytes) -> io::Result<()> {
        self.send(wire::head(Opcode::Pong, false, payload.len()), &payload).await
    }

    /// Says that this is the end.
    pub(super) async fn close(&mut self, code: u16) -> io::Result<()> {
        self.send(wire::head(Opcode::Close, false, 2), &code.to_be_bytes()).await?;
        self.connection.shutdown().await
    }

    async fn send(&mut self, head: Bytes, payload: &[u8]) -> io::Result<()> {
        self.connection.write_all_buf(&mut head.chain(payload)).await
    }
}
