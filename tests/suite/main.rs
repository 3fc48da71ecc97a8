//! The one integration binary: a module per promise and face. Run a part of it with
//! `cargo test --test suite <module>`.

#![expect(unreachable_pub, reason = "one binary, whose modules share helpers")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and look at the real clock"
)]

mod contract;
mod database;
mod governed;
mod harness;
mod platform_contract;

mod architecture;
mod golden;

mod access;
mod admin;
mod agents;
mod audit;
mod background;
mod bearers;
mod callers;
mod choosing;
mod counters;
mod credentials;
mod deploy;
mod docs;
mod drain;
mod durable;
mod explain;
mod faces;
mod failing_disk;
mod faults;
mod fleet;
mod hooks;
mod http;
mod identity_provider;
mod key_commands;
mod keys;
mod killed;
mod leaving;
mod limited;
mod limited_runs;
mod metrics;
mod overload;
mod pacing;
mod parted;
mod paused;
mod pii;
mod pii_labelled;
mod process;
mod proxy;
mod reading;
mod receiver;
mod refusals;
mod reload;
mod served;
mod signed_hooks;
mod soak;
mod spending;
mod spending_ends;
mod spending_kept;
mod stack;
mod status;
mod store;
mod store_commands;
mod threads;
mod tokens;
mod tools;
mod tools_policy;
mod traces;
mod upgrade;
