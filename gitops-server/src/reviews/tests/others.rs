//! Two servers with contexts of their own in one request: each answers what is meant for it.

use super::*;

const TWO: &str = "source: { git: { url: ./repository, ref: { branch: main }, path: site } }\nsync: { interval: 1s }\n\
                   applications:\n\
                   - name: one\n  target: { directory: { root: ./one } }\n  \
                     gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n\
                   - name: two\n  target: { directory: { root: ./two } }\n  \
                     gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// A repository with two servers, each of which has one of the applications.
struct Servers {
    world: World,
    one: Reviews,
    two: Reviews,
}

impl Servers {
    async fn new() -> Self {
        let world = World::begun("");
        fs::write(world.path("gitops.yaml"), TWO).unwrap();
        world.work().await;
        let of = |name: &str| {
            let mut reviews = world.reviews_as(&format!("{name} memory"), Arc::default());
            let shared = Arc::get_mut(&mut reviews.0).expect("nobody else has it yet");
            shared.chosen.retain(|config| config.name == name);
            reviews
        };
        let (one, two) = (of("one"), of("two"));
        Self { world, one, two }
    }

    /// What one of them answers to what somebody said.
    async fn answers(&self, reviews: &Reviews, number: u64) -> Vec<(bool, String)> {
        reviews.0.look(&self.world.cx, number).await;
        reviews.0.review(&self.world.cx, number).await;
        self.world.answers().into_iter().map(|(_, done, answer)| (done, answer)).collect()
    }

    async fn effect(&self, number: u64, context: &str) -> String {
        let comment = self.world.ours(number, &format!("review/{context}")).await.concat();
        comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned()
    }
}

/// Met as: one answered 👎 "the request is still: failed", and the other one 👍 "nothing more is to be approved" to one comment.
#[tokio::test]
async fn an_approval_is_answered_by_the_context_that_shows_what_it_names() {
    let servers = Servers::new().await;
    let Servers { world, one, two } = &servers;
    let number = world.propose("two", OURS);
    for reviews in [one, two] {
        reviews.0.review(&world.cx, number).await;
    }
    let (of_one, of_two) = (servers.effect(number, "one").await, servers.effect(number, "two").await);
    world.says(&world.bob, number, &format!("/approve {of_two}")).await;
    assert_eq!(servers.answers(one, number).await, []);
    let answers = servers.answers(two, number).await;
    assert_eq!(answers, [(true, "approved, and stored for after the merge: two".to_owned())]);
    assert_eq!(world.ours(number, "answers/one").await, [""; 0]);

    // What a context showed once is of that context, and so is what has its first digits.
    world.git(&["checkout", "-q", "feature"]);
    let head = world.commit("three");
    world.git(&["checkout", "-q", "main"]);
    world.alice.push_commit(&world.cx, number, head).unwrap();
    one.0.review(&world.cx, number).await;
    world.says(&world.bob, number, &format!("/approve {of_one}")).await;
    world.says(&world.bob, number, &format!("/approve {}", &of_one[..39])).await;
    assert_eq!(servers.answers(two, number).await, []);
    let answers = servers.answers(one, number).await;
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert!(answers.iter().all(|(done, answer)| !done && answer.contains("another effect")), "{answers:?}");
    // It stays so, also after a restart and where nothing of the other one is on the head any more.
    let again = world.git(&["rev-parse", "main"]);
    world.alice.push_commit(&world.cx, number, CommitId::parse(&again).unwrap()).unwrap();
    two.0.look(&world.cx, number).await;
    assert_eq!(world.answers(), []);
    world.cx.cancel();
}

#[tokio::test]
async fn a_command_that_names_an_application_or_an_object_is_answered_by_the_context_that_has_it() {
    let servers = Servers::new().await;
    let Servers { world, one, two } = &servers;
    let number = world.propose("two", OURS);
    for reviews in [one, two] {
        reviews.0.review(&world.cx, number).await;
    }
    for command in ["/unlock two", "/rollback two", "/apply two", "/plan two", "/why nowhere"] {
        world.says(&world.bob, number, command).await;
        assert_eq!(servers.answers(one, number).await, [], "{command}");
    }
    let answers = servers.answers(two, number).await;
    assert_eq!(answers.len(), 4, "nobody knows of the object: {answers:?}");
    // Who does not name one means all.
    world.says(&world.bob, number, "/plan").await;
    for reviews in [one, two] {
        let answers = servers.answers(reviews, number).await;
        assert!(answers.len() == 1 && answers[0].0, "{answers:?}");
    }
    world.cx.cancel();
}

/// What a stranger writes keeps nobody from being answered.
#[tokio::test]
async fn alone_in_a_request_a_context_answers_what_it_does_not_know() {
    let servers = Servers::new().await;
    let Servers { world, one, .. } = &servers;
    let number = world.propose("two", OURS);
    one.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/one").await.concat().replace("review/one", "review/fake");
    let reader = world.forge.join("dave", Permission::Read);
    world.says(&world.forge.acting_as(&reader), number, &comment).await;
    world.says(&world.bob, number, &format!("/approve {}\n/unlock two\n/why nowhere", "0".repeat(40))).await;
    let answers = servers.answers(one, number).await;
    assert!(answers.len() == 3 && answers.iter().all(|(done, _)| !done), "{answers:?}");
    world.cx.cancel();
}
