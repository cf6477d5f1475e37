//! The arguments of `planner-identity`.

use clap::Args;

/// The arguments of `planner-identity`.
#[derive(Debug, Args)]
pub struct PlannerArgs {
    /// The name of the service account
    #[arg(long, default_value = "gitops-planner")]
    pub name: String,
    /// The namespace of the service account
    #[arg(long, default_value = "gitops")]
    pub namespace: String,
    /// Also for the kinds of this group, such as example.org; several add up
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Only in this namespace; several add up
    #[arg(long = "in", value_name = "NAMESPACE")]
    pub namespaces: Vec<String>,
}
