//! Rules of who and when: on the forge they decide what is stored, and after the merge nothing else is applied.

use std::fs;

use gitops_app::review::{Asked, Told};
use gitops_core::review::Outcome;
use gitops_core::{ErrorKind, Result};
use gitops_forge::{MemoryForge, Permission};

use super::{GATE, OURS, World, effect};

/// A world that was applied and then got rules, and a request of Alice that changes `page`.
async fn with(rules: &str) -> (World, u64) {
    let world = World::new();
    world.apply().await.unwrap();
    world.configure(rules);
    let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
    (world, number)
}

fn person(world: &World, login: &str) -> MemoryForge {
    world.forge.acting_as(&world.forge.join(login, Permission::Write))
}

async fn approves(world: &World, who: &MemoryForge, number: u64) {
    let approve = format!("/approve {}", effect(world, number).await);
    world.says(who, number, &approve).await;
}

async fn kept(world: &World, number: u64) -> Told {
    world.told_by(number, Asked::keeping_approvals).await.unwrap()
}

/// What the rules say of the one application.
fn rules(told: &Told) -> Vec<String> {
    let standing = told.reviewed.review.parts[0].approvals.as_ref();
    standing.into_iter().flat_map(|standing| &standing.rules).map(ToString::to_string).collect()
}

fn discounted(told: &Told) -> Vec<String> {
    let standing = told.reviewed.review.parts[0].approvals.as_ref();
    let votes = standing.into_iter().flat_map(|standing| &standing.discounted);
    votes.map(|vote| format!("{}: {}", vote.by, vote.why)).collect()
}

fn merged(world: &World) {
    world.git(&["merge", "-q", "--no-ff", "--no-edit", "feature"]);
}

async fn refused(world: &World) -> Result<()> {
    let error = world.apply().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsApproval, "{error}");
    Ok(())
}

const TWO: &str =
    "labels: { environment: production }\napprovals: [{ name: two, needs: 2, environments: [production] }]\n";

#[tokio::test]
async fn two_people_must_approve_where_the_rule_says_so() {
    let (world, number) = with(TWO).await;
    let (bob, carol) = (person(&world, "bob"), person(&world, "carol"));
    approves(&world, &bob, number).await;
    let told = kept(&world, number).await;
    assert_eq!((told.reviewed.review.outcome(), told.approved.len()), (Outcome::NeedsApproval, 0));
    assert_eq!(rules(&told), ["two: 1 of 2 approvals; approved by bob"]);
    approves(&world, &carol, number).await;
    assert_eq!(kept(&world, number).await.approved, ["site"]);
    let again = kept(&world, number).await;
    assert_eq!((again.approved.len(), again.statuses, again.wrote_comment), (0, 0, false), "it is stored");
    let writes = world.forge.writes();
    kept(&world, number).await;
    assert_eq!(world.forge.writes(), writes, "and said once");
    merged(&world);
    world.apply().await.unwrap();
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "two\n");
    // What somebody did by hand is put back with nobody asked.
    fs::write(world.path("live/page"), "by hand\n").unwrap();
    world.apply().await.unwrap();
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "two\n");
    world.commit(&[("page", "three\n")]);
    refused(&world).await.unwrap();
}

#[tokio::test]
async fn a_rule_is_for_its_environment_its_kinds_and_its_risks_only() {
    for rules in [
        "labels: { environment: staging }\napprovals: [{ name: two, needs: 2, environments: [production] }]\n",
        "approvals: [{ name: rights, kinds: ['*.rbac.authorization.k8s.io'] }]\n",
        "approvals: [{ name: loss, risk: high }]\n",
        "approvals: [{ name: loss, risks: [delete] }]\n",
    ] {
        let (world, number) = with(rules).await;
        assert_eq!(world.told(number).await.unwrap().reviewed.review.outcome(), Outcome::Ready, "{rules}");
        merged(&world);
        world.apply().await.unwrap();
    }
    for rules in ["approvals: [{ name: files, kinds: [File] }]\n", "approvals: [{ name: all }]\n"] {
        let (world, number) = with(rules).await;
        let told = world.told(number).await.unwrap();
        assert_eq!(told.reviewed.review.outcome(), Outcome::NeedsApproval, "{rules}");
        merged(&world);
        refused(&world).await.unwrap();
    }
}

#[tokio::test]
async fn only_who_is_named_counts_and_a_team_is_as_the_forge_has_it() {
    let rule = "approvals: [{ name: platform, from: { people: [carol], teams: [acme/platform] } }]\n";
    for (login, counts) in [("bob", false), ("carol", true), ("dora", true)] {
        let (world, number) = with(rule).await;
        let who = person(&world, login);
        let dora =
            if login == "dora" { who.account().clone() } else { world.forge.join("dora", Permission::Write) };
        world.forge.team("acme/platform", &[dora]);
        approves(&world, &who, number).await;
        assert_eq!(kept(&world, number).await.approved.len(), usize::from(counts), "{login}");
    }
    let (world, number) = with(rule).await;
    let error = world.told(number).await.unwrap_err();
    assert!(error.to_string().contains("no team `acme/platform`"), "{error}");
}

#[tokio::test]
async fn owners_are_those_of_the_target_branch_and_who_changes_them_is_asked_again() {
    let rule = "approvals: [{ name: owners, from: { code_owners: site/OWNERS } }]\n";
    let world = World::new();
    world.commit(&[("OWNERS", "site/page @carol\nsite/OWNERS @carol\n")]);
    world.apply().await.unwrap();
    world.configure(rule);
    let head = world.on_feature(&[("page", "two\n"), ("OWNERS", "site/.* @bob\n")]);
    let number = world.propose(head, OURS).number;
    let (bob, carol) = (person(&world, "bob"), person(&world, "carol"));
    approves(&world, &bob, number).await;
    let told = kept(&world, number).await;
    assert_eq!(told.approved.len(), 0);
    assert_eq!(
        rules(&told),
        [
            "owners (site/page): 0 of 1 approvals; can be approved by @carol",
            "owners (site/OWNERS): 0 of 1 approvals; can be approved by @carol",
        ]
    );
    approves(&world, &carol, number).await;
    let told = kept(&world, number).await;
    assert_eq!(told.reviewed.review.outcome(), Outcome::Approved);
    assert_eq!(
        (told.approved.len(), told.asks_again),
        (0, vec![("site".to_owned(), vec!["site/OWNERS".to_owned()])])
    );
    assert!(
        world.comments(number).await[0]
            .contains("asked again after the merge, because `site/OWNERS` changes")
    );
    merged(&world);
    refused(&world).await.unwrap();
}

#[tokio::test]
async fn an_approval_that_expires_is_stored_with_its_end() {
    let (world, number) = with("approvals: [{ name: day, valid_for: 24h }]\n").await;
    let bob = person(&world, "bob");
    approves(&world, &bob, number).await;
    assert_eq!(kept(&world, number).await.approved, ["site"]);
    let until = world.stored().await.iter().map(|approval| approval.until.unwrap().since(approval.at)).next();
    let hours = until.unwrap().as_secs() / 3600;
    assert!((23..=24).contains(&hours), "{hours} h");
}

/// Of these, none counts; the latest word of a person does.
#[tokio::test]
async fn the_author_a_bot_a_forks_owner_and_who_took_it_back_do_not_count() {
    let (world, number) = with(TWO).await;
    let bot = world.forge.acting_as(&world.forge.join_bot("renovate", Permission::Write));
    let mallory = world.forge.acting_as(&world.forge.join("mallory", Permission::Read));
    let (bob, carol) = (person(&world, "bob"), person(&world, "carol"));
    for who in [&world.author.clone(), &bot, &mallory, &bob, &carol] {
        approves(&world, who, number).await;
        let met = kept(&world, number).await.reviewed.review.outcome();
        assert_eq!(met == Outcome::Approved, who.account().login == "carol", "{}", who.account().login);
    }
    let (world, number) = with(TWO).await;
    let (bob, carol) = (person(&world, "bob"), person(&world, "carol"));
    approves(&world, &bob, number).await;
    approves(&world, &carol, number).await;
    let review = bob.review(&world.cx, number, gitops_forge::ReviewState::Approved).unwrap();
    bob.dismiss(number, &review).unwrap();
    let told = kept(&world, number).await;
    assert_eq!((told.reviewed.review.outcome(), told.approved.len()), (Outcome::NeedsApproval, 0));
    assert_eq!(rules(&told), ["two: 1 of 2 approvals; approved by carol"]);
}

/// The target branch moves elsewhere and is applied; then what the request changes itself moves, in Git and by hand.
#[tokio::test]
async fn a_move_elsewhere_voids_nothing_and_one_of_the_same_object_voids_it_and_says_so() {
    let world = World::new();
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n{last}\n");
    world.commit(&[("page", &lines("1", "7"))]);
    world.apply().await.unwrap();
    world.configure(GATE);
    let number = world.propose(world.on_feature(&[("page", &lines("1", "seven"))]), OURS).number;
    let bob = person(&world, "bob");
    approves(&world, &bob, number).await;
    assert_eq!(world.told(number).await.unwrap().reviewed.review.outcome(), Outcome::Approved);
    world.commit(&[("elsewhere", "e\n")]);
    world.apply().await.unwrap();
    fs::write(world.path("repository/README"), "moved\n").unwrap();
    world.commit(&[]);
    let told = kept(&world, number).await;
    assert_eq!((told.reviewed.review.outcome(), told.approved), (Outcome::Approved, vec!["site".to_owned()]));
    let told = kept(&world, number).await;
    assert_eq!(
        (told.reviewed.review.outcome(), discounted(&told).len()),
        (Outcome::Approved, 0),
        "it is stored"
    );
    // A live field that the plan touches.
    fs::write(world.path("live/page"), "by hand\n").unwrap();
    let told = kept(&world, number).await;
    assert_eq!(told.reviewed.review.outcome(), Outcome::NeedsApproval);
    let comments = world.comments(number).await;
    assert!(comments[0].contains("an earlier approval does not cover it"), "{}", comments[0]);
    fs::write(world.path("live/page"), lines("1", "7")).unwrap();
    assert_eq!(
        kept(&world, number).await.reviewed.review.outcome(),
        Outcome::Approved,
        "it is as it was approved"
    );
    // The same object on the target branch.
    world.commit(&[("page", &lines("one", "7"))]);
    let told = kept(&world, number).await;
    assert_eq!(told.reviewed.review.outcome(), Outcome::NeedsApproval);
    assert_eq!(discounted(&told), ["bob: it names another effect, or fewer than 40 digits of it"]);
    merged(&world);
    refused(&world).await.unwrap();
}

const CLOSED: &str =
    "windows: [{ name: freeze, zone: UTC, deny: { from: 2020-01-01T00:00, to: 2999-01-01T00:00 } }]\n";

#[tokio::test]
async fn a_closed_window_holds_changes_back_and_lets_repairs_and_reviews_go_on() {
    let (world, number) = with(CLOSED).await;
    let told = world.told(number).await.unwrap();
    assert_eq!(told.reviewed.review.outcome(), Outcome::Ready, "when the merge comes is another time");
    assert!(
        world.comments(number).await[0]
            .contains("what is merged now waits: the change window `freeze` denies changes")
    );
    fs::write(world.path("live/page"), "by hand\n").unwrap();
    world.apply().await.unwrap();
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one\n");
    merged(&world);
    let error = world.apply().await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Denied && error.to_string().contains("the change window `freeze`"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(world.path("live/page")).unwrap(), "one\n");
}

#[tokio::test]
async fn in_an_emergency_two_people_say_so_on_the_forge() {
    let (world, number) = with(CLOSED).await;
    let effect = gitops_core::Digest::of(b"what would be done");
    let asked = || gitops_app::review::two_people(&world.cx, &world.forge, number, &effect);
    let approve = format!("/approve {}", effect.name());
    let bot = world.forge.acting_as(&world.forge.join_bot("renovate", Permission::Write));
    let stranger = world.forge.acting_as(&world.forge.join("mallory", Permission::Read));
    for who in [&bot, &stranger, &world.author] {
        world.says(who, number, &approve).await;
        world.says(who, number, &approve).await;
    }
    let error = asked().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NeedsApproval);
    assert!(
        error.with_help().contains("1 of 2 people approve it on request")
            && error.to_string().contains("(alice)"),
        "{}",
        error.with_help()
    );
    let bob = person(&world, "bob");
    world.says(&bob, number, "/approve 0123456789abcdef0123456789abcdef01234567").await;
    assert!(asked().await.is_err(), "it is another effect");
    world.says(&bob, number, &approve).await;
    assert_eq!(asked().await.unwrap(), ["alice", "bob"]);
}

#[tokio::test]
async fn owners_that_can_not_be_read_end_the_review_with_file_and_line() {
    let rule = "approvals: [{ name: owners, from: code-owners }]\n";
    let world = World::new();
    world.apply().await.unwrap();
    world.configure(rule);
    let head = world.on_feature(&[("page", "two\n")]);
    let number = world.propose(head, OURS).number;
    let refused = async || world.told(number).await.unwrap_err();
    let put = |bytes: &[u8]| {
        let path = world.path("repository/.gitea/CODEOWNERS");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        world.commit(&[]);
    };
    put(b"site/page @carol\n(x @bob\n");
    let error = refused().await;
    let (kind, text) = (error.kind(), error.to_string());
    assert_eq!(kind, ErrorKind::Invalid);
    assert!(text.contains("`.gitea/CODEOWNERS` of") && text.contains("CODEOWNERS line 2: "), "{text}");
    put(b"site/page @carol\n\xff @bob\n");
    assert!(refused().await.to_string().contains("CODEOWNERS line 2: it is no UTF-8"));
    put(b"site/page @carol\n!site/.* @bob\n");
    let told = kept(&world, number).await;
    assert_eq!(rules(&told), ["owners (site/page): 0 of 1 approvals; can be approved by @carol"]);
}

#[tokio::test]
async fn a_kind_that_the_file_names_and_a_share_that_it_sets_are_risks_before_and_after_the_merge() {
    let asks = "approvals: [{ name: data, risks: [stateful-change, large-share] }]\n";
    for (risks, expected) in [
        ("risks: { large_share: 100 }\n", Outcome::Ready),
        ("risks: { large_share: 49 }\n", Outcome::NeedsApproval),
        ("risks: { large_share: 100, stateful: [Fi*] }\n", Outcome::NeedsApproval),
        ("risks: { large_share: 100, access: [Fi*] }\n", Outcome::Ready),
    ] {
        let world = World::new();
        world.commit(&[("other", "1\n")]);
        world.apply().await.unwrap();
        world.configure(&format!("{asks}{risks}"));
        let number = world.propose(world.on_feature(&[("page", "two\n")]), OURS).number;
        assert_eq!(kept(&world, number).await.reviewed.review.outcome(), expected, "{risks}");
        merged(&world);
        match expected {
            Outcome::Ready => drop(world.apply().await.unwrap()),
            _ => refused(&world).await.unwrap(),
        }
    }
}

/// What was approved was approved under what counted as a risk then.
#[tokio::test]
async fn another_word_on_risks_asks_again() {
    let rules = "approvals: [{ name: data, risks: [stateful-change] }]\nrisks: { stateful: [File] }\n";
    let (world, number) = with(rules).await;
    let bob = person(&world, "bob");
    approves(&world, &bob, number).await;
    assert_eq!(kept(&world, number).await.approved, ["site"]);
    world.configure(&rules.replace("[File]", "[File, Database]"));
    let told = kept(&world, number).await;
    assert_eq!(told.reviewed.review.outcome(), Outcome::NeedsApproval);
    assert_eq!(discounted(&told), ["bob: a gate has another rule since it was given"]);
    merged(&world);
    refused(&world).await.unwrap();
}
