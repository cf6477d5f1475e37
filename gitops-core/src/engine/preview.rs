use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt, stream};
use smol_str::SmolStr;

use super::Engine;
use super::effects::contained;
use super::seen::Seen;
use crate::capability::{Preview, Target};
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::plan::planner::{self, PlanInput};
use crate::value::{Error, ErrorKind, Key, Live, Object, Refusal, Result};

/// What a target previewed, or why it could not.
type Previewed = (Key, Result<Preview, Refusal>);

/// One question to a target.
struct Question {
    key: Key,
    object: Option<Arc<Object>>,
    live: Option<Live>,
}

impl Engine {
    /// What targets preview of the candidates that would get a step, many at once. One that can't be previewed keeps
    /// no other from it. Those that another plan saw are not asked about again.
    pub(super) async fn preview(
        &self,
        cx: &Cx,
        input: &PlanInput<'_>,
        seen: Option<&Seen>,
    ) -> Result<BTreeMap<Key, Result<Preview, Refusal>>> {
        let mut questions: BTreeMap<SmolStr, Vec<Question>> = BTreeMap::new();
        let candidates = input.candidates.iter().filter(|key| self.can_preview(key)).cloned().collect();
        let input = &PlanInput { candidates: &candidates, ..*input };
        let mut known = BTreeMap::new();
        for key in planner::to_preview(input) {
            if let Some(answer) = seen.and_then(|seen| seen.preview(input.desired, key)) {
                known.insert(key.clone(), answer.clone());
                continue;
            }
            questions.entry(key.target().into()).or_default().push(Question::of(input, key));
        }
        let ask = |(name, questions): (SmolStr, Vec<Question>)| self.ask_target(cx, &name, questions);
        let answers = join_all(questions.into_iter().map(ask)).await;
        if cx.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "asked to stop").during("preview"));
        }
        let answers: BTreeMap<Key, _> = answers.into_iter().flatten().collect();
        if !answers.is_empty() {
            let failed = answers.values().filter(|answer| answer.is_err()).count();
            self.events.emit(&Event::Previewed { asked: answers.len(), failed });
        }
        known.extend(answers);
        Ok(known)
    }

    fn can_preview(&self, key: &Key) -> bool {
        self.targets.get(key.target()).is_some_and(|target| target.dry_run().is_some())
    }

    fn ask_target(
        &self,
        cx: &Cx,
        name: &str,
        questions: Vec<Question>,
    ) -> BoxFuture<'static, Vec<Previewed>> {
        let (cx, target) = (cx.clone(), self.targets[name].clone());
        let info = target.info();
        let (at_once, timeout) =
            (info.concurrency.max(1), info.preview_timeout.unwrap_or(self.timeouts.call));
        let ask = move |question| ask(cx.within(timeout), target.clone(), question);
        stream::iter(questions).map(ask).buffer_unordered(at_once).collect().boxed()
    }
}

impl Question {
    fn of(input: &PlanInput<'_>, key: &Key) -> Self {
        Self {
            key: key.clone(),
            object: input.desired.objects().get(key).cloned(),
            live: input.live.get(key).cloned(),
        }
    }
}

async fn ask(cx: Cx, target: Arc<dyn Target>, question: Question) -> Previewed {
    let Question { key, object, live } = question;
    let answer = match target.dry_run() {
        Some(native) => {
            let preview = native.preview(&cx, &key, object.as_deref(), live.as_ref());
            contained(cx.bounded(preview)).await
        }
        None => Err(Error::new(ErrorKind::Internal, "the target no longer can_preview changes")),
    };
    (key, answer.map_err(|error| Refusal::from(&error)))
}
