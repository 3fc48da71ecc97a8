//! What the store promises about the lives that drive runs, and about asking them to stop one.

use switchyard::store::rows::{Member, Renewed};

use super::sample::{admit, boot, ended, new, run_id, runs_of};
use super::{NOW, Place, later, on_both};

on_both! {
    async fn whoever_drives_a_run_learns_that_it_is_to_stop(place: Place) {
        let store = place.open().await;
        let runs = runs_of(&store);
        store.rows.join(&boot(1), NOW).await.unwrap();
        store.rows.join(&boot(2), NOW).await.unwrap();
        for number in 1..=3 {
            admit(&runs, new(number)).await;
        }
        runs.end(&ended(3)).await.unwrap();
        assert!(store.rows.cancel(&run_id(1), later(1)).await.unwrap());
        assert!(store.rows.cancel(&run_id(1), later(2)).await.unwrap());
        assert!(!store.rows.cancel(&run_id(3), later(1)).await.unwrap(), "it has ended");
        assert!(!store.rows.cancel(&run_id(4), later(1)).await.unwrap(), "there is none");
        let told = Renewed { counts: true, cancels: vec![run_id(1)] };
        assert_eq!(store.rows.renew(&boot(1)).await.unwrap(), told);
        assert_eq!(store.rows.renew(&boot(1)).await.unwrap(), told, "until it has ended");
        let other = Renewed { counts: true, cancels: Vec::new() };
        assert_eq!(store.rows.renew(&boot(2)).await.unwrap(), other);
        runs.end(&ended(1)).await.unwrap();
        assert_eq!(store.rows.renew(&boot(1)).await.unwrap(), other);
        place.leave([store]).await;
    }

    async fn lives_see_each_other_until_they_are_over(place: Place) {
        let (store, other) = (place.open().await, place.open().await);
        let beats = async || -> Vec<(_, i64)> {
            let members = store.rows.members(&boot(1)).await.unwrap();
            assert!(members.iter().all(|member| member.is_over != Some(true)), "{members:?}");
            members.into_iter().map(|member| (member.boot, member.beats)).collect()
        };
        store.rows.join(&boot(1), NOW).await.unwrap();
        assert_eq!(beats().await, []);
        other.rows.join(&boot(2), NOW).await.unwrap();
        assert_eq!(beats().await, [(boot(2), 0)]);
        for _ in 0..3 {
            assert!(other.rows.renew(&boot(2)).await.unwrap().counts);
        }
        // Where the end of a life is known, nobody counts.
        let told = if store.rows.knows_ends() { 0 } else { 3 };
        assert_eq!(beats().await, [(boot(2), told)]);
        store.rows.leave(&boot(2)).await.unwrap();
        assert_eq!(beats().await, []);
        let renewed = other.rows.renew(&boot(2)).await.unwrap();
        assert!(!renewed.counts, "its runs were closed by another");
        assert_eq!(beats().await, [], "and it does not come back by itself");
        place.leave([store, other]).await;
    }
}

#[tokio::test]
async fn on_one_machine_the_end_of_a_life_is_seen_at_once() {
    let place = Place::sqlite();
    let (store, other) = (place.open().await, place.open().await);
    other.rows.join(&boot(2), NOW).await.unwrap();
    let member = |is_over| Member { boot: boot(2), beats: 0, is_over: Some(is_over) };
    assert_eq!(store.rows.members(&boot(1)).await.unwrap(), [member(false)]);
    other.close().await;
    drop(other);
    assert_eq!(store.rows.members(&boot(1)).await.unwrap(), [member(true)]);
    let third = place.open().await;
    assert_eq!(third.rows.members(&boot(1)).await.unwrap(), [member(true)], "to all that ask");
    store.rows.leave(&boot(2)).await.unwrap();
    assert_eq!(third.rows.members(&boot(1)).await.unwrap(), []);
    place.leave([store, third]).await;
}

#[tokio::test]
async fn on_a_server_only_silence_tells() {
    let Some(place) = Place::postgres().await else { return };
    let store = place.open().await;
    store.rows.join(&boot(2), NOW).await.unwrap();
    store.rows.join(&boot(2), NOW).await.unwrap();
    let member = Member { boot: boot(2), beats: 0, is_over: None };
    assert_eq!(store.rows.members(&boot(1)).await.unwrap(), [member]);
    place.leave([store]).await;
}
