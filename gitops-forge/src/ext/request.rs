//! Requests that are opened and merged once.

use gitops_core::{Cx, Error, ErrorKind, Result};

use super::{Upserted, may_repeat};
use crate::forge::Forge;
use crate::value::{ChangeRequest, Merge, Merged, NewRequest, RequestQuery, RequestState};

pub(super) async fn ensure<F: Forge + ?Sized>(
    forge: &F,
    cx: &Cx,
    new: &NewRequest,
) -> Result<Upserted<ChangeRequest>> {
    let query = RequestQuery::Between { head: new.head.clone(), base: new.base.clone() };
    let mut tries = 0;
    loop {
        if let Some(open) = forge.change_requests(cx, &query).await?.into_iter().next() {
            return Ok(Upserted { value: open, is_written: tries > 0 });
        }
        tries += 1;
        match forge.open(cx, new).await {
            Ok(opened) => return Ok(Upserted::written(opened)),
            // Somebody else opened it in between.
            Err(error) if error.is_conflict() && tries == 1 => {}
            Err(error) if may_repeat(&error, tries) => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) async fn merged<F: Forge + ?Sized>(
    forge: &F,
    cx: &Cx,
    number: u64,
    merge: &Merge,
) -> Result<Merged> {
    let mut tries = 0;
    loop {
        let request = forge.change_request(cx, number).await?;
        check(&request, merge)?;
        if request.state == RequestState::Merged {
            return Ok(Merged::new(request.merge_commit));
        }
        tries += 1;
        match forge.merge(cx, number, merge).await {
            Ok(merged) => return Ok(merged),
            // Somebody else merged it in between, or pushed to it: what it is now says which.
            Err(error) if error.is_conflict() && tries == 1 => {}
            Err(error) if may_repeat(&error, tries) => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) async fn close<F: Forge + ?Sized>(forge: &F, cx: &Cx, number: u64) -> Result<bool> {
    let unsupported = || Error::new(ErrorKind::Unsupported, "this forge closes no requests");
    let closing = forge.closing().ok_or_else(unsupported)?;
    let mut tries = 0;
    loop {
        if forge.change_request(cx, number).await?.state != RequestState::Open {
            return Ok(tries > 0);
        }
        tries += 1;
        match closing.close(cx, number).await {
            Ok(()) => return Ok(true),
            Err(error) if may_repeat(&error, tries) => {}
            Err(error) => return Err(error),
        }
    }
}

fn check(request: &ChangeRequest, merge: &Merge) -> Result<()> {
    if request.head.commit != merge.expected_head {
        return Err(Error::new(ErrorKind::Conflict, "the request has another head commit by now")
            .with("expected", &merge.expected_head)
            .with("found", &request.head.commit));
    }
    if let Some(base) = merge.base.as_ref().filter(|base| **base != request.base.name) {
        return Err(Error::new(ErrorKind::Conflict, "the request goes into another branch by now")
            .with("expected", base)
            .with("found", &request.base.name));
    }
    match request.state {
        RequestState::Closed => {
            Err(Error::new(ErrorKind::Conflict, "the request was closed without a merge"))
        }
        RequestState::Open | RequestState::Merged => Ok(()),
    }
}
