//! Which calls of a platform's own API pass: an upstream's allow list, compiled when it is
//! configured. A call is what its method and the segments of its path are, decoded; a path that
//! could be read in two ways never comes here.
//!
//! Invariant: a call that starts a run is known as one under whatever list it passes.

use crate::model::agent::AgentRef;
use crate::outbound::own_api::OwnCall;

/// What stands for the platform's own documented calls in a list.
pub const DOCUMENTED: &str = "documented";

/// The agent of a run whose path names none.
const NO_AGENT: &str = "-";

/// The calls of one upstream.
#[derive(Debug, Default)]
pub struct Calls {
    /// What passes.
    allowed: Vec<Pattern>,
    /// What the platform's documents say of the calls that pass.
    known: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    /// None for any.
    method: Option<String>,
    segments: Vec<Segment>,
    is_run: bool,
    /// As it stands in the list.
    title: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Literal(String),
    One,
    Agent,
    Rest,
}

/// A call that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// What stands for it in records.
    pub title: String,
    /// The platform's own id of the agent that its path names.
    pub agent: Option<String>,
    /// Whether it starts a run.
    pub is_run: bool,
}

impl Known {
    /// The agent, on this upstream.
    pub fn agent_on(&self, upstream: &str) -> Option<AgentRef> {
        let native = self.agent.clone().or_else(|| self.is_run.then(|| NO_AGENT.to_owned()))?;
        Some(AgentRef { upstream: upstream.to_owned(), native })
    }
}

impl Calls {
    /// The calls of this list, which is checked already; none stands for [`DOCUMENTED`] alone.
    pub fn new(allow: &[String], documented: &[OwnCall]) -> Self {
        let known: Vec<Pattern> = documented.iter().map(Pattern::of).collect();
        let mut allowed = Vec::new();
        if allow.is_empty() {
            allowed.clone_from(&known);
        }
        for entry in allow {
            if entry == DOCUMENTED {
                allowed.extend(known.iter().cloned());
            } else {
                allowed.extend(Pattern::parse(entry));
            }
        }
        Self { allowed, known }
    }

    /// What is known of this call; nothing of one that does not pass.
    pub fn find(&self, method: &str, segments: &[String]) -> Option<Known> {
        let passes = self.allowed.iter().find(|pattern| pattern.fits(method, segments))?;
        let run = self.known.iter().find(|known| known.is_run && known.is_run_of(method, segments));
        let agent = self.known.iter().find_map(|known| known.agent(segments));
        Some(Known { title: run.unwrap_or(passes).title(method), agent, is_run: run.is_some() })
    }
}

impl Pattern {
    fn of(call: &OwnCall) -> Self {
        Self {
            method: Some(call.method.to_owned()),
            segments: segments(&call.path),
            is_run: call.is_run,
            title: call.path.to_string(),
        }
    }

    /// `GET /a/*/b`, `* /a/**`.
    fn parse(entry: &str) -> Option<Self> {
        let (method, path) = entry.split_once(' ')?;
        let method = (method != "*").then(|| method.to_owned());
        let (segments, title) = (segments(path), path.to_owned());
        Some(Self { method, segments, is_run: false, title })
    }

    fn title(&self, method: &str) -> String {
        // A method is any token; only those that are known stand in records as they came.
        let method = self.method.as_deref().unwrap_or(match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "*",
        });
        format!("{method} {}", self.title)
    }

    /// The agent that a path names, however it goes on behind it.
    fn agent(&self, segments: &[String]) -> Option<String> {
        let at = self.segments.iter().position(|segment| *segment == Segment::Agent)?;
        let before = self.segments.get(..at)?.iter().zip(segments);
        let is_it = |(wanted, given): (&Segment, &String)| wanted.is_loosely(given);
        let named = segments.get(at).filter(|name| !name.is_empty())?;
        before.into_iter().all(is_it).then(|| named.clone())
    }

    /// Whether a call starts the run that this is. Platforms differ in what they take for the same
    /// path, so case and a slash at the end do not count.
    fn is_run_of(&self, method: &str, segments: &[String]) -> bool {
        let segments = match segments {
            [before @ .., last] if last.is_empty() && !before.is_empty() => before,
            all => all,
        };
        self.method.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(method))
            && self.segments.len() == segments.len()
            && self.segments.iter().zip(segments).all(|(wanted, given)| wanted.is_loosely(given))
    }

    fn fits(&self, method: &str, segments: &[String]) -> bool {
        let is_method = self
            .method
            .as_deref()
            .is_none_or(|own| own == method || own == "GET" && method == "HEAD");
        if !is_method {
            return false;
        }
        for (at, wanted) in self.segments.iter().enumerate() {
            if *wanted == Segment::Rest {
                return true;
            }
            if !segments.get(at).is_some_and(|given| wanted.is(given)) {
                return false;
            }
        }
        self.segments.len() == segments.len()
    }
}

impl Segment {
    fn is(&self, given: &str) -> bool {
        match self {
            Self::Rest => true,
            Self::One | Self::Agent => !given.is_empty(),
            Self::Literal(literal) => literal == given,
        }
    }

    fn is_loosely(&self, given: &str) -> bool {
        match self {
            Self::Literal(literal) => literal.eq_ignore_ascii_case(given),
            Self::Rest | Self::One | Self::Agent => self.is(given),
        }
    }
}

fn segments(path: &str) -> Vec<Segment> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/')
        .map(|segment| match segment {
            "**" => Segment::Rest,
            "*" => Segment::One,
            "{agent}" => Segment::Agent,
            literal => Segment::Literal(literal.to_owned()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED_CALLS: &[OwnCall] = &[
        OwnCall::plain("GET", "/v1/agents"),
        OwnCall::plain("PATCH", "/v1/agents/{agent}"),
        OwnCall::run("/v1/agents/{agent}/run"),
    ];

    fn find(allow: &[&str], method: &str, path: &str) -> Option<Known> {
        let allow: Vec<String> = allow.iter().map(|entry| (*entry).to_owned()).collect();
        let segments: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
        Calls::new(&allow, DOCUMENTED_CALLS).find(method, &segments)
    }

    #[test]
    fn without_a_list_the_documented_calls_pass_and_nothing_else() {
        for (method, path) in [
            ("GET", "/v1/agents"),
            ("HEAD", "/v1/agents"),
            ("PATCH", "/v1/agents/a"),
            ("POST", "/v1/agents/a/run"),
        ] {
            assert!(find(&[], method, path).is_some(), "{method} {path}");
        }
        for (method, path) in [
            ("POST", "/v1/agents"),
            ("GET", "/v1/agents/"),
            ("GET", "/V1/agents"),
            ("GET", "/v1"),
            ("GET", "/"),
            ("PATCH", "/v1/agents//"),
            ("post", "/v1/agents/a/run"),
            ("POST", "/v1/agents/a/run/stream"),
            ("POST", "/v1/agents/a/Run"),
        ] {
            assert_eq!(find(&[], method, path), None, "{method} {path}");
        }
    }

    #[test]
    fn a_list_stands_in_the_place_of_the_documented_calls_or_adds_to_them() {
        assert!(find(&["GET /x/*/y"], "GET", "/x/1/y").is_some());
        assert_eq!(find(&["GET /x/*/y"], "GET", "/v1/agents"), None);
        assert!(find(&["GET /x", "documented"], "GET", "/v1/agents").is_some());
        assert!(find(&["* /x/**"], "PURGE", "/x/1/2/3").is_some());
        assert_eq!(find(&["* /x/**"], "GET", "/y"), None);
        assert_eq!(find(&["* /x/**"], "PURGE", "/x/1").unwrap().title, "* /x/**");
    }

    #[test]
    fn a_run_is_one_however_it_is_written_and_whatever_list_lets_it_pass() {
        for (method, path) in [
            ("POST", "/v1/agents/a/run"),
            ("POST", "/v1/agents/a/run/"),
            ("POST", "/V1/Agents/a/RUN"),
            ("pOST", "/v1/agents/a/run"),
        ] {
            let known = find(&["* /**"], method, path).unwrap();
            assert!(known.is_run, "{method} {path}");
            assert_eq!(known.agent.as_deref(), Some("a"));
        }
        assert!(!find(&["* /**"], "GET", "/v1/agents/a/run").unwrap().is_run);
        // Whoever is let through with another method still names the agent.
        for path in ["/v1/agents/a", "/v1/agents/a/versions/3"] {
            let other = find(&["* /**"], "PUT", path).unwrap();
            assert_eq!((other.agent.as_deref(), other.is_run), (Some("a"), false));
        }
    }
}
