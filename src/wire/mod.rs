//! Bytes to frames and back: server-sent events, JSON with bounds, forms, problem documents, signed
//! webhooks. Knows no model.

pub mod form;
pub mod hex;
pub mod json;
pub mod problem;
pub mod sse;
pub mod webhook;
