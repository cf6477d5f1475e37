//! A chart in a folder, and the forms in which it is committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use super::Step;

/// What is left when everything in a chart is removed.
const EMPTY: &str = "apiVersion: v2\nname: nothing\nversion: 0.1.0\n";

/// Ours that are tried where nobody gives others: hooks before and after, of several phases, and definitions of kinds.
const OWN: [&str; 3] = ["ingress-controller", "git-server", "monitoring-stack"];

pub struct Chart {
    pub name: String,
    folder: PathBuf,
    definitions: Option<PathBuf>,
    values: String,
    upgrade: String,
    /// What the plan says of it, if no server of today takes it.
    pub refused: Option<String>,
}

/// What is committed of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    First,
    /// A later version of it, with other values.
    Upgraded,
    Nothing,
}

/// A hook: how the server names it, and its first phase, −1 before or 1 after.
pub struct Hook {
    pub kind: String,
    pub name: String,
    pub phase: i32,
}

/// The charts of a list, or ours.
pub fn charts(list: Option<&Path>) -> Vec<Chart> {
    let Some(list) = list else { return OWN.into_iter().map(own).collect() };
    let rows: Vec<Json> = serde_json::from_slice(&fs::read(list).unwrap()).unwrap();
    rows.iter().map(Chart::parse).collect()
}

fn own(name: &str) -> Chart {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gitops-k8s/tests/data/charts").join(name);
    let (values, upgrade) = (String::new(), String::new());
    Chart { name: name.to_owned(), folder, definitions: None, values, upgrade, refused: None }
}

impl Chart {
    fn parse(row: &Json) -> Self {
        let text = |name: &str| row[name].as_str().map(str::to_owned);
        Self {
            name: text("name").unwrap(),
            folder: text("folder").unwrap().into(),
            definitions: text("definitions").map(PathBuf::from),
            values: text("values").unwrap_or_default(),
            upgrade: text("upgrade").unwrap_or_default(),
            refused: text("refused"),
        }
    }

    pub fn version(&self) -> String {
        let text = fs::read_to_string(self.folder.join("Chart.yaml")).unwrap();
        let version = text.lines().find_map(|line| line.strip_prefix("version:"));
        version.unwrap_or("?").trim().trim_matches('"').to_owned()
    }

    /// Puts it into a folder, in place of what is there.
    pub fn put(&self, site: &Path, form: Form) {
        if site.exists() {
            fs::remove_dir_all(site).unwrap();
        }
        fs::create_dir_all(site.join("definitions")).unwrap();
        fs::write(site.join("definitions/none.yaml"), "# none\n").unwrap();
        fs::write(site.join("values.yaml"), self.values(form)).unwrap();
        let chart = site.join("chart");
        if form == Form::Nothing {
            fs::create_dir(&chart).unwrap();
            return fs::write(chart.join("Chart.yaml"), EMPTY).unwrap();
        }
        copy(&self.folder, &chart);
        if let Some(definitions) = &self.definitions {
            copy(definitions, &site.join("definitions/of"));
        }
        if form == Form::Upgraded {
            let path = chart.join("Chart.yaml");
            let raise = |line: &str| {
                if line.starts_with("version:") { "version: 99.0.0".into() } else { line.to_owned() }
            };
            let raised: Vec<String> = fs::read_to_string(&path).unwrap().lines().map(raise).collect();
            fs::write(path, raised.join("\n") + "\n").unwrap();
        }
    }

    fn values(&self, form: Form) -> String {
        match form {
            Form::First => self.values.clone(),
            Form::Upgraded => format!("{}{}", self.values, self.upgrade),
            Form::Nothing => String::new(),
        }
    }

    /// What helm itself prints of hooks that are run here.
    pub fn hooks(&self, namespace: &str) -> Step<Vec<Hook>> {
        let folder = tempfile::tempdir().unwrap();
        self.put(folder.path(), Form::First);
        let mut helm = Command::new(crate::cluster::program("GITOPS_HELM"));
        helm.current_dir(folder.path()).args(["template", "--skip-tests", "--namespace", namespace]);
        let output = helm.args(["--values", "values.yaml", "r", "./chart"]).output().unwrap();
        if !output.status.success() {
            return Err(format!("helm: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).split("\n---").filter_map(hook).collect())
    }
}

/// Read as text: these are the few lines that matter.
fn hook(document: &str) -> Option<Hook> {
    let after = |line: &str, name: &str| {
        let line = line.replace('"', "");
        line.trim_start().strip_prefix(name).map(|rest| rest.trim().to_owned())
    };
    let phases = document.lines().find_map(|line| after(line, "helm.sh/hook:"))?;
    // Argo CD's hook hides Helm's.
    if document.contains("argocd.argoproj.io/hook") {
        return None;
    }
    let kind = document.lines().find_map(|line| line.strip_prefix("kind:"))?.trim().to_owned();
    let mut in_metadata = document.lines().skip_while(|line| *line != "metadata:");
    let name = in_metadata.find_map(|line| line.strip_prefix("  name:"))?.trim().trim_matches('"').to_owned();
    let has = |words: &[&str]| words.iter().any(|word| phases.split([',', ' ']).any(|phase| phase == *word));
    let phase = match (has(&["pre-install", "pre-upgrade"]), has(&["post-install", "post-upgrade"])) {
        (true, _) => -1,
        (false, true) => 1,
        _ => return None,
    };
    Some(Hook { kind, name, phase })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            // Not `fs::copy`, which keeps the mode: what a client fetched may be read-only.
            false => fs::write(target, fs::read(&path).unwrap()).unwrap(),
        }
    }
}
