//! What the file says of a server: where it listens, and the secrets of webhooks.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use gitops_app::Backends;
use gitops_app::config::{Applications, SecretPlace};
use gitops_core::Result;

const SITE: &str = "name: site\nsource: { git: { url: ./repository, ref: { branch: main } } }\n\
                    target: { directory: { root: ./live } }\n";

fn parse(more: &str) -> Result<Applications> {
    Applications::parse(Path::new("gitops.yaml"), &format!("{SITE}{more}"), &Backends::new())
}

fn fault(more: &str) -> String {
    let error = parse(more).expect_err(more);
    let fault = &error.diagnostics()[0];
    format!("{} {}:{} {}", fault.code, fault.path, fault.span.as_ref().unwrap().line, fault.message)
}

#[test]
fn a_server_is_told_where_it_listens_and_how_often_it_asks() {
    let found = parse("serve: { listen: \"0.0.0.0:80\", poll: 5m }\n").unwrap().serve;
    assert_eq!((found.listen, found.poll), (Some(([0, 0, 0, 0], 80).into()), Duration::from_secs(300)));
    assert_eq!(parse("").unwrap().serve.poll, Duration::from_secs(60));
    let list = "serve: { listen: \"127.0.0.1:1\" }\nsource: { git: { url: ./r, ref: { branch: main } } }\n\
                applications:\n- { name: a, target: { directory: { root: ./a } } }\n";
    let found = Applications::parse(Path::new("gitops.yaml"), list, &Backends::new()).unwrap();
    assert!(found.serve.listen.is_some() && found.all.len() == 1);
    assert_eq!(
        fault("serve: { listen: localhost }\n"),
        "GO0110 gitops.yaml:4 `listen` can't be `localhost`: it is no address with a port"
    );
    assert_eq!(fault("serve: { poll: 3 }\n"), "GO0111 gitops.yaml:4 `3` is not a duration with a unit");
    assert_eq!(fault("serve: { port: 80 }\n"), "GO0106 gitops.yaml:4 unknown key `port` in `serve`");
}

#[test]
fn full_plans_are_shown_where_comments_can_link_them() {
    let serve = |more: &str| format!("serve: {{ {more} }}\n");
    let found =
        parse(&serve("url: \"https://gitops.example.org/a/\", plans: \"127.0.0.1:81\"")).unwrap().serve;
    assert_eq!(found.url.as_deref(), Some("https://gitops.example.org/a"));
    assert_eq!(found.plans, Some(([127, 0, 0, 1], 81).into()));
    for (url, shown) in [
        ("gitops.example.org", "gitops.example.org"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://a:b@c.example", "https://a:(sensitive)@c.example"),
        ("https://c.example/?a=b", "https://c.example/?a=b"),
    ] {
        let expected = format!(
            "GO0110 gitops.yaml:4 `url` can't be `{shown}`: it is no address to which comments can link"
        );
        assert_eq!(fault(&serve(&format!("url: \"{url}\""))), expected);
    }
    assert_eq!(
        fault(&serve("plans: \"127.0.0.1:81\"")),
        "GO0107 gitops.yaml:4 `plans` says where full plans are shown, and no comment links them without `url`"
    );
}

#[test]
fn webhooks_have_one_secret_or_two_and_none_of_them_is_in_the_file() {
    let forge = |webhook: &str| {
        format!(
            "forge:\n  gitea:\n    url: https://forge.example\n    repository: a/b\n    webhook: {webhook}\n"
        )
    };
    let found = parse(&forge("{ secrets: [{ env: NEW }, { file: ./former }] }")).unwrap();
    let secrets = &found.all[0].forge.as_ref().unwrap().webhook_secrets;
    assert_eq!(secrets[..], [SecretPlace::Env("NEW".into()), SecretPlace::File("./former".into())]);
    for (webhook, expected) in [
        ("{ secrets: [] }", "GO0110 gitops.yaml:8 `secrets` must be one secret, or two"),
        (
            "{ secrets: [{ env: A }, { env: B }, { env: C }] }",
            "GO0110 gitops.yaml:8 `secrets` must be one secret",
        ),
        ("{ secret: { env: A } }", "GO0107 gitops.yaml:8 `webhook` needs the key `secrets`"),
        ("{ secrets: [hunter2] }", "GO0114 gitops.yaml:8 a secret seems to be written into the file"),
        ("{ secrets: { env: A } }", "GO0109 gitops.yaml:8 `secrets` must be a list"),
    ] {
        let found = fault(&forge(webhook));
        assert!(found.starts_with(expected), "{webhook}: {found}");
    }
}
