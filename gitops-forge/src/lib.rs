//! Forges: GitHub, GitLab, Gitea and Forgejo.
//!
//! [`Forge`] is one repository as one account sees it: change requests, comments, statuses, reviews, permissions.
//! [`ForgeExt`] brings things about on it, however often it is asked to: one comment that is kept current, a status that
//! is written when it changes. [`webhook`] verifies what a forge sends and makes a hint of it.
//! Use it for tools that review and approve changes; it needs no engine. The guide is `docs/forges.md`.
//!
//! ```text
//! forge ──webhook──▶ verified hint ──▶ your tool ──Forge──▶ requests, reviews, permissions
//!   ▲                                      │
//!   └────one comment, one status each──────┘ ForgeExt
//! ```
//!
//! ```no_run
//! use gitops_core::{Cx, Result, Secret};
//! use gitops_forge::{Connection, Forge, ForgeExt, GitHub, Marker, RepositoryPath};
//!
//! async fn tell(cx: &Cx, token: &Secret, plan: &str) -> Result<()> {
//!     let repository = RepositoryPath::parse("platform/site")?;
//!     let forge = GitHub::new(Connection::to("https://github.com"), repository, token)?;
//!     let request = forge.change_request(cx, 7).await?;
//!     forge.upsert_comment(cx, request.number, &Marker::new("plan/site")?, plan).await?;
//!     Ok(())
//! }
//! ```
//!
//! # What is refused
//! - A token over plain http to another machine, and a redirect to another host.
//! - An answer, a list or a text beyond a limit. A list is whole or it is an error.
//! - A webhook without a valid signature, a secret or a delivery id, and one that came before.

mod bots;
mod capability;
#[cfg(feature = "conformance")]
pub mod conformance;
mod ext;
mod fault;
mod forge;
mod gitea;
mod github;
mod gitlab;
mod http;
mod limits;
#[cfg(feature = "conformance")]
mod memory;
mod value;
pub mod webhook;

/// The guide, whose example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/forges.md")]
struct Guide;

pub use capability::{Closing, Commits, Deployments, Issues, MergeQueue, Reactions, Teams};
pub use ext::{ForgeExt, Upserted};
pub use forge::{Forge, ForgeInfo};
pub use gitea::Gitea;
pub use github::{GitHub, GitHubApp};
pub use gitlab::GitLab;
pub use http::{Call, CallObserver, Connection};
pub use limits::ForgeLimits;
#[cfg(feature = "conformance")]
pub use memory::{Failure, MemoryForge};
pub use value::*;
