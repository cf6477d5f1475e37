//! Passwords in addresses: of URLs, and of what has a user, a password and a host without a scheme.

use std::ops::Range;

use super::{near, near_end};

/// What ends an address in a text.
fn ends(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '<' | '>' | '\\') || is_bracket(c) || c.is_whitespace() || c.is_control()
}

/// What ends one that is written without a scheme.
fn is_bracket(c: char) -> bool {
    matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '|')
}

/// The password of a URL, from its `://`.
pub(super) fn of_url(rest: &str) -> Option<(usize, usize)> {
    let after = near(rest.strip_prefix("://")?);
    let whole = after.split(|c: char| ends(c) && !is_bracket(c)).next()?;
    let authority = whole.split(['/', '?', '#']).next()?;
    if let Some((user, _)) = authority.rsplit_once('@') {
        let start = match user.split_once(':') {
            Some((name, _)) => name.len() + 1,
            // A token alone, as some forges have it.
            None => (user.len() >= 16).then_some(0)?,
        };
        return (start < user.len()).then_some((3 + start, 3 + user.len()));
    }
    // A password with what ends an authority in it: no URL at all, and so the more likely to be quoted.
    let (name, more) = authority.split_once(':')?;
    let is_port = more.is_empty() || more.bytes().all(|byte| byte.is_ascii_digit()) || name.starts_with('[');
    let (user, _) = whole.rsplit_once('@').filter(|_| !is_port)?;
    Some((3 + name.len() + 1, 3 + user.len()))
}

/// What stands before a colon and is no user: schemes that have no `//`, and names of packages.
const NO_USERS: [&str; 9] = ["mailto", "npm", "pkg", "sip", "sips", "xmpp", "acct", "urn", "jdbc"];

/// The password before an `@`, with its user and without a scheme: `user:password@host`, as proxies and programs take it.
pub(super) fn without_scheme(text: &str, at: usize) -> Option<(usize, usize)> {
    let is_outside = |c: char| matches!(c, '/' | '=' | '&' | '?' | '#') || ends(c);
    let user = near_end(&text[..at]).rsplit(is_outside).next()?;
    let begin = at - user.len();
    let rest = near(&text[at..]).split(ends).next()?;
    // The last one: a password may have it too.
    let last = at + rest.split('/').next()?.rfind('@')?;
    let (user, password) = text[begin..last].split_once(':')?;
    let host = &text[last + 1..];
    let is_user = !user.is_empty()
        && user.chars().all(|c| c.is_alphanumeric() || "._-+%$@".contains(c))
        && !NO_USERS.contains(&&*user.to_ascii_lowercase());
    let is_host = host.starts_with(|c: char| c.is_alphanumeric() || "[$_".contains(c)) && !is_digest(host);
    let is_word = !password.is_empty() && !password.contains("//");
    (is_user && is_host && is_word).then_some((begin + user.len() + 1, last))
}

/// Whether it goes on as the digest of an image does: `app:1.2@sha256:…`.
fn is_digest(host: &str) -> bool {
    ["sha256:", "sha384:", "sha512:", "blake3:"].iter().any(|name| host.starts_with(name))
}

/// What is likely a secret in the URLs of a line: users of HTTP, users with a password, and what follows a path.
pub(super) fn parts(line: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    line.match_indices("://").flat_map(|(at, mark)| {
        let start = at + mark.len();
        let url = line[start..]
            .split(|c: char| c.is_whitespace() || "\"'`,}]".contains(c))
            .next()
            .unwrap_or_default();
        let path = url.split('/').next().unwrap_or_default();
        let is_http = near_end(&line[..start]).to_ascii_lowercase().contains("http");
        let user = path.rfind('@').filter(|user| is_http || path[..*user].contains(':'));
        let query = url.find(['?', '#']).map(|query| start + query + 1..start + url.len());
        user.map(|user| start..start + user).into_iter().chain(query)
    })
}
