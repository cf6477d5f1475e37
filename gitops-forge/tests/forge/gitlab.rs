//! The adapter of GitLab, against a server that stands in for it.

use std::path::Path;
use std::sync::Arc;

use gitops_core::{Cx, ErrorKind, Result};
use gitops_forge::conformance::{self, ForgeSubject, MemoryOthers, Others, Person};
use gitops_forge::{
    CommitId, CommitStatus, Connection, Forge, ForgeExt, GitLab, Merge, MergeMethod, QueuedCommit,
    RepositoryPath, ReviewState, StatusState,
};
use serde_json::json;

use crate::support::{
    Answered, Described, Description, GitLabDialect, Server, StoodIn, TOKEN, Trouble, secret,
};

fn adapter(server: &Server) -> GitLab {
    let project = RepositoryPath::parse("platform/site").unwrap();
    GitLab::new(Connection::to(server.url()), project, &secret(TOKEN)).unwrap()
}

async fn subject(description: Arc<Description>) -> Result<ForgeSubject> {
    let memory = MemoryOthers::new();
    let dialect = GitLabDialect::new(memory.forge().clone());
    let server = Server::start(Arc::new(Described::new(dialect, description))).await;
    let forge = adapter(&server);
    Ok(ForgeSubject::new(Arc::new(forge), Arc::new(StoodIn::new(memory, server))))
}

/// The description is the project's own, from what GitLab's documentation says of the calls that are made.
fn description() -> Description {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/forge/gitlab-api.json");
    Description::read(&file, &["api", "v4"])
}

#[tokio::test]
async fn a_stood_in_gitlab_keeps_the_contract_with_the_calls_and_answers_of_its_documentation() {
    let description = Arc::new(description());
    let described = description.clone();
    let report = conformance::forge(move || subject(described.clone())).run().await;
    assert_eq!(description.violations(), [""; 0]);
    report.assert_passed();
    assert_eq!(report.skipped(), [""; 0]);
    assert!(description.seen() >= 20, "only {} operations were used", description.seen());
}

async fn stood_in() -> (Server, MemoryOthers, GitLab, u64) {
    let memory = MemoryOthers::new();
    let server = Server::start(Arc::new(GitLabDialect::new(memory.forge().clone()))).await;
    let forge = adapter(&server);
    let number = memory.open(&Cx::system(), Person::Author, false).await.unwrap();
    (server, memory, forge, number)
}

#[tokio::test]
async fn an_approval_whose_time_is_not_told_proves_nothing_about_a_commit() {
    let (server, memory, forge, number) = stood_in().await;
    memory.review(&Cx::system(), Person::Reviewer, number, ReviewState::Approved).await.unwrap();
    let user = json!({"id": 3, "username": "bob"});
    server.plan(Trouble::Answer(Answered::json(200, json!({"approved_by": [{"user": user}]}))), false);
    let found = forge.reviews(&Cx::system(), number).await.unwrap();
    assert_eq!((found.len(), found[0].commit.clone(), found[0].submitted), (1, None, None));
}

#[tokio::test]
async fn a_status_that_stays_pending_takes_another_text() {
    let (_server, _, forge, number) = stood_in().await;
    let cx = Cx::system();
    let commit = forge.change_request(&cx, number).await.unwrap().head.commit;
    for text in ["1 of 3 planned", "2 of 3 planned"] {
        let status = CommitStatus::new("gitops/plan", StatusState::Pending, text);
        forge.ensure_status(&cx, &commit, &status).await.unwrap();
        assert_eq!(forge.statuses(&cx, &commit).await.unwrap(), [status]);
    }
}

#[tokio::test]
async fn who_may_not_merge_is_told_so_and_a_rebase_is_the_projects_setting() {
    let (server, _, forge, number) = stood_in().await;
    let cx = Cx::system();
    let merge = Merge::of(forge.change_request(&cx, number).await.unwrap().head.commit);
    server.plan(Trouble::Answer(Answered::json(401, json!({"message": "401 Unauthorized"}))), true);
    assert_eq!(forge.merge(&cx, number, &merge).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let rebase = merge.method(MergeMethod::Rebase);
    assert_eq!(forge.merge(&cx, number, &rebase).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

fn graph_commit(
    nth: usize,
    emails: [&str; 2],
    author: Option<u64>,
    status: Option<&str>,
) -> serde_json::Value {
    let author =
        author.map(|id| json!({"id": format!("gid://gitlab/User/{id}"), "username": format!("user{id}")}));
    json!({
        "sha": format!("{nth:040x}"), "authorEmail": emails[0], "committerEmail": emails[1], "author": author,
        "signature": status.map(|status| json!({"verificationStatus": status})),
    })
}

/// The accounts of each commit, `?` for an address that is nobody's.
async fn accounts(commits: Vec<serde_json::Value>, committers: &[u64]) -> Vec<String> {
    let (server, _, forge, number) = stood_in().await;
    let committers = committers
        .iter()
        .map(|id| json!({"id": format!("gid://gitlab/User/{id}"), "username": format!("user{id}")}));
    let request = json!({
        "commitCount": commits.len(),
        "committers": {"nodes": committers.collect::<Vec<_>>(), "pageInfo": {"hasNextPage": false}},
        "commits": {"nodes": commits, "pageInfo": {"hasNextPage": false, "endCursor": null}},
    });
    let answer = json!({"data": {"project": {"mergeRequest": request}}});
    server.plan(Trouble::Answer(Answered::json(200, answer)), true);
    let found = forge.commits().unwrap().of_request(&Cx::system(), number).await.unwrap();
    let name = |person: &gitops_forge::CommitPerson| {
        person.account.as_ref().map_or_else(|| "?".to_owned(), |account| account.login.to_string())
    };
    found.iter().map(|commit| commit.people.iter().map(name).collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn a_committer_is_known_only_if_the_forge_leaves_no_doubt() {
    let (alice, bob, carol) = ("alice@example.org", "bob@example.org", "carol@example.org");
    // Who committed what another one wrote: one address and one account that are nobody else's.
    let one = vec![graph_commit(1, [alice, bob], Some(1), None)];
    assert_eq!(accounts(one.clone(), &[2]).await, ["user1 user2"]);
    assert_eq!(accounts(one, &[]).await, ["user1 ?"]);
    // Two addresses and one account: it may be either's.
    let two =
        vec![graph_commit(1, [alice, bob], Some(1), None), graph_commit(2, [alice, carol], Some(1), None)];
    assert_eq!(accounts(two, &[2]).await, ["user1 ?", "user1 ?"]);
    // An author elsewhere is known by that.
    let also = vec![graph_commit(1, [alice, bob], Some(1), None), graph_commit(2, [bob, bob], Some(2), None)];
    assert_eq!(accounts(also, &[2]).await, ["user1 user2", "user2 user2"]);
    // What somebody made on the forge's own pages, the forge committed and signed. Who only says so is somebody else.
    let forge = "noreply@example.org";
    let by_the_forge = graph_commit(1, [alice, forge], Some(1), Some("VERIFIED_SYSTEM"));
    assert_eq!(accounts(vec![by_the_forge], &[]).await, ["user1"]);
    assert_eq!(
        accounts(vec![graph_commit(1, [alice, forge], Some(1), Some("UNVERIFIED"))], &[]).await,
        ["user1 ?"]
    );
}

#[tokio::test]
async fn what_the_forge_does_not_show_of_a_request_is_an_error() {
    let (server, _, forge, number) = stood_in().await;
    let ask = async |answer: serde_json::Value| {
        server.plan(Trouble::Answer(Answered::json(200, answer)), true);
        forge.commits().unwrap().of_request(&Cx::system(), number).await.unwrap_err()
    };
    let old = json!({"errors": [{"message": "Field 'committers' doesn't exist on type 'MergeRequest'"}]});
    assert_eq!(ask(old).await.kind(), ErrorKind::Unsupported);
    assert_eq!(ask(json!({"data": {"project": null}})).await.kind(), ErrorKind::NotFound);
    let page = json!({"nodes": [], "pageInfo": {"hasNextPage": false}});
    let fewer = json!({"commitCount": 2, "commits": page, "committers": page});
    let error = ask(json!({"data": {"project": {"mergeRequest": fewer}}})).await;
    assert!(error.is_retryable() && !error.is_unknown(), "{error}");
}

#[tokio::test]
async fn what_waits_on_merge_trains_is_told_whole_or_not_at_all() {
    let memory = MemoryOthers::new();
    let description = Arc::new(description());
    let dialect = GitLabDialect::new(memory.forge().clone());
    let server = Server::start(Arc::new(Described::new(dialect, description.clone()))).await;
    let forge = adapter(&server);
    let (cx, queue) = (Cx::system(), forge.merge_queue().unwrap());
    assert_eq!(queue.waiting(&cx).await.unwrap(), []);
    // Three pages of them; one in four has no pipeline yet, and one the pipeline of its own head.
    let commit = |nth: usize| CommitId::parse(&format!("{nth:040x}")).unwrap();
    let cars: Vec<_> =
        (0..250).map(|nth| QueuedCommit::new("main", commit(nth)).of(u64::try_from(nth).ok())).collect();
    memory.forge().queue(cars.clone());
    let on_trains = cars.iter().enumerate().filter(|(nth, _)| nth % 4 < 2).map(|(_, car)| car.clone());
    let on_trains: Vec<_> = on_trains.collect();
    assert_eq!(queue.waiting(&cx).await.unwrap(), on_trains);
    assert_eq!(description.violations(), [""; 0]);
    // Project without trains, or edition without them.
    for status in [403, 404] {
        server.plan(Trouble::Answer(Answered::json(status, json!({"message": "no"}))), false);
        assert_eq!(queue.waiting(&cx).await.unwrap(), [], "{status}");
    }
    // What is away, cut short or nonsense is an error and no shorter train.
    let broken = [
        Answered::json(502, json!({})),
        Answered::json(200, json!([{"target_branch": "main"}, {"pipeline": 7}])),
        Answered::json(
            200,
            json!([{"target_branch": "main", "pipeline": {"sha": "x", "ref": "refs/merge-requests/1/train"}}]),
        ),
    ];
    for answer in broken {
        server.plan(Trouble::Answer(answer), false);
        queue.waiting(&cx).await.unwrap_err();
    }
    assert_eq!(queue.waiting(&cx).await.unwrap(), on_trains);
    // A train without an end.
    memory.forge().queue((0..20_000).map(|nth| QueuedCommit::new("main", commit(nth))).collect());
    assert_eq!(queue.waiting(&cx).await.unwrap_err().kind(), ErrorKind::Limit);
}

#[tokio::test]
async fn a_project_that_squashes_always_or_never_is_merged_so() {
    let (server, _, forge, _) = stood_in().await;
    let (merge, squash) = (MergeMethod::Merge, MergeMethod::Squash);
    let ways: [(&str, &[MergeMethod]); 3] =
        [("always", &[squash]), ("never", &[merge]), ("default_on", &[merge, squash])];
    for (option, methods) in ways {
        let project = json!({"id": 4, "merge_method": "ff", "squash_option": option});
        server.plan(Trouble::Answer(Answered::json(200, project)), false);
        assert_eq!(forge.merge_methods(&Cx::system()).await.unwrap(), methods, "{option}");
    }
}
