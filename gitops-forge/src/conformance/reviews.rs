//! Checks of reviews and permissions.

use super::check::{Bench, Check, Checked, check, ensure, given};
use super::subject::Person;
use crate::value::{Permission, Review, ReviewState, User};

pub(super) const CHECKS: &[Check] = &[
    check!("F31", approved, "An approval has its author, the commit that it is of, and its time."),
    check!("F32", stale, "An approval stays that of its commit when another one is pushed."),
    check!("F33", withdrawn, "Who approved and then asks for changes has asked for changes last."),
    check!("F34", dismissed, "A review that was withdrawn does not count as an approval."),
    check!("F35", several, "Reviews come in the order in which they were given."),
    check!("F36", permissions, "Permissions are right: an outsider may not push, a maintainer administers."),
    check!("F37", nobody, "Somebody who is not there may do nothing."),
];

async fn review(bench: &Bench, by: Person, number: u64, state: ReviewState) -> Checked {
    given(bench.subject.others.review(&bench.cx, by, number, state).await)
}

async fn reviews(bench: &Bench, number: u64) -> Checked<Vec<Review>> {
    let found = bench.forge().reviews(&bench.cx, number).await?;
    Ok(found.into_iter().filter(|review| review.state != ReviewState::Commented).collect())
}

async fn approved(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let head = bench.forge().change_request(&bench.cx, number).await?.head.commit;
    review(bench, Person::Reviewer, number, ReviewState::Approved).await?;
    let found = reviews(bench, number).await?;
    ensure!(found.len() == 1, "one approval is shown as {found:?}");
    let Review { author, state, commit, submitted, is_dismissed, .. } = &found[0];
    ensure!(author.is(&bench.user(Person::Reviewer)) && !author.is_bot, "its author is {author:?}");
    ensure!(*state == ReviewState::Approved && !is_dismissed, "it is {:?}", found[0]);
    ensure!(commit.as_ref() == Some(&head), "it is of {commit:?}, and the head is {head}");
    ensure!(submitted.is_some(), "its time is not told");
    Ok(())
}

async fn stale(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let before = bench.forge().change_request(&bench.cx, number).await?.head.commit;
    review(bench, Person::Reviewer, number, ReviewState::Approved).await?;
    let after = given(bench.subject.others.push(&bench.cx, number).await)?;
    let found = reviews(bench, number).await?;
    let counts = |review: &&Review| !review.is_dismissed && review.state == ReviewState::Approved;
    let of_new = found.iter().filter(counts).any(|review| review.commit.as_ref() == Some(&after));
    ensure!(!of_new, "an approval of {before} is shown as one of {after}: {found:?}");
    let kept =
        found.iter().filter(counts).all(|review| review.commit.as_ref().is_none_or(|of| *of == before));
    ensure!(kept, "an approval of {before} is shown as one of something else: {found:?}");
    Ok(())
}

async fn withdrawn(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    review(bench, Person::Reviewer, number, ReviewState::Approved).await?;
    review(bench, Person::Reviewer, number, ReviewState::ChangesRequested).await?;
    let found = reviews(bench, number).await?;
    let last = found.iter().rfind(|review| !review.is_dismissed).map(|review| review.state);
    ensure!(last == Some(ReviewState::ChangesRequested), "the last word is {last:?}: {found:?}");
    Ok(())
}

async fn dismissed(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    review(bench, Person::Reviewer, number, ReviewState::Approved).await?;
    given(bench.subject.others.dismiss(&bench.cx, Person::Reviewer, number).await)?;
    let found = reviews(bench, number).await?;
    let counts = found.iter().any(|review| review.state == ReviewState::Approved && !review.is_dismissed);
    ensure!(!counts, "it was withdrawn, and is shown as {found:?}");
    Ok(())
}

async fn several(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    review(bench, Person::Reviewer, number, ReviewState::Approved).await?;
    review(bench, Person::Maintainer, number, ReviewState::Approved).await?;
    let found = reviews(bench, number).await?;
    let authors: Vec<_> = found.iter().map(|review| review.author.id.clone()).collect();
    let expected = [Person::Reviewer, Person::Maintainer].map(|person| bench.user(person).id);
    ensure!(authors == expected, "they are by {authors:?}, not {expected:?}");
    Ok(())
}

async fn permissions(bench: &Bench) -> Checked {
    let of = async |person| bench.forge().permission(&bench.cx, &bench.user(person)).await;
    let outsider = of(Person::Outsider).await?;
    ensure!(outsider < Permission::Write, "an outsider may {outsider:?}");
    for person in [Person::Author, Person::Reviewer] {
        let writer = of(person).await?;
        ensure!((Permission::Write..Permission::Admin).contains(&writer), "{person:?} may {writer:?}");
    }
    let maintainer = of(Person::Maintainer).await?;
    ensure!(maintainer >= Permission::Maintain, "the maintainer may {maintainer:?}");
    Ok(())
}

async fn nobody(bench: &Bench) -> Checked {
    let nobody = User::new("999999999", bench.name("nobody"));
    let found = bench.forge().permission(&bench.cx, &nobody).await?;
    ensure!(found == Permission::None, "somebody who is not there may {found:?}");
    // The login of somebody, under which another account was known before.
    let renamed = User::new("999999999", bench.user(Person::Maintainer).login);
    let found = bench.forge().permission(&bench.cx, &renamed).await?;
    ensure!(found == Permission::None, "who had the maintainer's login before may {found:?}");
    Ok(())
}
