use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt, stream};
use smol_str::SmolStr;

use super::Engine;
use super::effects::contained;
use crate::capability::Preview;
use crate::event::Event;
use crate::planner::{PlanInput, Planner};
use crate::target::Target;
use crate::value::{Key, Live, Object};
use crate::{Cx, Error, ErrorKind, Result};

/// What a target foretold, or why it could not.
type Foretold = (Key, Result<Preview, String>);

/// One question to a target.
struct Question {
    key: Key,
    object: Option<Arc<Object>>,
    live: Option<Live>,
}

impl Engine {
    /// What targets foretell of the candidates that would get a step, many at once. One that can't be foretold keeps
    /// no other from it.
    pub(super) async fn foretell(
        &self,
        cx: &Cx,
        input: &PlanInput<'_>,
    ) -> Result<BTreeMap<Key, Result<Preview, String>>> {
        let mut questions: BTreeMap<SmolStr, Vec<Question>> = BTreeMap::new();
        let candidates = input.candidates.iter().filter(|key| self.foretells(key)).cloned().collect();
        let input = &PlanInput { candidates: &candidates, ..*input };
        for key in Planner.to_foretell(input) {
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
            self.events.emit(&Event::Foretold { asked: answers.len(), failed });
        }
        Ok(answers)
    }

    fn foretells(&self, key: &Key) -> bool {
        self.targets.get(key.target()).is_some_and(|target| target.native_plan().is_some())
    }

    fn ask_target(&self, cx: &Cx, name: &str, questions: Vec<Question>) -> BoxFuture<'static, Vec<Foretold>> {
        let (cx, target, timeout) = (cx.clone(), self.targets[name].clone(), self.timeouts.call);
        let at_once = target.info().concurrency.max(1);
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

async fn ask(cx: Cx, target: Arc<dyn Target>, question: Question) -> Foretold {
    let Question { key, object, live } = question;
    let answer = match target.native_plan() {
        Some(native) => {
            let preview = native.preview(&cx, &key, object.as_deref(), live.as_ref());
            contained(cx.bounded(preview)).await
        }
        None => Err(Error::new(ErrorKind::Internal, "the target no longer foretells changes")),
    };
    (key, answer.map_err(|error| error.with_help()))
}
