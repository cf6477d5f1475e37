//! Tokens in URLs: people met them in the logs of pipelines and in the JSON that a bot posted.

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
