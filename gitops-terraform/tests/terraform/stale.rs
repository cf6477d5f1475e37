//! A plan is applied only while all that it was made from holds.

use std::sync::Arc;

use gitops_core::*;

use crate::support::*;

const MAIN: &str = r#"
variable "size" { default = 1 }
resource "terraform_data" "a" { input = var.size }
"#;

/// Applies once, plans a change, lets something happen, and tries to apply what was planned.
async fn after(world: &World, happens: impl AsyncFnOnce(&World)) -> Error {
    world.apply().await;
    world.files.declare(&[("app/main.tf", &MAIN.replace("= 1", "= 2"))]);
    let target = world.target();
    let plan = world.engine(&target).await.plan(&world.cx).await.unwrap();
    let step = &plan.steps[0];
    let change = change_of(world, step).await;
    happens(world).await;
    let error = target.apply(&world.cx, &change).await.unwrap_err();
    assert!(error.is_conflict() && !error.is_unknown(), "{error:?}");
    let state = std::fs::read_to_string(world.root_folder().join("tree/app/terraform.tfstate")).unwrap();
    assert!(!state.contains("\"value\": 2"), "nothing was applied");
    error
}

async fn change_of(world: &World, step: &Step) -> Change {
    let target = world.target();
    let mut engine = world.engine(&target).await;
    engine.plan(&world.cx).await.unwrap();
    let object: Arc<Object> = engine.desired().unwrap().objects().get(&step.key).unwrap().clone();
    let owner_label = OwnerLabel { owner: engine.inventory().owner().clone(), op: "1".into() };
    Change::Update { object, expect: step.expect.clone().unwrap(), owner_label, preview: step.preview }
}

#[tokio::test]
async fn a_state_that_a_person_moved() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    let error = after(&world, async |world| {
        tool(world, &["apply", "-auto-approve", "-var=size=5"]);
    })
    .await;
    assert!(error.to_string().contains("not in the state that the plan was made for"), "{error}");
}

#[tokio::test]
async fn a_state_that_was_edited_without_a_new_serial() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    let error = after(&world, async |world| {
        let path = world.root_folder().join("tree/app/terraform.tfstate");
        let state = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, state.replace("\"value\": 1", "\"value\": 9")).unwrap();
    })
    .await;
    assert!(error.is_conflict());
}

#[tokio::test]
async fn another_plan_that_was_made_since() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    let error = after(&world, async |world| {
        world.files.declare(&[("app/main.tf", &MAIN.replace("= 1", "= 3"))]);
        world.plan().await;
    })
    .await;
    assert!(error.to_string().contains("another effect"), "{error}");
}

#[tokio::test]
async fn a_plan_that_is_gone() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    let error = after(&world, async |world| {
        std::fs::remove_file(world.root_folder().join("plan/kept.tfplan")).unwrap();
    })
    .await;
    assert!(error.to_string().contains("not kept any more"), "{error}");
}

#[tokio::test]
async fn a_state_that_is_gone_holds_the_root_instead_of_making_everything_anew() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    world.apply().await;
    let state = world.root_folder().join("tree/app/terraform.tfstate");
    for damage in [None, Some("")] {
        match damage {
            None => std::fs::remove_file(&state).unwrap(),
            Some(text) => std::fs::write(&state, text).unwrap(),
        }
        let plan = world.plan().await;
        assert!(plan.steps.is_empty());
        let why = plan.blocked[0].why.to_string();
        assert!(why.contains("is gone") || why.contains("is empty"), "{why}");
    }
}

#[tokio::test]
async fn another_program_makes_a_new_plan_and_an_old_one_stale() {
    let world = World::new(&[("app/main.tf", MAIN)]);
    world.apply().await;
    let copy = world.folder.path().join("tool");
    let mut bytes = std::fs::read(crate::support::tofu()).unwrap();
    bytes.push(0);
    std::fs::write(&copy, bytes).unwrap();
    std::fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let before = world.live("app").await.unwrap().version;
    let other = gitops_terraform::Terraform::builder(&copy, world.work()).open(&world.cx).unwrap();
    let scope: Scope = [root_key("app")].into_iter().collect();
    let after = other.observe(&world.cx, &scope).await.unwrap().remove(0).version;
    assert_ne!(before, after);
    let mut engine = world.engine(&other).await;
    assert!(
        converge(&world.cx, &mut engine).await.results.is_empty(),
        "the effect is the same: nothing is done"
    );
}
