//! A GitHub App: it proves who it is, gets tokens for one repository, and renews them.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gitops_core::{Clock, Cx, System, Time};
use gitops_forge::conformance::MemoryOthers;
use gitops_forge::{Connection, Forge, GitHub, GitHubApp, MergeMethod, RepositoryPath, RequestQuery};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Answered, Asked, Described, Description, GitHubDialect, Handler, Server, needed, secret,
};

/// A private key in PEM form, and the public one as `ring` takes it.
fn keys() -> (String, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    let openssl = |arguments: &[&str]| {
        let made = Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    openssl(&["genrsa", "-traditional", "-out", "key.pem", "2048"]);
    openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "key.pem", "-out", "key8.pem"]);
    openssl(&["rsa", "-in", "key.pem", "-RSAPublicKey_out", "-outform", "DER", "-out", "public.der"]);
    let other =
        GitHubApp::new("1", &secret(&std::fs::read_to_string(folder.path().join("key8.pem")).unwrap()));
    other.expect("both forms of a key are read");
    let read = |name| std::fs::read(folder.path().join(name)).unwrap();
    (String::from_utf8(read("key.pem")).unwrap(), read("public.der"))
}

/// A forge on which an app is installed. It tells its time, which may differ from ours.
struct WithApp {
    dialect: GitHubDialect,
    public: Vec<u8>,
    ahead: i64,
    made: Mutex<u32>,
    /// How long a token is good, in seconds.
    good_for: i64,
}

impl WithApp {
    fn now(&self) -> i64 {
        System.now().as_micros() / 1_000_000 + self.ahead
    }

    /// Whether a proof is signed by the app and good now, as GitHub judges it.
    fn is_proven(&self, asked: &Asked) -> bool {
        let proof = asked.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
        let Some((said, signature)) = proof.rsplit_once('.') else { return false };
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public);
        let claims = URL_SAFE_NO_PAD.decode(said.split_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let [from, until] = ["iat", "exp"].map(|name| claims[name].as_i64().unwrap());
        let now = self.now();
        key.verify(said.as_bytes(), &signature).is_ok()
            && claims["iss"] == "Iv1.0123"
            && from <= now
            && (now..=now + 600).contains(&until)
    }

    fn token(&self, asked: &Asked) -> Answered {
        assert_eq!(asked.json(), json!({"repositories": ["site"]}), "the token is for one repository");
        let mut made = self.made.lock().unwrap();
        *made += 1;
        let token = format!("token-of-the-app-{made}");
        self.dialect.set_tokens(&[&token]);
        let until = Time::from_micros((self.now() + self.good_for) * 1_000_000);
        Answered::json(201, json!({"token": token, "expires_at": until}))
    }
}

#[async_trait]
impl Handler for WithApp {
    async fn answer(&self, asked: &Asked) -> Answered {
        let date = jiff::Timestamp::from_second(self.now()).unwrap();
        let date = date.to_zoned(jiff::tz::TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let of_app = match asked.parts().as_slice() {
            ["api", "v3", "repos", "platform", "site", "installation"] => Some(json!({"id": 42})),
            ["api", "v3", "app"] => Some(json!({"slug": "gitops"})),
            ["api", "v3", "app", "installations", "42", "access_tokens"] => Some(Value::Null),
            _ => None,
        };
        let answer = match of_app {
            None => self.dialect.answer(asked).await,
            Some(_) if !self.is_proven(asked) => Answered::json(
                401,
                json!({"message": "'Expiration time' claim ('exp') is too far in the future"}),
            ),
            Some(Value::Null) => self.token(asked),
            Some(answer) => Answered::json(200, answer),
        };
        answer.header("date", date)
    }
}

async fn with_app(ahead: i64, good_for: i64) -> (Server, Arc<WithApp>, GitHub, String) {
    let (handler, private) = installed(ahead, good_for);
    let handler = Arc::new(handler);
    let server = Server::start(handler.clone()).await;
    let forge = as_app(&server, &private);
    (server, handler, forge, private)
}

/// A forge on which the app of a key is installed.
fn installed(ahead: i64, good_for: i64) -> (WithApp, String) {
    let (private, public) = keys();
    let memory = MemoryOthers::new();
    memory.forge().join_bot("gitops[bot]", gitops_forge::Permission::Write);
    let dialect = GitHubDialect::new(memory.forge().clone());
    dialect.set_tokens(&[]);
    (WithApp { dialect, public, ahead, made: Mutex::new(0), good_for }, private)
}

fn as_app(server: &Server, private: &str) -> GitHub {
    let app = GitHubApp::new("Iv1.0123", &secret(private)).unwrap();
    let repository = RepositoryPath::parse("platform/site").unwrap();
    GitHub::as_app(Connection::to(server.url()), repository, app).unwrap()
}

/// What an app asks, and how a repository is merged, is as GitHub publishes it, and so are the answers.
#[tokio::test]
async fn every_call_of_an_app_is_as_github_describes_it() {
    let description = Arc::new(Description::read(&needed("GITOPS_GITHUB_DESCRIPTION"), &["api", "v3"]));
    let (handler, private) = installed(0, 3600);
    let server = Server::start(Arc::new(Described::new(handler, description.clone()))).await;
    let (forge, cx) = (as_app(&server, &private), Cx::system());
    assert_eq!(forge.me(&cx).await.unwrap().login, "gitops[bot]");
    forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
    assert_eq!(forge.merge_methods(&cx).await.unwrap(), [MergeMethod::Merge, MergeMethod::Rebase]);
    assert!(description.violations().is_empty(), "{}", description.violations().join("\n"));
    for operation in [
        "GET /app",
        "GET /repos/{owner}/{repo}/installation",
        "POST /app/installations/{installation_id}/access_tokens",
        "GET /repos/{owner}/{repo}",
    ] {
        assert!(description.has_seen(operation), "{operation} is not asked");
    }
}

#[tokio::test]
async fn an_app_proves_who_it_is_whatever_its_clock_says() {
    for ahead in [0, -3600, 3600, 86_400] {
        let (server, _, forge, _) = with_app(ahead, 3600).await;
        let cx = Cx::system();
        let me = forge.me(&cx).await.unwrap();
        assert_eq!((me.login.as_str(), me.is_bot), ("gitops[bot]", true), "a clock that is {ahead} s behind");
        forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
        let refused = server.seen().iter().filter(|(_, status)| *status == 401).count();
        assert!(refused <= 1, "{refused} proofs were refused");
    }
}

#[tokio::test]
async fn a_token_is_kept_until_it_is_renewed_five_minutes_before_its_end() {
    let cx = Cx::system();
    let (_server, handler, forge, _) = with_app(0, 3600).await;
    let all = (0..8).map(|_| forge.change_requests(&cx, &RequestQuery::Open));
    for done in futures::future::join_all(all).await {
        done.unwrap();
    }
    assert_eq!(*handler.made.lock().unwrap(), 1, "one token is enough for calls at one time");
    let (_server, handler, forge, _) = with_app(0, 299).await;
    for _ in 0..3 {
        forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
    }
    assert_eq!(*handler.made.lock().unwrap(), 3, "a token that is about to end is not used");
}

#[tokio::test]
async fn a_token_that_was_taken_back_is_renewed_once() {
    let (server, handler, forge, _) = with_app(0, 3600).await;
    let cx = Cx::system();
    forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
    handler.dialect.set_tokens(&[]);
    forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
    assert_eq!(*handler.made.lock().unwrap(), 2);
    let refused = server.seen().iter().filter(|(_, status)| *status == 401).count();
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn nothing_shows_the_key_or_a_token_of_an_app() {
    let (private, _) = keys();
    for broken in
        [private.replace("RSA", "DSA"), private[..200].to_owned(), "a key".to_owned(), String::new()]
    {
        let error = GitHubApp::new("Iv1.0123", &secret(&broken)).unwrap_err();
        let shown = format!("{error:?} {}", error.with_help());
        assert!(!shown.contains(&private[100..120]) && shown.contains("private key"), "{shown}");
    }
    let app = GitHubApp::new("Iv1.0123", &secret(&private)).unwrap();
    assert_eq!(format!("{app:?}"), "GitHubApp { id: \"Iv1.0123\", .. }");
    let (_server, handler, forge, _) = with_app(0, 3600).await;
    let cx = Cx::system().within(Duration::from_secs(20));
    forge.change_requests(&cx, &RequestQuery::Open).await.unwrap();
    handler.dialect.set_tokens(&["another"]);
    let error = forge.change_request(&cx, 999).await.unwrap_err();
    assert!(!format!("{error:?} {}", error.with_help()).contains("token-of-the-app"), "{error:?}");
}
