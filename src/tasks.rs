//! Background tasks have names, are waited for when the process drains, and a panic in one is
//! logged with its name. This is the only place that spawns.

use std::future::Future;
use std::time::Duration;

use tokio_util::task::TaskTracker;

/// The tasks of one process, or of one test.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Runs `task` beside the caller.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
    pub fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let guard = Named(name);
        let task = async move {
            task.await;
            drop(guard);
        };
        tokio::spawn(self.0.track_future(task));
    }

    /// How many are running.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is running.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Waits until none is running, at most `within`; whether that was so.
    pub async fn drained(&self, within: Duration) -> bool {
        self.0.close();
        let drained = tokio::time::timeout(within, self.0.wait()).await.is_ok();
        self.0.reopen();
        drained
    }
}

struct Named(&'static str);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.0, "a task panicked");
        }
    }
}
