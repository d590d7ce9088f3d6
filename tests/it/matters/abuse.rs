//! A flood from few addresses neither hides nor delays what others say.

use yunpark::{domain::matter::fair::Slowed, matters::Error, store::matters::Filter};

use super::{county, halls, minutes, report};

#[tokio::test]
async fn ten_thousand_junk_reports_of_few_addresses_neither_hide_nor_delay_ten_true_ones() {
    for hall in halls().await {
        let mut taken = 0;
        let mut slowed = 0;
        let mut true_ones = Vec::new();
        for n in 0..10_000_u32 {
            // Five addresses, each at another place every time, so that nothing joins.
            let address = format!("198.51.100.{}", n % 5);
            let place = (119.5702 + f64::from(n % 19) * 0.0005, 28.1002 + f64::from(n / 19 % 19) * 0.0005);
            match hall.matters.collect(report(&format!("junk-{n}"), "E0501", &address, place), vec![]).await {
                Ok(_) => taken += 1,
                Err(Error::Slowed(Slowed::Hour | Slowed::Day)) => slowed += 1,
                Err(error) => panic!("{error}"),
            }
            if n % 1_000 == 500 {
                let nth = n / 1_000;
                let place = (119.5805 + f64::from(nth) * 0.0009, 28.1055);
                let new = report(&format!("true-{nth}"), "E0502", &format!("203.0.113.{nth}"), place);
                let collected = hall.matters.collect(new, vec![]).await.expect("a true report is taken at once");
                true_ones.push(collected.matter.id);
            }
        }
        assert_eq!((taken, slowed), (50, 9_950), "ten an hour of each address");
        // What the desk sees first: the ten, and at most the few first reports of the five addresses; never the rest.
        let list = hall.matters.list(&Filter::default(), 500, &county()).await.unwrap();
        assert_eq!(list.len(), 60);
        let place_of = |id: &String| list.iter().position(|one| one.matter.id == *id).expect("it is not hidden");
        let last = true_ones.iter().map(place_of).max().unwrap();
        assert!(last < 10 + 5 * 3, "the last of the ten stands at {last}");
        // An hour later the addresses may say ten more each, and thirty a day at most.
        for hour in 1..4 {
            hall.clock.advance(minutes(61));
            for n in 0..100 {
                let place = (119.5705 + f64::from(n % 90) * 0.0001, 28.1095 - f64::from(hour) * 0.0001);
                let new = report(&format!("late-{hour}-{n}"), "E0507", "198.51.100.1", place);
                taken += u32::from(hall.matters.collect(new, vec![]).await.is_ok());
            }
        }
        assert_eq!(taken, 70);
    }
}
