//! Terraform and OpenTofu root modules as targets.
//!
//! A root module is one object: a plan of the tool is its preview, and exactly that plan is applied. See
//! [`Terraform`] for what is guaranteed, and [`TerraformRender`] for how roots are found in a source.

mod address;
mod apply;
mod backend;
mod builder;
mod bundle;
mod conclude;
mod confirm;
mod disk;
mod drift;
mod failure;
mod fields;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod hcl;
mod health;
mod init;
mod journal;
mod json;
mod module;
mod moved;
mod override_files;
mod planning;
mod preview;
mod process;
mod render;
mod resources;
mod root;
mod shown;
mod site;
mod state_server;
mod terraform;
mod tool;
mod warning;

pub use builder::TerraformBuilder;
pub use gate::Destructive;
pub use json::{Action as ResourceAction, OutputChange, Plan as ResourcePlan, ResourceChange};
pub use module::{ROOT, Removal, RootModule};
pub use render::TerraformRender;
pub use state_server::{StateLock, StateServer, StateWrite};
pub use terraform::Terraform;
pub use tool::{Dialect, ToolInfo};
