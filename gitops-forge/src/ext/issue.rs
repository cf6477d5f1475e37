//! The one issue.

use gitops_core::{Cx, Error, ErrorKind, Result};

use super::{Upserted, check_length, may_repeat, same_text};
use crate::capability::Issues;
use crate::forge::Forge;
use crate::value::{Issue, IssueWrite, Marker};

pub(super) async fn upsert<F: Forge + ?Sized>(
    forge: &F,
    cx: &Cx,
    marker: &Marker,
    title: &str,
    text: &str,
) -> Result<Upserted<Issue>> {
    let issues = issues(forge)?;
    let body = marker.stamp(text);
    check_length(forge, &body)?;
    let mut tries = 0;
    loop {
        let ours = ours(issues, cx, marker).await?;
        let write = match ours {
            Some(ours) if ours.title == title && same_text(&ours.body, &body) => {
                return Ok(Upserted { value: ours, is_written: tries > 0 });
            }
            Some(Issue { number, .. }) => {
                IssueWrite::Edit { number, title: title.to_owned(), body: body.clone() }
            }
            None => IssueWrite::Create { title: title.to_owned(), body: body.clone() },
        };
        tries += 1;
        match issues.write(cx, &write).await {
            Ok(Some(issue)) => return Ok(Upserted::written(issue)),
            Ok(None) => {
                return Err(Error::new(ErrorKind::Internal, "the issue that was written is not shown"));
            }
            Err(error) if may_repeat(&error, tries) => {}
            Err(error) => return Err(error),
        }
    }
}

pub(super) async fn close<F: Forge + ?Sized>(forge: &F, cx: &Cx, marker: &Marker) -> Result<bool> {
    let issues = issues(forge)?;
    let Some(Issue { number, .. }) = ours(issues, cx, marker).await? else { return Ok(false) };
    issues.write(cx, &IssueWrite::Close { number }).await?;
    Ok(true)
}

/// Our issue; younger ones are closed, as there is to be one.
async fn ours(issues: &dyn Issues, cx: &Cx, marker: &Marker) -> Result<Option<Issue>> {
    let mut ours = issues.own_open(cx).await?.into_iter().filter(|issue| marker.is_on(&issue.body));
    let oldest = ours.next();
    for Issue { number, .. } in ours {
        issues.write(cx, &IssueWrite::Close { number }).await?;
    }
    Ok(oldest)
}

fn issues<F: Forge + ?Sized>(forge: &F) -> Result<&dyn Issues> {
    forge.issues().ok_or_else(|| Error::new(ErrorKind::Unsupported, "the forge has no issues"))
}
