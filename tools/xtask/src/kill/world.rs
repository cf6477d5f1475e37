//! One temporary folder: a Git repository with the desired files, a configuration, and a live folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs, process};

use crate::failure::{At, Failure, Result};
use crate::process::output;

use super::dice::Dice;

/// Contents by path below the repository's or the live folder's root.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Files that somebody else keeps in the live folder.
pub const FOREIGN: [(&str, &str); 2] = [("foreign.txt", "not ours\n"), ("d1/foreign.txt", "nor this\n")];

const CONFIGURATION: &str = "name: kill
source:
  git: { url: ./repository, ref: { branch: main }, path: site }
target:
  directory: { root: ./live }
sync: { prune: true }
state: ./state
";
const FIRST_FILES: u64 = 24;

pub struct World {
    folder: PathBuf,
    program: PathBuf,
}

impl World {
    pub fn create(program: PathBuf, label: &str) -> Result<Self> {
        let folder = temporary().join(format!("gitops-kill-{label}-{}", process::id()));
        let world = Self { folder, program };
        world.git(&["init", "--quiet", "--initial-branch=main", "."])?;
        for index in 0..FIRST_FILES {
            world.write(&name(index), "first\n")?;
        }
        world.record("first")?;
        write(&world.folder.join("gitops.yaml"), CONFIGURATION)?;
        for (path, content) in FOREIGN {
            write(&world.live_folder().join(path), content)?;
        }
        Ok(world)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).at(&self.folder)
    }

    /// Adds, changes and removes a few files in one commit; so few that no guard asks for an approval.
    pub fn commit(&self, dice: &mut Dice) -> Result<()> {
        let names: Vec<String> = self.desired()?.into_keys().collect();
        for _ in 0..dice.below(4) {
            self.write(&name(FIRST_FILES + dice.below(200)), &content(dice))?;
        }
        for _ in 0..=dice.below(4) {
            let name = dice.pick(&names);
            self.write(name, &content(dice))?;
        }
        for _ in 0..dice.below(3).min(names.len().saturating_sub(8) as u64) {
            let path = self.site().join(dice.pick(&names) as &String);
            let _ = fs::remove_file(path); // the same name may come twice
        }
        self.record("next")
    }

    /// The files of the newest commit.
    pub fn desired(&self) -> Result<Files> {
        read(&self.site())
    }

    /// Every file in the live folder, marks and leftovers too.
    pub fn live(&self) -> Result<Files> {
        read(&self.live_folder())
    }

    /// Applies the newest commit and lets it end.
    pub fn apply(&self) -> Result<Output> {
        self.gitops(&["apply", "--yes"])
    }

    /// Runs `gitops` with `arguments` and lets it end.
    pub fn gitops(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.program);
        self.arguments(&mut command).args(arguments);
        command.output().at(&self.program)
    }

    /// A command line that starts with `prefix` and ends with an apply.
    pub fn apply_under(&self, prefix: &[String]) -> Command {
        let mut words = prefix.iter().map(String::as_str).map(Path::new).chain([self.program.as_path()]);
        let mut command = Command::new(words.next().expect("the program at least"));
        command.args(words);
        self.arguments(&mut command).args(["apply", "--yes"]);
        command
    }

    fn arguments<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.args(["-f", "gitops.yaml"]).current_dir(&self.folder)
    }

    fn write(&self, name: &str, content: &str) -> Result<()> {
        write(&self.site().join(name), content)
    }

    fn record(&self, message: &str) -> Result<()> {
        self.git(&["add", "--all"])?;
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message])
    }

    fn git(&self, arguments: &[&str]) -> Result<()> {
        let repository = self.folder.join("repository");
        fs::create_dir_all(&repository).at(&repository)?;
        let identity =
            ["-c", "user.name=kill", "-c", "user.email=kill@localhost", "-c", "commit.gpgsign=false"];
        output(Command::new("git").args(identity).args(arguments).current_dir(repository)).map(drop)
    }

    fn site(&self) -> PathBuf {
        self.folder.join("repository/site")
    }

    fn live_folder(&self) -> PathBuf {
        self.folder.join("live")
    }
}

/// In memory where that can be had: a killed process loses nothing that it wrote, so no disk has to be waited for.
fn temporary() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if env::var_os("TMPDIR").is_none() && memory.is_dir() { memory } else { env::temp_dir() }
}

fn name(index: u64) -> String {
    format!("d{}/f{index}.conf", index % 5)
}

/// Sometimes empty, sometimes many blocks.
fn content(dice: &mut Dice) -> String {
    let lines = *dice.pick(&[0, 1, 3, 2000]);
    format!("value {}\n", dice.below(u64::MAX)).repeat(lines)
}

fn write(path: &Path, content: &str) -> Result<()> {
    let parent = path.parent().ok_or_else(|| Failure::new(format!("{} has no folder", path.display())))?;
    fs::create_dir_all(parent).at(parent)?;
    fs::write(path, content).at(path)
}

fn read(root: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).at(&folder)? {
            let path = entry.at(&folder)?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("found below the root").display().to_string();
                files.insert(name, fs::read(&path).at(&path)?);
            }
        }
    }
    Ok(files)
}
