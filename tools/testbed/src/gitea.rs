//! A real forge: Gitea, with the accounts and repositories that a test makes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The password of every account.
const PASSWORD: &str = "not-a-secret-1";

/// How much garbage a run of the program leaves before it collects: of each push, several run for a moment, and of each forge one that lives
/// for one test. Collecting was a quarter of their work.
const COLLECTS: (&str, &str) = ("GOGC", "400");

/// Ends the server and removes its folder as soon as its standard input ends: when the test is over, however it went.
const SHELL: &str = r#"
trap "" INT TERM HUP
"$GITEA" --config "$FOLDER/app.ini" web >"$FOLDER/gitea.log" 2>&1 </dev/null &
server=$!
while read -r word; do :; done
kill -9 $server
wait
rm -rf "$FOLDER"
"#;

/// A forge of its own; it ends with this value.
///
/// The account [`ADMIN`](Self::ADMIN) may do everything, and there is no other until [`join`](Self::join) makes one.
#[derive(Debug)]
pub struct Gitea {
    folder: PathBuf,
    port: u16,
    token: String,
    client: Client<HttpConnector, Full<Bytes>>,
    _ear: ChildStdin,
}

/// A runner that carries out the jobs of a forge on this machine; it ends with this value.
#[derive(Debug)]
pub struct Runner {
    log: PathBuf,
    child: Child,
}

impl Runner {
    /// What its jobs printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Gitea {
    /// The account that may do everything.
    pub const ADMIN: &str = "gitops";

    /// Starts one; returns when it answers.
    ///
    /// # Panics
    /// If the program is not there: `cargo xtask test` builds it.
    pub async fn start() -> Self {
        Self::start_with("[actions]\nENABLED = false\n").await
    }

    /// The same with jobs, which a [`runner`](Self::runner) carries out. Actions that jobs name are repositories of this forge.
    pub async fn start_with_actions() -> Self {
        Self::start_with("[actions]\nENABLED = true\nDEFAULT_ACTIONS_URL = self\n").await
    }

    async fn start_with(more: &str) -> Self {
        let folder = TempDir::with_prefix("gitops-gitea-").unwrap().keep();
        let program = needed("GITOPS_GITEA");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let began = BEGAN.get_or_init(|| Began::new(&program));
        for (name, bytes) in &began.files {
            fs::write(folder.join(name), bytes).unwrap();
        }
        fs::write(folder.join("app.ini"), configuration(&folder, port) + more).unwrap();
        let token = began.token.clone();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let ear = serve(&program, &folder);
        let gitea = Self { folder, port, token, client, _ear: ear };
        gitea.wait().await;
        gitea
    }

    /// Starts a runner with a label, whose jobs have these variables beside those of this process.
    ///
    /// # Panics
    /// If the program is not there: `cargo xtask test` builds it.
    pub async fn runner(&self, label: &str, environment: &[(&str, &str)]) -> Runner {
        let path = "/admin/actions/runners/registration-token";
        let made = self.done(Self::ADMIN, "POST", path, Value::Null).await;
        let token = made["token"].as_str().expect("the forge gives a token").to_owned();
        let folder = self.folder.join("runner");
        fs::create_dir_all(&folder).unwrap();
        let log = self.folder.join("runner.log");
        let file = fs::File::create(&log).unwrap();
        let mut command = Command::new(needed("GITOPS_ACT_RUNNER"));
        command.args([&self.url(), &token]).arg(&folder).arg(label).envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stderr(file.try_clone().unwrap()).stdout(file);
        Runner { log, child: command.spawn().expect("the runner starts") }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A token of the account that may do everything.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The calls of the API so far that write something: method and path, in the order of their ends.
    pub fn writes(&self) -> Vec<(String, String)> {
        let log = fs::read_to_string(self.folder.join("gitea.log")).unwrap();
        let call = |line: &str| {
            let (_, call) = line.split_once("router: completed ")?;
            let mut words = call.split(' ');
            let (method, path) = (words.next()?, words.next()?.strip_prefix("/api/v1")?);
            matches!(method, "POST" | "PUT" | "PATCH" | "DELETE")
                .then(|| (method.to_owned(), path.to_owned()))
        };
        // Colours are for terminals.
        let plain = |line: &str| {
            line.split('\u{1b}')
                .map(|part| {
                    part.split_once('m')
                        .filter(|(code, _)| code.starts_with('['))
                        .map_or(part, |(_, rest)| rest)
                })
                .collect::<String>()
        };
        log.lines().filter_map(|line| call(&plain(line))).collect()
    }

    /// Makes an account.
    pub async fn join(&self, login: &str) {
        let body = json!({
            "username": login, "email": format!("{login}@example.org"), "password": PASSWORD,
            "must_change_password": false,
        });
        self.done(Self::ADMIN, "POST", "/admin/users", body).await;
    }

    /// Waits until the forge's clock, which is this machine's, gives another second: it tells no shorter time.
    #[expect(clippy::disallowed_methods, reason = "the clock of another process is waited for")]
    pub async fn next_second(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        tokio::time::sleep(Duration::from_secs(now.as_secs() + 1).saturating_sub(now)).await;
    }

    /// Has the writer of a comment on a repository put 👍 on it, in a later second than that in which others may have edited it.
    ///
    /// # Panics
    /// If it is none within the tries that take the forge some seconds.
    pub async fn confirms(&self, login: &str, repository: &str, said: &Value) {
        let path = format!("/repos/{repository}/issues/comments/{}/reactions", said["id"]);
        for _ in 0..100 {
            let put = self.done(login, "POST", &path, json!({"content": "+1"})).await;
            if put["created_at"].as_str().unwrap() > said["created_at"].as_str().unwrap() {
                return;
            }
            self.done(login, "DELETE", &path, json!({"content": "+1"})).await;
            self.next_second().await;
        }
        panic!("the forge gives no 👍 a later second than {}", said["created_at"]);
    }

    /// The address by which Git reaches a repository as an account.
    pub fn remote(&self, login: &str, repository: &str) -> String {
        format!("http://{login}:{PASSWORD}@127.0.0.1:{}/{repository}.git", self.port)
    }

    /// Makes what the tutorial on requests begins with: Ada and Bob, who may write to the empty repository `shop/site`, and the variables
    /// by which a shell finds all that.
    pub async fn playground(&self) -> Vec<(&'static str, String)> {
        self.done(Self::ADMIN, "POST", "/orgs", json!({"username": "shop"})).await;
        let repository = json!({"name": "site", "default_branch": "main"});
        self.done(Self::ADMIN, "POST", "/orgs/shop/repos", repository).await;
        for login in ["ada", "bob"] {
            self.join(login).await;
            let path = format!("/repos/shop/site/collaborators/{login}");
            self.done(Self::ADMIN, "PUT", &path, json!({"permission": "write"})).await;
        }
        let person = |login: &str| format!("{login}:{PASSWORD}");
        vec![
            ("FORGE", self.url()),
            ("API", format!("{}/api/v1/repos/shop/site", self.url())),
            ("PUSH", self.remote("ada", "shop/site")),
            ("ADA", person("ada")),
            ("BOB", person("bob")),
            ("GITEA_TOKEN", self.token.clone()),
        ]
    }

    /// Makes a call of the API as an account; gives the body of the answer.
    ///
    /// # Panics
    /// If the answer is no success.
    pub async fn done(&self, login: &str, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(login, method, path, body.clone()).await;
        assert!((200..300).contains(&status), "{login}: {method} {path} {body}: {status} {answer}");
        answer
    }

    /// Makes a call of the API as an account; gives status and body of the answer.
    pub async fn call(&self, login: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let credentials = STANDARD.encode(format!("{login}:{PASSWORD}"));
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url()))
            .header(header::AUTHORIZATION, format!("Basic {credentials}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let answer = self.client.request(request.body(Full::new(body)).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    #[expect(clippy::disallowed_methods, reason = "another process is waited for")]
    async fn wait(&self) {
        let version = format!("{}/api/v1/version", self.url());
        for _ in 0..600 {
            let request = Request::get(&version).body(Full::<Bytes>::default()).unwrap();
            if self.client.request(request).await.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("Gitea does not answer within a minute");
    }
}

/// What each forge begins with.
static BEGAN: OnceLock<Began> = OnceLock::new();

/// A database with the account that may do everything, and that one's token: three runs of the program that each process of tests needs once.
struct Began {
    files: Vec<(&'static str, Vec<u8>)>,
    token: String,
}

impl Began {
    fn new(program: &Path) -> Self {
        let folder = TempDir::with_prefix("gitops-gitea-").unwrap();
        let folder = folder.path();
        fs::write(folder.join("app.ini"), configuration(folder, 0)).unwrap();
        run(program, folder, &["migrate"]);
        let create =
            ["admin", "user", "create", "--admin", "--username", Gitea::ADMIN, "--password", PASSWORD];
        let more = ["--email", "gitops@example.org", "--must-change-password=false"];
        run(program, folder, &[&create[..], &more].concat());
        let token = [
            "admin",
            "user",
            "generate-access-token",
            "--username",
            Gitea::ADMIN,
            "--raw",
            "--scopes",
            "all",
        ];
        // It writes its log there too, before or after.
        let is_token = |line: &&str| line.len() == 40 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
        let token = run(program, folder, &token).lines().find(is_token).unwrap().to_owned();
        // What is written and not yet merged into the database is in a log beside it.
        let files = ["gitea.db", "gitea.db-wal"];
        let files = files.into_iter().filter_map(|name| Some((name, fs::read(folder.join(name)).ok()?)));
        Self { files: files.collect(), token }
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let (files, folder) = (needed("GITOPS_GITEA_STATIC"), folder.display());
    let files = files.display();
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    format!(
        "RUN_USER = {user}\nI_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true\n\
         [server]\nHTTP_ADDR = 127.0.0.1\nHTTP_PORT = {port}\nROOT_URL = http://127.0.0.1:{port}/\n\
         APP_DATA_PATH = {folder}/data\nSTATIC_ROOT_PATH = {files}\nDISABLE_SSH = true\n\
         LFS_START_SERVER = false\nOFFLINE_MODE = true\n\
         [database]\nDB_TYPE = sqlite3\nPATH = {folder}/gitea.db\n\
         SQLITE_JOURNAL_MODE = WAL\nSQLITE_TIMEOUT = 20000\n\
         [repository]\nROOT = {folder}/repositories\nENABLE_PUSH_CREATE_USER = true\nDEFAULT_BRANCH = main\n\
         [security]\nINSTALL_LOCK = true\nSECRET_KEY = only-for-tests\nPASSWORD_HASH_ALGO = pbkdf2$1$10\n\
         [webhook]\nALLOWED_HOST_LIST = loopback\n[indexer]\nISSUE_INDEXER_TYPE = db\n\
         [log]\nMODE = console\nLEVEL = Info\n"
    )
}

fn run(program: &Path, folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.arg("--config").arg(folder.join("app.ini")).args(arguments);
    let output = command.envs([COLLECTS]).env("GITEA_WORK_DIR", folder).env("HOME", folder).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[expect(clippy::zombie_processes, reason = "the shell ends with this process, not before")]
fn serve(program: &Path, folder: &Path) -> ChildStdin {
    let mut shell = Command::new("sh");
    shell.args(["-c", SHELL]).stdin(Stdio::piped()).stdout(Stdio::null());
    shell
        .env("GITEA", program)
        .envs([COLLECTS])
        .env("FOLDER", folder)
        .env("GITEA_WORK_DIR", folder)
        .env("HOME", folder);
    let mut child = shell.spawn().expect("`sh` starts");
    child.stdin.take().expect("it is piped")
}

fn needed(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    path.unwrap_or_else(|| {
        panic!("{variable} does not name a program that exists: run `cargo xtask test`, which sets it")
    })
}
