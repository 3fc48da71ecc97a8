//! The one integration binary: a module per promise and face. Run a part of it with
//! `cargo test --test suite <module>`.

#[cfg(test)]
mod golden;
