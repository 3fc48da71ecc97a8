//! README, held to the truth: its tables are the code's, its curl lines work, and what it names is
//! there.

use std::path::Path;

use http::{Method, Request};
use http_body_util::Full;
use serde_json::Value;
use switchyard::clock::Timestamp;
use switchyard::model::capability::Field;
use switchyard::policy::pii::{secrets, validators};
use switchyard::telemetry::metrics::{Family, Metrics};
use switchyard::telemetry::tracing::FIELDS;

use crate::harness::{KEY, World};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

#[tokio::test]
async fn the_tables_of_the_readme_are_what_the_gateway_says() {
    let world = World::start().await;
    let list = world.get("/v1/upstreams").await.json();
    world.finish().await;
    let readme = readme();
    let expected = between(&readme, "capabilities", &capabilities(&list));
    let expected = between(&expected, "metrics", &families());
    let expected = between(&expected, "log", &fields());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(root().join("README.md"), expected).unwrap();
    } else {
        assert_eq!(readme, expected, "UPDATE_GOLDEN=1 writes it");
    }
}

#[test]
fn the_page_of_pii_lists_what_is_found() {
    let path = root().join("src/policy/pii/README.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let expected = between(&page, "kinds", &kinds());
    let expected = between(&expected, "secrets", &secrets());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, expected).unwrap();
    } else {
        assert!(page == expected, "the page differs: UPDATE_GOLDEN=1 writes it");
    }
}

/// The kinds of values by group.
fn kinds() -> String {
    let all: Vec<_> = validators::entities().chain(secrets::ENTITIES).collect();
    let mut groups: Vec<&str> = all.iter().map(|kind| kind.group).collect();
    groups.sort_unstable();
    groups.dedup();
    assert!(all.len() >= 90, "{} kinds", all.len());
    let mut table = format!("{} kinds:\n\n| Group | Kinds |\n| --- | --- |\n", all.len());
    for group in groups {
        let of_group = all.iter().filter(|kind| kind.group == group);
        let names: Vec<String> = of_group
            .map(|kind| {
                let alone = match kind.needs_context {
                    true => "–".to_owned(),
                    false => kind.confidence.max(kind.separated).to_string(),
                };
                format!("`{}` {alone}/{}", kind.name, kind.with_context)
            })
            .collect();
        table.push_str(&format!("| `{group}` | {} |\n", names.join(", ")));
    }
    table
}

fn secrets() -> String {
    let names: Vec<String> =
        secrets::formats().map(|format| format!("`{}`", format.name)).collect();
    assert!(names.len() >= 150, "{} formats", names.len());
    format!("{} formats: {}.\n", names.len(), names.join(", "))
}

/// The text with `table` between the two comments of this name.
fn between(text: &str, name: &str, table: &str) -> String {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&open).unwrap();
    let (_, after) = rest.split_once(&close).unwrap();
    format!("{before}{open}{table}{close}{after}")
}

fn capabilities(list: &Value) -> String {
    let mut table = String::from(
        "| Field | Make | Zaia | ACP | Agentbase |\n| --- | --- | --- | --- | --- |\n",
    );
    for field in Field::ALL {
        table.push_str(&format!("| `{}` |", field.path()));
        for upstream in list["data"].as_array().unwrap() {
            let mark = match upstream["capabilities"][field.path()]["support"].as_str().unwrap() {
                "native" => "●",
                "emulated" => "○",
                _ => "–",
            };
            table.push_str(&format!(" {mark} |"));
        }
        table.push('\n');
    }
    table
}

fn fields() -> String {
    let mut table = String::from("| Field | What it says |\n| --- | --- |\n");
    for (name, about) in FIELDS {
        table.push_str(&format!("| `{name}` | {about} |\n"));
    }
    table
}

fn families() -> String {
    let mut table =
        String::from("| Metric | Type | Labels | Meaning |\n| --- | --- | --- | --- |\n");
    for Family { name, kind, labels, help } in Metrics::new(Timestamp(0)).unwrap().families() {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        table.push_str(&format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", ")));
    }
    table
}

/// The curl commands of the README, each on one line, but those with a place to fill in.
fn curl_lines(readme: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for block in readme.split("```sh\n").skip(1) {
        let mut open = String::new();
        for line in block.split("```").next().unwrap().lines() {
            open.push_str(line);
            // A quote that is still open goes on in the next line.
            if open.matches('\'').count().is_multiple_of(2) {
                lines.push(std::mem::take(&mut open));
            } else {
                open.push('\n');
            }
        }
    }
    lines.retain(|line| line.starts_with("curl ") && !line.contains('…'));
    lines
}

/// The words of a command, as a shell would split them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\'' | '"', None) => quote = Some(letter),
            (' ', None) => words.push(std::mem::take(&mut word)),
            (letter, _) => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words.iter_mut().for_each(|word| *word = word.replace("$KEY", KEY));
    let comment = words.iter().position(|word| word == "#").unwrap_or(words.len());
    words.truncate(comment);
    words
}

fn request(line: &str, world: &World) -> Request<Full<bytes::Bytes>> {
    let (mut method, mut headers, mut data, mut url) = (None, Vec::new(), Vec::new(), None);
    let mut rest = words(line).into_iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-s" | "-sN" | "-N" => {}
            "-X" => method = Some(rest.next().unwrap().parse::<Method>().unwrap()),
            "-H" => headers.push(rest.next().unwrap()),
            "-d" => data.push(rest.next().unwrap()),
            option if option.starts_with('-') => panic!("an option not known here: {option}"),
            _ => assert!(url.replace(word).is_none(), "two addresses in {line}"),
        }
    }
    let (api, admin) = (world.app.api().to_string(), world.app.admin().to_string());
    let url = url.unwrap().replace("localhost:8080", &api).replace("localhost:9090", &admin);
    let default = if data.is_empty() { Method::GET } else { Method::POST };
    let mut request = Request::builder().method(method.unwrap_or(default));
    request = request.uri(format!("http://{url}"));
    if !data.is_empty() && !headers.iter().any(|header| header.starts_with("content-type:")) {
        headers.push("content-type: application/x-www-form-urlencoded".to_owned());
    }
    for header in &headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Full::from(data.join("&"))).unwrap()
}

#[tokio::test]
async fn every_curl_line_of_the_readme_works() {
    let world = World::start().await;
    let lines = curl_lines(&readme());
    assert!(lines.len() >= 6, "{lines:#?}");
    for line in &lines {
        let answer = world.open(request(line, &world)).await;
        let status = answer.status();
        assert!(status.as_u16() < 400, "{status} for {line}");
        let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
        assert!(!body.is_empty(), "nothing for {line}");
    }
    world.finish().await;
}

#[test]
fn what_the_documents_name_is_there() {
    let folders = ["src/", "config/", "tests/", "benches/", "deploy/", ".ci/"];
    for name in ["README.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(name)).unwrap();
        let links = text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap());
        let links = links.filter(|link| !link.starts_with("http"));
        let quoted = text.split('`').skip(1).step_by(2);
        let quoted = quoted.filter(|word| folders.iter().any(|folder| word.starts_with(folder)));
        let named: Vec<_> =
            links.chain(quoted).filter(|path| !path.contains(['<', '…', ' '])).collect();
        assert!(!named.is_empty());
        for path in named {
            assert!(root().join(path).exists(), "{name} names {path}");
        }
    }
}

#[test]
fn the_map_of_the_house_has_every_room_and_no_other() {
    let readme = readme();
    let map = readme.split("## The house").nth(1).unwrap().split("```").nth(1).unwrap();
    let rooms = std::fs::read_dir(root().join("src")).unwrap();
    for room in rooms.map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let is_said = map.split_whitespace().any(|word| {
            word.trim_end_matches(['/', ',']) == room || ["main.rs", "lib.rs"].contains(&&*room)
        });
        assert!(is_said, "the map lacks src/{room}");
    }
    for line in map.lines().filter(|line| line.starts_with("  ")) {
        let room = line.split_whitespace().next().unwrap();
        assert!(root().join("src").join(room).exists(), "the map has src/{room}, which is not");
    }
}
