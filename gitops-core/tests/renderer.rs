//! Rendering from one revision to the next is rendering from nothing, at the cost of what changed.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::*;
use proptest::prelude::*;
use smol_str::SmolStr;

/// A file declares itself; `see PATH` declares what is in the other file, and `list PATH` the names in a folder.
fn render(part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
    let bytes = part.bytes()?;
    let content = std::str::from_utf8(&bytes).unwrap();
    let text = if let Some(path) = content.strip_prefix("see ") {
        format!("{:?}", part.read(path)?)
    } else if let Some(path) = content.strip_prefix("list ") {
        let names =
            |entries: Vec<Entry>| entries.iter().map(|entry| entry.name.to_string()).collect::<Vec<_>>();
        format!("{:?}", part.list(path)?.map(names))
    } else {
        content.to_owned()
    };
    let key = Key::new("t", GroupKind::new("", "K"), "", part.path());
    Ok(vec![Object::new(key, Value::from(text.as_str()), part.provenance(0))])
}

fn renderer() -> Renderer {
    Renderer::new(Arc::new(render_files("test", render)))
}

fn snapshot(revision: usize, files: &BTreeMap<String, String>) -> Snapshot {
    let files = files.iter().map(|(path, content)| (path.clone(), content.clone()));
    Snapshot::from_files("s", Revision::new(format!("{revision}"), ""), files).unwrap()
}

fn bodies(desired: &Desired) -> BTreeMap<Key, Value> {
    desired.objects().iter().map(|(key, object)| (key.clone(), object.body.clone())).collect()
}

/// Folders `d0`, `d1` with files in two levels, so that no path is both file and folder.
fn path() -> impl Strategy<Value = String> {
    prop_oneof!["f[0-2]", "d[01]/f[0-2]", "d[01]/e/f[01]"]
}

fn content() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c]".prop_map(String::from),
        1 => path().prop_map(|path| format!("see {path}")),
        1 => "d[01]".prop_map(|path| format!("list {path}")),
        1 => "d[01]/e".prop_map(|path| format!("list {path}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn step_by_step_is_the_same_as_at_once(
        revisions in prop::collection::vec(prop::collection::btree_map(path(), content(), 0..8), 1..6),
    ) {
        let mut stepwise = renderer();
        for (number, files) in revisions.iter().enumerate() {
            let snapshot = snapshot(number, files);
            let rendered = stepwise.render(&Cx::system(), &snapshot).unwrap().desired;
            let at_once = renderer().render(&Cx::system(), &snapshot).unwrap().desired;
            prop_assert_eq!(bodies(&rendered), bodies(&at_once));
            prop_assert_eq!(rendered.objects().digest(), at_once.objects().digest());
        }
    }
}

#[test]
fn only_what_changed_is_rendered_and_what_read_it() {
    let files = [("a", "1"), ("b", "see d/x"), ("c", "list d"), ("d/x", "1"), ("d/y", "1")];
    let mut files: BTreeMap<String, String> = files.map(|(path, text)| (path.into(), text.into())).into();
    let mut renderer = renderer();
    assert_eq!(renderer.render(&Cx::system(), &snapshot(1, &files)).unwrap().parts, 5);
    assert_eq!(renderer.render(&Cx::system(), &snapshot(2, &files)).unwrap().parts, 0);
    files.insert("d/x".into(), "2".into());
    assert_eq!(
        renderer.render(&Cx::system(), &snapshot(3, &files)).unwrap().parts,
        3,
        "d/x, who sees it, and who lists d"
    );
    files.insert("a".into(), "2".into());
    assert_eq!(renderer.render(&Cx::system(), &snapshot(4, &files)).unwrap().parts, 1);
}

#[test]
fn faults_of_many_parts_come_in_the_order_of_their_paths() {
    let fault = |part: &Part<'_>| Err(vec![Diagnostic::error("T1", part.path(), "no")]);
    let mut renderer = Renderer::new(Arc::new(render_files("faults", fault)));
    let files: BTreeMap<String, String> = (0..100).map(|n| (format!("f{n:02}"), String::new())).collect();
    let error = renderer.render(&Cx::system(), &snapshot(1, &files)).unwrap_err();
    let paths: Vec<&str> = error.diagnostics().iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, files.keys().collect::<Vec<_>>());
}

#[test]
fn an_object_declared_twice_names_both_places_and_leaves_the_last_good_revision() {
    let same = render_files("same", |part: &Part<'_>| {
        let key = Key::new("t", GroupKind::new("", "K"), "", "one");
        Ok(vec![Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(3))])
    });
    let mut renderer = Renderer::new(Arc::new(same));
    let mut files = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    renderer.render(&Cx::system(), &snapshot(1, &files)).unwrap();
    files.insert("b".into(), "2".into());
    let error = renderer.render(&Cx::system(), &snapshot(2, &files)).unwrap_err();
    insta::assert_snapshot!(error.diagnostics()[0], @"error[GO0301]: b:3: t:K/-/one is declared twice (the other declaration is at a:3: remove one of them)");
    files.remove("a");
    assert_eq!(renderer.render(&Cx::system(), &snapshot(3, &files)).unwrap().desired.objects().len(), 1);
}

#[test]
fn ten_thousand_nested_folders_are_refused_with_the_limit() {
    let depth = 10_000;
    let child = std::thread::Builder::new().stack_size(512 << 20);
    let error = child
        .spawn(move || {
            let path = "d/".repeat(depth) + "f";
            let snapshot = Snapshot::from_files("s", Revision::new("1", ""), [(path, "x")]).unwrap();
            renderer().render(&Cx::system(), &snapshot).unwrap_err()
        })
        .unwrap()
        .join()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Limit);
    insta::assert_snapshot!(error.message(), @"folders are nested more than 128 deep");
}

/// Renders each file to its content, as an object of the renderer's own target.
fn named(target: &'static str) -> Arc<dyn Render> {
    Arc::new(render_files(target, move |part: &Part<'_>| {
        let key = Key::new(target, GroupKind::new("", "K"), "", part.path());
        Ok(vec![Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(0))])
    }))
}

proptest! {
    #[test]
    fn a_file_goes_to_the_longest_folder_that_holds_it(
        folders in prop::collection::btree_set(prop_oneof!["", "[ab]", "[ab]/[ab]", "[ab]/[ab]/[ab]"], 0..5),
        files in prop::collection::btree_set("[ab]{1,2}(/[ab]{1,2}){0,3}/f", 0..9),
    ) {
        let names = ["t0", "t1", "t2", "t3", "t4"];
        let routes = folders.iter().zip(names);
        let router = routes.clone().fold(Routes::new(), |router, (folder, name)| router.route(folder, named(name)));
        let expected = files.iter().filter_map(|file| {
            let holds = |folder: &str| folder.is_empty() || file.starts_with(&format!("{folder}/"));
            let longest = routes.clone().filter(|(folder, _)| holds(folder)).max_by_key(|(folder, _)| folder.len());
            longest.map(|(_, name)| Key::new(name, GroupKind::new("", "K"), "", file.as_str()))
        });
        let expected: std::collections::BTreeSet<Key> = expected.collect();
        let is_there = |folder: &String| folder.is_empty() || files.iter().any(|file| file.starts_with(&format!("{folder}/")));
        let all_are_there = folders.iter().all(is_there);
        let files = files.iter().map(|file| (file.clone(), "x".to_owned())).collect();
        let rendered = Renderer::new(Arc::new(router)).render(&Cx::system(), &snapshot(1, &files));
        prop_assert_eq!(rendered.is_ok(), all_are_there, "a folder that is not there is a fault");
        let Ok(rendered) = rendered else { return Ok(()) };
        prop_assert_eq!(rendered.desired.objects().keys().cloned().collect::<std::collections::BTreeSet<_>>(), expected);
        prop_assert!(rendered.parts <= files.len());
    }
}

#[test]
fn a_moved_route_and_another_renderer_have_another_fingerprint() {
    let of = |folder: &str, name| Routes::new().route(folder, named(name)).fingerprint();
    assert_eq!(of("/a/", "t"), of("a", "t"));
    assert_ne!(of("a", "t"), of("b", "t"));
    assert_ne!(of("a", "t"), of("a", "u"));
}

/// `tell NAME VALUE` tells a fact; `ask NAME` declares what is known of it, and is a fault if nothing is.
struct Talkers;

#[async_trait]
impl Render for Talkers {
    fn render(&self, _: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let bytes = part.bytes()?;
        let words: Vec<&str> = std::str::from_utf8(&bytes).unwrap().split(' ').collect();
        let fact = match &words[..] {
            ["tell", name, value] => {
                part.tell(*name, *value);
                return Ok(Vec::new());
            }
            ["echo", name] => {
                let fact = part.fact(name).unwrap_or_default();
                part.tell(*name, format!("{fact}!"));
                fact
            }
            ["see", name] => part.fact(name).unwrap_or_default(),
            _ => part
                .fact(words[1])
                .ok_or_else(|| vec![Diagnostic::error("GO0000", part.path(), "unknown")])?,
        };
        let key = Key::new("t", GroupKind::new("", "K"), "", part.path());
        Ok(vec![Object::new(key, Value::from(fact.as_str()), part.provenance(0))])
    }

    async fn answer(&self, _: &Cx, asked: &[SmolStr]) -> gitops_core::Result<BTreeMap<SmolStr, SmolStr>> {
        let known = asked.iter().filter(|name| name.starts_with("outside"));
        Ok(known.map(|name| (name.clone(), "known".into())).collect())
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(b"talkers")
    }
}

fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_fact_reaches_every_part_that_asked_whatever_comes_first() {
    let mut all = Renderer::new(Arc::new(Talkers));
    let mut declared = |tree: &[(&str, &str)]| -> (Vec<String>, usize) {
        let rendered = all.render(&Cx::system(), &snapshot(1, &files(tree))).unwrap();
        (
            bodies(&rendered.desired).values().map(|body| body.as_text().unwrap().to_owned()).collect(),
            rendered.parts,
        )
    };
    let told = [("a", "ask x"), ("b", "tell x 1"), ("c", "ask x")];
    assert_eq!(declared(&told), (vec!["1".to_owned(), "1".to_owned()], 4), "`a` is rendered twice");
    assert_eq!(declared(&told).1, 0);
    let told = [("a", "ask x"), ("b", "tell x 2"), ("c", "ask x")];
    assert_eq!(declared(&told), (vec!["2".to_owned(), "2".to_owned()], 3), "who asked is rendered again");
    let told = [("a", "ask x"), ("aa", "tell x 3"), ("b", "tell x 2"), ("c", "ask x")];
    assert_eq!(declared(&told).0, ["3", "3"], "the first in the order of paths counts");
}

#[test]
fn a_fact_that_went_is_a_fault_where_it_is_needed_and_one_that_depends_on_itself_is_refused() {
    let mut all = Renderer::new(Arc::new(Talkers));
    all.render(&Cx::system(), &snapshot(1, &files(&[("a", "ask x"), ("b", "tell x 1")]))).unwrap();
    let error = all.render(&Cx::system(), &snapshot(2, &files(&[("a", "ask x")]))).unwrap_err();
    assert_eq!(error.diagnostics()[0].path, "a");
    let error = all.render(&Cx::system(), &snapshot(3, &files(&[("a", "echo x")]))).unwrap_err();
    assert!(error.to_string().contains("fault"), "{error}");
    all.render(&Cx::system(), &snapshot(1, &files(&[("a", "ask x"), ("b", "tell x 1")]))).unwrap();
}

#[tokio::test]
async fn what_no_part_tells_is_found_out_once() {
    let mut all = Renderer::new(Arc::new(Talkers));
    let tree = files(&[("a", "see outside"), ("b", "see nowhere"), ("c", "tell x 1")]);
    let rendered = all.render(&Cx::system(), &snapshot(1, &tree)).unwrap();
    assert_eq!(rendered.open, ["nowhere", "outside"]);
    let rendered = all.find_out(&Cx::system(), rendered).await.unwrap();
    assert_eq!(
        (rendered.parts, &*rendered.open),
        (4, &["nowhere".into()][..]),
        "only who asked is rendered again"
    );
    assert_eq!(
        all.render(&Cx::system(), &snapshot(2, &tree)).unwrap().open,
        ["nowhere"],
        "an answer is kept"
    );
}

#[test]
fn warnings_stay_with_their_part_and_go_with_it() {
    let render = render_files("warnings", |part: &Part<'_>| {
        let text = part.bytes()?;
        if text.starts_with(b"odd") {
            part.warning(Diagnostic::warning("GO0000", part.path(), String::from_utf8_lossy(&text)));
        }
        Ok(Vec::new())
    });
    let mut all = Renderer::new(Arc::new(render));
    let mut told = |files: &[(&str, &str)]| -> Vec<String> {
        let rendered = all.render(&Cx::system(), &snapshot(1, &self::files(files))).unwrap();
        rendered.warnings.iter().map(|warning| format!("{} {}", warning.path, warning.message)).collect()
    };
    assert_eq!(told(&[("a", "odd 1"), ("b", "odd 2"), ("c", "even")]), ["a odd 1", "b odd 2"]);
    assert_eq!(
        told(&[("a", "odd 1"), ("b", "even"), ("c", "odd")]),
        ["a odd 1", "c odd"],
        "a was not rendered"
    );
    assert_eq!(told(&[("c", "odd")]), ["c odd"]);
}
