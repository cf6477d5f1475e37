//! A request that is applied before its merge, where `run` is what works and not the server that asks.

use std::sync::Arc;
use std::time::Duration;

use gitops_core::{Cx, Error, Request, Requests, Result, Revision, StateDir};
use rustix::process::Signal;

use crate::run::Running;
use crate::support::World;

const REQUEST: &str = "gitea platform/site#7";
const AHEAD: &str = "ahead of the branch until gitea platform/site#7 is merged or closed";

/// Asks whoever is at work, as a server does, and waits for the answer.
fn ask(world: &World, request: Request) -> Result<()> {
    let cx = Cx::system().within(Duration::from_secs(60));
    let store = StateDir::peek(&world.path(".gitops/site"))?.store_to_ask()?;
    let requests = Requests::new(Arc::new(store), "site");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::from)?;
    runtime.block_on(async {
        let ticket = requests.ask(&cx, "bob", request).await?;
        requests.answered(&cx, &ticket).await
    })
}

fn go_ahead(world: &World, head: &str, request: &str) -> Result<()> {
    let revision = Revision::new(head, "feature");
    ask(world, Request::GoAhead { revision, request: request.to_owned() })
}

/// What is live, file by file.
fn live(world: &World) -> [Option<String>; 2] {
    ["index.html", "conf/app.toml"].map(|name| world.live(name))
}

fn is(index: &str, conf: &str) -> [Option<String>; 2] {
    [Some(index.to_owned()), Some(conf.to_owned())]
}

/// A `run` that has applied the head of a branch with a change, and a main branch that went on since.
fn ahead() -> (World, Running, String) {
    let world = World::applied();
    let mut running = Running::start(&world);
    world.git(&["checkout", "-q", "-b", "feature"]);
    let head = world.commit("Feature", &[("index.html", Some("ahead\n"))]);
    world.git(&["checkout", "-q", "main"]);
    go_ahead(&world, &head, REQUEST).unwrap();
    running.wait_for("finished");
    assert_eq!(live(&world), is("ahead\n", "size = 1\n"));
    world.commit("Later", &[("conf/app.toml", Some("size = 2\n"))]);
    (world, running, head)
}

/// Drift is put back to what is ahead, and nothing of the branch comes with it.
fn is_held(world: &World, running: &mut Running, head: &str) {
    world.edit_live("index.html", "by hand\n");
    running.wait_for("finished");
    assert_eq!(live(world), is("ahead\n", "size = 1\n"));
    world.gitops(&["status"]).expect(0).says(AHEAD).says(&head[..12]);
    for verb in
        [&["plan", "--detailed-exitcode"][..], &["drift", "--detailed-exitcode"], &["why", "index.html"]]
    {
        world.gitops(verb).expect(0).warns(AHEAD);
    }
    // Who asks for another request is told which one is there.
    let refused = go_ahead(world, head, "gitea platform/site#8").unwrap_err().to_string();
    assert!(refused.contains(REQUEST), "{refused}");
}

/// Met where a server had applied a request and ended, and the next process took the branch in its place.
#[test]
fn a_run_and_the_next_one_keep_what_is_ahead_until_it_is_merged() {
    let (world, mut running, head) = ahead();
    is_held(&world, &mut running, &head);
    running.stop(Signal::TERM).expect(0);
    let mut running = Running::start(&world);
    is_held(&world, &mut running, &head);
    world.git(&["merge", "-q", "--no-ff", "-m", "Merge", "feature"]);
    ask(&world, Request::EndAhead { request: REQUEST.to_owned(), merged: true }).unwrap();
    running.wait_for("finished");
    assert_eq!(live(&world), is("ahead\n", "size = 2\n"));
    running.stop(Signal::TERM).expect(0);
    assert!(world.json(&["status"])["pinned"].is_null());
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn a_run_takes_back_what_was_ahead_of_a_request_that_is_closed() {
    let (world, mut running, head) = ahead();
    running.stop(Signal::TERM).expect(0);
    running = Running::start(&world);
    is_held(&world, &mut running, &head);
    ask(&world, Request::EndAhead { request: REQUEST.to_owned(), merged: false }).unwrap();
    running.wait_for("finished");
    assert_eq!(live(&world), is("one\ntwo\n", "size = 2\n"));
    let again = ask(&world, Request::EndAhead { request: REQUEST.to_owned(), merged: false });
    assert!(again.unwrap_err().to_string().contains("is not ahead here"));
    running.stop(Signal::TERM).expect(0);
    world.gitops(&["plan", "--detailed-exitcode"]).expect(0);
}
