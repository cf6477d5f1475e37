//! What the command tells a person to type works as it is printed.

use crate::support::World;

/// The command after a label, as a shell would read it: none of these has a quoted word.
fn hint(stdout: &str, label: &str) -> Vec<String> {
    let line = stdout.lines().find_map(|line| line.trim().strip_prefix(label));
    let line = line.unwrap_or_else(|| panic!("no {label:?} in {stdout}"));
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// Met in a pipeline: the hint below a saved plan that a gate held back ended with 3.
#[test]
fn the_hint_below_a_saved_plan_applies_it() {
    for name in ["next.plan", "-next"] {
        let world = World::applied();
        world.commit("Empty it", &[("index.html", None), ("conf/app.toml", None), ("other", Some("o"))]);
        let ran = world.gitops(&["plan", &format!("--out={name}")]).expect(3);
        let typed = hint(&ran.stdout, "Apply it:");
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        world.gitops(&typed).expect(0);
        assert!(world.live("index.html").is_none() && world.live("other").is_some());
    }
}

/// Met with a policy that denied a plan: below the denial stood how to apply it.
#[test]
fn a_denied_plan_is_not_told_how_to_be_applied() {
    let world = World::applied();
    let gate = "gates: [{ name: never, rule: \"false\", otherwise: deny, message: not today }]\n";
    world.configure(&format!("{}{gate}", crate::support::CONFIG));
    world.commit("Change", &[("index.html", Some("new\n"))]);
    for verb in [&["plan"][..], &["plan", "--out", "next.plan"]] {
        let ran = world.gitops(verb).expect(3).says("not today");
        assert!(!ran.stdout.contains("Apply it"), "{}", ran.stdout);
    }
}

/// Met while `run` was at work: the status named a command that is refused then.
#[test]
fn the_status_names_a_way_to_approve_that_a_process_at_work_leaves_open() {
    let world = World::applied();
    let gate = "gates: [{ name: ask, rule: \"false\", otherwise: needs-approval, message: ask first }]\n";
    world.configure(&format!("{}{gate}", crate::support::CONFIG));
    world.commit("Change", &[("index.html", Some("new\n"))]);
    let id = world.plan_id();
    world.gitops(&["status"]).expect(0).says(&format!("approve: `gitops approve {}`", &id[..12]));
}

/// Met in a script that reads JSON only: a misspelled option came as text.
#[test]
fn a_wrong_command_line_is_a_document_where_documents_are_asked_for() {
    let world = World::new();
    for arguments in [&["plann", "-o", "json"][..], &["plan", "--detailed-exitcod", "--output=json"]] {
        let ran = world.gitops(arguments).expect(64);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((&document["kind"], &document["code"]), (&"Error".into(), &"GO0001".into()));
        assert!(document["help"].as_str().unwrap().contains("plan"), "{document}");
    }
    world.gitops(&["plann"]).expect(64).warns("error: unrecognized subcommand 'plann'");
}

/// The commands that the project's first page shows, in its order and in one folder. Where one would ask a terminal, it is
/// given a yes; the one that goes on for ever is asked for its help.
#[test]
fn the_commands_of_the_first_page_do_what_they_say() {
    let readme = include_str!("../../../../../README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("$ gitops "));
    let commands: Vec<&str> = lines.map(|line| line.split('#').next().unwrap().trim()).collect();
    assert!(commands.len() >= 7, "{commands:?}");
    let world = World::new();
    world.commit("Change", &[("index.html", Some("new\n"))]);
    for command in commands {
        let mut words: Vec<&str> = command.split_whitespace().collect();
        match words[0] {
            "apply" | "rollback" => words.push("--yes"),
            "run" => words.push("--help"),
            // In a folder of its own: here is a file already.
            "init" => words.extend(["--file", "new.yaml"]),
            _ => {}
        }
        world.gitops(&words).expect(0);
    }
    assert_eq!(world.live("index.html").as_deref(), Some("one\ntwo\n"), "the last one went back");
}
