//! Checks of statuses.

use super::check::{Bench, Check, Checked, check, ensure, refused};
use crate::ext::ForgeExt;
use crate::value::{CommitId, CommitStatus, StatusState};

pub(super) const CHECKS: &[Check] = &[
    check!("F21", set, "A status is set, and not written when it is equal."),
    check!("F22", latest, "Of each context the latest status counts, and contexts stand apart."),
    check!("F23", every_state, "Every state that can be written comes back."),
    check!("F24", long, "Long descriptions and contexts are within what the forge takes."),
    check!("F25", nowhere, "A status of a commit that is not there is refused."),
];

async fn head(bench: &Bench) -> Checked<CommitId> {
    let number = bench.request().await?;
    Ok(bench.forge().change_request(&bench.cx, number).await?.head.commit)
}

fn status(context: &str, state: StatusState, description: &str) -> CommitStatus {
    CommitStatus::new(context, state, description).target_url("https://gitops.example.org/plans/1")
}

async fn set(bench: &Bench) -> Checked {
    let commit = head(bench).await?;
    let status = status("gitops/plan", StatusState::Success, "1 to change, 0 to delete: “ok”");
    ensure!(bench.forge().ensure_status(&bench.cx, &commit, &status).await?, "it was not written");
    let found = bench.forge().statuses(&bench.cx, &commit).await?;
    ensure!(found == [status.clone()], "{status:?} came back as {found:?}");
    let before = bench.subject.others.writes();
    ensure!(!bench.forge().ensure_status(&bench.cx, &commit, &status).await?, "it was written again");
    ensure!(before == bench.subject.others.writes(), "an equal status was written");
    Ok(())
}

async fn latest(bench: &Bench) -> Checked {
    let commit = head(bench).await?;
    let steps = [
        status("gitops/plan", StatusState::Pending, "planning"),
        status("gitops/apply", StatusState::Failure, "2 failed"),
        status("gitops/plan", StatusState::Success, "no changes"),
    ];
    for status in &steps {
        bench.forge().ensure_status(&bench.cx, &commit, status).await?;
    }
    let found = bench.forge().statuses(&bench.cx, &commit).await?;
    ensure!(found == [steps[1].clone(), steps[2].clone()], "there is {found:?}");
    Ok(())
}

async fn every_state(bench: &Bench) -> Checked {
    let commit = head(bench).await?;
    let states = [StatusState::Pending, StatusState::Success, StatusState::Failure, StatusState::Error];
    for state in states {
        let wanted = status("gitops/plan", state, "a state");
        bench.forge().ensure_status(&bench.cx, &commit, &wanted).await?;
        let found = bench.forge().statuses(&bench.cx, &commit).await?;
        ensure!(found == [wanted], "{state:?} came back as {found:?}");
    }
    Ok(())
}

async fn long(bench: &Bench) -> Checked {
    let commit = head(bench).await?;
    let texts = ["a", "b"].map(|end| format!("gitops/plan/{}{end}", "unit/".repeat(80)));
    for context in &texts {
        let status = status(context, StatusState::Success, &"größer ".repeat(60));
        bench.forge().ensure_status(&bench.cx, &commit, &status).await?;
        ensure!(
            !bench.forge().ensure_status(&bench.cx, &commit, &status).await?,
            "a long one was written again"
        );
    }
    let found = bench.forge().statuses(&bench.cx, &commit).await?;
    ensure!(found.len() == 2, "two long contexts became {found:?}");
    Ok(())
}

async fn nowhere(bench: &Bench) -> Checked {
    let nowhere = CommitId::parse(&"ab".repeat(20)).expect("40 digits are an id");
    let status = status("gitops/plan", StatusState::Success, "no changes");
    let error =
        refused(bench.forge().set_status(&bench.cx, &nowhere, &status).await, "a status of no commit")?;
    ensure!(!error.is_unknown() && !error.is_retryable(), "it is to be tried again: {error:?}");
    Ok(())
}
