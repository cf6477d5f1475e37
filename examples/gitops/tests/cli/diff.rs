//! What differs, line by line, from live to declared.

use std::fs;

use crate::support::{CONFIG, World};

#[test]
fn an_object_is_a_unified_diff_from_live_to_declared() {
    let world = World::applied();
    let text = "one\n2\n";
    world.commit("Change", &[("index.html", Some(text)), ("conf/app.toml", None), ("new", Some("n\n"))]);
    let ran = world.gitops(&["diff"]).expect(0);
    insta::assert_snapshot!(ran.stdout, @"
    - delete  dir:File/-/conf/app.toml
    --- live/dir:File/-/conf/app.toml
    +++ /dev/null\twas conf/app.toml
    @@ -1,3 +0,0 @@
    -content: |
    -  size = 1
    -executable: false
    ~ update  dir:File/-/index.html
    --- live/dir:File/-/index.html
    +++ declared/dir:File/-/index.html\tindex.html
    @@ -1,4 +1,4 @@ content
     content: |
       one
    -  two
    +  2
     executable: false
    + create  dir:File/-/new
    --- /dev/null
    +++ declared/dir:File/-/new\tnew
    @@ -0,0 +1,3 @@
    +content: |
    +  n
    +executable: false
    ");
    let ran = world.gitops(&["diff", "index.html", "-U", "0"]).expect(0).says("-  two\n+  2\n");
    assert!(!ran.stdout.contains("  one") && !ran.stdout.contains("size"), "{}", ran.stdout);
    world.gitops(&["diff", "nowhere"]).expect(1).warns("no object is called `nowhere`");
}

#[test]
fn the_paths_of_fields_are_listed_if_they_are_asked_for() {
    let world = World::applied();
    world.commit("Change", &[("index.html", Some("one\n2\n"))]);
    let ran = world.gitops(&["diff", "--fields"]).expect(0).says("content").says("-two\n").says("+2\n");
    assert!(!ran.stdout.contains("---"), "{}", ran.stdout);
}

#[test]
fn drift_is_shown_as_what_it_is_and_says_what_becomes_of_it() {
    let world = World::applied();
    world.edit_live("index.html", "one\nby hand\n");
    world.gitops(&["diff"]).expect(0).says("(drift: changed outside of Git)").says("-  by hand\n+  two\n");
    world.configure(&CONFIG.replace("interval: 1s", "interval: 1s, drift: report"));
    world.gitops(&["diff"]).expect(0).says("not corrected").says("-  by hand\n+  two\n");
}

#[test]
fn a_colour_is_not_the_only_sign_and_a_file_can_not_paint_the_screen() {
    let world = World::applied();
    world.commit("Paint", &[("index.html", Some("one\n\u{1b}[2Jtwo\n"))]);
    let plain = world.gitops(&["diff"]).expect(0).says("+  \\u{1b}[2Jtwo\n");
    let painted = world.gitops(&["diff", "--color", "always"]).expect(0);
    let stripped = anstream::adapter::strip_str(&painted.stdout).to_string();
    assert!(painted.stdout != plain.stdout && stripped == plain.stdout, "{}", painted.stdout);
}

#[test]
fn bytes_are_told_apart_and_a_huge_text_is_not_compared_line_by_line() {
    let world = World::applied();
    let path = world.path("repository/site/blob");
    for bytes in [[0xff, 0x01], [0xff, 0x02]] {
        fs::write(&path, bytes).unwrap();
        world.commit("Bytes", &[]);
        world.gitops(&["diff"]).expect(0).says("+content: (2 bytes, digest ");
        world.gitops(&["apply", "--yes"]).expect(0);
    }
    let long = |first: &str| format!("{first}\n{}", "line\n".repeat(6_000));
    world.commit("Long", &[("index.html", Some(&long("a")))]);
    world.gitops(&["apply", "--yes"]).expect(0);
    world.commit("Long", &[("index.html", Some(&long("b")))]);
    let ran = world.gitops(&["diff"]).expect(0).says("too many to compare line by line").says("content");
    assert!(ran.stdout.lines().count() < 20, "{}", ran.stdout);
}

#[test]
fn what_is_blocked_is_listed_and_is_no_success() {
    let world = World::new();
    world.edit_live("index.html", "theirs");
    world.gitops(&["diff"]).expect(1).says("Blocked:").says("index.html").says("+  size = 1\n");
}
