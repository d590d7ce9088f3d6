//! What is agreed on with a client beside the protocol: `permessage-deflate` (RFC 7692).
//!
//! Neither side keeps what it said before: one deflated message serves all clients, and an idle client costs no dictionary.

use axum::http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};

/// What is answered to whoever offers it.
const AGREED: HeaderValue =
    HeaderValue::from_static("permessage-deflate; server_no_context_takeover; client_no_context_takeover");

/// The answer to a client that can inflate messages; `None` if it offers nothing that can be kept.
pub(super) fn agree(headers: &HeaderMap) -> Option<HeaderValue> {
    let offers = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|offers| offers.split(',')).any(can_be_kept).then_some(AGREED)
}

/// Whether an offer asks nothing that cannot be kept: the compressor's window is always the largest.
fn can_be_kept(offer: &str) -> bool {
    let mut words = offer.split(';').map(str::trim);
    let mut seen = Vec::new();
    words.next() == Some("permessage-deflate")
        && words.all(|word| {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| {
                (name.trim(), Some(value.trim().trim_matches('"').parse::<u8>().unwrap_or(0)))
            });
            let is_new = !seen.contains(&name);
            seen.push(name);
            is_new
                && match name {
                    "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
                    "client_max_window_bits" => value.is_none_or(|bits| (8..=15).contains(&bits)),
                    "server_max_window_bits" => value == Some(15),
                    _ => false,
                }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_taken_if_all_it_asks_can_be_kept() {
        for (offer, taken) in [
            ("permessage-deflate", true),
            ("permessage-deflate; client_max_window_bits", true),
            ("x-webkit-deflate-frame, permessage-deflate; client_max_window_bits=\"10\"", true),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", true),
            ("permessage-deflate; server_max_window_bits=15; client_no_context_takeover", true),
            ("permessage-deflate; server_max_window_bits=10", false),
            ("permessage-deflate; server_max_window_bits", false),
            ("permessage-deflate; client_max_window_bits=7", false),
            ("permessage-deflate; client_max_window_bits; client_max_window_bits", false),
            ("permessage-deflate; server_no_context_takeover=1", false),
            ("permessage-deflate; more", false),
            ("permessage-bzip2", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_static(offer))]);
            assert_eq!(agree(&headers).is_some(), taken, "{offer}");
        }
        assert!(agree(&HeaderMap::new()).is_none());
    }
}
