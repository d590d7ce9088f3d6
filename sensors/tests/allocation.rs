//! What decoding costs in memory: a bay sensor's frame allocates its readings and nothing beside them.

use std::hint::black_box;

use yunpark_sensors::Codec;

#[test]
fn a_bosch_frame_allocates_nothing_beyond_its_result() {
    let startup = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 23, 0, 2, 1];
    for (port, frame) in [(1, &[1][..]), (2, &[1]), (2, &[1, 0x15]), (3, &startup)] {
        let mut readings = Vec::new();
        let decoding = allocation_counter::measure(|| {
            readings = black_box(Codec::BoschTps110.decode(Some(port), black_box(frame))).unwrap();
        });
        assert_eq!(decoding.count_total, 1, "port {port}: one allocation, the readings themselves");
        assert_eq!(decoding.count_current, 1);
        let bytes = readings.capacity() * size_of_val(&readings[0]);
        assert_eq!(decoding.bytes_total, bytes as u64, "port {port}: and not a byte more");
    }
    let refused = allocation_counter::measure(|| drop(black_box(Codec::BoschTps110.decode(Some(9), &[1]))));
    assert_eq!(refused.count_total, 0, "a refusal costs nothing");
}
