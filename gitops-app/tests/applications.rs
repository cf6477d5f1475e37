//! Several applications in one file: what each has of its own, and what it shares.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::path::Path;

use gitops_app::config::{Applications, Auth, Config, GitRef, SecretPlace, TargetKind};
use gitops_app::{Backends, Mounting};
use gitops_core::backend::directory::FileRender;
use gitops_core::{Error, Gate, Memory, Mount, Result};
use serde::Deserialize;
use std::sync::Arc;

const SHARED: &str = "\
source: { git: { url: ./site.git, ref: { branch: main }, auth: { token: { env: TOKEN, user: me } } } }
gates: [{ name: shared, rule: plan.delete < 3, otherwise: deny }]
labels: { team: web, environment: staging }
targets:
  files: { path: files, directory: { root: ./live } }
applications:
";

fn parse(text: &str) -> Result<Applications> {
    Applications::parse(Path::new("conf/gitops.yaml"), text, &Backends::new())
}

/// The one application that has this of its own.
fn one(own: &str) -> Config {
    parse(&format!("{SHARED}- {{ name: a, {own} }}\n")).unwrap().all.remove(0)
}

fn faults(error: &Error) -> Vec<String> {
    error.diagnostics().iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_left_out_is_shared() {
    let config = one("labels: { environment: production }, source: { git: { path: a } }");
    assert_eq!((config.source.url.as_str(), config.source.path.as_str()), ("./site.git", "a"));
    let labels = [("environment", "production"), ("team", "web")];
    assert_eq!(config.labels, BTreeMap::from(labels.map(|(name, value)| (name.into(), value.into()))));
    assert_eq!(config.state, Path::new("conf/.gitops/a"));
    assert_eq!(config.targets[0].name, "files");
}

#[test]
fn where_only_one_can_hold_its_own_does() {
    let config = one("source: { git: { ref: { tag: v1 }, auth: { token: { file: ./token } } } }");
    assert_eq!(config.source.reference, GitRef::Tag("v1".into()));
    let secret = SecretPlace::File("conf/./token".into());
    assert_eq!(config.source.auth, Auth::Token { user: Some("me".into()), secret });
    let config = one(
        "targets: { files: { kubernetes: { context: prod } }, more: { path: more, directory: { root: x } } }",
    );
    assert!(matches!(&config.targets[0].kind, TargetKind::Kubernetes(cluster) if cluster.context.is_some()));
    assert_eq!((config.targets[0].path.as_str(), config.targets.len()), ("files", 2));
    let config = one("target: { directory: { root: ./other } }");
    assert_eq!((config.targets.len(), config.targets[0].name.as_str()), (1, "dir"));
}

#[test]
fn no_application_escapes_a_shared_gate() {
    for own in ["gates: [{ name: own, rule: plan.create < 3, otherwise: warn }]", "sync: { prune: false }"] {
        let config = one(own);
        assert_eq!(config.gates[0].name(), "shared", "{own}");
    }
}

#[test]
fn no_application_escapes_a_shared_kind_of_data() {
    let text = format!("risks: {{ large_share: 10, stateful: [Database], access: [Grant] }}\n{SHARED}");
    let own = "risks: { large_share: 40, stateful: [Queue] }";
    let read = parse(&format!("{text}- {{ name: a, {own} }}\n")).unwrap();
    let risks = &read.all[0].risks;
    assert_eq!(
        (risks.large_share, &*risks.stateful, &*risks.access),
        (Some(40), &["Database".to_owned(), "Queue".to_owned()][..], &["Grant".to_owned()][..])
    );
}

#[test]
fn a_fault_of_a_shared_part_is_told_once_and_where_it_is() {
    let text = SHARED.replace("path: files", "pth: files") + "- { name: b }\n- { name: a }\n";
    let found = faults(&parse(&text).unwrap_err());
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("conf/gitops.yaml: 5:12"), "{found:#?}");
    assert!(found[0].contains("did you mean `path`?"), "{found:#?}");
    let error = parse(&(SHARED.to_owned() + "- { name: b }\n- { name: a }\n- { name: b }\n")).unwrap_err();
    assert!(faults(&error)[0].contains("the first is in line 7 of conf/gitops.yaml"), "{error:?}");
}

#[test]
fn the_names_are_in_order_and_a_list_is_told_from_one_application() {
    let several = parse(&(SHARED.to_owned() + "- { name: b }\n- { name: a }\n")).unwrap();
    let names: Vec<&str> = several.all.iter().map(|config| config.name.as_str()).collect();
    assert_eq!((names, several.is_list), (vec!["a", "b"], true));
    let alone = SHARED.replace("applications:\n", "name: a\n");
    assert!(!parse(&alone).unwrap().is_list);
    assert!(several.named("other").unwrap_err().help_text().unwrap().contains("`a`, `b`"));
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Settings {
    #[allow(dead_code, reason = "only decoded")]
    address: String,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    ports: Vec<u16>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Plain,
    Limited {
        #[allow(dead_code, reason = "only decoded")]
        rate: f64,
    },
}

/// The faults of a target of a kind that this program registers.
fn registered(settings: &str) -> Vec<String> {
    let backends = Backends::new().with("service", |mounting: Mounting, settings: Settings| async move {
        assert!(settings.ports.len() < 9 && !matches!(settings.mode, Mode::Limited { rate } if rate > 9.0));
        Ok(Mount::new(Arc::new(Memory::default()), Arc::new(FileRender::new(&mounting.target))))
    });
    let text = format!(
        "name: a\nsource: {{ git: {{ url: x, ref: {{ branch: main }} }} }}\ntarget:\n  service: {settings}\n"
    );
    match Applications::parse(Path::new("gitops.yaml"), &text, &backends) {
        Ok(_) => Vec::new(),
        Err(error) => faults(&error),
    }
}

#[test]
fn settings_of_a_registered_kind_are_decoded_and_their_faults_have_a_place() {
    for fine in [
        "{ address: x }",
        "{ address: x, mode: plain, ports: [1, 2] }",
        "{ address: x, mode: { limited: { rate: 1.5 } } }",
    ] {
        assert_eq!(registered(fine), [""; 0], "{fine}");
    }
    for (wrong, said) in [
        ("{}", "error[GO0107]: gitops.yaml: 4:3: `service` needs the key `address`"),
        (
            "{ adress: x }",
            "error[GO0106]: gitops.yaml: 4:14: unknown key `adress` in `service` (did you mean `address`?)",
        ),
        (
            "{ address: 7 }",
            "error[GO0109]: gitops.yaml: 4:23: `address` must be text, not a number (put it in quotes)",
        ),
        ("{ address: }", "error[GO0107]: gitops.yaml: 4:14: `address` has no value"),
        (
            "{ address: x, ports: [1, x] }",
            "error[GO0109]: gitops.yaml: 4:37: an item of `ports` must be a whole number of at most 16 bits, not text",
        ),
        (
            "{ address: x, ports: [1, 70000] }",
            "4:37: an item of `ports` must be a whole number of at most 16 bits",
        ),
        ("{ address: x, mode: plian }", "`mode` can't be `plian` (did you mean `plain`?)"),
        ("{ address: x, mode: { limited: { rat: 1 } } }", "unknown key `rat`"),
        ("{ address: x, address: y }", "error[GO0108]"),
        (
            "[x]",
            "error[GO0109]: gitops.yaml: 4:12: `service` must be a mapping, not a list (its keys are `address`, `mode`, `ports`)",
        ),
    ] {
        let found = registered(wrong);
        assert!(found.iter().any(|fault| fault.contains(said)), "{wrong}: {found:#?}");
    }
}

#[test]
#[should_panic(expected = "is built in")]
fn a_built_in_kind_can_not_be_replaced() {
    let _ = Backends::new().with("kubernetes", |_: Mounting, (): ()| async { panic!("never opened") });
}
