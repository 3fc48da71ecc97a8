//! The names of OpenTelemetry's semantic conventions that spans use, at one version of them, and
//! ours where they have none.

/// The version: <https://opentelemetry.io/docs/specs/semconv/>, GenAI included.
pub(super) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.37.0";

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";

pub(super) const ERROR_TYPE: &str = "error.type";
pub(super) const HTTP_METHOD: &str = "http.request.method";
pub(super) const HTTP_STATUS: &str = "http.response.status_code";
pub(super) const SERVER_ADDRESS: &str = "server.address";

pub(super) const GEN_AI_OPERATION: &str = "gen_ai.operation.name";
/// What the operation of a run is called there.
pub(super) const INVOKE_AGENT: &str = "invoke_agent";
pub(super) const GEN_AI_PROVIDER: &str = "gen_ai.provider.name";
pub(super) const GEN_AI_AGENT_ID: &str = "gen_ai.agent.id";
pub(super) const GEN_AI_AGENT_NAME: &str = "gen_ai.agent.name";
pub(super) const GEN_AI_CONVERSATION: &str = "gen_ai.conversation.id";
pub(super) const GEN_AI_RESPONSE_MODEL: &str = "gen_ai.response.model";
pub(super) const GEN_AI_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
pub(super) const GEN_AI_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";

pub(super) const OPERATION: &str = "switchyard.operation";
pub(super) const REQUEST_ID: &str = "switchyard.request_id";
pub(super) const RUN_ID: &str = "switchyard.run_id";
pub(super) const OUTCOME: &str = "switchyard.outcome";
pub(super) const UPSTREAM: &str = "switchyard.upstream";
pub(super) const POLICY: &str = "switchyard.policy";
pub(super) const DECISION: &str = "switchyard.decision";
