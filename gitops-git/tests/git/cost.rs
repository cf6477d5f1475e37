//! Cost follows change.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gitops_core::{
    Cx, Digest, Entry, ErrorKind, GroupKind, Key, Object, Part, Renderer, Result, Source, Tree, Value,
    render_files,
};

use crate::support::{Repo, expect, files};

/// A tree that counts how often it is asked.
struct Counted {
    tree: Arc<dyn Tree>,
    lists: AtomicUsize,
    reads: AtomicUsize,
}

impl Tree for Counted {
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.tree.list(path, id)
    }

    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.tree.read(path, id)
    }
}

#[tokio::test]
async fn a_commit_of_one_file_is_rendered_by_reading_one_file_and_the_folders_above_it() {
    let files: Vec<_> =
        (0..40).flat_map(|team| (0..25).map(move |app| format!("apps/{team}/{app}.yaml"))).collect();
    let repo = Repo::with(&files.iter().map(|path| (path.as_str(), "replicas: 1")).collect::<Vec<_>>());
    let source = repo.source().ignore("*.md").build().unwrap();
    let mut renderer = Renderer::new(Arc::new(render_files("1", object)));
    let first = asked(&source, &mut renderer).await;
    assert_eq!(first, (42, 1000));
    repo.commit(&[("apps/7/3.yaml", "replicas: 2")]);
    let (lists, reads) = asked(&source, &mut renderer).await;
    // Each of the three folders on the way, as it was and as it is.
    assert!(lists <= 6 && reads == 1, "{lists} lists, {reads} reads");
    repo.commit_index("No change");
    assert_eq!(asked(&source, &mut renderer).await, (0, 0));
}

fn object(part: &Part<'_>) -> Result<Vec<Object>, Vec<gitops_core::Diagnostic>> {
    let key = Key::new("memory", GroupKind::new("", "File"), "", part.path());
    Ok(vec![Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(0))])
}

/// Renders the newest revision. Gives how many folders were listed and files read for it.
async fn asked(source: &dyn Source, renderer: &mut Renderer) -> (usize, usize) {
    let cx = Cx::system();
    let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    let tree = Arc::clone(&snapshot.tree);
    let counted = Arc::new(Counted { tree, lists: AtomicUsize::new(0), reads: AtomicUsize::new(0) });
    let mut snapshot = snapshot;
    snapshot.tree = Arc::clone(&counted) as Arc<dyn Tree>;
    renderer.render(&Cx::system(), &snapshot).unwrap();
    (counted.lists.load(Ordering::Relaxed), counted.reads.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_fetch_takes_one_turn_for_the_programs_that_talk_to_each_other() {
    let repo = Repo::with(&[("a", "one")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system().with_programs(1).within(Duration::from_secs(60));
    for content in ["two", "three"] {
        repo.commit(&[("a", content)]);
        let revision = source.resolve(&cx).await.unwrap();
        let snapshot = source.fetch(&cx, &revision).await.unwrap();
        assert_eq!(files(&snapshot).unwrap(), expect(&[("a", content)]));
    }
    // As long as somebody else has the only turn, nothing is started.
    let turn = cx.program_turn().await.unwrap();
    repo.commit(&[("a", "four")]);
    let revision = source.resolve(&cx).await.unwrap();
    let error = source.fetch(&cx.within(Duration::from_secs(2)), &revision).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    drop(turn);
    source.fetch(&cx, &revision).await.unwrap();
}
