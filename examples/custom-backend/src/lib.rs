//! A backend for something that nobody but you has: an in-house key-value service.
//!
//! Three files stand for what a company already has, and one is the backend:
//!
//! | File | What it is |
//! | --- | --- |
//! | `protocol.rs`, `bin/kv-server.rs` | the service, and what it understands |
//! | `client.rs` | the company's client for it |
//! | `backend.rs` | **the backend**: at most 60 lines that are not blank, which a test counts |
//!
//! `batched.rs` is the same for a service that takes many changes in one question. `file.rs` puts it under a key of the file that the `gitops` command and the controller take.

mod backend;
mod batched;
mod client;
mod file;
pub mod protocol;

pub use backend::KeyValue;
pub use batched::Batched;
pub use client::Client;
pub use file::backends;
