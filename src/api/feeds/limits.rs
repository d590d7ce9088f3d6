//! How often one reader may ask: a bucket of tokens for each address, and a bounded number of buckets.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::http::HeaderMap;
use tokio::time::Instant;

/// Most readers told apart at once; beyond, strangers share a bucket.
const MAX_READERS: usize = 10_000;

/// The bucket of strangers.
const STRANGERS: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Which reader asks: by the address behind our own proxy where one stands in front. An IPv6 reader is a /64 network.
pub fn reader(headers: &HeaderMap, peer: Option<SocketAddr>, behind_proxy: bool) -> IpAddr {
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
    };
    let address = behind_proxy.then(forwarded).flatten().or(peer.map(|peer| peer.ip())).unwrap_or(STRANGERS);
    match address.to_canonical() {
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        four @ IpAddr::V4(_) => four,
    }
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// The buckets of all readers.
#[derive(Debug)]
pub struct Limiter {
    per_s: f64,
    burst: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Limiter {
    /// So many requests a minute, and so many at once.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_s: f64::from(per_minute.max(1)) / 60.0, burst: f64::from(burst.max(1)), buckets: Mutex::default() }
    }

    /// Takes a token of a reader; if there is none, how long until there is.
    pub fn take(&self, reader: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_READERS && !buckets.contains_key(&reader) {
            let full = |bucket: &Bucket| self.filled(bucket, now) >= self.burst;
            buckets.retain(|_, bucket| !full(bucket));
        }
        let reader = if buckets.len() >= MAX_READERS && !buckets.contains_key(&reader) { STRANGERS } else { reader };
        let bucket = buckets.entry(reader).or_insert(Bucket { tokens: self.burst, at: now });
        *bucket = Bucket { tokens: self.filled(bucket, now), at: now };
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_s))
        }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let gone_s = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + gone_s * self.per_s).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_reader_who_asks_too_often_waits_and_hurts_nobody_else() {
        let (limiter, start) = (Limiter::new(60, 3), Instant::now());
        let (greedy, modest) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..3 {
            assert_eq!(limiter.take(greedy, start), Ok(()));
        }
        assert_eq!(limiter.take(greedy, start), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(modest, start), Ok(()));
        assert_eq!(limiter.take(greedy, start + Duration::from_secs(1)), Ok(()));
        assert!(limiter.take(greedy, start + Duration::from_secs(1)).is_err());
    }

    #[test]
    fn however_many_strangers_ask_the_buckets_stay_few() {
        let (limiter, now) = (Limiter::new(60, 1), Instant::now());
        for n in 0..20_000_u32 {
            let _ = limiter.take(IpAddr::V4(n.into()), now);
        }
        assert!(limiter.buckets.lock().unwrap().len() <= MAX_READERS + 1);
    }

    #[test]
    fn the_address_is_the_peers_unless_a_proxy_of_ours_says_another() {
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.9, 198.51.100.7".parse().unwrap());
        let peer = Some("192.0.2.1:4000".parse().unwrap());
        assert_eq!(reader(&headers, peer, false), address("192.0.2.1"));
        assert_eq!(reader(&headers, peer, true), address("198.51.100.7"), "the last one, which our proxy wrote");
        let six = Some("[2001:db8:1:2:3:4:5:6]:80".parse().unwrap());
        assert_eq!(reader(&HeaderMap::new(), six, true), address("2001:db8:1:2::"));
    }
}
