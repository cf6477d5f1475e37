//! A dry run says what the target would say, and writes nothing (C33).

use std::sync::Arc;

use gitops_core::capability::Import;
use gitops_core::{
    Applied, Change, Cx, Directory, DryRunLayer, Expect, Layer, OwnerLabel, Result, Scope, Target, Uid,
    Version,
};

use crate::script::{create, key, object};

fn owner_label(owner: &str) -> OwnerLabel {
    OwnerLabel { owner: owner.into(), op: "op2".into() }
}

/// The changes that tell a check from no check, for a target that has one object or none.
fn changes(live: Option<Expect>) -> Vec<Change> {
    let stale = Expect { uid: Uid::new("u"), version: Version::new("v") };
    let mut changes = vec![create()];
    for expect in [Some(stale), live].into_iter().flatten() {
        for owner in ["shop", "bank"] {
            let (object, key, owner_label) = (object(), key(), owner_label(owner));
            let expect = expect.clone();
            changes.push(Change::Delete {
                key,
                expect: expect.clone(),
                owner_label: owner_label.clone(),
                preview: None,
            });
            changes.push(Change::Replace {
                object: object.clone(),
                expect: expect.clone(),
                owner_label: owner_label.clone(),
                preview: None,
            });
            changes.push(Change::Update { object, expect, owner_label, preview: None });
        }
    }
    changes
}

async fn live(target: &dyn Target) -> Option<gitops_core::Live> {
    target.observe(&Cx::system(), &[key()].into_iter().collect::<Scope>()).await.unwrap().pop()
}

fn kind(result: &Result<Applied>) -> Option<gitops_core::ErrorKind> {
    result.as_ref().err().map(gitops_core::Error::kind)
}

/// A directory with the object or without it.
async fn directory(with_object: bool) -> (tempfile::TempDir, Arc<Directory>) {
    let folder = tempfile::tempdir().unwrap();
    let directory = Arc::new(Directory::open(folder.path(), "dir").unwrap());
    if with_object {
        let owner_label = OwnerLabel { owner: "shop".into(), op: "op1".into() };
        let body = gitops_core::backend::directory::file_body(*b"old", false);
        let mut old = (*object()).clone();
        old.body = body;
        directory
            .apply(&Cx::system(), &Change::Create { object: Arc::new(old), owner_label, preview: None })
            .await
            .unwrap();
    }
    (folder, directory)
}

#[tokio::test]
async fn a_dry_run_allows_and_refuses_what_the_target_does_and_leaves_it_alone() {
    for with_object in [false, true] {
        let (_folder, model) = directory(with_object).await;
        let expect = live(&*model).await.as_ref().map(Expect::from);
        for change in changes(expect) {
            let (_folder, real) = directory(with_object).await;
            let dry = DryRunLayer.layer(real.clone());
            let before = live(&*real).await;
            let previewed = dry.apply(&Cx::system(), &change).await;
            assert_eq!(live(&*real).await, before, "{change:?} was made");
            let done = real.apply(&Cx::system(), &change).await;
            assert_eq!(kind(&previewed), kind(&done), "{change:?}");
        }
    }
}

#[tokio::test]
async fn adopting_is_checked_and_not_done() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "theirs").unwrap();
    let directory = Arc::new(Directory::open(folder.path(), "dir").unwrap());
    let dry = DryRunLayer.layer(directory.clone());
    let import: &dyn Import = dry.import().unwrap();
    let before = live(&*directory).await.unwrap();
    let change =
        |expect| Change::Update { object: object(), expect, owner_label: owner_label("shop"), preview: None };
    import.adopt(&Cx::system(), &change(Expect::from(&before))).await.unwrap();
    let stale = Expect { uid: Uid::new("u"), version: Version::new("v") };
    assert!(import.adopt(&Cx::system(), &change(stale)).await.unwrap_err().is_conflict());
    assert_eq!(live(&*directory).await.unwrap(), before);
}
