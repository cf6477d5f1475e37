//! Real repositories, if `GITOPS_CORPUS` names a folder of them.

use std::path::Path;

use crate::support::{render, renderer};

/// Folders of plain manifests, and how many objects each declares.
const FOLDERS: &[(&str, usize)] = &[
    ("argocd-example-apps/guestbook", 2),
    ("argocd-example-apps/sock-shop/base", 29),
    ("podinfo/kustomize", 3),
    ("podinfo/deploy/bases/backend", 3),
    ("flux2-kustomize-helm-example/apps/base/podinfo", 3),
    ("flux2-kustomize-helm-example/infrastructure/controllers", 6),
];

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file() && !path.ends_with("kustomization.yaml"));
    files
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

#[test]
fn folders_of_public_repositories_are_rendered() {
    let Some(corpus) = std::env::var_os("GITOPS_CORPUS") else {
        eprintln!("GITOPS_CORPUS names no folder: nothing is rendered");
        return;
    };
    for (folder, count) in FOLDERS {
        let files = files(&Path::new(&corpus).join(folder));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let found = render(renderer(), &files).unwrap();
        assert_eq!(found.objects().len(), *count, "in {folder}");
        assert!(gitops_core::Graph::new(found.edges()).is_ok(), "a cycle in {folder}");
    }
}
