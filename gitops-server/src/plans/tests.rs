use tempfile::TempDir;

use super::*;

async fn kept(plans: &Plans, cx: &Cx, text: &str) -> String {
    let digest = Digest::of(text.as_bytes());
    let url = plans.keep(cx, digest, text.to_owned(), &Review::default()).await.unwrap();
    url.strip_prefix("https://a.example/plans/").unwrap().to_owned()
}

#[tokio::test]
async fn a_plan_is_found_by_its_digest_and_by_nothing_else() {
    let (cx, folder) = (Cx::system(), TempDir::new().unwrap());
    std::fs::write(folder.path().join("secret.json"), "secret").unwrap();
    let plans = Plans::open(folder.path().join("plans"), "https://a.example").unwrap();
    let name = kept(&plans, &cx, "{}").await;
    assert_eq!(kept(&plans, &cx, "{}").await, name, "it is one plan, however often it is made");
    let (kind, page) = plans.find(&cx, &name).await.unwrap().unwrap();
    assert!(kind.starts_with("text/html") && page.starts_with(b"<!DOCTYPE html>"));
    let (kind, document) = plans.find(&cx, &format!("{name}.json")).await.unwrap().unwrap();
    assert_eq!((kind, &document[..]), ("application/json", &b"{}"[..]), "the bytes of the digest");
    let upper = name.to_uppercase();
    for other in ["", ".json", "../secret.json", "..%2fsecret", &name[1..], &upper, &format!("{name}.html")] {
        assert!(plans.find(&cx, other).await.unwrap().is_none(), "{other}");
    }
    // Another process, later.
    let again = Plans::open(folder.path().join("plans"), "https://a.example").unwrap();
    assert!(again.find(&cx, &name).await.unwrap().is_some());
}

#[tokio::test]
async fn what_is_read_at_once_has_a_bound_and_its_room_comes_back() {
    let (cx, folder) = (Cx::system(), TempDir::new().unwrap());
    let plans = Plans::open(folder.path().join("plans"), "https://a.example").unwrap();
    let name = kept(&plans, &cx, "{}").await;
    let (_, body) = plans.find(&cx, &name).await.unwrap().unwrap();
    let copy = body.clone();
    drop(body);
    assert_eq!(plans.room.available_permits(), READ_KIB as usize - 1, "it is still being sent");
    drop(copy);
    assert_eq!(plans.room.available_permits(), READ_KIB as usize);
    let all = plans.room.clone().acquire_many_owned(READ_KIB).await.unwrap();
    let none = plans.find(&cx.within(Duration::from_millis(1)), &name).await;
    assert!(none.is_err(), "there is no room");
    drop(all);
}

#[test]
fn the_oldest_go_first_when_there_are_too_many() {
    let folder = TempDir::new().unwrap();
    let at = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(n);
    for n in 0..2 * KEPT as u64 + 3 {
        let file = File::create(folder.path().join(n.to_string())).unwrap();
        file.set_times(FileTimes::new().set_modified(at(n))).unwrap();
    }
    prune(folder.path()).unwrap();
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2 * KEPT);
    assert!(!folder.path().join("2").exists() && folder.path().join("3").exists());
}
