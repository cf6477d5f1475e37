//! The journal after each cut and each flipped bit: the truth, a beginning of it, or an error that says where.

use gitops_core::ErrorKind;
use gitops_core::internals::journal::{Journal, Lineage, MemoryJournalIo};
use gitops_core::internals::record::Record;

use crate::records::{numbered, one_of_each};

/// A journal, its records, and how long it was after each group.
fn written(groups: &[Vec<Record>]) -> (Vec<u8>, Vec<usize>) {
    let disk = MemoryJournalIo::new();
    let mut journal = Journal::init(disk.clone(), Lineage::new([9; 16]), 1).unwrap();
    let mut borders = vec![disk.bytes().unwrap().len()];
    for group in groups {
        journal.append(group).unwrap();
        borders.push(disk.bytes().unwrap().len());
    }
    (disk.bytes().unwrap(), borders)
}

fn open(bytes: impl Into<Vec<u8>>) -> gitops_core::Result<Vec<Record>> {
    Ok(Journal::open(MemoryJournalIo::with_bytes(bytes), None)?.1)
}

fn groups() -> Vec<Vec<Record>> {
    vec![one_of_each(), vec![numbered(1)], vec![numbered(2), numbered(3)]]
}

#[test]
fn a_cut_at_any_byte_leaves_the_frames_before_it() {
    let (bytes, borders) = written(&groups());
    for cut in 0..=bytes.len() {
        let borders_passed = borders.iter().filter(|border| **border <= cut).count();
        let found = open(&bytes[..cut]);
        let Some(frames) = borders_passed.checked_sub(1) else {
            assert_eq!(found.unwrap_err().kind(), ErrorKind::Corrupt, "cut at {cut}");
            continue;
        };
        assert_eq!(found.unwrap(), groups()[..frames].concat(), "cut at {cut}");
    }
}

#[test]
fn a_journal_that_was_cut_takes_new_records_after_the_last_whole_frame() {
    let (bytes, borders) = written(&groups());
    for cut in borders[2]..bytes.len() {
        let disk = MemoryJournalIo::with_bytes(&bytes[..cut]);
        let (mut journal, records) = Journal::open(disk.clone(), None).unwrap();
        journal.append(&[numbered(9)]).unwrap();
        assert_eq!(open(disk.bytes().unwrap()).unwrap(), [records, vec![numbered(9)]].concat());
    }
}

#[test]
fn a_flip_of_any_bit_is_an_error_that_says_where() {
    let (bytes, borders) = written(&groups());
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let error = open(damaged).expect_err(&format!("bit {bit} of byte {} went unnoticed", bit / 8));
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
        let frame = borders.iter().rposition(|border| *border <= bit / 8);
        if let Some(frame) = frame {
            let place = format!("at byte {}, in frame {}", borders[frame], frame + 1);
            assert!(error.to_string().contains(&place), "bit {bit}: {error}");
        }
    }
}

#[test]
fn a_lost_sector_of_the_last_frame_is_cut_and_of_any_other_is_damage() {
    let large =
        |number: usize| Record::Forget { key: crate::records::key(&format!("{number}{}", "x".repeat(2000))) };
    let (bytes, borders) = written(&[vec![large(1)], vec![large(2)]]);
    for sector in 0..bytes.len().div_ceil(512) {
        let range = sector * 512..bytes.len().min((sector + 1) * 512);
        // What was durable when the last frame was written stays.
        let range = range.start.max(if range.end > borders[1] { borders[1] } else { 0 })..range.end;
        let mut damaged = bytes.clone();
        damaged[range.clone()].fill(0);
        match range.start < borders[1] {
            true => assert_eq!(open(damaged).unwrap_err().kind(), ErrorKind::Corrupt, "sector {sector}"),
            false => assert_eq!(open(damaged).unwrap(), [large(1)], "sector {sector}"),
        }
    }
}

#[test]
fn damage_before_a_sound_frame_is_never_cut_off() {
    let (bytes, borders) = written(&groups());
    let mut damaged = bytes.clone();
    damaged[borders[1] + 50] = 0;
    let error = open(damaged).unwrap_err();
    insta::assert_snapshot!(error, @"the journal is damaged at byte 1800, in frame 2: its length or its checksum is wrong");
    insta::assert_snapshot!(error.help_text().unwrap(), @"put the whole state folder back from a backup; do not delete the journal: it records what is owned");
}

#[test]
fn frames_that_are_missing_doubled_or_swapped_are_found() {
    let (bytes, borders) = written(&groups());
    let header = &bytes[..borders[0]];
    let frame = |number: usize| &bytes[borders[number]..borders[number + 1]];
    let other_orders: [&[usize]; 5] = [&[1, 2], &[0, 2], &[0, 0, 1, 2], &[1, 0, 2], &[0, 2, 1]];
    for order in other_orders {
        let frames = order.iter().map(|number| frame(*number));
        let bytes: Vec<u8> = std::iter::once(header).chain(frames).flatten().copied().collect();
        assert_eq!(open(bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{order:?}");
    }
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let (mut bytes, _) = written(&groups());
    bytes[8] = 2;
    let disk = MemoryJournalIo::with_bytes(bytes.clone());
    let error = Journal::open(disk.clone(), None).unwrap_err();
    assert_eq!((error.kind(), disk.bytes()), (ErrorKind::Unsupported, Some(bytes)));
    insta::assert_snapshot!(error, @"the journal was written by a newer version: format 2, this one knows 1 (byte: 8)");
}

/// A frame with this payload, as the first of a journal.
fn with_first_frame(journal: &[u8], payload: &[u8]) -> Vec<u8> {
    let header = &journal[..80];
    let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
    let checked = [&header[44..76], payload].concat();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&length), &checked).to_le_bytes();
    [header, &length, &checksum, &checked].concat()
}

#[test]
fn a_record_of_a_kind_that_is_not_known_is_refused_and_not_skipped() {
    let (bytes, _) = written(&[]);
    let payload = br#"[{"record":"something_new","key":"dir:File/-/a"}]"#;
    let error = open(with_first_frame(&bytes, payload)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("something_new") && error.to_string().contains("frame: 1"), "{error}");
}

#[test]
fn an_epoch_that_goes_back_is_damage() {
    let (bytes, _) = written(&[]);
    let with_epoch =
        |epoch| with_first_frame(&bytes, format!(r#"[{{"record":"epoch","epoch":{epoch}}}]"#).as_bytes());
    assert_eq!(open(with_epoch(1)).unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(open(with_epoch(2)).unwrap(), [Record::Epoch { epoch: 2 }]);
}

#[test]
fn a_frame_over_the_limit_is_refused_however_sound() {
    let (bytes, _) = written(&[]);
    let with_name = |length| {
        with_first_frame(
            &bytes,
            format!(r#"[{{"record":"forget","key":"t:K/-/{}"}}]"#, "x".repeat(length)).as_bytes(),
        )
    };
    assert_eq!(open(with_name(1000)).unwrap().len(), 1);
    assert_eq!(open(with_name(1 << 20)).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn more_than_one_write_can_leave_is_damage_even_if_it_reads_as_zeros() {
    let (mut bytes, _) = written(&[vec![numbered(1)]]);
    let length = bytes.len();
    bytes.resize(length + (1 << 20), 0);
    assert_eq!(open(bytes.clone()).unwrap(), [numbered(1)]);
    bytes.resize(length + (1 << 20) + 41, 0);
    assert_eq!(open(bytes).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_length_that_lies_takes_no_memory_and_is_damage() {
    let (bytes, borders) = written(&[vec![numbered(1)]]);
    for length in [u32::MAX, 1 << 31, (1 << 20) + 1] {
        let mut damaged = bytes.clone();
        damaged[borders[0]..borders[0] + 4].copy_from_slice(&length.to_le_bytes());
        assert_eq!(open(damaged.clone()).unwrap_err().kind(), ErrorKind::Corrupt);
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(open(damaged).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
