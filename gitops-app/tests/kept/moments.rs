//! What a plan kept at another moment, at another place, or in a format of another version.

use gitops_app::session::Moving;
use gitops_core::Hasher;

use super::*;

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// What a plan comes to, with what was kept or without it.
async fn outcome(world: &World, rebind: bool, anew: bool) -> Result<String, String> {
    let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
    let aside = world.path("aside");
    let had = anew && fs::rename(world.kept(), &aside).is_ok();
    let moving = Moving { rebind, ..Moving::default() };
    let plan = async {
        let mut session = Session::builder(&world.config).moving(moving).open(&cx).await?;
        session.engine.plan(&cx).await
    };
    let plan = plan.await;
    if had {
        fs::rename(aside, world.kept()).unwrap();
    }
    plan.map(|plan| shown(&plan)).map_err(|error| error.with_help())
}

async fn assert_is_as_anew(world: &World, when: &str) {
    let kept = fs::read(world.kept()).ok();
    for rebind in [false, true] {
        if let Some(kept) = &kept {
            fs::write(world.kept(), kept).unwrap();
        }
        let anew = outcome(world, rebind, true).await;
        if let Some(kept) = &kept {
            fs::write(world.kept(), kept).unwrap();
        }
        assert_eq!(outcome(world, rebind, false).await, anew, "{when}, {rebind}");
    }
}

#[tokio::test]
async fn a_folder_that_was_copied_or_moved_with_its_state_is_planned_as_it_is_there() {
    let world = World::with_files(12);
    world.apply().await;
    world.plan().await;
    let elsewhere = Arc::new(tempfile::tempdir().unwrap());
    for entry in fs::read_dir(world.folder.path()).unwrap().flatten() {
        copy(&entry.path(), &elsewhere.path().join(entry.file_name()));
    }
    let other = World::of(elsewhere, "site");
    assert!(other.kept().exists());
    assert_is_as_anew(&other, "copied").await;
    fs::write(other.live(&name(3)), "by hand\n").unwrap();
    other.declare(&name(4), "second\n");
    other.commit();
    assert_is_as_anew(&other, "copied and changed").await;
    assert!(world.plan().await.0.is_empty(), "the first one is as it was");

    // The folder is put back in the place of the first one.
    fs::remove_dir_all(world.folder.path().join("live")).unwrap();
    copy(&other.path("live"), &world.path("live"));
    let (plan, _) = world.plan().await;
    assert_eq!(plan.steps.len(), 1, "{plan:?}");
    assert_is_as_anew(&world, "put back").await;
}

#[tokio::test]
async fn what_was_kept_at_another_moment_of_the_state_is_passed_over() {
    let world = World::with_files(12);
    world.apply().await;
    world.plan().await;
    let (state, backup) = (world.config.state.clone(), world.path("backup"));
    copy(&state, &backup);
    world.declare(&name(1), "second\n");
    world.declare(&name(90), "new\n");
    world.commit();
    world.apply().await;
    world.plan().await;
    let later = fs::read(world.kept()).unwrap();

    // The state is put back from a backup, and what was kept is of the moment after it.
    fs::remove_dir_all(&state).unwrap();
    copy(&backup, &state);
    fs::write(world.kept(), &later).unwrap();
    assert_is_as_anew(&world, "a later moment").await;
    // It goes on in another way, with as many entries.
    world.declare(&name(1), "third!\n");
    fs::remove_file(world.origin(&name(90))).unwrap();
    world.commit();
    let cx = Cx::new(Arc::new(Ahead), Arc::new(System));
    let (mut session, _) = world.begin(&cx, Access::Write).await;
    let plan = session.engine.plan(&cx).await.unwrap();
    session.engine.apply(&cx, &plan, &ApplyOptions::naming_the_plan("alice")).await.unwrap();
    drop(session);
    fs::write(world.kept(), &later).unwrap();
    assert_is_as_anew(&world, "a moment that never was").await;
    fs::write(world.live(&name(2)), "by hand\n").unwrap();
    fs::write(world.kept(), &later).unwrap();
    assert_is_as_anew(&world, "a moment that never was, and drift").await;
}

/// The file with another document, as a version would have written it that has such a one.
fn rewritten(kept: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let length = usize::try_from(u64::from_le_bytes(kept[8..16].try_into().unwrap())).unwrap();
    let (mut head, values) = (kept[48..48 + length].to_vec(), &kept[48 + length..]);
    let at = head.windows(from.len()).position(|part| part == from.as_bytes()).expect("it is there");
    head[at..at + to.len()].copy_from_slice(to.as_bytes());
    let digest = Hasher::new("gitops tables 3").field(&head).finish();
    [&kept[..16], digest.as_bytes(), &head, values].concat()
}

#[tokio::test]
async fn what_another_version_kept_is_passed_over_and_made_anew() {
    let world = World::with_files(20);
    world.apply().await;
    world.plan().await;
    assert_eq!(world.plan().await.1, Cost::default());
    let kept = fs::read(world.kept()).unwrap();
    let engine = "\"engine\":\"gitops-core ";
    let mut files = vec![
        rewritten(&kept, "\"format\":1", "\"format\":9"),
        rewritten(&kept, engine, "\"engine\":\"gitops-cord "),
        // A document that has no such fields at all, another kind of file, the beginning of one, and nothing.
        rewritten(&kept, "\"format\":", "\"farmat\":"),
        [b"gitopsK9", &kept[8..]].concat(),
        kept[..kept.len() / 2].to_vec(),
        kept[..20].to_vec(),
        Vec::new(),
    ];
    // What is as it was written is used: so the digest is not what keeps the others from it.
    fs::write(world.kept(), rewritten(&kept, "\"format\":1", "\"format\":1")).unwrap();
    assert_eq!(world.plan().await.1, Cost::default());
    for (index, file) in files.drain(..).enumerate() {
        fs::write(world.kept(), file).unwrap();
        let (plan, cost) = world.plan().await;
        assert!(plan.is_empty());
        assert_eq!(cost, Cost { rendered: 20, considered: 20 }, "file {index}");
        assert_eq!(world.plan().await.1, Cost::default(), "file {index} was made anew");
    }
}
