//! Carrying a plan out, as a state machine without I/O.

mod flap_guard;
mod graph_reconciler;
#[cfg(test)]
mod tests;

pub(crate) use flap_guard::FlapGuard;
pub(crate) use graph_reconciler::{Effect, GraphReconciler, NodeState, Told};

/// A machine that says what to do next and is told what came of it; it does nothing itself.
///
/// A shell carries out the effects, in any order and at any speed, and feeds back the events. Whatever the shell
/// does, the machine keeps its promises; so the same machine runs against real targets and in a simulation.
///
/// # Guarantees asked of an implementation
/// - Pure: the same events in the same order give the same effects.
/// - An event that does not fit is ignored: events may come late or twice.
/// - [`outcome`](Self::outcome) is something as soon as no effect is under way and none will follow.
pub(crate) trait Reconcile {
    /// Where it stands.
    type State;
    /// What it is told.
    type Event;
    /// What it asks for.
    type Effect;
    /// What came of it all.
    type Outcome;

    /// The first state and the first effects.
    fn start(&self) -> (Self::State, Vec<Self::Effect>);

    /// Takes in an event and gives the effects that follow from it.
    fn step(&self, state: &mut Self::State, event: Self::Event) -> Vec<Self::Effect>;

    /// What came of it, once it is over.
    fn outcome(&self, state: &Self::State) -> Option<Self::Outcome>;
}
