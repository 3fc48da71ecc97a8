//! What the store promises about the agents that the gateway keeps.

use switchyard::model::ids::AgentId;
use switchyard::model::profile::StoredPreset;
use switchyard::store::Store;
use switchyard::store::presets::{KeptPreset, Presets};
use switchyard::store::seal::Sealer;

use super::{later, on_both};

fn presets_of(store: &Store) -> Presets {
    Presets { rows: store.presets.clone(), sealer: Sealer::new(&[7; 32], &[]) }
}

fn id(number: u32) -> AgentId {
    AgentId::parse(&format!("agt_{number:032x}")).unwrap()
}

fn kept(number: u32, workspace: &str) -> KeptPreset {
    let instructions = format!("You are {number}, and keep it to yourself.");
    let preset = [("instructions".to_owned(), instructions.into())].into_iter().collect();
    KeptPreset {
        id: id(number),
        upstream: "up".to_owned(),
        workspace: workspace.to_owned(),
        version: 1,
        created_at: later(1),
        updated_at: later(1),
        stored: StoredPreset { name: format!("Number {number}"), description: None, preset },
    }
}

fn text(kept: &KeptPreset) -> (String, i64, String) {
    (kept.id.to_string(), kept.version, serde_json::to_string(&kept.stored).unwrap())
}

on_both! {
    async fn an_agent_reads_back_as_it_was_written(place: Place) {
        let store = place.open().await;
        let presets = presets_of(&store);
        let written = kept(1, "acme");
        presets.add(&written).await.unwrap();
        let read = presets.get(&id(1)).await.unwrap().unwrap();
        assert_eq!(text(&read), text(&written));
        assert_eq!((read.upstream.as_str(), read.workspace.as_str()), ("up", "acme"));
        assert_eq!((read.created_at, read.updated_at), (later(1), later(1)));
        assert!(presets.get(&id(2)).await.unwrap().is_none());
        let row = store.presets.preset(&id(1)).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&row.sealed).contains("yourself"));
        // One row cannot be put in another's place.
        let mut other = row.clone();
        other.id = id(2);
        store.presets.add_preset(other).await.unwrap();
        assert!(presets.get(&id(2)).await.is_err());
        place.leave([store]).await;
    }

    async fn a_list_is_of_one_workspace_and_goes_on_after_its_page(place: Place) {
        let store = place.open().await;
        let presets = presets_of(&store);
        for number in [5, 3, 4, 1, 2] {
            presets.add(&kept(number, if number == 4 { "other" } else { "acme" })).await.unwrap();
        }
        let ids = |all: Vec<KeptPreset>| -> Vec<AgentId> { all.into_iter().map(|one| one.id).collect() };
        let first = presets.list("acme", "up", None, 2).await.unwrap();
        assert_eq!(ids(first), [id(1), id(2)]);
        let rest = presets.list("acme", "up", Some(&id(2)), 9).await.unwrap();
        assert_eq!(ids(rest), [id(3), id(5)]);
        assert!(presets.list("acme", "elsewhere", None, 9).await.unwrap().is_empty());
        place.leave([store]).await;
    }

    async fn a_change_is_written_only_over_the_version_that_it_was_made_of(place: Place) {
        let (store, elsewhere) = (place.open().await, place.open().await);
        let (presets, others) = (presets_of(&store), presets_of(&elsewhere));
        presets.add(&kept(1, "acme")).await.unwrap();
        let mut changed = kept(1, "acme");
        changed.stored.name = "Changed".to_owned();
        changed.updated_at = later(2);
        let at_once = tokio::join!(presets.replace(&changed, 1), others.replace(&changed, 1));
        let at_once = [at_once.0.unwrap(), at_once.1.unwrap()];
        assert_eq!(at_once.iter().filter(|won| **won).count(), 1);
        let read = others.get(&id(1)).await.unwrap().unwrap();
        assert_eq!((read.version, read.stored.name.as_str()), (2, "Changed"));
        assert_eq!((read.created_at, read.updated_at), (later(1), later(2)));
        assert!(!presets.remove(&kept(1, "acme")).await.unwrap(), "it was of another version");
        assert!(presets.remove(&read).await.unwrap());
        assert!(!presets.remove(&read).await.unwrap());
        assert!(!presets.replace(&changed, 2).await.unwrap(), "it is there no more");
        place.leave([store, elsewhere]).await;
    }
}
