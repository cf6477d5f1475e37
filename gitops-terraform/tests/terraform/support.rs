//! A world for one application: files in memory, an engine with a durable state, the real tool.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use gitops_core::*;
use gitops_terraform::{Terraform, TerraformBuilder, TerraformRender};

/// The paths of older versions of the tool that are supported: the oldest, and one in the middle.
pub fn older_tofus() -> [PathBuf; 2] {
    ["GITOPS_TOFU_OLDEST", "GITOPS_TOFU_MIDDLE"].map(|name| {
        let path = std::env::var_os(name);
        PathBuf::from(path.unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test`")))
    })
}

/// The tool in every version that is supported, the oldest first.
pub fn tools() -> Vec<PathBuf> {
    older_tofus().into_iter().chain([tofu()]).collect()
}

/// The path of the tool.
pub fn tofu() -> PathBuf {
    let path = std::env::var_os("GITOPS_TOFU").expect("GITOPS_TOFU is not set: run `cargo xtask test`");
    PathBuf::from(path)
}

pub fn root_key(folder: &str) -> Key {
    Key::new("tf", GroupKind::new("", "Root"), "", folder)
}

pub fn yes() -> ApplyOptions {
    ApplyOptions::naming_the_plan("tester")
}

/// Files that a test declares; each declaration is a revision.
#[derive(Default)]
pub struct Files(Mutex<(u64, Contents)>);

/// Files with their bytes.
type Contents = Vec<(String, Vec<u8>)>;

impl Files {
    pub fn declare(&self, files: &[(&str, &str)]) {
        self.declare_bytes(&files.iter().map(|(path, text)| (*path, text.as_bytes())).collect::<Vec<_>>());
    }

    pub fn declare_bytes(&self, files: &[(&str, &[u8])]) {
        let mut inner = self.0.lock().unwrap();
        inner.0 += 1;
        inner.1 = files.iter().map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec())).collect();
    }
}

#[async_trait]
impl Source for Files {
    fn info(&self) -> SourceInfo {
        SourceInfo::new("files", "now")
    }

    async fn resolve(&self, _: &Cx) -> Result<Revision> {
        Ok(Revision::new(self.0.lock().unwrap().0.to_string(), "now"))
    }

    async fn fetch(&self, _: &Cx, revision: &Revision) -> Result<Snapshot> {
        Snapshot::from_files("files", revision.clone(), self.0.lock().unwrap().1.clone())
    }
}

pub struct World {
    pub cx: Cx,
    /// Removed with the world, if the world made it.
    pub folder: Folder,
    pub files: Arc<Files>,
    pub options: Options,
    pub render: Arc<dyn Render>,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// Another work folder than the one in the world's own.
    pub work: Option<PathBuf>,
    /// The program of the targets.
    pub tool: PathBuf,
    build: Box<dyn Fn(TerraformBuilder) -> TerraformBuilder + Send + Sync>,
}

/// The folder of a world.
pub enum Folder {
    Own(tempfile::TempDir),
    Given(PathBuf),
}

impl Folder {
    pub fn path(&self) -> &Path {
        match self {
            Self::Own(folder) => folder.path(),
            Self::Given(path) => path,
        }
    }
}

impl World {
    /// The world in a folder that somebody else keeps.
    #[must_use]
    pub fn within(mut self, folder: &Path) -> Self {
        self.folder = Folder::Given(folder.to_owned());
        self
    }

    pub fn new(files: &[(&str, &str)]) -> Self {
        let world = Self {
            cx: Cx::system(),
            folder: Folder::Own(tempfile::tempdir().unwrap()),
            files: Arc::default(),
            options: Options::default(),
            render: Arc::new(TerraformRender::new("tf")),
            call_timeout: Duration::from_secs(600),
            work: None,
            tool: tofu(),
            build: Box::new(|builder| builder),
        };
        world.files.declare(files);
        world
    }

    /// The world with another version of the tool.
    #[must_use]
    pub fn with_tool(self, tool: PathBuf) -> Self {
        Self { tool, ..self }
    }

    /// Builds targets with more options.
    #[must_use]
    pub fn built(
        mut self,
        build: impl Fn(TerraformBuilder) -> TerraformBuilder + Send + Sync + 'static,
    ) -> Self {
        self.build = Box::new(build);
        self
    }

    #[must_use]
    pub fn rendered(mut self, render: TerraformRender) -> Self {
        self.render = Arc::new(render);
        self
    }

    pub fn work(&self) -> PathBuf {
        self.work.clone().unwrap_or_else(|| self.folder.path().join("work"))
    }

    /// The target as a new process would open it.
    pub fn target(&self) -> Terraform {
        (self.build)(Terraform::builder(&self.tool, self.work())).open(&self.cx).unwrap()
    }

    /// An engine over a target, as a new process would open it.
    pub async fn engine(&self, target: &Terraform) -> Engine {
        Engine::builder("shop")
            .source(self.files.clone())
            .render(self.render.clone())
            .target("tf", Arc::new(target.clone()))
            .options(self.options.clone())
            .call_timeout(self.call_timeout)
            .state(self.state().await)
            .open(&self.cx)
            .await
            .unwrap()
    }

    /// The state folder. A process that another test starts at this moment has a copy of every open file, and so of the
    /// lock of an engine that is gone, until it runs its own program: that is waited for.
    pub async fn state(&self) -> StateDir {
        let (path, cx) = (self.folder.path().join("state"), self.cx.within(Duration::from_secs(10)));
        loop {
            match StateDir::open(&path, &cx) {
                Err(error) if error.kind() == ErrorKind::Locked => {
                    cx.sleep(Duration::from_millis(10)).await.expect("the lock is given back");
                }
                opened => return opened.unwrap(),
            }
        }
    }

    /// Plans and applies, as a process of its own would.
    pub async fn apply(&self) -> Report {
        let target = self.target();
        converge(&self.cx, &mut self.engine(&target).await).await
    }

    /// Plans, as a process of its own would.
    pub async fn plan(&self) -> Plan {
        let target = self.target();
        self.engine(&target).await.plan(&self.cx).await.unwrap()
    }

    pub async fn live(&self, folder: &str) -> Option<Live> {
        let scope: Scope = [root_key(folder)].into_iter().collect();
        self.target().observe(&self.cx, &scope).await.unwrap().pop()
    }

    /// The id of the application's inventory.
    pub async fn owner(&self) -> String {
        self.engine(&self.target()).await.inventory().owner().to_string()
    }

    /// The folder of the only root.
    pub fn root_folder(&self) -> PathBuf {
        let roots: Vec<_> = std::fs::read_dir(self.work().join("roots")).unwrap().flatten().collect();
        assert_eq!(roots.len(), 1, "there is one root");
        roots[0].path()
    }
}

/// The files of a root that was planned for one place.
pub fn tree(folder: &Path) -> PathBuf {
    let trees = std::fs::read_dir(folder.join("trees")).into_iter().flatten().flatten();
    let found = trees.map(|entry| entry.path()).filter(|path| path.is_dir()).chain([folder.join("tree")]);
    found.into_iter().find(|path| path.is_dir()).unwrap()
}

/// The tool's data of a root that was planned for one place.
pub fn data(folder: &Path) -> PathBuf {
    let found: Vec<_> = std::fs::read_dir(folder.join("data")).unwrap().flatten().collect();
    assert_eq!(found.len(), 1, "there is one place");
    found[0].path()
}

/// Runs the tool in the only root as a person would, beside us.
pub fn tool(world: &World, arguments: &[&str]) -> String {
    let folder = world.root_folder();
    let mut command = std::process::Command::new(&world.tool);
    command.args(arguments).current_dir(tree(&folder).join("app")).env("TF_DATA_DIR", data(&folder));
    command.env("TF_CLI_CONFIG_FILE", world.work().join("cli.tfrc"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Plans, and applies exactly that plan.
pub async fn converge(cx: &Cx, engine: &mut Engine) -> Report {
    let plan = engine.plan(cx).await.unwrap();
    engine.apply(cx, &plan, &yes()).await.unwrap()
}

/// The lines of a step's diff.
pub fn diff(plan: &Plan) -> Vec<String> {
    plan.steps.iter().flat_map(|step| step.diff.fields()).map(ToString::to_string).collect()
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files_below(&entry.path())),
            kind if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found.sort();
    found
}

/// A clock on which every wait is over at once.
struct Hasty;

#[async_trait]
impl Clock for Hasty {
    fn now(&self) -> Time {
        System.now()
    }

    async fn wait_until(&self, _: Time) {
        tokio::task::yield_now().await;
    }
}

/// A context on that clock.
pub fn hasty() -> Cx {
    Cx::new(Arc::new(Hasty), Arc::new(System))
}
