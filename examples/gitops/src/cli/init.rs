//! The arguments of `init`.

use clap::Args;

/// The arguments of `init`.
#[derive(Debug, Default, Args)]
pub struct InitArgs {
    /// Objects of a Kubernetes cluster; with a first manifest
    #[arg(long)]
    pub kubernetes: bool,
    /// Root modules of OpenTofu or Terraform; with a first root
    #[arg(long, conflicts_with = "kubernetes")]
    pub terraform: bool,
    /// The application's name
    #[arg(long, default_value = "site")]
    pub name: String,
    /// The repository: a URL, or a path relative to the configuration; left out, `./site.git`, and with `--kubernetes` or
    /// `--terraform` the one in which the configuration is
    #[arg(long)]
    pub url: Option<String>,
    /// The branch to follow; left out, the one that is checked out there, or `main`
    #[arg(long)]
    pub branch: Option<String>,
    /// The folder below the repository's root
    #[arg(long)]
    pub path: Option<String>,
    /// The folder to keep equal, relative to the configuration
    #[arg(long, default_value = "./live", conflicts_with_all = ["kubernetes", "terraform"])]
    pub root: String,
    /// The context of the kubeconfig; left out, its current one, whatever that is by then
    #[arg(long, requires = "kubernetes")]
    pub context: Option<String>,
    /// The namespace of objects that name none
    #[arg(long, default_value = "default", conflicts_with = "terraform")]
    pub namespace: String,
    /// The program: `tofu` or `terraform`; left out, the one that is installed
    #[arg(long, requires = "terraform", value_name = "PROGRAM")]
    pub binary: Option<String>,
}
