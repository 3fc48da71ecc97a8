//! The reverse proxy: the platforms' own APIs, unchanged but for the credential and for what policy
//! takes out. Who speaks such an API changes its base URL to `/proxy/{upstream}`.

mod answer;
mod fields;
pub mod handle;
mod path;
