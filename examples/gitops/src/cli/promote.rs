//! The arguments of `promote`.

use clap::Args;

/// The arguments of `promote`.
#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The application whose versions are taken
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The application that gets them
    #[arg(long, value_name = "TO")]
    pub to: String,
    /// Also copy the files that fit this pattern, whole; several add up
    #[arg(long = "files", value_name = "PATTERN")]
    pub files: Vec<String>,
    /// Only show what would be proposed
    #[arg(long)]
    pub dry_run: bool,
}
