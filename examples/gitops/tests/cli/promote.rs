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
