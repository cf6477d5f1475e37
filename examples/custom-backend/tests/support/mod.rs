//! The real service, as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use custom_backend::Client;

/// The service's process; ends with the value.
pub struct Service(Child, Client);

impl Service {
    pub fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kv-server")).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Self(child, Client::new(address.trim()))
    }

    pub fn client(&self) -> &Client {
        &self.1
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).map(|_| ()).unwrap_or_default();
    }
}
