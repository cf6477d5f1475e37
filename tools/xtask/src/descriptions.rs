//! What others publish of their formats, which tests compare ours with: GitHub's API, and the schema of SARIF.
//!
//! `tools/descriptions` pins npm packages. They are installed once into the cache, and all but these files thrown away.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::{cache, process, workspace};

/// The variable by which tests find a file, and the file within the packages.
const FILES: [(&str, &str); 3] = [
    ("GITOPS_GITHUB_DESCRIPTION", "@octokit/openapi/generated/api.github.com.json"),
    ("GITOPS_GITHUB_WEBHOOKS", "@octokit/webhooks-examples/api.github.com/index.json"),
    ("GITOPS_SARIF_SCHEMA", "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"),
];

/// Prints where the files are.
pub fn run() -> Result<()> {
    environment()?.iter().for_each(|(name, path)| println!("{name}={}", path.display()));
    Ok(())
}

/// Installs the packages where the cache lacks them, and gives the variables.
pub fn environment() -> Result<Vec<(String, PathBuf)>> {
    let pins = ["package.json", "package-lock.json"].map(pin);
    let read = |path: &PathBuf| fs::read(path).at(path);
    let inputs: Vec<_> = pins.iter().map(read).collect::<Result<_>>()?;
    let inputs: Vec<_> = inputs.iter().map(Vec::as_slice).collect();
    let folder = cache::folder("descriptions", &cache::key(&inputs), |part| install(part, &pins))?;
    Ok(FILES.iter().map(|(variable, _)| ((*variable).to_owned(), folder.join(variable))).collect())
}

fn pin(name: &str) -> PathBuf {
    workspace::root().join("tools/descriptions").join(name)
}

fn install(into: &Path, pins: &[PathBuf]) -> Result<()> {
    for pin in pins {
        let copy = into.join(pin.file_name().expect("a pin is a file"));
        fs::copy(pin, &copy).at(&copy)?;
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(into);
    let way_out = "install Node.js with npm; tests compare our formats with what others publish of theirs";
    process::output(&mut npm).map_err(|failure| failure.help(way_out))?;
    let packages = into.join("node_modules");
    for (variable, file) in FILES {
        let from = packages.join(file);
        fs::rename(&from, into.join(variable))
            .map_err(|error| Failure::new(format!("the package has no {file}: {error}")))?;
    }
    fs::remove_dir_all(&packages).at(&packages)
}
