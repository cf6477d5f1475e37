//! Charts in the shapes of well-known public ones: what becomes of their hooks.
//!
//! Each folder of `tests/data/charts` is a chart of our own with a file `expected.txt`: one object a line, with its stage (phase and
//! wave), whether it is a hook, and after which end that is deleted; then what is warned of.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gitops_core::{CleanUp, Cx, Object, Renderer};
use gitops_k8s::Helm;

use crate::programs::program;
use crate::support::{renderer, snapshot};

fn charts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/charts");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The files of a chart, by their paths in the source.
fn files(folder: &Path, below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true => found.extend(files(&path, &name)),
            false if name.ends_with("expected.txt") => {}
            false => found.push((name, fs::read_to_string(&path).unwrap())),
        }
    }
    found
}

fn line(object: &Object) -> String {
    let stage = object.stage.map_or("-".to_owned(), |stage| {
        let wave = stage.rem_euclid(1 << 32);
        let wave = if wave >= 1 << 31 { wave - (1 << 32) } else { wave };
        format!("{}/{wave}", (stage - wave) >> 32)
    });
    let CleanUp { succeeded, failed, .. } = object.clean_up;
    let words = [
        (object.runs_once, "runs-once"),
        (succeeded, "goes-if-it-succeeded"),
        (failed, "goes-if-it-failed"),
        (object.keep, "kept"),
    ];
    let words: Vec<&str> = words.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    format!("{} stage {stage} {}", object.key, words.join(" ")).trim_end().to_owned()
}

fn rendered(chart: &Path) -> String {
    let helm = Helm::at(&Cx::system(), &program("GITOPS_HELM"), "r").unwrap();
    let files = files(chart, "chart");
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let render =
        Renderer::new(Arc::new(renderer().helmed("chart", helm))).render(&Cx::system(), &snapshot(&files));
    let rendered = render.unwrap_or_else(|error| panic!("{}: {:#?}", chart.display(), error.diagnostics()));
    let objects = rendered.desired.objects().iter().map(|(_, object)| line(object));
    let warnings = rendered.warnings.iter().map(|warning| format!("{}: {}", warning.code, warning.message));
    objects.chain(warnings).map(|line| line + "\n").collect()
}

#[test]
fn hooks_of_charts_in_popular_shapes_are_carried_out_as_they_ask() {
    let charts = charts();
    assert!(charts.len() >= 10, "{charts:?}");
    let renews = std::env::var_os("GITOPS_RENEW").is_some();
    for chart in charts {
        let (found, file) = (rendered(&chart), chart.join("expected.txt"));
        if renews {
            fs::write(&file, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&file).unwrap_or_default(), "{}", file.display());
    }
}
