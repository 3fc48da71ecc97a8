//! `switchyard explain`: what it takes, and how the reasons are shown.

use std::io::{self, Write};
use std::net::IpAddr;

use super::ConfigFile;
use super::keys::{scope, time};
use crate::app::Failure;
use crate::app::commands;
use crate::clock::Timestamp;
use crate::inbound::admin::explain::{Asked, ExplainedBudget};
use crate::model::micro::Micro;
use crate::model::scope::Scope;

/// What is asked by `explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    #[command(flatten)]
    config: ConfigFile,
    /// The caller: a key's name or id.
    #[arg(long = "caller", value_name = "KEY", conflicts_with = "subject")]
    key: Option<String>,
    /// Or the bearer of a token, `<issuer>|<sub>`.
    #[arg(long, requires = "workspace")]
    subject: Option<String>,
    /// The caller's workspace; a key knows its own.
    #[arg(long)]
    workspace: Option<String>,
    /// A group of the token's bearer.
    #[arg(long = "group", value_delimiter = ',')]
    groups: Vec<String>,
    /// A scope of the token's bearer.
    #[arg(long = "scope", value_delimiter = ',', value_parser = scope)]
    scopes: Vec<Scope>,
    /// The rate class of the token's bearer.
    #[arg(long)]
    class: Option<String>,
    /// What it wants to do: run, read, use_tool, manage_agents, proxy, administer.
    #[arg(long, default_value = "run")]
    action: String,
    /// The agent: an alias or `<upstream>:<id>`.
    #[arg(long)]
    agent: Option<String>,
    /// The model asked for.
    #[arg(long)]
    model: Option<String>,
    /// A tool asked for; for `use_tool`, the one.
    #[arg(long = "tool", value_delimiter = ',')]
    tools: Vec<String>,
    /// The URL of an MCP server that the run brings.
    #[arg(long = "mcp-server")]
    mcp_servers: Vec<String>,
    /// The cap on the run's cost, in US dollars.
    #[arg(long, value_parser = money)]
    max_cost_usd: Option<Micro>,
    /// The face: unified, hooks, acp, admin, proxy.
    #[arg(long)]
    face: Option<String>,
    /// The operation, as limits name it: create_agent_run, run_hook, get_run.
    #[arg(long)]
    operation: Option<String>,
    /// How the answer is wanted: whole, stream, background.
    #[arg(long)]
    mode: Option<String>,
    /// Where the call comes from.
    #[arg(long)]
    address: Option<IpAddr>,
    /// When, as an RFC 3339 time; now without.
    #[arg(long, value_parser = time)]
    at: Option<Timestamp>,
    /// Print JSON, with the policies' own words.
    #[arg(long)]
    json: bool,
}

fn money(text: &str) -> Result<Micro, String> {
    Micro::parse(text)
        .filter(|it| it.0 >= 0)
        .ok_or_else(|| "expected an amount like 0.50".to_owned())
}

/// Explains. The command fails where the request would be refused, so that scripts can ask.
pub(super) fn explain(asked: Explain, out: &mut dyn Write) -> io::Result<Result<bool, Failure>> {
    let question = Asked {
        key: asked.key,
        subject: asked.subject,
        workspace: asked.workspace,
        groups: asked.groups,
        scopes: asked.scopes,
        class: asked.class,
        action: Some(asked.action),
        agent: asked.agent,
        model: asked.model,
        tools: Some(asked.tools).filter(|tools| !tools.is_empty()),
        mcp_servers: asked.mcp_servers,
        max_cost_usd: asked.max_cost_usd,
        face: asked.face,
        operation: asked.operation,
        mode: asked.mode,
        address: asked.address,
        at: asked.at,
    };
    let explained = match commands::explain(&asked.config.path, &question) {
        Ok(explained) => explained,
        Err(failure) => return Ok(Err(failure)),
    };
    if asked.json {
        let value = serde_json::to_value(&explained).map_err(io::Error::other)?;
        writeln!(out, "{value:#}")?;
        return Ok(Ok(explained.allowed));
    }
    let verdict = if explained.allowed { "allowed" } else { "refused" };
    writeln!(out, "{verdict}")?;
    for step in &explained.steps {
        let sign = if step.passes { "passes" } else { "REFUSES" };
        writeln!(out, "  {:<9} {sign:<8} {}", step.step, step.because)?;
    }
    for limit in &explained.limits {
        writeln!(
            out,
            "  limit     {} has {} of {} left",
            limit.limit, limit.remaining, limit.quota
        )?;
    }
    for budget in &explained.budgets {
        writeln!(out, "  budget    {} of {}: {}", budget.budget, budget.subject, used(budget))?;
    }
    Ok(Ok(explained.allowed))
}

/// What is used of a budget and what the run would reserve, in the units that it has a ceiling in.
fn used(budget: &ExplainedBudget) -> String {
    let (ceilings, used) = (&budget.ceilings, budget.spent + budget.reserved);
    let wanted = &budget.wanted;
    let parts = [
        ceilings.usd.map(|most| format!("{} of {most} USD used, {} wanted", used.usd, wanted.usd)),
        ceilings
            .tokens
            .map(|most| format!("{} of {most} tokens used, {} wanted", used.tokens, wanted.tokens)),
        ceilings.credits.map(|most| {
            format!("{} of {most} credits used, {} wanted", used.credits, wanted.credits)
        }),
        ceilings
            .runs
            .map(|most| format!("{} of {most} runs used, {} wanted", used.runs, wanted.runs)),
    ];
    parts.into_iter().flatten().collect::<Vec<String>>().join("; ")
}
