//! How a server of the applications works.

use std::net::SocketAddr;
use std::time::Duration;

use gitops_core::Digest;
use gitops_core::review::Link;

use super::node::{Node, Place};
use super::reader::Reader;

/// How a server of the applications works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Where it listens; 127.0.0.1:8080 if nothing else is said.
    pub listen: Option<SocketAddr>,
    /// How often the forges are asked for what no webhook told of.
    pub poll: Duration,
    /// Where people reach it, without a slash at the end: comments link full plans there. No plan is shown without it.
    pub url: Option<String>,
    /// Where it answers with full plans, if that is a place of its own.
    pub plans: Option<SocketAddr>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self { listen: None, poll: Duration::from_secs(60), url: None, plans: None }
    }
}

/// Reads `serve:`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<ServeConfig> {
    let fields = reader.fields(node, "`serve`", owner, &["listen", "poll", "url", "plans"])?;
    let listen = match fields.get("listen") {
        Some((_, node)) => Some(address(reader, node, "listen")?),
        None => None,
    };
    let url = match fields.get("url") {
        Some((_, node)) => Some(url(reader, node)?),
        None => None,
    };
    let plans = match fields.get("plans") {
        Some((_, node)) if url.is_none() => {
            let message = "`plans` says where full plans are shown, and no comment links them without `url`";
            reader.fault("GO0107", node.place, message.to_owned(), "add `url: https://gitops.example.org`");
            return None;
        }
        Some((_, node)) => Some(address(reader, node, "plans")?),
        None => None,
    };
    let poll = super::duration_of(reader, &fields, "poll").unwrap_or(ServeConfig::default().poll);
    Some(ServeConfig { listen, poll, url, plans })
}

/// The address of which comments link pages.
fn url(reader: &Reader, node: &Node) -> Option<String> {
    let text = reader.text(node, "`url`")?;
    let url = text.trim_end_matches('/');
    // As long as the longest name of a page; a name or a password would stand in every comment.
    if url.contains(['?', '#', '@'])
        || Link::new(format!("{url}/plans/{:064}.json", 0), Digest::of(b"")).is_err()
    {
        let message = format!("`url` can't be `{text}`: it is no address to which comments can link");
        reader.fault(
            "GO0110",
            node.place,
            message,
            "write `https://gitops.example.org`, or `http://` and so on",
        );
        return None;
    }
    Some(url.to_owned())
}

fn address(reader: &Reader, node: &Node, name: &str) -> Option<SocketAddr> {
    let text = reader.text(node, &format!("`{name}`"))?;
    let address = text.parse();
    if address.is_err() {
        let message = format!("`{name}` can't be `{text}`: it is no address with a port");
        reader.fault(
            "GO0110",
            node.place,
            message,
            "write an address and a port, such as `\"127.0.0.1:8080\"`",
        );
    }
    address.ok()
}
