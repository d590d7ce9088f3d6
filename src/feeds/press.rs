//! The press: takes the picture at most once a second, writes each feed at most once for each picture, and remembers it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chrono::{Duration, SubsecRound};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{
    catalogue::Feed,
    datum::Crs,
    picture::{Openings, Picture, judge},
    spots::Spots,
};
use crate::{
    availability::Board,
    clock::Clock,
    config,
    domain::{availability::Cursor, city::City, text::Language, time::Instant},
    signboard::SignBoard,
};

/// A picture in which nothing moved is taken anew after this long, so that a reader sees that the feed lives.
const RENEW: Duration = Duration::seconds(60);

/// What a feed is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Variant {
    /// The datum.
    pub crs: Crs,
    /// The language of texts in formats that have room for one.
    pub english: bool,
}

impl Variant {
    /// The language of texts in formats that have room for one.
    pub fn language(self) -> Language {
        if self.english { Language::En } else { Language::Zh }
    }
}

/// One feed as it was written.
#[derive(Debug, Clone)]
pub struct Edition {
    /// The feed itself.
    pub body: Bytes,
    /// A name of the body: its hash.
    pub etag: String,
    /// Since when the body is this one, to the second.
    pub last_modified: Instant,
    /// Where its numbers stand in the stream of changes.
    pub cursor: Cursor,
}

/// A feed in a variant.
type Key = (Feed, Variant);

#[derive(Debug, Default)]
struct State {
    openings: Openings,
    /// The second the board was last looked at.
    looked_at: Option<Instant>,
    picture: Option<Arc<Picture>>,
    /// Each with the picture it was written from, and the second it was.
    editions: BTreeMap<Key, (Arc<Picture>, Instant, Arc<Edition>)>,
}

/// Writes the feeds.
#[derive(Debug)]
pub struct Press {
    board: Arc<Board>,
    city: watch::Receiver<Arc<City>>,
    clock: Clock,
    spots: Arc<Spots>,
    signs: Arc<SignBoard>,
    config: Arc<config::Config>,
    state: Mutex<State>,
}

impl Press {
    /// A press over the board and the city in force.
    pub fn new(
        (board, city): (Arc<Board>, watch::Receiver<Arc<City>>),
        spots: Arc<Spots>,
        signs: Arc<SignBoard>,
        clock: Clock,
        config: Arc<config::Config>,
    ) -> Self {
        Self { board, city, clock, spots, signs, config, state: Mutex::default() }
    }

    /// The settings of the feeds.
    pub fn settings(&self) -> &config::Feeds {
        &self.config.feeds
    }

    /// The picture in force: at most one look a second, and the same picture as long as nothing moved.
    pub fn picture(&self) -> Arc<Picture> {
        self.look(&mut self.lock())
    }

    /// A feed in a variant, written now or as it was for the same picture.
    pub fn edition(&self, feed: Feed, variant: Variant) -> Arc<Edition> {
        let mut state = self.lock();
        let picture = self.look(&mut state);
        let second = state.looked_at.unwrap_or(picture.at);
        let before = state.editions.get(&(feed, variant));
        if let Some((of, at, edition)) = before
            && Arc::ptr_eq(of, &picture)
            && (*at == second || !feed.tells_signs())
        {
            return edition.clone();
        }
        let body = Bytes::from(feed.write(&picture, variant, self.settings(), &self.signs));
        let etag = etag(&body);
        // The same body keeps its date: a reader who has it needs no other.
        let same = before.filter(|(_, _, edition)| edition.etag == etag).map(|(_, _, edition)| edition.last_modified);
        let edition =
            Arc::new(Edition { body, etag, last_modified: same.unwrap_or(second), cursor: picture.cursor.clone() });
        state.editions.insert((feed, variant), (picture, second, edition.clone()));
        edition
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, state: &mut State) -> Arc<Picture> {
        let now = self.clock.now();
        let second = now.trunc_subsecs(0);
        if let Some(picture) = &state.picture
            && state.looked_at == Some(second)
        {
            return picture.clone();
        }
        let (city, board, known) = (self.city.borrow().clone(), self.board.snapshot(), self.spots.known());
        if !state.openings.is_of(&city) {
            state.openings = Openings::of(&city);
        }
        let stale_after = Duration::seconds(self.config.availability.stale_after_s.into());
        let lots = judge(&state.openings, &board.lots, now, stale_after);
        state.looked_at = Some(second);
        let stays = state.picture.as_ref().filter(|before| {
            second - before.at < RENEW
                && second >= before.at
                && Arc::ptr_eq(&before.city, &city)
                && Arc::ptr_eq(&before.spaces, &known.spaces)
                && before.static_at == known.static_at
                && before.lots == lots
        });
        if let Some(picture) = stays {
            return picture.clone();
        }
        let picture = Arc::new(Picture {
            city,
            static_at: known.static_at,
            cursor: board.cursor.clone(),
            at: second,
            lots,
            spaces: known.spaces,
        });
        state.picture = Some(picture.clone());
        picture
    }
}

/// A weak name of a body: a compressed answer is the same feed.
pub fn etag(body: &[u8]) -> String {
    format!("W/\"{}\"", hex::encode(&Sha256::digest(body)[..16]))
}
