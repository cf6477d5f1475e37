//! What the tool says reaches who has to act on it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use gitops_core::capability::{MovedObjects, Readiness, Watch as _};
use gitops_core::*;
use gitops_terraform::{Terraform, TerraformRender};

use crate::support::*;

/// A linter was needed to see the errors of a module behind the first one (monorepos).
#[tokio::test]
async fn every_error_is_told_with_its_file_from_the_source() {
    let module = "output \"a\" { value = var.none }\noutput \"b\" { value = var.nothing }\n";
    let main = "module \"m\" {\n  source = \"../../modules/m\"\n}\n";
    for tool in tools() {
        let world = World::new(&[("infra/app/main.tf", main), ("modules/m/main.tf", module)]).with_tool(tool);
        let why = world.plan().await.blocked[0].why.to_string();
        assert!(why.contains("modules/m/main.tf:1: ") && why.contains("modules/m/main.tf:2: "), "{why}");
        assert!(!why.contains("../") && !why.contains('\n'), "{why}");
    }
}

/// A root with a check that holds as long as a file outside of it says so.
struct Checked {
    world: World,
    flag: PathBuf,
}

impl Checked {
    fn that(says: &str) -> Self {
        Self::declared(says, "")
    }

    fn with_tool(self, tool: PathBuf) -> Self {
        Self { world: self.world.with_tool(tool), ..self }
    }

    fn declared(says: &str, more: &str) -> Self {
        let world = World::new(&[]);
        let flag = world.folder.path().join("flag");
        std::fs::write(&flag, says).unwrap();
        let main = format!(
            "resource \"terraform_data\" \"a\" {{}}\ncheck \"c\" {{\n  assert {{\n    condition = file(\"{}\") == \"good\" || terraform_data.a.id == \"x\"\n         error_message = \"it is bad\"\n  }}\n}}\n{more}",
            flag.display()
        );
        world.files.declare(&[("app/main.tf", &main)]);
        Self { world, flag }
    }

    /// The same with a secret input, which no look for drift can be made with: the plan looks.
    fn with_a_secret(says: &str) -> Self {
        let Self { world, flag } = Self::declared(says, "variable \"password\" { sensitive = true }\n");
        let secret = Value::Secret(Secret::new("canary", &SecretKey::new([3; 32])));
        Self { world: world.rendered(TerraformRender::new("tf").variable("password", secret)), flag }
    }

    /// The check holds from now on, or not, and the providers are asked.
    async fn says(&self, target: &Terraform, what: &str) {
        std::fs::write(&self.flag, what).unwrap();
        target.drift(&self.world.cx, &root_key("app")).await.unwrap();
    }

    async fn ready(&self) -> Readiness {
        let (target, live) = (self.world.target(), self.world.live("app").await.unwrap());
        let ready = target.health().unwrap().ready(&self.world.cx, &live.key, &Applied::from(&live)).await;
        ready.unwrap()
    }

    /// A process keeps the root applied meanwhile.
    async fn while_at_work<T>(
        &self,
        target: &Terraform,
        meanwhile: impl AsyncFnOnce(tokio::sync::watch::Receiver<Arc<EngineStatus>>) -> T,
    ) -> T {
        let (cx, mut engine) = (self.world.cx.child(), self.world.engine(target).await);
        let status = engine.handle().status();
        let run = engine.run(&cx, std::time::Duration::from_millis(20));
        let meanwhile = async {
            let done = meanwhile(status).await;
            cx.cancel();
            done
        };
        let (ran, done) = tokio::join!(run, meanwhile);
        ran.unwrap();
        done
    }
}

/// Waits until the process at work says this of health.
async fn until(status: &mut tokio::sync::watch::Receiver<Arc<EngineStatus>>, is: HealthStatus) {
    status.wait_for(|status| status.last.is_some() && status.health == is).await.unwrap();
}

/// A check that began to fail stayed green until the next apply (health dashboards).
#[tokio::test]
async fn a_check_that_fails_degrades_its_root_for_as_long_as_it_fails() {
    for tool in tools() {
        degrades_its_root(tool).await;
    }
}

async fn degrades_its_root(tool: PathBuf) {
    let root = Checked::that("good").with_tool(tool);
    let report = root.world.apply().await;
    assert!(report.is_converged(), "{report:?}");
    assert_eq!(root.ready().await, Readiness::Ready);
    root.says(&root.world.target(), "bad").await;
    for _ in 0..2 {
        let Readiness::Failed(why) = root.ready().await else { panic!("it is not ready") };
        assert!(why.contains("it is bad"), "{why}");
    }
    root.says(&root.world.target(), "good").await;
    assert_eq!(root.ready().await, Readiness::Ready);
}

/// Met with a database root that is given its password: a check that turned was told as drift, was written as an update of nothing, and
/// under `drift: report` the root stayed degraded for good.
#[tokio::test]
async fn a_check_of_a_root_with_a_secret_input_turns_without_a_change() {
    for tool in tools() {
        turns_without_a_change(tool).await;
    }
}

async fn turns_without_a_change(tool: PathBuf) {
    let mut root = Checked::with_a_secret("good").with_tool(tool);
    assert!(root.world.apply().await.is_converged());
    for policy in [DriftPolicy::Correct, DriftPolicy::Report] {
        root.world.options = Options::default().drift(policy);
        for (what, holds) in [("bad", false), ("good", true)] {
            root.says(&root.world.target(), what).await;
            for _process in 0..2 {
                let plan = root.world.plan().await;
                assert!(plan.is_empty() && plan.drift.is_empty() && plan.blocked.is_empty(), "{plan:?}");
                assert_eq!(root.ready().await == Readiness::Ready, holds, "{what}");
            }
        }
    }
    // A commit is told with what its checks come to.
    root.says(&root.world.target(), "bad").await;
    let report = root.world.apply().await;
    assert_eq!((report.applied(), report.plan.drift.len()), (0, 0), "{report:?}");
}

/// It was seen by who asked for it alone: a commit whose check had begun to fail was told to be live and well.
#[tokio::test]
async fn a_processat_work_sees_a_check_fail_and_hold_again() {
    for first in ["good", "bad"] {
        let root = Checked::that(first);
        let target = root.world.target();
        root.while_at_work(&target, async |mut status| {
            let before = if first == "good" { HealthStatus::Unknown } else { HealthStatus::Degraded };
            until(&mut status, before).await;
            for (what, is) in [("bad", HealthStatus::Degraded), ("good", HealthStatus::Unknown)] {
                root.says(&target, what).await;
                until(&mut status, is).await;
            }
            root.says(&target, "bad").await;
            until(&mut status, HealthStatus::Degraded).await;
        })
        .await;
        // Also the next process, which finds nothing to do.
        let target = root.world.target();
        root.while_at_work(&target, async |mut status| {
            until(&mut status, HealthStatus::Degraded).await;
            root.says(&target, "good").await;
            until(&mut status, HealthStatus::Unknown).await;
        })
        .await;
    }
}

#[tokio::test]
async fn looking_at_a_root_starts_no_process_and_waits_for_nobody() {
    let root = Checked::that("good");
    root.world.apply().await;
    root.says(&root.world.target(), "bad").await;
    let (target, keys) = (root.world.target(), [root_key("app"), root_key("none")]);
    let at_work = std::fs::File::open(root.world.root_folder().join("lock")).unwrap();
    at_work.lock().unwrap();
    let seen = target.health().unwrap().look(&root.world.cx, &keys).await.unwrap();
    assert_eq!(seen.keys().collect::<Vec<_>>(), [&keys[0]], "nothing is known of a root that is not there");
    assert!(matches!(&seen[&keys[0]], Readiness::Failed(why) if why.contains("it is bad")), "{seen:?}");
    assert_eq!(target.processes(), 0);
}

/// What a check says is no drift, and so the watch kept it to itself.
#[tokio::test]
async fn the_watch_tells_of_a_check_that_fails_or_holds_again() {
    let root = Checked::that("good");
    root.world.apply().await;
    let target = Terraform::builder(tofu(), root.world.work())
        .drift_every(std::time::Duration::from_secs(3600))
        .open(&root.world.cx)
        .unwrap();
    root.world.engine(&target).await.plan(&root.world.cx).await.unwrap();
    root.says(&target, "good").await;
    for what in ["bad", "good"] {
        std::fs::write(&root.flag, what).unwrap();
        assert_eq!(target.moved(&hasty()).await.unwrap(), MovedObjects::Keys(vec![root_key("app")]));
    }
}

/// Met with a process at work that looks every two seconds: one failing check filled its log.
#[tokio::test]
async fn a_check_that_goes_on_failing_is_told_once() {
    let root = Checked::that("good");
    root.world.apply().await;
    let heard = Arc::<Mutex<Vec<String>>>::default();
    let ears = heard.clone();
    let target = Terraform::builder(tofu(), root.world.work())
        .warnings(move |warning| ears.lock().unwrap().push(warning.to_string()))
        .open(&root.world.cx)
        .unwrap();
    let count = || heard.lock().unwrap().iter().filter(|warning| warning.contains("it is bad")).count();
    for (what, told) in [("bad", 1), ("bad", 1), ("good", 1), ("bad", 2), ("bad", 2)] {
        root.says(&target, what).await;
        assert_eq!(count(), told, "{what}");
    }
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
