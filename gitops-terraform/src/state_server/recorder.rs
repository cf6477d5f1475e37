use std::fmt;
use std::sync::Arc;

use gitops_core::{AuditEntry, AuditEvent, AuditSink, Cx, Result, Secret, SecretKey};

use super::StateWrite;
use super::keep::Writer;

/// Records in an audit log which states are written.
#[derive(Clone)]
pub(super) struct Recorder {
    pub application: String,
    pub sink: Arc<dyn AuditSink>,
    pub key: SecretKey,
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
            digest: Secret::new(write.digest.to_string(), &self.key).digest(),
        };
        let (application, actor) = (self.application.clone(), write.who.clone());
        self.sink.record(cx, &[AuditEntry::new(write.at, application, actor, what)]).await
    }
}

#[cfg(test)]
mod tests {
    use gitops_core::{Digest, MemoryAudit};

    use async_trait::async_trait;
    use gitops_core::{Error, ErrorKind, GroupKind, Key, MemoryStore};

    use super::super::StateLock;
    use super::super::keep::{NotDone, States};
    use super::*;

    /// An audit log on a full disk.
    struct Full;

    #[async_trait]
    impl AuditSink for Full {
        async fn record(&self, _: &Cx, _: &[AuditEntry]) -> Result<()> {
            Err(Error::new(ErrorKind::Storage, "no room"))
        }
    }

    #[tokio::test]
    async fn what_can_not_be_recorded_is_not_written() {
        let (cx, text) = (Cx::system(), String::new);
        let key = SecretKey::new([7; 32]);
        let recorder = Recorder { application: "shop".to_owned(), sink: Arc::new(Full), key };
        let states = States::new(Arc::new(MemoryStore::default()), Some(recorder));
        let id = "1".to_owned();
        let lock = StateLock { id, operation: text(), who: text(), created: text(), run: text() };
        states.lock(&cx, "s", &lock).await.unwrap();
        let root = Key::new("tf", GroupKind::new("", "Root"), "", "app");
        let writer = Writer { root, run: text(), lock: lock.id };
        let state = br#"{"version":4,"serial":1,"lineage":"l"}"#.to_vec();
        let refused = states.write(&cx, "s", &writer, state).await;
        assert!(matches!(refused, Err(NotDone::Failed(_))), "{refused:?}");
        assert_eq!(states.read(&cx, "s").await.unwrap(), None);
    }

    /// People found a password by trying: the log had the plain digest of the state that held it.
    #[tokio::test]
    async fn the_digest_in_the_log_can_not_be_guessed_from_the_state() {
        let (cx, text, audit) = (Cx::system(), String::new, MemoryAudit::new());
        let state = br#"{"version":4,"serial":1,"lineage":"l"}"#.to_vec();
        for key in [[1; 32], [2; 32]] {
            let (application, key) = ("shop".to_owned(), SecretKey::new(key));
            let recorder = Recorder { application, sink: Arc::new(audit.clone()), key };
            let states = States::new(Arc::new(MemoryStore::default()), Some(recorder));
            let lock = StateLock {
                id: "1".to_owned(),
                operation: text(),
                who: text(),
                created: text(),
                run: text(),
            };
            states.lock(&cx, "s", &lock).await.unwrap();
            let root = Key::new("tf", GroupKind::new("", "Root"), "", "app");
            let writer = Writer { root, run: text(), lock: lock.id };
            states.write(&cx, "s", &writer, state.clone()).await.unwrap();
        }
        let digests: Vec<Digest> = audit.entries().into_iter().filter_map(digest).collect();
        assert!(digests.len() == 2 && digests[0] != digests[1], "{digests:?}");
        assert!(!digests.contains(&Digest::of(&state)));
    }

    fn digest(entry: AuditEntry) -> Option<Digest> {
        match entry.what {
            AuditEvent::State { digest, .. } => Some(digest),
            _ => None,
        }
    }
}
