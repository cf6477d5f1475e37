//! What needs what, and how much of it is shown.

use crate::support::World;

/// Files, of which a folder of many.
fn many() -> World {
    let world = World::new();
    let files: Vec<String> = (0..6).map(|n| format!("pages/p{n}.html")).collect();
    let files: Vec<(&str, Option<&str>)> = files.iter().map(|name| (name.as_str(), Some("page"))).collect();
    world.commit("Pages", &files);
    world
}

#[test]
fn many_that_look_alike_are_one_line_and_all_of_them_if_asked_for() {
    let world = many();
    world.gitops(&["graph"]).expect(0).says("dir:File/- ×8 (conf/app.toml … pages/p5.html)\n");
    for format in ["dot", "mermaid"] {
        let ran = world.gitops(&["graph", "--format", format]).expect(0).says("dir:File/- ×8");
        assert!(!ran.stdout.contains("p3.html"), "{}", ran.stdout);
        world.gitops(&["graph", "--format", format, "--all"]).expect(0).says("p3.html");
    }
    let ran = world.gitops(&["graph", "--all"]).expect(0).says("dir:File/-/pages/p3.html\n");
    assert_eq!(ran.stdout.lines().count(), 8);
    assert_eq!(world.json(&["graph"])["nodes"].as_array().unwrap().len(), 8, "a program gets every object");
}

#[test]
fn an_object_is_shown_with_what_it_needs_and_what_needs_it_and_nothing_else() {
    let world = many();
    let ran = world.gitops(&["graph", "p3.html"]).expect(0);
    assert_eq!(ran.stdout, "dir:File/-/pages/p3.html\n");
    assert_eq!(world.json(&["graph", "p3.html"])["nodes"].as_array().unwrap().len(), 1);
    world.gitops(&["graph", "--kind", "file", "--depth", "0"]).expect(0).says("×8");
}

#[test]
fn a_choice_that_means_nothing_names_what_is_there() {
    let world = many();
    world.gitops(&["graph", "p9.html"]).expect(1).warns("no object is called `p9.html`").warns("--all");
    world
        .gitops(&["graph", "--kind", "Pod"])
        .expect(1)
        .warns("no object is of the kind `Pod`")
        .warns("there are: File");
    world
        .gitops(&["graph", "--namespace", "x"])
        .expect(1)
        .warns("the namespace `x`")
        .warns("there is none at all");
    world.gitops(&["graph", "p3.html", "--kind", "File"]).expect(64);
}
