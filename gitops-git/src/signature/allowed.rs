use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::{Error, Result, Signer};

use super::wire::{Wire, decode, fingerprint};
use crate::fault::{invalid, shown};

/// The kinds of keys whose signatures can be verified.
const KINDS: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The keys with which people sign commits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers(Arc<BTreeMap<Vec<u8>, String>>);

impl Signers {
    /// Reads the list of OpenSSH, as `gpg.ssh.allowedSignersFile` of Git names it: on each line a person, and a public key of
    /// theirs.
    ///
    /// ```
    /// use gitops_git::Signers;
    ///
    /// let text = "ann@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJCOFbb3XBkEQFCEUlvKKmxVrPrcpTH1NPyjSYLZQXB5\n";
    /// Signers::parse(text)?;
    /// # Ok::<(), gitops_core::Error>(())
    /// ```
    ///
    /// Of several names on a line, the first is that of the person. Of the options, `namespaces` is understood: a key that is
    /// not for `git` is passed over.
    ///
    /// # Errors
    /// `Invalid`, with the number of the line, for what would be understood otherwise than it was meant: patterns for names,
    /// certificate authorities, times, keys of an unknown kind, one key for two people.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let at = |error: Error| error.with("line", number + 1);
            let Some((name, key)) = entry(line.trim()).map_err(at)? else { continue };
            match keys.insert(key, name.clone()) {
                Some(other) if other != name => {
                    let error =
                        invalid(format!("the key of `{}` is one of `{other}` too", shown(&name, 100)));
                    return Err(at(error.help("name each key once")));
                }
                _ => {}
            }
        }
        Ok(Self(Arc::new(keys)))
    }

    /// The person with a key.
    pub(super) fn find(&self, key: &[u8]) -> Option<Signer> {
        self.0.get(key).map(|name| Signer::ssh(name.as_str(), fingerprint(key)))
    }
}

/// The person and the key of a line; nothing for one that names no key for commits.
fn entry(line: &str) -> Result<Option<(String, Vec<u8>)>> {
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (names, rest) = word(line)?;
    let name = names.split(',').next().unwrap_or_default();
    if name.is_empty() || names.contains(['*', '?', '!']) {
        return Err(invalid(format!("`{}` names no single person", shown(&names, 100)))
            .help("write the person's name or address, without `*`, `?` and `!`"));
    }
    let (first, after) = word(rest)?;
    if first.is_empty() {
        return Err(invalid(format!("`{}` has no key", shown(&names, 100))).help("write `NAME KIND KEY`"));
    }
    let (is_for_commits, kind, after) = if is_kind(&first) {
        (true, first, after)
    } else {
        let (kind, after) = word(after)?;
        (options(&first)?, kind, after)
    };
    let key = word(after)?.0;
    let key = decode(key.as_bytes()).filter(|key| Wire(key).text() == Some(kind.as_bytes()));
    match key.filter(|_| KINDS.contains(&kind.as_str())) {
        Some(key) => Ok(is_for_commits.then(|| (name.to_owned(), key))),
        None => Err(invalid(format!("`{}` is no key whose signatures can be verified", shown(&kind, 100)))
            .help(format!(
                "write `NAME KIND KEY`, as a public key file has kind and key; kinds are {}",
                KINDS.join(", ")
            ))),
    }
}

/// Whether a word is the kind of a key, known or not, rather than an option.
fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-", "sk-"].iter().any(|start| word.starts_with(start))
}

/// Whether a key with these options is for commits.
fn options(text: &str) -> Result<bool> {
    match text.strip_prefix("namespaces=") {
        Some(list) => Ok(list.split(',').any(|name| name == "git")),
        None => Err(invalid(format!("`{}` is no option that is understood", shown(text, 100))).help(
            "leave out what is not `namespaces`: no certificate authorities, and only keys that count now",
        )),
    }
}

/// The first word of a text, without the quotes in it, and what comes after it.
fn word(text: &str) -> Result<(String, &str)> {
    let text = text.trim_start();
    let mut quoted = false;
    let end = text.char_indices().find(|(_, char)| {
        quoted ^= *char == '"';
        !quoted && char.is_whitespace()
    });
    let (word, rest) = text.split_at(end.map_or(text.len(), |(at, _)| at));
    match quoted {
        true => Err(invalid("a quote is opened and not closed").help("close it on the same line")),
        false => Ok((word.replace('"', ""), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJCOFbb3XBkEQFCEUlvKKmxVrPrcpTH1NPyjSYLZQXB5";

    fn names(text: &str) -> Vec<String> {
        Signers::parse(text).expect("it can be read").0.values().cloned().collect()
    }

    #[test]
    fn a_line_names_a_person_and_a_key() {
        for line in [
            format!("ann@example.org {ED} Ann's key"),
            format!("  \"ann@example.org\",ann\t{ED}"),
            format!("# people\n\nann@example.org namespaces=\"git,file\" {ED}\nann@example.org {ED}\n"),
        ] {
            assert_eq!(names(&line), ["ann@example.org"], "{line}");
        }
        assert_eq!(names(&format!("ann@example.org namespaces=\"file\" {ED}")), [""; 0]);
    }

    #[test]
    fn what_would_be_taken_otherwise_than_it_was_meant_is_refused() {
        let error = |text: &str| Signers::parse(text).expect_err("it is refused").to_string();
        insta::assert_snapshot!(error(&format!("\n*@example.org {ED}")), @"`*@example.org` names no single person (line: 2)");
        insta::assert_snapshot!(error(&format!("ann cert-authority {ED}")), @"`cert-authority` is no option that is understood (line: 1)");
        insta::assert_snapshot!(error(&format!("ann valid-before=\"20300101\" {ED}")), @"`valid-before=20300101` is no option that is understood (line: 1)");
        insta::assert_snapshot!(error("ann ssh-dss AAAAB3NzaC1kc3MAAAA="), @"`ssh-dss` is no key whose signatures can be verified (line: 1)");
        insta::assert_snapshot!(error("ann ssh-ed25519 AAAA"), @"`ssh-ed25519` is no key whose signatures can be verified (line: 1)");
        insta::assert_snapshot!(error("ann"), @"`ann` has no key (line: 1)");
        insta::assert_snapshot!(error("\"ann"), @"a quote is opened and not closed (line: 1)");
        insta::assert_snapshot!(error(&format!("ann {ED}\nbob {ED}")), @"the key of `bob` is one of `ann` too (line: 2)");
    }
}
