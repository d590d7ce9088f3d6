//! What is left on arrival, case by case.

use proptest::prelude::*;

use super::*;
use crate::config::Config;

fn rules() -> Rules {
    Config::load(None).unwrap().guidance.rules()
}

fn latency(travel_s: i64, age_s: i64, update_s: i64) -> Latency {
    Latency { travel: Duration::seconds(travel_s), age: Duration::seconds(age_s), update: Duration::seconds(update_s) }
}

fn rates(coming_a_minute: f64, going_a_minute: f64) -> Rates {
    Rates { coming: coming_a_minute / 60.0, going: going_a_minute / 60.0 }
}

#[test]
fn a_quiet_lot_is_told_as_it_is() {
    let ahead = Ahead::default();
    assert_eq!(left_on_arrival(30, &latency(180, 10, 10), &ahead, &rules()), (30, None));
}

#[test]
fn three_cars_a_minute_take_what_three_minutes_bring_and_a_margin() {
    let ahead = Ahead { rates: rates(3.0, 0.0), ..Ahead::default() };
    let (left, reason) = left_on_arrival(30, &latency(180, 0, 0), &ahead, &rules());
    assert_eq!((left, reason), (18, Some(Reason::FlowOnArrival)), "30 - 9 - 0.8 * 3, rounded down");
    let (slow, _) = left_on_arrival(30, &latency(180, 60, 120), &ahead, &rules());
    assert!(slow < 12, "latency is part of the way: {slow}");
}

#[test]
fn drivers_on_their_way_count_where_they_are_more_than_the_rate_brings() {
    let ahead = Ahead { rates: rates(1.0, 0.0), under_way: Coming::said(12), ..Ahead::default() };
    let (left, reason) = left_on_arrival(20, &latency(120, 0, 0), &ahead, &rules());
    assert_eq!((left, reason), (5, Some(Reason::UnderWay)));
}

#[test]
fn who_said_so_and_passed_a_counter_is_one_car_and_the_greater_number_counts() {
    let of = |said, counted| {
        let ahead = Ahead { rates: rates(1.0, 0.0), under_way: Coming { said, counted }, ..Ahead::default() };
        left_on_arrival(20, &latency(120, 0, 0), &ahead, &rules())
    };
    assert_eq!(of(12, 7.4), of(12, 0.0));
    assert_eq!(of(5, 12.0), of(12, 0.0));
    assert_eq!(of(0, 1.5), of(0, 0.0), "the present rate brings two");
}

#[test]
fn far_off_counted_cars_matter_as_far_as_they_are_more_than_leave() {
    let expected = Some(Expected { free: 30, chance: 0.99 });
    let of = |going, counted| {
        let under_way = Coming { said: 0, counted };
        let ahead = Ahead { forecast: expected, rates: rates(0.0, going), under_way };
        left_on_arrival(30, &latency(1200, 0, 0), &ahead, &rules())
    };
    assert_eq!(of(0.0, 8.0), (22, Some(Reason::UnderWay)));
    assert_eq!(of(0.5, 8.0), (30, None), "ten leave meanwhile");
}

#[test]
fn a_far_sign_goes_by_the_forecast_and_says_full_where_a_space_is_rather_missed() {
    let ahead = |free, chance| Ahead { forecast: Some(Expected { free, chance }), ..Ahead::default() };
    let far = latency(720, 0, 0);
    assert_eq!(left_on_arrival(50, &far, &ahead(22, 0.9), &rules()), (22, Some(Reason::ForecastOnArrival)));
    assert_eq!(left_on_arrival(50, &far, &ahead(4, 0.4), &rules()), (0, Some(Reason::ForecastOnArrival)));
    assert_eq!(left_on_arrival(10, &far, &ahead(22, 0.9), &rules()), (10, None), "never more than there is");
    let near = left_on_arrival(50, &latency(300, 0, 0), &ahead(22, 0.9), &rules());
    assert_eq!(near, (50, None), "near signs go by what moves now");
}

proptest! {
    #[test]
    fn it_never_tells_more_than_there_is_and_more_traffic_never_leaves_more(
        free in 0u32..500, travel in 0i64..1800, age in 0i64..120, update in 0i64..120,
        coming in 0.0f64..20.0, more in 0.0f64..5.0, said in 0u32..50, counted in 0.0f64..50.0, forecast in prop::option::of((0u32..500, 0.0f64..=1.0)),
    ) {
        let forecast = forecast.map(|(free, chance)| Expected { free, chance });
        let ahead = Ahead { forecast, rates: rates(coming, 0.0), under_way: Coming { said, counted } };
        let busier = Ahead { rates: rates(coming + more, 0.0), ..ahead };
        let latency = latency(travel, age, update);
        let (left, reason) = left_on_arrival(free, &latency, &ahead, &rules());
        prop_assert!(left <= free);
        prop_assert_eq!(reason.is_none(), left == free);
        prop_assert!(left_on_arrival(free, &latency, &busier, &rules()).0 <= left);
    }
}
