//! Servers that send without end, and objects that unpack to more than anybody has.

use gitops_core::{Cx, ErrorKind, Source};
use gitops_git::GitLimits;

use crate::support::{Repo, expect, newest, script, told};

#[tokio::test]
async fn references_without_end_are_an_error_and_not_kept() {
    let repo = Repo::empty();
    let program = repo.home().join("endless-git");
    let endless = "for word; do case \"$word\" in remote-http)\n\
         read -r _; printf '\\n'\n\
         printf '000eversion 2\\n000cls-refs\\n000afetch\\n0000'\n\
         exec yes 0045aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa refs/heads/mainmainmain\n\
         esac; done\nexec git \"$@\"";
    script(&program, endless);
    let source = repo.source_of("http://127.0.0.1:1/x.git").git_program(&program).build().unwrap();
    let error = source.resolve(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
}

/// A small pack whose one object is large once it is unpacked.
#[tokio::test]
async fn an_object_that_unpacks_to_more_than_the_limit_is_refused() {
    let repo = Repo::with(&[("a", "1")]);
    std::fs::write(repo.path().join("large"), vec![0; 80 << 20]).unwrap();
    repo.commit(&[]);
    let mut limits = GitLimits::default();
    limits.memory = 256 << 20;
    let error = newest(&repo.source().limits(limits).build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert!(told(&error).contains("limits: { memory"), "{}", told(&error));
}

/// A pack of a few kilobytes whose objects are each twice the one before: what unpacks it must not hold all of it.
#[tokio::test]
async fn a_chain_of_deltas_that_grows_to_more_than_the_limit_is_refused() {
    let repo = Repo::with(&[("a", "1")]);
    let mut limits = GitLimits::default();
    limits.memory = 128 << 20;
    let source = repo.source().limits(limits).build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]), "it is enough for what is not a bomb");
    let mut blob: Vec<u8> = (0..=255).collect();
    let (mut blobs, mut tree) = (Vec::new(), Vec::new());
    for doubled in 1..=19 {
        blob.extend_from_within(..);
        blobs.extend(format!("blob\nmark :{doubled}\ndata {}\n", blob.len()).into_bytes());
        blobs.extend_from_slice(&blob);
        blobs.push(b'\n');
        tree.push(format!("M 644 :{doubled} bomb/{doubled}\n"));
    }
    let commit =
        "commit refs/heads/main\ncommitter a <a@example.org> 0 +0000\ndata 4\nBomb\nfrom refs/heads/main^0\n";
    blobs.extend(format!("{commit}{}\n", tree.concat()).into_bytes());
    repo.git_with(&["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--force"], &blobs);
    let packs = std::fs::read_dir(repo.path().join(".git/objects/pack")).unwrap();
    let packed: u64 = packs.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(packed < 1 << 20, "it is a bomb: {packed} bytes of {}", blob.len());
    let error = newest(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error:?}");
    assert!(told(&error).contains("limits: { memory"), "{}", told(&error));
}

/// People met it with histories that were converted from other systems.
#[tokio::test]
async fn a_history_that_is_odd_in_form_alone_can_be_allowed() {
    let repo = Repo::with(&[("a", "1")]);
    let blob = repo.blob(b"1");
    let mut tree = b"0100644 a\0".to_vec();
    tree.extend((0..20).map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap()));
    let tree = repo.git_with(&["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], &tree);
    let commit = repo.git(&["commit-tree", &tree, "-m", "Converted"]);
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    assert!(error.help_text().unwrap().contains("tolerate"), "{error:?}");
    let source = repo.source().tolerate("zeroPaddedFilemode").build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        ErrorKind::Corrupt,
        "who tolerates nothing does not believe what the other took"
    );
    assert!(repo.source().tolerate("hasDotgit").build().is_err(), "what deceives is never taken");
}

/// The same with the clocks of programs that wrote time zones in a form of their own.
#[tokio::test]
async fn a_time_zone_of_another_form_can_be_allowed() {
    let repo = Repo::with(&[("a", "1")]);
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let who = "A <a@example.org> 1 +051800";
    let commit = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nConverted\n");
    let literally = ["hash-object", "-w", "-t", "commit", "--literally", "--stdin"];
    let commit = repo.git_with(&literally, commit.as_bytes());
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let error = newest(&repo.source().build().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    let source = repo.source().tolerate("badTimezone").build().unwrap();
    assert_eq!(newest(&source).await.unwrap(), expect(&[("a", "1")]));
}

/// Met with a limit that was set too low: "the connection to the server failed or broke", and it was tried again and again.
#[tokio::test]
async fn git_that_its_own_limit_of_memory_ends_is_told_as_such_and_not_as_a_broken_connection() {
    let repo = Repo::with(&[("a", "1")]);
    for bytes in [1, 4 << 20] {
        for url in [repo.url(), "http://127.0.0.1:1/x.git".to_owned()] {
            let mut limits = GitLimits::default();
            limits.memory = bytes;
            let error = newest(&repo.source_of(&url).limits(limits).build().unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{bytes} {url}: {error:?}");
            assert!(told(&error).contains("limits: { memory"), "{bytes} {url}: {}", told(&error));
        }
    }
}
