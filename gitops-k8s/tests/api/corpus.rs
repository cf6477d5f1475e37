//! Public repositories on the real server, if `GITOPS_CORPUS` names a folder of them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::whole::{live_through, manifests};

/// What is done with a folder of the corpus.
enum Use {
    /// It lives from its first sync to its last prune.
    Lives,
    /// The same, all its folders together, in the namespace of this name, which it declares.
    LivesIn(&'static str),
    /// The same, after a name is given to the object that has none: that it is refused without is tested elsewhere.
    Named(&'static str),
    /// It does not, and why.
    LeftOut(&'static str),
}

use Use::{LeftOut, Lives, LivesIn, Named};

const FLUX: Use = LeftOut("objects of Flux's kinds, which the corpus does not define");
const OVERLAY: Use = LeftOut("an overlay for the kustomize program, which is rendered in tests of its own");
const CERTIFICATES: Use = LeftOut("needs cert-manager, whose kinds the corpus does not define");

/// Every folder that holds YAML.
const FOLDERS: &[(&str, Use)] = &[
    ("argocd-example-apps/guestbook", Lives),
    ("argocd-example-apps/helm-hooks", Named("upgrade-sql-schema")),
    ("argocd-example-apps/kustomize-guestbook", Lives),
    ("argocd-example-apps/pre-post-sync", Lives),
    ("argocd-example-apps/sock-shop", OVERLAY),
    ("argocd-example-apps/sock-shop/base", Lives),
    ("argocd-example-apps/sync-waves", Named("upgrade-sql-schema")),
    ("flux2-kustomize-helm-example", LeftOut("no object: the settings of another program")),
    ("flux2-kustomize-helm-example/apps/base/podinfo", FLUX),
    ("flux2-kustomize-helm-example/apps/production", OVERLAY),
    ("flux2-kustomize-helm-example/apps/staging", OVERLAY),
    ("flux2-kustomize-helm-example/clusters/production", FLUX),
    ("flux2-kustomize-helm-example/clusters/production/flux-system", FLUX),
    ("flux2-kustomize-helm-example/clusters/staging", FLUX),
    ("flux2-kustomize-helm-example/clusters/staging/flux-system", FLUX),
    ("flux2-kustomize-helm-example/infrastructure/configs", CERTIFICATES),
    ("flux2-kustomize-helm-example/infrastructure/controllers", FLUX),
    ("podinfo/deploy/bases/backend", Lives),
    ("podinfo/deploy/bases/cache", Lives),
    ("podinfo/deploy/bases/database", Lives),
    ("podinfo/deploy/bases/frontend", Lives),
    ("podinfo/deploy/overlays/dev", OVERLAY),
    ("podinfo/deploy/overlays/production", OVERLAY),
    ("podinfo/deploy/overlays/staging", OVERLAY),
    ("podinfo/deploy/secure/backend", CERTIFICATES),
    ("podinfo/deploy/secure/common", CERTIFICATES),
    ("podinfo/deploy/secure/frontend", CERTIFICATES),
    ("podinfo/deploy/webapp", LivesIn("webapp")),
    ("podinfo/kustomize", Lives),
    ("podinfo/otel", LeftOut("no object: files for docker compose")),
];

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("GITOPS_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        // Past what hides the words of a test that passes.
        let text = b"WARNING: GITOPS_CORPUS names no folder: the manifests of tests/data alone are applied\n";
        std::io::stderr().write_all(text).unwrap();
    }
    folder
}

/// The folders below `root` that hold YAML directly, each by its path.
fn folders(root: &Path, below: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            folders(root, &path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.insert(below.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn every_folder_of_the_corpus_is_used_or_left_out_for_a_reason() {
    let Some(corpus) = corpus() else { return };
    let mut found = BTreeSet::new();
    folders(&corpus, &corpus, &mut found);
    let is_listed = |folder: &str| {
        FOLDERS.iter().any(|(listed, how)| match how {
            LivesIn(_) => Path::new(folder).starts_with(listed),
            LeftOut(reason) => *listed == folder && !reason.is_empty(),
            Lives | Named(_) => *listed == folder,
        })
    };
    let missing: Vec<_> = found.iter().filter(|folder| !is_listed(folder)).collect();
    assert!(missing.is_empty(), "in no list: {missing:?}");
}

/// The manifests of a folder and of all below it, by path.
fn whole_tree(folder: &Path) -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    folders(folder, folder, &mut found);
    let all = found.iter().flat_map(|below| {
        let named = move |(name, text)| (format!("{below}/{name}"), text);
        manifests(&folder.join(below)).into_iter().map(named)
    });
    all.collect()
}

#[tokio::test]
async fn public_repositories_live_from_the_first_sync_to_the_last_prune() {
    let Some(corpus) = corpus() else { return };
    for (number, (folder, how)) in FOLDERS.iter().enumerate() {
        let path = corpus.join(folder);
        let (texts, namespace) = match how {
            LeftOut(_) => continue,
            Lives => (manifests(&path), "default"),
            LivesIn(namespace) => (whole_tree(&path), *namespace),
            Named(name) => {
                let made_up = format!("generateName: {name}");
                let name =
                    |(file, text): (String, String)| (file, text.replace(&made_up, &format!("name: {name}")));
                (manifests(&path).into_iter().map(name).collect(), "default")
            }
        };
        let objects = live_through(&format!("public-{number}"), texts, namespace).await;
        eprintln!("{folder}: {objects} objects");
    }
}
