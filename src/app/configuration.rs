//! Reads the configuration and lets the vendors check what only they know. The command line and
//! everything that starts a gateway call it.
//!
//! Invariant: nothing starts from a configuration that `check` would refuse.

use std::fmt::{self, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::config::{self, Config, Process, Reading, Report, Surroundings};
use crate::error::FieldError;
use crate::outbound;

/// A configuration is written by people; a file that is larger is the wrong one.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads and checks the configuration at a path, with all that is wrong with it.
pub fn load(path: &Path) -> Result<Config, Report> {
    let file = path.display().to_string();
    let text = read_text(path).map_err(|message| Report::unreadable(&file, message))?;
    load_text(&file, &text, &Process)
}

fn read_text(path: &Path) -> Result<String, String> {
    use std::io::Read as _;

    let mut text = String::new();
    let file = std::fs::File::open(path);
    file.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}"))?;
    Ok(text)
}

/// The same for a text.
pub fn load_text(
    file: &str,
    text: &str,
    surroundings: &dyn Surroundings,
) -> Result<Config, Report> {
    let mut reading = config::read(file, text, surroundings);
    for (path, message) in vendor_faults(&reading) {
        reading.add(&path, message);
    }
    reading.finish()
}

/// What only the vendors know to be wrong, with whole paths.
fn vendor_faults(reading: &Reading) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let mut add = |parent: String, found: Vec<FieldError>| {
        let whole = |field: FieldError| match field.path.as_str() {
            "" => (parent.clone(), field.message),
            path => (format!("{parent}.{path}"), field.message),
        };
        faults.extend(found.into_iter().map(whole));
    };
    for upstream in reading.upstreams() {
        match outbound::build(upstream) {
            Err(found) => add(format!("upstreams.{}", upstream.name), found),
            Ok(vendor) => {
                let agents = reading.agents();
                for (alias, agent) in agents.filter(|(_, agent)| agent.upstream == upstream.name) {
                    add(format!("agents.{alias}.preset"), vendor.check_preset(&agent.preset));
                }
            }
        }
    }
    faults
}

/// What a gateway with this configuration would do, for people. Holds no secret.
pub fn summary(config: &Config) -> String {
    let mut text = String::new();
    let scheme = if config.listen.tls.is_some() { "https" } else { "http" };
    let mut line = |what: &str, value: fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        writeln!(text, "{what:<10} {value}").ok();
    };
    line("callers", format_args!("{scheme}://{}", config.listen.api));
    line("operators", format_args!("http://{}", config.listen.admin));
    if config.identity == config::Identity::None {
        line("identity", format_args!("none: whoever can connect may run agents"));
    }
    for upstream in config.upstreams.values() {
        let (name, kind, url) = (&upstream.name, &upstream.kind, &upstream.base_url);
        line("upstream", format_args!("{name} ({kind}) at {url}"));
    }
    for (alias, agent) in &config.agents {
        line("agent", format_args!("{alias} is {}:{}", agent.upstream, agent.id));
    }
    for (agent, hook) in &config.hooks {
        line("hook", format_args!("/v1/hooks/{agent}, answers within {:?}", hook.reply_within));
    }
    text
}

/// The JSON Schema of a configuration file.
pub fn schema() -> Value {
    config::schema(&[])
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct Nothing;

    impl Surroundings for Nothing {
        fn env(&self, name: &str) -> Option<String> {
            (name == "TOKEN").then(|| "tok-123".to_owned())
        }

        fn file(&self, _: &Path) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    const TEXT: &str = "\
identity: none
upstreams:
  odd: { kind: odd, base_url: 'http://127.0.0.1:1', credential: '${env:TOKEN}', secret: '${env:TOKEN}' }
agents: { helper: { upstream: odd } }
hooks: { helper: { reply_within: 5s } }
";

    #[test]
    fn what_the_vendors_refuse_stands_beside_what_the_configuration_refuses() {
        let text = format!("{TEXT}runs: {{ kept: none }}\n");
        let report = load_text("g.yaml", &text, &Nothing).unwrap_err().to_string();
        assert!(report.starts_with("g.yaml:3:16: upstreams.odd.kind: there is no"), "{report}");
        assert!(report.contains("\ng.yaml:6:15: runs.kept: must be a whole number"), "{report}");
    }

    #[test]
    fn the_summary_names_what_is_served_and_no_secret() {
        let config = config::read("g.yaml", TEXT, &Nothing).finish().unwrap();
        assert_eq!(
            summary(&config),
            "callers    http://127.0.0.1:8080\n\
             operators  http://127.0.0.1:9090\n\
             identity   none: whoever can connect may run agents\n\
             upstream   odd (odd) at http://127.0.0.1:1/\n\
             agent      helper is odd:helper\n\
             hook       /v1/hooks/helper, answers within 5s\n"
        );
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let report = load(Path::new("/absent/gateway.yaml")).unwrap_err().to_string();
        assert!(report.starts_with("/absent/gateway.yaml:1:1: cannot be read"), "{report}");
    }

    #[test]
    fn the_schema_in_the_repository_is_the_one_that_is_generated() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/schema.json");
        let generated = format!("{:#}\n", schema());
        #[expect(clippy::disallowed_methods, reason = "asked for by whoever runs the tests")]
        if std::env::var("UPDATE_GOLDEN").is_ok() {
            std::fs::write(&path, &generated).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == generated, "config/schema.json differs: run with UPDATE_GOLDEN=1");
    }
}
