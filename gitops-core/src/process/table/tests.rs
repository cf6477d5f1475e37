#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Rows = BTreeMap<String, Vec<u8>>;

fn written(document: &[u8], tables: &[Rows]) -> Vec<u8> {
    let mut writer = Writer::new(document);
    for rows in tables {
        writer.table(&rows.iter().collect::<Vec<_>>());
    }
    writer.finish()
}

fn read(bytes: &[u8], tables: usize) -> Option<Tables> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tables");
    std::fs::write(&path, bytes).unwrap();
    Tables::open(&path, tables)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_row_is_found_and_is_what_was_written(
        document in prop::collection::vec(any::<u8>(), 0..20),
        tables in prop::collection::vec(prop::collection::btree_map("[a-c]{0,3}", prop::collection::vec(any::<u8>(), 0..6), 0..9), 0..4),
    ) {
        let found = read(&written(&document, &tables), tables.len()).unwrap();
        prop_assert_eq!(found.document(), &document[..]);
        for (index, rows) in tables.iter().enumerate() {
            let table = found.table(index);
            let read: Rows = (0..table.len()).map(|row| table.row(row)).map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
            prop_assert_eq!(&read, rows);
            for name in rows.keys().map(String::as_str).chain(["", "b", "zz"]) {
                let value = table.find(name).map(|row| table.row(row).1);
                prop_assert_eq!(value, rows.get(name).map(Vec::as_slice));
            }
        }
    }

    #[test]
    fn a_file_that_was_changed_or_cut_is_none_or_says_so(
        flip in any::<prop::sample::Index>(),
        bit in 0..8u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let rows: Rows = [("a".to_owned(), vec![1]), ("b".to_owned(), vec![])].into();
        let bytes = written(b"{}", &[rows.clone(), rows.clone()]);
        prop_assert!(!is_found_damaged(&bytes));
        let mut flipped = bytes.clone();
        flipped[flip.index(bytes.len())] ^= 1 << bit;
        prop_assert!(is_found_damaged(&flipped));
        prop_assert!(is_found_damaged(&bytes[..cut.index(bytes.len())]));
    }
}

/// Whether the file can't be opened, or says that it is damaged once all rows were read.
fn is_found_damaged(bytes: &[u8]) -> bool {
    let Some(tables) = read(bytes, 2) else { return true };
    let found = [0, 1].map(|index| tables.table(index));
    found.iter().for_each(|table| (0..table.len()).for_each(|row| assert!(table.row(row).1.len() < 2)));
    found[0].is_damaged()
}

#[test]
fn rows_of_many_pages_are_found_and_damage_to_one_page_is_told_when_it_is_asked_for() {
    let rows: Rows = (0..1000).map(|row| (format!("row {row:04}"), vec![b'x'; row % 7])).collect();
    let mut bytes = written(b"{}", &[rows.clone(), rows.clone()]);
    let tables = read(&bytes, 2).unwrap();
    for (index, (name, value)) in rows.iter().enumerate() {
        assert_eq!(tables.table(1).find(name), Some(index));
        assert_eq!(tables.table(1).row(index), (name.as_str(), &value[..]));
    }
    for name in ["", "row 0000a", "row 0255a", "row 9", "zz"] {
        assert_eq!(tables.table(1).find(name), None, "{name}");
    }
    *bytes.last_mut().unwrap() ^= 1;
    let tables = read(&bytes, 2).unwrap();
    assert_eq!(tables.table(1).row(0).0, "row 0000");
    assert!(!tables.table(0).is_damaged());
    assert_eq!(tables.table(1).row(999), ("", &[][..]));
    assert!(tables.table(0).is_damaged());
}

#[test]
fn a_value_is_read_where_it_was_written() {
    let mut writer = Writer::new(b"{}");
    let at = ["", "one", "another"].map(|value| writer.value(value.as_bytes()));
    let read = read(&writer.finish(), 0).unwrap();
    let found = at.map(|at| At::from_bytes(&at.to_bytes()).and_then(|at| read.values().read(at)));
    assert_eq!(found, [Some(b"".to_vec()), Some(b"one".to_vec()), Some(b"another".to_vec())]);
    assert_eq!(read.values().read(At { start: 9, length: 2 }), None);
}

#[test]
fn a_file_with_other_tables_than_are_asked_for_is_none() {
    let bytes = written(b"{}", &[Rows::new()]);
    assert!(read(&bytes, 2).is_none() && read(&bytes, 0).is_none());
    assert_eq!(read(&bytes, 1).unwrap().table(5).len(), 0);
}
