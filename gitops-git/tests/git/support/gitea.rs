use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use gitops_core::{Secret, SecretKey};
use gitops_git::Credentials;
use tempfile::TempDir;

use super::{Proxy, Repo, needed};

/// A real forge, with the user `bot` who owns private repositories and the user `guest` who may see none of them.
pub struct Gitea {
    home: TempDir,
    server: Child,
    bot: String,
    guest: String,
}

/// The one server that all tests share; it ends with the last of them.
pub fn gitea() -> Arc<Gitea> {
    static SHARED: Mutex<Weak<Gitea>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let gitea = Arc::new(Gitea::start());
        *shared = Arc::downgrade(&gitea);
        gitea
    })
}

impl Gitea {
    fn start() -> Self {
        let program = needed("GITOPS_GITEA", None);
        let home = TempDir::with_prefix("gitops-gitea-").unwrap();
        fs::write(home.path().join("app.ini"), configuration(home.path())).unwrap();
        run(&program, home.path(), &["migrate"]);
        let [bot, guest] = ["bot", "guest"].map(|user| token(&program, home.path(), user));
        let server = serve(&program, home.path());
        Self { home, server, bot, guest }
    }

    fn socket(&self) -> PathBuf {
        self.home.path().join("socket")
    }

    /// A way to it over TCP.
    pub fn proxy(&self) -> Proxy {
        Proxy::before(&self.socket())
    }

    pub fn bot(&self) -> Credentials {
        credentials("bot", &self.bot)
    }

    pub fn guest(&self) -> Credentials {
        credentials("guest", &self.guest)
    }

    pub fn bot_token(&self) -> &str {
        &self.bot
    }

    /// Pushes the branch `main` and all tags into a repository of `bot`'s, which is made by that, and gives its URL.
    pub fn push(&self, proxy: &Proxy, repo: &Repo, name: &str) -> String {
        let place = format!("127.0.0.1:{}/bot/{name}.git", proxy.port());
        let url = format!("http://bot:{}@{place}", self.bot);
        repo.git(&["push", "--quiet", "--force", &url, "main", "--tags"]);
        format!("http://{place}")
    }
}

impl Drop for Gitea {
    fn drop(&mut self) {
        self.server.kill().unwrap();
        self.server.wait().unwrap();
    }
}

/// Credentials of somebody.
pub fn credentials(user: &str, token: &str) -> Credentials {
    Credentials::Token { user: user.into(), secret: Secret::new(token, &SecretKey::new([7; 32])) }
}

fn configuration(home: &Path) -> String {
    let files = needed("GITOPS_GITEA_STATIC", None);
    let (home, files) = (home.display(), files.display());
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    format!(
        "RUN_USER = {user}\nI_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true\n\
         [server]\nPROTOCOL = http+unix\nHTTP_ADDR = {home}/socket\nAPP_DATA_PATH = {home}/data\n\
         STATIC_ROOT_PATH = {files}\nDISABLE_SSH = true\nLFS_START_SERVER = false\nOFFLINE_MODE = true\n\
         [database]\nDB_TYPE = sqlite3\nPATH = {home}/gitea.db\n\
         [repository]\nROOT = {home}/repositories\nENABLE_PUSH_CREATE_USER = true\nDEFAULT_BRANCH = main\n\
         [security]\nINSTALL_LOCK = true\nSECRET_KEY = only-for-tests\n[log]\nMODE = console\nLEVEL = Info\n"
    )
}

fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--config").arg(home.join("app.ini")).env("GITEA_WORK_DIR", home).env("HOME", home);
    command
}

fn run(program: &Path, home: &Path, arguments: &[&str]) -> String {
    let output = command(program, home).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Makes a user and gives a token that may do everything that the user may.
fn token(program: &Path, home: &Path, user: &str) -> String {
    let email = format!("{user}@example.org");
    let password = "not-a-secret-1";
    let create = ["admin", "user", "create", "--username", user, "--password", password, "--email", &email];
    run(program, home, &[&create[..], &["--must-change-password=false"]].concat());
    let token = ["admin", "user", "generate-access-token", "--username", user, "--raw", "--scopes", "all"];
    // The program's log may come between.
    let is_token = |line: &&str| line.len() == 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    run(program, home, &token).lines().map(str::trim).find(is_token).expect("the token is printed").to_owned()
}

/// Starts the server and returns once it accepts connections.
fn serve(program: &Path, home: &Path) -> Child {
    let mut child =
        command(program, home).arg("web").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = |line: &String| line.contains("Starting new Web server");
    assert!(lines.any(|line| line.is_ok_and(|line| ready(&line))), "the server ended before it listened");
    std::thread::spawn(move || lines.for_each(drop));
    wait_for(&home.join("socket"));
    child
}

/// The server says that it starts just before it listens.
fn wait_for(socket: &Path) {
    let is_up = || UnixStream::connect(socket).is_ok();
    let up = (0..1000).any(|_| {
        is_up() || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            false
        }
    });
    assert!(up, "the server does not listen on its socket");
}
