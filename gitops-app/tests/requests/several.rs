//! A request over several applications of one repository: what it does not touch costs nothing.

use gitops_app::Clusters;
use gitops_app::review::Warm;

use super::*;

/// A world with these applications, each of which follows the folder of its name and is applied.
async fn world_of(names: &[&str]) -> World {
    let world = World::new();
    let mut text =
        "source: { git: { url: ./repository, ref: { branch: main } } }\napplications:\n".to_owned();
    for name in names {
        world.commit(&[(&format!("{name}/page"), "one\n")]);
        let place = format!(
            "source: {{ git: {{ path: site/{name} }} }}, target: {{ directory: {{ root: ./live-{name} }} }}"
        );
        text.extend(["- { name: ", *name, ", ", place.as_str(), " }\n"]);
    }
    fs::write(world.path("gitops.yaml"), text).unwrap();
    for config in &Applications::load(&world.path("gitops.yaml"), &Backends::new()).unwrap().all {
        let mut session = Session::builder(config).access(Access::Write).open(&world.cx).await.unwrap();
        session.engine.reconcile(&world.cx).await.unwrap();
    }
    world
}

async fn review(world: &World, number: u64, warm: &Arc<Warm>) -> Told {
    world.told_by(number, |asked| asked.warm(warm.clone())).await.unwrap()
}

/// The applications that have a review's part, and those that it leaves as they are.
fn told_of(told: &Told) -> (Vec<&str>, Vec<&str>) {
    let parts = told.reviewed.review.parts.iter().map(|part| part.application.as_str());
    (parts.collect(), told.reviewed.untouched.iter().map(String::as_str).collect())
}

/// The mirrors that have a commit.
fn mirrors_with(world: &World, commit: &CommitId) -> usize {
    let mirrors = fs::read_dir(world.path(".gitops/~mirrors")).unwrap();
    let folders = mirrors.map(|entry| entry.unwrap().path());
    folders.filter(|folder| folder.join("refs/gitops").join(commit.as_str()).exists()).count()
}

#[tokio::test]
async fn an_application_that_a_request_leaves_as_it_is_is_not_opened_and_fetches_nothing() {
    let names = ["a", "b", "c", "d"];
    let world = world_of(&names).await;
    let warm = Arc::new(Warm::new(&world.cx, Clusters::new()));
    let head = world.on_feature(&[("b/page", "two\n"), ("elsewhere", "new\n")]);
    let number = world.propose(head.clone(), OURS).number;
    let told = review(&world, number, &warm).await;
    assert_eq!(told_of(&told), (vec!["b"], vec!["a", "c", "d"]));
    assert_eq!((told.reviewed.review.parts[0].items.len(), warm.open()), (1, 1));
    assert_eq!(mirrors_with(&world, &head), 1, "it is fetched once, for all");
}

#[tokio::test]
async fn what_came_on_the_target_branch_since_is_none_of_the_requests() {
    let world = world_of(&["a", "b", "c"]).await;
    let warm = Arc::new(Warm::new(&world.cx, Clusters::new()));
    let head = world.on_feature(&[("a/page", "two\n")]);
    world.commit(&[("b/page", "main\n")]);
    let number = world.propose(head, OURS).number;
    let told = review(&world, number, &warm).await;
    assert_eq!((told_of(&told), warm.open()), ((vec!["a"], vec!["b", "c"]), 1));
}

#[tokio::test]
async fn a_conflict_is_told_of_every_application_without_opening_any() {
    let world = world_of(&["a", "b"]).await;
    let warm = Arc::new(Warm::new(&world.cx, Clusters::new()));
    let head = world.on_feature(&[("a/page", "two\n")]);
    world.commit(&[("a/page", "main\n")]);
    let number = world.propose(head, OURS).number;
    let told = review(&world, number, &warm).await;
    let failed = told.reviewed.failed.iter().map(|failed| (failed.is_conflict, failed.application.as_str()));
    assert_eq!(failed.collect::<Vec<_>>(), [(true, "a"), (true, "b")]);
    assert_eq!(warm.open(), 0);
}
