//! One crate with all its mutants: what does not compile is taken out, then its tests are built once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::list::Mutant;
use super::weave::{Woven, weave};
use crate::failure::{At, Failure, Result};
use crate::process;
use crate::programs::{self, Program};

/// By which a test is told which mutant to be, and where to write which ones it came by.
pub const CHOSEN: &str = "GITOPS_MUTANT";
pub const REACHED: &str = "GITOPS_MUTANT_REACHED";

/// A compiler tells of the errors of one phase only, and each error takes out what it blames.
const ROUNDS: usize = 25;

/// What was built.
pub struct Built {
    pub programs: Vec<Program>,
    /// Mutants that do not compile, or have no place for a switch, each with what was said of it.
    pub left_out: BTreeMap<usize, String>,
}

/// A package in the copy of the tree.
pub struct Package<'a> {
    pub tree: &'a Path,
    pub target: &'a Path,
    pub name: &'a str,
}

impl Package<'_> {
    /// Builds the tests with all mutants that compile.
    pub fn build(&self, mutants: &[Mutant], tests: &BTreeSet<&str>) -> Result<Built> {
        let originals = self.originals(mutants)?;
        let root = self.tree.join(self.name).join("src/lib.rs");
        let library = fs::read_to_string(&root).at(&root)?;
        // A mutant may overflow for certain, which is an error of its run.
        let allowed = "#![allow(arithmetic_overflow, unconditional_panic)]";
        fs::write(&root, format!("{allowed}\n{library}\n{}", switch(mutants.len()))).at(&root)?;
        let mut left_out = BTreeMap::new();
        for _ in 0..ROUNDS {
            let woven = self.weave(&originals, mutants, &mut left_out)?;
            let blamed = self.check(&woven)?;
            if blamed.is_empty() {
                let programs = self.programs(tests)?;
                return Ok(Built { programs, left_out });
            }
            left_out.extend(blamed);
        }
        Err(Failure::new(format!("{}: still does not compile after {ROUNDS} rounds", self.name)))
    }

    fn originals<'m>(&self, mutants: &'m [Mutant]) -> Result<BTreeMap<&'m str, String>> {
        let files: BTreeSet<&str> = mutants.iter().map(|mutant| mutant.file.as_str()).collect();
        let read = |file: &'m str| {
            let path = self.tree.join(file);
            Ok((file, fs::read_to_string(&path).at(&path)?))
        };
        files.into_iter().map(read).collect()
    }

    fn weave(
        &self,
        originals: &BTreeMap<&str, String>,
        mutants: &[Mutant],
        left_out: &mut BTreeMap<usize, String>,
    ) -> Result<BTreeMap<String, Woven>> {
        let mut all = BTreeMap::new();
        for (file, text) in originals {
            let numbered = mutants.iter().enumerate();
            let here: Vec<_> =
                numbered.filter(|(n, m)| m.file == *file && !left_out.contains_key(n)).collect();
            let woven = weave(text, &here).map_err(|failure| failure.during(file))?;
            left_out
                .extend(woven.unplaced.iter().map(|number| (*number, "no place for a switch".to_owned())));
            let path = self.tree.join(file);
            fs::write(&path, &woven.text).at(&path)?;
            all.insert((*file).to_owned(), woven);
        }
        Ok(all)
    }

    /// The mutants that the compiler's errors blame.
    fn check(&self, woven: &BTreeMap<String, Woven>) -> Result<BTreeMap<usize, String>> {
        let mut command = self.cargo("check");
        let output = command.args(["--lib", "--message-format", "json"]).output();
        let output = output.map_err(|error| Failure::new(format!("cannot start cargo: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut blamed = BTreeMap::new();
        let mut unexplained = Vec::new();
        for error in messages.map(|mut row| row["message"].take()).filter(|error| error["level"] == "error") {
            let found = blame(&error, woven);
            if found.is_empty() && !error["spans"].as_array().is_some_and(Vec::is_empty) {
                unexplained.push(error["rendered"].as_str().unwrap_or_default().to_owned());
            }
            let message = error["message"].as_str().unwrap_or_default();
            blamed.extend(found.into_iter().map(|number| (number, message.to_owned())));
        }
        if blamed.is_empty() && !output.status.success() {
            let why = if unexplained.is_empty() {
                String::from_utf8_lossy(&output.stderr).into_owned()
            } else {
                unexplained.join("\n")
            };
            return Err(Failure::new(format!("`{}`: {why}", process::line(&command))));
        }
        Ok(blamed)
    }

    fn programs(&self, tests: &BTreeSet<&str>) -> Result<Vec<Program>> {
        let mut command = self.cargo("test");
        let files: BTreeSet<&str> = tests.iter().filter_map(|test| test.split("::").next()).collect();
        command.arg("--lib").args(files.iter().flat_map(|test| ["--test", test]));
        let output = process::output(command.args(["--no-run", "--message-format", "json"]))?;
        Ok(programs::built(&output))
    }

    /// Builds an example of the testbed, out of what the package's tests were built of.
    pub fn testbed(&self, example: &str, feature: &str) -> Result<PathBuf> {
        let mut command = self.plain_cargo("build");
        command.args(["--package", "testbed", "--features", &format!("testbed/{feature}")]);
        process::run(command.args(["--example", example]))?;
        Ok(self.target.join("debug/examples").join(example))
    }

    fn cargo(&self, what: &str) -> Command {
        let mut command = self.plain_cargo(what);
        command.arg("--all-features");
        command
    }

    fn plain_cargo(&self, what: &str) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args([what, "--quiet", "--package", self.name]).current_dir(self.tree);
        command.env("CARGO_TARGET_DIR", self.target).env("CARGO_PROFILE_DEV_DEBUG", "0");
        command
    }
}

/// First what the compiler points at, then what it points at beside it.
fn blame(error: &Value, woven: &BTreeMap<String, Woven>) -> Vec<usize> {
    let spans: Vec<&Value> = error["spans"].as_array().into_iter().flatten().collect();
    let at = |span: &Value| -> Option<Vec<usize>> {
        let file = woven.get(span["file_name"].as_str()?)?;
        let number = |name: &str| usize::try_from(span[name].as_u64()?).ok();
        let bytes: Range<usize> = number("byte_start")?..number("byte_end")?;
        Some(file.blamed(&bytes)).filter(|mutants| !mutants.is_empty())
    };
    let mut found: Vec<Vec<usize>> = spans.iter().filter_map(|span| at(span)).collect();
    // A copy is blamed alone; a whole place only where no copy is pointed at.
    found.sort_by_key(Vec::len);
    found.into_iter().next().unwrap_or_default()
}

/// The code of the switch.
fn switch(count: usize) -> String {
    format!(
        r#"mod __mutant {{
    use std::io::Write as _;
    use std::sync::atomic::{{AtomicBool, Ordering}};
    use std::sync::{{LazyLock, Mutex}};

    static CHOSEN: LazyLock<usize> = LazyLock::new(|| {{
        std::env::var("{CHOSEN}").ok().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX)
    }});
    static REACHED: LazyLock<Option<Mutex<std::fs::File>>> = LazyLock::new(|| {{
        let path = std::env::var_os("{REACHED}")?;
        std::fs::OpenOptions::new().create(true).append(true).open(path).ok().map(Mutex::new)
    }});
    static SEEN: [AtomicBool; {count}] = [const {{ AtomicBool::new(false) }}; {count}];

    pub(crate) fn on(number: usize) -> bool {{
        if let Some(file) = &*REACHED {{
            if !SEEN[number].swap(true, Ordering::Relaxed) {{
                let _ = file.lock().map(|mut file| file.write_all(format!("{{number}}\n").as_bytes()));
            }}
        }}
        *CHOSEN == number
    }}
}}
"#
    )
}
