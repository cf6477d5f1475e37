use std::path::Path;

use gitops_app::Backends;
use gitops_app::config::Applications;

use crate::page;

/// The fences of YAML of all pages, but for those that take a file of `examples/gitops/ci` in, which tests of their own read.
fn fences() -> Vec<(String, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let names =
        std::fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| Path::new(name).extension().is_some_and(|ending| ending == "md")).collect();
    names.sort();
    let of_page = |name: String| {
        let text = page(&name);
        let found = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        found
            .filter(|fence| !fence.starts_with("{{#include"))
            .map(|fence| (name.clone(), fence))
            .collect::<Vec<_>>()
    };
    names.into_iter().flat_map(of_page).collect()
}

fn indented(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    text.lines().flat_map(|line| [&*margin, line, "\n"]).collect()
}

/// The keys of the outermost mapping.
fn keys(text: &str) -> Vec<&str> {
    let is_key = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    text.lines().filter(is_key).filter_map(|line| line.split_once(':')).map(|(key, _)| key).collect()
}

/// A part of a file, in its place and with what it leaves out.
fn whole(fence: &str) -> String {
    let text = match keys(fence).first() {
        None => format!("source:\n  git:\n    ref: {{ branch: main }}\n{fence}"),
        Some(&("ignore" | "health")) => format!("target:\n  kubernetes:\n{}", indented(fence, 4)),
        Some(&"kubernetes") => format!("target:\n{}", indented(fence, 2)),
        Some(_) => fence.to_owned(),
    };
    let has = |key: &str| keys(&text).contains(&key);
    let is_of_one = !has("applications");
    let asks_people = ["approvals", "rollback", "apply", "applications"].iter().any(|key| has(key));
    let forge = "forge: { github: { repository: platform/site, auth: { token: { env: TOKEN } } } }\n";
    let rest = [
        (is_of_one && !has("name"), "name: site\n"),
        (
            !has("source"),
            "source: { git: { url: https://github.com/platform/site.git, ref: { branch: main } } }\n",
        ),
        (is_of_one && !has("target") && !has("targets"), "target: { directory: { root: ./live } }\n"),
        (text.contains("environments:") && !has("labels"), "labels: { environment: production }\n"),
        (asks_people && !has("forge"), forge),
    ];
    rest.iter().filter(|(is_missing, _)| *is_missing).fold(text.clone(), |text, (_, part)| text + part)
}

/// Met with a page whose key had another name by then: a reader copied it, and it was refused.
#[test]
fn every_configuration_that_a_page_shows_can_be_loaded() {
    let fences = fences();
    assert!(fences.len() >= 25, "{}", fences.len());
    for (name, fence) in fences {
        // The files that one takes in are the reader's own.
        let text: String =
            whole(&fence).split_inclusive('\n').filter(|line| !line.starts_with("include:")).collect();
        if let Err(error) = Applications::parse(Path::new("gitops.yaml"), &text, &Backends::new()) {
            let faults: Vec<&str> = error.diagnostics().iter().map(|fault| fault.message.as_str()).collect();
            panic!("{name}: {error:#} {faults:?}\n{text}");
        }
    }
}
