use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Time {
    Time::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn weekly(kind: WindowKind, days: &[&str], from: &str, to: &str) -> Window {
    Window::weekly("w", kind, "Europe/Berlin", days, from, to).unwrap()
}

fn state(windows: Vec<Window>, now: &str) -> WindowState {
    Windows::new(windows).unwrap().at("prod", at(now))
}

fn until(windows: Vec<Window>, now: &str) -> Option<String> {
    match state(windows, now) {
        WindowState::Open => None,
        WindowState::Closed { until, .. } => until.map(|until| until.to_string()),
    }
}

const WORK: &[&str] = &["mon", "tue", "wed", "thu", "fri"];

#[test]
fn a_window_that_allows_is_the_only_time() {
    let work = || vec![weekly(WindowKind::Allow, WORK, "08:00", "16:00")];
    assert!(state(work(), "2026-07-01T06:00:00Z").is_open(), "08:00 in Berlin in summer");
    assert!(!state(work(), "2026-01-07T06:30:00Z").is_open(), "07:30 in winter");
    assert!(!state(work(), "2026-07-01T14:00:00Z").is_open(), "the end is outside");
    assert_eq!(
        until(work(), "2026-07-03T20:00:00Z").unwrap(),
        "2026-07-06T06:00:00.000Z",
        "Friday to Monday"
    );
}

#[test]
fn a_window_that_denies_beats_one_that_allows() {
    let both = || {
        let freeze = Window::once("freeze", WindowKind::Deny, "UTC", "2026-12-23T18:00", "2027-01-02T06:00");
        vec![weekly(WindowKind::Allow, WORK, "08:00", "16:00"), freeze.unwrap()]
    };
    let closed = state(both(), "2026-12-28T10:00:00Z");
    let verdict = closed.verdict();
    assert!(matches!(verdict, Verdict::Deny { .. }));
    insta::assert_snapshot!(
        verdict.messages()[0],
        @"change-window: the change window `freeze` denies changes; changes may be made from 2027-01-04T07:00:00.000Z on"
    );
}

#[test]
fn the_next_time_at_which_something_else_is_said_is_told_where_it_is_near() {
    let night = Window::weekly("night", WindowKind::Deny, "UTC", WORK, "22:00", "06:00").unwrap();
    let late = Window::weekly("late", WindowKind::Deny, "UTC", WORK, "05:00", "07:00").unwrap();
    let windows = Windows::new([night, late.in_environment("prod")]).unwrap();
    let after = |environment: &str, now: &str| {
        windows.changes_after(environment, at(now)).map(|change| change.to_string())
    };
    let told = |time: &str| Some(format!("2026-07-{time}:00:00.000Z"));
    assert_eq!(after("prod", "2026-07-01T21:59:59Z"), told("01T22"), "it is open, and closes");
    assert_eq!(after("test", "2026-07-01T22:00:00Z"), told("02T06"), "it is closed, and opens");
    assert_eq!(after("prod", "2026-07-01T23:00:00Z"), told("02T06"), "it stays closed by another window");
    assert_eq!(after("prod", "2026-07-02T06:30:00Z"), told("02T07"));
    assert_eq!(after("test", "2026-07-04T06:00:00Z"), told("06T22"), "a weekend is near");
    let midweek = Window::weekly("midweek", WindowKind::Deny, "UTC", &["wed"], "08:00", "10:00").unwrap();
    let midweek = Windows::new([midweek]).unwrap();
    assert_eq!(midweek.changes_after("prod", at("2026-07-02T08:00:00Z")), None, "six days are not");
    assert_eq!(Windows::default().changes_after("prod", at("2026-07-01T21:59:59Z")), None);
}

#[test]
fn a_night_reaches_into_the_next_day() {
    let night = || vec![weekly(WindowKind::Deny, &["fri"], "22:00", "06:00")];
    assert!(!state(night(), "2026-07-03T20:30:00Z").is_open());
    assert!(!state(night(), "2026-07-04T03:00:00Z").is_open());
    assert!(state(night(), "2026-07-03T03:00:00Z").is_open(), "Thursday's night is none");
    assert_eq!(until(night(), "2026-07-03T23:00:00Z").unwrap(), "2026-07-04T04:00:00.000Z");
}

#[test]
fn an_hour_that_is_left_out_ends_a_window_when_it_is_left_out() {
    // On 29 March 2026 clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC.
    let windows = || vec![weekly(WindowKind::Deny, &["sun"], "01:00", "02:30")];
    assert_eq!(until(windows(), "2026-03-29T00:30:00Z").unwrap(), "2026-03-29T01:00:00.000Z");
    // On 25 October they go from 03:00 back to 02:00: 02:30 comes twice.
    assert_eq!(until(windows(), "2026-10-25T00:10:00Z").unwrap(), "2026-10-25T00:30:00.000Z");
    assert_eq!(until(windows(), "2026-10-25T01:10:00Z").unwrap(), "2026-10-25T01:30:00.000Z");
}

#[test]
fn a_window_of_another_environment_does_not_count() {
    let window = weekly(WindowKind::Deny, &["wed"], "00:00", "24:00").in_environment("staging");
    let windows = Windows::new([window]).unwrap();
    assert!(windows.at("prod", at("2026-07-01T10:00:00Z")).is_open());
    assert!(!windows.at("staging", at("2026-07-01T10:00:00Z")).is_open());
}

#[test]
fn what_never_opens_says_no_time() {
    let always = || {
        vec![weekly(WindowKind::Deny, &["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "00:00", "24:00")]
    };
    assert_eq!(until(always(), "2026-07-01T10:00:00Z"), None);
    assert!(!state(always(), "2026-07-01T10:00:00Z").is_open());
}

#[test]
fn leave_opens_for_a_time_and_needs_two_people_and_a_reason() {
    let closed = || state(vec![weekly(WindowKind::Deny, &["wed"], "00:00", "24:00")], "2026-07-01T10:00:00Z");
    let now = at("2026-07-01T10:00:00Z");
    let hour = Duration::from_secs(3600);
    let leave = BreakGlass::new("INC-7", ["alice", "bob"], now, hour).unwrap();
    assert!(closed().unless(Some(&leave), now).is_open());
    assert!(!closed().unless(Some(&leave), now.after(hour)).is_open());
    assert!(!closed().unless(None, now).is_open());
    let refused = |reason, people, duration| BreakGlass::new(reason, people, now, duration).unwrap_err();
    assert_eq!(refused(" ", ["alice", "bob"], hour), BreakGlassError::Reason);
    assert_eq!(refused("INC-7", ["alice", "ALICE "], hour), BreakGlassError::Approvers);
    assert_eq!(refused("INC-7", ["alice", "bob"], hour * 5), BreakGlassError::Duration);
}

#[test]
fn faults_say_what_a_window_needs() {
    let of = |zone: &str, day: &str, from: &str| {
        Window::weekly("w", WindowKind::Deny, zone, &[day], from, "10:00").unwrap_err().to_string()
    };
    insta::assert_snapshot!(of("Mars/Base", "mon", "08:00"), @"the change window `w`: there is no time zone `Mars/Base`; use a name such as `Europe/Berlin`");
    insta::assert_snapshot!(of("UTC", "someday", "08:00"), @"the change window `w`: `someday` is no day such as `mon`");
    insta::assert_snapshot!(of("UTC", "mon", "8:00"), @"the change window `w`: `8:00` is no time such as `08:30`");
    assert!(Window::once("w", WindowKind::Deny, "UTC", "2026-01-02T00:00", "2026-01-01T00:00").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn it_opens_exactly_when_it_says(
        hours in (0..24u32, 0..24u32, 0..24u32, 0..24u32), minute in 0..525_600i64, day in 0..7usize,
    ) {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let clock = |hour: u32| format!("{hour:02}:30");
        let windows = Windows::new([
            weekly(WindowKind::Allow, WORK, &clock(hours.0), &clock(hours.1)),
            weekly(WindowKind::Deny, &[days[day]], &clock(hours.2), &clock(hours.3)),
        ]).unwrap();
        let now = at("2026-01-01T00:00:00Z").after(Duration::from_secs(60 * minute.unsigned_abs()));
        if let WindowState::Closed { until: Some(until), .. } = windows.at("prod", now) {
            prop_assert!(windows.at("prod", until).is_open());
            let all: Vec<&Window> = windows.0.iter().collect();
            let mut before = now;
            while before < until {
                let moment = jiff::Timestamp::from_microsecond(before.as_micros()).unwrap();
                prop_assert!(closed(&all, moment).is_some(), "open before: {before}");
                before = before.after(Duration::from_secs(60 * 29));
            }
        }
    }
}
