//! Programs that are backends: started, bounded, killed, and told of truly.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use gitops_core::backend::service::{External, Program, Query, Service};
use gitops_core::*;

const HELLO: &str = r#"read ask; echo '{"id":0,"protocol":1,"name":"sh","kinds":["Note"]}'"#;

/// A program that shakes hands, and then runs a script.
fn program(script: &str) -> Program {
    Program::new("/bin/sh").arg("-c").arg(format!("{HELLO}; {script}"))
}

async fn started(program: Program) -> External {
    External::start(&Cx::system(), program).await.unwrap()
}

fn query() -> Query {
    Query::of(&Key::new("sh", GroupKind::new("", "Note"), "", "a"))
}

async fn error_of(external: &External) -> Error {
    external.list(&Cx::system(), &query()).await.unwrap_err()
}

#[tokio::test]
async fn a_program_that_ends_before_it_answers_leaves_the_outcome_unknown_and_says_why() {
    let external = started(program("read ask; echo 'the disk is gone' >&2; exit 3")).await;
    let error = error_of(&external).await;
    assert_eq!(
        (error.kind(), error.is_unknown(), error.is_retryable()),
        (ErrorKind::Unavailable, true, true)
    );
    let text = error.to_string();
    assert!(text.contains("exit status: 3") && text.contains("the disk is gone"), "{text}");
}

#[tokio::test]
async fn a_program_that_ended_is_started_again_by_the_next_call() {
    let folder = tempfile_path();
    let script = format!(
        "read ask; if mkdir '{folder}' 2>/dev/null; then exit 1; fi; echo '{{\"id\":1,\"items\":[]}}'; read more"
    );
    let external = started(program(&script)).await;
    assert!(error_of(&external).await.is_unknown());
    assert!(external.list(&Cx::system(), &query()).await.unwrap().items.is_empty());
    std::fs::remove_dir(folder).unwrap();
}

fn tempfile_path() -> String {
    std::env::temp_dir().join(format!("gitops-external-{:x}", Cx::system().random())).display().to_string()
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_that_quotes_it() {
    for (line, message) in [
        ("starting up...", "no JSON"),
        (r#"{"id":7,"items":[]}"#, "answers no request"),
        ("[1]", "answers no request"),
    ] {
        let external = started(program(&format!("read ask; echo '{line}'; read more"))).await;
        let error = error_of(&external).await;
        assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Corrupt, true));
        assert!(error.to_string().contains(message) && error.to_string().contains(line), "{error}");
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error_of_the_program() {
    let external = started(program(r#"read ask; echo '{"id":1,"items":{"a":1}}'; read more"#)).await;
    let error = error_of(&external).await;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.message().contains("not as the protocol has it"), "{error}");
}

#[tokio::test]
async fn a_line_without_an_end_is_cut_off_at_the_limit() {
    let external = started(program("read ask; while :; do printf 0123456789; done").max_line(100_000)).await;
    let error = error_of(&external).await;
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Limit, true));
}

#[tokio::test]
async fn a_request_over_the_limit_is_not_sent() {
    let external =
        started(program("read ask; echo '{\"id\":1,\"items\":[]}'; read more").max_line(1000)).await;
    let mut long = query();
    long.name = Some("n".repeat(1000));
    let error = external.list(&Cx::system(), &long).await.unwrap_err();
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Limit, false));
}

#[tokio::test]
async fn a_program_that_does_not_answer_is_ended_with_all_that_it_started() {
    let mark = tempfile_path();
    let script = format!("read ask; (trap '' TERM; echo $$ > '{mark}'; exec sleep 600) & wait");
    let external = started(program(&script).call_timeout(Duration::from_millis(300))).await;
    let error = error_of(&external).await;
    assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Timeout, true));
    let group = std::fs::read_to_string(&mark).unwrap();
    let alive = || {
        std::process::Command::new("kill").args(["-0", "--", &format!("-{}", group.trim())]).output().unwrap()
    };
    while alive().status.success() {
        // The kernel ends them; nothing is left to wait for but that.
        tokio::task::yield_now().await;
    }
    std::fs::remove_file(mark).unwrap();
}

#[tokio::test]
async fn the_secrets_of_a_program_are_in_no_error() {
    let secret = |text: &str| Secret::new(text, &SecretKey::new([1; 32]));
    let settings = Value::map([("password", Value::Secret(secret("hunter2-of-settings")))]);
    let script = r#"read ask; echo "using $TOKEN" >&2; echo "hunter2-of-settings" >&2; exit 1"#;
    let program = program(script).env("TOKEN", secret("token-of-environment")).settings(settings);
    let text = format!("{:?}", error_of(&started(program).await).await);
    assert!(text.contains("using (sensitive)"), "{text}");
    assert!(!text.contains("token-of-environment") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn the_secrets_of_a_program_are_in_no_answer_of_its_own() {
    let secret = Secret::new("topsecret-token", &SecretKey::new([1; 32]));
    let with = |program: Program| {
        program.settings(Value::map([("token", Value::Secret(secret.clone()))])).env("TOKEN", secret.clone())
    };
    for answer in [
        r#""error":{"kind":"invalid","message":"refused for topsecret-token"}"#,
        r#""error":{"kind":"invalid","message":"refused for dG9wc2VjcmV0LXRva2Vu"}"#,
        r#""error":"boom topsecret-token""#,
        r#""error":{"kind":"topsecret-token","message":"refused"}"#,
        r#""items":"topsecret-token""#,
    ] {
        let external =
            started(with(program(&format!("read ask; echo '{{\"id\":1,{answer}}}'; read more")))).await;
        let text = format!("{:?}", error_of(&external).await);
        assert!(text.contains("(sensitive)") && !text.contains("topsecret"), "{text}");
    }
    let unreadable = r#"read ask; echo '{"id":1,"items":[{"id":"a","name":"a","unreadable":"no topsecret-token"}]}'; read more"#;
    let page = started(with(program(unreadable))).await.list(&Cx::system(), &query()).await.unwrap();
    assert!(!format!("{page:?}").contains("topsecret"), "{page:?}");

    let script = r#"read ask; echo '{"id":0,"error":{"kind":"unauthenticated","message":"no topsecret-token"}}'; read more"#;
    let refused = with(Program::new("/bin/sh").arg("-c").arg(script));
    let text = format!("{:?}", External::start(&Cx::system(), refused).await.unwrap_err());
    assert!(text.contains("no (sensitive)") && !text.contains("topsecret"), "{text}");
}

#[tokio::test]
async fn only_a_null_that_is_written_says_that_an_object_is_not_there() {
    let key = Key::new("sh", GroupKind::new("", "Note"), "", "a");
    let get = async |answer: &str| {
        let external = started(program(&format!("read ask; echo '{{\"id\":1{answer}}}'; read more"))).await;
        external.get(&Cx::system(), &key, "a").await
    };
    assert!(get(r#","object":null"#).await.unwrap().is_none());
    assert_eq!(get(r#","object":{"id":"a","name":"a","fields":{}}"#).await.unwrap().unwrap().id, "a");
    for answer in [
        "",
        r#","item":{"id":"a","name":"a","fields":{}}"#,
        r#","object":{"id":"other","name":"a","fields":{}}"#,
        r#","object":{"id":"a","name":"a"}"#,
        r#","object":{"id":"a","name":"a","fields":[1]}"#,
    ] {
        let error = get(answer).await.unwrap_err();
        assert_eq!((error.kind(), error.is_unknown()), (ErrorKind::Corrupt, true), "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_program_says_nothing_of_what_the_engine_alone_knows() {
    let answer = r#"read ask; echo '{"id":1,"error":{"kind":"needs-approval","message":"ask"}}'; read more"#;
    let error = error_of(&started(program(answer)).await).await;
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(
        error.message().contains("`needs-approval`") && error.message().contains("`conflict`"),
        "{error}"
    );
}

#[tokio::test]
async fn who_runs_out_of_time_is_named_with_the_call_and_its_limit() {
    let external = started(program("read ask; sleep 600").call_timeout(Duration::from_millis(200))).await;
    let text = error_of(&external).await.to_string();
    assert!(["/bin/sh", "list", "200ms"].iter().all(|part| text.contains(part)), "{text}");

    let external = started(program("read ask; sleep 600")).await;
    let cx = Cx::system().within(Duration::from_millis(200));
    let text = external.list(&cx, &query()).await.unwrap_err().to_string();
    assert!(
        text.contains("/bin/sh") && !text.contains("60s"),
        "the caller had less time than a call: {text}"
    );
}

#[tokio::test]
async fn a_program_sees_nothing_of_our_environment_but_what_it_needs() {
    let external = started(program("read ask; env >&2; exit 1")).await;
    let text = error_of(&external).await.to_string();
    assert!(!text.contains("CARGO"), "{text}");
}

#[tokio::test]
async fn a_program_of_another_protocol_or_without_a_handshake_is_refused() {
    let with = |script: &str| Program::new("/bin/sh").arg("-c").arg(script.to_owned());
    let start = async |program| External::start(&Cx::system(), program).await.unwrap_err();
    let newer = r#"read ask; echo '{"id":0,"protocol":2,"name":"x","kinds":["Note"]}'; read more"#;
    assert_eq!(start(with(newer)).await.kind(), ErrorKind::Unsupported);
    let silent = with("sleep 600").start_timeout(Duration::from_millis(200));
    assert_eq!(start(silent).await.kind(), ErrorKind::Timeout);
    assert_eq!(start(Program::new("/nowhere/backend")).await.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_dropped_call_ends_the_process_so_that_its_answer_is_taken_for_no_other() {
    let script =
        r#"while read ask; do case "$ask" in *slow*) sleep 600;; esac; echo '{"id":1,"items":[]}'; done"#;
    let external = started(program(script)).await;
    let mut slow = query();
    slow.name = Some("slow".into());
    let cx = Cx::system().within(Duration::from_millis(100));
    assert!(external.list(&cx, &slow).await.unwrap_err().is_unknown());
    assert!(external.list(&Cx::system(), &query()).await.unwrap().items.is_empty());
}
