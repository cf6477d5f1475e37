//! What goes on, stops and begins anew when a configuration changes.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Mutex;

use futures::FutureExt;
use futures::future::BoxFuture;
use gitops_app::Roster;
use gitops_core::{Cx, Digest};

/// A task that tells of its beginning and end, and ends once it is asked to and may.
fn work(told: &Mutex<Vec<String>>, name: String, cx: Cx) -> BoxFuture<'_, ()> {
    let tell = move |what: &str| told.lock().unwrap().push(format!("{name} {what}"));
    async move {
        tell("begins");
        cx.cancelled().await;
        tell("ends");
    }
    .boxed()
}

/// Polls the tasks until nothing moves any more.
fn settle(roster: &mut Roster<'_, String, ()>) -> Vec<(String, bool)> {
    let mut ended = Vec::new();
    while let Some(Some((name, (), is_by_itself))) = roster.next().now_or_never() {
        ended.push((name, is_by_itself));
    }
    ended
}

struct Scene<'a> {
    cx: Cx,
    told: &'a Mutex<Vec<String>>,
    roster: Roster<'a, String, ()>,
}

impl<'a> Scene<'a> {
    fn new(told: &'a Mutex<Vec<String>>) -> Self {
        Self { cx: Cx::system(), told, roster: Roster::new() }
    }

    /// Each as `NAME SETTINGS`; those whose settings begin with the same letter are not apart.
    fn take(&mut self, wanted: &[&str]) -> [Vec<String>; 3] {
        let told = self.told;
        let wanted = wanted.iter().map(|text| {
            (text.split(' ').next().unwrap().to_owned(), Digest::of(text.as_bytes()), (*text).to_owned())
        });
        let letter = |text: &str| text.split(' ').nth(1).unwrap().chars().next();
        let are_apart = |one: &String, other: &String| letter(one) != letter(other);
        let taken =
            self.roster.take(&self.cx, wanted, are_apart, |text, cx| work(told, text.to_string(), cx));
        settle(&mut self.roster);
        [taken.begun, taken.renewed, taken.left]
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn only_who_differs_stops_and_begins_anew() {
    let told = Mutex::default();
    let mut scene = Scene::new(&told);
    assert_eq!(scene.take(&["one a", "two b"]), [names(&["one", "two"]), names(&[]), names(&[])]);
    assert_eq!(scene.told(), ["one a begins", "two b begins"]);
    let taken = scene.take(&["one a", "two c", "three d"]);
    assert_eq!(taken, [names(&["three"]), names(&["two"]), names(&[])]);
    let told = scene.told();
    let place = |text: &str| told.iter().position(|told| told == text).unwrap();
    assert!(told.len() == 3 && place("two b ends") < place("two c begins"), "{told:?}");
    place("three d begins");
    assert_eq!(scene.take(&["one a", "drei d"])[2], ["three", "two"]);
    let told = scene.told();
    let at = |text: &str| told.iter().position(|told| told == text).unwrap();
    assert!(at("three d ends") < at("drei d begins"), "both have the same place: {told:?}");
    assert!(!told.iter().any(|told| told.starts_with("one")), "{told:?}");
}

/// The second change comes while who differs by the first one still stops.
#[test]
fn who_stops_when_the_next_change_comes_is_waited_for_and_what_came_between_never_begins() {
    let told = Mutex::default();
    let scene = Scene::new(&told);
    let (release, waits) = futures::channel::oneshot::channel::<()>();
    let waits = Mutex::new(Some(waits));
    let begin = |text: std::sync::Arc<String>, cx: Cx| -> BoxFuture<'_, ()> {
        let (waits, work) = (waits.lock().unwrap().take(), work(&told, text.to_string(), cx));
        async move {
            work.await;
            if let Some(waits) = waits {
                let _ = waits.await;
            }
        }
        .boxed()
    };
    let mut roster = Roster::new();
    for settings in ["a", "b", "c"] {
        let wanted = [("one".to_owned(), Digest::of(settings.as_bytes()), format!("one {settings}"))];
        let _ = roster.take(&scene.cx, wanted, |_, _| true, begin);
        settle(&mut roster);
    }
    assert_eq!(scene.told(), ["one a begins", "one a ends"], "it has not ended");
    drop(release);
    settle(&mut roster);
    assert_eq!(scene.told(), ["one c begins"]);
    scene.cx.cancel();
    assert_eq!(settle(&mut roster), [("one".to_owned(), true)]);
    assert!(roster.next().now_or_never().is_some_and(|next| next.is_none()), "all have ended");
}

#[test]
fn who_has_ended_by_itself_begins_anew_with_the_next_change() {
    let (told, cx) = (Mutex::new(Vec::new()), Cx::system());
    let mut roster = Roster::new();
    for expected in [["two"], ["one"]] {
        let wanted = ["one", "two"].map(|name| (name.to_owned(), Digest::of(b""), name.to_owned()));
        let taken = roster.take(
            &cx,
            wanted,
            |_, _| true,
            |name, cx| match name.as_str() {
                "one" => async {}.boxed(),
                _ => work(&told, name.to_string(), cx),
            },
        );
        let last = if taken.renewed.is_empty() { &taken.begun } else { &taken.renewed };
        assert_eq!(last[last.len() - 1..], expected);
        assert_eq!(settle(&mut roster), [("one".to_owned(), true)]);
    }
}
