//! Many requests over many applications: bounded memory, and few writes to the forge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use gitops_core::Cx;
use serde_json::Value;

use super::serving::{Serving, hook};
use super::{SITE, Site};
use crate::support::World;

/// How many requests are open over how many applications: some, or as many as `GITOPS_LOAD` says, such as `200x50`.
fn load() -> (usize, usize) {
    let text = std::env::var("GITOPS_LOAD").unwrap_or_else(|_| "12x5".to_owned());
    let (requests, applications) = text.split_once('x').expect("GITOPS_LOAD is such as 200x50");
    (requests.parse().unwrap(), applications.parse().unwrap())
}

/// How much memory the server may take, in KiB: a start, of which 65 MiB are the unoptimised program, and some for each application.
fn memory(applications: usize) -> usize {
    (120 << 10) + applications * (1 << 10)
}

fn configuration(site: &Site, applications: usize) -> String {
    let mut text = format!(
        "source: {{ git: {{ url: \"{}/platform/site.git\", ref: {{ branch: main }} }} }}\n{}sync: {{ interval: 1h }}\napplications:\n",
        site.gitea.url(),
        site.served("1h", "")
    );
    for n in 0..applications {
        let path = format!("source: {{ git: {{ path: site/a{n} }} }}");
        let _ =
            writeln!(text, "- {{ name: a{n}, {path}, target: {{ directory: {{ root: ./live-a{n} }} }} }}");
    }
    text
}

/// The writes to the forge since there were so many: how many for each place.
fn writes(site: &Site, since: usize) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (method, path) in site.gitea.writes().split_off(since) {
        let path = path.strip_prefix(SITE).unwrap_or(&path);
        // A comment is edited by its own number, which no other is.
        let kind = match path.rsplit_once('/') {
            Some(("/issues/comments", _)) => "edited comment",
            Some((_, "comments")) => "new comment",
            _ if path.starts_with("/statuses/") => "status",
            _ if path == "/pulls" => "the test's own",
            _ => path,
        };
        *found.entry(format!("{method} {kind}")).or_default() += 1;
    }
    found.remove("POST the test's own");
    found
}

/// Waits until each head was reviewed; gives how many comments and statuses that took.
async fn reviewed(serving: &mut Serving, heads: &[String]) -> (usize, usize) {
    let mut open: BTreeSet<&str> = heads.iter().map(|head| head.trim()).collect();
    let (mut comments, mut statuses) = (0, 0);
    while !open.is_empty() {
        let event = serving.wait_for("reviewed").await;
        assert_ne!(event["outcome"], "failed", "{event}");
        comments += usize::from(event["comment"] == true);
        statuses += usize::try_from(event["statuses"].as_u64().unwrap()).unwrap();
        open.remove(event["head"].as_str().unwrap());
    }
    (comments, statuses)
}

/// The most that one push cost: writes to the comments of its request, and to its head before and after. None is of anything else.
async fn most_writes(site: &Site, since: usize, before: &[String], after: &[String]) -> usize {
    let written = site.gitea.writes().split_off(since);
    let (mut most, mut all) = (0, 0);
    for (number, (old, new)) in (1..).zip(before.iter().zip(after)) {
        let mut places = vec![format!("/statuses/{}", old.trim()), format!("/statuses/{}", new.trim())];
        places.push(format!("/issues/{number}/comments"));
        let comments = site.comments(number).await;
        places.extend(comments.iter().map(|comment| format!("/issues/comments/{}", comment["id"])));
        let is_its = |path: &str| places.iter().any(|place| path.ends_with(place));
        let its = written.iter().filter(|(_, path)| is_its(path)).count();
        (most, all) = (most.max(its), all + its);
    }
    assert_eq!(all, written.len(), "each write is of one push: {written:?}");
    most
}

/// Commits on every branch, and pushes all of them at once; gives the heads.
fn push_all(site: &Site, requests: usize, applications: usize, text: &str) -> Vec<String> {
    let git = |arguments: &[&str]| site.world.git(arguments).trim().to_owned();
    let mut heads = Vec::new();
    let mut push = vec!["push".to_owned(), "-q".to_owned(), "--force".to_owned(), site.url()];
    for request in 0..requests {
        let branch = format!("r{request}");
        let begin = if git(&["branch", "--list", &branch]).is_empty() { "main" } else { branch.as_str() };
        git(&["checkout", "-q", "-B", &branch, begin]);
        let file = format!("a{}/page", request % applications);
        heads.push(site.world.commit("Change", &[(&file, Some(&format!("{text} {request}\n")))]));
        push.push(branch);
    }
    git(&["checkout", "-q", "main"]);
    git(&push.iter().map(String::as_str).collect::<Vec<_>>());
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_take_bounded_memory_and_few_writes() {
    let (requests, applications) = load();
    let site = Site::of(World::empty()).await;
    for n in 0..applications {
        site.world.commit(
            "Begin",
            &[(&format!("a{n}/page"), Some("one\n")), (&format!("a{n}/other"), Some("o\n"))],
        );
    }
    site.push("main");
    site.world.configure(&configuration(&site, applications));
    site.gitops(&["apply", "--yes"]).await.expect(0);
    let heads = push_all(&site, requests, applications, "first");
    for request in 0..requests {
        site.open("alice", &format!("r{request}")).await;
    }

    // All of them at once, as they are found when the server begins.
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let before = site.gitea.writes().len();
    assert_eq!(reviewed(&mut serving, &heads).await, (requests, 2 * requests));
    let of_first = writes(&site, before);
    assert_eq!(of_first.get("POST new comment"), Some(&requests), "{of_first:?}");
    assert_eq!(
        of_first.get("POST edited comment").or(of_first.get("PATCH edited comment")),
        None,
        "{of_first:?}"
    );

    // A push to each: at most three writes together, and four for any of them, which ends what was pending on its head before.
    let before = site.gitea.writes().len();
    let first = heads;
    let heads = push_all(&site, requests, applications, "second");
    let (cx, pushed) = (Cx::system(), Cx::system().now());
    reviewed(&mut serving, &heads).await;
    let took = cx.now().since(pushed);
    let of_push = writes(&site, before);
    let all: usize = of_push.values().sum();
    assert!(all <= 3 * requests, "{of_push:?}");
    let most = most_writes(&site, before, &first, &heads).await;
    assert!(most <= 4, "{most} writes for one push: {of_push:?}");
    let peak = serving.peak();
    assert_eq!(serving.stop().await, 0);

    // Nothing changed: nothing is written, also by a server that remembers nothing of its reviews.
    let before = site.gitea.writes().len();
    let mut serving = Serving::start(&site).await;
    assert_eq!(reviewed(&mut serving, &heads).await, (0, 0));
    assert_eq!(writes(&site, before), BTreeMap::new());
    let again = serving.peak();
    eprintln!(
        "{requests} requests over {applications} applications: {peak} KiB, after a restart {again} KiB; all pushed at once, reviewed within {took:?}; {of_first:?}; {of_push:?}"
    );
    assert!(peak.max(again) <= memory(applications), "{peak} KiB, {again} KiB");
    assert_eq!(serving.stop().await, 0);
    for request in [1, requests] {
        let comments = site.comments(u64::try_from(request).unwrap()).await;
        assert!(comments.len() == 1 && Value::is_string(&comments[0]["body"]), "{comments:?}");
    }
}
