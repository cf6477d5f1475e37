//! How a server of the applications works.

use std::net::SocketAddr;
use std::time::Duration;

use super::node::{Node, Place};
use super::reader::Reader;

/// How a server of the applications works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeConfig {
    /// Where it listens; 127.0.0.1:8080 if nothing else is said.
    pub listen: Option<SocketAddr>,
    /// How often the forges are asked for what no webhook told of.
    pub poll: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self { listen: None, poll: Duration::from_secs(60) }
    }
}

/// Reads `serve:`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<ServeConfig> {
    let fields = reader.fields(node, "`serve`", owner, &["listen", "poll"])?;
    let listen = match fields.get("listen") {
        Some((_, node)) => Some(address(reader, node)?),
        None => None,
    };
    let poll = super::duration_of(reader, &fields, "poll").unwrap_or(ServeConfig::default().poll);
    Some(ServeConfig { listen, poll })
}

fn address(reader: &Reader, node: &Node) -> Option<SocketAddr> {
    let text = reader.text(node, "`listen`")?;
    let address = text.parse();
    if address.is_err() {
        let message = format!("`listen` can't be `{text}`: it is no address with a port");
        reader.fault(
            "GO0110",
            node.place,
            message,
            "write an address and a port, such as `\"127.0.0.1:8080\"`",
        );
    }
    address.ok()
}
