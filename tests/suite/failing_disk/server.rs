//! The database server crashes and starts again, with a gateway on it that is not restarted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use switchyard::simulator::random::Random;
use switchyard::tasks::Tasks;

use super::{Scene, fails_and_works_again};
use crate::database::{Server, Way};
use crate::durable::until;
use crate::harness::{PATIENCE, seed};
use crate::killed::check;
use crate::killed::clients::{Caller, Town};
use crate::killed::journal::ENDS;
use crate::killed::platform::Platform;
use crate::process::simulator;
use crate::served::Place;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_for_a_while() {
    let Some(server) = Server::start() else { return };
    let simulator = simulator().await;
    let url = server.url(server.address());
    let place = Place::on_server(&url, simulator.addr(), "overlap");
    let scene = Scene::at(simulator, place).await;
    let crash = async |_: &Scene| {
        server.crash();
        Some(())
    };
    fails_and_works_again(scene, crash, |()| server.start_again()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_for_a_while() {
    let Some(server) = Server::start() else { return };
    let (simulator, tasks) = (simulator().await, Tasks::default());
    let way = Way::to(server.address(), &tasks).await;
    let place = Place::on_server(&server.url(way.at()), simulator.addr(), "overlap");
    let scene = Scene::at(simulator, place).await;
    let cut = async |_: &Scene| {
        way.cut();
        Some(())
    };
    fails_and_works_again(scene, cut, |()| way.mend()).await;
}

/// Crashes of one server under load.
const CRASHES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_under_load_loses_nothing_that_was_told() {
    for durability in ["strict", "overlap"] {
        let Some(server) = Server::start() else { return };
        let mut random = Random::new(seed());
        let (outside, tasks) = (Tasks::default(), Tasks::default());
        let platform = Platform::start(random.number(), &outside).await;
        let place = Place::on_server(&server.url(server.address()), platform.addr, durability);
        let served = place.start().await;
        let town = Arc::new(Town::new(served.api));
        for _ in 0..12 {
            tasks.spawn("caller", Caller::new(Arc::clone(&town), random.number()).live());
        }
        for _ in 0..CRASHES {
            let mut below = |most: u64| Duration::from_millis(random.number() % most);
            tokio::time::sleep(Duration::from_millis(500) + below(500)).await;
            server.crash();
            tokio::time::sleep(below(400)).await;
            server.start_again();
            let began = town.journal.told().ends.len();
            until("it goes on", async || town.journal.told().ends.len() > began + 10).await;
        }
        town.closes.store(true, Ordering::Relaxed);
        assert!(tasks.drained(6 * PATIENCE).await, "callers are left");
        until("every run has ended", async || {
            let is_over = |run: &Value| ENDS.contains(&run["status"].as_str().unwrap());
            check::runs(&served).await.values().all(is_over)
        })
        .await;
        // What is owed may be one run after another.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let runs = check::runs(&served).await;
        let ready = served.ask(Method::GET, "/v1/runs?limit=1", None, &Value::Null).await;
        assert_eq!(ready.status, 200, "{}", ready.json);
        assert!(served.stop().await.success());
        let (told, asked) = (town.journal.told(), platform.asked());
        let records = check::verify_log(&place);
        let mut found = check::hold(&told, &asked, &runs, &records, durability == "strict");
        // A commit whose answer the crash took away may have happened: such a run is told to have
        // failed for want of a record, and has one.
        found.wrong.retain(|it| !it.contains("was shown as failed and is"));
        println!("{durability}: {found:?}, {} ends, refused {:?}", told.ends.len(), told.refused);
        assert!(found.wrong.is_empty(), "{}", place.folder.display());
        assert!(told.refused.keys().all(|it| it.starts_with("503 ")), "{:?}", told.refused);
        assert!(told.ends.len() > 10 * CRASHES, "there was little to lose: {}", told.ends.len());
        drop(platform);
        assert!(outside.drained(PATIENCE).await, "the platform has tasks left");
        place.remove();
    }
}
