//! Programs that come to no end: they are ended by the limit that holds for them, which is named, and by who stops the command.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::World;
use crate::{Cluster, tofu};

/// A program that hangs where its first argument is the one given; else it is another program.
struct Hanging {
    path: PathBuf,
    /// How long it sleeps: no other process has this argument.
    sleeps: String,
}

impl Hanging {
    fn new(world: &World, at: &str, other: &Path) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let sleeps = format!("1000.{}{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = world.path("hanging");
        let script = format!(
            "#!/bin/sh\n[ \"$1\" != {at} ] || exec /bin/sleep {sleeps}\nexec {} \"$@\"\n",
            other.display()
        );
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Self { path, sleeps }
    }

    /// Whether it hangs at this moment. It may write nothing, and so is looked for.
    fn hangs(&self) -> bool {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let is_it = |command: String| command.split('\0').any(|argument| argument == self.sleeps);
        let mut commands =
            processes.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok());
        commands.any(is_it)
    }
}

/// Met with clouds whose API did not answer: the limits of the configuration were those of the builder alone.
#[test]
fn what_the_configuration_says_of_plans_and_applies_of_roots_ends_them() {
    for at in ["plan", "apply"] {
        let world = World::empty();
        let program = Hanging::new(&world, at, &tofu());
        let configure = |limit: &str| {
            world.configure(&format!(
                "name: shop\nsource: {{ git: {{ url: ./repository, ref: {{ branch: main }}, path: site }} }}\n\
                 target: {{ terraform: {{ binary: {}, timeouts: {{ {at}: {limit} }} }} }}\n",
                program.path.display()
            ));
        };
        configure("2s");
        world.commit("Begin", &[("net/main.tf", Some("resource \"terraform_data\" \"a\" {}\n"))]);
        let ran = world.gitops(&["apply", "--yes"]).expect(1);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("the deadline passed") && said.contains("net"), "{at}: {said}");
        assert!(!program.hangs(), "{at}");
        // The next process is not held up by it.
        std::fs::remove_file(&program.path).unwrap();
        std::os::unix::fs::symlink(tofu(), &program.path).unwrap();
        configure("10m");
        world.gitops(&["apply", "--yes"]).expect(0);
    }
}

async fn with_a_chart() -> (Cluster, Hanging) {
    let cluster = Cluster::new().await;
    let program =
        Hanging::new(&cluster.world, "template", Path::new(&crate::cluster::program("GITOPS_HELM")));
    let render = format!(
        "    render: [{{ helm: {{ path: chart, release: r, program: {} }} }}]\n",
        program.path.display()
    );
    cluster.configure("shop", &render);
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: web }\n";
    let chart = "apiVersion: v2\nname: c\nversion: 0.1.0\n";
    cluster
        .world
        .commit("Begin", &[("chart/Chart.yaml", Some(chart)), ("chart/templates/map.yaml", Some(map))]);
    (cluster, program)
}

/// Met with a chart that asks the network: the command went on for as long as the program did.
#[tokio::test]
async fn a_helm_that_hangs_is_ended_by_the_time_that_the_command_has() {
    let (cluster, program) = with_a_chart().await;
    cluster.run(&["plan", "--timeout", "4s"]).await.expect(1).warns("the deadline passed");
    assert!(!program.hangs());
}

/// Met with a plan that was given up by hand: the program that it had started went on.
#[tokio::test]
async fn a_helm_that_hangs_is_ended_when_the_command_is_stopped() {
    let (cluster, program) = with_a_chart().await;
    for (arguments, code) in [(&["plan"][..], 130), (&["run"], 0)] {
        let mut child = cluster.world.command(arguments).spawn().unwrap();
        while !program.hangs() {
            assert_eq!(child.try_wait().unwrap(), None, "{arguments:?}");
            tokio::task::yield_now().await;
        }
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{arguments:?}");
        assert!(!program.hangs(), "{arguments:?}");
    }
}
