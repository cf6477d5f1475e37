use proptest::prelude::*;

use super::*;

fn owners_of(text: &str, dialect: Dialect, path: &str) -> Vec<String> {
    let owners = CodeOwners::parse(text, dialect).unwrap();
    let needed = owners.requirements(&[path.to_owned()]);
    needed
        .iter()
        .map(|group| group.owners.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn the_examples_of_github_mean_what_github_says() {
    let text = "*       @global-owner1 @global-owner2\n\
                *.js    @js-owner #This is an inline comment.\n\
                *.go docs@example.com\n\
                *.txt @octo-org/octocats\n\
                /build/logs/ @doctocat\n\
                docs/*  docs@example.com\n\
                apps/ @octocat\n\
                /docs/ @doctocat\n\
                /scripts/ @doctocat @octocat\n\
                **/logs @octocat\n\
                /apps/ @octocat\n\
                /apps/github\n";
    let of = |path| owners_of(text, Dialect::GitHub, path).concat();
    assert_eq!(of("README.md"), "@global-owner1 @global-owner2");
    assert_eq!(of("src/deep/x.js"), "@js-owner");
    assert_eq!(of("x.go"), "docs@example.com");
    assert_eq!(of("a/x.txt"), "@octo-org/octocats");
    assert_eq!(of("build/logs/x"), "@octocat", "`**/logs` is later");
    assert_eq!(of("some/apps/x"), "@octocat");
    assert_eq!(of("docs/a/b"), "@doctocat");
    assert_eq!(of("scripts/x"), "@doctocat @octocat");
    assert_eq!(of("apps/x"), "@octocat");
    assert_eq!(of("apps/github/x"), "", "a rule without owners leaves files without owners");
    let docs = "docs/* @a\n";
    assert_eq!(owners_of(docs, Dialect::GitHub, "docs/x"), ["@a"]);
    assert!(owners_of(docs, Dialect::GitHub, "docs/a/x").is_empty(), "a star ends at a slash");
    assert!(owners_of(docs, Dialect::GitHub, "x/docs/x").is_empty(), "a slash within binds to the root");
    assert_eq!(owners_of(docs, Dialect::GitLab, "x/docs/x"), ["@a"], "and does not on GitLab");
}

#[test]
fn sections_of_gitlab_count_each_by_itself() {
    let text = "* @all\n\
                [Docs][2] @writers\n\
                docs/\n\
                docs/api/ @api\n\
                !docs/generated/\n\
                ^[Optional] @nobody\n\
                *\n\
                [docs]\n\
                README.md\n";
    let owners = CodeOwners::parse(text, Dialect::GitLab).unwrap();
    let of = |path: &str| {
        let needed = owners.requirements(&[path.to_owned()]);
        needed.iter().map(|group| (group.owners[0].to_string(), group.needed)).collect::<Vec<_>>()
    };
    let all = ("@all".to_owned(), 1);
    assert_eq!(of("docs/x"), [all.clone(), ("@writers".to_owned(), 2)]);
    assert_eq!(of("docs/api/x"), [all.clone(), ("@api".to_owned(), 2)]);
    assert_eq!(
        of("docs/generated/x"),
        std::slice::from_ref(&all),
        "what is excluded has no owner in the section"
    );
    assert_eq!(of("README.md"), [all, ("@writers".to_owned(), 2)], "a section goes on under its name");
}

#[test]
fn a_blank_in_a_path_is_escaped() {
    assert_eq!(owners_of("/my\\ file @a\n", Dialect::GitHub, "my file"), ["@a"]);
    assert_eq!(owners_of("/a[b]{c} @a\n", Dialect::GitHub, "a[b]{c}"), ["@a"], "no ranges, as on GitHub");
}

#[test]
fn every_faulty_line_is_named() {
    let faults = CodeOwners::parse("* @a\n/x alice\n!/y @b\n", Dialect::GitHub).unwrap_err();
    insta::assert_snapshot!(faults, @"CODEOWNERS line 2: `alice` is no owner: `@name`, `@organisation/team` or an address; CODEOWNERS line 3: a pattern can't be negated with `!`");
    let of = |text: &str| CodeOwners::parse(text, Dialect::GitLab).unwrap_err().faults()[0].message.clone();
    assert_eq!(of("[Docs][0] @a"), "`0` is no number of approvals from 1 to 100");
    assert_eq!(of("[Docs"), "the name of a section ends with `]`");
    assert!(of("* @@developers").contains("names a role"));
    assert!(of(&"x".repeat(20_000)).contains("more than 10000 bytes"));
    let many = "a @a\n".repeat(RULES + 1);
    assert!(of(&many).contains("more than 10000 rules"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([ -~]{0,20}\n){0,6}", path in "[ -~]{0,20}") {
        for dialect in [Dialect::GitHub, Dialect::GitLab] {
            if let Ok(owners) = CodeOwners::parse(&text, dialect) {
                let _ = owners.requirements(std::slice::from_ref(&path));
            }
        }
    }
}
