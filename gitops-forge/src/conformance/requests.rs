//! Checks of change requests.

use std::time::Duration;

use super::check::{Bench, Check, Checked, Stop, check, ensure, given, refused};
use super::subject::Person;
use crate::ext::ForgeExt;
use crate::value::{ChangeRequest, CommentQuery, CommitId, Merge, NewRequest, RequestQuery, RequestState};

pub(super) const CHECKS: &[Check] = &[
    check!("F01", shown, "A request is shown with its author, its branches and its state."),
    check!("F02", fork, "A request from a fork is shown as one."),
    check!("F03", pushed, "A push moves the head of a request."),
    check!("F04", missing, "A request that is not there is not found."),
    check!("F05", open, "Open requests are listed once each, and a closed one is not among them."),
    check!("F06", of_commit, "The requests of a commit are found by their head."),
    check!("F07", opened, "A request is opened between two branches, and only once."),
    check!(
        "F08",
        wrong_head,
        "A merge with another head than the expected one is a conflict, and merges nothing."
    ),
    check!("F09", merged, "A merge with the expected head merges; to ask again merges nothing more."),
    check!("F10", closed, "A request that was closed is not merged."),
    check!("F61", changed, "A request in which somebody speaks has changed, also when it is over."),
];

async fn read(bench: &Bench, number: u64) -> Checked<ChangeRequest> {
    Ok(bench.forge().change_request(&bench.cx, number).await?)
}

async fn shown(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let request = read(bench, number).await?;
    ensure!(request.number == number, "request {number} is shown as {}", request.number);
    ensure!(request.author.is(&bench.user(Person::Author)), "the author is {:?}", request.author);
    ensure!(request.state == RequestState::Open, "it is {:?}", request.state);
    let main = bench.subject.others.main_branch();
    ensure!(request.base.name == main, "the base is {:?}, not {main}", request.base.name);
    ensure!(request.head.commit != request.base.commit, "head and base are one commit");
    ensure!(request.merged_by.is_none(), "it is open, and was merged by {:?}", request.merged_by);
    ensure!(!request.is_fork(), "a request of the repository is taken for a fork's");
    ensure!(request.web_url.starts_with("http"), "its page is `{}`", request.web_url);
    Ok(())
}

async fn fork(bench: &Bench) -> Checked {
    let number = given(bench.subject.others.open(&bench.cx, Person::Outsider, true).await)?;
    let request = read(bench, number).await?;
    ensure!(request.is_fork(), "a request of a fork is taken for one of the repository: {request:?}");
    ensure!(request.author.is(&bench.user(Person::Outsider)), "the author is {:?}", request.author);
    Ok(())
}

async fn pushed(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let before = read(bench, number).await?.head.commit;
    let commit = given(bench.subject.others.push(&bench.cx, number).await)?;
    let after = read(bench, number).await?.head.commit;
    ensure!(after == commit && after != before, "{commit} was pushed onto {before}, and {after} is shown");
    Ok(())
}

async fn missing(bench: &Bench) -> Checked {
    let error = refused(
        bench.forge().change_request(&bench.cx, 999_999).await,
        "to read a request that is not there",
    )?;
    ensure!(error.is_not_found(), "it is no `NotFound`: {error:?}");
    Ok(())
}

async fn numbers(bench: &Bench, query: &RequestQuery) -> Checked<Vec<u64>> {
    let found = bench.forge().change_requests(&bench.cx, query).await?;
    Ok(found.into_iter().map(|request| request.number).collect())
}

async fn open(bench: &Bench) -> Checked {
    let (kept, closed) = (bench.request().await?, bench.request().await?);
    given(bench.subject.others.close(&bench.cx, closed).await)?;
    let found = numbers(bench, &RequestQuery::Open).await?;
    let times = found.iter().filter(|number| **number == kept).count();
    ensure!(times == 1, "request {kept} is open, and listed {times} times");
    ensure!(!found.contains(&closed), "request {closed} was closed, and is listed as open");
    ensure!(found.is_sorted(), "they are not in the order of their numbers: {found:?}");
    ensure!(read(bench, closed).await?.state == RequestState::Closed, "it is not shown as closed");
    Ok(())
}

async fn of_commit(bench: &Bench) -> Checked {
    let (number, other) = (bench.request().await?, bench.request().await?);
    let head = read(bench, number).await?.head.commit;
    let found = numbers(bench, &RequestQuery::OfCommit(head)).await?;
    ensure!(found.contains(&number) && !found.contains(&other), "of the head of {number} there is {found:?}");
    let nowhere = CommitId::parse(&"ab".repeat(20)).expect("40 digits are an id");
    let found = numbers(bench, &RequestQuery::OfCommit(nowhere)).await?;
    ensure!(found.is_empty(), "of a commit that is not there, there is {found:?}");
    Ok(())
}

async fn changed(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    given(bench.subject.others.close(&bench.cx, number).await)?;
    let word = given(bench.subject.others.comment(&bench.cx, Person::Author, number, "And this?").await)?;
    let comments = bench.forge().comments(&bench.cx, number, &CommentQuery::default()).await?;
    let word = comments.into_iter().find(|comment| comment.id == word);
    let Some(word) = word else { return Err(Stop::Fail("the comment is not shown".to_owned())) };
    let found = numbers(bench, &RequestQuery::ChangedSince(word.created)).await?;
    ensure!(
        found.contains(&number),
        "{number} was spoken in at {}, and {found:?} have changed",
        word.created
    );
    ensure!(found.is_sorted(), "they are not in the order of their numbers: {found:?}");
    let later = word.created.after(Duration::from_secs(3600));
    let found = numbers(bench, &RequestQuery::ChangedSince(later)).await?;
    ensure!(!found.contains(&number), "an hour later it has changed again: {found:?}");
    Ok(())
}

async fn opened(bench: &Bench) -> Checked {
    let branch = bench.name("revert");
    given(bench.subject.others.branch(&bench.cx, &branch).await)?;
    let new =
        NewRequest::new(&branch, bench.subject.others.main_branch(), "Revert `a` & <b>").body("Because.");
    let first = bench.forge().ensure_request(&bench.cx, &new).await?;
    let second = bench.forge().ensure_request(&bench.cx, &new).await?;
    ensure!(first.is_written && !second.is_written, "it was opened twice: {first:?} and {second:?}");
    let request = first.value;
    ensure!(request.number == second.value.number, "there are two requests of one branch");
    ensure!(request.title == new.title, "the title is {:?}", request.title);
    let me = bench.forge().me(&bench.cx).await?;
    ensure!(request.author.is(&me), "we opened it, and its author is {:?}", request.author);
    let error = refused(bench.forge().open(&bench.cx, &new).await, "to open a second request of one branch")?;
    ensure!(error.is_conflict(), "it is no conflict: {error:?}");
    Ok(())
}

async fn wrong_head(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let reviewed = read(bench, number).await?.head.commit;
    let pushed = given(bench.subject.others.push(&bench.cx, number).await)?;
    let merge = Merge::of(reviewed);
    let error =
        refused(bench.forge().merge(&bench.cx, number, &merge).await, "a merge of a head that has passed")?;
    ensure!(error.is_conflict() && !error.is_unknown(), "it is no conflict: {error:?}");
    let error = refused(bench.forge().ensure_merged(&bench.cx, number, &merge).await, "to have it merged")?;
    ensure!(error.is_conflict(), "it is no conflict: {error:?}");
    let request = read(bench, number).await?;
    ensure!(
        request.state == RequestState::Open && request.head.commit == pushed,
        "it was merged: {request:?}"
    );
    Ok(())
}

async fn merged(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let merge = Merge::of(read(bench, number).await?.head.commit);
    let first = bench.forge().ensure_merged(&bench.cx, number, &merge).await?;
    let request = read(bench, number).await?;
    ensure!(request.state == RequestState::Merged, "it is not merged: {request:?}");
    ensure!(request.merge_commit.is_some(), "the commit of the merge is not told");
    ensure!(request.merged.is_some(), "when it was merged is not told");
    let me = bench.forge().me(&bench.cx).await?;
    let is_me = request.merged_by.as_ref().is_some_and(|by| by.is(&me));
    ensure!(is_me, "we merged it, and it was merged by {:?}", request.merged_by);
    ensure!(first.commit.is_none() || first.commit == request.merge_commit, "{first:?} is not {request:?}");
    let again = bench.forge().ensure_merged(&bench.cx, number, &merge).await?;
    ensure!(again.commit == request.merge_commit, "it was merged as {request:?}, and then as {again:?}");
    let commit = request.merge_commit.expect("it was looked at above");
    let found = numbers(bench, &RequestQuery::OfCommit(commit)).await?;
    ensure!(found.contains(&number), "the merged commit is of {found:?}, and not of {number}");
    Ok(())
}

async fn closed(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let merge = Merge::of(read(bench, number).await?.head.commit);
    given(bench.subject.others.close(&bench.cx, number).await)?;
    refused(bench.forge().merge(&bench.cx, number, &merge).await, "to merge a request that was closed")?;
    let error = refused(bench.forge().ensure_merged(&bench.cx, number, &merge).await, "to have it merged")?;
    ensure!(error.is_conflict(), "it is no conflict: {error:?}");
    Ok(())
}
