//! Terraform and OpenTofu root modules as targets.
//!
//! A root module is one object: a plan of the tool is its preview, and exactly that plan is applied. Use it to keep roots equal to what
//! a repository declares. See [`Terraform`] for what is guaranteed, and [`TerraformRender`] for how roots are found in a source.
//!
//! ```text
//! folders with *.tf ──TerraformRender──▶ root ──tofu plan──▶ saved plan ──gates, approval──▶ tofu apply of that plan
//!                                                  ▲                                              │
//!                                                  └────────────── state, by the tool or StateServer ◀┘
//! ```
//!
//! ```
//! use std::sync::Arc;
//!
//! use gitops_core::{Cx, EngineBuilder, Result, StateStore};
//! use gitops_terraform::{StateServer, Terraform, TerraformRender};
//!
//! fn infra(cx: &Cx, engine: EngineBuilder, states: Arc<dyn StateStore>) -> Result<EngineBuilder> {
//!     let server = Arc::new(StateServer::new(states));
//!     let target = Terraform::builder("tofu", ".gitops/infra").state_server(server).open(cx)?;
//!     Ok(engine.render(Arc::new(TerraformRender::new("infra"))).target("infra", Arc::new(target)))
//! }
//! ```

mod declare;
mod disk;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod root;
mod state_server;
mod target;
mod tool;

pub use declare::gate::Destructive;
pub use declare::module::{ROOT, Removal, RootModule};
pub use declare::render::TerraformRender;
pub use state_server::{StateLock, StateServer, StateWrite};
pub use target::builder::TerraformBuilder;
pub use target::terraform::Terraform;
pub use tool::json::{Action as ResourceAction, OutputChange, Plan as ResourcePlan, ResourceChange};
pub use tool::{Dialect, ToolInfo};
