//! LiteLLM's proxy with what policy it has without a database: its key, and its own filter for
//! personal data in what is sent. It keeps no record.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use crate::Outcome;

const KEY: &str = "sk-bench-0123456789";

/// The program, if it is here. Asking it for its version takes it seconds.
pub(super) fn program() -> Option<OsString> {
    std::env::var_os("LITELLM").filter(|program| Path::new(program).is_file())
}

/// What its requests carry.
pub(super) fn headers() -> String {
    format!("authorization: Bearer {KEY}\r\n")
}

/// How it is started in `folder`.
pub(super) fn command(folder: &Path, listen: SocketAddr, upstream: SocketAddr) -> Outcome<Command> {
    let configuration = folder.join("litellm.yaml");
    fs::write(&configuration, text(upstream))?;
    let mut command = Command::new(program().ok_or("LITELLM is not set")?);
    command.arg("--config").arg(&configuration).args(["--host", "127.0.0.1", "--num_workers", "1"]);
    command.args(["--port", &listen.port().to_string(), "--telemetry", "False"]);
    // It logs each request else, and asks elsewhere what models cost.
    command.env("LITELLM_LOG", "ERROR").env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
    Ok(command)
}

fn text(upstream: SocketAddr) -> String {
    format!(
        "model_list:
  - model_name: \"*\"
    litellm_params: {{ model: \"openai/*\", api_base: \"http://{upstream}/v1\", api_key: canned }}
general_settings: {{ master_key: {KEY} }}
guardrails:
  - guardrail_name: personal
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      default_on: true
      patterns:
        - {{ pattern_type: prebuilt, pattern_name: email, action: MASK }}
        - {{ pattern_type: prebuilt, pattern_name: us_ssn, action: MASK }}
        - {{ pattern_type: prebuilt, pattern_name: visa, action: MASK }}
"
    )
}
