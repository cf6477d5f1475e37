//! What the environment of a CI job says of the request that it is about.

use std::path::Path;

use gitops_core::{Error, ErrorKind, Result};
use gitops_forge::{CommitId, QueuedCommit, queued_request};
use serde_json::Value;

use super::as_written::AsWritten;
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
    /// The commit of a merge queue or of a merge train, if the job is about one. The request is what it takes in last.
    pub queued: Option<QueuedCommit>,
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
            () if is("GITLAB_CI") => gitlab(&variable),
            () => Ok(jenkins(&variable)),
        }
    }

    /// The comment that somebody wrote just now, as the event tells that started a job of GitHub, Gitea or Forgejo Actions: others may
    /// edit it before anybody asks for it.
    pub fn written(variable: impl Fn(&str) -> Option<String>) -> AsWritten {
        let mut written = AsWritten::default();
        let event = variable("GITHUB_EVENT_PATH").filter(|path| !path.is_empty());
        // Without it, the author confirms the comment.
        let event = event.and_then(|path| document(Path::new(&path)).ok()).unwrap_or_default();
        let comment = &event["comment"];
        if let (Some("created"), Some(id), Some(body)) =
            (event["action"].as_str(), comment["id"].as_u64(), comment["body"].as_str())
        {
            written.learn(&id.to_string(), body);
        }
        written
    }
}

/// GitHub Actions, and those of Gitea and Forgejo, which set the same variables.
fn actions(variable: &dyn Fn(&str) -> Option<String>, is_gitea: bool) -> Result<Option<Environment>> {
    let Some(repository) = variable("GITHUB_REPOSITORY") else { return Ok(None) };
    let (request, queued) = match variable("GITHUB_REF").as_deref().and_then(of_reference) {
        Some(number) => (Some(number), None),
        // The reference of an event that takes its job from the target branch is that branch.
        None => match variable("GITHUB_EVENT_PATH") {
            Some(path) => of_event(&document(Path::new(&path))?)?,
            None => (None, None),
        },
    };
    let (system, kind, account) = match is_gitea {
        true => ("Gitea Actions", ForgeKind::Gitea, None),
        false => ("GitHub Actions", ForgeKind::GitHub, Some("github-actions[bot]")),
    };
    let url = variable("GITHUB_SERVER_URL");
    Ok(Some(Environment { system, kind, url, repository, request, queued, account }))
}

/// The number in `refs/pull/7/merge`.
fn of_reference(reference: &str) -> Option<u64> {
    reference.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok()
}

/// The request, or the commit of a queue, that an event is about.
fn of_event(event: &Value) -> Result<(Option<u64>, Option<QueuedCommit>)> {
    let queue = &event["merge_group"];
    if let (Some(branch), Some(base)) = (queue["head_ref"].as_str(), queue["base_ref"].as_str()) {
        let base = base.strip_prefix("refs/heads/").unwrap_or(base);
        let commit = CommitId::parse(queue["head_sha"].as_str().unwrap_or_default())?;
        let request = queued_request(branch);
        return Ok((request, Some(QueuedCommit::new(base, commit).of(request))));
    }
    let of_request = event["pull_request"]["number"].as_u64();
    // A comment on a request is told as one on an issue.
    let issue = &event["issue"];
    let of_comment = || issue["number"].as_u64().filter(|_| issue["pull_request"].is_object());
    Ok((of_request.or_else(of_comment).or_else(|| of_run(&event["workflow_run"])), None))
}

/// The request of another workflow's run, which GitHub starts a job of the default branch after. A run of a fork's request names none;
/// the ready-made workflow has its number as title. Whoever writes another number there has another request reviewed, and no more.
fn of_run(run: &Value) -> Option<u64> {
    match run["pull_requests"].as_array().map(Vec::as_slice) {
        Some([request]) => request["number"].as_u64(),
        _ => run["display_title"].as_str()?.parse().ok(),
    }
}

/// The description of an event.
fn document(path: &Path) -> Result<Value> {
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
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// GitLab CI: a pipeline of a merge request names it, also one of a fork that runs in the target's project. One that a webhook started
/// has what the webhook said.
fn gitlab(variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Environment>> {
    let project = variable("CI_MERGE_REQUEST_PROJECT_PATH").or_else(|| variable("CI_PROJECT_PATH"));
    let Some(repository) = project else { return Ok(None) };
    let request = match variable("CI_MERGE_REQUEST_IID") {
        Some(number) => number.parse().ok(),
        None => match variable("TRIGGER_PAYLOAD") {
            Some(path) => of_webhook(&document(Path::new(&path))?, &repository),
            None => None,
        },
    };
    let is_train = variable("CI_MERGE_REQUEST_EVENT_TYPE").is_some_and(|kind| kind == "merge_train");
    let queued = match (variable("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"), variable("CI_COMMIT_SHA")) {
        (Some(branch), Some(commit)) if is_train => {
            Some(QueuedCommit::new(branch, CommitId::parse(&commit)?).of(request))
        }
        _ => None,
    };
    let (system, kind, url) = ("GitLab CI", ForgeKind::GitLab, variable("CI_SERVER_URL"));
    Ok(Some(Environment { system, kind, url, repository, request, queued, account: None }))
}

/// The request of this project that a webhook of GitLab is about.
fn of_webhook(said: &Value, project: &str) -> Option<u64> {
    let is_ours = said["project"]["path_with_namespace"]
        .as_str()
        .is_some_and(|path| path.eq_ignore_ascii_case(project));
    let request = match said["object_kind"].as_str()? {
        "merge_request" => &said["object_attributes"],
        "note" => &said["merge_request"],
        _ => return None,
    };
    request["iid"].as_u64().filter(|_| is_ours)
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
        queued: None,
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

    /// What is found of a file that describes an event.
    fn with_event(variables: &[(&str, &str)], name: &str, text: &str) -> Result<Environment> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let variables = [variables, &[(name, file.path().to_str().unwrap())]].concat();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Environment::of(variable).map(Option::unwrap)
    }

    const HEAD: &str = "0123456789012345678901234567890123456789";

    #[test]
    fn an_event_of_the_target_branch_names_the_request_in_its_file() {
        let variables = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "acme/shop"),
            ("GITHUB_REF", "refs/heads/main"),
        ];
        let of = |text: &str| with_event(&variables, "GITHUB_EVENT_PATH", text);
        for (text, expected) in [
            (r#"{"number": 3, "pull_request": {"number": 7, "title": "12"}}"#, Some(7)),
            (r#"{"pull_request": {"number": 7}, "review": {"id": 3, "state": "approved"}}"#, Some(7)),
            (r#"{"issue": {"number": 7}}"#, None), // an issue is no request
            (r#"{"issue": {"number": 7, "pull_request": null}, "is_pull": false}"#, None),
            (r#"{"issue": {"number": 7, "pull_request": {"merged": false}}, "is_pull": true}"#, Some(7)),
            (r#"{"workflow_run": {"pull_requests": [{"number": 7}], "display_title": "8"}}"#, Some(7)),
            (r#"{"workflow_run": {"pull_requests": [], "display_title": "8"}}"#, Some(8)), // of a fork
            (r#"{"workflow_run": {"pull_requests": [], "display_title": "Fix 8"}}"#, None),
            (r#"{"ref": "refs/heads/main", "after": "0123"}"#, None),
        ] {
            let found = of(text).unwrap();
            assert_eq!((found.request, found.queued), (expected, None), "{text}");
        }
        assert!(of("{").unwrap_err().to_string().contains("can't be read"));
    }

    #[test]
    fn a_commit_of_a_queue_is_no_head_of_a_request() {
        let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "acme/shop")];
        let reference = format!("refs/heads/gh-readonly-queue/release/2/pr-7-{HEAD}");
        let event = format!(
            r#"{{"merge_group": {{"head_sha": "{HEAD}", "head_ref": "{reference}", "base_ref": "refs/heads/release/2"}}}}"#
        );
        let found = with_event(&github, "GITHUB_EVENT_PATH", &event).unwrap().queued.unwrap();
        assert_eq!((&*found.branch, found.commit.as_str(), found.request), ("release/2", HEAD, Some(7)));

        let train = [
            ("GITLAB_CI", "true"),
            ("CI_PROJECT_PATH", "acme/shop"),
            ("CI_MERGE_REQUEST_PROJECT_PATH", "acme/shop"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_COMMIT_SHA", HEAD),
            ("CI_MERGE_REQUEST_EVENT_TYPE", "merge_train"),
        ];
        let on_train = found_in(&train).queued.unwrap();
        assert_eq!((&*on_train.branch, on_train.commit.as_str(), on_train.request), ("main", HEAD, Some(7)));
        for kind in ["detached", "merged_result"] {
            let before = [&train[..6], &[("CI_MERGE_REQUEST_EVENT_TYPE", kind)]].concat();
            assert_eq!((found_in(&before).queued, found_in(&before).request), (None, Some(7)), "{kind}");
        }
    }

    fn found_in(variables: &[(&str, &str)]) -> Environment {
        found(variables).unwrap()
    }

    #[test]
    fn a_pipeline_that_a_webhook_started_is_about_the_request_of_its_own_project() {
        let variables = [("GITLAB_CI", "true"), ("CI_PROJECT_PATH", "acme/shop")];
        let of = |text: &str| with_event(&variables, "TRIGGER_PAYLOAD", text).unwrap().request;
        let project = r#""project": {"path_with_namespace": "acme/shop"}"#;
        let approved = format!(
            r#"{{"object_kind": "merge_request", {project}, "object_attributes": {{"iid": 7, "id": 99}}}}"#
        );
        assert_eq!(of(&approved), Some(7));
        let note = format!(r#"{{"object_kind": "note", {project}, "merge_request": {{"iid": 7}}}}"#);
        assert_eq!(of(&note), Some(7));
        assert_eq!(of(&approved.replace("acme/shop", "mallory/shop")), None, "another project's number");
        assert_eq!(of(&format!(r#"{{"object_kind": "push", {project}}}"#)), None);
        assert_eq!(of(&format!(r#"{{"object_kind": "note", {project}, "issue": {{"iid": 7}}}}"#)), None);
    }
}
