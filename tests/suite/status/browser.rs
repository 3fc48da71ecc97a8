//! The page in a real browser: what somebody sees who opens it, by keyboard, in the light, in the
//! dark and on a narrow screen. The pictures are left in `target/tmp/status/`.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use futures_util::FutureExt;
use http::Method;
use serde_json::{Value, json};

use super::driver::Browser;
use super::{SAID, busy, list, read};
use crate::callers::{eventually, make_key};
use crate::harness::{KEY, PATIENCE, World, folder};

/// What is wrong with a page for people who do not see it, see little, or use no mouse.
const FAULTS: &str = include_str!("faults.js");
/// What axe-core finds, where `SWITCHYARD_TEST_AXE` names its `axe.min.js`.
const AXE: &str = "return axe.run().then(({ violations }) =>
    violations.map((it) => [it.id, it.nodes.map((node) => node.html + node.failureSummary)]))";
const ENTER: &str = "\u{E007}";
const TAB: &str = "\u{E004}";

/// Has a browser look at a gateway, and end whatever comes of it; then the gateway ends. Where there
/// is no browser, that is said.
async fn in_browser(look: impl AsyncFnOnce(&Browser) -> World) {
    let profile = folder();
    let Some(browser) = Browser::start(&profile).await else {
        println!("skipped: there is no chromium with its chromedriver");
        return;
    };
    let seen = AssertUnwindSafe(look(&browser)).catch_unwind().await;
    browser.quit().await;
    std::fs::remove_dir_all(profile).ok();
    match seen {
        Ok(world) => world.finish().await,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_gateway_is_said_to_be_well_and_what_there_is_none_of_is_said_in_words() {
    in_browser(async |browser| {
        let world = World::start().await;
        look_at_nothing(browser, &world).await;
        world
    })
    .await;
}

async fn look_at_nothing(browser: &Browser, world: &World) {
    browser.look(1280, "light").await;
    browser.open(&format!("http://{}/status", world.app.admin())).await;
    browser.press(KEY).await;
    browser.press(ENTER).await;
    browser.until("document.title.startsWith('All is well')").await;
    let text = browser.run("return document.body.innerText").await;
    for said in [
        "All is well",
        "No run is in flight.",
        "No run has ended lately.",
        "Nothing was refused lately.",
        "no budget is configured",
    ] {
        assert!(text.as_str().unwrap().contains(said), "{said} is not in {text}");
    }
    assert!(!text.as_str().unwrap().contains("left out"), "{text}");
    sound(browser, "a quiet gateway").await;
    picture(browser, "quiet").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_what_the_gateway_tells_and_asks_nobody_else() {
    in_browser(async |browser| {
        let (world, live) = busy().await;
        look(browser, &world, &live).await;
        world
    })
    .await;
}

async fn look(browser: &Browser, world: &World, live: &str) {
    let origin = format!("http://{}", world.app.admin());
    browser.look(1280, "light").await;
    // What it asks for by itself when it starts is none of the page's.
    browser.open("about:blank").await;
    browser.requested().await;
    browser.open(&format!("{origin}/status")).await;
    browser.until("document.activeElement.id === 'key'").await;
    sound(browser, "the form").await;
    picture(browser, "key").await;
    would_be_found(browser).await;
    refused(browser, world).await;
    browser.complaints().await;

    browser.press(KEY).await;
    browser.press(ENTER).await;
    browser.until("!document.getElementById('figures').hidden").await;
    assert_eq!(browser.run("return document.getElementById('key').value").await, "");
    assert_eq!(browser.run("return sessionStorage.length").await, 0);
    settled(world).await;
    same(browser, world).await;
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (320, "light"), (320, "dark")] {
        browser.look(width, scheme).await;
        let what = format!("{scheme}-{width}");
        sound(browser, &what).await;
        picture(browser, &what).await;
    }
    browser.look(1280, "light").await;
    by_keyboard(browser).await;

    let asked = browser.requested().await;
    assert!(asked.iter().any(|url| *url == format!("{origin}/admin/status")), "{asked:?}");
    for url in &asked {
        assert!(url.starts_with(&format!("{origin}/")) || url.starts_with("data:"), "{url}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
    world.post(&format!("/v1/runs/{live}/cancel"), &json!({})).await.expect(200);
    browser.until("document.getElementById('running-table').hidden").await;
    gone(browser, world).await;
}

/// What is broken on purpose is found.
async fn would_be_found(browser: &Browser) {
    let heading = "const other = document.createElement('h4'); other.textContent = 'x'; \
                   document.getElementById('enter-title').replaceWith(other)";
    for (breaks, said) in [
        ("document.querySelector('label[for=key]').textContent = ''", "no name"),
        ("document.querySelector('#enter p').style.color = '#999'", "a contrast of"),
        ("document.querySelector('main').style.minWidth = '3000px'", "wider than the window"),
        ("document.getElementById('problem').id = 'other'", "no problem"),
        (heading, "leaves out a step"),
    ] {
        browser.run(breaks).await;
        let found = browser.run(FAULTS).await.to_string();
        assert!(found.contains(said), "{said} is not in {found}");
        browser.reload().await;
        browser.until("document.activeElement.id === 'key'").await;
    }
}

/// A key that may not is told so in words, and the next one can be typed at once.
async fn refused(browser: &Browser, world: &World) {
    let reader = make_key(world, "looker", json!({ "scopes": ["runs:read"] })).await.secret;
    for (key, said) in [("nobody", "does not know this key"), (reader.as_str(), "scope admin")] {
        browser.press(key).await;
        browser.press(ENTER).await;
        let shown = "document.getElementById('problem').textContent";
        browser.until(&format!("{shown}.includes('{said}')")).await;
        browser.until("document.activeElement.id === 'key'").await;
        assert_eq!(browser.run("return document.getElementById('figures').hidden").await, true);
        sound(browser, said).await;
    }
}

/// Waits until what has happened is on record.
async fn settled(world: &World) {
    let is_told = async || {
        let status = read(world).await;
        list(&status, "/refusals").len() >= 3 && list(&status, "/runs/recent").len() >= 8
    };
    eventually("the newest records are told", PATIENCE, is_told).await;
}

/// The rows of a table, each the texts of its cells.
async fn rows(browser: &Browser, table: &str) -> Vec<Vec<String>> {
    let script = format!(
        "return [...document.querySelectorAll('#{table} tbody tr')]\
         .map((row) => [...row.cells].map((cell) => cell.textContent))"
    );
    serde_json::from_value(browser.run(&script).await).unwrap()
}

/// What is shown is what is told.
async fn same(browser: &Browser, world: &World) {
    let status = read(world).await;
    let newest = list(&status, "/refusals")[0]["code"].as_str().unwrap().to_owned();
    let first = "document.querySelector('#refusals-table tbody tr').textContent";
    browser.until(&format!("{first}.includes('{newest}')")).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let check = |shown: &[Vec<String>], told: &[Value], fields: &[&str]| {
        assert_eq!(shown.len(), told.len(), "{shown:?} {told:?}");
        for (row, one) in shown.iter().zip(told) {
            let row = row.join(" ").to_lowercase();
            for field in fields {
                assert!(
                    row.contains(&text(&one[*field]).to_lowercase()),
                    "{field} of {one} is not in {row}"
                );
            }
        }
    };
    let upstreams = rows(browser, "upstreams-table").await;
    check(&upstreams, list(&status, "/upstreams"), &["name", "kind"]);
    let health: Vec<bool> = upstreams.iter().map(|row| row[1].starts_with("Healthy")).collect();
    assert_eq!(health, [true, false, true, true], "{upstreams:?}");
    assert!(upstreams[1][1].starts_with("Not called"), "{upstreams:?}");
    browser.until("document.getElementById('upstreams').textContent.includes('in 59 min')").await;
    let running = rows(browser, "running-table").await;
    check(&running, list(&status, "/runs/oldest"), &["id", "agent", "upstream", "workspace"]);
    let ended = rows(browser, "ended-table").await;
    check(&ended, list(&status, "/runs/recent"), &["id", "agent", "status", "target"]);
    let refusals = rows(browser, "refusals-table").await;
    check(&refusals, list(&status, "/refusals"), &["code", "reason", "caller", "address"]);
    let near = rows(browser, "bounds-table").await;
    check(&near, list(&status, "/bounds/near"), &["name"]);
    assert!(near.iter().all(|row| row[2].ends_with(" %")), "{near:?}");
    let page = text(&browser.run("return document.documentElement.outerHTML").await);
    assert!(!page.contains(SAID) && !page.contains(KEY));
    let concerns = browser.run("return document.getElementById('concerns').textContent").await;
    for said in
        ["Upstream zaia: not called", "Limit per-key: 9", "Budget daily (runs): ", "left out"]
    {
        assert!(text(&concerns).contains(said), "{said} is not in {concerns}");
    }
}

/// No fault is found in the page as it is.
async fn sound(browser: &Browser, what: &str) {
    assert_eq!(browser.run(FAULTS).await, json!([]), "{what}");
    let Ok(axe) = std::env::var("SWITCHYARD_TEST_AXE") else { return };
    browser.run(&std::fs::read_to_string(axe).unwrap()).await;
    let found = browser.promised(AXE).await;
    assert_eq!(found, json!([]), "{what}");
}

async fn picture(browser: &Browser, name: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("status");
    std::fs::create_dir_all(&folder).unwrap();
    browser.picture(&folder.join(format!("{name}.png"))).await;
}

/// Pauses, goes on and forgets the key, by keyboard alone.
async fn by_keyboard(browser: &Browser) {
    let focus = async |id: &str| {
        for _ in 0..40 {
            browser.press(TAB).await;
            if browser.run("return document.activeElement.id").await == id {
                let outline = "return getComputedStyle(document.activeElement).outlineStyle";
                assert_eq!(browser.run(outline).await, "solid", "{id} shows its focus");
                return;
            }
        }
        panic!("{id} cannot be reached by keyboard");
    };
    browser.run("document.activeElement.blur(); window.getSelection().removeAllRanges()").await;
    let link = "document.getElementById('link-text').textContent";
    focus("pause").await;
    browser.press(ENTER).await;
    browser.until(&format!("{link}.startsWith('Paused')")).await;
    browser.press(ENTER).await;
    browser.until(&format!("{link}.startsWith('Live')")).await;
    focus("forget").await;
    browser.press(ENTER).await;
    browser.until("document.activeElement.id === 'key'").await;
    let page = browser.run("return document.body.textContent").await;
    assert!(!page.as_str().unwrap().contains("pii_blocked"), "what was read is forgotten");
    // Kept this time, so that the page is there again at once.
    browser.run("document.getElementById('keep').click()").await;
    browser.press(KEY).await;
    browser.press(ENTER).await;
    browser.until(&format!("{link}.startsWith('Live')")).await;
    browser.reload().await;
    browser.until(&format!("{link}.startsWith('Live')")).await;
}

/// A gateway that goes is seen to go, and then not to be there.
async fn gone(browser: &Browser, world: &World) {
    world.app.begin_drain();
    let concerns = "document.getElementById('concerns').textContent";
    browser.until(&format!("{concerns}.includes('shutting down')")).await;
    let link = "document.getElementById('link-text').textContent";
    browser.until(&format!("{link}.includes('The gateway is shutting down')")).await;
    sound(browser, "a gateway that goes").await;
    picture(browser, "going").await;
    let asked = world.operate(Method::GET, "/admin/status", &Value::Null).await;
    assert_eq!(asked.expect(200).json()["gateway"]["draining"], true);
}
