//! Tokens in URLs and in names: people met them in the logs of pipelines and in the JSON that a bot posted.

use crate::support::World;

fn with_url(url: &str, rest: &str) -> World {
    let world = World::new();
    world.configure(&format!(
        "name: shop\nsource: {{ git: {{ url: \"{url}\", ref: {{ branch: main }}{rest} }} }}\ntarget: {{ directory: {{ root: ./live }} }}\n"
    ));
    world
}

#[test]
fn a_token_in_a_url_is_refused_and_shown_nowhere() {
    for url in [
        "https://glpat-s3cret@example.org/shop.git",
        "https://example.org/shop.git?private_token=s3cret",
        "https://bot:s3cret@example.org/shop.git",
    ] {
        // An unknown key quotes the same line.
        for rest in ["", ", rfe: x"] {
            for output in [&["plan"][..], &["plan", "--output", "json"]] {
                let ran = with_url(url, rest).gitops(output);
                let said = format!("{}{}", ran.stdout, ran.stderr);
                assert!(ran.code != 0 && said.contains("GO0114"), "{said}");
                assert!(!said.contains("s3cret"), "{said}");
            }
        }
    }
}

#[test]
fn a_number_or_a_truth_value_is_quoted_as_it_was_written() {
    let world = World::new();
    for written in ["1.10", "0x10", "on", "NO", "yes"] {
        world.configure(&format!(
            "name: shop\nsource: {{ git: {{ url: ./repository, ref: {{ tag: {written} }} }} }}\ntarget: {{ directory: {{ root: ./live }} }}\n",
        ));
        world.gitops(&["plan"]).expect(1).warns(&format!("put it in quotes: \"{written}\""));
    }
}

#[test]
fn a_password_without_a_scheme_and_beside_a_name_is_in_no_picture_of_a_line() {
    for line in [
        "url: \"bot:s3cret@example.org:shop.git\", x",
        "url: \"registry.example/bot:s3cret@x\", x",
        "password: s3cret, x",
        "proxy: \"me:s3cret@proxy:3128\", x",
    ] {
        let world = World::new();
        world.configure(&format!(
            "name: shop\nsource: {{ git: {{ ref: {{ branch: main }}, {line}: y }} }}\ntarget: {{ directory: {{ root: ./live }} }}\n"
        ));
        for output in [&["plan"][..], &["plan", "--output", "json"]] {
            let ran = world.gitops(output);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(ran.code != 0 && said.contains("GO0106"), "{said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}

#[test]
fn a_token_that_stands_as_a_name_is_shown_by_no_verb() {
    let token = format!("{}{}", concat!("gh", "p_"), "a1B2c3".repeat(6));
    let world = World::new();
    let file = format!("{token}.txt");
    world.commit(&format!("Add {token}"), &[(&*file, Some("text\n"))]);
    let check = |ran: crate::support::Ran| {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!said.contains(&token), "{said}");
        said
    };
    assert!(check(world.gitops(&["plan"])).contains("(sensitive)"));
    assert!(check(world.gitops(&["plan", "--output", "json"])).contains("(sensitive)"));
    for output in ["text", "json"] {
        let with = |verb: &[&str]| check(world.gitops(&[verb, &["--output", output]].concat()));
        with(&["plan", "--verbose"]);
        with(&["diff"]);
        with(&["apply", "--yes", "--verbose"]);
        with(&["status"]);
        with(&["history"]);
        with(&["audit", "show"]);
        with(&["graph", "--all"]);
        with(&["drift"]);
        with(&["why", &format!("File/{token}.txt")]);
        with(&[&token]);
        with(&["plan", &format!("--{token}")]);
        with(&["plan", "--file", &token]);
    }
    assert!(world.live(&format!("{token}.txt")).is_some());
}
