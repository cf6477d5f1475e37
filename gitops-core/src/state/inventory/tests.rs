//! What each record makes of an inventory.

use super::*;
use crate::state::record::{Left, ReadinessRecord};
use crate::value::{Digest, GroupKind, PlanId, Uid, Version};

fn key(name: &str) -> Key {
    Key::new("t", GroupKind::new("", "K"), "", name)
}

fn revision() -> Revision {
    Revision::new("r", "main")
}

fn entry(name: &str) -> Owned {
    Owned {
        state: OwnedState::Held,
        uid: Some(Uid::new(name)),
        version: Some(Version::new("1")),
        desired: Some(Digest::of(name.as_bytes())),
        path: name.into(),
        needs: Vec::new(),
        keep: false,
        stage: None,
        runs_once: false,
        likeness: None,
        left_otherwise: None,
        still_needs: Vec::new(),
        left_fields: BTreeMap::new(),
        readiness: ReadinessRecord::None,
        never_ready: false,
        let_go: false,
    }
}

fn intent(op: &str, name: &str, action: Action) -> Intent {
    Intent {
        op: op.into(),
        plan: PlanId::new(Digest::of(b"plan")),
        epoch: 1,
        at: Time::default(),
        key: key(name),
        action,
        expect: None,
        desired: Some(Digest::of(b"new")),
        path: "new".into(),
        needs: Vec::new(),
        keep: false,
        stage: None,
        runs_once: false,
        likeness: None,
        is_new: false,
        is_approved: false,
        approved: Vec::new(),
    }
}

fn adopt(name: &str, entry: Owned) -> Record {
    Record::Adopt { key: key(name), entry }
}

fn outcome(op: &str, name: &str, result: OpResult) -> Record {
    Record::Outcome { op: op.into(), key: key(name), result }
}

fn present() -> OpResult {
    OpResult::Present { uid: Uid::new("made"), version: Version::new("2") }
}

fn not_done() -> OpResult {
    OpResult::NotDone { error: "no".to_owned() }
}

fn of(records: impl IntoIterator<Item = Record>) -> Inventory {
    let mut inventory = Inventory::new("shop/1");
    records.into_iter().for_each(|record| inventory.take_in(&record));
    inventory
}

fn state(inventory: &Inventory, name: &str) -> Option<OwnedState> {
    inventory.entries().get(&key(name)).map(|entry| entry.state)
}

fn open(inventory: &Inventory) -> Vec<&str> {
    inventory.open().map(|intent| intent.op.as_str()).collect()
}

#[test]
fn a_deletion_is_measured_against_what_was_there_before_the_revision_began() {
    let begun = || Record::Begun { revision: revision(), at: Time::default() };
    let numbered = |from: usize, to: usize| {
        (from..to).map(|number| adopt(&format!("n{number}"), entry("n"))).collect::<Vec<_>>()
    };
    for (before, after, measure) in [(0, 3, 3), (1, 3, 3), (2, 3, 2), (3, 5, 3), (3, 3, 3)] {
        let records = numbered(0, before).into_iter().chain([begun()]).chain(numbered(before, after));
        assert_eq!(of(records).measure(), measure, "{before} of {after}");
    }
    let gone = [Record::Forget { key: key("n0") }, Record::Forget { key: key("n1") }];
    assert_eq!(of(numbered(0, 3).into_iter().chain([begun()]).chain(gone)).measure(), 1);
    let done = Record::Completed { revision: revision(), at: Time::default() };
    assert_eq!(
        of(numbered(0, 2).into_iter().chain([begun()]).chain(numbered(2, 5)).chain([done])).measure(),
        5
    );
}

#[test]
fn what_may_be_made_is_claimed_until_nothing_can_have_made_it() {
    for action in [Action::Create, Action::Replace] {
        let claimed = of([Record::Intent(intent("a.1", "a", action))]);
        assert_eq!((state(&claimed, "a"), open(&claimed)), (Some(OwnedState::Claimed), vec!["a.1"]));
        assert!(claimed.is_open(&key("a")) && !claimed.is_open(&key("b")));
    }
    for action in [Action::Update, Action::Delete] {
        assert_eq!(
            state(&of([Record::Intent(intent("a.1", "a", action))]), "a"),
            None,
            "{action} makes nothing"
        );
    }
    let twice = [
        Record::Intent(intent("a.1", "a", Action::Create)),
        Record::Intent(intent("a.2", "a", Action::Create)),
        outcome("a.1", "a", not_done()),
    ];
    let mut inventory = of(twice);
    assert_eq!((state(&inventory, "a"), open(&inventory)), (Some(OwnedState::Claimed), vec!["a.2"]));
    inventory.take_in(&outcome("a.2", "a", OpResult::Unknown { error: "lost".to_owned() }));
    assert_eq!((state(&inventory, "a"), open(&inventory)), (Some(OwnedState::Claimed), vec!["a.2"]));
    inventory.take_in(&outcome("a.9", "a", OpResult::Absent));
    assert_eq!(open(&inventory), ["a.2"], "an operation that nobody began says nothing");
    inventory.take_in(&outcome("a.2", "a", not_done()));
    assert_eq!((state(&inventory, "a"), open(&inventory)), (None, vec![]));
}

#[test]
fn what_is_ours_stays_ours_whatever_was_not_done_to_it() {
    for action in [Action::Create, Action::Update, Action::Replace, Action::Delete] {
        let begun = [adopt("a", entry("a")), Record::Intent(intent("a.1", "a", action))];
        let mut inventory = of(begun.clone());
        assert_eq!(inventory.entries().get(&key("a")), Some(&entry("a")), "{action} is only begun");
        inventory.take_in(&outcome("a.1", "a", not_done()));
        assert_eq!((inventory.entries().get(&key("a")), open(&inventory)), (Some(&entry("a")), vec![]));
    }
}

#[test]
fn an_outcome_says_what_is_ours_from_now_on_and_ends_all_doubt_about_the_object() {
    let begun = |action, result| {
        of([
            adopt("a", entry("a")),
            adopt("b", entry("b")),
            Record::Intent(intent("b.1", "b", Action::Update)),
            Record::Intent(intent("a.1", "a", Action::Update)),
            Record::Intent(intent("a.2", "a", action)),
            outcome("a.2", "a", result),
        ])
    };
    let made = begun(Action::Replace, present());
    let entry = made.entries().get(&key("a")).unwrap();
    assert_eq!((entry.uid.as_ref().unwrap().as_str(), entry.desired), ("made", Some(Digest::of(b"new"))));
    assert_eq!(open(&made), ["b.1"]);
    let (uid, version) = (Uid::new("made"), Version::new("2"));
    let (written, error) = (Some(Digest::of(b"new")), "it does".to_owned());
    let differs = begun(Action::Update, OpResult::Differs { uid, version, desired: written, error });
    let entry = differs.entries().get(&key("a")).unwrap();
    assert_eq!((entry.uid.as_ref().unwrap().as_str(), entry.desired), ("made", None), "it was compared");
    assert_eq!(entry.left_otherwise, written, "and this is what was written");
    assert_eq!(open(&differs), ["b.1"]);
    let gone = begun(Action::Delete, OpResult::Absent);
    assert_eq!(
        (state(&gone, "a"), state(&gone, "b"), open(&gone)),
        (None, Some(OwnedState::Held), vec!["b.1"])
    );
    let going = begun(Action::Delete, OpResult::Deleting);
    assert_eq!((state(&going, "a"), open(&going)), (Some(OwnedState::Deleting), vec!["a.1", "b.1"]));
}

#[test]
fn the_end_of_what_ran_once_is_remembered_after_it_was_deleted() {
    let ran = || Owned { runs_once: true, readiness: ReadinessRecord::Ready, ..entry("a") };
    let deleted = |runs_once, action, result| {
        let intent = Intent { runs_once, ..intent("a.2", "a", action) };
        let before = Record::Intent(self::intent("a.1", "a", Action::Update));
        of([adopt("a", ran()), before, Record::Intent(intent), outcome("a.2", "a", result)])
    };
    for result in [OpResult::Absent, OpResult::Deleting] {
        let cleaned_up = deleted(true, Action::Delete, result);
        assert_eq!((cleaned_up.entries().get(&key("a")), open(&cleaned_up)), (Some(&ran()), vec![]));
    }
    assert_eq!(state(&deleted(false, Action::Delete, OpResult::Absent), "a"), None, "it left the source");
    assert_eq!(
        state(&deleted(true, Action::Update, OpResult::Absent), "a"),
        None,
        "it is gone, and was not deleted"
    );
    assert_eq!(state(&deleted(false, Action::Delete, OpResult::Deleting), "a"), Some(OwnedState::Deleting));
}

#[test]
fn whose_readiness_is_to_be_seen_is_known_until_it_was() {
    let runs = || Owned { runs_once: true, ..entry("a") };
    let ready = Owned { readiness: ReadinessRecord::Ready, ..runs() };
    let unproven = |inventory: &Inventory| inventory.unproven().cloned().collect::<Vec<_>>();
    let mut inventory = of([adopt("a", runs()), adopt("b", entry("b"))]);
    assert_eq!(unproven(&inventory), [key("a")]);
    let parts = [(key("a"), runs()), (key("b"), entry("b"))].to_vec();
    assert_eq!(unproven(&Inventory::from_parts(Head::default(), parts.clone(), Vec::new())), [key("a")]);
    let entries = parts.into_iter().collect();
    assert_eq!(unproven(&Inventory::from_kept(Head::default(), entries, Vec::new(), [key("a")])), [key("a")]);
    inventory.take_in(&adopt("a", ready));
    assert_eq!(unproven(&inventory), []);
    inventory.take_in(&adopt("a", runs()));
    inventory.take_in(&Record::Forget { key: key("a") });
    assert_eq!(unproven(&inventory), []);
}

#[test]
fn an_inventory_says_how_far_revisions_and_its_log_have_come() {
    let at = Time::from_micros(7);
    let position = AuditPosition { entries: 3, bytes: 900, hash: Digest::of(b"line") };
    let mut inventory = of([
        Record::Accepted { revision: revision() },
        Record::Completed { revision: revision(), at },
        Record::Audited { position: position.clone() },
    ]);
    assert_eq!((inventory.owner().as_str(), inventory.application()), ("shop/1", "shop"));
    assert_eq!(
        (inventory.accepted(), inventory.complete().map(|complete| complete.at)),
        (Some(&revision()), Some(at))
    );
    assert_eq!((inventory.progress(), inventory.audited()), (None, Some(&position)));
    inventory.forget_audit_log();
    assert_eq!(inventory.audited(), None);
    let next = Revision::new("s", "main");
    inventory.take_in(&Record::Begun { revision: next.clone(), at });
    inventory.take_in(&Record::Unfinished { left: Left::of(vec![key("a")]) });
    let progress = inventory.progress().unwrap();
    assert_eq!((&progress.revision, progress.left.as_ref().unwrap().count()), (&next, 1));
    let binding = Binding { application: "store".into(), ..Binding::default() };
    inventory.take_in(&Record::Bound { owner: "store/1".into(), binding: binding.clone() });
    assert_eq!((inventory.owner().as_str(), inventory.application()), ("store/1", "store"));
    assert_eq!(inventory.binding(), Some(&binding));
}

#[test]
fn what_is_open_when_the_state_changes_hands_counts_as_begun_then() {
    let mut inventory = of([
        Record::Intent(intent("a.1", "a", Action::Create)),
        Record::Intent(intent("b.1", "b", Action::Delete)),
    ]);
    let at = Time::from_micros(9);
    inventory.reopen(at);
    assert!(inventory.open().all(|intent| intent.at == at));
    let kept = Inventory::from_kept(
        Head::default(),
        DigestMap::default(),
        vec![intent("c.1", "c", Action::Update)],
        [],
    );
    assert_eq!(open(&kept), ["c.1"]);
}

#[test]
fn a_shard_holds_the_entries_and_the_doubts_of_its_keys_and_no_others() {
    let inventory = of([
        adopt("a", entry("a")),
        adopt("b", entry("b")),
        Record::Intent(intent("a.1", "a", Action::Update)),
        Record::Intent(intent("b.1", "b", Action::Update)),
    ]);
    let level = Level::try_from(3).unwrap();
    let wanted: BTreeMap<ShardId, _> = [(level.shard(&key("a")), [key("a"), key("gone")].into())].into();
    let planned = [intent("a.2", "a", Action::Create), intent("b.2", "b", Action::Create)];
    let shards = Shard::collect(level, wanted, &inventory, &planned);
    let right = Shard {
        entries: vec![(key("a"), entry("a"))],
        open: vec![intent("a.1", "a", Action::Update)],
        planned: vec![intent("a.2", "a", Action::Create)],
    };
    assert!(!right.is_empty() && Shard::default().is_empty());
    assert_eq!(shards.into_iter().collect::<Vec<_>>(), [(level.shard(&key("a")), right)]);
    let some = |shard: Shard| assert!(!shard.is_empty());
    some(Shard { entries: vec![(key("a"), entry("a"))], ..Shard::default() });
    some(Shard { open: vec![intent("a.1", "a", Action::Update)], ..Shard::default() });
    some(Shard { planned: vec![intent("a.1", "a", Action::Update)], ..Shard::default() });
}

#[test]
fn each_level_is_sixteen_times_as_fine_as_the_one_before_up_to_the_last() {
    let mut level = Some(Level::default());
    let digits = std::iter::from_fn(|| {
        let now = level?;
        level = now.finer();
        Some(now.shard(&key("a")).to_string())
    });
    let digits: Vec<String> = digits.collect();
    let digest = Digest::of(key("a").to_string().as_bytes()).to_string();
    assert_eq!(digits, ["all", &digest[..1], &digest[..2], &digest[..3]]);
    assert_eq!([0, 3, 4].map(|level| Level::try_from(level).is_ok()), [true, true, false]);
}

#[test]
fn a_shard_is_written_beside_what_the_index_names() {
    assert_eq!((Slot::A.other(), Slot::B.other()), (Slot::B, Slot::A));
    let shard: ShardId = "3f".into();
    assert_eq!([Slot::A.document(&shard), Slot::B.document(&shard)], ["inventory.3f.a", "inventory.3f.b"]);
}
