//! Names are shown in clear, but for those that are tokens.

use gitops_core::Cx;
use gitops_forge::{CommentQuery, CommitStatus, Forge, ForgeExt, Marker, MemoryForge, StatusState};

#[tokio::test]
async fn a_name_that_is_a_token_is_in_nothing_that_is_written() {
    let token = format!("{}{}", concat!("gl", "pat-"), "a1B2".repeat(8));
    let (forge, cx) = (MemoryForge::new("acme/site", "gitops"), Cx::system());
    let request = forge.propose(&cx, "A request", "feature", false);
    let (marker, text) = (Marker::new("review").unwrap(), format!("`File/{token}` is new"));
    assert!(forge.upsert_comment(&cx, request.number, &marker, &text).await.unwrap().is_written);
    // The next run sees that it is there.
    assert!(!forge.upsert_comment(&cx, request.number, &marker, &text).await.unwrap().is_written);
    let status = CommitStatus::new("gitops/plan", StatusState::Success, &format!("of {token}"));
    assert!(forge.ensure_status(&cx, &request.head.commit, &status).await.unwrap());
    assert!(!forge.ensure_status(&cx, &request.head.commit, &status).await.unwrap());
    let issue = forge.upsert_issue(&cx, &marker, &token, &text).await.unwrap().value;
    assert!(!forge.upsert_issue(&cx, &marker, &token, &text).await.unwrap().is_written);
    let comments = forge.comments(&cx, request.number, &CommentQuery::default()).await.unwrap();
    let statuses = forge.statuses(&cx, &request.head.commit).await.unwrap();
    let all = format!("{comments:?} {statuses:?} {issue:?}");
    assert!(!all.contains(&token) && all.contains("(sensitive)"), "{all}");
}
