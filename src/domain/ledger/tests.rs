//! The chain's law, by example and by property.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::{staff::Role, time::from_micros};

fn entry(n: u64, head: Head) -> Entry {
    let new = NewEntry {
        actor: Actor::Staff { name: "li.wei".to_owned(), role: Role::Officer },
        kind: Kind::WarningIssued,
        subject_type: "record",
        subject_id: format!("r{n}"),
        payload: json!({"note": "在人行道", "n": n}),
        evidence: vec![Digest::of(b"first picture"), Digest::of(b"second picture")],
    };
    Entry::seal(new, from_micros(1_770_000_000_000_000 + n as i64).unwrap(), head)
}

fn chain(length: u64) -> (Vec<Entry>, Head) {
    let mut head = Head::default();
    let entries = (1..=length).map(|n| {
        let entry = entry(n, head);
        head = entry.head();
        entry
    });
    let entries = entries.collect();
    (entries, head)
}

/// The hash of the first entry, as a program written apart from this one computes it.
#[test]
fn the_hash_is_the_one_the_description_gives() {
    let (entries, _) = chain(1);
    let mut bytes = Vec::new();
    let mut field = |field: &[u8]| {
        bytes.extend((field.len() as u64).to_be_bytes());
        bytes.extend(field);
    };
    field(b"yunpark-ledger-1-sha256");
    field(&1_u64.to_be_bytes());
    field(&1_770_000_000_000_001_u64.to_be_bytes());
    field(br#"{"name":"li.wei","role":"officer","type":"staff"}"#);
    field(b"warning.issued");
    field(b"record");
    field(b"r1");
    field(r#"{"n":1,"note":"在人行道"}"#.as_bytes());
    field(&2_u64.to_be_bytes());
    field(Digest::of(b"first picture").as_bytes());
    field(Digest::of(b"second picture").as_bytes());
    field(&[0; 32]);
    assert_eq!(entries[0].hash, Digest::of(&bytes));
}

#[test]
fn a_whole_chain_is_whole_and_an_empty_one_too() {
    let (entries, head) = chain(9);
    assert_eq!(verify(&entries, head), Ok(()));
    assert_eq!(verify(&[], Head::default()), Ok(()));
}

fn flip_text(text: &mut String, at: usize) {
    let mut bytes = std::mem::take(text).into_bytes();
    let at = at % bytes.len();
    bytes[at] ^= 1;
    *text = String::from_utf8_lossy(&bytes).into_owned();
}

fn flip_digest(digest: &mut Digest, at: usize) {
    let mut bytes = *digest.as_bytes();
    bytes[at % 32] ^= 1 << (at / 32 % 8);
    *digest = Digest::from(bytes);
}

proptest! {
    #[test]
    fn one_changed_byte_of_any_field_is_named_by_its_entry(victim in 0_usize..8, field in 0_usize..11, at in 0_usize..256) {
        let (mut entries, head) = chain(8);
        let changed = &mut entries[victim];
        let Actor::Staff { name, role } = &mut changed.actor else { unreachable!() };
        match field {
            0 => changed.seq ^= 1 << (at % 63),
            1 => changed.at += chrono::Duration::microseconds(1 << (at % 40)),
            2 => flip_text(name, at),
            3 => *role = Role::Supervisor,
            4 => changed.kind = Kind::SeizureApproved,
            5 => flip_text(&mut changed.subject_type, at),
            6 => flip_text(&mut changed.subject_id, at),
            7 => flip_text(&mut changed.payload, at),
            8 => flip_digest(&mut changed.evidence[at % 2], at),
            9 => flip_digest(&mut changed.prev_hash, at),
            _ => flip_digest(&mut changed.hash, at),
        }
        prop_assert_eq!(verify(&entries, head).unwrap_err().seq, victim as u64 + 1);
    }

    #[test]
    fn a_dropped_entry_is_named(victim in 0_usize..8, count in 1_usize..4) {
        let (mut entries, head) = chain(8);
        entries.drain(victim..(victim + count).min(8));
        prop_assert_eq!(verify(&entries, head).unwrap_err().seq, victim as u64 + 1);
    }

    #[test]
    fn two_swapped_entries_are_named(a in 0_usize..7, gap in 1_usize..7) {
        let (mut entries, head) = chain(8);
        let b = (a + gap).min(7);
        entries.swap(a, b);
        prop_assert_eq!(verify(&entries, head).unwrap_err().seq, a as u64 + 1);
    }

    #[test]
    fn an_entry_resealed_over_a_change_breaks_the_next(victim in 0_usize..8) {
        let (mut entries, head) = chain(8);
        entries[victim].payload = "{}".to_owned();
        entries[victim].hash = entries[victim].computed_hash();
        let named = if victim == 7 { 8 } else { victim as u64 + 2 };
        prop_assert_eq!(verify(&entries, head).unwrap_err().seq, named);
    }
}

#[test]
fn moved_evidence_and_split_texts_give_other_hashes() {
    let (entries, _) = chain(1);
    let mut swapped = entries[0].clone();
    swapped.evidence.swap(0, 1);
    assert_ne!(swapped.computed_hash(), swapped.hash);
    let mut moved = entries[0].clone();
    moved.subject_type = "recor".to_owned();
    moved.subject_id = "dr1".to_owned();
    assert_ne!(moved.computed_hash(), moved.hash);
}

#[test]
fn an_entry_after_the_noted_end_is_named() {
    let (entries, _) = chain(3);
    assert_eq!(verify(&entries, entries[1].head()).unwrap_err().seq, 3);
}

#[test]
fn a_head_is_read_back_as_it_was_printed() {
    let head = Head { seq: 12, hash: Digest::of(b"twelve") };
    assert_eq!(head.to_string().parse(), Ok(head));
    for wrong in ["", "12", "12:", ":", "twelve:00", &format!("-1:{}", head.hash), &format!("12:{}0", head.hash)] {
        assert!(wrong.parse::<Head>().is_err(), "{wrong}");
    }
}
