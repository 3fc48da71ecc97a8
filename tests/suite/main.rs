//! The one integration binary: a module per promise and face. Run a part of it with
//! `cargo test --test suite <module>`.

#![expect(unreachable_pub, reason = "one binary, whose modules share helpers")]

mod contract;
mod harness;

mod architecture;
mod golden;

mod admin;
mod background;
mod drain;
mod faces;
mod faults;
mod hooks;
mod http;
mod leaving;
mod pacing;
mod process;
mod reading;
mod refusals;
mod threads;
