//! Checks of what only some forges can do.

use gitops_core::ErrorKind;

use super::check::{Bench, Check, Checked, Stop, check, ensure, given, refused};
use super::subject::Person;
use crate::ext::ForgeExt;
use crate::value::{Deployment, DeploymentState, Marker, Merge, Reaction, RequestState};

pub(super) const CHECKS: &[Check] = &[
    check!(
        "F41",
        |forge| forge.teams().is_some(),
        members,
        "A team has its members, and one that is not there is not found."
    ),
    check!(
        "F42",
        |forge| forge.reactions().is_some(),
        reactions,
        "An emoji is put on a comment, also twice; who put a thumb up is told where edits are not."
    ),
    check!(
        "F43",
        |forge| forge.deployments().is_some(),
        deployments,
        "A deployment is recorded once, and its state is kept current."
    ),
    check!(
        "F44",
        |forge| forge.issues().is_some(),
        issues,
        "One issue is written, edited in place, not written when it is equal, and closed."
    ),
    check!(
        "F45",
        |forge| forge.commits().is_some(),
        commits,
        "Every commit of a request is shown once, with the account of who made it."
    ),
    check!(
        "F46",
        |forge| forge.closing().is_some(),
        closing,
        "A request is closed without a merge; one that is closed or merged stays as it is."
    ),
];

async fn members(bench: &Bench) -> Checked {
    let Some(teams) = bench.forge().teams() else { return Ok(()) };
    let Some(team) = bench.subject.others.team() else {
        return Err(Stop::Fail("teams are offered, and no team is given to check them with".to_owned()));
    };
    let found: Vec<_> = teams.members(&bench.cx, &team).await?.into_iter().map(|user| user.id).collect();
    let mut expected = [Person::Reviewer, Person::Maintainer].map(|person| bench.user(person).id);
    expected.sort();
    let mut sorted = found.clone();
    sorted.sort();
    ensure!(sorted == expected, "{team} has {expected:?}, and {found:?} is shown");
    let error =
        refused(teams.members(&bench.cx, &format!("{team}-not")).await, "to read a team that is not there")?;
    ensure!(error.is_not_found(), "it is no `NotFound`: {error:?}");
    Ok(())
}

async fn reactions(bench: &Bench) -> Checked {
    let Some(reactions) = bench.forge().reactions() else { return Ok(()) };
    let number = bench.request().await?;
    let comment = given(bench.subject.others.comment(&bench.cx, Person::Author, number, "/plan").await)?;
    let all =
        [Reaction::Eyes, Reaction::ThumbsUp, Reaction::ThumbsDown, Reaction::Confused, Reaction::Rocket];
    for reaction in all.into_iter().chain([Reaction::Eyes]) {
        reactions.react(&bench.cx, number, &comment, reaction).await?;
    }
    if bench.forge().info().tells_edits {
        return Ok(());
    }
    let (me, ups) =
        (bench.forge().me(&bench.cx).await?, reactions.thumbs_up(&bench.cx, number, &comment).await?);
    ensure!(
        ups.len() == 1 && ups.iter().all(|(by, _)| by.is(&me)),
        "it is not told that we put the one thumb up: {ups:?}"
    );
    let plain = given(bench.subject.others.comment(&bench.cx, Person::Author, number, "Hm.").await)?;
    let none = reactions.thumbs_up(&bench.cx, number, &plain).await?;
    ensure!(none.is_empty(), "nobody put one on another comment: {none:?}");
    Ok(())
}

async fn deployments(bench: &Bench) -> Checked {
    let Some(deployments) = bench.forge().deployments() else { return Ok(()) };
    let number = bench.request().await?;
    let request = bench.forge().change_request(&bench.cx, number).await?;
    let environment = bench.name("production");
    ensure!(deployments.latest(&bench.cx, &environment).await?.is_none(), "there is a deployment already");
    let running = Deployment::new(&environment, request.head.commit, &request.head.name);
    let running = running.state(DeploymentState::Running, "");
    ensure!(bench.forge().ensure_deployment(&bench.cx, &running).await?, "it was not recorded");
    ensure!(!bench.forge().ensure_deployment(&bench.cx, &running).await?, "it was recorded twice");
    let (id, _) = deployments.latest(&bench.cx, &environment).await?.ok_or_else(lost)?;
    let live = running.clone().state(DeploymentState::Success, "");
    ensure!(bench.forge().ensure_deployment(&bench.cx, &live).await?, "its state was not recorded");
    let (same, found) = deployments.latest(&bench.cx, &environment).await?.ok_or_else(lost)?;
    ensure!(same == id && found.state == DeploymentState::Success, "it is {same} {found:?}, not {id}");
    ensure!(found.commit == live.commit, "it is of {}, not of {}", found.commit, live.commit);
    Ok(())
}

async fn commits(bench: &Bench) -> Checked {
    let Some(commits) = bench.forge().commits() else { return Ok(()) };
    let number = bench.request().await?;
    let first = bench.forge().change_request(&bench.cx, number).await?.head.commit;
    let second = given(bench.subject.others.push(&bench.cx, number).await)?;
    let found = commits.of_request(&bench.cx, number).await?;
    let mut expected = [first, second];
    expected.sort();
    let ids: Vec<_> = found.iter().map(|found| found.commit.clone()).collect();
    ensure!(ids == expected, "there are {expected:?}, and {ids:?} are shown");
    let author = bench.user(Person::Author);
    let people = found.iter().flat_map(|found| &found.people).map(|person| person.account.as_ref());
    let known = people.collect::<Option<Vec<_>>>();
    ensure!(known.is_some(), "the account of a commit's author is not told: {found:?}");
    ensure!(
        found.iter().all(|found| found
            .people
            .iter()
            .flat_map(|person| &person.account)
            .any(|of| of.is(&author))),
        "a commit of the request's author is of somebody else: {found:?}"
    );
    for commit in &found {
        match commits.of_commit(&bench.cx, &commit.commit).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            alone => ensure!(alone? == *commit, "a commit alone is of others than in its request"),
        }
    }
    Ok(())
}

async fn closing(bench: &Bench) -> Checked {
    let (forge, cx) = (bench.forge(), &bench.cx);
    let number = bench.request().await?;
    ensure!(forge.close_request(cx, number).await?, "it was not closed");
    let state = forge.change_request(cx, number).await?.state;
    ensure!(state == RequestState::Closed, "it is {state:?}");
    ensure!(!forge.close_request(cx, number).await?, "it was closed twice");
    let number = bench.request().await?;
    let head = forge.change_request(cx, number).await?.head.commit;
    forge.ensure_merged(cx, number, &Merge::of(head)).await?;
    ensure!(!forge.close_request(cx, number).await?, "a merged request was closed");
    let state = forge.change_request(cx, number).await?.state;
    ensure!(state == RequestState::Merged, "it was merged, and is {state:?}");
    Ok(())
}

fn lost() -> Stop {
    Stop::Fail("a deployment that was recorded is not shown".to_owned())
}

async fn issues(bench: &Bench) -> Checked {
    let marker = Marker::new(bench.name("kit/drift")).expect("the name is plain");
    let keep =
        async |text: &str| bench.forge().upsert_issue(&bench.cx, &marker, "Drift in `site`", text).await;
    let first = keep("1 object").await?;
    let second = keep("2 objects").await?;
    ensure!(first.is_written && second.is_written, "it was not written");
    ensure!(first.value.number == second.value.number, "there are two issues of one marker");
    let third = keep("2 objects").await?;
    ensure!(!third.is_written, "an equal text was written");
    ensure!(third.value.title == "Drift in `site`" && third.value.body.ends_with("2 objects"), "{third:?}");
    ensure!(bench.forge().close_issue(&bench.cx, &marker).await?, "it was not closed");
    ensure!(!bench.forge().close_issue(&bench.cx, &marker).await?, "it was closed twice");
    let again = keep("3 objects").await?;
    ensure!(again.value.number != first.value.number, "an issue that was closed was edited");
    bench.forge().close_issue(&bench.cx, &marker).await?;
    Ok(())
}
