//! An engine whose disk fills up: either a change is not sent, or what came of it is recorded.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use gitops_core::*;
use support::World;
use testbed::SmallDisk;

/// A target at whose first change somebody else takes all room of the disk.
struct Fills {
    inner: Arc<Memory>,
    disk: Arc<SmallDisk>,
    on_first_change: bool,
}

#[async_trait]
impl Target for Fills {
    fn info(&self) -> TargetInfo {
        self.inner.info().concurrency(4)
    }

    async fn observe(&self, cx: &Cx, scope: &Scope) -> Result<Vec<Live>> {
        self.inner.observe(cx, scope).await
    }

    async fn apply(&self, cx: &Cx, change: &Change) -> Result<Applied> {
        // Answers come one after the other, so that some are awaited when the room ends.
        for _ in 0..change.key().name().len() + usize::from(change.key().name().ends_with('7')) {
            tokio::task::yield_now().await;
        }
        let applied = self.inner.apply(cx, change).await;
        if self.on_first_change && self.inner.writes() == 1 {
            self.disk.fill();
        }
        applied
    }
}

async fn engine(world: &World, disk: &Arc<SmallDisk>, fills: bool) -> Result<Engine> {
    let target = Fills { inner: world.memory.clone(), disk: disk.clone(), on_first_change: fills };
    let state = StateDir::open(&disk.path("state"), &world.cx)?;
    world.builder("test").target("t", Arc::new(target)).state(state).open(&world.cx).await
}

/// One test at a time: while one starts a program (a mount), the copy of the process that becomes it holds the other's
/// locks for a moment.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// After the disk has room again: everything that was sent has its outcome, and is owned.
async fn assert_recorded(world: &World, disk: &Arc<SmallDisk>, when: &str) {
    let engine = engine(world, disk, false).await.unwrap();
    assert_eq!(engine.inventory().open().count(), 0, "{when}: an outcome was not recorded");
    let owned: Vec<Key> = engine.inventory().entries().keys().cloned().collect();
    assert_eq!(owned, world.memory.keys(), "{when}");
    let log = std::fs::read_to_string(disk.path("state").join("audit.jsonl")).unwrap_or_default();
    let outcomes: Vec<&str> = log.lines().filter(|line| line.contains("\"event\":\"outcome\"")).collect();
    for key in owned {
        let is_told = outcomes.iter().any(|line| line.contains(&key.to_string()));
        assert!(is_told, "{when}: the audit log does not say what came of {key}");
    }
}

#[tokio::test]
async fn with_any_room_left_a_change_is_not_sent_or_what_came_of_it_is_recorded() {
    let _alone = ALONE.lock().await;
    let mut before_any_effect = 0;
    for room in 0..40 {
        let (world, disk) = (World::with(&[("a", "1"), ("b", "2")]), Arc::new(SmallDisk::mount("512k")));
        let mut running = engine(&world, &disk, false).await.unwrap();
        let plan = running.plan(&world.cx).await.unwrap();
        let ballast = disk.fill();
        let held = std::fs::metadata(&ballast).unwrap().len();
        std::fs::OpenOptions::new().write(true).open(&ballast).unwrap().set_len(held - (room << 12)).unwrap();
        let applied = running.apply(&world.cx, &plan, &support::yes()).await;
        drop(running);
        std::fs::remove_file(ballast).unwrap();
        match applied {
            Ok(_) => {
                assert!(before_any_effect > 5, "the disk was never too full");
                return;
            }
            Err(error) => assert!(error.help_text().is_some_and(|help| help.contains("space")), "{error:?}"),
        }
        before_any_effect += usize::from(world.memory.writes() == 0);
        assert_recorded(&world, &disk, &format!("with {room} blocks left")).await;
    }
    panic!("even 160 KiB are not enough");
}

#[tokio::test]
async fn what_came_of_changes_is_recorded_on_a_disk_that_has_filled_up_since() {
    let _alone = ALONE.lock().await;
    let names: Vec<String> = (0..600).map(|n| format!("o{n:03}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let (world, disk) = (World::with(&files), Arc::new(SmallDisk::mount("512k")));
    let mut running = engine(&world, &disk, true).await.unwrap();
    let plan = running.plan(&world.cx).await.unwrap();
    let error = running.apply(&world.cx, &plan, &support::yes()).await.unwrap_err();
    assert!(error.help_text().is_some_and(|help| help.contains("space")), "{error:?}");
    drop(running);
    let sent = world.memory.keys().len();
    assert!(sent > 0 && sent < names.len(), "{sent} changes were sent");
    std::fs::remove_file(disk.path("ballast")).unwrap();
    assert_recorded(&world, &disk, "after it filled up").await;
}
