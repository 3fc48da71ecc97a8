//! Reads the configuration and lets the vendors check what only they know. The command line and
//! everything that starts a gateway call it.
//!
//! Invariant: nothing starts from a configuration that `check` would refuse.

use std::fmt::{self, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::app::{auditing, callbacks, policies, sealing};
use crate::config::{self, Config, Process, Reading, Report, Surroundings};
use crate::error::FieldError;
use crate::outbound;
use crate::server::tls;

/// A configuration is written by people; a file that is larger is the wrong one.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Reads and checks the configuration at a path, with all that is wrong with it.
pub fn load(path: &Path) -> Result<Config, Report> {
    let file = path.display().to_string();
    let text = read_text(path).map_err(|message| Report::unreadable(&file, message))?;
    let mut reading = read(&file, &text, &Process);
    for (name, error) in reading.tls().map(tls::faults).unwrap_or_default() {
        reading.add(&format!("listen.tls.{name}"), error.to_string());
    }
    reading.finish()
}

fn read_text(path: &Path) -> Result<String, String> {
    use std::io::Read as _;

    let mut text = String::new();
    let file = std::fs::File::open(path);
    file.and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read: {error}"))?;
    Ok(text)
}

/// The same for a text, whose certificate nobody looks at before it is served.
pub fn load_text(
    file: &str,
    text: &str,
    surroundings: &dyn Surroundings,
) -> Result<Config, Report> {
    read(file, text, surroundings).finish()
}

fn read(file: &str, text: &str, surroundings: &dyn Surroundings) -> Reading {
    let mut reading = config::read(file, text, surroundings);
    let faults = vendor_faults(&reading);
    let policy = reading.draft().map(policies::faults).unwrap_or_default();
    let keys = reading.draft().map(sealing::faults).unwrap_or_default();
    let secrets = reading.draft().map(callbacks::faults).unwrap_or_default();
    let audit = reading.draft().map(auditing::faults).unwrap_or_default();
    let own = keys.into_iter().chain(secrets).chain(audit);
    for (path, message) in faults.into_iter().chain(policy).chain(own) {
        reading.add(&path, message);
    }
    reading
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
        if let Err(found) = outbound::build(upstream) {
            add(format!("upstreams.{}", upstream.name), found);
        }
        let agents = reading.agents();
        for (alias, agent) in agents {
            for (at, target) in agent.targets().iter().enumerate() {
                if target.upstream == upstream.name {
                    let place =
                        agent.pool.as_ref().map_or_else(String::new, |_| format!(".targets[{at}]"));
                    let found = outbound::check_preset(upstream, &target.preset);
                    add(format!("agents.{alias}{place}.preset"), found);
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
    for issuer in &config.identity.issuers {
        let of = issuer.firebase.as_ref().unwrap_or(&issuer.issuer);
        line("issuer", format_args!("{} ({of})", issuer.name));
    }
    let keys = config.identity.keys.len();
    line("keys", format_args!("{keys} in the file, others in the store"));
    match &config.access.policies {
        Some(folder) => line("policies", format_args!("{}", folder.display())),
        None => line("policies", format_args!("those that the gateway brings")),
    }
    for upstream in config.upstreams.values() {
        let (name, kind, url) = (&upstream.name, &upstream.kind, &upstream.base_url);
        line("upstream", format_args!("{name} ({kind}) at {url}"));
    }
    for (alias, agent) in &config.agents {
        line("agent", format_args!("{alias} is {}", agent.references().join(" or ")));
    }
    for (agent, hook) in &config.hooks {
        line("hook", format_args!("/v1/hooks/{agent}, answers within {:?}", hook.reply_within));
    }
    text
}

/// The JSON Schema of a configuration file.
pub fn schema() -> Value {
    let value = |schema: fn() -> schemars::Schema| schema().to_value();
    let kinds = outbound::KINDS.iter();
    config::schema(&config::Vendors {
        settings: kinds.clone().map(|kind| (kind.name, value(kind.settings))).collect(),
        presets: kinds
            .filter_map(|kind| Some((kind.name, value(kind.preset.as_ref()?.schema))))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::policy::audit::log::SigningKey;

    struct Nothing;

    impl Surroundings for Nothing {
        fn env(&self, name: &str) -> Option<String> {
            (name == "TOKEN").then(|| "tok-123".to_owned())
        }

        fn file(&self, _: &Path) -> io::Result<String> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// Where every reference leads somewhere.
    struct Anything;

    impl Surroundings for Anything {
        fn env(&self, name: &str) -> Option<String> {
            let text = match name {
                "PEPPER" | "PII_KEY" => "p".repeat(32),
                "CHECKPOINT_KEY" => {
                    let random = ring::rand::SystemRandom::new();
                    SigningKey::generate("switchyard", &random).unwrap().1.to_string()
                }
                "SEAL_KEY" | "OLD_SEAL_KEY" => format!("{}=", "A".repeat(43)),
                "HOOK_SECRET"
                | "HOOK_SECRET_BEFORE"
                | "CALLBACK_SECRET"
                | "OLD_CALLBACK_SECRET" => format!("whsec_{}", "c2Vj".repeat(8)),
                _ => "tok-123".to_owned(),
            };
            Some(text)
        }

        fn file(&self, _: &Path) -> io::Result<String> {
            Ok("key-456".to_owned())
        }
    }

    /// The files of `config/`, by name.
    fn kept_files() -> Vec<(&'static str, String)> {
        let read = |name: &'static str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            (name, text.replace("PORT", "81").replace("STORE", "demo.db"))
        };
        ["reference.yaml", "example.yaml", "demo.yaml"].map(read).into()
    }

    const TEXT: &str = "\
upstreams:
  odd: { kind: odd, base_url: 'http://127.0.0.1:1', credential: '${env:TOKEN}', secret: '${env:TOKEN}' }
agents: { helper: { upstream: odd } }
hooks: { helper: { reply_within: 5s } }
";

    #[test]
    fn what_the_vendors_refuse_stands_beside_what_the_configuration_refuses() {
        let text = format!("{TEXT}runs: {{ kept: none }}\n");
        let report = load_text("g.yaml", &text, &Nothing).unwrap_err().to_string();
        assert!(report.starts_with("g.yaml:2:16: upstreams.odd.kind: there is no"), "{report}");
        assert!(report.contains("\ng.yaml:5:15: runs.kept: must be a whole number"), "{report}");
    }

    #[test]
    fn the_summary_names_what_is_served_and_no_secret() {
        let config = config::read("g.yaml", TEXT, &Nothing).finish().unwrap();
        assert_eq!(
            summary(&config),
            "callers    http://127.0.0.1:8080\n\
             operators  http://127.0.0.1:9090\n\
             keys       0 in the file, others in the store\n\
             policies   those that the gateway brings\n\
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

    #[test]
    fn the_files_of_the_repository_are_valid_for_the_real_platforms() {
        for (name, text) in kept_files() {
            if let Err(report) = load_text(name, &text, &Anything) {
                panic!("{report}");
            }
        }
    }

    /// One mistake of every sort, in every section.
    const BROKEN: &str = "\
listen: { api: 127.0.0.1:80, drian: 5s, tls: { certificate: /absent/chain.pem, key: /absent/key.pem } }
upstreams:
  make: { kind: make, base_url: 'http://a.example', credential: '${env:TOKEN}', team_id: many, zone: eu1 }
  acp: { kind: acp, base_url: 'http://a.example', credential: '${env:TOKEN}' }
  base: { kind: agentbase, base_url: 'http://a.example', credential: '${env:TOKEN}', run_path: run }
  odd: { kind: odd, base_url: 'http://a.example', credential: plain }
agents:
  none: { upstream: nowhere }
  clerk: { upstream: make, preset: { mode: fast } }
  writer: { upstream: base, preset: { instructions: 1, session: x, colour: red, rules: [1] } }
hooks:
  clerk: { input: text }
  nobody: {}
runs: { kept: none }
log: { json: 'yes' }
colour: red
";

    #[test]
    fn every_mistake_of_every_section_is_said_at_once_in_the_order_of_the_file() {
        let expected = [
            "1:30: listen.drian: unknown key (did you mean `drain`?)",
            "3:90: upstreams.make.team_id: expected a nonzero u64",
            "3:102: upstreams.make.zone: is not known here; expected `team_id` or \
             `credential_scheme`",
            "4:3: upstreams.acp.workspace: needed where path_style is `workspace`",
            "5:96: upstreams.base.run_path: must be a path that begins with `/`, without a query",
            "6:16: upstreams.odd.kind: there is no platform of kind `odd` (there are acp, \
             agentbase, make, zaia)",
            "6:63: upstreams.odd.credential: stands in the file itself (secrets only as \
             ${env:NAME} or ${file:/path})",
            "8:21: agents.none.upstream: there is no upstream of this name",
            "9:44: agents.clerk.preset.mode: this platform's agents take no preset",
            "10:53: agents.writer.preset.instructions: expected a string",
            "10:65: agents.writer.preset.session: say it as `thread_id` of the run",
            "10:76: agents.writer.preset.colour: is not known here; expected one of `mode`, \
             `rules`, `agents`, `workflows`, `datastores`, `queries`, `schedules`, \
             `final_output`, `background`, `callback`",
            "10:89: agents.writer.preset.rules[0]: expected a string",
            "12:19: hooks.clerk.input: is no JSON pointer (it begins with a slash, like `/text`)",
            "13:3: hooks.nobody: there is no such agent",
            "14:15: runs.kept: must be a whole number, is another text",
            "15:14: log.json: must be `true` or `false`, is another text",
            "16:1: colour: unknown key",
        ];
        let report = load_text("g.yaml", BROKEN, &Nothing).unwrap_err().to_string();
        let lines: Vec<&str> = report.lines().collect();
        let expected: Vec<String> = expected.iter().map(|line| format!("g.yaml:{line}")).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn certificates_that_cannot_be_read_stand_in_the_report_of_the_file() {
        let path = tempfile::tempdir().unwrap().keep().join("gateway.yaml");
        std::fs::write(&path, BROKEN).unwrap();
        let report = load(&path).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        for (place, key) in [("1:61", "certificate"), ("1:85", "key")] {
            let line = format!(".yaml:{place}: listen.tls.{key}: cannot use /absent/");
            assert!(report.contains(&line), "no `{line}` in\n{report}");
        }
        assert!(report.contains(": colour: unknown key"), "{report}");
    }
}
