//! C57 to C59: a secret goes into the target and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::bench::{TargetBench, sample};
use super::outside::Fault;
use crate::capability::{Differ, Structural};
use crate::conformance::check::{Asked, Check, Checked, Stop, check, ensure};
use crate::value::{Error, Live, Secret, SecretKey, Value};

pub(super) const CHECKS: &[Check<TargetBench>] = &[
    check!(
        "C57",
        Asked::All,
        masked,
        "A secret is masked in what is shown of an object and of a difference."
    ),
    check!(
        "C58",
        Asked::All,
        masked_in_errors,
        "A secret is in no error, whatever the server says: not as it is, in other letters, in hex or in base64."
    ),
    check!(
        "C59",
        Asked::All,
        equal_by_digest,
        "Secrets are equal if their texts are, and nothing else is told of them."
    ),
];

/// A body that holds a secret, and the secret's text.
fn secret(bench: &TargetBench, number: u8) -> Checked<(Value, String)> {
    let body = sample(bench.subject.samples.secret.as_ref(), "body that holds a secret")?;
    let text = format!("canary-{number}-{}", bench.owner());
    Ok((body(Secret::new(text.clone(), &SecretKey::new([7; 32]))), text))
}

fn free_of(text: &str, shown: &str, what: &str) -> Checked {
    let small = shown.to_lowercase();
    let digit = |digit: u8| char::from_digit(digit.into(), 16).unwrap_or('?');
    let hex: String = text.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect();
    ensure!(!small.contains(&text.to_lowercase()), "the secret is in {what}: {shown}");
    ensure!(!small.contains(&hex), "the secret is in {what} in hex: {shown}");
    // What follows the last whole three bytes changes the end.
    let base64 = STANDARD.encode(&text.as_bytes()[..text.len() / 3 * 3]);
    ensure!(!shown.contains(&base64), "the secret is in {what} in base64: {shown}");
    Ok(())
}

async fn masked(bench: &TargetBench) -> Checked {
    let (body, text) = secret(bench, 1)?;
    let live: Live = bench.make_at(&bench.key(), body).await?;
    free_of(&text, &format!("{live:?}"), "the debugging text of the object")?;
    free_of(&text, &live.body.to_string(), "the text of its body")?;
    let (next, other) = secret(bench, 2)?;
    let diff = match bench.preview(&live, &next).await? {
        Some(preview) => preview.diff,
        None => Structural::default().diff(&next, &live.body),
    };
    let shown = format!("{diff:?} {}", serde_json::to_string(&diff).map_err(Error::from)?);
    free_of(&text, &shown, "a difference")?;
    free_of(&other, &shown, "a difference")
}

async fn masked_in_errors(bench: &TargetBench) -> Checked {
    let (body, text) = secret(bench, 1)?;
    let made = bench.make_at(&bench.key(), body.clone()).await?;
    bench.rewrite(&made, bench.body(1)).await?;
    let of_ours = bench.refused(&bench.update(&made, body.clone()).await).await?;
    is_free(&text, &of_ours)?;
    let of_server = refusals(bench, &body, &text).await?;
    for error in &of_server {
        is_free(&text, error)?;
    }
    match of_server.is_empty() {
        true => {
            Err(Stop::Skip("nothing makes the server itself refuse a body that holds a secret".to_owned()))
        }
        false => Ok(()),
    }
}

fn is_free(text: &str, error: &Error) -> Checked {
    free_of(text, &format!("{error:?} {error:#} {:?}", error.help_text()), "an error")
}

/// What comes of a body with a secret that the server refuses, as far as it can be made to.
async fn refusals(bench: &TargetBench, body: &Value, text: &str) -> Checked<Vec<Error>> {
    let mut errors = Vec::new();
    if let Some(refused) = &bench.subject.samples.refused_secret {
        let body = refused(Secret::new(text.to_owned(), &SecretKey::new([7; 32])));
        errors.push(bench.refused(&bench.creation(&bench.key(), body).await).await?);
    }
    for fault in [Fault::Quoted, Fault::LostAnswer, Fault::Overloaded, Fault::Forbidden] {
        let change = bench.creation(&bench.key(), body.clone()).await;
        match bench.refused_by(fault, &change).await {
            Ok(error) => errors.push(error),
            Err(Stop::Skip(_)) => {}
            Err(stop) => return Err(stop),
        }
    }
    Ok(errors)
}

async fn equal_by_digest(bench: &TargetBench) -> Checked {
    let ((body, text), (other, _)) = (secret(bench, 1)?, secret(bench, 2)?);
    let live = bench.make_at(&bench.key(), body.clone()).await?;
    bench.holds(&live, &body).await?;
    let differs = !bench.difference(&live, &other).await?.is_empty();
    ensure!(differs, "two secrets under {} are taken for one", live.key);
    let plain = crate::value::Digest::of(text.as_bytes()).to_string();
    let shown = format!("{live:?} {}", live.version);
    ensure!(!shown.contains(&plain), "a digest without a key tells of the secret of {}", live.key);
    Ok(())
}
