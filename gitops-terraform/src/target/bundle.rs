use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use gitops_core::{Cx, Error, ErrorKind, Result, Value};
use serde::{Deserialize, Serialize};

use crate::declare::module::{Removal, RootModule};
use crate::disk;
use crate::target::override_files::holds_a_secret;
use crate::target::site::Site;
use crate::tool::json;

/// The most bytes that a bundle may have.
const BUNDLE_BYTES: u64 = 256 << 20;

/// The declaration with which a root was applied last: what a removal is made with. Secrets are left out.
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct Bundle {
    pub removal: Removal,
    body: String,
    /// The variables that were left out.
    secret: Vec<String>,
    /// The files that are no text, in base64.
    #[serde(default)]
    bytes: BTreeMap<String, String>,
}

impl Bundle {
    /// The declaration.
    ///
    /// # Errors
    /// `Invalid` if a variable of it is a secret that nobody declares any more.
    pub fn whole(&self) -> Result<RootModule> {
        if !self.secret.is_empty() {
            let message = format!("a removal needs the secret variables {}", self.secret.join(", "));
            return Err(Error::new(ErrorKind::Invalid, message).help(
                "put the root back with a policy of `forget` or `retain`, or empty it before it is removed",
            ));
        }
        self.without_secrets()
    }

    /// The declaration without its secret variables.
    pub fn without_secrets(&self) -> Result<RootModule> {
        let mut root = RootModule::of_body(&json::parse(self.body.as_bytes())?)?;
        for (path, text) in &self.bytes {
            let bytes = BASE64.decode(text).map_err(|error| {
                Error::new(ErrorKind::Corrupt, format!("the kept file `{path}` is damaged")).because(error)
            })?;
            root.files.insert(path.clone(), Value::text_or_bytes(bytes));
        }
        Ok(root)
    }
}

/// A declaration as it is kept: without secrets, and with its files as text.
fn kept_form(root: &RootModule) -> Result<Bundle> {
    let (secret, open): (BTreeMap<_, _>, BTreeMap<_, _>) =
        root.variables.clone().into_iter().partition(|(_, value)| holds_a_secret(value));
    let removal = root.removal;
    let mut root = RootModule { variables: open, ..root.clone() };
    let mut bytes = BTreeMap::new();
    for (path, content) in &root.files {
        if let Value::Bytes(content) = content {
            bytes.insert(path.clone(), BASE64.encode(content));
        }
    }
    root.files.retain(|path, _| !bytes.contains_key(path));
    let body = json::write(&root.into_body())?;
    Ok(Bundle { removal, body, secret: secret.into_keys().collect(), bytes })
}

impl Site<'_> {
    /// Whether a declaration is the one that was applied last, but for what its secret variables hold.
    pub async fn is_declared_as_applied(&self, cx: &Cx, root: &RootModule) -> Result<bool> {
        Ok(self.bundle(cx).await?.is_some_and(|bundle| kept_form(root).is_ok_and(|now| now == bundle)))
    }

    /// Keeps a declaration as the one that was applied last.
    pub async fn keep_bundle(&self, cx: &Cx, root: &RootModule) -> Result<()> {
        let (path, bytes) = (self.folder.path().join("bundle.json"), serde_json::to_vec(&kept_form(root)?)?);
        if disk::read(&path, BUNDLE_BYTES)?.as_deref() != Some(&*bytes) {
            disk::replace(&path, &bytes, false)?;
        }
        self.workshop().records.keep_beside(cx, self.key, bytes).await
    }

    /// The declaration that was applied last.
    pub async fn bundle(&self, cx: &Cx) -> Result<Option<Bundle>> {
        let in_folder = disk::read(&self.folder.path().join("bundle.json"), BUNDLE_BYTES)?;
        let bytes = self.workshop().records.beside(cx, self.key, in_folder).await?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(Error::from)).transpose()
    }
}
