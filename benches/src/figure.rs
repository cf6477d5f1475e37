/// Prints a figure with its bound, and whether it holds.
pub fn row(figure: &str, measured: f64, unit: &str, bound: f64, at_least: bool) {
    let (sign, holds) = if at_least { ("≥", measured >= bound) } else { ("≤", measured <= bound) };
    println!(
        "{figure}\t{measured:.3} {unit}\t{sign} {bound} {unit}\t{}",
        if holds { "holds" } else { "MISSED" }
    );
}

/// The one in the middle.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
