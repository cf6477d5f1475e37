//! What is kept: documents, the journal, the audit log, and the folder that holds them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod audit;
mod audit_tampering;
mod full_disk;
mod journal;
mod journal_anchor;
mod journal_crash;
mod journal_damage;
mod records;
mod state_dir;
mod store;
mod store_audit;
mod watch;
