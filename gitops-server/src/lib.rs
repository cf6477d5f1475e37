//! The long-running half of a GitOps program: health and metrics over HTTP, webhooks, and change requests that are reviewed as
//! they come.
//!
//! Use it where a process runs for long and somebody asks it something: a probe, Prometheus, a forge, a reviewer. A job in a CI
//! needs none of it: `gitops_app::review` is the same review without a server. `gitops serve` is this crate with the command's
//! configuration, and the controller is it with leases in a cluster.
//!
//! ```text
//!  forge ──webhook──▶ verified ──hint──▶ queue ──▶ review ──comment, statuses──▶ forge
//!    ▲                                     ▲  └───▶ commands ──approve, pin, sync──▶ engine
//!    └──────────────── poll ───────────────┘                                          │
//!  forge ◀──status of the live commit, deployment── outcome ◀──status─────────────────┘
//! ```
//!
//! [`Server`] puts it together:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use gitops_app::Backends;
//! use gitops_app::config::Applications;
//! use gitops_app::review::OnForge;
//! use gitops_app::session::{Access, Session};
//! use gitops_core::{Cx, Result, Supervisor};
//! use gitops_server::Server;
//!
//! async fn serve(cx: &Cx) -> Result<()> {
//!     let applications = Applications::load("gitops.yaml".as_ref(), &Backends::new())?;
//!     let server = Server::new(cx, |event| eprintln!("{event:?}"));
//!     server.listen(cx, ([127, 0, 0, 1], 8080).into()).await?;
//!     let supervisor = Supervisor::new(16);
//!     for config in &applications.all {
//!         server.board().expect(&config.name);
//!         let events = server.metrics().of(&config.name);
//!         let session = Session::builder(config).access(Access::Write).events(events);
//!         // Before anything is applied by an approval of a review, the forge is asked whether that still stands.
//!         let check = OnForge::of(config).map(|forge| Arc::new(forge) as _);
//!         let session = session.approval_check(check).open(cx).await?;
//!         let handle = supervisor.add(session.engine, &[], config.sync.interval)?;
//!         server.board().open(&config.name, handle);
//!     }
//!     let following = server.follow(cx, &applications, &applications.all)?;
//!     futures::future::join(supervisor.run(cx), following.run(cx)).await;
//!     Ok(())
//! }
//! ```
//!
//! # Whom it believes
//! A webhook is believed to be a hint once its signature was verified over its bytes; what happened is asked from the forge. Who
//! may give a command is asked from the forge each time. What a request brings is data, as `gitops_app::review` says.

mod board;
mod event;
mod http;
mod metrics;
mod plans;
mod reviews;
mod server;
mod webhooks;

pub use board::Board;
pub use event::{ServerEvent, ServerEventDocument, ServerEvents};
pub use metrics::{ApplicationMetrics, Metrics};
pub use server::{Followed, Following, Server};
