//! What one person says twice in a second, which is all that forges tell of the time.

use gitops_forge::ReviewState;

use super::*;

pub(super) const GATE: &str =
    "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";

/// A clock that stands still.
pub(super) struct Still(pub(super) Time);

#[gitops_core::async_trait]
impl Clock for Still {
    fn now(&self) -> Time {
        self.0
    }

    async fn wait_until(&self, _: Time) {}
}

/// The answer named what was wrong with approvals that the person had given long before.
#[tokio::test]
async fn an_approval_in_the_second_of_a_no_does_not_count_and_says_that_and_nothing_of_older_ones() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let comment = world.ours(number, "review/").await.concat();
    let effect = comment.split("/approve ").nth(1).unwrap().get(..40).unwrap().to_owned();
    let answered = async || {
        reviews.0.look(&world.cx, number).await;
        reviews.0.review(&world.cx, number).await;
        let mut answers = world.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    };
    world.says(&world.bob, number, "/approve 0000000000000000000000000000000000000000").await;
    let (_, done, answer) = answered().await;
    assert!(!done && answer.contains("it names another effect"), "{answer}");

    let at = System.now().after(Duration::from_secs(5));
    let still = Cx::new(Arc::new(Still(at)), Arc::new(System));
    world.bob.review(&still, number, ReviewState::ChangesRequested).unwrap();
    world.says_at(&still, &world.bob, number, &format!("/approve {effect}")).await;
    let (_, done, answer) = answered().await;
    assert!(!done && answer.contains("asked for changes in the same second"), "{answer}");

    world.says_at(&later(Duration::from_secs(10)), &world.bob, number, &format!("/approve {effect}")).await;
    let (_, done, answer) = answered().await;
    assert!(done && answer.starts_with("approved, and stored"), "{answer}");
    world.cx.cancel();
}

/// Met on a forge that sends no webhooks: what somebody said in the second in which the server wrote its comment was found by nobody,
/// for the request looked as it had looked before.
#[tokio::test]
async fn a_request_is_looked_at_once_more_after_the_second_in_which_it_was_seen() {
    let world = World::with(GATE).await;
    let number = world.propose("two", OURS);
    let reviews = world.reviews();
    reviews.0.review(&world.cx, number).await;
    let request = world.forge.change_request(&world.cx, number).await.unwrap();
    let seen_at = |at: Time| {
        let mut seen = reviews.0.seen();
        let seen = seen.get_mut(&number).unwrap();
        (seen.updated, seen.at) = (request.updated, at);
    };
    let is_looked_at = || reviews.0.is_due(&world.cx, &request).0;
    seen_at(world.cx.now().after(Duration::from_secs(3600)));
    assert!(!is_looked_at(), "nobody did anything");
    seen_at(Time::from_micros(world.cx.now().as_micros() - 2_000_000));
    assert!(is_looked_at(), "something may have come in the same second");
    assert!(!is_looked_at(), "once");
    world.cx.cancel();
}
