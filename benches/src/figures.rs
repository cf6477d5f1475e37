use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How many figures missed their bounds so far.
static MISSED: AtomicUsize = AtomicUsize::new(0);

/// What a program is to measure, by its words.
pub struct Wanted {
    /// The word `quick`: a tenth of it.
    pub quick: bool,
    only: Option<String>,
}

impl Wanted {
    /// The first word beside `quick` names the one figure that is wanted; without it all are.
    pub fn of(words: impl IntoIterator<Item = String>) -> Self {
        let (quick, names): (Vec<String>, Vec<String>) = words.into_iter().partition(|word| word == "quick");
        Self { quick: !quick.is_empty(), only: names.into_iter().next() }
    }

    /// Whether a figure is wanted.
    pub fn is_due(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == name)
    }
}

/// Prints a figure beside its bound, and whether it holds. One that does not has the program [fail](outcome) in the end.
pub fn row(figure: &str, measured: f64, unit: &str, bound: f64, at_least: bool) {
    let (sign, holds) = if at_least { ("≥", measured >= bound) } else { ("≤", measured <= bound) };
    if !holds {
        MISSED.fetch_add(1, Relaxed);
    }
    println!(
        "{figure}\t{measured:.3} {unit}\t{sign} {bound} {unit}\t{}",
        if holds { "holds" } else { "MISSED" }
    );
}

/// How a program that measured ends: as one that failed, where a figure missed its bound.
pub fn outcome() -> ExitCode {
    match MISSED.load(Relaxed) {
        0 => ExitCode::SUCCESS,
        missed => {
            eprintln!("figures that missed their bounds: {missed}");
            ExitCode::FAILURE
        }
    }
}

/// What something gives, and how long it takes.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]
pub fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = act();
    (value, start.elapsed())
}

/// The figure below which a share of all lies: 0.5 for the median.
///
/// # Panics
/// If there is no figure.
pub fn quantile(mut figures: Vec<f64>, share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index of a short list"
    )]
    let index = ((figures.len() as f64 * share) as usize).min(figures.len() - 1);
    figures[index]
}
