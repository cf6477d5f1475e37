//! The one hook that the layers share: something done around each call.

use std::future::Future;

use crate::cx::Cx;
use crate::value::{Key, Result};

/// What is done around each call of a target or a source.
pub(super) trait Around: Clone + Send + Sync + 'static {
    /// Makes the call by `run`, once, several times or not at all.
    fn around<T, F, Fut>(&self, cx: &Cx, call: Call<'_>, run: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send,
        F: Fn(Cx) -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send;
}

/// Which call it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call<'a> {
    /// The method, for people.
    pub(super) operation: &'static str,
    pub(super) effect: Effect,
    pub(super) key: Option<&'a Key>,
    /// How many requests it stands for.
    pub(super) weight: u32,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It asks, and may be asked again.
    Read,
    /// It changes something.
    Write,
    /// It waits for something to happen, for as long as that takes.
    Wait,
}

impl<'a> Call<'a> {
    pub(super) fn read(operation: &'static str) -> Self {
        Self { operation, effect: Effect::Read, key: None, weight: 1 }
    }

    pub(super) fn write(operation: &'static str) -> Self {
        Self { effect: Effect::Write, ..Self::read(operation) }
    }

    pub(super) fn wait(operation: &'static str) -> Self {
        Self { effect: Effect::Wait, ..Self::read(operation) }
    }

    pub(super) fn of(self, key: &'a Key) -> Self {
        Self { key: Some(key), ..self }
    }

    pub(super) fn weighing(self, requests: usize) -> Self {
        Self { weight: u32::try_from(requests).unwrap_or(u32::MAX), ..self }
    }
}
