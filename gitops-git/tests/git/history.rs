//! Relation, names, log and blame.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::{Cx, ErrorKind, History, Relation, Revision, Source};
use gitops_git::{GitLimits, GitSource};

use crate::support::{Repo, told};

fn history(repo: &Repo) -> GitSource {
    repo.source().build().unwrap()
}

#[tokio::test]
async fn relation_is_that_of_ancestry() {
    let repo = Repo::with(&[("a", "1")]);
    let first = repo.revision("HEAD");
    let second = repo.commit(&[("a", "2")]);
    repo.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    let side = repo.commit(&[("a", "3")]);
    let (source, cx) = (history(&repo), Cx::system());
    let pairs = [
        (&first, &first, Relation::Same),
        (&first, &second, Relation::Newer),
        (&second, &first, Relation::Older),
        (&second, &side, Relation::Diverged),
    ];
    for (from, to, expected) in pairs {
        assert_eq!(source.relation(&cx, from, to).await.unwrap(), expected, "{from} to {to}");
    }
}

#[tokio::test]
async fn a_force_push_is_seen_also_by_who_never_had_the_old_commit() {
    let repo = Repo::with(&[("a", "1")]);
    let old = repo.commit(&[("a", "2")]);
    let (source, cx) = (history(&repo), Cx::system());
    source.fetch(&cx, &old).await.unwrap();
    repo.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    let new = repo.commit(&[("a", "3")]);
    assert_eq!(source.relation(&cx, &old, &new).await.unwrap(), Relation::Diverged);
    repo.git(&["reflog", "expire", "--expire=now", "--all"]);
    repo.git(&["gc", "--quiet", "--prune=now"]);
    std::fs::remove_dir_all(source.mirror()).unwrap();
    assert_eq!(history(&repo).relation(&cx, &old, &new).await.unwrap(), Relation::Diverged);
}

#[tokio::test]
async fn a_revision_is_found_by_branch_tag_id_and_its_beginning() {
    let repo = Repo::with(&[("a", "1")]);
    let id = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["tag", "-a", "v1", "-m", "Annotated"]);
    repo.git(&["branch", "feature/x"]);
    let (source, cx) = (history(&repo), Cx::system());
    source.fetch(&cx, &repo.revision("HEAD")).await.unwrap();
    repo.commit(&[("a", "2")]);
    for name in ["HEAD~1", "main^", "v1", "feature/x", "refs/tags/v1", &id, &id[..7], &id[..4].to_uppercase()]
    {
        assert_eq!(source.find(&cx, name).await.unwrap().id(), id, "{name}");
    }
}

#[tokio::test]
async fn a_name_goes_before_the_beginning_of_an_id() {
    let repo = Repo::with(&[("a", "1")]);
    let first = repo.git(&["rev-parse", "HEAD"]);
    let second = repo.commit(&[("a", "2")]);
    repo.git(&["tag", &first[..6], second.id()]);
    let (source, cx) = (history(&repo), Cx::system());
    source.fetch(&cx, &second).await.unwrap();
    assert_eq!(source.find(&cx, &first[..6]).await.unwrap(), second);
}

#[tokio::test]
async fn what_is_not_found_says_what_there_is() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["tag", "v1.0"]);
    let error = history(&repo).find(&Cx::system(), "v1.1").await.unwrap_err();
    insta::assert_snapshot!(told(&error), @r"
    NotFound: there is no branch, tag or commit `v1.1`
    help: there is `v1.0`, `main`
    ");
    for name in ["", "--all", "a\nb"] {
        assert_eq!(
            history(&repo).find(&Cx::system(), name).await.unwrap_err().kind(),
            ErrorKind::Invalid,
            "{name:?}"
        );
    }
}

#[tokio::test]
async fn a_commit_nobody_points_at_is_not_found_by_its_beginning() {
    let repo = Repo::with(&[("a", "1")]);
    let (source, cx) = (history(&repo), Cx::system());
    source.fetch(&cx, &repo.revision("HEAD")).await.unwrap();
    let hidden = repo.git(&["commit-tree", "HEAD^{tree}", "-m", "Hidden"]);
    let object = repo.git_with(&["cat-file", "commit", &hidden], b"");
    let mirror = source.mirror().to_str().unwrap();
    repo.git_with(
        &["--git-dir", mirror, "hash-object", "-w", "-t", "commit", "--stdin"],
        format!("{object}\n").as_bytes(),
    );
    assert!(source.find(&cx, &hidden[..8]).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_commit_is_described_and_its_text_can_not_play_tricks() {
    let repo = Repo::with(&[("a", "1")]);
    repo.git(&["commit", "--quiet", "--allow-empty", "-m", "Red \u{1b}[31malert\u{202e}\n\nBody"]);
    let commit = history(&repo).describe(&Cx::system(), &repo.revision("HEAD")).await.unwrap();
    assert_eq!(commit.author, "Ada <ada@example.org>");
    assert_eq!(commit.time.to_string(), "2026-01-02T03:04:05.000Z");
    assert_eq!(commit.summary, "Red \\u{1b}[31malert\\u{202e}");
}

#[tokio::test]
async fn the_log_of_a_path_has_the_commits_that_changed_it() {
    let repo = Repo::with(&[("site/a", "1"), ("site/b", "1")]);
    for (number, path) in ["site/a", "site/b", "other"].into_iter().enumerate() {
        repo.commit(&[(path, &format!("{number} again"))]);
    }
    let source = repo.source().path("site").build().unwrap();
    let (cx, head) = (Cx::system(), repo.revision("HEAD"));
    let ids = |commits: Vec<gitops_core::Commit>| {
        commits.into_iter().map(|commit| commit.id.to_string()).collect::<Vec<_>>()
    };
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (path, limit) in [("a", 10), ("b", 10), ("", 10), ("a", 1), ("absent", 10)] {
        let found = ids(source.log(&cx, &head, path, limit).await.unwrap());
        let place = if path.is_empty() { ".".to_owned() } else { format!("site/{path}") };
        let git = lines(repo.git(&["log", "--format=%H", &format!("-{limit}"), "--", &place]));
        assert_eq!(found, git, "{path}");
    }
}

#[tokio::test]
async fn a_line_has_who_changed_it_last() {
    let repo = Repo::with(&[("site/a", "one\ntwo\nthree\n")]);
    let first = repo.revision("HEAD");
    let second = repo.commit(&[("site/a", "one\nTWO\nthree\n")]);
    let source = repo.source().path("site").build().unwrap();
    let cx = Cx::system();
    let blame = |line| source.blame(&cx, &second, "a", line..=line);
    assert_eq!(blame(1).await.unwrap().id, first.id());
    assert_eq!(blame(2).await.unwrap().id, second.id());
    assert_eq!(blame(3).await.unwrap().id, first.id());
    let newest = |lines| source.blame(&cx, &second, "a", lines);
    assert_eq!(newest(1..=3).await.unwrap().id, second.id(), "of several lines, the newest commit");
    assert!(newest(2..=4).await.is_err(), "a range that leaves the file");
    for line in [0, 4] {
        assert_eq!(blame(line).await.unwrap_err().kind(), ErrorKind::Invalid, "{line}");
    }
    assert!(source.blame(&cx, &second, "b", 1..=1).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn what_a_revision_brings_is_what_git_says_also_over_merges_and_wrong_clocks() {
    let repo = Repo::with(&[("a", "1")]);
    let commit = |parents: &[&Revision], day: &str, message: &str| {
        let person = format!("Ada <ada@example.org> {day} +0000");
        let committer = person.replace("Ada", "Merge bot");
        let parents: Vec<String> = parents.iter().map(|parent| format!("parent {}", parent.id())).collect();
        let (tree, parents) = (repo.git(&["rev-parse", "HEAD^{tree}"]), parents.join("\n"));
        let text = format!("tree {tree}\n{parents}\nauthor {person}\ncommitter {committer}\n\n{message}\n");
        Revision::new(repo.git_with(&["hash-object", "-w", "-t", "commit", "--stdin"], text.as_bytes()), "")
    };
    let root = repo.revision("HEAD");
    let base = commit(&[&root], "1800000000", "Base");
    let main = commit(&[&base], "1800000100", "Main");
    let side = commit(&[&base], "1800000200", "Side");
    let early = commit(&[&base], "946684800", "With a clock that is wrong by years");
    let merge = commit(&[&main, &side], "1800000300", "Merge");
    let last = commit(&[&merge, &early], "1800000400", "Last");
    repo.git(&["update-ref", "refs/heads/main", last.id()]);
    let (source, cx) = (history(&repo), Cx::system());
    source.fetch(&cx, &last).await.unwrap();
    let all = [&root, &base, &main, &side, &early, &merge, &last];
    for (from, to) in all.iter().flat_map(|from| all.iter().map(move |to| (*from, *to))) {
        let found = source.between(&cx, from, to, 100).await.unwrap();
        let mut found: Vec<String> = found.iter().map(|commit| commit.id.to_string()).collect();
        let git = repo.git(&["log", "--format=%H", &format!("{}..{}", from.id(), to.id())]);
        let mut git: Vec<String> = git.lines().map(str::to_owned).collect();
        if (from, to) == (&base, &last) {
            assert_eq!(found, git, "the newest first");
        }
        found.sort();
        git.sort();
        assert_eq!(found, git, "{from} to {to}");
    }
    let newest = &source.between(&cx, &root, &last, 1).await.unwrap()[..];
    assert_eq!((newest.len(), newest[0].id.as_str()), (1, last.id()));
    assert_eq!(newest[0].author, "Ada <ada@example.org>");
    assert_eq!(newest[0].committer, "Merge bot <ada@example.org>");
}

#[tokio::test]
async fn a_cancelled_log_ends() {
    let repo = Repo::with(&[("a", "1")]);
    let (source, cx) = (history(&repo), Cx::system().within(Duration::from_secs(60)));
    let head: Revision = repo.revision("HEAD");
    source.fetch(&cx, &head).await.unwrap();
    cx.cancel();
    assert_eq!(source.log(&cx, &head, "", 10).await.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[tokio::test]
async fn a_look_into_a_history_reads_no_more_commits_than_the_limit_and_names_it() {
    let repo = Repo::with(&[("a", "1\n"), ("b", "1\n")]);
    let first = repo.revision("HEAD");
    let side = repo.commit(&[("c", "1\n")]);
    repo.git(&["checkout", "--quiet", "-b", "side"]);
    let side = Revision::new(side.id(), "side");
    repo.git(&["checkout", "--quiet", "main"]);
    let commits: Vec<_> = (0..40).map(|n| repo.commit(&[("b", &format!("{n}\n"))])).collect();
    let last = commits.last().unwrap();
    let cx = Cx::system();
    history(&repo).fetch(&cx, last).await.unwrap();
    let mut limits = GitLimits::default();
    limits.history = 12;
    // The mirror is shared: that everything is there takes no look.
    let source = repo.source().limits(limits).build().unwrap();
    source.fetch(&cx, last).await.unwrap();
    let merge = Source::merge(&source).unwrap();
    let errors = [
        source.relation(&cx, &first, last).await.unwrap_err(),
        source.between(&cx, &first, last, 100).await.unwrap_err(),
        source.log(&cx, last, "a", 1).await.unwrap_err(),
        source.blame(&cx, last, "a", 1..=1).await.unwrap_err(),
        source.find(&cx, "main~30").await.unwrap_err(),
        source.find(&cx, &commits[2].id()[..12]).await.unwrap_err(),
        merge.merged(&cx, last, &side).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
        assert!(
            error.to_string().contains("history = 12") && told(&error).contains("limits: { history"),
            "{error:?}"
        );
    }
    // What is near is found.
    assert_eq!(source.blame(&cx, last, "b", 1..=1).await.unwrap().id, last.id());
    assert_eq!(source.log(&cx, last, "b", 3).await.unwrap().len(), 3);
    assert_eq!(source.find(&cx, "main~3").await.unwrap(), Revision::new(commits[36].id(), "main~3"));
    // All of it is found by who may read it.
    let (source, whole) = (history(&repo), first.id());
    assert_eq!(source.relation(&cx, &first, last).await.unwrap(), Relation::Newer);
    assert_eq!(source.blame(&cx, last, "a", 1..=1).await.unwrap().id, whole);
    assert_eq!(source.find(&cx, &whole[..12]).await.unwrap().id(), whole);
}

/// Commits of one second, as programs make them, with any parents: each answer is what can be reached.
#[tokio::test]
async fn how_commits_of_one_time_are_related_is_what_can_be_reached_from_each() {
    let (repo, cx) = (Repo::with(&[("a", "1\n")]), Cx::system());
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let mut seed = 11_u64;
    let mut below = |bound: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 40).unwrap() % bound
    };
    let mut commits: Vec<(Revision, BTreeSet<usize>)> = Vec::new();
    for number in 0..24 {
        // Two at most; sometimes none, so that not everything has one beginning.
        let mut parents = BTreeSet::new();
        for _ in 0..number.min(2) {
            let parent = number - 1 - below(number.min(6));
            if below(9) > 0 {
                parents.insert(parent);
            }
        }
        let mut arguments = vec!["commit-tree".to_owned(), tree.clone(), "-m".to_owned(), number.to_string()];
        let mut reached = BTreeSet::from([number]);
        for parent in parents {
            arguments.extend(["-p".to_owned(), commits[parent].0.id().to_owned()]);
            reached.extend(&commits[parent].1);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let id = repo.git(&arguments);
        repo.git(&["update-ref", &format!("refs/heads/c{number}"), &id]);
        commits.push((Revision::new(id, "main"), reached));
    }
    let source = history(&repo);
    for (one, (from, before)) in commits.iter().enumerate() {
        for (other, (to, after)) in commits.iter().enumerate() {
            let right = match (one == other, after.contains(&one), before.contains(&other)) {
                (true, ..) => Relation::Same,
                (_, true, _) => Relation::Newer,
                (_, _, true) => Relation::Older,
                _ => Relation::Diverged,
            };
            assert_eq!(source.relation(&cx, from, to).await.unwrap(), right, "{one} and {other}");
        }
    }
}

/// Met with bots that commit several times in a second: a short way was looked for to the beginning of the history.
#[tokio::test]
async fn near_commits_of_one_time_are_related_without_a_look_at_the_whole_history() {
    let (repo, cx) = (Repo::with(&[("a", "1\n")]), Cx::system());
    let commits: Vec<Revision> = (0..60).map(|n| repo.commit(&[("b", &format!("{n}\n"))])).collect();
    repo.git(&["checkout", "--quiet", "-b", "side", commits[55].id()]);
    let side = Revision::new(repo.commit(&[("c", "1\n")]).id(), "side");
    let mut limits = GitLimits::default();
    limits.history = 20;
    history(&repo).fetch(&cx, &commits[59]).await.unwrap();
    let source = repo.source().limits(limits).build().unwrap();
    for (from, to, right) in [
        (&commits[55], &commits[59], Relation::Newer),
        (&commits[59], &commits[55], Relation::Older),
        (&side, &commits[59], Relation::Diverged),
        (&commits[59], &side, Relation::Diverged),
    ] {
        assert_eq!(source.relation(&cx, from, to).await.unwrap(), right, "{} and {}", from.id(), to.id());
    }
}
