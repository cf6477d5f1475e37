//! The `gitops` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    gitops::main()
}
