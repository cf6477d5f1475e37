//! What is copied, what is told of, and that nothing else is touched.

use super::*;

fn files(all: &[(&str, &str)]) -> Files {
    all.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().into())).collect()
}

fn changes(found: &Compared) -> Vec<String> {
    let line = |change: &VersionChange| {
        format!("{}:{} {}: {} -> {}", change.file, change.line, change.what, change.before, change.after)
    };
    found.changes.iter().map(line).collect()
}

fn left(found: &Compared) -> Vec<String> {
    found.left.iter().map(|left| format!("{} {}: {}", left.file, left.what, left.why)).collect()
}

fn text<'a>(found: &'a Compared, path: &str) -> &'a str {
    std::str::from_utf8(&found.files[path]).unwrap()
}

const STAGING: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: staging }
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: web
        image: \"acme/web:1.5.0@sha256:aa\"
      - name: side
        image: acme/side:2
";

const PROD: &str = "\
# production
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: prod }
spec:
  replicas: 5   # more
  template:
    spec:
      containers:
      - { name: web, image: 'acme/web:1.4.1@sha256:bb' }  # the front
      - name: side
        image:   acme/other:1
";

#[test]
fn the_image_of_the_same_container_is_copied_and_the_rest_of_the_file_stays_byte_by_byte() {
    let found = compare(&files(&[("a.yaml", STAGING)]), &files(&[("web.yaml", PROD)]), "prod", &[]).unwrap();
    assert_eq!(
        changes(&found),
        [
            "prod/web.yaml:10 Deployment.apps web, container web: acme/web:1.4.1@sha256:bb -> acme/web:1.5.0@sha256:aa"
        ]
    );
    assert!(!found.changes[0].can_move);
    assert_eq!(
        left(&found),
        ["prod/web.yaml Deployment.apps web, container side: it is of another artefact there"]
    );
    let expected = PROD.replace("'acme/web:1.4.1@sha256:bb'", "\"acme/web:1.5.0@sha256:aa\"");
    assert_eq!(text(&found, "prod/web.yaml"), expected);
    let again =
        compare(&files(&[("a.yaml", STAGING)]), &files(&[("web.yaml", &expected)]), "prod", &[]).unwrap();
    assert!(again.files.is_empty() && again.changes.is_empty());
}

#[test]
fn kustomizations_charts_values_and_modules_have_versions_too() {
    let of = |tag: &str, chart: &str, module: &str| {
        files(&[
            ("kustomization.yaml", &format!("images:\n- name: web\n  newTag: {tag}\n")),
            (
                "Chart.yaml",
                &format!(
                    "name: shop\nversion: 1.0.0\ndependencies:\n- {{ name: redis, repository: 'oci://r', version: {chart} }}\n"
                ),
            ),
            ("values.yaml", &format!("cache:\n  image:\n    repository: redis\n    tag: {tag}\n  size: 1\n")),
            (
                "net/main.tf",
                &format!("module \"net\" {{\n  source = \"acme/net/aws\"\n  version = \"{module}\"\n}}\n"),
            ),
        ])
    };
    let found = compare(&of("1.10", "2.0.1", "3.1.0"), &of("\"1.9\"", "2.0.0", "3.0.0"), "", &[]).unwrap();
    assert_eq!(
        changes(&found),
        [
            "Chart.yaml:4 chart redis: 2.0.0 -> 2.0.1",
            "kustomization.yaml:3 image web, newTag: 1.9 -> 1.10",
            "net/main.tf:3 module net: 3.0.0 -> 3.1.0",
            "values.yaml:4 cache/image, tag of redis: 1.9 -> 1.10",
        ]
    );
    assert_eq!(found.others, []);
    // `1.10` and `1.1` are one number and two tags.
    let found = compare(&of("1.10", "2.0.0", "3.0.0"), &of("1.1", "2.0.0", "3.0.0"), "", &[]).unwrap();
    assert_eq!(found.changes.len(), 2);
    assert!(found.changes.iter().all(|change| change.can_move));
}

#[test]
fn what_is_not_proven_is_told_of_and_not_touched() {
    let anchored = "a: &tag 1.4\nimage: { repository: web, tag: *tag }\n";
    let plain = "a: 1\nimage: { repository: web, tag: 1.5 }\n";
    let found = compare(&files(&[("v.yaml", plain)]), &files(&[("v.yaml", anchored)]), "", &[]).unwrap();
    assert!(found.files.is_empty());
    assert_eq!(found.left.len(), 1, "{:?}", left(&found));
    let twice = format!("{PROD}---\n{PROD}");
    let found = compare(&files(&[("a.yaml", STAGING)]), &files(&[("a.yaml", &twice)]), "", &[]).unwrap();
    assert!(found.files.is_empty());
    assert!(
        left(&found).iter().any(|left| left.ends_with("it is there more than once")),
        "{:?}",
        left(&found)
    );
}

#[test]
fn whole_files_are_copied_by_a_pattern_and_what_else_differs_is_named() {
    let from = files(&[("config/a.json", "2"), ("config/new.json", "1"), ("x", "1"), ("same", "s")]);
    let to = files(&[("config/a.json", "1"), ("x", "2"), ("y", "1"), ("same", "s")]);
    let found = compare(&from, &to, "prod", &["config/*.json".to_owned()]).unwrap();
    assert_eq!(text(&found, "prod/config/a.json"), "2");
    // What is remembered as proposed is one content, and not the file.
    let next = files(&[("config/a.json", "3"), ("x", "1"), ("same", "s")]);
    let next = compare(&next, &to, "prod", &["config/*.json".to_owned()]).unwrap();
    assert_eq!((changes(&found).len(), changes(&next).len()), (1, 1));
    assert_eq!(found.changes[0].before, next.changes[0].before);
    assert_ne!(found.changes[0].after, next.changes[0].after);
    assert_eq!(
        left(&found),
        ["prod/config/new.json the whole file: it is not there yet: add it in a request of its own"]
    );
    let others: Vec<String> =
        found.others.iter().map(|other| format!("{} {}", other.path, other.how)).collect();
    assert_eq!(others, ["config/new.json only there", "x differs", "y only here"]);
    assert_eq!(compare(&from, &to, "", &["[".to_owned()]).unwrap_err().kind(), ErrorKind::Invalid);
}
