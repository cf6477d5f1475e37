//! Lists, page by page.

use gitops_core::{Cx, ErrorKind};
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use crate::client::cluster::{Call, Failure, Wire};
use crate::live::object::Seen;

/// How many objects are on a page: bounds what is in memory at once.
const PAGE: usize = 500;

/// How often a list that the server no longer continues is begun anew.
const BEGINNINGS: usize = 4;

/// A consistent list that is read page by page. An error is an error of the whole list: a part of it is no list.
pub(crate) struct List {
    uri: String,
    api_version: String,
    kind: String,
    accept: &'static str,
    next: Option<String>,
    beginnings: usize,
    anew: bool,
    resource_version: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    metadata: PageMeta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    #[serde(rename = "continue", default)]
    next: String,
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl List {
    /// A list of the objects at a URL, which may have a query of its own.
    pub fn new(uri: String, api_version: String, kind: &str) -> Self {
        let kind = kind.to_owned();
        let (next, resource_version) = (Some(String::new()), String::new());
        let accept = "application/json";
        Self { uri, api_version, kind, accept, next, beginnings: 1, anew: false, resource_version }
    }

    /// The same of the objects' metadata alone.
    pub fn of_metadata(mut self) -> Self {
        self.accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        self
    }

    /// The wanted objects of the next page, by name; `None` after the last.
    pub async fn next_page(
        &mut self,
        wire: &Wire,
        cx: &Cx,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Option<Vec<(String, Seen)>>, Failure> {
        let Some(next) = self.next.take() else { return Ok(None) };
        self.anew = false;
        let bytes = match wire.bytes(cx, Call::get(self.page(&next)).accept(self.accept)).await {
            Err(failure) if failure.kind() == ErrorKind::Stale && !next.is_empty() => {
                return self.begin_anew(failure);
            }
            answer => answer?,
        };
        let page: Page<'_> = serde_json::from_slice(&bytes)?;
        self.next = Some(page.metadata.next).filter(|next| !next.is_empty());
        self.resource_version = page.metadata.resource_version;
        let items = page.items.unwrap_or_default().into_iter();
        let items = items.filter_map(|item| self.read(item, &wanted).transpose());
        Ok(Some(items.collect::<Result<_, serde_json::Error>>()?))
    }

    /// The server no longer has the state that the first pages showed.
    fn begin_anew(&mut self, failure: Failure) -> Result<Option<Vec<(String, Seen)>>, Failure> {
        if self.beginnings >= BEGINNINGS {
            return Err(failure);
        }
        self.beginnings += 1;
        self.anew = true;
        self.next = Some(String::new());
        Ok(Some(Vec::new()))
    }

    /// Whether the last page was the order to forget all pages before it.
    pub fn has_begun_anew(&self) -> bool {
        self.anew
    }

    /// The server's version of the list.
    pub fn resource_version(&self) -> &str {
        &self.resource_version
    }

    fn page(&self, next: &str) -> String {
        let joint = if self.uri.contains('?') { '&' } else { '?' };
        match next.is_empty() {
            true => format!("{}{joint}limit={PAGE}", self.uri),
            false => format!("{}{joint}limit={PAGE}&continue={}", self.uri, escape(next)),
        }
    }

    /// The items of a list do not say what they are.
    fn read(
        &self,
        item: &RawValue,
        wanted: impl Fn(&str) -> bool,
    ) -> serde_json::Result<Option<(String, Seen)>> {
        let name = serde_json::from_str::<Named>(item.get())?.metadata.name;
        if !wanted(&name) {
            return Ok(None);
        }
        let mut json: Json = serde_json::from_str(item.get())?;
        json["apiVersion"] = Json::String(self.api_version.clone());
        json["kind"] = Json::String(self.kind.clone());
        Ok(Some((name, Seen::new(json))))
    }
}

/// A value of a query: what has a meaning there is escaped.
pub(crate) fn escape(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
