//! What is remembered: once, within limits, and as long as it could be taken for new.

use gitops_core::MemoryStore;

use super::page::SHOWN;
use super::*;

fn entry(comment: &str, at: Time) -> Entry {
    let (by, command) = ("alice".to_owned(), "/plan".to_owned());
    Entry { comment: comment.to_owned(), nth: 0, at, by, command, stage: Stage::Begun }
}

#[tokio::test]
async fn a_command_is_begun_once_also_by_two_processes() {
    let (cx, store) = (Cx::system(), Arc::new(MemoryStore::default()));
    let (one, other) = (Memory::new(store.clone(), "a"), Memory::new(store.clone(), "a"));
    let begin = |page: &mut Page| {
        let is_new = page.stage("5", 0).is_none();
        if is_new {
            page.asked.push(entry("5", Time::from_micros(1)));
        }
        is_new
    };
    assert!(one.change(&cx, 7, begin).await.unwrap());
    assert!(!other.change(&cx, 7, begin).await.unwrap());
    assert_eq!(Memory::new(store, "b").page(&cx, 7).await.unwrap(), Page::default(), "another repository");
}

#[tokio::test]
async fn the_document_fits_into_every_store_and_forgets_what_was_touched_longest_ago() {
    let (cx, store) = (Cx::system(), Arc::new(MemoryStore::default()));
    let memory = Memory::new(store.clone(), "a");
    for number in 1..=30 {
        let big = |page: &mut Page| page.left = vec!["0".repeat(20 << 10)];
        memory.change(&cx, number, big).await.unwrap();
    }
    let stored = store.load(&cx, &memory.document).await.unwrap().unwrap();
    assert!(stored.document.bytes.len() <= BYTES);
    assert_eq!(memory.page(&cx, 1).await.unwrap(), Page::default());
    assert!(!memory.page(&cx, 30).await.unwrap().left.is_empty());
}

#[test]
fn what_could_be_taken_for_new_is_never_forgotten() {
    let now = Time::from_micros(1_000_000_000_000);
    let old = Time::from_micros(now.as_micros() - 3 * 24 * 3600 * 1_000_000);
    let asked = |asked| Page { asked, ..Page::default() };
    let mut page = asked((0..30).map(|n| entry(&n.to_string(), if n < 20 { old } else { now })).collect());
    page.prune(now);
    assert_eq!(page.asked.len(), SHOWN);
    let mut page = asked((0..30).map(|n| entry(&n.to_string(), now)).collect());
    page.prune(now);
    assert_eq!(page.asked.len(), 30);
}
