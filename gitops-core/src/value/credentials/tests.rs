use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// Made here, so that no file has one.
fn token(begin: &str) -> String {
    format!("{begin}{}", "a1B2".repeat(12))
}

#[test]
fn what_looks_like_a_credential_is_hidden_and_its_surroundings_are_not() {
    for begin in [
        concat!("gh", "p_"),
        concat!("gl", "pat-"),
        concat!("AK", "IA"),
        concat!("sk", "_live_"),
        "hvs.",
        concat!("xo", "xb-"),
    ] {
        let text = format!("before \"{}\", after", token(begin));
        assert_eq!(credentials(&text), "before \"(sensitive)\", after", "{begin}");
    }
    let three = format!("eyJ{0}.{0}.{0}", "a1B2".repeat(4));
    assert_eq!(credentials(&format!("Bearer {three}\n")), "Bearer (sensitive)\n");
    let key = format!("{KEY}RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest");
    assert_eq!(credentials(&key), "(sensitive)\nrest");
    let cut = format!("x {KEY}PRIVATE KEY-----\nabc");
    assert_eq!(credentials(&cut), "x (sensitive)");
    for (text, expected) in [
        ("https://me:pass:word@host/a and https://h/b", "https://me:(sensitive)@host/a and https://h/b"),
        ("https://0123456789abcdef0123@host", "https://(sensitive)@host"),
        ("git@host:a/b https://git@host/a", "git@host:a/b https://git@host/a"),
        (
            "postgres://u:p@h/d?sslmode=x&password=p2&a=b",
            "postgres://u:(sensitive)@h/d?sslmode=x&password=(sensitive)&a=b",
        ),
        ("API_KEY='a b' x", "API_KEY='(sensitive)' x"),
        ("token=(sensitive), token: bad, tokens=3", "token=(sensitive), token: bad, tokens=3"),
        ("short monkey=1 é=ü", "short monkey=1 é=ü"),
    ] {
        assert_eq!(credentials(text), expected);
    }
}

#[test]
fn a_password_in_an_address_is_hidden_with_a_scheme_and_without() {
    for (text, expected) in [
        ("http_proxy=me:hunter2@proxy:3128", "http_proxy=me:(sensitive)@proxy:3128"),
        ("cannot clone bot:hunter2@host:shop.git", "cannot clone bot:(sensitive)@host:shop.git"),
        ("'registry.example/me:hunter2@x/y'", "'registry.example/me:(sensitive)@x/y'"),
        ("--url=me:hun@ter2@host/x", "--url=me:(sensitive)@host/x"),
        ("\\\"me:hunter2@[::1]:80\\\"", "\\\"me:(sensitive)@[::1]:80\\\""),
        ("https://me:hun/ter2@host/x", "https://me:(sensitive)@host/x"),
        ("https://me:hun?ter2@host/x", "https://me:(sensitive)@host/x"),
        // What is none.
        ("app:1.2@sha256:0123 reg:5000/app@sha256:01", "app:1.2@sha256:0123 reg:5000/app@sha256:01"),
        ("https://host:8080/a@b http://[::1]:80/a@b", "https://host:8080/a@b http://[::1]:80/a@b"),
        ("git@host:a/b mailto:me@host npm:left-pad@1.2", "git@host:a/b mailto:me@host npm:left-pad@1.2"),
        ("by: me@host, at 10:30 @x a:b", "by: me@host, at 10:30 @x a:b"),
    ] {
        assert_eq!(credentials(text), expected);
    }
}

#[test]
fn what_a_name_says_is_hidden_in_the_lines_of_many_languages() {
    for (text, expected) in [
        // YAML.
        ("a: 1\n  db_password: hunter2\nb: 2", "a: 1\n  db_password: (sensitive)\nb: 2"),
        ("- apiToken: \"hun ter2\" # x", "- apiToken: \"(sensitive)\" # x"),
        ("{ note: x, password: hunter2, b: c }", "{ note: x, password: (sensitive), b: c }"),
        ("password: |\n  hun\n  ter2\nb: 2", "password: |\n  (sensitive)\nb: 2"),
        ("  7 | password: correct horse", "  7 | password: (sensitive)"),
        ("token:\n  name: x\npassword: null", "token:\n  name: x\npassword: null"),
        ("password: ${DB}\ntoken: {{ .Values.token }}", "password: ${DB}\ntoken: {{ .Values.token }}"),
        ("auth: { token: { env: NAME } }", "auth: { token: { env: NAME } }"),
        // JSON, also within JSON.
        (r#"{"password":"hun\"ter2","b":1}"#, r#"{"password":"(sensitive)","b":1}"#),
        (r#"said {\"client_secret\": \"hunter2\"}"#, r#"said {\"client_secret\": \"(sensitive)\"}"#),
        (r#""a: 1\npassword: hunter2\nb: 2""#, r#""a: 1\npassword: (sensitive)""#),
        // HCL, INI, a shell.
        ("  password = \"hunter2\"", "  password = \"(sensitive)\""),
        ("  password = var.password", "  password = var.password"),
        ("[db]\npassword = hunter2", "[db]\npassword = (sensitive)"),
        ("token == \"x\" && password != 'y'", "token == \"x\" && password != 'y'"),
        ("export DB_PASS=hun&ter;2", "export DB_PASS=(sensitive)"),
        ("login --password hunter2 --token-file x", "login --password (sensitive) --token-file x"),
        ("usage: --token FILE --password <TEXT>", "usage: --token FILE --password <TEXT>"),
        // Requests.
        ("Authorization: token abc", "Authorization: (sensitive)"),
        ("< set-cookie: a=b; c", "< set-cookie: (sensitive)"),
        ("with Basic bWU6aHVudGVyMg== sent", "with Basic (sensitive) sent"),
        ("Bearer 0123456789abcdef01", "Bearer (sensitive)"),
        ("Basic authentication, bearer of news", "Basic authentication, bearer of news"),
        (
            "DefaultEndpointsProtocol=https;AccountKey=a/b+c==;x=y",
            "DefaultEndpointsProtocol=https;AccountKey=(sensitive);x=y",
        ),
        ("https://x/y?sv=1&sig=a%2Fb&se=2 design=x", "https://x/y?sv=1&sig=(sensitive)&se=2 design=x"),
        // Prose.
        ("an unexpected token: bad; the compass=3", "an unexpected token: bad; the compass=3"),
    ] {
        assert_eq!(credentials(text), expected);
    }
}

#[test]
fn a_token_is_seen_behind_an_escape_and_by_its_middle() {
    let token = token(concat!("gh", "p_"));
    for before in [r"a\n", r"\u000a", "token%3D", "%20", r"\x1b[", "\u{1b}[0m", "é", "-"] {
        assert_eq!(credentials(&format!("{before}{token} b")), format!("{before}(sensitive) b"));
    }
    let terraform = format!("{}.atlasv1.{}", "aB3".repeat(5), "aB3".repeat(20));
    assert_eq!(credentials(&format!("at {terraform}, x")), "at (sensitive), x");
    let key = STANDARD.encode(format!("{KEY}PRIVATE KEY-----\nabcdefgh+/=\n"));
    assert_eq!(credentials(&format!("tls.key: {key}")), "tls.key: (sensitive)");
}

#[test]
fn a_document_loses_tokens_and_keys_and_nothing_else() {
    let token = token(concat!("gl", "pat-"));
    let document = format!(r#"{{"name":"{token}","key":"{KEY}PRIVATE KEY-----\nabc","password":"x"}}"#);
    assert_eq!(tokens(&document), r#"{"name":"(sensitive)","key":"(sensitive)","password":"x"}"#);
    assert_eq!(tokens("at /a/b-c.d=e"), "at /a/b-c.d=e");
}

#[test]
fn a_line_keeps_its_places() {
    for (text, expected) in [
        ("url: https://me:hunter2@host/x?a=b c", "url: https://**********@host/x?*** c"),
        ("url: ssh://git@host:22/x", "url: ssh://git@host:22/x"),
        ("url: https://me@host", "url: https://**@host"),
        ("  password: hünter2", "  password: *******"),
        ("url: bot:hunter2@host:x.git", "url: bot:*******@host:x.git"),
    ] {
        let shown = line(text);
        assert_eq!(shown.chars().count(), text.chars().count(), "{shown}");
        assert_eq!(shown, expected);
    }
}

/// None of them is done in time if each place looks at all the rest of the text.
#[test]
fn whoever_writes_a_text_does_not_say_how_long_it_takes() {
    for part in [
        "eyJ-",
        "@",
        "a:b@",
        "a://",
        "--",
        "password:",
        "password: null,",
        "{password: <",
        "password = ",
        "-----BEGIN ",
        ".atlasv1.",
        "password=\"(sensitive",
        "password: |\n",
        "=",
        "hf_-",
        "Bearer ",
    ] {
        let text = part.repeat(10_000 / part.len());
        let _ = (credentials(&text).len(), tokens(&text).len(), line(&text).len());
    }
}

#[test]
fn names_say_what_they_hold() {
    for name in ["password", "DB_PASSWORD", "example.org/api-token", "clientSecret", "AWS_SECRET_ACCESS_KEY"]
    {
        assert!(is_name(name), "{name}");
    }
    for name in ["secretName", "existingSecret", "tokenPath", "passwordRef", "key", "size"] {
        assert!(!is_name(name), "{name}");
    }
    assert!(is_variable("APP_SECRET") && !is_variable("SECRET_NAME"));
}

proptest! {
    #[test]
    fn hiding_never_fails_and_is_done_once(text in "[ -~é\n]{0,80}") {
        let once = credentials(&text).into_owned();
        prop_assert_eq!(credentials(&once), once.as_str());
    }

    #[test]
    fn a_planted_token_is_never_left(before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
        let planted = token(concat!("gh", "p_"));
        let hidden = credentials(&format!("{before} {planted} {after}")).into_owned();
        prop_assert!(!hidden.contains(&planted), "{}", hidden);
    }
}
