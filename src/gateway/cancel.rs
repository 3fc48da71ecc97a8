//! Stops a run on its caller's word.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::journal::Stop;
use crate::gateway::reader::Reader;
use crate::model::call::Call;
use crate::model::run::Run;

impl Gateway {
    /// Stops a run of this caller's and waits for its end. `Conflict` when it has ended.
    pub async fn cancel(&self, call: &Arc<Call>, id: &str) -> Result<Arc<Run>> {
        let journal = self.find(&call.principal, id)?;
        let mut reader = Reader::new(Arc::clone(&journal), 0, false);
        if !journal.stop(Stop::Requested) && journal.ended().is_some() {
            return Err(Error::new(Kind::Conflict, "the run has ended"));
        }
        Ok(reader.end().await)
    }
}
