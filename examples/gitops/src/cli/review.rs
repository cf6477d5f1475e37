//! The arguments of `review`.

use clap::{Args, ValueEnum};
use gitops_app::config::ForgeKind;

/// The arguments of `review`.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// What is merged into: the target branch, or a commit of it
    #[arg(long, value_name = "REF", requires = "head")]
    pub base: Option<String>,
    /// What is merged: a branch, a tag or a commit
    #[arg(long, value_name = "REF", requires = "base")]
    pub head: Option<String>,
    /// A request on a forge, told there too; without sides and number, the one that the CI job is about
    #[arg(long, value_name = "N", conflicts_with = "base")]
    pub request: Option<u64>,
    /// Which forge, where neither the configuration nor the CI job says it
    #[arg(long, value_name = "KIND", conflicts_with = "base")]
    pub forge: Option<ForgeName>,
    /// Where the forge is
    #[arg(long, value_name = "URL", conflicts_with = "base")]
    pub forge_url: Option<String>,
    /// The repository on the forge
    #[arg(long, value_name = "OWNER/NAME", conflicts_with = "base")]
    pub repository: Option<String>,
    /// Where the JSON document of this review can be read; the comment links it with its digest
    #[arg(long, value_name = "URL", conflicts_with = "base")]
    pub plan_url: Option<String>,
    /// Store what reviewers approved, so that the same effect is applied after the merge without another question
    #[arg(long, conflicts_with = "base")]
    pub keep_approvals: bool,
    /// Only applications with this label; several must all be there
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = label)]
    pub labels: Vec<(String, String)>,
    /// Nobody vouches for the request: plan nothing of which a plan runs programs. So it is for forks
    #[arg(long)]
    pub untrusted: bool,
    /// Somebody vouches for the request of a fork
    #[arg(long, conflicts_with_all = ["untrusted", "base"])]
    pub trusted: bool,
}

/// A kind of forge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ForgeName {
    /// GitHub, in the cloud or an Enterprise Server.
    Github,
    /// GitLab.
    Gitlab,
    /// Gitea or Forgejo.
    Gitea,
}

impl From<ForgeName> for ForgeKind {
    fn from(name: ForgeName) -> Self {
        match name {
            ForgeName::Github => Self::GitHub,
            ForgeName::Gitlab => Self::GitLab,
            ForgeName::Gitea => Self::Gitea,
        }
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as `environment=production`")?;
    Ok((name.to_owned(), value.to_owned()))
}
