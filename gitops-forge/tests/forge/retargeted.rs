//! A request that goes into another branch than it was approved for.

use gitops_core::Cx;
use gitops_forge::{Forge, ForgeExt, MemoryForge, Merge, RequestState};

#[tokio::test]
async fn what_goes_into_another_branch_by_now_is_not_merged() {
    let (forge, cx) = (MemoryForge::new("acme/site", "gitops"), Cx::system());
    let request = forge.propose(&cx, "A request", "feature", false);
    let merge = Merge::of(request.head.commit.clone()).into_branch("main");
    forge.retarget(&cx, request.number, "release").unwrap();
    let refused = forge.ensure_merged(&cx, request.number, &merge).await.unwrap_err();
    assert!(refused.is_conflict(), "{refused}");
    let now = forge.change_request(&cx, request.number).await.unwrap();
    assert_eq!(now.state, RequestState::Open);
    forge.retarget(&cx, request.number, "main").unwrap();
    forge.ensure_merged(&cx, request.number, &merge).await.unwrap();
}
