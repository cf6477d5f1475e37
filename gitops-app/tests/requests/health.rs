//! How what is owned does: all of a target are asked about together, and by itself only what is not said to be ready.

use std::collections::BTreeMap;
use std::sync::Mutex;

use gitops_app::Mounting;
use gitops_core::capability::{Health, Readiness};
use gitops_core::{
    Applied, Change, GroupKind, Key, Live, Memory, Mount, Object, Scope, Target, TargetInfo, Value,
    async_trait, render_files,
};

use super::*;

/// A target in memory that knows how its objects do.
#[derive(Clone, Default)]
struct Doing {
    objects: Arc<Memory>,
    /// What was asked: about how many together, or about which one alone.
    asked: Arc<Mutex<Vec<String>>>,
    is_silent: bool,
}

#[async_trait]
impl Target for Doing {
    fn info(&self) -> TargetInfo {
        self.objects.info()
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.objects.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        self.objects.apply(cx, change).await
    }

    fn health(&self) -> Option<&dyn Health> {
        Some(self)
    }
}

fn does(key: &Key) -> Readiness {
    match key.name() {
        "broken" => Readiness::Failed("it is broken".to_owned()),
        "hook" => Readiness::Progressing("it runs".to_owned()),
        "hook-failed" => Readiness::Ended("it failed".to_owned()),
        _ => Readiness::Ready,
    }
}

#[async_trait]
impl Health for Doing {
    async fn ready(&self, _: &Cx, key: &Key, _: &Applied) -> Result<Readiness> {
        self.asked.lock().unwrap().push(key.name().to_owned());
        Ok(if self.objects.get(key).is_some() { does(key) } else { Readiness::Gone })
    }

    async fn look(&self, _: &Cx, keys: &[Key]) -> Result<BTreeMap<Key, Readiness>> {
        if self.is_silent {
            return Err(gitops_core::Error::new(ErrorKind::Unavailable, "not now"));
        }
        self.asked.lock().unwrap().push(keys.len().to_string());
        let knows = keys.iter().filter(|key| key.name() != "unknown" && self.objects.get(key).is_some());
        Ok(knows.map(|key| (key.clone(), does(key))).collect())
    }
}

/// An application that was applied, in a process that has it open.
async fn applied(target: Doing, files: &[(&str, &str)]) -> (World, Session) {
    let world = World::new();
    world.commit(files);
    let backends = Backends::new().with("doing", move |mounting: Mounting, (): ()| {
        let target = target.clone();
        async move {
            let name = mounting.target;
            let render = render_files("one each", move |part: &gitops_core::Part<'_>| {
                let key = Key::new(name.as_str(), GroupKind::new("", "Thing"), "", part.path());
                let object = Object::new(key, Value::text_or_bytes(part.bytes()?), part.provenance(0));
                let runs_once = part.path().starts_with("hook");
                Ok(vec![if runs_once { object.running_once() } else { object }])
            });
            Ok(Mount::new(Arc::new(target), Arc::new(render)))
        }
    });
    let text = "name: site\nsource: { git: { url: ./repository, ref: { branch: main }, path: site } }\ntarget: { doing: null }\n";
    fs::write(world.path("gitops.yaml"), text).unwrap();
    let applications = Applications::load(&world.path("gitops.yaml"), &backends).unwrap();
    let session = Session::builder(&applications.all[0]).access(Access::Write);
    let mut session = session.open(&world.cx).await.unwrap();
    session.engine.reconcile(&world.cx).await.unwrap();
    (world, session)
}

async fn told(world: &World, session: &Session) -> Vec<String> {
    let found = session.unready(&world.cx).await;
    found.into_iter().map(|(key, readiness)| format!("{}: {readiness:?}", key.name())).collect()
}

async fn unready(target: Doing, files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let asked = target.asked.clone();
    let (world, session) = applied(target, files).await;
    asked.lock().unwrap().clear();
    (told(&world, &session).await, asked.lock().unwrap().clone())
}

#[tokio::test]
async fn however_many_there_are_they_are_asked_about_in_one_question() {
    let names: Vec<String> = (0..100).map(|n| format!("o{n}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let (found, asked) = unready(Doing::default(), &files).await;
    assert_eq!((found, asked), (Vec::new(), vec!["101".to_owned()]), "the page of the world is one too");
}

#[tokio::test]
async fn what_is_not_said_to_be_ready_is_asked_about_by_itself() {
    let files = [("broken", "1"), ("unknown", "1"), ("well", "1")];
    let (found, asked) = unready(Doing::default(), &files).await;
    assert_eq!(found, [r#"broken: Failed("it is broken")"#]);
    assert_eq!(asked, ["4", "broken", "unknown"]);
    let silent = Doing { is_silent: true, ..Doing::default() };
    let (found, asked) = unready(silent, &files).await;
    assert_eq!(found, [r#"broken: Failed("it is broken")"#]);
    assert_eq!(asked, ["broken", "page", "unknown", "well"]);
}

/// Met with hooks that a time to live removed before anybody saw their end: an automatic rollback took them for failed, also
/// after a person had said to go on without them.
#[tokio::test]
async fn what_runs_once_and_is_gone_is_as_it_was_last_seen_until_it_is_released() {
    let target = Doing::default();
    let files = [("hook", "1"), ("hook-failed", "1"), ("lost", "1")];
    let (world, mut session) = applied(target.clone(), &files).await;
    let owned: Vec<Key> = session.engine.inventory().entries().keys().cloned().collect();
    let key = |name: &str| owned.iter().find(|key| key.name() == name).cloned().unwrap();
    files.iter().for_each(|(name, _)| target.objects.edit(&key(name), None));
    let expected = ["hook: Gone", r#"hook-failed: Ended("it failed")"#, r#"lost: Failed("it is gone")"#];
    assert_eq!(told(&world, &session).await, expected);
    session.engine.release(&world.cx, &key("hook"), "ana").await.unwrap();
    assert_eq!(told(&world, &session).await, expected[1..]);
}
