//! Terraform and OpenTofu root modules as targets.
//!
//! A root module is one object: a plan of the tool is its preview, and exactly that plan is applied. See
//! [`Terraform`] for what is guaranteed, and [`TerraformRender`] for how roots are found in a source.

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
