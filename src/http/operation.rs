//! The operation table: every method and path that the gateway answers, on which listener, for
//! which face. Nothing else decides where a request goes.

use http::Method;

/// Which protocol a request speaks, and so how it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Face {
    /// The unified API: problem documents.
    Unified,
    /// Webhooks in: problem documents.
    Hooks,
    /// The trigger API of ACP: its own error bodies.
    Acp,
    /// Operations: problem documents.
    Admin,
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

macro_rules! operations {
    ($($operation:ident $name:literal $method:ident $path:literal $face:ident $listener:ident;)*) => {
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
            /// Its method.
            pub const fn method(self) -> Method {
                match self { $(Self::$operation => Method::$method,)* Self::Unknown => Method::GET }
            }
            /// Its path, with `{…}` for each variable segment.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$operation => $path,)* Self::Unknown => "" }
            }
            /// Its face.
            pub const fn face(self) -> Face {
                match self { $(Self::$operation => Face::$face,)* Self::Unknown => Face::Unified }
            }
            /// Its listener.
            pub const fn listener(self) -> Listener {
                match self { $(Self::$operation => Listener::$listener,)* Self::Unknown => Listener::Both }
            }
        }
    };
}

operations! {
    CreateRun       "create_run"        POST "/v1/runs"                     Unified Api;
    CreateAgentRun  "create_agent_run"  POST "/v1/agents/{agent}/runs"      Unified Api;
    ListRuns        "list_runs"         GET  "/v1/runs"                     Unified Api;
    GetRun          "get_run"           GET  "/v1/runs/{run_id}"            Unified Api;
    FollowRun       "follow_run"        GET  "/v1/runs/{run_id}/events"     Unified Api;
    CancelRun       "cancel_run"        POST "/v1/runs/{run_id}/cancel"     Unified Api;
    GetThread       "get_thread"        GET  "/v1/threads/{thread_id}"      Unified Api;
    ListThreadRuns  "list_thread_runs"  GET  "/v1/threads/{thread_id}/runs" Unified Api;
    ListUpstreams   "list_upstreams"    GET  "/v1/upstreams"                Unified Api;
    GetOpenApi      "get_openapi"       GET  "/openapi.json"                Unified Both;
    RunHook         "run_hook"          POST "/v1/hooks/{agent}"            Hooks   Api;
    RunAcp          "run_acp"           POST "/acp/{workspace}/agents/{profile_id}/run" Acp Api;
    GetMetrics      "get_metrics"       GET  "/metrics"                     Admin   Admin;
    GetHealth       "get_health"        GET  "/healthz"                     Admin   Admin;
    GetReadiness    "get_readiness"     GET  "/readyz"                      Admin   Admin;
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The operation; `Unknown` where the table has none.
    pub operation: Operation,
    /// What stands in the variable segments of its path, percent-decoded, in order.
    pub segments: Vec<String>,
    /// For `Unknown`: the methods that this path does take; empty where there is no such path.
    pub allowed: Vec<Method>,
}
