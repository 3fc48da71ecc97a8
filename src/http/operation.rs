//! The operation table: every method and path that the gateway answers, on which listener, for
//! which face. Nothing else decides where a request goes.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::model::scope::Scope;

/// Which protocol a request speaks, and so how it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// The unified API: problem documents.
    Unified,
    /// Webhooks in: problem documents.
    Hooks,
    /// The trigger API of ACP: its own error bodies.
    Acp,
    /// The platforms' own APIs: what the gateway itself refuses is a problem document.
    Proxy,
    /// Operations: problem documents.
    Admin,
}

impl Face {
    /// Its name, as policies and the log have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Hooks => "hooks",
            Self::Acp => "acp",
            Self::Proxy => "proxy",
            Self::Admin => "admin",
        }
    }
}

/// Which socket an operation is answered on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listener {
    /// The callers' socket.
    Api,
    /// The operators' socket.
    Admin,
    /// Both.
    Both,
}

/// Who may ask for an operation at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Needs {
    /// Whoever can connect. The rows of this table that say so are the whole list of what is
    /// open; everything else needs a credential.
    Nothing,
    /// A credential with this scope, except on the operators' socket.
    OnApi(Scope),
    /// A credential with this scope.
    Scope(Scope),
}

/// How carefully an operation is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Care {
    /// Not at all: it says nothing about anybody.
    Never,
    /// By and by, and counted where it is lost.
    Relaxed,
    /// Before it is answered.
    Durable,
}

macro_rules! operations {
    ($($operation:ident $name:literal $method:ident $path:literal $face:ident $listener:ident $needs:expr;)*) => {
        /// An operation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = concat!("`", stringify!($method), " ", $path, "`")] $operation,)*
            /// Nothing at this path, or not with this method.
            Unknown,
        }

        impl Operation {
            /// Every row of the table.
            pub const ALL: &'static [Operation] = &[$(Operation::$operation,)*];

            /// Its name: the metric label and the OpenAPI operation id.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$operation => $name,)* Self::Unknown => "unknown" }
            }
            /// Its method; of one that takes any, the one that needs the most care.
            pub const fn method(self) -> Method {
                match self { $(Self::$operation => Method::$method,)* Self::Unknown => Method::GET }
            }
            /// Its path, with `{name}` for each variable segment, and `{name…}` for any number.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$operation => $path,)* Self::Unknown => "" }
            }
            /// Its face.
            pub const fn face(self) -> Face {
                match self { $(Self::$operation => Face::$face,)* Self::Unknown => Face::Unified }
            }
            /// Who may ask for it at all. What goes nowhere is told to everybody.
            pub const fn needs(self) -> Needs {
                match self { $(Self::$operation => $needs,)* Self::Unknown => Needs::Nothing }
            }
            /// Its listener.
            pub const fn listener(self) -> Listener {
                match self { $(Self::$operation => Listener::$listener,)* Self::Unknown => Listener::Both }
            }
        }
    };
}

operations! {
    CreateRun       "create_run"        POST "/v1/runs"                     Unified Api Needs::Scope(Scope::RunsWrite);
    CreateAgentRun  "create_agent_run"  POST "/v1/agents/{agent}/runs"      Unified Api Needs::Scope(Scope::RunsWrite);
    ListRuns        "list_runs"         GET  "/v1/runs"                     Unified Api Needs::Scope(Scope::RunsRead);
    GetRun          "get_run"           GET  "/v1/runs/{run_id}"            Unified Api Needs::Scope(Scope::RunsRead);
    FollowRun       "follow_run"        GET  "/v1/runs/{run_id}/events"     Unified Api Needs::Scope(Scope::RunsRead);
    CancelRun       "cancel_run"        POST "/v1/runs/{run_id}/cancel"     Unified Api Needs::Scope(Scope::RunsWrite);
    GetThread       "get_thread"        GET  "/v1/threads/{thread_id}"      Unified Api Needs::Scope(Scope::RunsRead);
    ListThreadRuns  "list_thread_runs"  GET  "/v1/threads/{thread_id}/runs" Unified Api Needs::Scope(Scope::RunsRead);
    ListAgents      "list_agents"       GET  "/v1/agents"                   Unified Api Needs::Scope(Scope::AgentsRead);
    CreateAgent     "create_agent"      POST "/v1/agents"                   Unified Api Needs::Scope(Scope::AgentsWrite);
    GetAgent        "get_agent"         GET  "/v1/agents/{agent}"           Unified Api Needs::Scope(Scope::AgentsRead);
    ChangeAgent     "change_agent"      PATCH "/v1/agents/{agent}"          Unified Api Needs::Scope(Scope::AgentsWrite);
    DeleteAgent     "delete_agent"      DELETE "/v1/agents/{agent}"         Unified Api Needs::Scope(Scope::AgentsWrite);
    AttachTool      "attach_tool"       POST "/v1/agents/{agent}/tools"     Unified Api Needs::Scope(Scope::AgentsWrite);
    DetachTool      "detach_tool"       DELETE "/v1/agents/{agent}/tools/{tool}" Unified Api Needs::Scope(Scope::AgentsWrite);
    AttachServer    "attach_mcp_server" POST "/v1/agents/{agent}/mcp_servers" Unified Api Needs::Scope(Scope::AgentsWrite);
    DetachServer    "detach_mcp_server" DELETE "/v1/agents/{agent}/mcp_servers/{server}" Unified Api Needs::Scope(Scope::AgentsWrite);
    ListUpstreams   "list_upstreams"    GET  "/v1/upstreams"                Unified Api Needs::Scope(Scope::AgentsRead);
    GetOpenApi      "get_openapi"       GET  "/openapi.json"                Unified Both Needs::OnApi(Scope::AgentsRead);
    RunHook         "run_hook"          POST "/v1/hooks/{agent}"            Hooks   Api Needs::Scope(Scope::RunsWrite);
    RunAcp          "run_acp"           POST "/acp/{workspace}/agents/{profile_id}/run" Acp Api Needs::Scope(Scope::RunsWrite);
    Proxy           "proxy"             POST "/proxy/{upstream}/{path…}"    Proxy   Api Needs::Scope(Scope::Proxy);
    GetMetrics      "get_metrics"       GET  "/metrics"                     Admin   Admin Needs::Nothing;
    GetHealth       "get_health"        GET  "/healthz"                     Admin   Admin Needs::Nothing;
    GetReadiness    "get_readiness"     GET  "/readyz"                      Admin   Admin Needs::Nothing;
    GetStatusPage   "get_status_page"   GET  "/status"                      Admin   Admin Needs::Nothing;
    CreateKey       "create_key"        POST "/admin/keys"                  Admin   Admin Needs::Scope(Scope::Admin);
    ListKeys        "list_keys"         GET  "/admin/keys"                  Admin   Admin Needs::Scope(Scope::Admin);
    GetKey          "get_key"           GET  "/admin/keys/{key_id}"         Admin   Admin Needs::Scope(Scope::Admin);
    RotateKey       "rotate_key"        POST "/admin/keys/{key_id}/rotate"  Admin   Admin Needs::Scope(Scope::Admin);
    RevokeKey       "revoke_key"        DELETE "/admin/keys/{key_id}"       Admin   Admin Needs::Scope(Scope::Admin);
    RevokeToken     "revoke_token"      POST "/admin/tokens/revoke"         Admin   Admin Needs::Scope(Scope::Admin);
    Explain         "explain"           POST "/admin/explain"               Admin   Admin Needs::Scope(Scope::Admin);
    Reload          "reload"            POST "/admin/reload"                Admin   Admin Needs::Scope(Scope::Admin);
    ListAudit       "list_audit"        GET  "/admin/audit"                 Admin   Admin Needs::Scope(Scope::AuditRead);
    ListCheckpoints "list_checkpoints"  GET  "/admin/audit/checkpoints"     Admin   Admin Needs::Scope(Scope::AuditRead);
    ProveRecord     "prove_record"      GET  "/admin/audit/records/{seq}/proof" Admin Admin Needs::Scope(Scope::AuditRead);
    TailAudit       "tail_audit"        GET  "/admin/audit/tail"            Admin   Admin Needs::Scope(Scope::AuditRead);
    GetStatus       "get_status"        GET  "/admin/status"                Admin   Admin Needs::Scope(Scope::Admin);
    GetConfig       "get_config"        GET  "/admin/config"                Admin   Admin Needs::Scope(Scope::Admin);
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The operation; `Unknown` where the table has none.
    pub operation: Operation,
    /// What stands in the variable segments of its path, percent-decoded, in order; what stands
    /// for any number of segments, as it came.
    pub segments: Vec<String>,
    /// For `Unknown`: the methods that this path does take; empty where there is no such path.
    pub allowed: Vec<Method>,
    /// How it is refused: the operation's face; for `Unknown`, that of the path as far as it is
    /// known.
    pub face: Face,
}

impl Operation {
    /// Finds the operation of a request on one of the sockets. Comparing is exact: case counts, a
    /// trailing slash is another path, and only variable segments are percent-decoded.
    pub fn route(listener: Listener, method: &Method, path: &str) -> Route {
        let mut allowed = Vec::new();
        let mut face = Face::Unified;
        for operation in Self::ALL.iter().copied().filter(|row| row.is_on(listener)) {
            let Some(segments) = segments(operation.path(), path) else {
                // What begins like a face's own paths is refused in that face's words.
                if first_segment(operation.path()) == first_segment(path) {
                    face = operation.face();
                }
                continue;
            };
            if operation.takes(method) {
                let face = operation.face();
                return Route { operation, segments, allowed: Vec::new(), face };
            }
            face = operation.face();
            if operation.takes_any() {
                allowed.extend(ANY);
                continue;
            }
            if operation.method() == Method::GET {
                allowed.push(Method::HEAD);
            }
            allowed.push(operation.method());
        }
        Route { operation: Self::Unknown, segments: Vec::new(), allowed, face }
    }

    fn is_on(self, listener: Listener) -> bool {
        self.listener() == listener || self.listener() == Listener::Both
    }

    /// How carefully it is recorded when it is done. What is refused is always recorded.
    pub fn recorded(self) -> Care {
        if matches!(
            self,
            Self::GetMetrics
                | Self::GetHealth
                | Self::GetReadiness
                | Self::GetOpenApi
                | Self::GetStatusPage
        ) {
            return Care::Never;
        }
        if self.method() == Method::GET { Care::Relaxed } else { Care::Durable }
    }

    /// Whether it takes every method that is a request for something. `CONNECT` asks for a tunnel,
    /// and `TRACE` for an echo of the headers, the caller's credential among them.
    pub fn takes_any(self) -> bool {
        self == Self::Proxy
    }

    /// `HEAD` is a `GET` whose answer's body is left out on the way (RFC 9110, 9.3.2).
    fn takes(self, method: &Method) -> bool {
        if self.takes_any() {
            return !matches!(*method, Method::CONNECT | Method::TRACE);
        }
        self.method() == *method || (*method == Method::HEAD && self.method() == Method::GET)
    }
}

/// What is told of an operation that takes any method.
const ANY: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

fn first_segment(path: &str) -> Option<&str> {
    path.split('/').nth(1)
}

/// What stands in the variable segments of `pattern`, where `path` is of its form.
fn segments(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(rest), first) if rest.ends_with("…}") => {
                let rest: Vec<&str> = first.into_iter().chain(given).collect();
                found.push(rest.join("/"));
                return Some(found);
            }
            (Some(variable), Some(segment)) if variable.starts_with('{') => {
                let segment = percent_decode_str(segment).decode_utf8().ok()?;
                if segment.is_empty() {
                    return None;
                }
                found.push(segment.into_owned());
            }
            (Some(literal), Some(segment)) if literal == segment => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listeners(operation: Operation) -> Vec<Listener> {
        match operation.listener() {
            Listener::Both => vec![Listener::Api, Listener::Admin],
            one @ (Listener::Api | Listener::Admin) => vec![one],
        }
    }

    /// The path of a row with `v0`, `v1`, … in its variable segments.
    fn filled(operation: Operation) -> (String, Vec<String>) {
        let mut values = Vec::new();
        let path: Vec<String> = operation
            .path()
            .split('/')
            .map(|segment| {
                if segment.starts_with('{') {
                    values.push(format!("v{}", values.len()));
                    values[values.len() - 1].clone()
                } else {
                    segment.to_owned()
                }
            })
            .collect();
        (path.join("/"), values)
    }

    #[test]
    fn every_row_is_found_by_its_method_and_path() {
        for operation in Operation::ALL.iter().copied() {
            let (path, segments) = filled(operation);
            for listener in listeners(operation) {
                let route = Operation::route(listener, &operation.method(), &path);
                assert_eq!(route.operation, operation, "{path}");
                assert_eq!(route.segments, segments);
                assert!(route.allowed.is_empty());
            }
        }
    }

    #[test]
    fn a_row_is_found_by_no_other_method_path_or_listener() {
        for operation in Operation::ALL.iter().copied().filter(|row| !row.takes_any()) {
            let (path, _) = filled(operation);
            let on = listeners(operation);
            let wrong_method = Operation::route(on[0], &Method::PUT, &path);
            assert_eq!(wrong_method.operation, Operation::Unknown);
            assert!(wrong_method.allowed.contains(&operation.method()), "{path}");
            for wrong in [format!("{path}/"), format!("/{path}"), path.to_uppercase()] {
                let route = Operation::route(on[0], &operation.method(), &wrong);
                assert_eq!(route.operation, Operation::Unknown, "{wrong}");
                assert!(route.allowed.is_empty(), "{wrong}");
            }
            for other in [Listener::Api, Listener::Admin].into_iter().filter(|l| !on.contains(l)) {
                let route = Operation::route(other, &operation.method(), &path);
                assert_eq!(route.operation, Operation::Unknown, "{path}");
            }
        }
    }

    #[test]
    fn a_path_with_two_operations_tells_all_its_methods() {
        let route = Operation::route(Listener::Api, &Method::DELETE, "/v1/runs");
        assert_eq!(route.allowed, [Method::POST, Method::HEAD, Method::GET]);
        let head = Operation::route(Listener::Api, &Method::HEAD, "/v1/runs");
        assert_eq!(head.operation, Operation::ListRuns);
    }

    #[test]
    fn a_variable_segment_is_decoded_and_a_slash_in_it_stays_in_it() {
        let route =
            Operation::route(Listener::Api, &Method::POST, "/v1/agents/make-eu%3Aa%2Fb/runs");
        assert_eq!(route.segments, ["make-eu:a/b"]);
        for broken in ["/v1/agents/%FF/runs", "/v1/agents//runs", "*", ""] {
            let route = Operation::route(Listener::Api, &Method::POST, broken);
            assert_eq!(route.operation, Operation::Unknown, "{broken}");
        }
    }

    #[test]
    fn the_rest_of_a_path_stays_as_it_came_and_takes_every_method_that_asks_for_something() {
        for (path, rest) in [
            ("/proxy/make%2Deu/a/b%2Fc/../d//", "a/b%2Fc/../d//"),
            ("/proxy/make-eu/", ""),
            ("/proxy/make-eu", ""),
        ] {
            for method in [Method::GET, Method::DELETE, Method::from_bytes(b"PURGE").unwrap()] {
                let route = Operation::route(Listener::Api, &method, path);
                assert_eq!(route.operation, Operation::Proxy);
                assert_eq!(route.segments, ["make-eu", rest]);
            }
        }
        let trace = Operation::route(Listener::Api, &Method::TRACE, "/proxy/make-eu/a");
        assert_eq!((trace.operation, trace.face), (Operation::Unknown, Face::Proxy));
        assert_eq!(trace.allowed, ANY);
    }
}
