//! Roles of a `PostgreSQL` server as a target: a backend over a client of the database.
//!
//! The client names the roles, `xmin` is their version, their `oid` the incarnation, and the comment of a role is its owner
//! label. So the target is keyed: each effect happens exactly once. A password is sent as its SCRAM verifier, is never
//! shown, and is in no log of the server.
//!
//! | File | What it is |
//! | --- | --- |
//! | `client.rs` | runs SQL, and says what errors mean |
//! | `backend.rs` | **the backend**: at most 60 lines that are not blank, which a test counts |

mod backend;
mod client;

pub use backend::Roles;
pub use client::Client;
