//! What comes from people and servers of Git.

use gitops_git::{CommitId, GitRef, GitSource, GitUrl, RefName, fuzzing};

use crate::{texts, with_text};

/// A URL that is accepted is given to programs as no option, and reads the same again.
pub fn url(bytes: &[u8]) {
    with_text(bytes, |text| {
        let Ok(url) = GitUrl::parse(text) else { return };
        let shown = url.to_string();
        assert!(!shown.starts_with('-') && !shown.contains(char::is_control), "{shown:?}");
        assert_eq!(GitUrl::parse(&shown).expect("what was shown can be read"), url);
    });
}

pub fn urls() -> Vec<Vec<u8>> {
    texts(&[
        "./site.git",
        "file:///srv/my%20site.git",
        "https://host:8443/team/site.git",
        "ssh://git@host:2222/~team/site.git",
        "git@[::1]:site.git",
    ])
}

/// A name that is accepted is no option and stays below its place.
pub fn reference(bytes: &[u8]) {
    with_text(bytes, |text| {
        if let Ok(name) = RefName::parse(text) {
            let name = name.as_str();
            assert!(
                !name.starts_with(['-', '/']) && !name.contains("..") && !name.contains(char::is_control)
            );
        }
        let _ = (GitRef::branch(text), GitRef::tag(text), GitRef::semver(text));
        if let Ok(id) = CommitId::parse(text) {
            assert_eq!(CommitId::parse(&id.to_string()).expect("what was shown can be read"), id);
        }
    });
}

pub fn references() -> Vec<Vec<u8>> {
    texts(&["main", "team/feature-1", "v1.2.3", ">=1.2, <2", "0123456789abcdef0123456789abcdef01234567"])
}

/// The first line is a pattern, each other one a path that is put to it.
pub fn pattern(bytes: &[u8]) {
    with_text(bytes, |text| {
        let mut lines = text.lines();
        let pattern = lines.next().unwrap_or_default();
        let _ = GitSource::builder("/site").include(pattern).build();
        if GitSource::builder("/site").ignore(pattern).build().is_ok() {
            for path in lines.take(20) {
                let _ = fuzzing::ignores(pattern, path);
            }
        }
    });
}

pub fn patterns() -> Vec<Vec<u8>> {
    texts(&[
        "*.md\nREADME.md\ndocs/a.md",
        "/apps/*/test/\napps/x/test",
        "!a[b-d]?\nabx",
        "**/x\\*{y,z}\na/x*y",
    ])
}

/// What a server says to a question for a pack.
pub fn answer(bytes: &[u8]) {
    fuzzing::answer(bytes);
}

pub fn answers() -> Vec<Vec<u8>> {
    texts(&[
        "000eversion 2\n0012fetch=shallow\n0017object-format=sha1\n0000000dpackfile\n0009\u{1}PACK000a\u{2}hello0000",
        "000eversion 2\n000afetch\n0000001fERR upload-pack: not our ref\n",
        "000eversion 2\n000afetch\n00000011shallow-info\n00010000",
    ])
}

/// What a server lists.
pub fn list(bytes: &[u8]) {
    fuzzing::references(bytes);
}

pub fn lists() -> Vec<Vec<u8>> {
    let id = "0123456789abcdef0123456789abcdef01234567";
    texts(&[&format!("{id}\trefs/heads/main\n{id}\trefs/tags/v1\n{id}\trefs/tags/v1^{{}}\n")])
}

/// A folder as Git stores it.
pub fn tree(bytes: &[u8]) {
    fuzzing::folder(bytes);
}

pub fn trees() -> Vec<Vec<u8>> {
    let entry =
        |mode: &str, name: &str| [mode.as_bytes(), b" ", name.as_bytes(), b"\0", &[7; 20][..]].concat();
    vec![
        [entry("100644", "a"), entry("40000", "b"), entry("100755", "c.sh")].concat(),
        [entry("120000", "link"), entry("160000", "module")].concat(),
        [entry("100644", "Straße"), entry("100644", "straße")].concat(),
    ]
}
