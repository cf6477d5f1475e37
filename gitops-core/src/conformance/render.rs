//! The kit for renderers.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::check::{Asked, Bench, Check, Checked, Stop, check, ensure};
use super::kit::Kit;
use crate::cx::Cx;
use crate::render::{Render, Renderer};
use crate::source::Snapshot;
use crate::value::{Digest, Digested, Error, Key, Object, Result, Revision};

pub(super) const CHECKS: &[Check<RenderBench>] = &[
    check!("R01", Asked::All, pure, "One tree gives the same objects each time."),
    check!("R02", Asked::All, one_fingerprint, "The fingerprint stays as long as the options do."),
    check!(
        "R03",
        Asked::All,
        what_it_read,
        "A renderer says all that it reads: rendered again after a change, it declares what a fresh one does."
    ),
    check!("R04", Asked::All, provenance, "Each object says in which file and line it is declared."),
    check!(
        "R05",
        Asked::All,
        at_once,
        "Rendered at once in several threads, one tree gives the same objects."
    ),
    check!(
        "R06",
        Asked::All,
        faults,
        "A fault names its file, refuses the revision, and passes with its cause."
    ),
    check!("R07", Asked::All, garbage, "No bytes make it panic."),
    check!("R08", Asked::All, only_the_tree, "The same tree under another revision gives the same objects."),
];

type Tree = BTreeMap<String, Vec<u8>>;

/// A renderer to be checked, and what it renders.
#[derive(Clone)]
pub struct RenderSubject {
    name: String,
    render: Arc<dyn Render>,
    files: Tree,
    faulty: Option<(String, Vec<u8>)>,
}

impl RenderSubject {
    /// A renderer, and files of which it makes at least one object.
    pub fn new<P: Into<String>, B: Into<Vec<u8>>>(
        name: impl Into<String>,
        render: Arc<dyn Render>,
        files: impl IntoIterator<Item = (P, B)>,
    ) -> Self {
        let files = files.into_iter().map(|(path, bytes)| (path.into(), bytes.into())).collect();
        Self { name: name.into(), render, files, faulty: None }
    }

    /// A file that it refuses (R06).
    #[must_use]
    pub fn faulty(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.faulty = Some((path.into(), bytes.into()));
        self
    }
}

/// The kit for a renderer; `make` gives a fresh one for each check.
pub fn render<F, Fut>(make: F) -> Kit
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<RenderSubject>> + Send + 'static,
{
    let make: Make = Arc::new(move || make().boxed());
    Kit::of(CHECKS, move |cx| {
        let make = make.clone();
        async move { Ok(RenderBench { cx, subject: make().await?, make }) }
    })
}

type Make = Arc<dyn Fn() -> BoxFuture<'static, Result<RenderSubject>> + Send + Sync>;

pub(super) struct RenderBench {
    cx: Cx,
    subject: RenderSubject,
    make: Make,
}

impl Bench for RenderBench {
    fn subject(&self) -> String {
        self.subject.name.clone()
    }
}

/// What a tree declares, or that it is refused.
#[derive(Debug, PartialEq)]
enum Declared {
    Objects(BTreeMap<Key, Digest>),
    Refused,
}

fn snapshot(files: &Tree, revision: &str) -> Checked<Snapshot> {
    let files = files.iter().map(|(path, bytes)| (path.clone(), bytes.clone()));
    Ok(Snapshot::from_files("conformance", Revision::new(revision, ""), files)?)
}

fn declared(cx: &Cx, renderer: &mut Renderer, snapshot: &Snapshot) -> Declared {
    match renderer.render(cx, snapshot) {
        Err(_) => Declared::Refused,
        Ok(all) => {
            let digest = |(key, object): (&Key, &Arc<Object>)| (key.clone(), object.digest());
            Declared::Objects(all.desired.objects().iter().map(digest).collect())
        }
    }
}

impl RenderBench {
    fn renderer(&self) -> Renderer {
        Renderer::new(self.subject.render.clone())
    }

    fn fresh(&self, files: &Tree) -> Checked<Declared> {
        Ok(declared(&self.cx, &mut self.renderer(), &snapshot(files, "1")?))
    }

    /// What a renderer declares that has not seen anything before.
    async fn by_another(&self, snapshot: &Snapshot) -> Checked<Declared> {
        let another = (self.make)().await?.render;
        Ok(declared(&self.cx, &mut Renderer::new(another), snapshot))
    }

    /// What the sample declares: it must be something.
    fn sample(&self) -> Checked<Declared> {
        if let Err(error) = self.renderer().render(&self.cx, &snapshot(&self.subject.files, "1")?) {
            return Err(Stop::Fail(format!("the sample's files are refused: {:?}", error.diagnostics())));
        }
        let found = self.fresh(&self.subject.files)?;
        let is_some = matches!(&found, Declared::Objects(objects) if !objects.is_empty());
        ensure!(is_some, "of the sample's files comes {found:?}");
        Ok(found)
    }
}

async fn pure(bench: &RenderBench) -> Checked {
    let first = bench.sample()?;
    for _ in 0..3 {
        let again = bench.sample()?;
        ensure!(again == first, "one tree gives {first:?} and then {again:?}");
    }
    Ok(())
}

async fn one_fingerprint(bench: &RenderBench) -> Checked {
    let first = bench.subject.render.fingerprint();
    bench.sample()?;
    let now = bench.subject.render.fingerprint();
    ensure!(now == first, "the fingerprint was {first} and is {now}");
    Ok(())
}

async fn what_it_read(bench: &RenderBench) -> Checked {
    bench.sample()?;
    let files = &bench.subject.files;
    for path in files.keys() {
        let mut without = files.clone();
        without.remove(path);
        let mut emptied = files.clone();
        emptied.insert(path.clone(), Vec::new());
        let mut beside = files.clone();
        beside.insert(format!("{path}.other"), b"other".to_vec());
        for changed in [without, emptied, beside] {
            let mut renderer = bench.renderer();
            declared(&bench.cx, &mut renderer, &snapshot(files, "1")?);
            for tree in [&changed, files] {
                let tree = snapshot(tree, "2")?;
                let (again, fresh) =
                    (declared(&bench.cx, &mut renderer, &tree), bench.by_another(&tree).await?);
                ensure!(again == fresh, "after a change of {path}, {again:?} is declared and not {fresh:?}");
            }
        }
    }
    Ok(())
}

async fn provenance(bench: &RenderBench) -> Checked {
    let rendered = bench.renderer().render(&bench.cx, &snapshot(&bench.subject.files, "1")?)?;
    for (key, object) in rendered.desired.objects().iter() {
        let place = &object.provenance;
        let lines =
            bench.subject.files.get(&*place.path).map(|bytes| bytes.split(|byte| *byte == b'\n').count());
        let is_there = lines.is_some_and(|lines| place.line as usize <= lines);
        ensure!(is_there, "{key} says that it is declared at {place}, where nothing is");
        ensure!(&*place.revision == "1", "{key} says that it is of the revision {}", place.revision);
    }
    Ok(())
}

async fn at_once(bench: &RenderBench) -> Checked {
    let first = bench.sample()?;
    let run = || bench.fresh(&bench.subject.files);
    let all: Vec<Checked<Declared>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        let gone = |_| Err(Stop::Fail("it panicked in a thread".to_owned()));
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(gone)).collect()
    });
    for found in all {
        let found = found?;
        ensure!(found == first, "in one thread {first:?}, in another {found:?}");
    }
    Ok(())
}

async fn faults(bench: &RenderBench) -> Checked {
    let faulty = bench.subject.faulty.clone();
    let (path, bytes) = faulty.ok_or_else(|| Stop::Skip("no file that is refused was given".to_owned()))?;
    let (good, mut bad) = (&bench.subject.files, bench.subject.files.clone());
    bad.insert(path.clone(), bytes);
    let mut renderer = bench.renderer();
    let before = declared(&bench.cx, &mut renderer, &snapshot(good, "1")?);
    let error: Error = match renderer.render(&bench.cx, &snapshot(&bad, "2")?) {
        Err(error) => error,
        Ok(all) => {
            return Err(Stop::Fail(format!(
                "{path} is faulty, and {} objects come",
                all.desired.objects().len()
            )));
        }
    };
    let is_named = error.diagnostics().iter().any(|fault| fault.path.contains(&path));
    ensure!(is_named, "{path} is faulty, and is not named: {:?}", error.diagnostics());
    let after = declared(&bench.cx, &mut renderer, &snapshot(good, "3")?);
    ensure!(after == before, "after the fault was mended, {after:?} is declared and not {before:?}");
    Ok(())
}

async fn garbage(bench: &RenderBench) -> Checked {
    for (path, bytes) in &bench.subject.files {
        for hostile in hostile(&bench.cx, bytes) {
            let mut files = bench.subject.files.clone();
            files.insert(path.clone(), hostile);
            bench.fresh(&files)?;
        }
    }
    Ok(())
}

/// What may be in the place of some bytes: parts of them, flipped bits, and the usual bad input.
fn hostile(cx: &Cx, bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![
        b"\0".to_vec(),
        vec![0xff; 64],
        b"[".repeat(10_000),
        vec![b'x'; 1 << 20],
        b"\xef\xbb\xbf".to_vec(),
    ];
    let cuts = (0..bytes.len()).step_by(bytes.len() / 64 + 1);
    all.extend(cuts.map(|end| bytes[..end].to_vec()));
    for _ in 0..64_usize.min(bytes.len()) {
        let draw = cx.random();
        let mut flipped = bytes.to_vec();
        let place = usize::try_from(draw % bytes.len() as u128).unwrap_or_default();
        flipped[place] ^= 1 << ((draw >> 64) % 8);
        all.push(flipped);
    }
    all
}

async fn only_the_tree(bench: &RenderBench) -> Checked {
    let first = bench.sample()?;
    let later = declared(&bench.cx, &mut bench.renderer(), &snapshot(&bench.subject.files, "another")?);
    ensure!(later == first, "the same tree of another revision gives {later:?} and not {first:?}");
    Ok(())
}
