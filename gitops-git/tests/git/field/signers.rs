//! Who signed a commit. Met where a pipeline believed the author of a commit, which anybody may write as they like.

use std::path::{Path, PathBuf};
use std::process::Command;

use gitops_core::{Commits, Cx, History, Revision, Source};
use gitops_git::Signers;

use crate::support::Repo;

/// A key that is made for the test.
struct Key {
    folder: tempfile::TempDir,
}

impl Key {
    fn of(kind: &str, bits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-b", bits, "-N", "", "-C", "", "-f"])
            .arg(folder.path().join("key"))
            .status()
            .expect("these tests need the `ssh-keygen` program: install it");
        assert!(made.success());
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    /// Its line in a list of signers.
    fn line(&self, name: &str) -> String {
        format!("{name} {}", std::fs::read_to_string(self.folder.path().join("key.pub")).unwrap())
    }
}

/// Makes a commit that is signed.
fn sign(repo: &Repo, key: &Path, message: &str) -> Revision {
    let signing = format!("user.signingKey={}", key.display());
    repo.git(&["-c", "gpg.format=ssh", "-c", &signing, "commit", "-q", "-S", "--allow-empty", "-m", message]);
    repo.revision("HEAD")
}

async fn signer(repo: &Repo, list: &str, revision: &Revision) -> Option<String> {
    let source = repo.source().signers(Signers::parse(list).unwrap()).build().unwrap();
    let commit = source.describe(&Cx::system(), revision).await.unwrap();
    commit.signer.map(|signer| {
        assert!(signer.key.starts_with("SHA256:"), "{signer:?}");
        signer.name
    })
}

#[tokio::test]
async fn a_signature_names_the_person_whose_key_made_it() {
    for (kind, bits) in [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("rsa", "2048")] {
        let (repo, key) = (Repo::with(&[("a", "1")]), Key::of(kind, bits));
        let signed = sign(&repo, &key.path(), "Signed");
        let ann = key.line("ann@example.org");
        assert_eq!(signer(&repo, &ann, &signed).await.as_deref(), Some("ann@example.org"), "{kind} {bits}");
    }
}

#[tokio::test]
async fn whoever_is_not_known_or_signs_something_else_is_nobody() {
    let repo = Repo::with(&[("a", "1")]);
    let unsigned = repo.revision("HEAD");
    let (anns, bobs) = (Key::of("ed25519", "256"), Key::of("ed25519", "256"));
    let signed = sign(&repo, &anns.path(), "Signed");
    let (ann, bob) = (anns.line("ann@example.org"), bobs.line("bob@example.org"));
    assert_eq!(signer(&repo, &ann, &unsigned).await, None, "nobody signed");
    assert_eq!(signer(&repo, &bob, &signed).await, None, "a key of nobody that is known");
    assert_eq!(signer(&repo, "", &signed).await, None, "nobody is known");
    assert_eq!(signer(&repo, &format!("{ann}{bob}"), &signed).await.as_deref(), Some("ann@example.org"));
    // The signature of another commit, put on this one.
    let forged = repo.git(&["cat-file", "commit", "HEAD"]).replace("\nSigned", "\nForged") + "\n";
    assert!(forged.contains("\nForged\n"), "{forged}");
    let id = repo.git_with(&["hash-object", "-t", "commit", "-w", "--stdin"], forged.as_bytes());
    repo.git(&["update-ref", "refs/heads/main", &id]);
    assert_eq!(signer(&repo, &ann, &repo.revision("HEAD")).await, None, "it is not over this commit");
}

/// What a gate sees: each commit of the range by itself, so that one that nobody signed is not covered by the last one.
#[tokio::test]
async fn each_commit_of_a_range_has_its_own_signer() {
    let repo = Repo::with(&[("a", "1")]);
    let first = repo.revision("HEAD");
    let key = Key::of("ed25519", "256");
    sign(&repo, &key.path(), "One");
    repo.commit(&[("a", "2")]);
    let last = sign(&repo, &key.path(), "Three");
    let cx = Cx::system();
    for (list, expected) in [
        (key.line("ann@example.org"), vec![Some("ann@example.org"), None, Some("ann@example.org")]),
        (String::new(), vec![None; 3]),
    ] {
        let source = repo.source().signers(Signers::parse(&list).unwrap()).build().unwrap();
        source.fetch(&cx, &last).await.unwrap();
        let commits = Commits::find(source.history().unwrap(), &cx, &first, &last).await.unwrap();
        let signers: Vec<_> = commits.list.iter().map(|commit| commit.signer.as_ref()).collect();
        let names: Vec<_> = signers.iter().map(|signer| signer.map(|signer| signer.name.as_str())).collect();
        assert_eq!(names, expected);
    }
}
