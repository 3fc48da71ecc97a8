//! Numbers of persons and firms in Europe, a file a region, and the VAT numbers of the Union.
//!
//! Invariant: each region's rows are named once here.

pub mod central;
pub mod eastern;
pub mod northern;
pub mod southern;
pub mod vat;
pub mod western;

pub use central::ENTITIES as CENTRAL;
pub use eastern::ENTITIES as EASTERN;
pub use northern::ENTITIES as NORTHERN;
pub use southern::ENTITIES as SOUTHERN;
pub use vat::ENTITIES as VAT;
pub use western::ENTITIES as WESTERN;
