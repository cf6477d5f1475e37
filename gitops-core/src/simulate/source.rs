//! The model source, as an engine sees it.

use std::ops::RangeInclusive;

use async_trait::async_trait;

use super::fault::Fault;
use super::origin::{ONCE, key_of};
use super::state::{Handle, Inner, SECOND};
use crate::cx::Bug;
use crate::cx::Cx;
use crate::render::{Part, Render, render_files};
use crate::source::{Commit, History, Relation, Snapshot, Source, SourceInfo};
use crate::value::{Diagnostic, Error, ErrorKind, Need, Object, Result, Revision, Value};

/// The source of one application, for one life of its engine.
pub(super) struct SimSource {
    pub world: Handle,
    pub life: usize,
    pub app: usize,
}

impl SimSource {
    async fn delayed(&self, cx: &Cx) -> Result<()> {
        let (wait, fails) = self.world.lock().source_delay();
        cx.sleep(std::time::Duration::from_micros(wait.unsigned_abs())).await?;
        match fails {
            true => Err(Error::new(ErrorKind::Unavailable, "the source can't be reached")),
            false => Ok(()),
        }
    }
}

impl Inner {
    /// Seeded bugs: B27 keeps the first answer of the source for ever, B34 the last of which an event told, and half of
    /// the events are lost.
    fn remembered(&mut self, app: usize, newest: Revision) -> Revision {
        let renews = match self.bug.map(Bug::number) {
            Some(27) => false,
            Some(34) => self.apps[app].first.as_ref() != Some(&newest) && self.random.chance(100),
            _ => return newest,
        };
        let first = &mut self.apps[app].first;
        if renews {
            *first = Some(newest.clone());
        }
        first.get_or_insert(newest).clone()
    }

    fn source_delay(&mut self) -> (i64, bool) {
        match self.faults.strength(Fault::SourceFails, 90) {
            Some(seconds) => (seconds as i64 * SECOND, true),
            None => (SECOND / 20, false),
        }
    }
}

#[async_trait]
impl Source for SimSource {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("model", "main")
    }

    async fn resolve(&self, cx: &Cx) -> Result<Revision> {
        self.delayed(cx).await?;
        let mut world = self.world.lock();
        let newest = world.origin(self.app).served().revision.clone();
        let revision = world.remembered(self.app, newest);
        world.lives[self.life].resolved = Some(revision.clone());
        Ok(revision)
    }

    async fn fetch(&self, cx: &Cx, revision: &Revision) -> Result<Snapshot> {
        self.delayed(cx).await?;
        let mut world = self.world.lock();
        let stale = world.has_bug(29).then(|| world.apps[self.app].first.clone()).flatten();
        world.apps[self.app].first.get_or_insert_with(|| revision.clone());
        let id = stale.as_ref().map_or(revision.id(), Revision::id);
        let snapshot = world.origin(self.app).snapshot(id);
        let snapshot = snapshot.map(|snapshot| Snapshot { revision: revision.clone(), ..snapshot });
        snapshot.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such revision"))
    }

    fn history(&self) -> Option<&dyn History> {
        Some(self)
    }
}

#[async_trait]
impl History for SimSource {
    async fn relation(&self, _: &Cx, from: &Revision, to: &Revision) -> Result<Relation> {
        let relation = self.world.lock().origin(self.app).relation(from.id(), to.id());
        relation.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such revision"))
    }

    async fn find(&self, _: &Cx, name: &str) -> Result<Revision> {
        let world = self.world.lock();
        let found = world.origin(self.app).find(name).map(|commit| commit.revision.clone());
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "no such revision"))
    }

    async fn describe(&self, cx: &Cx, revision: &Revision) -> Result<Commit> {
        Ok(Commit {
            id: revision.id().into(),
            author: "Model <model@example.com>".to_owned(),
            committer: "Model <model@example.com>".to_owned(),
            time: cx.now(),
            summary: "a change".to_owned(),
            signer: None,
        })
    }

    async fn log(&self, cx: &Cx, revision: &Revision, _: &str, limit: usize) -> Result<Vec<Commit>> {
        Ok(vec![self.describe(cx, revision).await?].into_iter().take(limit).collect())
    }

    async fn between(&self, cx: &Cx, _: &Revision, to: &Revision, limit: usize) -> Result<Vec<Commit>> {
        Ok(vec![self.describe(cx, to).await?].into_iter().take(limit).collect())
    }

    async fn blame(&self, cx: &Cx, revision: &Revision, _: &str, _: RangeInclusive<u32>) -> Result<Commit> {
        self.describe(cx, revision).await
    }
}

/// Renders the model's files: `VALUE NEED…`, with needs as paths, and `once` before them for what runs once.
pub(super) fn render() -> impl Render {
    render_files("model 1", |part: &Part<'_>| {
        let bytes = part.bytes()?;
        declared(part, &bytes).ok_or_else(|| {
            vec![Diagnostic::error("GO0302", part.path(), "it is not a number and the paths of needs")]
        })
    })
}

fn declared(part: &Part<'_>, bytes: &[u8]) -> Option<Vec<Object>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut words = text.split_whitespace();
    let value: u64 = words.next()?.parse().ok()?;
    let mut object = Object::new(key_of(part.path())?, body(value), part.provenance(1));
    for need in words {
        if need == ONCE {
            object = object.running_once();
            continue;
        }
        object = object.with_need(Need::Object(key_of(need)?));
    }
    Some(vec![object])
}

/// What an object with this value looks like.
pub(super) fn body(value: u64) -> Value {
    Value::map([("value", Value::from(format!("{value}").as_str()))])
}
