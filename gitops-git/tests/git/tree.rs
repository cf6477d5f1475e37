//! Trees that can't be used, or could do harm.

use gitops_core::{Cx, ErrorKind, Source};
use gitops_git::GitLimits;
use insta::assert_snapshot;

use crate::support::{Repo, findings, newest, told};

/// What a commit of a tree written by hand is refused with.
async fn refusal(lines: impl Fn(&Repo, &str) -> Vec<u8>) -> (ErrorKind, String, Vec<String>) {
    let repo = Repo::with(&[("a", "1")]);
    let blob = repo.blob(b"text");
    repo.commit_tree(&lines(&repo, &blob));
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    (error.kind(), told(&error), findings(&error))
}

fn line(mode: &str, kind: &str, id: &str, name: &[u8]) -> Vec<u8> {
    [format!("{mode} {kind} {id}\t").as_bytes(), name, b"\0"].concat()
}

/// Whether a link is a fault depends on what reads it: a source only never follows one.
#[tokio::test]
async fn a_link_is_shown_as_one_and_what_it_leads_to_is_not_read() {
    let repo = Repo::with(&[("a", "1")]);
    let target = repo.blob(b"/etc/passwd");
    repo.commit_tree(&line("120000", "blob", &target, b"link"));
    let (source, cx) = (repo.source().build().unwrap(), Cx::system());
    let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    let entries = snapshot.tree.list("", &snapshot.root).unwrap();
    assert_eq!((entries.len(), entries[0].kind), (1, gitops_core::EntryKind::Link));
    assert!(snapshot.tree.read("link", &entries[0].id).is_err());
    let render = gitops_core::render_files("1", |_: &gitops_core::Part<'_>| Ok(Vec::new()));
    let error = gitops_core::Renderer::new(std::sync::Arc::new(render)).render(&cx, &snapshot).unwrap_err();
    assert_eq!(findings(&error), ["GO0203 link"]);
}

#[tokio::test]
async fn a_submodule_is_refused_with_its_place() {
    let (_, text, found) = refusal(|_, _| line("160000", "commit", &"1".repeat(40), b"module")).await;
    assert_eq!(found, ["GO0204 module"]);
    assert_snapshot!(text, @r"
    Invalid: the tree can't be used: `module`: it is a submodule, whose files are in another repository
    help: put the files themselves there, or ignore it
    ");
}

#[tokio::test]
async fn names_that_are_one_name_on_other_systems_are_refused() {
    let twice = |_: &Repo, blob: &str| {
        [line("100644", "blob", blob, b"Web.yaml"), line("100644", "blob", blob, b"web.yaml")].concat()
    };
    let (_, text, found) = refusal(twice).await;
    assert_eq!(found, ["GO0205 web.yaml"]);
    assert_snapshot!(text, @r"
    Invalid: the tree can't be used: `web.yaml`: the name differs only in case from `Web.yaml`
    help: rename one of them, or ignore it
    ");
}

#[tokio::test]
async fn names_that_differ_only_in_how_letters_are_encoded_are_refused() {
    let twice = |_: &Repo, blob: &str| {
        let names = ["Cafe\u{301}.yaml", "cafe\u{301}.md", "caf\u{e9}.yaml"];
        names.map(|name| line("100644", "blob", blob, name.as_bytes())).concat()
    };
    let (_, _, found) = refusal(twice).await;
    assert_eq!(found, ["GO0205 caf\u{e9}.yaml"]);
}

#[tokio::test]
async fn a_name_that_is_not_utf8_is_refused() {
    let (kind, _, found) = refusal(|_, blob| line("100644", "blob", blob, b"caf\xe9")).await;
    assert_eq!((kind, found), (ErrorKind::Invalid, vec!["GO0202 caf\u{fffd}".to_owned()]));
}

#[tokio::test]
async fn all_faults_of_all_folders_are_told_at_once() {
    let (_, text, found) = refusal(|repo, _| {
        let module = line("160000", "commit", &"1".repeat(40), b"module");
        let inner = repo.git_with(&["mktree", "--missing", "-z"], &module);
        [line("040000", "tree", &inner, b"x"), line("040000", "tree", &inner, b"y")].concat()
    })
    .await;
    assert_eq!(found, ["GO0204 x/module", "GO0204 y/module"]);
    assert_snapshot!(text, @r"
    Invalid: 2 entries of the tree can't be used; the first is `x/module`: it is a submodule, whose files are in another repository
    help: put the files themselves there, or ignore it
    ");
}

#[tokio::test]
async fn what_git_fsck_refuses_does_not_reach_the_mirror() {
    for name in [".git", ".GIT", "..", "git~1"] {
        let repo = Repo::with(&[("a", "1")]);
        let blob = repo.blob(b"text");
        let raw = [b"100644 ", name.as_bytes(), b"\0", &hex(&blob)].concat();
        commit_raw(&repo, &raw);
        let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{name}: {error}");
        assert!(told(&error).contains("git fsck"), "{name}: {error}");
    }
}

#[tokio::test]
async fn entries_out_of_order_or_twice_are_refused() {
    for names in [["b", "a"], ["a", "a"]] {
        let repo = Repo::with(&[("a", "1")]);
        let id = hex(&repo.blob(b"text"));
        let entry = |name: &str| [b"100644 ", name.as_bytes(), b"\0", &id].concat();
        commit_raw(&repo, &names.map(entry).concat());
        let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{names:?}: {error}");
    }
}

#[tokio::test]
async fn a_pointer_to_a_file_kept_elsewhere_is_refused_when_it_is_read() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    let repo = Repo::with(&[("model.bin", pointer)]);
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    assert_eq!(findings(&error), ["GO0207 model.bin"]);
    assert_snapshot!(told(&error), @r"
    Invalid: `model.bin` is a Git LFS pointer
    help: put the file itself into the repository (`git lfs migrate export`), or ignore it
    ");
}

#[tokio::test]
async fn a_huge_file_is_refused_before_it_is_unpacked() {
    let repo = Repo::empty();
    let file = std::fs::File::create(repo.path().join("huge")).unwrap();
    file.set_len(64 << 20).unwrap();
    repo.commit(&[("small", "1")]);
    let source = repo.source().build().unwrap();
    let error = newest(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("file_bytes = 10485760"), "{error}");
    assert!(error.help_text().unwrap().contains("raise the limit `file_bytes`"), "{error:?}");
}

#[tokio::test]
async fn a_pack_larger_than_the_limit_does_not_fill_the_disk() {
    let repo = Repo::empty();
    let mut state = 1_u32;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(3 << 20)
    .collect();
    std::fs::write(repo.path().join("noise"), noise).unwrap();
    repo.commit(&[("small", "1")]);
    let mut limits = GitLimits::default();
    limits.pack_bytes = 1 << 20;
    let error = newest(&repo.source().limits(limits).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(told(&error).contains("pack_bytes"), "{}", told(&error));
}

#[tokio::test]
async fn folders_nested_ten_thousand_deep_are_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let tree = nested(&repo, 10_000);
    let commit = repo.git(&["commit-tree", &tree, "-m", "Deep"]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[tokio::test]
async fn a_tree_that_uses_one_folder_again_and_again_is_counted_as_it_unfolds() {
    let repo = Repo::with(&[("a", "1")]);
    let mut tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    for _ in 0..10 {
        let lines: Vec<u8> =
            (0..10).flat_map(|name| line("040000", "tree", &tree, format!("{name}").as_bytes())).collect();
        tree = repo.git_with(&["mktree", "-z"], &lines);
    }
    let commit = repo.git(&["commit-tree", &tree, "-m", "Bomb"]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("tree_entries"), "{error}");
}

#[tokio::test]
async fn an_id_of_another_tree_is_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let source = repo.source().build().unwrap();
    let cx = Cx::system();
    let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    let strange = gitops_core::Digest::of(b"strange");
    assert_eq!(snapshot.tree.list("", &strange).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(snapshot.tree.read("a", &snapshot.root).unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn the_bit_that_makes_a_file_a_program_is_told() {
    let repo = Repo::with(&[("run", "1"), ("text", "1")]);
    repo.git(&["update-index", "--chmod=+x", "run"]);
    repo.commit_index("Make it a program");
    let source = repo.source().build().unwrap();
    let cx = Cx::system();
    let snapshot = source.fetch(&cx, &source.resolve(&cx).await.unwrap()).await.unwrap();
    let kinds: Vec<_> =
        snapshot.tree.list("", &snapshot.root).unwrap().iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [true, false].map(|executable| gitops_core::EntryKind::File { executable }));
}

/// Makes `main` point at a commit of a tree of exactly these bytes.
fn commit_raw(repo: &Repo, tree: &[u8]) {
    let tree = repo.git_with(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], tree);
    let commit = repo.git(&["commit-tree", &tree, "-m", "Hostile"]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
}

/// A tree of folders in folders, written by `git fast-import` in one go.
fn nested(repo: &Repo, depth: usize) -> String {
    let path = vec!["d"; depth].join("/");
    let stream = format!(
        "commit refs/heads/deep\ncommitter A <a@b> 0 +0000\ndata 1\nx\nM 644 inline {path}/f\ndata 1\nx\n"
    );
    repo.git_with(&["fast-import", "--quiet"], stream.as_bytes());
    repo.git(&["rev-parse", "deep^{tree}"])
}

fn hex(id: &str) -> Vec<u8> {
    (0..id.len()).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()).collect()
}

/// A folder that was looked over is known by its content, and a path is as long as all that is above it.
#[tokio::test]
async fn a_folder_that_moves_to_where_its_paths_are_too_long_is_refused() {
    let file = |above: &str| format!("{above}d/long-name-of-a-file");
    let more: Vec<String> = (0..8).map(|n| format!("f{n}/a")).collect();
    let mut files: Vec<(&str, &str)> = more.iter().map(|path| (&**path, "1")).collect();
    let (short, long) = (file(""), file("some/where/below/"));
    files.push((&short, "1"));
    let repo = Repo::with(&files);
    let source = || {
        let mut limits = GitLimits::default();
        limits.path_bytes = 30;
        repo.source().limits(limits).build().unwrap()
    };
    let working = source();
    newest(&working).await.unwrap();
    std::fs::create_dir_all(repo.path().join("some/where/below")).unwrap();
    repo.git(&["mv", "d", "some/where/below/d"]);
    repo.git(&["commit", "--quiet", "-m", "Move"]);
    assert!(repo.path().join(&long).exists());
    // By the process that knows the folder, and by one that was told what the former knew.
    for source in [working, source()] {
        let error = newest(&source).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert!(told(&error).contains("path_bytes"), "{}", told(&error));
    }
}
