//! `tools` for Make: `scenario:<id>` and `mcp:<connection id>/<tool id>`. Called by `request.rs`.
//!
//! Invariant: when `tools` is given, both of Make's lists are sent, so that the run may use these
//! tools and no others.

use super::wire::{McpConfig, Scenario};
use crate::error::{Error, Kind, Result};
use crate::model::request::Unsupported;
use crate::model::run::Warning;

/// Make's two lists of tools.
#[derive(Default)]
pub(super) struct Lists {
    pub scenarios: Vec<Scenario>,
    pub mcp_configs: Vec<McpConfig>,
}

/// Sorts the tools into Make's lists. One that Make cannot restrict to is refused by its place, or
/// left out with a warning where the request allows that.
pub(super) fn sort(
    tools: &[String],
    unsupported: Unsupported,
    upstream: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Lists> {
    let mut lists = Lists::default();
    let mut refused: Option<Error> = None;
    for (index, tool) in tools.iter().enumerate() {
        if add(&mut lists, tool).is_some() {
            continue;
        }
        let place = format!("tools[{index}]");
        if unsupported == Unsupported::Ignore {
            warnings.push(Warning::ignored(&place));
            continue;
        }
        let error = refused.take().unwrap_or_else(|| {
            let said = format!("upstream `{upstream}` cannot restrict a run to all of these tools");
            Error::new(Kind::UnsupportedByUpstream, said)
        });
        let known = "expected scenario:<id> or mcp:<connection id>/<tool id>";
        refused = Some(error.at(place, known));
    }
    refused.map_or(Ok(lists), Err)
}

fn add(lists: &mut Lists, tool: &str) -> Option<()> {
    if let Some(id) = tool.strip_prefix("scenario:") {
        let make_scenario_id = id.parse().ok()?;
        lists.scenarios.push(Scenario { make_scenario_id });
        return Some(());
    }
    let (connection, tool_id) = tool.strip_prefix("mcp:")?.split_once('/')?;
    let mcp_connection_id = connection.parse().ok()?;
    if tool_id.is_empty() {
        return None;
    }
    let tool_id = tool_id.to_owned();
    match lists.mcp_configs.iter_mut().find(|mcp| mcp.mcp_connection_id == mcp_connection_id) {
        Some(mcp) => mcp.tool_ids.push(tool_id),
        None => lists.mcp_configs.push(McpConfig { mcp_connection_id, tool_ids: vec![tool_id] }),
    }
    Some(())
}
