//! What drivers do, with and without signs.

use super::{people::crowd, run::Guide, *};

fn day(crowd: &Crowd, seed: u64, guide: Option<&mut Guide<'_>>) -> Report {
    let (streets, day) = (Streets::centre(), Day { length_s: 6_000, counted_from_s: 2_400 });
    let mut memory = Memory::new(&streets, day.length_s);
    run(&streets, crowd, &day, seed, &mut memory, guide)
}

#[test]
fn the_same_seed_brings_the_same_drivers() {
    let streets = Streets::centre();
    let people = |seed| crowd(&streets, &Crowd::default(), Day::default(), seed);
    assert_eq!(people(3), people(3));
    assert_ne!(people(3), people(4));
    assert!(people(3).len() > 300);
    assert_eq!(streets.capacity(), 320);
}

#[test]
fn an_empty_town_makes_nobody_search_and_a_full_one_does() {
    let quiet = day(&Crowd { peak: 0.3, ..Crowd::default() }, 1, None);
    assert!(quiet.met_full < 0.05 && quiet.illegal == 0.0, "{quiet:?}");
    let busy = day(&Crowd { peak: 1.1, ..Crowd::default() }, 1, None);
    assert!(busy.met_full > 0.2 && busy.search_s > 10.0 && busy.illegal > 0.0, "{busy:?}");
}

#[test]
fn a_sign_that_knows_who_is_coming_saves_searching() {
    let crowd = Crowd { peak: 0.9, ..Crowd::default() };
    let streets = Streets::centre();
    let signs = streets.signs.clone();
    let mut all_seeing = |world: &World| {
        let told: Vec<Told> = streets
            .lots
            .iter()
            .enumerate()
            .map(|(index, lot)| if world.occupied[index] + 4 >= lot.capacity { Told::Full } else { Told::Open })
            .collect();
        signs.iter().map(|corner| (*corner, told.clone())).collect()
    };
    let (without, with) = (day(&crowd, 2, None), day(&crowd, 2, Some(&mut all_seeing)));
    assert!(with.search_s < without.search_s, "{with:?} {without:?}");
    assert!(with.flips > 0.0);
}
