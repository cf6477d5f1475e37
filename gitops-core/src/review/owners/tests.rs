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

#[test]
fn the_examples_of_gitea_mean_what_gitea_says() {
    let text = ".*\\\\.go @user1 @user2 # This is comment\n\
                \n\
                # Comment too\n\
                frontend/src/.*\\\\.js @org1/team1 @org1/team2 @user3\n\
                !frontend/src/.* @org1/team3 @user5\n\
                docs/(aws|google|azure)/[^/]*\\\\.(md|txt) @user8 @org1/team4\n\
                !/assets/.*\\\\.(bin|exe|msi) @user9\n";
    let of = |path| owners_of(text, Dialect::Gitea, path);
    let (outside, any) = ("@org1/team3 @user5", "@user9");
    assert_eq!(of("main.go"), ["@user1 @user2", outside, any], "every rule that fits counts, by itself");
    assert_eq!(of("deep/in/main.go"), ["@user1 @user2", outside, any]);
    assert_eq!(of("frontend/src/x.js"), ["@org1/team1 @org1/team2 @user3", any], "what is negated is out");
    assert_eq!(of("docs/aws/x.md"), [outside, "@user8 @org1/team4", any]);
    assert_eq!(of("docs/aws/deep/x.md"), [outside, any], "a class without a slash ends at one");
    assert_eq!(of("assets/x.bin"), [outside], "a slash before a pattern is the root");
    let escaped =
        "dir/with\\#hashtag @user1\npath\\ with\\ space\t@user2\npath/with\\\\\\\\backslash user3\n";
    assert_eq!(owners_of(escaped, Dialect::Gitea, "dir/with#hashtag"), ["@user1"]);
    assert_eq!(owners_of(escaped, Dialect::Gitea, "path with space"), ["@user2"]);
    assert_eq!(owners_of(escaped, Dialect::Gitea, "path/with\\backslash"), ["@user3"]);
    // The ends bind to the outer alternatives only, as Gitea compiles it.
    assert_eq!(owners_of("a|b @x\n", Dialect::Gitea, "abc"), ["@x"]);
    assert_eq!(owners_of("a|b @x\n", Dialect::Gitea, "cb"), ["@x"]);
    assert!(owners_of("/a.c @x\n", Dialect::Gitea, "xabc").is_empty());
}

#[test]
fn what_gitea_passes_over_is_a_fault_with_its_line() {
    let faults = |text: &str| CodeOwners::parse(text, Dialect::Gitea).unwrap_err().faults().to_vec();
    let lines = |text: &str| faults(text).iter().map(|fault| fault.line).collect::<Vec<_>>();
    assert_eq!(lines("a @a\n(x @c\n"), [2]);
    assert_eq!(
        lines("(?!docs)/.* @a\n(a)\\\\1 @a\n"),
        [1, 2],
        "look-aheads and references back are not read"
    );
    assert_eq!(lines("docs/.*\na carol@example.org\nb @org/team/more\nc @\nd\\"), [1, 2, 3, 4, 5]);
    assert_eq!(lines("/docs/ @carol\ndocs/ @a\ndocs/* @a\n!\t@a\ndocs/**/x @a\n"), [1, 2, 3, 4, 5]);
    assert_eq!(lines("((a{90}){90}){90} @a\n"), [1]);
    assert!(faults("docs/ @a\n")[0].message.contains("fits no file"));
    assert!(CodeOwners::parse("!/site/.* @a\nx\\\\** @b\n/a|b/ @c\n", Dialect::Gitea).is_ok());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([ -~]{0,20}\n){0,6}", path in "[ -~]{0,20}") {
        for dialect in [Dialect::GitHub, Dialect::GitLab, Dialect::Gitea] {
            if let Ok(owners) = CodeOwners::parse(&text, dialect) {
                let _ = owners.requirements(std::slice::from_ref(&path));
            }
        }
    }
}
