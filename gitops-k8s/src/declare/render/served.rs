//! What a chart may ask of the cluster that it is rendered for.

use std::sync::{Mutex, PoisonError};

use gitops_core::{Cx, Error, ErrorKind, Result};

use crate::client::cluster::{Call, Cluster};

/// The version of a cluster, and all that it serves, as they were last asked for.
#[derive(Debug, Default)]
pub(super) struct Served(Mutex<Versions>);

/// The version of a cluster, and all that it serves; nothing before it was asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Versions {
    pub kubernetes: Option<String>,
    /// `group/version` and `group/version/Kind`, in order.
    pub apis: Vec<String>,
}

impl Served {
    pub fn get(&self) -> Versions {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the cluster.
    ///
    /// # Errors
    /// It does not answer: the chart would declare something else, and what it declared before would be pruned.
    pub async fn ask(&self, cx: &Cx, cluster: &Cluster) -> Result<()> {
        let found = ask(cx, cluster).await.map_err(|error| {
            error.help("name what the chart is rendered for: `kubernetes` and `api_versions` of `helm`")
        })?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

async fn ask(cx: &Cx, cluster: &Cluster) -> Result<Versions> {
    let answer = cluster.wire().json(cx, Call::get("/version")).await?;
    let version = answer["gitVersion"].as_str().and_then(plain).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the API server does not say which version of Kubernetes it is")
    })?;
    Ok(Versions { kubernetes: Some(version), apis: cluster.kinds().api_versions(cx, cluster.wire()).await? })
}

/// `v1.37.2` of `v1.37.2-gke.100+abc`: with what vendors add, no range of versions that charts ask for would fit.
fn plain(version: &str) -> Option<String> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let number = version.strip_prefix('v')?.split(|c| !is_number(c)).next()?;
    (number.split('.').count() >= 2).then(|| format!("v{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vendors_add_to_a_version_is_left_out() {
        assert_eq!(plain("v1.37.2").as_deref(), Some("v1.37.2"));
        assert_eq!(plain("v1.30.1-eks-a5565ad").as_deref(), Some("v1.30.1"));
        assert_eq!(plain("v1.29+").as_deref(), Some("v1.29"));
        assert_eq!(plain("devel"), None);
    }
}
