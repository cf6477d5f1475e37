//! Links of the built pages: each leads to a page of the book, and to a heading that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::failure::{At, Result};

/// Pages that mdBook makes itself and whose links are those of other pages.
const MADE: [&str; 2] = ["404.html", "toc.html"];

/// A line for each link that leads nowhere. Links to other sites are not followed.
pub fn broken(book: &Path, pages: &[PathBuf]) -> Result<Vec<String>> {
    let mut anchors = BTreeMap::new();
    let mut texts = BTreeMap::new();
    for page in pages.iter().filter(|page| !MADE.iter().any(|made| page.ends_with(made))) {
        let text = fs::read_to_string(page).at(page)?;
        anchors.insert(page.clone(), values(&text, "id"));
        texts.insert(page.clone(), text);
    }
    let mut found = Vec::new();
    for (page, text) in &texts {
        let shown = page.strip_prefix(book).unwrap_or(page).display();
        for link in values(text, "href") {
            if let Some(why) = fault(page, &link, &anchors) {
                found.push(format!("  {shown}: `{link}`: {why}"));
            }
        }
    }
    Ok(found)
}

/// Why a link of a page leads nowhere, if it does.
fn fault(page: &Path, link: &str, anchors: &BTreeMap<PathBuf, BTreeSet<String>>) -> Option<String> {
    let has_scheme = link.split_once(':').is_some_and(|(scheme, _)| !scheme.contains(['/', '#', '.']));
    if has_scheme || link.starts_with("//") || link.is_empty() {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { page.to_owned() } else { plain(&page.parent()?.join(path)) };
    let Some(there) = anchors.get(&target) else {
        return (!target.is_file()).then(|| "there is no such page or file in the book".to_owned());
    };
    let anchor = anchor.replace("%20", " ");
    (!anchor.is_empty() && !there.contains(&anchor)).then(|| "the page has no such heading".to_owned())
}

/// The values of an attribute in a text of HTML.
fn values(html: &str, attribute: &str) -> BTreeSet<String> {
    let begin = format!(" {attribute}=\"");
    let values = html.split(&begin).skip(1).filter_map(|rest| rest.split_once('"'));
    values.map(|(value, _)| value.replace("&amp;", "&")).collect()
}

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_needs_its_page_and_its_heading() {
        let anchors = BTreeMap::from([
            (PathBuf::from("/book/a.html"), values("<h1 id=\"top\">A</h1>", "id")),
            (PathBuf::from("/book/b/c.html"), values("<h2 id=\"x-y\">", "id")),
        ]);
        let why = |page: &str, link: &str| fault(Path::new(page), link, &anchors);
        for link in
            ["#top", "b/c.html", "./b/c.html#x-y", "https://example.org/#none", "mailto:a@example.org"]
        {
            assert_eq!(why("/book/a.html", link), None, "{link}");
        }
        assert_eq!(why("/book/b/c.html", "../a.html#top"), None);
        assert!(why("/book/a.html", "#none").is_some_and(|why| why.contains("no such heading")));
        assert!(why("/book/a.html", "b/d.html").is_some_and(|why| why.contains("no such page")));
    }
}
