//! Create, update, replace and delete: identity, preconditions, repeats (C01 to C07, C16, C22 to C28, C34).

use gitops_core::{Applied, ErrorKind, Expect, Uid, Version};

use crate::support::{Yard, create, delete, replace, text, uid_of, update};

#[tokio::test]
async fn a_file_lives_through_create_update_replace_and_delete() {
    let yard = Yard::new();
    let made = yard.apply(create("conf/a.toml", "one", "op1")).await.unwrap();
    let live = yard.live("conf/a.toml").await.unwrap();
    assert_eq!((Applied::Holds(Box::new(live.clone())), &live.body), (made.clone(), &text("one")));
    assert!(live.is_owned_by("shop"));

    let updated = yard.apply(update("conf/a.toml", "two", &Expect::from(&live), "op2")).await.unwrap();
    assert_eq!(uid_of(&updated).0, uid_of(&made).0, "an update keeps the identity");
    assert_ne!(uid_of(&updated).1, uid_of(&made).1, "an update changes the version");

    let expect = yard.expect("conf/a.toml").await;
    let replaced = yard.apply(replace("conf/a.toml", "three", &expect, "op3")).await.unwrap();
    assert_ne!(uid_of(&replaced).0, uid_of(&made).0, "a replacement is another incarnation");
    assert_eq!(yard.text("conf/a.toml"), "three");
    assert_eq!(yard.names(), ["conf", "conf/.a.toml.gitops", "conf/a.toml"]);

    let expect = yard.expect("conf/a.toml").await;
    assert_eq!(yard.apply(delete("conf/a.toml", &expect, "op4")).await.unwrap(), Applied::Absent);
    assert!(yard.names().is_empty(), "the root is empty and there: {:?}", yard.names());
}

#[tokio::test]
async fn a_file_made_again_has_another_identity() {
    let yard = Yard::new();
    let first = yard.apply(create("a", "same", "op1")).await.unwrap();
    yard.apply(delete("a", &yard.expect("a").await, "op2")).await.unwrap();
    let second = yard.apply(create("a", "same", "op3")).await.unwrap();
    assert_ne!(uid_of(&first).0, uid_of(&second).0);
}

#[tokio::test]
async fn a_change_without_its_precondition_has_no_effect() {
    let yard = Yard::new();
    yard.apply(create("a", "one", "op1")).await.unwrap();
    let expect = yard.expect("a").await;
    let before = yard.all();
    let stale = Expect { version: Version::new("stale"), ..expect.clone() };
    let other = Expect { uid: Uid::new("other"), ..expect };
    let refused = [
        create("a", "two", "op2"),
        update("a", "two", &stale, "op3"),
        update("a", "two", &other, "op4"),
        replace("a", "two", &stale, "op5"),
        replace("a", "two", &other, "op6"),
        delete("a", &stale, "op7"),
        delete("a", &other, "op8"),
        update("b", "two", &stale, "op9"),
        replace("no/such/b", "two", &stale, "op10"),
    ];
    for change in refused {
        let error = yard.apply(change.clone()).await.unwrap_err();
        assert!(error.is_conflict() && !error.is_unknown(), "{change:?} gave {error:?}");
        assert_eq!(yard.all(), before, "{change:?} left a trace");
    }
}

#[tokio::test]
async fn a_repeated_change_has_one_effect_and_the_same_answer() {
    let yard = Yard::new();
    let mut changes = vec![create("a", "one", "op1")];
    let mut first = yard.apply(changes[0].clone()).await.unwrap();
    for step in 0..3 {
        let before = yard.all();
        for _ in 0..10 {
            assert_eq!(yard.apply(changes[step].clone()).await.unwrap(), first);
            assert_eq!(yard.all(), before);
        }
        let expect = yard.expect("a").await;
        let next = match step {
            0 => update("a", "two", &expect, "op2"),
            1 => replace("a", "three", &expect, "op3"),
            _ => delete("a", &expect, "op4"),
        };
        first = yard.apply(next.clone()).await.unwrap();
        changes.push(next);
    }
    for _ in 0..10 {
        assert_eq!(yard.apply(changes[3].clone()).await.unwrap(), Applied::Absent);
    }
}

#[tokio::test]
async fn deleting_what_is_not_there_succeeds_and_writes_nothing() {
    let yard = Yard::new();
    let expect = Expect { uid: Uid::new("u"), version: Version::new("v") };
    assert_eq!(yard.apply(delete("no/such/file", &expect, "op1")).await.unwrap(), Applied::Absent);
    assert!(yard.names().is_empty());
}

#[tokio::test]
async fn a_file_with_another_mark_or_none_is_never_touched() {
    let yard = Yard::new();
    yard.put("plain", "theirs");
    yard.put("other", "theirs");
    yard.put(".other.gitops", r#"{"owner":"bank","uid":"b1","format":1}"#);
    let before = yard.all();
    for (name, says) in [("plain", "made by other means"), ("other", "belongs to `bank`")] {
        let expect = yard.expect(name).await;
        for change in [
            create(name, "ours", "op1"),
            update(name, "ours", &expect, "op2"),
            replace(name, "ours", &expect, "op3"),
            delete(name, &expect, "op4"),
        ] {
            let error = yard.apply(change).await.unwrap_err();
            assert!(error.kind() == ErrorKind::NotOwned && error.to_string().contains(says), "{error}");
            assert!(error.help_text().is_some());
        }
    }
    assert_eq!(yard.all(), before);
    assert!(yard.live("other").await.unwrap().is_owned_by("bank"));
}
