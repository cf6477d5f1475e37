//! Charts of others, from the first plan to the last prune in a cluster with controllers, by the built command.
//!
//! The charts stay where their registries' clients put them; the repository has only names, versions and digests of them.

mod list;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::failure::{At, Failure, Result};
use crate::stage::stage;
use crate::{cache, process, servers, workspace};
use list::{CHARTS, Chart, Home};

/// What the test needs beside charts.
const SERVERS: [&str; 6] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "helm"];

/// Which charts.
#[derive(clap::Args)]
pub struct Options {
    /// Only those of the list whose name contains this text.
    #[arg(long, value_name = "TEXT", conflicts_with = "folders")]
    only: Option<String>,
    /// Folders of charts that you have, instead of the list; `FOLDER.values.yaml` beside one is given to it, where it exists.
    folders: Vec<PathBuf>,
}

/// Gives the charts to the command's own test, which reports a row of a table for each.
pub fn run(options: &Options) -> Result<()> {
    let mut cargo = workspace::cargo();
    let mut helm = PathBuf::new();
    for name in SERVERS {
        for (variable, path) in stage(name, || servers::environment(name))? {
            if variable == "GITOPS_HELM" {
                helm.clone_from(&path);
            }
            cargo.env(variable, path);
        }
    }
    let rows = stage("charts", || rows(options, &helm))?;
    let list = workspace::target()?.join("charts.json");
    fs::write(&list, Value::Array(rows).to_string()).at(&list)?;
    cargo.env("GITOPS_CHARTS", &list).args(["test", "--package", "gitops", "--all-features"]);
    cargo.args(["--test", "targets", "charts::", "--", "--nocapture"]);
    stage("from the first plan to the last prune", || process::run(&mut cargo))
}

fn rows(options: &Options, helm: &Path) -> Result<Vec<Value>> {
    if !options.folders.is_empty() {
        return options.folders.iter().map(|folder| given(folder)).collect();
    }
    let text = options.only.as_deref().unwrap_or_default();
    let rows: Vec<Value> = chosen(text).map(|chart| listed(chart, helm)).collect::<Result<_>>()?;
    match rows.is_empty() {
        true => Err(Failure::new(format!("no chart of the list has `{text}` in its name"))),
        false => Ok(rows),
    }
}

fn chosen(text: &str) -> impl Iterator<Item = &'static Chart> {
    CHARTS.iter().filter(move |chart| chart.name.contains(text))
}

fn listed(chart: &Chart, helm: &Path) -> Result<Value> {
    let folder = home(chart.home, helm)?.join(chart.path);
    let definitions = match chart.definitions {
        "" => None,
        path => Some(home(chart.home, helm)?.join(path)),
    };
    let mut row = row(chart.name, &folder, definitions.as_deref(), chart.values, chart.upgrade)?;
    if !chart.refused.is_empty() {
        row["refused"] = chart.refused.into();
    }
    Ok(row)
}

fn given(folder: &Path) -> Result<Value> {
    let folder = fs::canonicalize(folder).at(folder)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let values = folder.with_file_name(format!("{name}.values.yaml"));
    let values = fs::read_to_string(values).unwrap_or_default();
    row(&name, &folder, None, &values, "")
}

fn row(name: &str, folder: &Path, definitions: Option<&Path>, values: &str, upgrade: &str) -> Result<Value> {
    let chart = folder.join("Chart.yaml");
    if !chart.is_file() {
        return Err(Failure::new(format!("{} is no chart: it has no Chart.yaml", folder.display())));
    }
    Ok(json!({
        "name": name, "folder": folder, "definitions": definitions, "values": values, "upgrade": upgrade
    }))
}

/// The folder in which a registry's client keeps what a chart came with.
fn home(home: Home, helm: &Path) -> Result<PathBuf> {
    match home {
        Home::Server { name, module } => servers::source(name, module),
        Home::Packages => packages(),
        Home::Made => made(helm),
    }
}

/// The packages of `tools/charts/requirements.txt`, unpacked; no code of theirs is run.
fn packages() -> Result<PathBuf> {
    let pins = workspace::root().join("tools/charts/requirements.txt");
    let text = fs::read(&pins).at(&pins)?;
    cache::folder("charts", &cache::key(&[&text]), |part| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--only-binary", ":all:", "--require-hashes", "--dest"]).arg(part).arg("-r").arg(&pins);
        process::output(&mut pip).map_err(|failure| failure.help("install Python 3 with pip"))?;
        for entry in fs::read_dir(part).at(part)?.flatten() {
            let mut unpack = Command::new("python3");
            process::output(unpack.args(["-m", "zipfile", "-e"]).arg(entry.path()).arg(part))?;
        }
        Ok(())
    })
}

/// What `helm create` makes, which many charts began as.
fn made(helm: &Path) -> Result<PathBuf> {
    let program = helm.display().to_string();
    cache::folder("charts-made", &cache::key(&[program.as_bytes()]), |part| {
        process::output(Command::new(helm).args(["create", "web"]).current_dir(part)).map(drop)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_of_the_list_is_pinned_and_every_chart_is_named_once() {
        let pins = fs::read_to_string(workspace::root().join("tools/charts/requirements.txt")).unwrap();
        let pinned = pins.lines().filter(|line| line.contains("==")).count();
        assert_eq!(pins.matches("--hash=sha256:").count(), pinned);
        let mut names: Vec<&str> = CHARTS.iter().map(|chart| chart.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CHARTS.len());
    }

    #[test]
    fn a_folder_that_is_no_chart_is_named() {
        let failure = row("src", Path::new(env!("CARGO_MANIFEST_DIR")), None, "", "").err().unwrap();
        assert!(failure.to_string().contains("Chart.yaml"), "{failure}");
    }
}
