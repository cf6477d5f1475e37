//! What staging has goes to production, and what else differs is seen.

use crate::documents::check;
use crate::support::World;

const APPLICATIONS: &str = "\
source: { git: { url: ./repository, ref: { branch: main } } }
applications:
- { name: staging, source: { git: { path: site/staging } }, target: { directory: { root: ./live/staging } } }
- { name: prod, source: { git: { path: site/prod } }, target: { directory: { root: ./live/prod } } }
";

fn world() -> World {
    let world = World::empty();
    world.configure(APPLICATIONS);
    let values = |tag: &str, size: u32| {
        format!("image:\n  repository: acme/web\n  tag: {tag} # as tested\nsize: {size}\n")
    };
    world.commit(
        "Both",
        &[
            ("staging/values.yaml", Some(&values("1.5.0", 1))),
            ("prod/values.yaml", Some(&values("1.4.0", 5))),
            ("staging/same", Some("s\n")),
            ("prod/same", Some("s\n")),
            ("prod/more", Some("m\n")),
        ],
    );
    world
}

#[test]
fn the_versions_of_one_application_are_shown_for_another() {
    let world = world();
    let shown = world
        .gitops(&["promote", "staging", "--to", "prod", "--dry-run"])
        .expect(0)
        .says("site/prod/values.yaml:3  image, tag of acme/web: 1.4.0 -> 1.5.0  (a name that can move)");
    shown.says("2 files differ:  gitops diff --between staging,prod");
    let document = world.json(&["promote", "staging", "--to", "prod", "--dry-run"]);
    check(&document, "Promotion");
    assert_eq!(document["changes"][0]["after"], "1.5.0");
    world.gitops(&["promote", "staging", "--to", "prod"]).expect(1).warns("nothing says which forge it is");
    world.gitops(&["promote", "staging", "--to", "staging"]).expect(1).warns("declared in one folder");
    world.gitops(&["promote", "stagin", "--to", "prod"]).expect(1).warns("did you mean `staging`?");
    world
        .gitops(&["promote", "prod", "--to", "staging", "--files", "["])
        .expect(1)
        .warns("can't be used as a pattern");
    // A name that is misspelt must not look like versions that are the same.
    world
        .gitops(&[
            "promote",
            "staging",
            "--to",
            "prod",
            "--files",
            "values.yaml",
            "--files",
            "nothing*",
            "--dry-run",
        ])
        .expect(64)
        .warns("the pattern `nothing*` fits no file of `staging`");
}

#[test]
fn two_applications_are_compared_without_a_target() {
    let world = world();
    let shown = world.gitops(&["diff", "--between", "staging,prod"]).expect(0);
    shown.says("1 differ, 1 alike, 1 only in one").says("only in prod  File/more").says("File/values.yaml");
    let document = world.json(&["diff", "--between", "staging,prod"]);
    check(&document, "Comparison");
    assert_eq!((document["alike"].as_u64(), document["only_second"].as_array().unwrap().len()), (Some(1), 1));
    assert!(!world.path("live").exists());
    world.gitops(&["diff", "--between", "staging"]).expect(64);
}

/// Met as: the rule copied a file whole, and the command that was to bring its request up to date said that there is nothing to promote.
#[test]
fn who_names_no_files_promotes_those_of_the_rule() {
    let world = world();
    let forge = "forge: { gitea: { url: \"http://127.0.0.1:9\", repository: platform/site, auth: { token: { file: ./token } } } }\n";
    std::fs::write(world.path("token"), "none\n").unwrap();
    let rule = "promote: { from: staging, files: [\"*.json\"] }, source: { git: { path: site/prod } }";
    let ruled = APPLICATIONS.replace("source: { git: { path: site/prod } }", rule);
    world.configure(&format!("{forge}{ruled}"));
    world.commit(
        "Settings",
        &[("staging/app.json", Some("{\"a\": 2}\n")), ("prod/app.json", Some("{\"a\": 1}\n"))],
    );
    let promote = ["promote", "staging", "--to", "prod", "--dry-run"];
    world.gitops(&promote).expect(0).says("site/prod/app.json").says("the whole file");
    let named = world.gitops(&[&promote[..], &["--files", "same"]].concat()).expect(0);
    assert!(!named.stdout.contains("the whole file"), "{}", named.stdout);
}
