use std::sync::Arc;

use gitops_core::backend::directory::FileRender;
use gitops_core::{Cx, ErrorKind, Renderer, Revision, Routes, Snapshot};

fn snapshot(revision: &str, files: &[&str]) -> Snapshot {
    let files = files.iter().map(|path| (*path, "x"));
    Snapshot::from_files("s", Revision::new(revision, ""), files).unwrap()
}

/// Met with a slip in the path of a target, and with a folder that was renamed: all that it had declared would have been pruned.
#[test]
fn a_folder_that_is_to_be_rendered_and_is_not_there_is_a_fault_with_the_nearest_name() {
    let site = Arc::new(FileRender::new("web").below("apps/site"));
    let render = Routes::new()
        .route("apps/site", site.clone())
        .route("other", Arc::new(FileRender::new("b").below("other")));
    let mut renderer = Renderer::new(Arc::new(render));
    assert_eq!(
        renderer
            .render(&Cx::system(), &snapshot("1", &["apps/site/a", "other/b"]))
            .unwrap()
            .desired
            .objects()
            .len(),
        2
    );
    let error = renderer.render(&Cx::system(), &snapshot("2", &["apps/sites/a", "x", "y/z"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let faults: Vec<String> = error.diagnostics().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(faults.join("\n"), @r"
    error[GO0306]: apps/site: there is no folder `apps/site` in the source, and it is to be rendered (did you mean `apps/sites`?)
    error[GO0306]: other: there is no folder `other` in the source, and it is to be rendered (correct the path, or take it out of the configuration: there is `apps`, `y`)
    ");
    // The next revision is compared with the last good one.
    assert_eq!(renderer.render(&Cx::system(), &snapshot("3", &["apps/site/a", "other/b"])).unwrap().parts, 0);
    assert!(
        Renderer::new(site).render(&Cx::system(), &snapshot("4", &["apps/site"])).is_err(),
        "a file in its place"
    );
}
