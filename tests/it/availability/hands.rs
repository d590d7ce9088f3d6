//! What operators do: reserved spaces and places, closed lots, corrections; and the groups that are counted beside the lot.

use super::*;

on_every_engine! {
    async fn a_reserved_space_is_out_of_service_and_told_as_reserved(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        engine.apply(&[space("B", "1", Free, 1000), space("B", "2", Free, 1000)]).await.unwrap();
        let reserve = Action::Service { lot: lot_id("B"), space: space_id("2"), service: Service::Reserved };
        assert_eq!(engine.act(&reserve, at(2000)).await.unwrap(), Changed);
        assert_eq!(engine.act(&reserve, at(3000)).await.unwrap(), Outcome::Confirmed);
        let lot = engine.lot(&lot_id("B")).await.unwrap().unwrap();
        assert_eq!((lot.free, lot.out_of_service, lot.reserved), (1, 1, 1));
        assert!(engine.spaces(&lot_id("B")).await.unwrap().unwrap()[1].reserved);
        assert_eq!(engine.act(&serve("B", "2", true), at(4000)).await.unwrap(), Changed);
        let lot = engine.lot(&lot_id("B")).await.unwrap().unwrap();
        assert_eq!((lot.free, lot.out_of_service, lot.reserved), (1, 1, 0));
    }

    async fn reserved_places_of_a_counter_lot_are_neither_free_nor_occupied(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let reserve = |lot: &str, places| Action::Reserve { lot: lot_id(lot), places };
        assert_eq!(engine.act(&reserve("C", 3), at(0)).await.unwrap(), Changed);
        assert_eq!(counts(&engine, "C").await, (0, 0, 7, 3, 1));
        one(&engine, observed("C", Statement::Occupied { count: 9 }, 1000)).await;
        assert_eq!(counts(&engine, "C").await, (0, 7, 0, 3, 2));
        assert_eq!(engine.act(&reserve("C", 0), at(2000)).await.unwrap(), Changed);
        assert_eq!(counts(&engine, "C").await, (1, 9, 0, 0, 3));
        assert_eq!(engine.act(&reserve("A", 1), at(2000)).await.unwrap(), NotCounted);
        assert_eq!(engine.act(&reserve("X", 1), at(2000)).await.unwrap(), UnknownLot);
    }

    async fn a_closed_lot_goes_on_counting_and_says_that_it_is_closed(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let close = |closed| Action::Close { lot: lot_id("A"), closed };
        assert_eq!(engine.act(&close(true), at(0)).await.unwrap(), Changed);
        assert_eq!(engine.act(&close(true), at(0)).await.unwrap(), Outcome::Confirmed);
        one(&engine, space("A", "1", Free, 1000)).await;
        let lot = engine.lot(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((lot.closed, lot.free, lot.version), (true, 1, 2));
        engine.configure(&city(), at(2000)).await.unwrap();
        assert!(engine.lot(&lot_id("A")).await.unwrap().unwrap().closed, "the same city file does not open it");
        assert_eq!(engine.act(&close(false), at(3000)).await.unwrap(), Changed);
    }

    async fn a_correction_is_an_absolute_count_now(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let correct = |lot: &str, occupied| Action::Correct { lot: lot_id(lot), occupied };
        one(&engine, numbered(observed("C", Statement::Occupied { count: 9 }, 1000), "s", 7)).await;
        one(&engine, passage("C", Out, 1, 2000)).await;
        assert_eq!(engine.act(&correct("C", 5), at(5000)).await.unwrap(), Changed);
        assert_eq!(counts(&engine, "C").await.1, 5);
        let lot = engine.lot(&lot_id("C")).await.unwrap().unwrap();
        assert_eq!(lot.observed_at, Some(at(5000)));
        assert_eq!(engine.counters(&lot_id("C")).await.unwrap().unwrap().drift, Some(3));
        assert_eq!(one(&engine, passage("C", In, 1, 4000)).await, Outcome::Late, "the operator has seen it");
        let older = numbered(observed("C", Statement::Occupied { count: 1 }, 4000), "s", 8);
        assert_eq!(one(&engine, older).await, Outcome::Late);
        assert_eq!(one(&engine, passage("C", In, 1, 6000)).await, Changed);
        assert_eq!(engine.act(&correct("A", 1), at(5000)).await.unwrap(), NotCounted);
    }

    async fn groups_are_counted_as_the_lot_is(engine: Engine) {
        use yunpark::domain::lot::{SpaceUse, VehicleClass};
        let mut lot = by_spaces("A", 5, &["1", "2", "3"]);
        lot.spaces[0].uses = vec![SpaceUse::Disabled];
        lot.spaces[1].uses = vec![SpaceUse::Disabled, SpaceUse::Charging];
        lot.spaces[2].vehicle_class = VehicleClass::NonMotor;
        lot.uses.insert(SpaceUse::Disabled, 3);
        engine.configure(&[lot.clone()], at(0)).await.unwrap();
        engine.apply(&[space("A", "1", Free, 1000), space("A", "2", Occupied, 1000), space("A", "3", Free, 1000)])
            .await
            .unwrap();
        engine.act(&serve("A", "1", true), at(2000)).await.unwrap();
        let told = engine.lot(&lot_id("A")).await.unwrap().unwrap().groups;
        let told: Vec<_> = told
            .iter()
            .map(|it| (it.class, it.use_, [it.capacity, it.free, it.occupied, it.unknown, it.out_of_service]))
            .collect();
        let expected = [
            (Some(VehicleClass::Motor), None, [2, 0, 1, 0, 1]),
            (Some(VehicleClass::NonMotor), None, [1, 1, 0, 0, 0]),
            (None, Some(SpaceUse::Disabled), [3, 0, 1, 1, 1]),
            (None, Some(SpaceUse::Charging), [1, 0, 1, 0, 0]),
        ];
        assert_eq!(told, expected);
        lot.spaces[0].uses.clear();
        engine.configure(&[lot], at(3000)).await.unwrap();
        let told = engine.lot(&lot_id("A")).await.unwrap().unwrap();
        assert_eq!((told.groups[2].out_of_service, told.out_of_service), (0, 1), "what is of no use is in no group");
    }

    async fn several_lots_are_read_at_once_in_the_order_asked(engine: Engine) {
        engine.configure(&city(), at(0)).await.unwrap();
        let asked = ["C", "X", "A"].map(lot_id);
        let told = engine.lots_of(&asked).await.unwrap();
        assert_eq!(told.iter().map(|lot| lot.lot.as_str()).collect::<Vec<_>>(), ["C", "A"]);
    }
}
