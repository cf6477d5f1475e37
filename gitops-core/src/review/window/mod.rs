//! When changes may be made: windows that allow and windows that deny, in a time zone.

mod break_glass;
mod time;

pub use break_glass::{BreakGlass, BreakGlassError};

use jiff::civil::{DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use crate::cx::Time;
use crate::gate::Verdict;
use time::{Clock, instants, next_days};

/// How many windows there may be.
const WINDOWS: usize = 100;

/// How many days ahead another state is looked for.
const DAYS_SOON: usize = 2;

/// How many days ahead the end of a denial is looked for.
const DAYS_AHEAD: usize = 400;

/// Whether a window allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WindowKind {
    /// Changes are made only within a window of this kind, if there is any for the environment.
    Allow,
    /// No change is made within.
    Deny,
}

/// A time in which changes may, or may not, be made.
///
/// Days and times are those of a clock on the wall in the time zone, across changes of summer time. An end that is not
/// later than the beginning is on the next day.
///
/// ```
/// use gitops_core::review::window::{Window, WindowKind};
/// let freeze = Window::weekly("weekend", WindowKind::Deny, "Europe/Berlin", &["sat", "sun"], "00:00", "24:00")?;
/// let holidays = Window::once("holidays", WindowKind::Deny, "UTC", "2026-12-23T18:00", "2027-01-02T06:00")?;
/// # Ok::<(), gitops_core::review::window::WindowError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Window {
    name: String,
    kind: WindowKind,
    zone: TimeZone,
    when: When,
    environments: Vec<String>,
}

#[derive(Clone, Debug)]
enum When {
    Weekly { days: Vec<Weekday>, from: Clock, to: Clock },
    Once { from: DateTime, to: DateTime },
}

/// A window that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the change window `{window}`: {why}")]
pub struct WindowError {
    window: String,
    why: String,
}

impl Window {
    /// A window on days of the week, such as `mon`, from and to a time such as `08:30`; `24:00` is the end of the day.
    ///
    /// # Errors
    /// An unknown zone, day or time; no day at all.
    pub fn weekly(
        name: impl Into<String>,
        kind: WindowKind,
        zone: &str,
        days: &[&str],
        from: &str,
        to: &str,
    ) -> Result<Self, WindowError> {
        let name = name.into();
        let fault = |why: String| WindowError { window: name.clone(), why };
        let days: Vec<Weekday> =
            days.iter().map(|day| time::weekday(day)).collect::<Result<_, _>>().map_err(fault)?;
        if days.is_empty() {
            return Err(fault("it has no day".to_owned()));
        }
        let (from, to) = (Clock::parse(from).map_err(fault)?, Clock::parse(to).map_err(fault)?);
        if from.is_end_of_day() {
            return Err(fault("it can't begin at the end of a day".to_owned()));
        }
        let zone = time_zone(zone).map_err(fault)?;
        Ok(Self { kind, zone, when: When::Weekly { days, from, to }, environments: Vec::new(), name })
    }

    /// A window from and to a time of a day, such as `2026-12-23T18:00`.
    ///
    /// # Errors
    /// An unknown zone or time; an end that is not after the beginning.
    pub fn once(
        name: impl Into<String>,
        kind: WindowKind,
        zone: &str,
        from: &str,
        to: &str,
    ) -> Result<Self, WindowError> {
        let name = name.into();
        let fault = |why: String| WindowError { window: name.clone(), why };
        let (from, to) = (time::civil(from).map_err(fault)?, time::civil(to).map_err(fault)?);
        if from >= to {
            return Err(fault("it ends before it begins".to_owned()));
        }
        let zone = time_zone(zone).map_err(fault)?;
        Ok(Self { kind, zone, when: When::Once { from, to }, environments: Vec::new(), name })
    }

    /// Only for an environment; several add up.
    #[must_use]
    pub fn in_environment(mut self, environment: impl Into<String>) -> Self {
        self.environments.push(environment.into());
        self
    }

    /// The window's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn is_for(&self, environment: &str) -> bool {
        self.environments.is_empty() || self.environments.iter().any(|name| name == environment)
    }

    fn contains(&self, now: jiff::Timestamp) -> bool {
        let wall = self.zone.to_datetime(now);
        match &self.when {
            When::Once { from, to } => *from <= wall && wall < *to,
            When::Weekly { days, from, to } => {
                let has = |day: Weekday| days.contains(&day);
                let (today, clock) = (wall.weekday(), Clock::of(wall.time()));
                if from < to {
                    return has(today) && *from <= clock && clock < *to;
                }
                has(today) && *from <= clock || has(today.previous()) && clock < *to
            }
        }
    }

    /// The times within some days after a time at which it may begin or end.
    fn borders(&self, after: jiff::Timestamp, days: usize) -> Vec<jiff::Timestamp> {
        let walls: Vec<DateTime> = match &self.when {
            When::Once { from, to } => vec![*from, *to],
            When::Weekly { from, to, .. } => {
                let days = next_days(self.zone.to_datetime(after).date(), days);
                days.flat_map(|day| [from.on(day), to.on(day)]).flatten().collect()
            }
        };
        walls.into_iter().flat_map(|wall| instants(&self.zone, wall)).collect()
    }
}

/// A zone of the database that is built in, so that the same name means the same on every machine.
fn time_zone(name: &str) -> Result<TimeZone, String> {
    let shown = || name.chars().take(60).collect::<String>();
    let database = TimeZoneDatabase::bundled();
    database
        .get(name)
        .map_err(|_| format!("there is no time zone `{}`; use a name such as `Europe/Berlin`", shown()))
}

/// All change windows.
#[derive(Clone, Debug, Default)]
pub struct Windows(Vec<Window>);

/// Whether changes may be made now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WindowState {
    /// They may.
    Open,
    /// They may not.
    Closed {
        /// The window that denies; nothing if none allows.
        by: Option<String>,
        /// When they may be made next; nothing if that is more than 400 days ahead.
        until: Option<Time>,
    },
}

impl Windows {
    /// These windows.
    ///
    /// # Errors
    /// There are more than 100.
    pub fn new(windows: impl IntoIterator<Item = Window>) -> Result<Self, WindowError> {
        let windows: Vec<Window> = windows.into_iter().collect();
        match windows.get(WINDOWS) {
            Some(window) => Err(WindowError {
                window: window.name.clone(),
                why: format!("there are more than {WINDOWS} change windows"),
            }),
            None => Ok(Self(windows)),
        }
    }

    /// Whether changes may be made in an environment at a time.
    ///
    /// A time outside what a calendar knows is closed.
    pub fn at(&self, environment: &str, now: Time) -> WindowState {
        let windows = self.of(environment);
        if windows.is_empty() {
            return WindowState::Open;
        }
        let Ok(now) = jiff::Timestamp::from_microsecond(now.as_micros()) else {
            return WindowState::Closed { by: None, until: None };
        };
        match closed(&windows, now) {
            None => WindowState::Open,
            Some(by) => WindowState::Closed { by, until: next_open(&windows, now) },
        }
    }

    /// The first time after another one at which something else is said of an environment, if that is within the next two days.
    pub fn changes_after(&self, environment: &str, now: Time) -> Option<Time> {
        let windows = self.of(environment);
        let now = jiff::Timestamp::from_microsecond(now.as_micros()).ok()?;
        let before = closed(&windows, now);
        let borders = borders(&windows, now, DAYS_SOON);
        let change = borders.into_iter().find(|border| closed(&windows, *border) != before)?;
        Some(Time::from_micros(change.as_microsecond()))
    }

    fn of(&self, environment: &str) -> Vec<&Window> {
        self.0.iter().filter(|window| window.is_for(environment)).collect()
    }
}

/// What closes: a window that denies, or that none allows.
#[expect(clippy::option_option, reason = "closed by nothing in particular is not open")]
fn closed(windows: &[&Window], now: jiff::Timestamp) -> Option<Option<String>> {
    let of = |kind| windows.iter().filter(move |window| window.kind == kind);
    if let Some(denying) = of(WindowKind::Deny).find(|window| window.contains(now)) {
        return Some(Some(denying.name.clone()));
    }
    let is_allowed =
        of(WindowKind::Allow).next().is_none() || of(WindowKind::Allow).any(|window| window.contains(now));
    (!is_allowed).then_some(None)
}

/// The first time at which nothing closes. That can only be where a window begins or ends. Most windows open within days,
/// so the next week is looked at before the rest.
fn next_open(windows: &[&Window], now: jiff::Timestamp) -> Option<Time> {
    let within = |days: usize| {
        borders(windows, now, days).into_iter().find(|border| closed(windows, *border).is_none())
    };
    // Zones are up to a day apart: what another window has just beyond the days may come before.
    let week = jiff::SignedDuration::from_hours(7 * 24);
    let soon = within(9).filter(|open| open.duration_since(now) < week);
    soon.or_else(|| within(DAYS_AHEAD)).map(|open| Time::from_micros(open.as_microsecond()))
}

/// The times after another one, and within some days, at which a window may begin or end.
fn borders(windows: &[&Window], now: jiff::Timestamp, days: usize) -> Vec<jiff::Timestamp> {
    let mut borders: Vec<jiff::Timestamp> =
        windows.iter().flat_map(|window| window.borders(now, days)).collect();
    borders.retain(|border| *border > now);
    borders.sort_unstable();
    borders.dedup();
    borders
}

impl WindowState {
    /// Whether changes may be made.
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }

    /// As a gate's verdict: closed is a denial that no approval lifts.
    pub fn verdict(&self) -> Verdict {
        let Self::Closed { by, until } = self else { return Verdict::Allow };
        let why = match by {
            Some(name) => format!("the change window `{name}` denies changes"),
            None => "no change window is open".to_owned(),
        };
        let from = match until {
            Some(until) => format!("; changes may be made from {until} on"),
            None => String::new(),
        };
        Verdict::deny("change-window", why + &from).until(*until)
    }

    /// The same, unless a [`BreakGlass`] holds.
    #[must_use]
    pub fn unless(self, override_: Option<&BreakGlass>, now: Time) -> Self {
        if override_.is_some_and(|override_| override_.holds(now)) { Self::Open } else { self }
    }
}

#[cfg(test)]
mod tests;
