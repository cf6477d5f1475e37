use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use super::controllers;
use super::servers::{self, Shell};

/// The folder of a server that another process started, which the tests of this one use as their shared one.
const LENT: &str = "GITOPS_LENT_API_SERVER";

/// A running API server, shared by all tests of one process and ended with it.
#[derive(Debug)]
pub struct ApiServer {
    folder: PathBuf,
    port: u16,
    /// `None` if another process started it, and ends it.
    shell: Option<Shell>,
}

/// Somebody whom the server knows by a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// May do everything.
    Admin,
    /// May do nothing until a test binds a role to it: `tenant-0` to `tenant-9`.
    Tenant(u8),
}

impl User {
    /// The user's name, as role bindings and the audit log have it.
    pub fn name(self) -> String {
        match self {
            Self::Admin => "admin".to_owned(),
            Self::Tenant(number) => format!("tenant-{number}"),
        }
    }

    fn token(self) -> String {
        format!("token-of-{}", self.name())
    }
}

impl ApiServer {
    /// The one server of this process, started by whoever asks first; or the one that another process lends it, by
    /// `GITOPS_LENT_API_SERVER`, which is the folder that [`lend`](Self::lend) gave there.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<ApiServer> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var_os(LENT) {
            Some(folder) => Self::lent(folder.into()),
            None => Self::start(),
        })
    }

    fn lent(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("port")).expect("whoever lends a server wrote its port");
        let port = text.trim().parse().expect("a port is a number");
        Self { folder, port, shell: None }
    }

    /// Lets other processes use the server for as long as this one runs: the folder to tell them.
    pub fn lend(&self) -> &Path {
        fs::write(self.folder.join("port"), self.port.to_string()).unwrap();
        &self.folder
    }

    /// Whether other processes use it too, or used it before.
    pub fn is_lent(&self) -> bool {
        self.shell.is_none()
    }

    /// A server of its own, for tests that break it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("gitops-kube-").tempdir().unwrap().keep();
        prepare(&folder);
        let port = servers::free_port();
        let server = Self { shell: Some(servers::start(&folder, port)), folder, port };
        server.wait_until_ready();
        server
    }

    /// The one server of this process that has controllers, started by whoever asks first: Deployments roll out, Jobs
    /// finish or fail, namespaces end, garbage is collected. What pods do, `stages/README.md` says.
    ///
    /// It is another one than [`shared`](Self::shared), where tests write the status that they need.
    pub fn controlled() -> &'static Self {
        static CONTROLLED: OnceLock<ApiServer> = OnceLock::new();
        CONTROLLED.get_or_init(Self::start_controlled)
    }

    /// The same as a server of its own, for what counts for the whole cluster.
    pub fn start_controlled() -> Self {
        let server = Self::start();
        server.control();
        server
    }

    /// Starts the controllers and a node, and waits until both are at work.
    fn control(&self) {
        let kubeconfig = self.kubeconfig(User::Admin);
        fs::write(self.folder.join("admin.kubeconfig"), kubeconfig).unwrap();
        fs::write(self.folder.join("controllers.sh"), controllers::commands(&self.folder)).unwrap();
        self.say("control");
        let node =
            ["--request", "POST", "--header", "Content-Type: application/json", "--data", controllers::NODE];
        self.curl("/api/v1/nodes", &node).expect("the administrator may make a node");
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        let is_at_work = || {
            let node = self.ask("/api/v1/nodes/node").unwrap_or_default();
            node.contains("KubeletReady") && !node.contains("taints") && self.ask(account).is_some()
        };
        self.wait_until("the controllers are not at work", "kube-controller-manager.log", is_at_work);
    }

    /// Ends the API server at once, in the middle of whatever it does; what it stored stays.
    pub fn kill(&self) {
        self.say("kill");
        while self.ask("/livez").is_some() {
            std::thread::yield_now();
        }
    }

    /// Starts it again after [`kill`](Self::kill), and waits until it answers.
    pub fn revive(&self) {
        self.say("start");
        self.wait_until_ready();
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The certificates that its own is signed with.
    pub fn ca(&self) -> Vec<u8> {
        fs::read(self.folder.join("apiserver.crt")).unwrap()
    }

    /// A kubeconfig for a user, straight to the server.
    pub fn kubeconfig(&self, user: User) -> String {
        let ca = format!("    certificate-authority: {}\n", self.folder.join("apiserver.crt").display());
        kubeconfig(&self.url(), &ca, user)
    }

    /// A kubeconfig for a user, by another way to the server.
    pub fn kubeconfig_by(&self, url: &str, user: User) -> String {
        kubeconfig(url, "", user)
    }

    /// The numbers of its processes: its own and that of its etcd.
    pub fn processes(&self) -> [String; 2] {
        ["api-server.pid", "etcd.pid"].map(|name| {
            let number =
                fs::read_to_string(self.folder.join(name)).expect("the shell wrote it before it answered");
            number.trim().to_owned()
        })
    }

    pub(crate) fn audit_log(&self) -> PathBuf {
        self.folder.join("audit.log")
    }

    fn say(&self, word: &str) {
        self.shell.as_ref().expect("who did not start a server does not end it").say(word);
    }

    fn wait_until_ready(&self) {
        let is_up = || self.ask("/readyz").is_some_and(|answer| answer == "ok");
        self.wait_until("the API server is not ready", "api-server.log", is_up);
    }

    fn wait_until(&self, else_say: &str, log: &str, is_so: impl Fn() -> bool) {
        for _ in 0..1200 {
            if is_so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join(log)).unwrap_or_default();
        let tail: Vec<_> = log.lines().rev().take(20).collect();
        panic!("{else_say} after a minute:\n{}", tail.join("\n"));
    }

    /// What the server answers the administrator.
    fn ask(&self, path: &str) -> Option<String> {
        self.curl(path, &[])
    }

    fn curl(&self, path: &str, arguments: &[&str]) -> Option<String> {
        let header = format!("Authorization: Bearer {}", User::Admin.token());
        let output = Command::new("curl")
            .args(["--silent", "--insecure", "--fail", "--max-time", "5", "--header", &header])
            .args(arguments)
            .arg(format!("{}{path}", self.url()))
            .output()
            .expect("`curl` is there");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// `tls` is a whole line or nothing.
fn kubeconfig(url: &str, tls: &str, user: User) -> String {
    let token = user.token();
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters:\n- name: test\n  cluster:\n    server: {url}\n{tls}\
         users:\n- name: test\n  user:\n    token: {token}\n\
         contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n"
    )
}

/// Only that a request came in, which is written before it is answered: nothing is counted late.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\n\
    omitStages: [ResponseStarted, ResponseComplete, Panic]\nrules:\n- level: Metadata\n";

fn prepare(folder: &Path) {
    fs::write(folder.join("audit-policy.yaml"), AUDIT_POLICY).unwrap();
    fs::write(folder.join("tokens.csv"), tokens()).unwrap();
    let key = folder.join("accounts.key");
    let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&key).arg("2048").output();
    assert!(made.expect("`openssl` is there").status.success(), "openssl made no key");
}

fn tokens() -> String {
    let mut lines = format!("{},admin,admin,\"system:masters\"\n", User::Admin.token());
    for user in (0..10).map(User::Tenant) {
        writeln!(lines, "{},{},{},\"tenants\"", user.token(), user.name(), user.name()).unwrap();
    }
    lines
}
