//! Names, links and files that would lead a directory astray (C63, C64, C57).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use gitops_core::backend::directory::{MAX_FILE_BYTES, file_body};
use gitops_core::{Change, Cx, ErrorKind, Presence, Scope, Secret, SecretKey, Target, Value};

use crate::support::{Yard, create, delete, key, object, owner_label, update};

#[tokio::test]
async fn names_that_leave_the_root_are_refused_before_any_write() {
    let yard = Yard::new();
    let long = "n".repeat(250);
    let deep = format!("{}n", "d/".repeat(10_000));
    for name in ["../out", "/etc/out", "a/../../out", "a//b", "a/", ".", "nul\0", ".a.gitops", &long, &deep] {
        let error = yard.apply(create(name, "x", "op")).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Limit), "{error}");
        assert!(error.help_text().is_some() && !yard.unreadable(name).await.is_empty());
    }
    assert!(yard.names().is_empty());
    assert_eq!(fs::read_dir(yard.folder.path()).unwrap().count(), 1, "nothing lies beside the root");
}

#[tokio::test]
async fn a_folder_swapped_for_a_link_is_not_followed() {
    let yard = Yard::new();
    yard.apply(create("conf/a", "one", "op1")).await.unwrap();
    let expect = yard.expect("conf/a").await;
    let outside = yard.folder.path().join("outside");
    fs::rename(yard.path("conf"), &outside).unwrap();
    symlink(&outside, yard.path("conf")).unwrap();
    let changes = [
        create("conf/b", "x", "op2"),
        update("conf/a", "x", &expect, "op3"),
        delete("conf/a", &expect, "op4"),
    ];
    for change in changes {
        let error = yard.apply(change).await.unwrap_err();
        assert!(error.is_conflict() && error.to_string().contains("a link"), "{error}");
    }
    assert!(yard.unreadable("conf/a").await.contains("a link"));
    assert_eq!(fs::read_to_string(outside.join("a")).unwrap(), "one");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 2);
}

#[tokio::test]
async fn what_is_no_regular_file_is_named_and_left_alone() {
    let yard = Yard::new();
    symlink("/etc/hostname", yard.path("link")).unwrap();
    symlink("nowhere", yard.path("dangling")).unwrap();
    fs::create_dir(yard.path("folder")).unwrap();
    let _socket = UnixListener::bind(yard.path("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, yard.path("pipe"), 0o644.into()).unwrap();
    yard.put("file", "x");
    for name in ["link", "dangling", "folder", "socket", "pipe"] {
        let reason = yard.unreadable(name).await;
        assert!(reason.contains("not a regular file") && reason.contains("move it away"), "{name}: {reason}");
        assert!(yard.apply(create(name, "x", "op")).await.unwrap_err().is_conflict(), "{name}");
    }
    let error = yard.apply(create("file/below", "x", "op")).await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    let below = yard.live("file/below").await.unwrap().presence;
    let reason = "`file` is a file where a folder belongs".to_owned();
    assert_eq!(below, Presence::Obstructed { by: vec![key("file")], reason });
    assert_eq!(yard.names(), ["dangling", "file", "folder", "link", "pipe", "socket"]);
}

#[tokio::test]
async fn side_files_that_are_links_are_not_followed() {
    for side in [".a.gitops", ".a.gitops-tmp"] {
        let yard = Yard::new();
        let outside = yard.folder.path().join("outside");
        fs::write(&outside, "theirs").unwrap();
        symlink(&outside, yard.path(side)).unwrap();
        let error = yard.apply(create("a", "x", "op")).await.unwrap_err();
        assert!(error.is_conflict(), "{side}: {error}");
        assert_eq!((fs::read_to_string(&outside).unwrap().as_str(), yard.names().len()), ("theirs", 1));
    }
}

/// C47: one file that can't be read is that file's matter alone.
#[tokio::test]
async fn what_can_not_be_read_hides_nothing_else() {
    let yard = Yard::new();
    symlink("/etc/hostname", yard.path("link")).unwrap();
    yard.put("file", "x");
    let scope = ["file", "link"].map(key).into_iter().collect::<Scope>();
    let live = yard.directory.observe(&Cx::system(), &scope).await.unwrap();
    let presence: Vec<bool> = live.iter().map(|live| live.presence == Presence::Present).collect();
    assert_eq!(presence, [true, false]);
}

#[tokio::test]
async fn a_file_over_the_limit_is_named_with_the_limit() {
    let yard = Yard::new();
    let limit = usize::try_from(MAX_FILE_BYTES).unwrap();
    let file = fs::File::create(yard.path("huge")).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    let reason = yard.unreadable("huge").await;
    assert!(reason.contains("104857600"), "{reason}");

    let body = file_body(vec![b'x'; limit + 1], false);
    let error = yard
        .apply(Change::Create {
            object: object("new", body),
            owner_label: owner_label("shop", "op"),
            preview: None,
        })
        .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(yard.names(), ["huge"]);
}

#[tokio::test]
async fn a_body_that_says_more_than_a_file_can_hold_is_refused() {
    let yard = Yard::new();
    let secret = Value::Secret(Secret::new("hunter2", &SecretKey::new([7; 32])));
    let bodies = [
        Value::from("text"),
        Value::map([("executable", Value::Bool(true))]),
        Value::map([("content", Value::from("x")), ("mode", Value::from(420))]),
        Value::map([("content", Value::from("x")), ("executable", Value::from("yes"))]),
        Value::map([("content", secret)]),
    ];
    for body in bodies {
        let error = yard
            .apply(Change::Create {
                object: object("a", body),
                owner_label: owner_label("shop", "op"),
                preview: None,
            })
            .await;
        let error = error.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Unsupported), "{error}");
        assert!(error.help_text().is_some() && !format!("{error:?}").contains("hunter2"));
    }
    assert!(yard.names().is_empty());
}

#[tokio::test]
async fn every_content_that_a_file_can_have_comes_back_as_it_was() {
    let yard = Yard::new();
    let large = vec![7; 1 << 20];
    let contents: [&[u8]; 5] = [b"", b"text\n", "héllo ☃\u{202e}".as_bytes(), b"\xff\xfe\0", &large];
    for (index, content) in contents.iter().enumerate() {
        for executable in [false, true] {
            let name = format!("ünï cöde/{index} {executable}");
            let body = file_body(*content, executable);
            let change = Change::Create {
                object: object(&name, body.clone()),
                owner_label: owner_label("shop", &name),
                preview: None,
            };
            yard.apply(change).await.unwrap();
            assert_eq!(yard.live(&name).await.unwrap().body, body);
        }
    }
}

#[tokio::test]
async fn an_update_keeps_the_permissions_that_a_person_set() {
    let yard = Yard::new();
    yard.apply(create("a", "one", "op1")).await.unwrap();
    fs::set_permissions(yard.path("a"), fs::Permissions::from_mode(0o640)).unwrap();
    let expect = yard.expect("a").await;
    let change = Change::Update {
        object: object("a", file_body(*b"two", true)),
        expect,
        owner_label: owner_label("shop", "op2"),
        preview: None,
    };
    yard.apply(change).await.unwrap();
    assert_eq!(fs::metadata(yard.path("a")).unwrap().permissions().mode() & 0o7777, 0o750);
}
