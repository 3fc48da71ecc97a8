//! What the demo shows: one request of each kind, in an order that tells a story. `THREAD` and
//! `RUN` stand for the ids that the last answers had, `RECEIVER` for where callbacks are received.

/// One shown call.
pub(super) struct Shown {
    /// What it is about.
    pub(super) title: &'static str,
    /// Whether it is a POST, or a GET.
    pub(super) is_post: bool,
    /// Path and query.
    pub(super) path: &'static str,
    /// What its body is, where it has one.
    pub(super) media_type: Option<&'static str>,
    /// The body.
    pub(super) body: &'static str,
    /// The status that the answer must have.
    pub(super) expected: u16,
    /// Whether it carries the demo's key.
    pub(super) has_key: bool,
    /// Whether what the platform received is shown, too.
    pub(super) shows_received: bool,
    /// Headers beside those that every call has.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// Whether the callback that it asks for is waited for and shown.
    pub(super) shows_callback: bool,
    /// Of a text answer, only the lines that begin with this are shown.
    pub(super) only: &'static str,
}

const fn post(title: &'static str, path: &'static str, body: &'static str) -> Shown {
    let media_type = Some("application/json");
    Shown {
        title,
        is_post: true,
        path,
        media_type,
        body,
        expected: 200,
        has_key: true,
        shows_received: false,
        headers: &[],
        shows_callback: false,
        only: "",
    }
}

const fn get(title: &'static str, path: &'static str) -> Shown {
    Shown {
        title,
        is_post: false,
        path,
        media_type: None,
        body: "",
        expected: 200,
        has_key: true,
        shows_received: false,
        headers: &[],
        shows_callback: false,
        only: "",
    }
}

const KEYED: &[(&str, &str)] = &[("idempotency-key", "ticket-17")];

pub(super) const CALLS: &[Shown] = &[
    Shown {
        expected: 401,
        has_key: false,
        ..post(
            "Without a key nobody gets in",
            "/v1/runs",
            r#"{"agent":"support","input":"Which tickets are open?"}"#,
        )
    },
    post(
        "Ask a Make agent and wait for the answer",
        "/v1/runs",
        r#"{"agent":"support","input":"Which tickets are open?","context":{"region":"EMEA"}}"#,
    ),
    post(
        "Go on with that conversation",
        "/v1/runs",
        r#"{"agent":"support","input":"And which are urgent?","thread_id":"THREAD"}"#,
    ),
    post(
        "Ask an ACP agent and watch it work: tool calls, governance, text",
        "/v1/agents/researcher/runs",
        r#"{"input":"Find the latest figures","stream":true}"#,
    ),
    post(
        "Ask Zaia for structured output; the answer is held against the schema",
        "/v1/runs",
        r#"{"agent":"zaia:ok","input":"Sum it up","output_schema":{"type":"object","properties":{"summary":{"type":"string"}},"required":["summary"]}}"#,
    ),
    post(
        "Ask Agentbase, which knows nothing but streams, for a whole answer",
        "/v1/agents/writer/runs",
        r#"{"input":"Say good morning"}"#,
    ),
    Shown {
        media_type: Some("application/x-www-form-urlencoded"),
        ..post(
            "A webhook, as Zapier posts it: a form, nested keys flattened, text back",
            "/v1/hooks/support?reply=text",
            "input=Which+tickets+are+open%3F&context__region=EMEA",
        )
    },
    post(
        "ACP's own API, answered by a Zaia agent",
        "/acp/acme/agents/zaia:ok/run",
        r#"{"input":"Hello"}"#,
    ),
    Shown {
        expected: 202,
        ..post(
            "In the background: 202 at once, and where to look",
            "/v1/runs",
            r#"{"agent":"make:slow","input":"Take your time","background":true}"#,
        )
    },
    get("Look at it", "/v1/runs/RUN"),
    Shown { media_type: None, ..post("And stop it", "/v1/runs/RUN/cancel", "") },
    Shown {
        headers: KEYED,
        ..post(
            "Ask once: under a key the same request is the same run",
            "/v1/runs",
            r#"{"agent":"researcher","input":"Find the latest figures"}"#,
        )
    },
    Shown {
        headers: KEYED,
        ..post(
            "The same again, as Zapier would after a time-out: replayed, and not paid twice",
            "/v1/runs",
            r#"{"agent":"researcher","input":"Find the latest figures"}"#,
        )
    },
    Shown {
        headers: &[("last-event-id", "2")],
        ..get("Its events again, from where a reader was cut off", "/v1/runs/RUN/events")
    },
    Shown {
        expected: 202,
        shows_callback: true,
        ..post(
            "Be called when it is over: signed, and tried for days until it is taken",
            "/v1/runs",
            r#"{"agent":"writer","input":"Say good night","background":true,"callback":{"url":"http://RECEIVER/done"}}"#,
        )
    },
    Shown {
        shows_received: true,
        ..post(
            "PII, masked: of a card's number the platform sees four digits",
            "/v1/runs",
            r#"{"agent":"zaia:ok","input":"Charge card 4111 1111 1111 1111"}"#,
        )
    },
    Shown {
        shows_received: true,
        ..post(
            "PII, tokenised: the platform sees a token, its caller reads the address, in streams too",
            "/v1/agents/acp:ok/runs",
            r#"{"input":"Write to jane.roe@example.com","stream":true}"#,
        )
    },
    Shown {
        expected: 422,
        ..post(
            "PII, blocked: a secret does not leave",
            "/v1/runs",
            r#"{"agent":"support","input":"Use ghp_uO7UmKMhcfdedfu1gXztPUmqZLaq2vggeta3"}"#,
        )
    },
    Shown {
        expected: 422,
        ..post(
            "What a platform cannot do is refused, and named",
            "/v1/runs",
            r#"{"agent":"researcher","input":"Hi","model":"gpt-4o","limits":{"max_output_tokens":100}}"#,
        )
    },
    Shown {
        expected: 502,
        ..post(
            "A platform that breaks off in the middle",
            "/v1/runs",
            r#"{"agent":"acp:reset","input":"Hi"}"#,
        )
    },
    get("The agents of all four platforms", "/v1/agents?search=support"),
    Shown {
        expected: 201,
        ..post(
            "Make an agent; a platform that has none gets one that the gateway keeps",
            "/v1/agents",
            r#"{"upstream":"agentbase","name":"Clerk","instructions":"You file.","upstream_options":{"mode":"fast"}}"#,
        )
    },
    post(
        "Ask why a caller would be let in, or not; nothing is run",
        "/admin/explain",
        r#"{"key":"n8n","agent":"support","max_cost_usd":"0.50"}"#,
    ),
    get("What is on record of the last refusal", "/admin/audit?stage=refused&limit=1"),
    Shown {
        has_key: false,
        only: "switchyard_runs_total{kind=\"make\"",
        ..get("What Prometheus would scrape, here the runs on Make", "/metrics")
    },
];
