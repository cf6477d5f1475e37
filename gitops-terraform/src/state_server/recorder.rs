use std::fmt;
use std::sync::Arc;

use gitops_core::{AuditEntry, AuditEvent, AuditSink, Cx, Result};

use super::StateWrite;
use super::keep::Writer;

/// Records in an audit log which states are written.
#[derive(Clone)]
pub(super) struct Recorder {
    pub application: String,
    pub sink: Arc<dyn AuditSink>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("application", &self.application).finish_non_exhaustive()
    }
}

impl Recorder {
    /// Records a write that is about to be made: never what is in the state.
    pub async fn record(&self, cx: &Cx, writer: &Writer, write: &StateWrite) -> Result<()> {
        let what = AuditEvent::State {
            key: writer.root.clone(),
            run: writer.run.as_str().into(),
            lineage: write.lineage.clone(),
            serial: write.serial,
            digest: write.digest,
        };
        let (application, actor) = (self.application.clone(), write.who.clone());
        self.sink.record(cx, &[AuditEntry { time: write.at, application, actor, what }]).await
    }
}
