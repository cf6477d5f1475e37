//! A Kubernetes API server for the tests of several processes: prints the folder for `GITOPS_LENT_API_SERVER`, and ends with its input.
#![allow(clippy::unwrap_used, reason = "what can not be set up is told as it is")]

use std::io::{Read, Write};

use testbed::ApiServer;

fn main() {
    let server = ApiServer::start();
    println!("{}", server.lend().display());
    std::io::stdout().flush().unwrap();
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).unwrap();
}
