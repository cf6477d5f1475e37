//! The programs that Cargo makes of tests.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The program of some tests, and the folder that they run in.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    /// The name of its file or folder, or of the library.
    pub name: String,
    pub folder: PathBuf,
    /// Whether it is the library's.
    pub is_library: bool,
    /// What its tests are told of the servers that they need.
    pub environment: Vec<(String, PathBuf)>,
}

/// The programs of tests that `cargo test --no-run --message-format json` tells of.
pub fn built(output: &str) -> Vec<Program> {
    let rows = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program = |row: Value| {
        let built = row["reason"] == "compiler-artifact" && row["profile"]["test"] == true;
        let path = row["executable"].as_str().filter(|_| built)?.into();
        let folder = Path::new(row["manifest_path"].as_str()?).parent()?.to_path_buf();
        let name = row["target"]["name"].as_str()?.to_owned();
        let is_library = row["target"]["kind"][0] == "lib";
        Some(Program { path, name, folder, is_library, environment: Vec::new() })
    };
    rows.filter_map(program).collect()
}
