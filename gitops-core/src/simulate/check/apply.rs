//! I9 to I20 and I33: how plans are carried out.

use std::collections::BTreeSet;

use super::Sent;
use crate::capability::RecoveryClass;
use crate::engine::event::Event;
use crate::engine::{Report, StepOutcome};
use crate::simulate::calls::recovery_class_of;
use crate::simulate::fault::Fault;
use crate::simulate::server::Item;
use crate::simulate::source::body;
use crate::simulate::state::{App, Inner, MINUTE, SECOND};
use crate::simulate::twins;
use crate::source::Relation;
use crate::state::record::{Intent, Owned, OwnedState, Record};
use crate::value::{Action, Change, Digest, Key, Precondition, Value, Version};

pub(super) fn i10_only_what_was_shown(world: &mut Inner, life: usize, change: &Change) {
    let expect = match change.expects() {
        Precondition::Absent => None,
        Precondition::Exactly(expect) => Some(expect.clone()),
    };
    // What an adoption left is what its other half expects.
    let is_adopted = expect.as_ref().is_some_and(|expect| {
        let state = (change.key().clone(), expect.uid.clone(), expect.version.clone());
        world.lives[life].adopted.contains(&state)
    });
    let is_put_back = world.lives[life].put_back.contains(change.key());
    let book = &world.app_of(life).book;
    let entry = book.shadow.entries().get(change.key()).filter(|entry| entry.state == OwnedState::Held);
    let recorded = entry.and_then(|entry| entry.desired);
    let Some(approved) = &book.approved else { return };
    let is_shown = match approved.get(change.key()) {
        // It goes on from what was put back.
        Some((Action::Create | Action::Update, _)) if is_put_back => change.action() == Action::Update,
        Some((action, shown)) => *action == change.action() && (*shown == expect || is_adopted),
        None => false,
    };
    // What was recorded is put back, also while what is declared now waits.
    if recorded.is_some() && recorded == change.body().map(Value::digest) {
        world.lives[life].put_back.insert(change.key().clone());
    } else if !is_shown {
        world.broken(10, format!("{} of {} was not in the plan", change.action(), change.key()));
    }
}

/// A write comes after what it needs is ready; a delete after what needed it is gone.
pub(super) fn i11_order(world: &mut Inner, life: usize, change: &Change, intent: &Intent) {
    let app = world.lives[life].app;
    let key = change.key();
    let book = &world.apps[app].book;
    if change.action() == Action::Delete {
        let needed_by = book.shadow.entries().iter().find(|(other, entry)| {
            let is_there = || world.server.at(other).any(|item| item.maker == Some(world.apps[app].house));
            *other != key && entry.needs.contains(key) && !entry.keep && is_there()
        });
        if let Some((other, _)) = needed_by {
            let what = format!("{key} is deleted before {other}, which needs it, is gone");
            world.broken(11, what);
        }
        return;
    }
    let steps = &book.pass.steps;
    let brings_back = book.brings_back(intent);
    let is_made = |need: &Key| steps.get(need).is_none_or(|sent| sent.done || brings_back);
    // However many reconciliations and lives ago it was written. What is unready stands in the way of nothing that was there.
    let is_ready = |need: &Key| !world.has_health || brings_back || book.ready.get(need) != Some(&false);
    let too_early = intent.needs.iter().find(|need| !is_made(need) || !is_ready(need));
    let is_late =
        |sent: &Sent| sent.action != Action::Delete && !sent.brings_back && sent.needs.contains(key);
    let too_late = steps.iter().find(|(_, sent)| is_late(sent));
    if let Some(need) = too_early {
        let what = format!("{key} is written before {need}, which it needs, is ready");
        world.broken(11, what);
    } else if let Some((other, _)) = too_late {
        let what = format!("{key} is written after {other}, which needs it");
        world.broken(11, what);
    }
}

/// What left the source may be what is new there under another name: it stays while that is refused.
pub(super) fn i50_what_left_waits_for_what_is_new(
    world: &mut Inner,
    life: usize,
    change: &Change,
    intent: &Intent,
) {
    let (app, key) = (world.lives[life].app, change.key());
    let Some(revision) = world.lives[life].plans.get(&intent.plan) else { return };
    let origin = world.origin(app);
    let Some(commit) = origin.find(revision.id()).filter(|_| change.action() == Action::Delete) else {
        return;
    };
    let declared: Vec<&Key> = commit.objects.keys().map(|node| origin.key(*node)).collect();
    let is_held = |key: &Key| {
        let entry = world.apps[app].book.shadow.entries().get(key);
        entry.is_some_and(|entry| entry.state == OwnedState::Held)
    };
    let is_new = |other: &&Key| !is_held(other) && !is_held(&twins::other(other));
    let is_like = |other: &&Key| (other.target(), other.kind()) == (key.target(), key.kind());
    let is_refused = |other: &&Key| world.is_stubborn(Fault::Refused, other);
    let refused = declared.iter().copied().filter(is_like).filter(is_new).find(is_refused).cloned();
    if let Some(refused) = refused.filter(|_| !declared.contains(&&twins::first(key))) {
        world.broken(50, format!("{key} is deleted, and {refused}, which is new, is refused"));
    }
}

/// A failed step blocks exactly those that wait for it; all others are tried. What does not change blocks if it is not
/// ready: that is for I11 to judge.
pub(in crate::simulate) fn i12_containment(world: &mut Inner, report: &Report) {
    let plan = &report.plan;
    let bad = |key: &Key, brings_back: bool| {
        let is_bad = |outcome: &StepOutcome| match outcome {
            StepOutcome::Done => false,
            StepOutcome::NotReady { .. } => !brings_back,
            _ => true,
        };
        plan.blocked.iter().any(|blocked| &blocked.key == key)
            || report.results.iter().any(|result| &result.key == key && is_bad(&result.outcome))
    };
    for result in &report.results {
        let Some(step) = plan.step(&result.key) else { continue };
        let waits_for = with_prerequisites(report, &step.after);
        let waits_for_bad = waits_for.iter().any(|key| bad(key, step.brings_back));
        let is_right = match &result.outcome {
            StepOutcome::Blocked { by } => {
                let is_asked = plan.prerequisites.iter().any(|found| &found.key == by);
                waits_for_bad || (is_asked && waits_for.contains(by))
            }
            outcome => !waits_for_bad && *outcome != StepOutcome::Skipped,
        };
        if !is_right {
            let what = format!("{} is {:?}, its needs failed: {waits_for_bad}", result.key, result.outcome);
            world.broken(12, what);
        }
    }
}

/// What a step waits for, also through what does not change.
fn with_prerequisites(report: &Report, after: &[Key]) -> BTreeSet<Key> {
    let (mut found, mut due) = (BTreeSet::new(), after.to_vec());
    while let Some(key) = due.pop() {
        let prerequisite = report.plan.prerequisites.iter().find(|found| found.key == key);
        if found.insert(key) {
            due.extend(prerequisite.into_iter().flat_map(|found| found.after.iter().cloned()));
        }
    }
    found
}

/// A reconciliation over a converged target changes nothing, in the target and in the state.
pub(in crate::simulate) fn i13_idempotence(world: &mut Inner, app: usize, before: (u64, u64)) {
    let after = (world.server.writes, world.apps[app].disk.appended());
    if after != before {
        world.broken(13, format!("a pass over a converged target wrote: {before:?} became {after:?}"));
    }
}

/// Faults are over and two reconciliations were made: what is there is what is declared.
pub(in crate::simulate) fn i16_converged(world: &mut Inner, app: usize, report: &Report) {
    let excused = excused(world, app);
    let wrong = not_as_declared(world, app, &excused, report)
        .or_else(|| left_over(world, app, &excused))
        .or_else(|| still_open(world, app));
    if let Some(what) = wrong {
        world.broken(16, what);
    }
}

fn not_as_declared(world: &Inner, app: usize, excused: &BTreeSet<Key>, report: &Report) -> Option<String> {
    let (origin, house) = (world.origin(app), world.apps[app].house);
    for (node, declared) in &origin.tip().objects {
        let (first, key) = (origin.key(*node), &origin.named(*node, declared));
        let ours: Vec<&Item> = world.server.at(key).filter(|item| item.maker == Some(house)).collect();
        let entry = world.apps[app].book.shadow.entries().get(key);
        let has_run = ours.is_empty()
            && entry.is_some_and(|entry| has_run(world, entry, &body(declared.value).digest()));
        if has_run || excused.contains(first) || (ours.len() == 1 && has_value(ours[0], declared.value)) {
            continue;
        }
        let outcome = report.results.iter().find(|result| &result.key == key).map(|result| &result.outcome);
        let why = report.plan.blocked.iter().find(|blocked| &blocked.key == key).map(|blocked| &blocked.why);
        return Some(format!("{key} is not as declared: {} there, {outcome:?}, {why:?}", ours.len()));
    }
    None
}

fn left_over(world: &Inner, app: usize, excused: &BTreeSet<Key>) -> Option<String> {
    let (origin, house) = (world.origin(app), world.apps[app].house);
    let declared: BTreeSet<&Key> = origin.tip().objects.keys().map(|node| origin.key(*node)).collect();
    let is_left = |item: &&Item| item.maker == Some(house) && !declared.contains(&item.key);
    let left = world.server.items().filter(is_left).find(|item| !excused.contains(&item.key))?;
    Some(format!("{} is no longer declared, and it is still there", left.key))
}

fn still_open(world: &Inner, app: usize) -> Option<String> {
    let mut open = world.apps[app].book.shadow.open();
    let intent = open.find(|intent| recovery_class_of(intent.key.target()) != RecoveryClass::Opaque)?;
    Some(format!("what came of {} on {} is still open", intent.op, intent.key))
}

fn has_value(item: &Item, value: u64) -> bool {
    item.body.get("value") == body(value).get("value")
}

/// What somebody edited is as declared again, though no engine was started anew.
pub(in crate::simulate) fn i17_level_triggered(world: &mut Inner, app: usize, key: &Key) {
    let (origin, house) = (world.origin(app), world.apps[app].house);
    let declared = origin.tip().objects.iter().find(|(node, _)| origin.key(**node) == key);
    let Some((_, declared)) = declared else { return };
    let value = declared.value;
    if !world.server.at(key).filter(|item| item.is_shown_to(house)).all(|item| has_value(item, value)) {
        world.broken(17, format!("{key} was edited, and nobody undid it"));
    }
}

/// A wait after a failure ends within a quarter of an hour, and nobody plans more than once in a second for long.
pub(in crate::simulate) fn i19_bounded_load(world: &mut Inner, life: usize, event: &Event) {
    let now = world.now;
    let own = &mut world.lives[life];
    match event {
        Event::ReconcileFailed { .. } => own.failed_at = Some(now),
        Event::Resolved { .. } => {
            let waited = now - own.failed_at.take().unwrap_or(now);
            if waited > 15 * MINUTE {
                world.broken(19, format!("a wait of {} s after a failure", waited / SECOND));
            }
        }
        Event::Planned { .. } => {
            let (minute, count) = own.planned;
            own.planned = if minute == now / MINUTE { (minute, count + 1) } else { (now / MINUTE, 1) };
            if count > 60 {
                world.broken(19, format!("{count} plans in one minute"));
            }
        }
        _ => {}
    }
}

/// Objects that only a person can settle, those of another application, whatever needs them, and what left and waits for them.
pub(in crate::simulate) fn excused(world: &Inner, app: usize) -> BTreeSet<Key> {
    let (origin, App { house, book, .. }) = (world.origin(app), &world.apps[app]);
    let open = book.shadow.open().map(|intent| intent.key.clone());
    let mut excused: BTreeSet<Key> =
        open.filter(|key| recovery_class_of(key.target()) == RecoveryClass::Opaque).collect();
    let others = world.server.items().filter(|item| item.maker.is_some_and(|maker| maker != *house));
    let others = others.filter(|item| recovery_class_of(item.key.target()) == RecoveryClass::Keyed);
    excused.extend(others.map(|item| item.key.clone()));
    excused.extend(world.houses[*house].strays.iter().map(|(key, _)| key.clone()));
    loop {
        let before = excused.len();
        for (node, declared) in &origin.tip().objects {
            if declared.needs.iter().any(|need| excused.contains(origin.key(*need))) {
                excused.insert(origin.key(*node).clone());
            }
        }
        for (key, entry) in book.shadow.entries().iter() {
            if excused.contains(&twins::first(key)) {
                let needs = entry.needs.iter().chain(&entry.still_needs);
                let needs = needs.filter(|need| book.shadow.entries().contains(need));
                excused.extend(needs.map(twins::first));
            }
        }
        excused.extend(left_behind(world, app, &excused));
        if excused.len() == before {
            return excused;
        }
    }
}

/// What is no longer declared, and stays since something new of its kind in its target can't be made.
fn left_behind(world: &Inner, app: usize, excused: &BTreeSet<Key>) -> Vec<Key> {
    let (origin, entries) = (world.origin(app), world.apps[app].book.shadow.entries());
    let is_held = |key: &Key| entries.get(key).is_some_and(|entry| entry.state == OwnedState::Held);
    let declared: BTreeSet<&Key> = origin.tip().objects.keys().map(|node| origin.key(*node)).collect();
    let is_there = |key: &Key| world.server.at(key).any(|item| item.maker == Some(world.apps[app].house));
    let is_new = |key: &&Key| !is_there(key) || (!is_held(key) && !is_held(&twins::other(key)));
    let held_up = declared.iter().copied().filter(|key| excused.contains(*key)).filter(is_new);
    let held_up: BTreeSet<_> = held_up.map(|key| (key.target(), key.kind())).collect();
    let left = entries.keys().map(twins::first).filter(|key| !declared.contains(key));
    left.filter(|key| held_up.contains(&(key.target(), key.kind()))).collect()
}

/// An effect strikes the incarnation that was meant, in a state that its sender saw.
pub(super) fn i21_identity_not_name(world: &mut Inner, life: usize, change: &Change, struck: &Item) {
    let Precondition::Exactly(expect) = change.expects() else { return };
    let (key, uid) = (&struck.key, &struck.uid);
    if uid != &expect.uid {
        world.broken(21, format!("{key} {uid} is struck, and {} was meant", expect.uid));
    }
    let version = Version::new(struck.version.to_string());
    let state = (change.key().clone(), uid.clone(), version);
    if world.is_alive(life) && !world.lives[life].seen.contains(&state) {
        world.broken(20, format!("{key} is struck in a state that nobody saw"));
    }
}

pub(super) fn i37_what_was_planned_is_written(
    world: &mut Inner,
    life: usize,
    change: &Change,
    intent: &Intent,
) {
    let (Some(body), Some(revision)) = (change.body(), world.lives[life].plans.get(&intent.plan)) else {
        return;
    };
    let origin = world.origin(world.lives[life].app);
    let commit = origin.find(revision.id());
    let value = commit.and_then(|commit| {
        commit.objects.iter().find(|(node, declared)| origin.named(**node, declared) == *change.key())
    });
    if value.is_none_or(|(_, declared)| body != &self::body(declared.value)) {
        let what = format!("{} is written otherwise than {revision} declares it", change.key());
        world.broken(37, what);
    }
}

/// What ran to its end as it is declared is not made again, although it is gone.
pub(super) fn i48_what_ran_runs_no_more(world: &mut Inner, life: usize, change: &Change) {
    let Change::Create { object, .. } = change else { return };
    let app = world.lives[life].app;
    let entry = world.apps[app].book.shadow.entries().get(&object.key);
    if entry.is_some_and(|entry| has_run(world, entry, &object.body.digest())) {
        world.broken(48, format!("{} ran to its end, and is made again", object.key));
    }
}

/// Whether an entry is of what ran to its end with this body.
fn has_run(world: &Inner, entry: &Owned, body: &Digest) -> bool {
    let is_it = entry.state == OwnedState::Held && entry.desired.as_ref() == Some(body);
    is_it && entry.uid.as_ref().is_some_and(|uid| world.ended.contains(uid))
}

pub(super) fn i20_no_action_on_older_knowledge(world: &mut Inner, life: usize, change: &Change) {
    let Precondition::Exactly(expect) = change.expects() else { return };
    let state = (change.key().clone(), expect.uid.clone(), expect.version.clone());
    if !world.lives[life].seen.contains(&state) {
        world.broken(20, format!("{} is changed in a state that this engine has not seen", change.key()));
    }
}

pub(super) fn i33_no_rollback(world: &mut Inner, app: usize, record: &Record) {
    let Record::Accepted { revision } = record else { return };
    let (origin, book) = (world.origin(app), &world.apps[app].book);
    let Some(before) = book.shadow.accepted() else { return };
    let relation = origin.relation(before.id(), revision.id());
    if !matches!(relation, Some(Relation::Same | Relation::Newer)) {
        let what = format!("{revision} is applied over {before}, from which it does not descend");
        world.broken(33, what);
    }
}
