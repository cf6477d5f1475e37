//! What the environment of a CI job says of the request that it is about.

use std::path::Path;

use gitops_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::config::ForgeKind;

/// How long the description of an event may be, in bytes.
const EVENT_BYTES: u64 = 32 << 20;

/// What the environment of a CI job says of the forge, and of the request that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Environment {
    /// Which system runs the job, for people.
    pub system: &'static str,
    /// The kind of the forge.
    pub kind: ForgeKind,
    /// Its URL, where the system says it.
    pub url: Option<String>,
    /// The repository of the target branch.
    pub repository: String,
    /// The number of the request; nothing if the job is about none.
    pub request: Option<u64>,
    /// The account of the token that the system gives, where the forge does not tell it.
    pub account: Option<&'static str>,
}

impl Environment {
    /// Reads the variables of GitHub Actions, Gitea and Forgejo Actions, GitLab CI and Jenkins; nothing if none of them
    /// runs the job.
    ///
    /// Only what names the request is read: its texts were written by anybody.
    ///
    /// # Errors
    /// `Invalid` for the description of an event that can't be read.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let is = |name: &str| variable(name).is_some_and(|value| value == "true");
        match () {
            () if is("GITHUB_ACTIONS") => actions(&variable, is("GITEA_ACTIONS") || is("FORGEJO_ACTIONS")),
            () if is("GITLAB_CI") => Ok(gitlab(&variable)),
            () => Ok(jenkins(&variable)),
        }
    }
}

/// GitHub Actions, and those of Gitea and Forgejo, which set the same variables.
fn actions(variable: &dyn Fn(&str) -> Option<String>, is_gitea: bool) -> Result<Option<Environment>> {
    let Some(repository) = variable("GITHUB_REPOSITORY") else { return Ok(None) };
    let request = match variable("GITHUB_REF").as_deref().and_then(of_reference) {
        Some(number) => Some(number),
        // The reference of `pull_request_target` is the target branch.
        None => variable("GITHUB_EVENT_PATH").map(|path| of_event(Path::new(&path))).transpose()?.flatten(),
    };
    let (system, kind, account) = match is_gitea {
        true => ("Gitea Actions", ForgeKind::Gitea, None),
        false => ("GitHub Actions", ForgeKind::GitHub, Some("github-actions[bot]")),
    };
    Ok(Some(Environment { system, kind, url: variable("GITHUB_SERVER_URL"), repository, request, account }))
}

/// The number in `refs/pull/7/merge`.
fn of_reference(reference: &str) -> Option<u64> {
    reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
}

fn of_event(path: &Path) -> Result<Option<u64>> {
    let unreadable = |why: String| {
        let message = format!("the description of the event can't be read: {why}");
        Error::new(ErrorKind::Invalid, message)
            .with("path", path.display())
            .help("name the request: `--request 7`")
    };
    let length = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if length > EVENT_BYTES {
        return Err(unreadable(format!("it has more than {EVENT_BYTES} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let event: Value = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    Ok(event["pull_request"]["number"].as_u64())
}

/// GitLab CI: a pipeline of a merge request names it, also one of a fork that runs in the target's project.
fn gitlab(variable: &dyn Fn(&str) -> Option<String>) -> Option<Environment> {
    let request = variable("CI_MERGE_REQUEST_IID").and_then(|number| number.parse().ok());
    let repository = variable("CI_MERGE_REQUEST_PROJECT_PATH").or_else(|| variable("CI_PROJECT_PATH"))?;
    let url = variable("CI_SERVER_URL");
    Some(Environment {
        system: "GitLab CI",
        kind: ForgeKind::GitLab,
        url,
        repository,
        request,
        account: None,
    })
}

/// Jenkins: the page of the request tells the kind of the forge by its form.
fn jenkins(variable: &dyn Fn(&str) -> Option<String>) -> Option<Environment> {
    let number = variable("CHANGE_ID")?;
    let page = variable("CHANGE_URL")?;
    let forms = [
        ("/-/merge_requests/", ForgeKind::GitLab),
        ("/pulls/", ForgeKind::Gitea),
        ("/pull/", ForgeKind::GitHub),
    ];
    let (before, kind) = forms.iter().find_map(|(form, kind)| Some((page.split_once(form)?.0, *kind)))?;
    let (scheme, rest) = before.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    // A repository has two parts but on GitLab; what stands before them is the path of the forge.
    let parts: Vec<&str> = path.split('/').collect();
    let of_forge = if kind == ForgeKind::GitLab { 0 } else { parts.len().checked_sub(2)? };
    let (prefix, repository) = parts.split_at(of_forge);
    let url = [&[host], prefix].concat().join("/");
    Some(Environment {
        system: "Jenkins",
        kind,
        url: Some(format!("{scheme}://{url}")),
        repository: repository.join("/"),
        request: number.parse().ok(),
        account: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Option<Environment> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Environment::of(variable).unwrap()
    }

    fn shown(variables: &[(&str, &str)]) -> String {
        let found = found(variables).unwrap();
        let Environment { kind, url, repository, request, .. } = found;
        format!("{} {} {repository} {request:?}", kind.key(), url.unwrap_or_default())
    }

    #[test]
    fn each_system_names_the_request_in_its_own_way() {
        let github = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_REF", "refs/pull/7/merge"),
        ];
        assert_eq!(shown(&github), "github https://github.com acme/shop Some(7)");
        assert_eq!(
            shown(&[&github[..], &[("GITEA_ACTIONS", "true")]].concat()),
            "gitea https://github.com acme/shop Some(7)"
        );
        let push = [&github[..3], &[("GITHUB_REF", "refs/heads/pull/7")]].concat();
        assert_eq!(shown(&push), "github https://github.com acme/shop None");
        let gitlab = [
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", "https://git.example.org"),
            ("CI_PROJECT_PATH", "mallory/shop"),
            ("CI_MERGE_REQUEST_PROJECT_PATH", "acme/web/shop"),
            ("CI_MERGE_REQUEST_IID", "7"),
        ];
        assert_eq!(shown(&gitlab), "gitlab https://git.example.org acme/web/shop Some(7)");
        for (page, expected) in [
            ("https://github.com/acme/shop/pull/7", "github https://github.com acme/shop Some(7)"),
            ("https://a.example/git/acme/shop/pulls/7", "gitea https://a.example/git acme/shop Some(7)"),
            (
                "https://a.example/acme/web/shop/-/merge_requests/7",
                "gitlab https://a.example acme/web/shop Some(7)",
            ),
        ] {
            assert_eq!(shown(&[("CHANGE_ID", "7"), ("CHANGE_URL", page)]), expected);
        }
        assert_eq!(found(&[("CHANGE_ID", "7"), ("CHANGE_URL", "https://a.example/pull/7")]), None);
        assert_eq!(found(&[("GITHUB_ACTIONS", "false"), ("GITHUB_REPOSITORY", "acme/shop")]), None);
    }

    #[test]
    fn an_event_of_the_target_branch_names_the_request_in_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let path = file.path().to_str().unwrap();
            let variables = [
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_REPOSITORY", "acme/shop"),
                ("GITHUB_REF", "refs/heads/main"),
                ("GITHUB_EVENT_PATH", path),
            ];
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            Environment::of(variable).map(|found| found.unwrap().request)
        };
        assert_eq!(of(r#"{"number": 3, "pull_request": {"number": 7, "title": "12"}}"#).unwrap(), Some(7));
        assert_eq!(of(r#"{"issue": {"number": 7}}"#).unwrap(), None, "an issue is no request");
        assert!(of("{").unwrap_err().to_string().contains("can't be read"));
    }
}
