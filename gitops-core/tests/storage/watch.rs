//! Who waits for a document is told when another handle of the folder replaces it.

use gitops_core::{Cx, Document, FileStore, StateStore};

fn document(content: &str) -> Document {
    Document { epoch: 1, bytes: content.into() }
}

#[tokio::test]
async fn a_document_that_another_handle_writes_wakes_who_waits_for_it_and_no_other() {
    let (folder, cx) = (tempfile::tempdir().unwrap(), Cx::system());
    let (ours, theirs) = (FileStore::open(folder.path()).unwrap(), FileStore::open(folder.path()).unwrap());
    let watch = ours.watch().unwrap();
    // What came before the first question was not seen: it is answered at once.
    watch.changed(&cx, "request").await.unwrap();
    let other = async {
        watch.changed(&cx, "other").await.unwrap();
    };
    let request = async {
        theirs.swap(&cx, "request", None, document("x")).await.unwrap();
        watch.changed(&cx, "request").await.unwrap();
    };
    tokio::select! {
        () = other => panic!("it was told of a document that nobody wrote"),
        () = request => {}
    }
    // A change between two questions is not missed.
    theirs.swap(&cx, "other", None, document("y")).await.unwrap();
    watch.changed(&cx, "other").await.unwrap();
    assert_eq!(ours.load(&cx, "other").await.unwrap().unwrap().document, document("y"));
}
