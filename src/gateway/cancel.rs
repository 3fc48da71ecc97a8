//! Stops a run on its caller's word.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::gateway::Gateway;
use crate::gateway::reader::Reader;
use crate::gateway::restore::View;
use crate::model::call::Call;
use crate::model::halt::Stop;
use crate::model::judge::Action;
use crate::model::run::Run;

impl Gateway {
    /// Stops a run and waits for its end. `Conflict` when it has ended, `Forbidden` where the
    /// caller may see it but not stop it.
    pub async fn cancel(&self, call: &Arc<Call>, id: &str) -> Result<Arc<Run>> {
        let journal = self.find(call, id).await?;
        self.may(call, Action::Cancel, &journal)?;
        let view = View::of(&journal, call.principal());
        let mut reader = Reader::new(Arc::clone(&journal), 0, false, view);
        let ended = || Error::new(Kind::Conflict, "the run has ended");
        if !journal.is_mirror() {
            if !journal.stop(Stop::Requested) && journal.ended().is_some() {
                return Err(ended());
            }
        } else if self.0.keeper.runs.rows.cancel(&journal.id, self.0.clock.now()).await? {
            // Whoever drives it is told, and its end is waited for.
            self.mirror(&journal);
        } else {
            return Err(ended());
        }
        Ok(reader.end().await)
    }
}
