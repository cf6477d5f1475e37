use std::fmt::Write as _;
use std::sync::Arc;

use gitops_core::{Error, ErrorKind, Key, Result};

use super::Served;
use crate::client::tenancy::Tenancy;

/// Where an object is on the server.
///
/// The only way to an object's URL, and with it the one point at which [`Tenancy`] is checked: what is outside
/// them has no URL.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub served: Arc<Served>,
    kind: String,
    namespace: String,
    name: String,
}

impl Place {
    pub fn of(served: Arc<Served>, key: &Key, tenancy: &Tenancy) -> Result<Self> {
        tenancy.check(key)?;
        let (kind, namespace) = (key.kind(), key.namespace());
        match (served.namespaced, namespace.is_empty()) {
            (true, true) => Err(wrong(format!("a {kind} lives in a namespace, and none is given")).at(key)),
            (false, false) => {
                Err(wrong(format!("a {kind} lives in no namespace, and `{namespace}` is given")).at(key))
            }
            _ => {
                let [kind, namespace, name] = [kind.kind(), namespace, key.name()].map(str::to_owned);
                Ok(Self { served, kind, namespace, name })
            }
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The object's URL in a version.
    pub fn object(&self, version: &str) -> String {
        format!("{}/{}", collection(&self.served, version, &self.namespace), segment(&self.name))
    }

    /// The URL of all objects beside it.
    pub fn beside(&self, version: &str) -> String {
        collection(&self.served, version, &self.namespace)
    }

    /// The object's URL in the version of an `apiVersion`, which must be served.
    pub fn object_as(&self, api_version: &str) -> Result<String> {
        let version = api_version.rsplit('/').next().unwrap_or(api_version);
        match self.served.versions.iter().any(|served| served == version) {
            true => Ok(self.object(version)),
            false => Err(wrong(format!("the server does not serve {api_version} of {}", self.served.plural))
                .help(format!("it serves: {}", self.served.versions.join(", ")))),
        }
    }
}

/// The URL of all objects of a kind, in one namespace or (with none) in all.
pub(crate) fn collection(served: &Served, version: &str, namespace: &str) -> String {
    let root = match served.group.is_empty() {
        true => format!("/api/{version}"),
        false => format!("/apis/{}/{version}", served.group),
    };
    match namespace.is_empty() {
        true => format!("{root}/{}", served.plural),
        false => format!("{root}/namespaces/{}/{}", segment(namespace), served.plural),
    }
}

/// One segment of a path: whatever could end it or begin another is escaped.
fn segment(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b':' => path.push(byte.into()),
            b'.' if name != "." && name != ".." => path.push('.'),
            _ => write!(path, "%{byte:02X}").expect("writing into a string can't fail"),
        }
    }
    path
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
