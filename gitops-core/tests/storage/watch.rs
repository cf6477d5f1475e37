//! Who waits for a document is told when another handle of the folder replaces it.

use gitops_core::{Cx, Document, FileStore, PinRequest, Revision, StateStore};

fn document(content: &str) -> Document {
    Document { epoch: 1, bytes: content.into() }
}

#[tokio::test]
async fn a_document_that_another_handle_writes_wakes_who_waits_for_it_and_no_other() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Cx::system());
    let (ours, theirs) = (FileStore::open(folder.path()).unwrap(), FileStore::open(folder.path()).unwrap());
    let watch = ours.watch().unwrap();
    // What came before the first question was not seen: it is answered at once.
    watch.changed(&cx, "wish").await.unwrap();
    let other = async {
        watch.changed(&cx, "other").await.unwrap();
    };
    let wish = async {
        theirs.swap(&cx, "wish", None, document("x")).await.unwrap();
        watch.changed(&cx, "wish").await.unwrap();
    };
    tokio::select! {
        () = other => panic!("it was told of a document that nobody wrote"),
        () = wish => {}
    }
    // A change between two questions is not missed.
    theirs.swap(&cx, "other", None, document("y")).await.unwrap();
    watch.changed(&cx, "other").await.unwrap();
    assert_eq!(ours.load(&cx, "other").await.unwrap().unwrap().document, document("y"));
}

#[tokio::test]
async fn one_wish_waits_at_a_time_and_can_be_taken_back() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Cx::system());
    let store = FileStore::open(folder.path()).unwrap();
    let wish =
        |by: &str| PinRequest { revision: Some(Revision::new("abc", "")), by: by.into(), at: cx.now() };
    let (first, second) = (wish("alice"), wish("bob"));
    first.ask(&cx, &store).await.unwrap();
    first.ask(&cx, &store).await.unwrap();
    let error = second.ask(&cx, &store).await.unwrap_err();
    assert!(error.is_conflict() && error.to_string().contains("alice"), "{error}");
    assert_eq!(first.answer(&cx, &store).await.unwrap(), None);
    assert!(!second.withdraw(&cx, &store).await.unwrap());
    assert!(first.withdraw(&cx, &store).await.unwrap());
    assert!(!first.withdraw(&cx, &store).await.unwrap());
    second.ask(&cx, &store).await.unwrap();
}
