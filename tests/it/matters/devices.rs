//! A device that is ill opens a matter for the maintenance unit; its recovery and somebody's look close it.

use yunpark::{
    domain::{
        matter::{Source, State, Step},
        staff::Role,
    },
    matters::{Ailing, Error, Handled},
    store::matters::Filter,
};

use super::{STREET, county, halls, minutes, person};

#[tokio::test]
async fn very_many_dead_sensors_are_one_matter_until_few_are_left() {
    for hall in halls().await {
        let all = async || hall.matters.list(&Filter::default(), 100, &county()).await.unwrap();
        let dead = |n: usize| -> Vec<Ailing> {
            (0..n).map(|nth| Ailing { subject: format!("sensor:{nth}"), ..dead_sensor() }).collect()
        };
        hall.set_ill(dead(500), &[]);
        hall.round().await;
        hall.clock.advance(minutes(20));
        hall.round().await;
        let [one] = &all().await[..] else { panic!("one matter for what hurts them all") };
        assert_eq!(one.matter.subject.as_deref(), Some("many:C0202"));
        hall.set_ill(dead(2), &[]);
        hall.round().await;
        assert_eq!(hall.matters.find(&one.matter.id).await.unwrap().matter.state, State::FedBack);
        hall.clock.advance(minutes(20));
        hall.round().await;
        assert_eq!(all().await.len(), 3, "the two that are left have their own");
    }
}

fn dead_sensor() -> Ailing {
    Ailing {
        subject: "sensor:fcd6bd00001a2b3c".into(),
        category: "C0202",
        source: Source::Sensor,
        since: None,
        location: Some(STREET),
        what: "silent".into(),
        place: "城西停车场".into(),
    }
}

#[tokio::test]
async fn a_dead_sensor_opens_a_maintenance_matter_and_recovery_and_verification_close_it() {
    for hall in halls().await {
        let all = async || hall.matters.list(&Filter::default(), 10, &county()).await.unwrap();
        hall.set_ill(vec![dead_sensor()], &[]);
        hall.round().await;
        assert!(all().await.is_empty(), "it may come back by itself");
        hall.clock.advance(minutes(15));
        hall.round().await;
        hall.round().await;
        let [one] = &all().await[..] else { panic!("one matter, however often it is looked at") };
        assert_eq!((one.matter.state, one.matter.unit.as_deref()), (State::Dispatched, Some("repair")));
        let id = one.matter.id.clone();

        // Somebody says it works; the sensor still says nothing: it is not closed.
        let repairer = person("zhao", Role::Operator);
        let done = Handled { note: "已更换电池".into(), at: None };
        hall.matters.handled(&id, done, vec![], "k", &repairer).await.unwrap();
        let verify = Step::Verify { passed: true };
        assert!(matches!(hall.step(&id, verify.clone(), &county()).await, Err(Error::StillIll)));
        hall.step(&id, Step::Verify { passed: false }, &county()).await.unwrap();

        // Its health is back: the matter waits for somebody to look, and is closed by that.
        hall.set_ill(vec![], &["sensor:fcd6bd00001a2b3c"]);
        hall.round().await;
        let listed = hall.matters.find(&id).await.unwrap().matter;
        assert_eq!((listed.state, listed.course.handled_by.as_deref()), (State::FedBack, Some("device-health")));
        hall.round().await;
        assert_eq!(hall.matters.find(&id).await.unwrap().matter.state, State::FedBack, "nobody has looked");
        hall.step(&id, verify, &county()).await.unwrap();
        assert_eq!(hall.matters.find(&id).await.unwrap().matter.state, State::Closed);

        // It dies again: another matter.
        hall.set_ill(vec![dead_sensor()], &[]);
        hall.round().await;
        hall.clock.advance(minutes(16));
        hall.round().await;
        assert_eq!(all().await.len(), 2);
        hall.prove().await;
    }
}
