//! What is said to many: its text, and the same deflated once for all who can inflate it.

use std::{cell::RefCell, sync::OnceLock};

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Shorter texts gain nothing by being deflated, bytes.
const WORTH_IT: usize = 256;
/// What a deflated message ends with and is sent without (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

thread_local! {
    /// A compressor is 300 kB; each thread keeps one.
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(3), false));
}

/// A text, and what it deflates to.
#[derive(Debug)]
pub struct Words {
    text: String,
    deflated: OnceLock<Option<Bytes>>,
}

impl Words {
    /// Words that whoever can inflate them is told deflated.
    pub fn new(text: String) -> Self {
        Self { text, deflated: OnceLock::new() }
    }

    /// Words for one session only, said so often that deflating them would cost more than it saves.
    pub fn plain(text: String) -> Self {
        Self { text, deflated: None.into() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The payload of the message deflated by itself, as `permessage-deflate` without context takeover has it; `None` where
    /// it would not be shorter. Made when first asked for.
    pub fn deflated(&self) -> Option<&Bytes> {
        let made = self.deflated.get_or_init(|| {
            (self.text.len() >= WORTH_IT)
                .then(|| deflate(self.text.as_bytes()))?
                .filter(|deflated| deflated.len() < self.text.len())
                .map(Bytes::from)
        });
        made.as_ref()
    }
}

/// A payload deflated by itself, without its tail; `None` if the compressor fails.
fn deflate(payload: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let mut deflated = Vec::with_capacity(payload.len() / 4 + 64);
        loop {
            let rest = payload.get(usize::try_from(compressor.total_in()).ok()?..)?;
            compressor.compress_vec(rest, &mut deflated, FlushCompress::Sync).ok()?;
            // Room left means that all of it has been written out.
            if deflated.len() < deflated.capacity() {
                break;
            }
            deflated.reserve(deflated.capacity());
        }
        deflated.truncate(deflated.strip_suffix(&TAIL)?.len());
        Some(deflated)
    })
}

/// What a payload inflates to, at most `limit` bytes; `None` if it is longer, or is not deflated.
pub fn inflate(payload: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut inflater = Decompress::new(false);
    let mut inflated = Vec::with_capacity(limit + 1);
    for piece in [payload, &TAIL] {
        let start = inflater.total_in();
        let status = inflater.decompress_vec(piece, &mut inflated, FlushDecompress::Sync).ok()?;
        let taken = inflater.total_in() - start;
        let is_over = inflated.len() > limit || matches!(status, Status::StreamEnd);
        if is_over || taken != piece.len() as u64 {
            return None;
        }
    }
    Some(inflated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_deflated_inflates_to_itself(text in ".{0,40}", times in 0_usize..200) {
            let text = text.repeat(times);
            let words = Words::new(text.clone());
            if let Some(deflated) = words.deflated() {
                prop_assert!(deflated.len() < text.len());
                prop_assert_eq!(inflate(deflated, text.len()).unwrap(), text.as_bytes());
            }
            let always = deflate(text.as_bytes()).unwrap();
            prop_assert_eq!(inflate(&always, text.len()).unwrap(), text.as_bytes());
        }

        #[test]
        fn nonsense_is_refused_or_short(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(inflate(&bytes, 100).is_none_or(|inflated| inflated.len() <= 100));
        }
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = deflate(&vec![b' '; 1 << 20]).unwrap();
        assert!(bomb.len() < 2000);
        assert!(inflate(&bomb, 16 * 1024).is_none());
    }

    #[test]
    fn what_is_said_to_one_alone_is_not_deflated() {
        assert!(Words::plain("停".repeat(1000)).deflated().is_none());
        assert!(Words::new("short".to_owned()).deflated().is_none());
        assert!(Words::new("停".repeat(1000)).deflated().is_some());
    }
}
