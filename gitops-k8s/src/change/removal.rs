//! Whether the server would refuse a deletion, before anything is deleted.

use gitops_core::{Cx, Diagnostic, ErrorKind, Live, Refusal, Result};
use serde_json::json;

use crate::change::apply::delete;
use crate::client::cluster::{Call, Failure};
use crate::live::application::Inner;

/// What a person can do about it.
const HELP: &str = "declare the object again, or ask those whose rule it is";

/// Why a rule of the cluster refuses to delete an object, as a dry run of the deletion says; nothing if none does, or if another
/// object is there by now.
///
/// # Errors
/// Whatever else the server says, or keeps it from an answer: nobody knows.
pub(super) async fn refusal(inner: &Inner, cx: &Cx, live: &Live) -> Result<Option<Refusal>> {
    let place = inner.place(cx, &live.key).await?;
    let mut options = delete::options(&json!({"uid": live.uid.as_str()}));
    // The server takes it from here; the address says it too, for whoever keeps a log of requests.
    options["dryRun"] = json!(["All"]);
    let uri = format!("{}?dryRun=All", place.object(&place.served.versions[0]));
    let call = Call::delete(uri, options.to_string().into_bytes()).without_effect();
    match inner.wire().json(cx, call).await {
        Ok(_) => Ok(None),
        Err(failure) if matches!(failure.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => Ok(None),
        Err(failure) if failure.is_of_admission() => Ok(Some(refused(inner, live, &failure))),
        Err(failure) => Err(failure.into()),
    }
}

fn refused(inner: &Inner, live: &Live, failure: &Failure) -> Refusal {
    let reason = failure.error.message();
    let warning =
        Diagnostic::warning("GO0424", live.key.to_string(), format!("its deletion is refused: {reason}"));
    inner.warnings.say(&live.key, warning.help(HELP));
    Refusal::new(ErrorKind::Denied, reason)
}
