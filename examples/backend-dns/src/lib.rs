//! A DNS service as a target: a backend over the five requests of an HTTP API.
//!
//! The service is as many are: it chooses the ids of records, takes two records of one name, gives lists by pages, fills in
//! a time to live, never shows a key that it was given, and has neither versions nor labels. The adapter
//! [`ServiceTarget`](gitops_core::backend::service::ServiceTarget) does the rest, with a ledger of ids.
//!
//! | File | What it is |
//! | --- | --- |
//! | `bin/dns-server.rs` | the service: an HTTP server on loopback |
//! | `client.rs` | a client for it |
//! | `backend.rs` | **the backend**: at most 60 lines that are not blank, which a test counts |

mod backend;
mod client;

pub use backend::Dns;
pub use client::Client;
