//! Reviews without a forge: the right steps under the right heading, and nothing written.
// Long because each form of the verb is tried here.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::documents::check;
use crate::several::{TWO, two};
use crate::support::{CONFIG, World};

const MAIN: [&str; 5] = ["review", "--base", "main", "--head", "feature"];

/// The arguments of a review of `feature` into `main`, with more.
fn main_with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&MAIN[..], more].concat()
}

/// Commits files on the branch `feature`, which begins where `main` is, and goes back to `main`.
fn request(world: &World, files: &[(&str, Option<&str>)]) -> String {
    world.git(&["checkout", "-q", "-B", "feature"]);
    let head = world.commit("Request", files);
    world.git(&["checkout", "-q", "main"]);
    head
}

/// The files of the steps of a document, under what they are attributed to.
fn attributed(document: &Value) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for part in document["parts"].as_array().unwrap() {
        for step in part["steps"].as_array().unwrap() {
            let name = step["key"].as_str().unwrap().rsplit("/-/").next().unwrap();
            let line = format!("{} {name}", step["action"].as_str().unwrap());
            found.entry(step["attribution"].as_str().unwrap().to_owned()).or_default().push(line);
        }
    }
    found
}

fn is(found: &BTreeMap<String, Vec<String>>, expected: &[(&str, &[&str])]) {
    let expected: BTreeMap<String, Vec<String>> = expected
        .iter()
        .map(|(attribution, lines)| {
            ((*attribution).to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
        })
        .collect();
    assert_eq!(*found, expected);
}

/// Every file below a folder with its bytes; `skip` names folders that are left out.
fn files(folder: &Path, skip: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            match entry.file_type().unwrap() {
                kind if kind.is_dir() && entry.file_name() == skip => {}
                kind if kind.is_dir() => folders.push(entry.path()),
                _ => drop(found.insert(entry.path().display().to_string(), fs::read(entry.path()).unwrap())),
            }
        }
    }
    found
}

#[test]
fn this_change_drift_by_hand_and_a_moved_base_stand_apart_with_their_numbers() {
    let world = World::applied();
    world.edit_live("conf/app.toml", "by hand\n");
    request(&world, &[("index.html", Some("new\n")), ("added", Some("a\n"))]);
    world.commit("Meanwhile", &[("moved", Some("m\n"))]);
    let review = world.json(&MAIN);
    check(&review, "Review");
    is(
        &attributed(&review),
        &[
            ("this_change", &["update index.html", "create added"]),
            ("existing_drift", &["update conf/app.toml"]),
            ("base_moved", &["create moved"]),
        ],
    );
    let summary = &review["summary"];
    assert_eq!(
        (&summary["this_change"]["update"], &summary["this_change"]["create"]),
        (&1.into(), &1.into())
    );
    assert_eq!(
        (&summary["existing_drift"]["update"], &summary["base_moved"]["create"]),
        (&1.into(), &1.into())
    );
    assert_eq!(review["outcome"], "ready");
    let text =
        world.gitops(&MAIN).expect(0).says("update  File/conf/app.toml in dir").says("(existing drift)");
    text.says("create  File/moved in dir: new (base moved)");
}

/// Met with a request for an object that somebody had edited by hand: the merge overwrote the edit, and the review had not named it.
#[test]
fn a_change_of_an_object_that_drifted_says_both() {
    let world = World::applied();
    world.edit_live("conf/app.toml", "by hand\n");
    request(&world, &[("conf/app.toml", Some("size = 2\n")), ("index.html", Some("new\n"))]);
    let review = world.json(&MAIN);
    check(&review, "Review");
    is(&attributed(&review), &[("this_change", &["update conf/app.toml", "update index.html"])]);
    let text = world.gitops(&MAIN).expect(0).says("(this change, existing drift too)");
    assert_eq!(text.stdout.matches("existing drift too").count(), 1, "{text:?}");
    let markdown = world.gitops(&[&MAIN[..], &["--output", "markdown"]].concat()).expect(0);
    markdown.says("**existing drift** too");
}

#[test]
fn a_request_that_changes_nothing_here_says_so() {
    let world = World::applied();
    world.edit_live("index.html", "by hand\n");
    request(&world, &[]);
    let review = world.json(&MAIN);
    assert_eq!(review["outcome"], "no-changes");
    is(&attributed(&review), &[("existing_drift", &["update index.html"])]);
}

#[test]
fn what_a_request_makes_needless_and_what_it_blocks_is_said() {
    let world = World::applied();
    world.edit_live("foreign", "theirs\n");
    world.commit("Not applied yet", &[("index.html", Some("soon\n"))]);
    request(&world, &[("index.html", Some("one\ntwo\n")), ("foreign", Some("ours\n"))]);
    let review = world.json(&MAIN);
    check(&review, "Review");
    let part = &review["parts"][0];
    assert_eq!(part["withdrawn"][0]["key"], "dir:File/-/index.html");
    assert_eq!(
        (&part["blocked"][0]["attribution"], &review["outcome"]),
        (&"this_change".into(), &"failed".into())
    );
    world.gitops(&MAIN).expect(1).says("blocked  File/foreign");
}

#[test]
fn a_conflict_is_said_with_its_files_and_has_a_code_of_its_own() {
    let world = World::applied();
    request(&world, &[("index.html", Some("theirs\n"))]);
    world.commit("Meanwhile", &[("index.html", Some("ours\n"))]);
    world.gitops(&MAIN).expect(7).says("the merge has conflicts in site/index.html").warns("exit 7");
    let review = world.json(&MAIN);
    check(&review, "Review");
    assert_eq!((&review["outcome"], &review["exit_code"]), (&"failed".into(), &7.into()));
}

#[test]
fn every_output_is_written_twice_with_the_same_bytes_and_nothing_else_is_written() {
    let world = World::applied();
    world.edit_live("conf/app.toml", "by hand\n");
    request(&world, &[("index.html", Some("new\n"))]);
    world.commit("Meanwhile", &[("moved", Some("m\n"))]);
    let state = world.path(".gitops/site");
    let before = (files(&state, ""), world.all_live(), world.git(&["for-each-ref"]));
    for output in ["text", "json", "markdown", "junit", "sarif"] {
        let first = world.gitops(&main_with(&["--output", output])).expect(0).stdout;
        let all = files(&world.path(""), "");
        let second = world.gitops(&main_with(&["--output", output])).expect(0).stdout;
        assert_eq!(first, second, "{output}");
        assert_eq!(files(&world.path(""), ""), all, "the second time not even the mirror changes: {output}");
    }
    assert_eq!((files(&state, ""), world.all_live(), world.git(&["for-each-ref"])), before);
}

#[test]
fn an_application_that_was_never_applied_gets_no_state() {
    let world = World::new();
    request(&world, &[("index.html", Some("new\n"))]);
    let review = world.json(&MAIN);
    check(&review, "Review");
    assert_eq!(review["looked_at_targets"], false);
    is(&attributed(&review), &[("this_change", &["update index.html"])]);
    assert!(world.path(".gitops/~mirrors").is_dir() && !world.path(".gitops/site").exists());
    assert!(!world.path("live").exists());
    world.gitops(&MAIN).expect(0).says("Drift not looked at").says("update  File/index.html");
    // What the target branch declares besides is not of the request.
    world.commit("Meanwhile", &[("moved", Some("m\n"))]);
    is(&attributed(&world.json(&MAIN)), &[("this_change", &["update index.html"])]);
}

#[test]
fn the_planners_identity_is_written_without_a_configuration() {
    let world = World::empty();
    std::fs::remove_file(world.path("gitops.yaml")).unwrap();
    let ran = world.gitops(&["planner-identity", "--in", "shop"]).expect(0);
    ran.says("kind: ValidatingAdmissionPolicy\n").warns("system:serviceaccount:gitops:gitops-planner");
    let document = world.json(&["planner-identity", "--group", "example.org"]);
    check(&document, "PlannerIdentity");
    assert_eq!(document["user"], "system:serviceaccount:gitops:gitops-planner");
    let refused = world.gitops(&["planner-identity", "--group", "admissionregistration.k8s.io"]).expect(1);
    refused.warns("the server asks no policy about it");
}

#[test]
fn a_gate_that_wants_an_approval_ends_with_3_until_somebody_approves_the_effect() {
    let world = World::applied();
    request(&world, &[("index.html", None), ("conf/app.toml", None), ("other", Some("o\n"))]);
    world.gitops(&main_with(&["--output", "junit"])).expect(3).says("needs-approval");
    assert_eq!(world.json(&MAIN)["outcome"], "needs-approval");
    world.configure(&format!("{CONFIG}gates: [{{ name: none, rule: plan.create == 0, otherwise: deny }}]\n"));
    world.gitops(&MAIN).expect(3).says("Denied: none:");
}

#[test]
fn a_side_that_is_not_there_is_the_error() {
    let world = World::applied();
    request(&world, &[]);
    let ran = world.gitops(&["review", "--base", "main", "--head", "featur"]).expect(1);
    ran.warns("there is no branch, tag or commit `featur`").warns("there is `feature`, `main`");
    world.gitops(&["review", "--base", "--head", "x"]).expect(64);
    world.gitops(&["review", "--base", "main", "--head", "-x"]).expect(64);
    let unborn = "0123456789012345678901234567890123456789";
    world.gitops(&["review", "--base", "main", "--head", unborn]).expect(1).warns("no commit 0123456789");
    world.git(&["checkout", "-q", "--orphan", "alone"]);
    world.commit("Alone", &[("x", Some("x"))]);
    world.gitops(&["review", "--base", "main", "--head", "alone"]).expect(1).warns("no commit in common");
}

#[test]
fn a_request_that_mends_the_target_branch_can_be_reviewed_and_one_that_breaks_it_says_where() {
    let world = World::empty();
    world.commit("Begin", &[("a", Some("1\n"))]);
    world.git(&["checkout", "-q", "-b", "broken"]);
    std::os::unix::fs::symlink("/etc/passwd", world.path("repository/site/link")).unwrap();
    world.commit("Link", &[]);
    world.git(&["checkout", "-q", "main"]);
    let broken = world.gitops(&["review", "--base", "main", "--head", "broken"]).expect(1);
    broken.says("not planned: site").says("link");
    world.git(&["merge", "-q", "broken"]);
    request(&world, &[("link", None)]);
    let mended = world.gitops(&MAIN).expect(0).says("everything counts as of this change");
    mended.says("create  File/a in dir");
}

#[test]
fn the_configuration_of_a_request_is_not_believed() {
    let world = World::new();
    let config = CONFIG.replace("./repository", ".").replace("./live", "../live");
    let at = |name: &str| world.path("repository").join(name);
    fs::write(
        at("gitops.yaml"),
        format!("{config}gates: [{{ name: few, rule: plan.delete == 0, otherwise: deny }}]\n"),
    )
    .unwrap();
    world.commit("Configuration", &[]);
    world.git(&["checkout", "-q", "-b", "feature"]);
    fs::write(at("gitops.yaml"), config).unwrap();
    world.commit("Without the gate", &[("index.html", Some("new\n"))]);
    let review =
        |more: &[&str]| world.gitops(&[&["-f", "repository/gitops.yaml"], &main_with(more)[..]].concat());
    review(&[]).expect(3).warns("is not that of main, the target branch").warns("check out main");
    world.git(&["checkout", "-q", "main"]);
    review(&[]).expect(0);
    fs::create_dir(at("conf")).unwrap();
    for name in ["a", "b"] {
        let text = format!(
            "name: {name}\nsource: {{ git: {{ url: .., ref: {{ branch: main }}, path: site }} }}\ntarget: {{ directory: {{ root: ../../live-{name} }} }}\n"
        );
        fs::write(at("conf").join(format!("{name}.yaml")), text).unwrap();
    }
    world.commit("Two", &[]);
    let review = || world.gitops(&[&["-f", "repository/conf"], &main_with(&[])[..]].concat());
    review().expect(0);
    // Of a request that changes nothing else, no application is concerned, and that is not all there is to say.
    world.git(&["checkout", "-q", "-B", "feature", "main"]);
    let renamed = fs::read_to_string(at("conf/a.yaml")).unwrap().replace("name: a", "name: other");
    fs::write(at("conf/a.yaml"), renamed).unwrap();
    world.commit("Another name", &[]);
    world.git(&["checkout", "-q", "main"]);
    review().expect(0).warns("what it changes in conf/a.yaml is in no plan").warns("Untouched: a, b");
    fs::remove_file(at("conf/b.yaml")).unwrap();
    review().expect(3).warns("repository/conf is not that of main");
}

/// It has none of the commits of the request, and is a copy of the repository all the same.
#[test]
fn a_working_copy_that_is_behind_is_not_believed() {
    let world = World::new();
    let repository = world.path("repository");
    let config = CONFIG.replace("./repository", repository.to_str().unwrap()).replace("./live", "../live");
    fs::write(repository.join("gitops.yaml"), &config).unwrap();
    world.commit("Configuration", &[]);
    let copy = world.path("copy");
    world.git(&["clone", "-q", ".", copy.to_str().unwrap()]);
    let shallow = world.path("shallow");
    world.git(&[
        "clone",
        "-q",
        "--depth=1",
        &format!("file://{}", repository.display()),
        shallow.to_str().unwrap(),
    ]);
    let rules = "gates: [{ name: few, rule: plan.delete == 0, otherwise: deny }]\n";
    fs::write(repository.join("gitops.yaml"), config.clone() + rules).unwrap();
    world.commit("Rules", &[]);
    request(&world, &[("index.html", Some("new\n"))]);
    for name in ["copy", "shallow"] {
        let file = format!("{name}/gitops.yaml");
        let review = || world.gitops(&[&["-f", &file], &MAIN[..]].concat());
        review().expect(3).warns("is not that of main, the target branch");
        world.git(&["-C", &format!("../{name}"), "pull", "-q", "--ff-only"]);
        review().expect(0);
    }
    // A copy of another repository is where somebody keeps configurations. No commit of it is one of the first, also if both are made
    // in one second.
    let other = World::empty();
    fs::write(other.path("repository/gitops.yaml"), config).unwrap();
    other.commit("Elsewhere", &[]);
    let file = other.path("repository/gitops.yaml");
    world.gitops(&[&["-f", file.to_str().unwrap()], &MAIN[..]].concat()).expect(0);
}

#[test]
fn several_applications_are_one_review_and_those_of_other_branches_are_named() {
    let world = two();
    world.commit("More", &[("b/kept", Some("b\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    request(&world, &[("a/page", Some("new\n")), ("b/page", None)]);
    let review = world.json(&MAIN);
    check(&review, "Review");
    is(&attributed(&review), &[("this_change", &["delete page", "update page"])]);
    assert_eq!(review["parts"][0]["labels"]["is_production"], true, "what people depend on comes first");
    let one = world.json(&["-a", "one", "review", "--base", "main", "--head", "feature"]);
    is(&attributed(&one), &[("this_change", &["update page"])]);
    let labelled = world.json(&main_with(&["--label", "environment=production"]));
    is(&attributed(&labelled), &[("this_change", &["delete page"])]);
    world
        .gitops(&main_with(&["--label", "environment=nowhere"]))
        .expect(64)
        .warns("no application has these labels");
    world.git(&["branch", "next"]);
    world.configure(&TWO.replace("path: site/b }", "path: site/b, ref: { branch: next } }"));
    let review = world.json(&MAIN);
    check(&review, "Review");
    assert_eq!(
        (&review["parts"].as_array().unwrap().len(), &review["not_concerned"][0]["application"]),
        (&1, &"two".into())
    );
    world.gitops(&MAIN).expect(0).warns("`two` follows branch next");
}

#[test]
fn an_application_that_fails_costs_the_others_nothing() {
    let world = two();
    world.gitops(&["apply", "--yes"]).expect(0);
    request(&world, &[("b/page", Some("new\n"))]);
    world.configure(&TWO.replace("path: site/a }", "path: site/nowhere }"));
    let review = world.json(&MAIN);
    check(&review, "Review");
    assert_eq!(
        (&review["failures"][0]["application"], &review["outcome"]),
        (&"one".into(), &"failed".into())
    );
    is(&attributed(&review), &[("this_change", &["update page"])]);
    world.gitops(&MAIN).expect(1);
}

#[test]
fn only_a_review_is_written_for_a_forge() {
    let world = World::applied();
    world
        .gitops(&["plan", "--output", "markdown"])
        .expect(64)
        .warns("only `review` can be written like that");
    request(&world, &[("index.html", Some("new\n"))]);
    let log = world.gitops(&main_with(&["--output", "sarif"])).expect(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(&log).unwrap()["version"], "2.1.0");
    let comment = world.gitops(&main_with(&["--output", "markdown"])).expect(0);
    comment.says("## GitOps: ready").says("**update** `File/index.html` in `dir`");
    world.gitops(&main_with(&["--output", "junit"])).expect(0).says("<testsuite name=\"site\" tests=\"1\"");
}

/// Checks a log against the schema of SARIF 2.1.0, as it is published.
fn check_sarif(log: &str) -> Value {
    let path = std::env::var_os("GITOPS_SARIF_SCHEMA");
    let path = path.expect("GITOPS_SARIF_SCHEMA names a file: run `cargo xtask test`, which sets it");
    let mut schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    // They are no regular expressions that other readers take, and our logs name no language.
    for of in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{of}/properties/language")).unwrap();
        assert!(language.as_object_mut().unwrap().remove("pattern").is_some());
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let log: Value = serde_json::from_str(log).unwrap();
    let faults = |log: &Value| -> Vec<String> {
        schema.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
    };
    assert_eq!(faults(&log), Vec::<String>::new(), "{log:#}");
    let mut broken = log.clone();
    broken["runs"][0]["results"][0]["level"] = "grave".into();
    assert_ne!(faults(&broken), Vec::<String>::new(), "the schema is looked at");
    log
}

#[test]
fn a_log_is_one_that_the_published_schema_of_sarif_takes() {
    let world = World::applied();
    request(&world, &[("index.html", None), ("conf/app.toml", None), ("other", Some("o\n"))]);
    let log = check_sarif(&world.gitops(&main_with(&["--output", "sarif"])).expect(3).stdout);
    let rules = log["runs"][0]["results"].as_array().unwrap().iter().map(|result| result["ruleId"].as_str());
    let rules: Vec<_> = rules.flatten().collect();
    assert!(rules.contains(&"delete") && rules.contains(&"policy"), "{rules:?}");

    // An application that can't be planned.
    let text = CONFIG.replace("path: site }", "path: nowhere }");
    world.configure(&text);
    check_sarif(&world.gitops(&main_with(&["--output", "sarif"])).expect(1).stdout);
}
