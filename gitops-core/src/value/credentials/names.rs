//! What is given to a name that says that it is a credential: `NAME=…`, `NAME: …`, `--NAME …`, and headers of requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{NEAR, near, near_end};
use crate::value::redact::HIDDEN;

/// The ends of names whose values are credentials, in lower case and without marks between words.
const NAMES: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "token",
    "apikey",
    "accesskey",
    "accountkey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "masterkey",
    "clientsecret",
    "credential",
    "credentials",
    "connectionstring",
    "dockerconfigjson",
    "keydata",
];

/// The same for variables of programs, whose names refer to nothing else.
const OF_VARIABLES: [&str; 3] = ["secret", "pwd", "dsn"];

/// Words of their own, with a mark before them: as parts of others they say nothing.
const WORDS: [&str; 3] = ["pass", "passcode", "pw"];

/// What signs an address that everybody may use who has it.
const OF_QUERIES: [&str; 3] = ["sig", "xamzsignature", "xgoogsignature"];

/// Headers whose whole value says who somebody is.
const HEADERS: [&str; 4] = ["authorization", "proxyauthorization", "cookie", "setcookie"];

/// Whether a field of this name holds a credential, if it holds a text.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = plain(name);
    NAMES.iter().any(|end| plain.ends_with(end)) || is_word(name)
}

/// The same of a variable of a program.
pub(crate) fn is_variable(name: &str) -> bool {
    let plain = plain(name);
    NAMES.iter().chain(&OF_VARIABLES).any(|end| plain.ends_with(end)) || is_word(name)
}

fn is_word(name: &str) -> bool {
    let last = name.rsplit(['_', '-', '.', '/']).next().unwrap_or_default().to_ascii_lowercase();
    WORDS.contains(&&*last)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_header(name: &str) -> bool {
    HEADERS.contains(&&*plain(name))
}

/// Where the name begins that ends at a place, and where what stands before it ends: its quote does not belong to it.
fn name(text: &str, end: usize) -> (usize, &str) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let name = near_end(&text[..end]).rsplit(|c: char| !is_of_name(c)).next().unwrap_or_default();
    (end - name.len(), name)
}

/// What is given by `=` to a name that says that it is a credential.
pub(super) fn given(text: &str, at: usize) -> Option<(usize, usize)> {
    let before = text[..at].trim_end_matches([' ', '\t']);
    let is_apart = before.len() < at;
    let unquoted = before.strip_suffix(']').unwrap_or(before);
    let unquoted = unquoted.strip_suffix(['"', '\'']).unwrap_or(unquoted);
    let (begin, name) = name(text, unquoted.strip_suffix('\\').unwrap_or(unquoted).len());
    let is_in_query = text[..begin].ends_with(['?', '&']) && OF_QUERIES.contains(&&*plain(name));
    let after = &text[at + 1..];
    let compares = text[..at].ends_with(['=', '!', '<', '>', '~', ':']) || after.starts_with(['=', '~', '>']);
    if !(is_variable(name) || is_in_query) || compares {
        return None;
    }
    let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
    let start = at + 1 + if is_apart { blanks } else { 0 };
    let rest = &text[start..];
    if let Some(within) = within_quotes(rest) {
        return shift(within, start);
    }
    let begins = begins_line(text, begin);
    if is_hidden(rest) || (is_apart && (!begins || refers(rest))) {
        return None;
    }
    let marks = if begins { "\"'`<" } else { "\"'`,;&)<>|" };
    let end = rest.find(|c: char| c.is_whitespace() || marks.contains(c)).unwrap_or(rest.len());
    shift((0, end), start).filter(|_| !is_reference(&rest[..end]))
}

/// What is given by a colon: to a name in quotes, to one that begins a line or a map, and to a header of a request.
pub(super) fn told(text: &str, at: usize) -> Option<(usize, usize)> {
    let after = &text[at + 1..];
    let quoted = text[..at].strip_suffix(['"', '\'']);
    let unquoted = quoted.map_or(&text[..at], |before| before.strip_suffix('\\').unwrap_or(before));
    let (begin, name) = name(text, unquoted.len());
    let is_header = is_header(name);
    if !(is_header || is_name(name)) || after.starts_with([':', '/', '=']) {
        return None;
    }
    if !(is_header || quoted.is_some() || begins_line(text, begin) || begins_member(text, begin)) {
        return None;
    }
    let blanks = after.len() - after.trim_start_matches([' ', '\t']).len();
    let (start, rest) = (at + 1 + blanks, &after[blanks..]);
    // A map says where it comes from: `token: { env: NAME }`.
    if rest.starts_with('{') && !rest.starts_with("{{") {
        return None;
    }
    if let Some(within) = within_quotes(rest) {
        return shift(within, start);
    }
    if rest.starts_with(['|', '>'])
        && let Some(line) =
            near(rest).split_once('\n').map(|(line, _)| line).filter(|line| line.trim_end().len() <= 3)
    {
        return block(text, begin, start + line.len());
    }
    let is_in_line = begins_line(text, begin) && quoted.is_none();
    let ends = |c: char| "\n\r\"'`".contains(c) || (!is_in_line && "},".contains(c));
    let value = match is_hidden(rest) {
        true => "",
        false => rest.split(ends).next().unwrap_or_default().trim_end(),
    };
    let says_nothing = ["null", "~", "true", "false", "[]", "["].contains(&value);
    shift((0, value.len()), start).filter(|_| !says_nothing && !is_reference(value))
}

/// A text of several lines, which are further in than their name.
fn block(text: &str, name: usize, from: usize) -> Option<(usize, usize)> {
    let indent = near_end(&text[..name]).rsplit('\n').next().unwrap_or_default().len();
    let mut end = from;
    for line in text[from..].split_inclusive('\n').skip(1) {
        let is_within = line.trim().is_empty() || line.len() - line.trim_start_matches(' ').len() > indent;
        if !is_within {
            break;
        }
        end += line.len();
    }
    let start = from + 1;
    let end = start.max(end + 1).min(text.len());
    let value = text.get(start..end)?.trim_end();
    let blanks = value.len() - value.trim_start().len();
    (!value.trim().is_empty() && !is_hidden(value.trim_start()))
        .then(|| (start + blanks, start + value.len()))
}

/// What follows an option of a command that says so: `--password …`.
pub(super) fn option(text: &str, at: usize) -> Option<(usize, usize)> {
    let name = near(text[at..].strip_prefix("--").filter(|_| !text[..at].ends_with('-'))?);
    let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?];
    let start = at + 2 + name.len() + 1;
    if !is_name(name) || !text[start - 1..].starts_with(' ') {
        return None;
    }
    let rest = &text[start..];
    if let Some(within) = within_quotes(rest) {
        return shift(within, start);
    }
    let value = rest.split(|c: char| c.is_whitespace() || "\"'`,;)]".contains(c)).next()?;
    let is_placeholder = value.starts_with(['-', '<', '[']) || value.chars().all(|c| c.is_ascii_uppercase());
    shift((0, value.len()), start).filter(|_| !is_placeholder && !is_hidden(rest))
}

/// What follows the word by which a request says who somebody is.
pub(super) fn bearer(text: &str, at: usize) -> Option<(usize, usize)> {
    let rest = &text[at..];
    let word = ["Bearer ", "bearer ", "Basic ", "basic "].into_iter().find(|word| rest.starts_with(word))?;
    let is_of_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~+/=-".contains(byte);
    let value = &rest[word.len()..];
    let value = &value[..value.bytes().take_while(is_of_value).count()];
    let is_one = match word.len() {
        7 => value.len() >= 16 && value.bytes().any(|byte| byte.is_ascii_digit()),
        _ => is_pair(value),
    };
    is_one.then(|| (at + word.len(), at + word.len() + value.len()))
}

/// Whether it is a name and a password, encoded as `Basic` wants it.
fn is_pair(value: &str) -> bool {
    let decoded = STANDARD_NO_PAD.decode(value.trim_end_matches('='));
    value.len() >= 8 && decoded.is_ok_and(|bytes| bytes.is_ascii() && bytes.contains(&b':'))
}

/// What stands within the quotes that a text begins with, also where those are escaped; nothing where there are none.
fn within_quotes(rest: &str) -> Option<(usize, usize)> {
    let quote = ["\\\"", "\\'", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote))?;
    let value = &rest[quote.len()..];
    let mut end = value.len();
    for (at, _) in value.match_indices(quote) {
        let slashes = value[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if quote == "'" || slashes % 2 == 0 {
            end = at;
            break;
        }
    }
    let value = &value[..end];
    let is_shown = is_hidden(value) || is_reference(value);
    Some(if is_shown { (0, 0) } else { (quote.len(), quote.len() + end) })
}

fn shift((start, end): (usize, usize), by: usize) -> Option<(usize, usize)> {
    (start < end).then_some((start + by, end + by))
}

fn is_hidden(value: &str) -> bool {
    value.starts_with(HIDDEN.trim_end_matches(')'))
}

/// Whether a value only names where the real one comes from.
fn is_reference(value: &str) -> bool {
    let pairs = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("<", ">")];
    value.len() < NEAR && pairs.iter().any(|(begin, end)| value.starts_with(begin) && value.ends_with(end))
}

/// Whether an expression of HCL names it.
fn refers(rest: &str) -> bool {
    ["var.", "local.", "data.", "module.", "each.", "self.", "random_", "<<"]
        .iter()
        .any(|begin| rest.starts_with(begin))
}

/// Whether nothing but marks stands before a place in its line: blanks, what begins an item, what a difference or a picture has.
fn begins_line(text: &str, at: usize) -> bool {
    let line = near_end(&text[..at]).rsplit('\n').next().unwrap_or_default();
    let line = line.strip_suffix("export ").unwrap_or(line);
    line.ends_with('\\') || line.chars().all(|c| c.is_ascii_digit() || " \t-+>*#|".contains(c))
}

/// Whether a member of a map in one line begins there.
fn begins_member(text: &str, at: usize) -> bool {
    let line = near_end(&text[..at]).rsplit('\n').next().unwrap_or_default().trim_end();
    line.ends_with('{') || (line.ends_with(',') && line.contains('{'))
}
