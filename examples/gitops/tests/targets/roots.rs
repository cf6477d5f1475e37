//! Root modules through the command: where their states are, what they hold, and what may be done to that.

use std::path::PathBuf;

use serde_json::json;

use crate::support::World;
use crate::{Cluster, tofu};

const MAIN: &str = "variable \"size\" { type = number }\n\
                    resource \"terraform_data\" \"a\" { input = var.size }\n\
                    resource \"terraform_data\" \"b\" { triggers_replace = 1 }\n\
                    output \"size\" { value = terraform_data.a.output }\n";

fn configure(world: &World, terraform: &str, rest: &str) {
    world.configure(&format!(
        "name: shop\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
         target: {{ terraform: {{ binary: {}, {terraform} }} }}\n{rest}",
        tofu().display()
    ));
}

/// A root whose state is kept by the command, and whose variables are in a file of the source.
fn applied() -> World {
    let world = World::empty();
    configure(&world, "backend: managed, var_files: [common.tfvars]", "");
    world.commit("Begin", &[("net/main.tf", Some(MAIN)), ("common.tfvars", Some("size = 3\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    world
}

/// All files below a folder.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn states_are_kept_by_the_command_where_nobody_else_may_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let world = applied();
    let found = files(world.path(".gitops/shop/terraform"));
    let is_state =
        |path: &&PathBuf| std::fs::read(path).unwrap().windows(12).any(|part| part == b"\"instances\":");
    let states: Vec<_> = found.iter().filter(is_state).collect();
    assert_eq!(states.len(), 1, "{states:?}");
    assert!(states[0].to_string_lossy().contains("/states/"), "{states:?}");
    assert_eq!(std::fs::metadata(states[0]).unwrap().permissions().mode() & 0o077, 0);
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes: 1 object is as declared.");
    world.commit("Change", &[("common.tfvars", Some("size = 4\n"))]);
    world.gitops(&["plan"]).expect(0).says("terraform_data.a").says("3 → 4");
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
}

#[test]
fn the_audit_log_tells_of_each_state_and_of_nothing_that_is_in_it() {
    let world = applied();
    world.gitops(&["audit", "verify"]).expect(0).says("none changed");
    let log = std::fs::read_to_string(world.path(".gitops/shop/audit.jsonl")).unwrap();
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_states = |event: &&serde_json::Value| event["entry"]["what"]["event"] == "state";
    let states: Vec<_> = events.iter().filter(of_states).collect();
    assert!(!states.is_empty(), "{log}");
    assert!(states.iter().all(|state| state["entry"]["what"]["key"] == "tf:Root/-/net"), "{log}");
    assert!(!log.contains("terraform_data"), "{log}");
}

#[test]
fn a_file_of_variables_that_is_not_there_is_named() {
    let world = applied();
    world.commit("Break", &[("common.tfvars", None)]);
    world.gitops(&["plan"]).expect(1).warns("common.tfvars").warns("no such file");
}

/// The picture was empty, and the column that of the line's beginning.
#[test]
fn a_fault_of_a_roots_settings_shows_the_name_and_no_value_of_a_variable() {
    let world = applied();
    let planned = |text: &str| {
        world.commit("A slip", &[("net/gitops.json", Some(text))]);
        let ran = world.gitops(&["plan"]).expect(1);
        assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
        ran
    };
    let slip = planned("{\n  \"variables\": {\"size\": \"canary-9a0c\", \"sice\": 1}\n}\n");
    slip.warns("net/gitops.json:2:40").warns("\"sice\"\n").warns(" ^^^^^^ ").warns("did you mean `size`?");
    let unknown = planned("{\"var_files\": [],\n \"workspce\": \"canary-9a0c\"}");
    unknown.warns("net/gitops.json:2:2").warns("2 |  \"workspce\"\n  |  ^^^^^^^^^^ ");
    planned("{\n  \"name\": \"canary-9a0c\" 7}\n").warns("net/gitops.json:2:2");
}

#[test]
fn a_loss_inside_a_root_takes_an_approval_of_exactly_this_plan() {
    let world = applied();
    let main = MAIN.replace("triggers_replace = 1", "triggers_replace = 2");
    world.commit("Replace", &[("net/main.tf", Some(&main))]);
    world
        .gitops(&["plan"])
        .expect(3)
        .says("DANGER: Root/net will replace terraform_data.b")
        .says("Needs an approval: destructive");
    world.gitops(&["apply", "--yes"]).expect(3).warns("replace terraform_data.b");
    world.gitops(&["apply", "--plan-id", &world.plan_id()]).expect(0).says("Applied: 1 change");
    world.commit("Remove", &[("net/main.tf", Some("variable \"size\" {}\n"))]);
    let plan = world.json(&["plan"]);
    assert_eq!(plan["steps"][0]["risk"], json!(["delete"]));
    let lost = &plan["steps"][0]["components"];
    assert_eq!((&lost[1]["name"], &lost[1]["risk"]), (&json!("terraform_data.b"), &json!("delete")));
    world.gitops(&["apply", "--yes"]).expect(3).warns("all 2 components would be deleted");
}

/// The rule of the page on the file, which is to work as it stands there.
fn documented_rule() -> String {
    let page = include_str!("../../../../docs/file.md");
    let from = page.find("  - name: databases").expect("the page has the rule");
    let rest = &page[from..];
    rest[..rest.find("```").expect("the rule has an end")].to_owned()
}

#[test]
fn a_rule_over_resources_holds_for_the_plan_that_it_is_about() {
    let world = applied();
    let rule = documented_rule().replace("aws_db_instance", "terraform_data");
    let gates = format!("gates:\n{rule}");
    configure(&world, "backend: managed, var_files: [common.tfvars]", &gates);
    world.commit("Change", &[("common.tfvars", Some("size = 4\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    let main = MAIN.replace("triggers_replace = 1", "triggers_replace = 2");
    world.commit("Replace", &[("net/main.tf", Some(&main))]);
    world.gitops(&["plan"]).expect(3).says("Denied: databases");
    world.gitops(&["apply", "--plan-id", &world.plan_id()]).expect(3).warns("databases");
}

#[test]
fn resources_are_seen_wherever_their_root_is() {
    let world = applied();
    world
        .gitops(&["graph"])
        .expect(0)
        .says("tf:Root/-/net")
        .says("  terraform_data.a")
        .says("  terraform_data.b");
    world.gitops(&["graph", "--format", "dot"]).expect(0).says("label=\"terraform_data.b\"");
    world.gitops(&["graph", "--format", "mermaid"]).expect(0).says("terraform_data.b");
    world.gitops(&["why", "net"]).expect(0).says("holds").says("terraform_data.b  id ");
    world.gitops(&["why", "terraform_data.b"]).expect(0).says("tf:Root/-/net");
    world.gitops(&["status"]).expect(0).says("Synced").says("1 object, 2 resources");
    assert_eq!(world.json(&["status"])["components"], 2);
    assert_eq!(world.json(&["graph"])["nodes"][0]["components"][1]["name"], "terraform_data.b");
    assert_eq!(world.json(&["why", "net"])["components"][0]["kind"], "terraform_data");
}

#[test]
fn a_resource_in_trouble_is_told_of() {
    let world = applied();
    let main = format!(
        "{MAIN}resource \"terraform_data\" \"c\" {{\n  provisioner \"local-exec\" {{ command = \"exit 3\" }}\n}}\n"
    );
    world.commit("Add", &[("net/main.tf", Some(&main))]);
    world.gitops(&["apply", "--yes"]).expect(1);
    world.gitops(&["status"]).expect(0).says("terraform_data.c: it is tainted");
}

#[test]
fn a_check_that_fails_makes_the_root_unhealthy() {
    let world = applied();
    let check = "check \"size\" {\n  assert {\n    condition     = var.size < 2\n    error_message = \"too large\"\n  }\n}\n";
    let main = format!("{}{check}", MAIN.replace("= var.size }", "= var.size + 1 }"));
    world.commit("Check", &[("net/main.tf", Some(&main))]);
    world.gitops(&["apply", "--yes"]).expect(6).says("too large");
    world.gitops(&["status", "--exit-code"]).expect(6).says("Degraded").says("too large");
    // Nothing is left to do, and it does not work yet.
    for arguments in [&["apply", "--yes"][..], &["apply", "--yes", "--output", "json"]] {
        world.gitops(arguments).expect(6).warns("Root/-/net: ").warns("too large");
    }
    assert_eq!(world.json(&["apply", "--yes"])["exit_code"], 6);
    world.commit("Mend", &[("common.tfvars", Some("size = 1\n"))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["status", "--exit-code"]).expect(0).says("Healthy");
    let stricter = main.replace("var.size < 2", "var.size < 1");
    world.commit("Ask for more", &[("net/main.tf", Some(&stricter))]);
    world.gitops(&["apply", "--yes"]).expect(6);
    let laxer = main.replace("var.size < 2", "var.size < 9");
    world.commit("Ask for less", &[("net/main.tf", Some(&laxer))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.gitops(&["status", "--exit-code"]).expect(0).says("Healthy");
}

/// What `gitops serve` would remember.
fn disk_of_a_server(world: &World) {
    use std::os::unix::fs::DirBuilderExt;
    let folder = world.path(".gitops/~server");
    std::fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
    std::fs::write(folder.join("requests"), "ours").unwrap();
}

/// A request of one team printed what the application of another one had in its state (one file for two teams).
#[test]
fn a_root_reads_nothing_of_what_is_kept_of_any_application_of_the_file() {
    let world = World::empty();
    let binary = tofu();
    let application = |name: &str, more: &str| {
        format!(
            "- name: {name}\n  source: {{ git: {{ path: site/{name} }} }}\n  target: {{ terraform: {{ binary: {}{more} }} }}\n",
            binary.display()
        )
    };
    world.configure(&format!(
        "source: {{ git: {{ url: ./repository, ref: {{ branch: main }} }} }}\napplications:\n{}{}{}  state: ./kept/c\n",
        application("a", ""),
        application("b", ", backend: managed"),
        application("c", "")
    ));
    let canary = "resource \"terraform_data\" \"a\" { input = \"canary-3e77\" }\n";
    world.commit(
        "Begin",
        &[("a/net/main.tf", Some("")), ("b/net/main.tf", Some(canary)), ("c/net/main.tf", Some(canary))],
    );
    for application in ["b", "c"] {
        world.gitops(&["-a", application, "apply", "--yes"]).expect(0);
    }
    disk_of_a_server(&world);
    let with_canary = |folder: &str| {
        let holds =
            |path: &PathBuf| std::fs::read(path).unwrap().windows(11).any(|part| part == b"canary-3e77");
        files(world.path(folder)).into_iter().find(holds).unwrap()
    };
    let mirrored = files(world.path(".gitops/~mirrors")).into_iter().find(|path| path.ends_with("config"));
    let ours = [
        with_canary(".gitops/b"),
        with_canary("kept/c"),
        world.path(".gitops/b/secret-key"),
        world.path(".gitops/b/audit.jsonl"),
        world.path(".gitops/~server/requests"),
        mirrored.unwrap(),
    ];
    let reads = |path: &std::path::Path| {
        format!("output \"read\" {{ value = filebase64(\"{}\") }}\n", path.canonicalize().unwrap().display())
    };
    for path in ours {
        world.commit("Read it", &[("a/net/main.tf", Some(&reads(&path)))]);
        let ran = world.gitops(&["-a", "a", "plan"]).expect(1);
        assert!(ran.stdout.contains("permission denied"), "{}: {ran:?}", path.display());
    }
    std::fs::write(world.path("beside"), "open").unwrap();
    let main = format!("{canary}{}", reads(&world.path("beside")));
    world.commit("Read what is nobody's", &[("a/net/main.tf", Some(&main))]);
    for _ in 0..2 {
        world.gitops(&["-a", "a", "apply", "--yes"]).expect(0);
    }
}

#[test]
fn one_state_for_all_roots_is_refused() {
    let world = World::empty();
    configure(&world, "backend: { local: { path: ./one.tfstate } }", "");
    world.commit("Begin", &[("a/main.tf", Some(""))]);
    world.gitops(&["plan"]).expect(1).warns("all roots would have one state").warns("{root}");
    configure(&world, "backend: own", "");
    world.gitops(&["plan"]).expect(1).warns("must be `managed` or one type");
}

#[tokio::test]
async fn a_state_in_the_cluster_is_locked_by_whoever_works_on_it() {
    let cluster = Cluster::new().await;
    let (world, namespace) = (&cluster.world, &cluster.namespace);
    let settings = format!("secret_suffix: \"{{root}}\", namespace: {namespace}, config_path: ./kubeconfig");
    configure(world, &format!("vars: {{ size: 3 }}, backend: {{ kubernetes: {{ {settings} }} }}"), "");
    world.commit("Begin", &[("net/main.tf", Some(MAIN))]);
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
    let secret = format!("/api/v1/namespaces/{namespace}/secrets/tfstate-default-net");
    assert!(cluster.admin.get(&secret).await.is_some(), "the state is where it was said to be");
    world.gitops(&["apply", "--yes"]).expect(0).says("No changes: 1 object is as declared.");

    let info = json!({ "ID": "1b2c", "Operation": "OperationTypeApply", "Who": "ann@desk", "Version": "1.12.6",
        "Created": "2026-11-25T19:00:00Z", "Info": "", "Path": "" });
    let lease =
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/lock-tfstate-default-net");
    let held = json!({ "metadata": { "annotations": { "app.terraform.io/lock-info": info.to_string() } },
        "spec": { "holderIdentity": "1b2c" } });
    cluster.admin.merge(&lease, &held).await;
    world.commit("Change", &[("net/main.tf", Some(&MAIN.replace("= var.size }", "= var.size + 1 }")))]);
    world.gitops(&["plan"]).expect(1).says("held by: ann@desk").says("2026-11-25");
    let lease = cluster.admin.get(&lease).await.unwrap();
    assert_eq!(lease["spec"]["holderIdentity"], "1b2c", "the lock was left alone");
}

/// A root stood still for ever after its state was lost (disks).
#[test]
fn a_person_says_that_a_state_is_gone_and_the_root_begins_anew() {
    let world = applied();
    world.gitops(&["confirm", "net", "state", "absent"]).warns("the state is there, with 2 resources");
    world.gitops(&["confirm", "net", "terraform_data.a", "absent"]).warns("nothing is in doubt");
    world.gitops(&["status", "--exit-code"]).expect(0).says("Healthy");
    std::fs::remove_dir_all(world.path(".gitops/shop/terraform/tf/states")).unwrap();
    world.gitops(&["plan"]).says("its state is gone");
    // It was healthy for good.
    world.gitops(&["status"]).says("health Unknown").says("its state is gone");
    let said = world.json(&["confirm", "net", "state", "absent"]);
    assert_eq!((&said["kind"], &said["finding"]), (&json!("Confirmation"), &json!("absent")));
    world.gitops(&["apply", "--yes"]).expect(0).says("Applied: 1 change");
}

/// Under another name an application made all its resources a second time; and a look under that name kept the state from moving.
#[test]
fn a_renamed_application_makes_nothing_a_second_time_and_its_state_moves_along() {
    let world = applied();
    let named = std::fs::read_to_string(world.path("gitops.yaml")).unwrap();
    world.configure(&named.replace("name: shop", "name: store"));
    let plan = world.gitops(&["plan"]).expect(1).says("it belongs to shop/").says("--renamed-from shop");
    assert!(!plan.stdout.contains("create"), "{plan:?}");
    assert_eq!(world.json(&["status"])["owned"], 0);
    world.gitops(&["plan", "--renamed-from", "shop"]).expect(0).says("was `shop` and is `store`");
    world.gitops(&["apply", "--renamed-from", "shop", "--yes"]).expect(0);
    world.gitops(&["plan"]).expect(0).says("No changes: 1 object is as declared.");
    assert_eq!(world.json(&["why", "net"])["components"].as_array().unwrap().len(), 2);
}
