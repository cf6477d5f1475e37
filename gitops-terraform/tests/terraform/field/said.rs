//! What the tool says reaches who has to act on it.

use std::sync::{Arc, Mutex};

use gitops_core::capability::Readiness;
use gitops_core::*;

use crate::support::*;

/// A linter was needed to see the errors of a module behind the first one (monorepos).
#[tokio::test]
async fn every_error_is_told_with_its_file_from_the_source() {
    let module = "output \"a\" { value = var.none }\noutput \"b\" { value = var.nothing }\n";
    let main = "module \"m\" {\n  source = \"../../modules/m\"\n}\n";
    let world = World::new(&[("infra/app/main.tf", main), ("modules/m/main.tf", module)]);
    let why = world.plan().await.blocked[0].why.to_string();
    assert!(why.contains("modules/m/main.tf:1: ") && why.contains("modules/m/main.tf:2: "), "{why}");
    assert!(!why.contains("../") && !why.contains('\n'), "{why}");
}

/// A check that began to fail stayed green until the next apply (health dashboards).
#[tokio::test]
async fn a_check_that_fails_degrades_its_root_for_as_long_as_it_fails() {
    let world = World::new(&[]);
    let flag = world.folder.path().join("flag");
    std::fs::write(&flag, "good").unwrap();
    let main = format!(
        "resource \"terraform_data\" \"a\" {{}}\ncheck \"c\" {{\n  assert {{\n    condition = file(\"{}\") == \"good\" || terraform_data.a.id == \"x\"\n         error_message = \"it is bad\"\n  }}\n}}\n",
        flag.display()
    );
    world.files.declare(&[("app/main.tf", &main)]);
    let report = world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    let health = async |world: &World| {
        let (target, live) = (world.target(), world.live("app").await.unwrap());
        let ready = target.health().unwrap().ready(&world.cx, &live.key, &Applied::from(&live)).await;
        ready.unwrap()
    };
    assert_eq!(health(&world).await, Readiness::Ready);
    std::fs::write(&flag, "bad").unwrap();
    world.target().drift(&world.cx, &root_key("app")).await.unwrap();
    for _ in 0..2 {
        let Readiness::Failed(why) = health(&world).await else { panic!("it is not ready") };
        assert!(why.contains("it is bad"), "{why}");
    }
    std::fs::write(&flag, "good").unwrap();
    world.target().drift(&world.cx, &root_key("app")).await.unwrap();
    assert_eq!(health(&world).await, Readiness::Ready);
}

/// Deprecations were seen on the day on which they had become errors (upgrades).
#[tokio::test]
async fn warnings_of_the_tool_are_told_with_each_plan_that_is_shown() {
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let main = "resource \"terraform_data\" \"a\" {}\ncheck \"c\" {\n  assert {\n    condition = terraform_data.a.id == \"x\"\n    error_message = \"no x\"\n  }\n}\n";
    let ears = heard.clone();
    let world = World::new(&[("app/main.tf", main)]).built(move |builder| {
        let ears = ears.clone();
        builder.warnings(move |warning| ears.lock().unwrap().push(warning.to_string()))
    });
    world.apply().await;
    world.files.declare(&[("app/main.tf", &main.replace("{}\ncheck", "{ input = 1 }\ncheck"))]);
    for process in 0..2 {
        heard.lock().unwrap().clear();
        assert_eq!(world.plan().await.steps.len(), 1);
        let heard = heard.lock().unwrap();
        assert!(heard.iter().any(|warning| warning.contains("no x")), "{process}: {heard:?}");
    }
}
