//! Lists that are whole.

use std::collections::{BTreeMap, BTreeSet};

use super::Service;
use super::item::{Item, Query};
use crate::cx::Cx;
use crate::value::{Error, ErrorKind, Result};

/// How many pages one list may have.
const MAX_PAGES: usize = 100_000;

/// The objects of these names, by name.
///
/// A list of one page is taken as it is. One of several pages may have hidden an object, because another one left an
/// earlier page meanwhile: if a name is missing, the list is read once more, and what either reading has is there. What was
/// seen and is gone since is found out by the write, which compares; what was hidden would be made twice.
pub(super) async fn list(
    cx: &Cx,
    service: &dyn Service,
    query: &Query,
    names: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Vec<Item>>> {
    let mut first = pass(cx, service, query, names).await?;
    if first.pages > 1 && !first.has_all(names) {
        first.items.extend(pass(cx, service, query, names).await?.items);
    }
    Ok(first.by_name())
}

/// One reading of a list.
struct Pass {
    pages: usize,
    /// By id: what moved from one page to another is there once.
    items: BTreeMap<String, Item>,
}

impl Pass {
    fn has_all(&self, names: &BTreeSet<&str>) -> bool {
        let found: BTreeSet<&str> = self.items.values().map(|item| item.name.as_str()).collect();
        names.iter().all(|name| found.contains(name))
    }

    fn by_name(self) -> BTreeMap<String, Vec<Item>> {
        let mut found: BTreeMap<String, Vec<Item>> = BTreeMap::new();
        for item in self.items.into_values() {
            found.entry(item.name.clone()).or_default().push(item);
        }
        found
    }
}

async fn pass(cx: &Cx, service: &dyn Service, query: &Query, names: &BTreeSet<&str>) -> Result<Pass> {
    let (mut query, mut seen) = (query.clone(), BTreeSet::new());
    let mut pass = Pass { pages: 0, items: BTreeMap::new() };
    loop {
        cx.check()?;
        let page = service.list(cx, &query).await?;
        pass.pages += 1;
        let wanted = page.items.into_iter().filter(|item| names.contains(item.name.as_str()));
        pass.items.extend(wanted.map(|item| (item.id.clone(), item)));
        let Some(next) = page.next else { return Ok(pass) };
        if pass.pages >= MAX_PAGES {
            return Err(Error::new(ErrorKind::Limit, format!("the list has more than {MAX_PAGES} pages")));
        }
        if !seen.insert(next.clone()) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the service gives one page of a list again and again",
            ));
        }
        query.page = Some(next);
    }
}
