use std::mem::take;
use std::time::Duration;

use super::tamper;
use crate::cx::Cx;
use crate::value::{Error, Retry};

/// The bounds of the first wait and of the longest.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// How long a running engine waits after passes that failed, and because somebody asked it to.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    /// Passes in a row that failed.
    failures: u32,
    /// How long a target or the source asked to be left alone, since the last wait.
    asked: Duration,
    /// Whether what people ask could not be taken up at the last try: at once it would fail again.
    pub is_deaf: bool,
}

impl BackOff {
    /// Hears for how long the one who answered so wants to be left alone.
    pub fn hear(&mut self, error: &Error) {
        if let Retry::After(asked) = error.retry() {
            self.asked = self.asked.max(asked);
        }
    }

    /// How long nothing may be sent because somebody asked for it: five minutes at most, for others wait with him.
    pub fn take_asked(&mut self) -> Duration {
        take(&mut self.asked).min(BOUNDS.1)
    }

    /// A reconciliation left nothing to do.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// A random time up to a bound that doubles with each failure in a row, so that many engines don't wake at once. It
    /// is never longer than the time between two looks without a failure.
    pub fn next(&mut self, cx: &Cx, interval: Duration) -> Duration {
        let doubled = BOUNDS.0.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        tamper::back_off(cx, cx.up_to(doubled.min(BOUNDS.1).min(interval.max(BOUNDS.0))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::ErrorKind;

    const HOUR: Duration = Duration::from_secs(3600);

    /// The shortest and the longest of many waits after so many failures.
    fn waits(failures: u32, interval: Duration) -> (Duration, Duration) {
        let cx = Cx::system();
        let waits: Vec<_> =
            (0..500).map(|_| BackOff { failures, ..BackOff::default() }.next(&cx, interval)).collect();
        (*waits.iter().min().unwrap(), *waits.iter().max().unwrap())
    }

    #[test]
    fn a_wait_is_anything_up_to_its_bound() {
        let bound = |failures| {
            Duration::from_secs(match failures {
                0 => 1,
                3 => 8,
                _ => 300,
            })
        };
        for failures in [0, 3, 9, u32::MAX] {
            let (bound, (shortest, longest)) = (bound(failures), waits(failures, HOUR));
            assert!(shortest < bound / 10 && bound * 9 / 10 < longest && longest <= bound, "{failures}");
        }
        assert!(waits(9, Duration::from_secs(20)).1 <= Duration::from_secs(20));
        assert!(waits(9, Duration::ZERO).1 <= BOUNDS.0);
    }

    #[test]
    fn the_longest_wish_since_the_last_wait_counts_up_to_a_bound() {
        let mut back_off = BackOff::default();
        let asks = |asked| Error::new(ErrorKind::Unavailable, "busy").retry_when(Retry::After(asked));
        [5, 70, 3].map(Duration::from_secs).into_iter().for_each(|asked| back_off.hear(&asks(asked)));
        back_off.hear(&Error::new(ErrorKind::Unavailable, "gone"));
        assert_eq!(back_off.take_asked(), Duration::from_secs(70));
        assert_eq!(back_off.take_asked(), Duration::ZERO);
        back_off.hear(&asks(HOUR));
        assert_eq!(back_off.take_asked(), Duration::from_secs(300));
    }
}
