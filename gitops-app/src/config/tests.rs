//! What the file may say, and what is said about everything else.
// Long because each mistake in a configuration is a case of its own.

use super::*;
use crate::config::Backends;
use crate::diagnostic;
use gitops_core::{ErrorKind, Result};
use proptest::prelude::*;

const WHOLE: &str = "\
name: site
source:
  git: { url: ./site.git, ref: { branch: main }, path: site }
target:
  directory: { root: ./live }
sync: { prune: true, drift: correct, interval: 60s }
state: ./.gitops
";

fn parse(text: &str) -> Result<Config> {
    let found = Applications::parse(Path::new("conf/gitops.yaml"), text, &Backends::new())?;
    Ok(found.all.into_iter().next().expect("there is at least one application"))
}

/// The codes of all faults, in the order of the file.
fn codes(text: &str) -> Vec<&'static str> {
    let error = parse(text).expect_err("the text has a fault");
    error.diagnostics().iter().map(|fault| fault.code).collect()
}

fn drawn(text: &str) -> String {
    let error = parse(text).expect_err("the text has a fault");
    anstream::adapter::strip_str(&diagnostic::draw_all(error.diagnostics())).to_string()
}

/// The whole file with one part exchanged for another.
fn with(part: &str, other: &str) -> String {
    assert!(WHOLE.contains(part), "{part:?} is not in the file");
    WHOLE.replace(part, other)
}

#[test]
fn a_rollback_by_itself_needs_a_forge_and_a_branch() {
    let rollback = "rollback: { on: failed-health }\n";
    let config = parse(&[WHOLE, FORGE, rollback].concat()).unwrap();
    assert_eq!(config.rollback, Some(RollbackConfig { within: Duration::from_secs(600) }));
    let within = parse(&[WHOLE, FORGE, "rollback: { on: failed-health, within: 90s }\n"].concat()).unwrap();
    assert_eq!(within.rollback, Some(RollbackConfig { within: Duration::from_secs(90) }));
    assert_eq!(codes(&[WHOLE, rollback].concat()), ["GO0112"]);
    let tag = with("branch: main", "tag: v1");
    assert_eq!(codes(&[&tag, FORGE, rollback].concat()), ["GO0112"]);
    for (wrong, code) in [
        ("{ within: 5m }", "GO0107"),
        ("{ on: failed-helath }", "GO0110"),
        ("{ on: [failed-health] }", "GO0109"),
        ("{ on: failed-health, within: soon }", "GO0111"),
        ("{ on: failed-health, withn: 5m }", "GO0106"),
        ("true", "GO0109"),
    ] {
        let text = [WHOLE, FORGE, "rollback: ", wrong, "\n"].concat();
        assert_eq!(codes(&text), [code], "{wrong}");
    }
}

#[test]
fn a_rollback_that_can_not_be_says_where_it_stands_and_what_to_do() {
    insta::assert_snapshot!(drawn(&[WHOLE, FORGE, "rollback: { on: failed-helath }\n"].concat()), @r"
    error[GO0110]: `on` can't be `failed-helath`
     --> conf/gitops.yaml:9:17
      |
    9 | rollback: { on: failed-helath }
      |                 ^^^^^^^^^^^^^ did you mean `failed-health`?
      |
      = help: run `gitops explain GO0110`
    ");
    let without = drawn(&[WHOLE, "rollback: { on: failed-health }\n"].concat());
    for said in ["`rollback` needs `forge`, and a branch", "conf/gitops.yaml:8:1", "say on which forge"] {
        assert!(without.contains(said), "{said} is not in {without}");
    }
}

/// A staging and a production application, with a promotion.
fn promoted(shared: &str, staging: &str, rule: &str) -> String {
    format!(
        "{shared}source: {{ git: {{ url: ./site.git, ref: {{ branch: main }} }} }}\napplications:\n\
         - {{ name: staging, source: {{ git: {{ path: staging{staging} }} }}, target: {{ directory: {{ root: ./staging }} }} }}\n\
         - {{ name: prod, source: {{ git: {{ path: prod }} }}, target: {{ directory: {{ root: ./prod }} }}, promote: {rule} }}\n"
    )
}

const FORGE: &str = "forge: { github: { repository: acme/shop } }\n";

#[test]
fn a_promotion_by_rule_needs_another_application_on_the_same_branch_and_a_forge() {
    let rule = "{ from: staging, after: 1h, files: [\"*.json\"] }";
    let text = promoted(FORGE, "", rule);
    let found = Applications::parse(Path::new("gitops.yaml"), &text, &Backends::new()).unwrap();
    let (after, files) = (Duration::from_secs(3600), vec!["*.json".to_owned()]);
    let read = PromoteConfig { from: "staging".to_owned(), after, files };
    assert_eq!(found.named("prod").unwrap().promote, Some(read));
    assert_eq!(found.named("staging").unwrap().promote, None);
    for (shared, staging, rule, code) in [
        ("", "", rule, "GO0112"),
        (FORGE, ", ref: { branch: next }", rule, "GO0112"),
        (FORGE, "", "{ from: stagign }", "GO0110"),
        (FORGE, "", "{ from: prod }", "GO0110"),
        (FORGE, "", "{ after: 1h }", "GO0107"),
        (FORGE, "", "{ from: staging, after: soon }", "GO0111"),
        (FORGE, "", "{ from: staging, files: \"*.json\" }", "GO0109"),
        (FORGE, "", "{ from: staging, afer: 1h }", "GO0106"),
        ("promote: { from: staging }\n", "", rule, "GO0112"),
    ] {
        assert!(codes(&promoted(shared, staging, rule)).contains(&code), "{shared} {staging} {rule}");
    }
    let circle = promoted(FORGE, "", rule).replacen(
        "{ root: ./staging } } }",
        "{ root: ./staging } }, promote: { from: prod } }",
        1,
    );
    assert_eq!(codes(&circle), ["GO0110", "GO0110"]);
}

#[test]
fn what_is_applied_before_a_merge_needs_a_forge_and_a_branch_and_is_off_where_nothing_is_said() {
    let file = |more: &str| {
        let rest = "target: { directory: { root: ./live } }\n";
        format!("name: site\nsource: {{ git: {{ url: ./site.git, ref: {{ branch: main }} }} }}\n{rest}{more}")
    };
    assert_eq!(parse(&file("")).unwrap().apply, ApplyWhen::AfterMerge);
    let before = format!("{FORGE}apply: before-merge\n");
    assert_eq!(parse(&file(&before)).unwrap().apply, ApplyWhen::BeforeMerge);
    assert_eq!(codes(&file("apply: before-merge\n")), ["GO0112"]);
    let tagged = file(&before).replace("{ branch: main }", "{ tag: v1 }");
    assert_eq!(codes(&tagged), ["GO0112"]);
    let misspelt = drawn(&file("apply: before\n"));
    assert!(misspelt.contains("conf/gitops.yaml:4") && misspelt.contains("`before-merge`"), "{misspelt}");
}

#[test]
fn a_promotion_that_can_not_be_says_where_it_stands_and_what_to_do() {
    insta::assert_snapshot!(drawn(&promoted(FORGE, "", "{ from: stagign }")), @r"
    error[GO0110]: `prod` is promoted from `stagign`, which is no other application here
     --> conf/gitops.yaml:5:108
      |
    5 | - { name: prod, source: { git: { path: prod } }, target: { directory: { root: ./prod } }, promote: { from: stagign } }
      |                                                                                                            ^^^^^^^ did you mean `staging`?
      |
      = help: run `gitops explain GO0110`
    ");
    let without = drawn(&promoted("", "", "{ from: staging }"));
    for said in ["`promote` needs `forge`, and a branch", "conf/gitops.yaml:4:108", "share `forge`"] {
        assert!(without.contains(said), "{said} is not in {without}");
    }
}

#[test]
fn the_file_of_the_manual_is_read_as_it_is_meant() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.name, "site");
    assert_eq!(config.source.url, "./site.git");
    assert_eq!(config.source.reference, GitRef::Branch("main".to_owned()));
    assert_eq!(config.source.path, "site");
    let root = PathBuf::from("conf/./live");
    let target = TargetConfig {
        name: "dir".into(),
        path: String::new(),
        kind: TargetKind::Directory { root, outputs: Vec::new() },
    };
    assert_eq!(config.targets, [target]);
    assert_eq!(config.state, Path::new("conf/./.gitops"));
    assert_eq!(config.sync, Sync::default());
}

#[test]
fn several_targets_have_names_and_folders_of_the_source() {
    let several =
        "targets:\n  a: { path: a/, directory: { root: one } }\n  b: { path: ./b, directory: { root: two } }";
    let config = parse(&with("target:\n  directory: { root: ./live }", several)).unwrap();
    let found = config.targets.iter().map(|target| (target.name.as_str(), target.path.as_str()));
    assert_eq!(found.collect::<Vec<_>>(), [("a", "a"), ("b", "b")]);
}

#[test]
fn faults_of_several_targets_have_their_code() {
    for (several, code) in [
        ("targets: {}", "GO0109"),
        (
            "targets: { a: { path: x, directory: { root: one } }, b: { path: x, directory: { root: two } } }",
            "GO0112",
        ),
        ("targets: { a: { directory: { root: one } } }\ntarget: { directory: { root: two } }", "GO0112"),
        ("targets: { a: { path: ../x, directory: { root: one } } }", "GO0110"),
        ("targets: { 'a b': { directory: { root: one } } }", "GO0110"),
        ("targets: { a: { path: a } }", "GO0107"),
        ("targets: { a: { pth: a, directory: { root: one } } }", "GO0113"),
    ] {
        assert_eq!(codes(&with("target:\n  directory: { root: ./live }", several)), [code], "{several}");
    }
}

#[test]
fn what_may_be_left_out_has_the_documented_default() {
    let text = "name: a\nsource: { git: { url: https://example.org/x, ref: { tag: v1 } } }\n\
                target: { directory: { root: live } }\n";
    let config = parse(text).unwrap();
    assert_eq!((config.sync, config.state), (Sync::default(), PathBuf::from("conf/.gitops/a")));
    assert_eq!((config.source.url.as_str(), config.source.path.as_str()), ("https://example.org/x", ""));
    assert_eq!(config.source.auth, Auth::None);
}

#[test]
fn every_setting_is_taken_over() {
    let sync = "sync: { prune: false, drift: report, adopt: true, interval: 5m, ready_timeout: 90s }";
    let config = parse(&with("sync: { prune: true, drift: correct, interval: 60s }", sync)).unwrap();
    let [interval, ready_timeout] = [300, 90].map(Duration::from_secs);
    let expected = Sync { prune: false, drift: DriftPolicy::Report, adopt: true, interval, ready_timeout };
    assert_eq!(config.sync, expected);
}

#[test]
fn gates_are_rules_with_a_verdict() {
    let gates = "gates:\n- { name: few, rule: plan.delete < 3, otherwise: deny, message: that is much }\n\
                 - { name: calm, rule: steps.size() < 9, otherwise: warn }\n";
    let config = parse(&with("state:", &format!("{gates}state:"))).unwrap();
    let names: Vec<&str> = config.gates.iter().map(gitops_core::Gate::name).collect();
    assert_eq!(names, ["few", "calm"]);
}

#[test]
fn rules_of_who_and_when_are_read_as_they_are_meant() {
    let text = "labels: { environment: production }\napprovals:\n- { name: two, needs: 2, environments: [production], risk: high, risks: [delete], valid_for: 24h }\n\
                - { name: team, from: { people: ['@alice'], teams: [acme/platform] }, kinds: [Namespace] }\n\
                - { name: owners, from: code-owners }\n\
                windows:\n- { name: night, zone: Europe/Berlin, deny: { days: [mon], from: \"22:00\", to: \"06:00\" } }\n";
    let config = parse(&with("state:", &format!("{text}state:"))).unwrap();
    let [two, team, owners] = &config.approvals[..] else { panic!("{:?}", config.approvals) };
    assert_eq!((two.needs, two.valid_for), (2, Some(Duration::from_secs(24 * 3600))));
    let people = Approvers::People { people: vec!["alice".into()], teams: vec!["acme/platform".into()] };
    assert_eq!((&team.from, team.needs), (&people, 1));
    assert_eq!(owners.from, Approvers::CodeOwners { file: None });
    // 2026-11-30 is a Monday; Berlin is an hour ahead.
    let at = |text: &str| match parse_moment(text).unwrap() {
        Moment::At(time) => config.windows.at("", time).is_open(),
        Moment::Ago(_) => unreachable!("{text} is a time"),
    };
    assert!(
        at("2026-11-30T20:59Z")
            && !at("2026-11-30T21:00Z")
            && !at("2026-12-01T04:59Z")
            && at("2026-12-01T05:00Z")
    );
}

#[test]
fn faults_of_rules_of_who_and_when_have_their_code() {
    for (rules, code) in [
        ("approvals: []", "GO0110"),
        ("approvals: [{ needs: 2 }]", "GO0107"),
        ("approvals: [{ name: a, needs: 0 }]", "GO0110"),
        ("approvals: [{ name: a, needs: 101 }]", "GO0110"),
        ("approvals: [{ name: a, from: owners }]", "GO0110"),
        ("approvals: [{ name: a, from: { people: [] } }]", "GO0110"),
        ("approvals: [{ name: a, from: { person: [b] } }]", "GO0106"),
        ("approvals: [{ name: a, from: { people: [b], code_owners: X } }]", "GO0112"),
        ("approvals: [{ name: a, from: { code_owners: ../X } }]", "GO0110"),
        ("approvals: [{ name: a, from: code-owners }, { name: b, from: { code_owners: X } }]", "GO0112"),
        ("approvals: [{ name: a, risk: grave }]", "GO0110"),
        ("approvals: [{ name: a, risks: [deletes] }]", "GO0110"),
        ("approvals: [{ name: a, kinds: ['[x'] }]", "GO0110"),
        ("approvals: [{ name: a, valid_for: 24 }]", "GO0111"),
        ("risks: {}", "GO0110"),
        ("risks: { large_share: 0 }", "GO0110"),
        ("risks: { large_share: 101 }", "GO0110"),
        ("risks: { large_share: most }", "GO0110"),
        ("risks: { large: 10 }", "GO0106"),
        ("risks: { stateful: [] }", "GO0110"),
        ("risks: { stateful: ['[x'] }", "GO0110"),
        ("risks: { access: ['{a'] }", "GO0110"),
        ("windows: [{ name: a, zone: UTC }]", "GO0107"),
        ("windows: [{ name: a, deny: { from: 2026-12-23T18:00, to: 2026-12-24T18:00 } }]", "GO0107"),
        (
            "windows: [{ name: a, zone: Berlin, deny: { from: 2026-12-23T18:00, to: 2026-12-24T18:00 } }]",
            "GO0110",
        ),
        (
            "windows: [{ name: a, zone: UTC, deny: { from: 2026-12-24T18:00, to: 2026-12-23T18:00 } }]",
            "GO0110",
        ),
        ("windows: [{ name: a, zone: UTC, deny: { days: [funday], from: '08:00', to: '09:00' } }]", "GO0110"),
    ] {
        assert_eq!(codes(&with("state:", &format!("{rules}\nstate:"))), [code], "{rules}");
    }
}

#[test]
fn a_rule_that_is_no_expression_is_a_fault_at_its_place() {
    let gates = "gates: [{ name: few, rule: plan.delete <, otherwise: deny }]\nstate:";
    let error = parse(&with("state:", gates)).unwrap_err();
    let [fault] = error.diagnostics() else { panic!("{error:?}") };
    insta::assert_snapshot!(fault, @"error[GO0110]: conf/gitops.yaml: 7:28: the expression is no CEL: line 1, column 14: Syntax error: mismatched input '<EOF>' (write a CEL expression that is true for a plan that may pass, such as `plan.delete < 3`)");
}

#[test]
fn every_kind_of_reference_is_read() {
    for (written, meant) in [
        ("tag: v1", GitRef::Tag("v1".to_owned())),
        ("semver: '>=1, <2'", GitRef::Semver(">=1, <2".to_owned())),
        ("commit: 0123abc", GitRef::Commit("0123abc".to_owned())),
    ] {
        let config = parse(&with("branch: main", written)).unwrap();
        assert_eq!(config.source.reference, meant);
    }
}

#[test]
fn secrets_are_named_and_never_written() {
    let auth = |text: &str| parse(&with("path: site", &format!("auth: {text}"))).unwrap().source.auth;
    let secret = SecretPlace::Env("GIT_TOKEN".to_owned());
    assert_eq!(
        auth("{ token: { env: GIT_TOKEN, user: me } }"),
        Auth::Token { user: Some("me".to_owned()), secret }
    );
    let secret = SecretPlace::File("conf/token".into());
    assert_eq!(auth("{ token: { file: token } }"), Auth::Token { user: None, secret });
    let (key, known_hosts) = ("conf/id".into(), "/etc/hosts".into());
    assert_eq!(auth("{ ssh: { key: id, known_hosts: /etc/hosts } }"), Auth::Ssh { key, known_hosts });
}

#[test]
fn each_fault_has_its_code() {
    let cases: &[(&str, &str, &str)] = &[
        ("name: site", "name: [site", "GO0105"),
        ("name: site", "<<: { name: site }", "GO0105"),
        ("state: ./.gitops", "stat: ./.gitops", "GO0106"),
        ("prune: true", "purne: true", "GO0106"),
        ("root: ./live", "root: ./live, mode: 1", "GO0106"),
        ("branch: main", "branch: main, depth: 1", "GO0106"),
        ("name: site\n", "", "GO0107"),
        ("name: site", "name:", "GO0107"),
        ("root: ./live", "", "GO0107"),
        ("branch: main", "", "GO0107"),
        ("  directory: { root: ./live }", "  {}", "GO0107"),
        ("name: site", "name: site\nname: site", "GO0108"),
        ("prune: true", "prune: true, prune: false", "GO0108"),
        ("name: site", "name: 7", "GO0109"),
        ("prune: true", "prune: 'yes'", "GO0109"),
        ("{ branch: main }", "main", "GO0109"),
        ("path: site", "ignore: '*.md'", "GO0109"),
        ("name: site", "name: ''", "GO0110"),
        ("name: site", "name: my site", "GO0110"),
        ("name: site", "name: \"a\\u001bb\"", "GO0110"),
        ("drift: correct", "drift: undo", "GO0110"),
        ("path: site", "path: ../site", "GO0110"),
        ("interval: 60s", "interval: 60", "GO0111"),
        ("interval: 60s", "interval: soon", "GO0111"),
        ("branch: main", "branch: main, tag: v1", "GO0112"),
        ("directory: { root: ./live }", "kubernets: { context: prod }", "GO0113"),
        ("git: {", "svn: {", "GO0113"),
        ("./site.git", "https://me:hunter2@example.org/x", "GO0114"),
        ("path: site", "auth: { token: hunter2 }", "GO0114"),
        ("path: site", "auth: { token: { value: hunter2 } }", "GO0114"),
    ];
    for (part, other, code) in cases {
        assert_eq!(codes(&with(part, other)), [*code], "{other}");
    }
}

#[test]
fn a_text_that_is_no_mapping_is_refused() {
    assert_eq!(codes(""), ["GO0109"]);
    assert_eq!(codes("- a\n"), ["GO0109"]);
    let several = "a: b\n---\nc: d\n";
    assert_eq!(codes(several), ["GO0105"]);
    assert!(drawn(several).contains("the file holds several documents"), "{}", drawn(several));
}

#[test]
fn all_faults_of_a_file_are_shown_at_once_each_with_its_picture() {
    let text = "\
name: my site
source:
  git: { url: ./site.git, ref: { branch: main, tag: v1 }, pth: site }
target:
  directory: { rot: ./live }
sync: { purne: true, interval: 60 }
";
    insta::assert_snapshot!(drawn(text), @r"
    error[GO0110]: `name` must be at most 63 letters, digits, `.`, `_` or `-`
     --> conf/gitops.yaml:1:7
      |
    1 | name: my site
      |       ^^^^^^^ choose a short plain name, such as `site`
      |
      = help: run `gitops explain GO0110`

    error[GO0112]: `ref` has `branch` and `tag`; only one can hold
     --> conf/gitops.yaml:3:48
      |
    3 |   git: { url: ./site.git, ref: { branch: main, tag: v1 }, pth: site }
      |                                                ^^^ remove one of them
      |
      = help: run `gitops explain GO0112`

    error[GO0106]: unknown key `pth` in `git`
     --> conf/gitops.yaml:3:59
      |
    3 |   git: { url: ./site.git, ref: { branch: main, tag: v1 }, pth: site }
      |                                                           ^^^ did you mean `path`?
      |
      = help: run `gitops explain GO0106`

    error[GO0107]: `directory` needs the key `root`
     --> conf/gitops.yaml:5:3
      |
    5 |   directory: { rot: ./live }
      |   ^^^^^^^^^ add it, such as `root: ./live`
      |
      = help: run `gitops explain GO0107`

    error[GO0106]: unknown key `rot` in `directory`
     --> conf/gitops.yaml:5:16
      |
    5 |   directory: { rot: ./live }
      |                ^^^ did you mean `root`?
      |
      = help: run `gitops explain GO0106`

    error[GO0106]: unknown key `purne` in `sync`
     --> conf/gitops.yaml:6:9
      |
    6 | sync: { purne: true, interval: 60 }
      |         ^^^^^ did you mean `prune`?
      |
      = help: run `gitops explain GO0106`

    error[GO0111]: `60` is not a duration with a unit
     --> conf/gitops.yaml:6:32
      |
    6 | sync: { purne: true, interval: 60 }
      |                                ^^ write a number and a unit: `60s`, `5m`, `1h 30m`
      |
      = help: run `gitops explain GO0111`
    ");
}

#[test]
fn rules_of_fields_that_are_left_to_others_are_read_or_refused_where_they_are_wrong() {
    let config = |rule: &str| {
        let target = format!("kubernetes:\n    ignore:\n      - {rule}");
        with("directory: { root: ./live }", &target)
    };
    let good =
        config("{ kind: Deployment.apps, name: 'web-*', pointers: [/spec/replicas], managers: [robot] }");
    assert!(parse(&good).is_ok());
    for (rule, fault) in [
        ("{ kind: ConfigMap }", "names no field"),
        ("{ kind: ConfigMap, pointers: [data] }", "a JSON pointer begins with `/`"),
        ("{ kind: ConfigMap, pointers: [/data/0] }", "a position in a list"),
        ("{ kind: ConfigMap, paths: ['.data[x]'] }", "column 7"),
        ("{ pointers: [/data] }", "needs the key `kind`"),
        ("{ kind: ConfigMap, pointer: [/data] }", "unknown key `pointer`"),
    ] {
        let text = drawn(&config(rule));
        assert!(text.contains(fault) && text.contains("gitops.yaml:"), "{rule}: {text}");
    }
}

/// Met where a template fills the configuration in: an empty limit limited nothing.
#[test]
fn a_limit_that_is_empty_or_has_no_value_is_a_fault() {
    let kubernetes = |line: &str| with("directory: { root: ./live }", &format!("kubernetes: {{ {line} }}"));
    let terraform = |line: &str| with("directory: { root: ./live }", &format!("terraform: {{ {line} }}"));
    let cases = [
        kubernetes("namespaces: []"),
        kubernetes("namespaces: ~"),
        kubernetes("namespaces: ['']"),
        kubernetes("kinds: []"),
        kubernetes("kinds: ~"),
        kubernetes("cluster_kinds: []"),
        kubernetes("impersonate: ~"),
        kubernetes("impersonate: ''"),
        kubernetes("context: ~"),
        kubernetes("kubeconfig: ~"),
        kubernetes("conflicts: ~"),
        kubernetes("render: []"),
        kubernetes("render: ~"),
        kubernetes("render: [{ manifests: { path: '' } }]"),
        kubernetes("ignore: [{ kind: Secret, name: ~, pointers: [/data] }]"),
        kubernetes("ignore: [{ kind: Secret, pointers: [] }]"),
        terraform("roots: []"),
        terraform("workspace: ~"),
        with("state:", "gates: []\nstate:"),
        with("state:", "gates:\nstate:"),
        with("state: ./.gitops", "state:"),
        with("path: site", "include: []"),
        with("path: site", "path: ''"),
        with("path: site", "path: ~"),
        with("prune: true", "prune: ~"),
        with("drift: correct", "drift: ~"),
        with("sync: { prune: true, drift: correct, interval: 60s }", "sync:"),
    ];
    for text in cases {
        let found = codes(&text);
        assert!(matches!(found[..], ["GO0107" | "GO0110"]), "{found:?}: {text}");
    }
    assert!(parse(&kubernetes("cluster_kinds: [Namespace]")).is_ok());
}

#[test]
fn health_rules_are_read_or_refused_where_they_are_wrong() {
    let config = |rule: &str| {
        let target = format!("kubernetes:\n    health:\n      - {rule}");
        with("directory: { root: ./live }", &target)
    };
    assert!(
        parse(&config("{ kind: '*.example.org', current: 'status.ready', failed: 'status.dead' }")).is_ok()
    );
    for (rule, fault) in [
        ("{ kind: A.example.org, current: 'status.' }", "the expression is no CEL"),
        ("{ kind: A.example.org, failed: 'true' }", "needs the key `current`"),
        ("{ kind: A.example.org, current: 'true', inProgress: 'true' }", "did you mean `in_progress`?"),
    ] {
        let text = drawn(&config(rule));
        assert!(text.contains(fault) && text.contains("gitops.yaml:7"), "{rule}: {text}");
    }
}

#[test]
fn what_is_rendered_and_filled_in_is_read_or_refused_where_it_is_wrong() {
    let config = |key: &str| with("directory: { root: ./live }", &format!("kubernetes:\n    {key}"));
    for good in [
        "render: [{ kustomize: { path: apps/web } }, { manifests: { path: . } }]",
        "render: [{ helm: { path: chart, release: cache, values: [prod.yaml], kubernetes: '1.33' } }]",
        "substitute: { DOMAIN: example.org, SIZE: 3, ON: true, NONE: '' }",
    ] {
        assert!(parse(&config(good)).is_ok(), "{good}");
    }
    for (wrong, fault) in [
        ("render: { kustomize: {} }", "`render` must be a list"),
        ("render: [{ kustomise: {} }]", "unknown kind `kustomise`"),
        ("render: [{ helm: { path: chart } }]", "needs the key `release`"),
        ("render: [{ kustomize: { path: ../other } }]", "must stay below the root"),
        ("substitute: { A-B: c }", "`A-B` can't be a variable"),
        ("substitute: { A: [1] }", "`A` must be text"),
    ] {
        let text = drawn(&config(wrong));
        assert!(text.contains(fault) && text.contains("gitops.yaml:6"), "{wrong}: {text}");
    }
}

#[test]
fn a_secret_is_not_drawn() {
    for other in [
        "auth: { token: hunter2 }",
        "auth: { token: { value: hunter2 } }",
        "auth: { token: { env: hunter-2 } }",
    ] {
        let text = drawn(&with("path: site", other));
        assert!(!text.contains("hunter"), "{text}");
    }
    let text = drawn(&with("./site.git", "https://me:hunter2@example.org/x"));
    assert!(!text.contains("hunter"), "{text}");
    insta::assert_snapshot!(text, @r"
    error[GO0114]: `url` holds a password or a token
     --> conf/gitops.yaml:3:15
      |
    3 |   git: { url: (not shown)
      |               ^^^^^^^^^^^ take it out of the URL and name an environment variable: `auth: { token: { env: NAME } }`
      |
      = help: run `gitops explain GO0114`
    ");
}

#[test]
fn a_fault_keeps_its_column_behind_wide_letters() {
    let error = parse(&with("name: site", "name: \"ü ö\" # naïve")).unwrap_err();
    let span = error.diagnostics()[0].span.clone().unwrap();
    assert_eq!((span.line, span.column, span.width), (1, 7, 5));
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in "[ -~\n\u{e9}\u{1b}]{0,200}") {
        if let Err(error) = parse(&text) {
            prop_assert_eq!(error.kind(), ErrorKind::Invalid);
            prop_assert!(!error.diagnostics().is_empty());
            diagnostic::draw_all(error.diagnostics());
        }
    }

    #[test]
    fn no_change_of_a_few_letters_brings_the_reader_down(at in 0..WHOLE.len(), cut in 0..6usize, put in "[ -~\n\t]{0,4}") {
        let mut text = WHOLE.to_owned();
        text.replace_range(at..(at + cut).min(WHOLE.len()), &put);
        if let Err(error) = parse(&text) {
            prop_assert!(!error.diagnostics().is_empty());
            diagnostic::draw_all(error.diagnostics());
        }
    }
}
