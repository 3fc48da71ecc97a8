//! What the store promises about the keys of payloads.

use switchyard::model::ids::RecordId;
use switchyard::store::payloads::Payloads;
use switchyard::store::seal::Sealer;

use super::sample::entry;
use super::{NOW, Place, on_both};

fn record() -> RecordId {
    entry(1).id
}

on_both! {
    async fn all_who_ask_at_once_get_one_key_and_an_erased_one_opens_nothing(place: Place) {
        let stores = [place.open().await, place.open().await];
        let sealer = Sealer::new(&[7; 32], &[]);
        let nodes = stores.each_ref().map(|it| Payloads::new(it.payload_keys.clone(), sealer.clone()));
        let (one, other) =
            tokio::join!(nodes[0].key_for("acme", NOW), nodes[1].key_for("acme", NOW));
        let sealed = [one, other].map(|key| key.unwrap().seal(&record(), b"Hello").unwrap());
        for (text, node) in sealed.iter().zip(nodes.iter().rev()) {
            assert_eq!(node.open("acme", &record(), text).await.unwrap().unwrap(), b"Hello");
            assert_eq!(node.open("acme", &entry(2).id, text).await.unwrap(), None);
            assert_eq!(node.open("globex", &record(), text).await.unwrap(), None);
        }
        nodes[1].key_for("globex", NOW).await.unwrap();
        assert!(nodes[0].erase("acme").await.unwrap());
        assert!(!nodes[1].erase("acme").await.unwrap());
        assert_eq!(nodes[1].open("acme", &record(), &sealed[0]).await.unwrap(), None);
        assert!(stores[0].payload_keys.key("globex").await.unwrap().is_some());
        // The next key is another one.
        let next = nodes[0].key_for("acme", NOW).await.unwrap();
        let next = next.seal(&record(), b"Again").unwrap();
        assert_eq!(nodes[0].open("acme", &record(), &sealed[0]).await.unwrap(), None);
        assert_eq!(nodes[0].open("acme", &record(), &next).await.unwrap().unwrap(), b"Again");
        place.leave(stores).await;
    }
}

#[tokio::test]
async fn an_erased_key_stands_neither_in_the_file_nor_in_the_log_beside_it() {
    let place = Place::sqlite();
    let store = place.open().await;
    let payloads = Payloads::new(store.payload_keys.clone(), Sealer::new(&[7; 32], &[]));
    payloads.key_for("acme", NOW).await.unwrap();
    let kept = store.payload_keys.key("acme").await.unwrap().unwrap();
    let stands = || {
        let files = [place.file(), place.file().with_extension("db-wal")];
        let read = files.map(|file| std::fs::read(file).unwrap_or_default());
        read.iter().any(|bytes| bytes.windows(kept.len()).any(|window| window == kept))
    };
    assert!(stands());
    payloads.erase("acme").await.unwrap();
    assert!(!stands());
    place.leave([store]).await;
}
