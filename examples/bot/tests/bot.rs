//! The bot as a company runs it: a process, a repository, a signal.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Alice", "-c", "user.email=alice@example.org"]);
    let done = command.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").status();
    assert!(done.expect("this test needs `git`").success(), "git {arguments:?}");
}

/// Writes a file, or removes it, and commits.
fn commit(repository: &Path, name: &str, content: Option<&str>) {
    let path = repository.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    match content {
        Some(content) => std::fs::write(path, content).unwrap(),
        None => std::fs::remove_file(path).unwrap(),
    }
    git(repository, &["add", "-A"]);
    git(repository, &["commit", "-q", "-m", name]);
}

struct Bot {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Bot {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
        command.arg(folder.join("repository")).arg(folder).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line for which something holds; the test ends if the bot does before.
    fn wait(&mut self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        for line in self.lines.by_ref() {
            let line: Value = serde_json::from_str(&line.unwrap()).expect("each line is JSON");
            if holds(&line) {
                return line;
            }
        }
        panic!("the bot ended, and did not tell: {what}");
    }

    fn wait_for(&mut self, application: &str, event: &str, key: &str) -> Value {
        self.wait(event, |line| {
            let told = &line["event"];
            line["application"] == application
                && told["type"] == event
                && (key.is_empty() || told["key"] == key)
        })
    }

    /// Asks it to end; gives its last line.
    fn end(mut self) -> Value {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let last = self.wait("metrics", |line| line.get("metrics").is_some());
        assert!(self.child.wait().unwrap().success(), "SIGTERM is an end in good order");
        last
    }
}

#[test]
fn two_applications_are_kept_until_the_signal_and_the_gate_keeps_quotas() {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("repository");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "-q", "-b", "main"]);
    commit(&repository, "site/index.html", Some("one"));
    commit(&repository, "quotas/team-a", Some(r#"{ "limit": 5 }"#));

    let mut bot = Bot::start(folder.path());
    bot.wait_for("site", "applied", "site:File/-/index.html");
    bot.wait_for("quotas", "applied", "quotas:Quota/-/team-a");
    let mirrors = std::fs::read_dir(folder.path().join("mirrors")).unwrap().flatten();
    let mirrors = mirrors.filter(|entry| entry.path().join("HEAD").is_file()).count();
    assert_eq!(mirrors, 1, "both applications have one mirror");

    commit(&repository, "site/index.html", Some("two"));
    bot.wait_for("site", "applied", "site:File/-/index.html");
    assert_eq!(std::fs::read_to_string(folder.path().join("live/index.html")).unwrap(), "two");

    commit(&repository, "quotas/team-b", Some(r#"{ "limit": "many" }"#));
    let failed = bot.wait_for("quotas", "failed", "quotas:Quota/-/team-b");
    assert!(failed["event"]["error"].as_str().unwrap().contains("no Quota"), "{failed}");
    commit(&repository, "quotas/team-b", Some(r#"{ "limit": 7 }"#));
    bot.wait_for("quotas", "applied", "quotas:Quota/-/team-b");
    commit(&repository, "quotas/team-a", None);
    let denied = bot.wait("the gate", |line| line.to_string().contains("never removed"));
    assert_eq!(denied["application"], "quotas");

    let last = bot.end();
    assert!(last["metrics"]["writes"].as_u64() >= Some(4), "{last}");
    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    let records: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_of = |name: &str| records.iter().any(|record| record["application"] == name);
    assert!(is_of("site") && is_of("quotas"), "{audit}");
}

#[test]
fn the_bot_stays_short() {
    let lines = [include_str!("../src/main.rs"), include_str!("../src/quotas.rs")];
    let written = lines.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty()).count();
    assert!(written <= 150, "{written} lines that are not blank");
}
