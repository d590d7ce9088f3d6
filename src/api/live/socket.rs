//! The socket itself: the handshake of RFC 6455, and long messages in pieces.
//!
//! The library copies what is sent into a buffer of the socket's own and keeps it as large as the largest piece it ever held.
//! Whoever sees a whole city would hold its snapshot that way for as long as the page is open; in pieces it costs a few kilobytes.

use axum::{body::Body, extract::Request, response::Response};
use futures_util::{Sink, SinkExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        handshake::server::create_response_with_body,
        protocol::{
            Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};

use crate::api::Problem;

/// Largest message a client may send, bytes.
const MAX_MESSAGE: usize = 16 * 1024;
/// How much is read at once, bytes: clients say little.
const READ: usize = 512;
/// Longest piece of a long message, bytes.
const PIECE: usize = 2048;

/// A socket whose handshake is done.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Answers a request for a socket; the connection follows when the answer has gone out.
pub(super) fn accept(mut request: Request) -> Result<(Response, OnUpgrade), Problem> {
    let refused = |error: Error| Problem::bad_request(error.to_string()).named("not-a-websocket");
    let answer = create_response_with_body(&request, Body::empty).map_err(refused)?;
    Ok((answer, hyper::upgrade::on(&mut request)))
}

/// The socket on a connection; `None` if the client has gone.
pub(super) async fn on(upgrade: OnUpgrade) -> Option<Socket> {
    let connection = TokioIo::new(upgrade.await.ok()?);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    Some(WebSocketStream::from_raw_socket(connection, Role::Server, Some(config)).await)
}

/// Sends one message in pieces.
pub(super) async fn send_in_pieces<S>(socket: &mut S, text: Utf8Bytes) -> Result<(), Error>
where
    S: Sink<Message, Error = Error> + Unpin,
{
    let mut rest = bytes::Bytes::from(text);
    let mut kind = Data::Text;
    loop {
        let piece = rest.split_to(rest.len().min(PIECE));
        let is_last = rest.is_empty();
        socket.send(Message::Frame(Frame::message(piece, OpCode::Data(kind), is_last))).await?;
        if is_last {
            return Ok(());
        }
        kind = Data::Continue;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[tokio::test]
    async fn a_long_message_comes_whole_even_if_it_is_cut_within_a_character() {
        let (near, far) = tokio::io::duplex(1000);
        let mut server = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
        let mut client = WebSocketStream::from_raw_socket(far, Role::Client, None).await;
        for text in ["", "空", &"停车场".repeat(5000)] {
            let (sent, heard) = tokio::join!(send_in_pieces(&mut server, text.into()), client.next());
            sent.unwrap();
            assert_eq!(heard.unwrap().unwrap(), Message::text(text));
        }
    }
}
