//! `gitops diff --between`: what two applications declare in another way.

use gitops_app::documents::Document;
use gitops_app::documents::changes;
use gitops_app::session::{Access, Session};
use gitops_core::review::declared::{Compared, compare};
use gitops_core::{Desired, Diff, Key, Revision};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::{BOLD, escape, paint};
use crate::progress;

/// One of the two.
#[derive(Serialize)]
struct Side {
    application: String,
    revision: Revision,
}

/// The document of a comparison.
#[derive(Serialize)]
struct ComparisonDocument<'a> {
    first: Side,
    second: Side,
    only_first: &'a [Key],
    only_second: &'a [Key],
    differing: Vec<DifferingPart<'a>>,
    alike: usize,
}

#[derive(Serialize)]
struct DifferingPart<'a> {
    first: &'a Key,
    second: &'a Key,
    fields: &'a Diff,
}

impl Document for ComparisonDocument<'_> {
    const KIND: &'static str = "Comparison";
}

/// Renders both at the newest revision that each follows. No target is asked.
pub async fn run(app: &App, names: &[String]) -> Ended {
    let [first, second] = names else {
        return Err(Failure::usage("two applications are compared", "write `--between staging,prod`"));
    };
    let ((first, ours, session), (second, theirs, _)) =
        (declared(app, first).await?, declared(app, second).await?);
    // What a root is made of are whole files.
    let shows = |key: &Key| session.target_of_roots(key.target()).is_none();
    let Compared { only_first, only_second, differing, alike, .. } = compare(&ours, &theirs, shows);
    let differing = differing.iter().map(|found| DifferingPart {
        first: &found.first,
        second: &found.second,
        fields: &found.diff,
    });
    let (only_first, only_second) = (&only_first[..], &only_second[..]);
    let document =
        ComparisonDocument { first, second, only_first, only_second, differing: differing.collect(), alike };
    app.answer(&document, || document.human())?;
    Ok(Exit::Ok)
}

async fn declared(app: &App, name: &str) -> Result<(Side, Desired, Session), Failure> {
    let applications = app.applications()?;
    let app = app.of(&applications, applications.named(name)?);
    let session = app.open(Access::Look, progress::sink(&app)).await?;
    let revision = session.engine.source().resolve(&app.cx).await?;
    let desired = session.engine.declared_at(&app.cx, &revision).await?;
    Ok((Side { application: name.to_owned(), revision }, desired, session))
}

impl ComparisonDocument<'_> {
    fn human(&self) -> String {
        let mut text = String::new();
        for (side, keys) in [(&self.first, self.only_first), (&self.second, self.only_second)] {
            for key in keys {
                let (side, key) = (escape(&side.application), escape(&changes::object(key)));
                text.extend(["only in ", &side, "  ", &key, "\n"]);
            }
        }
        for DifferingPart { second, fields, .. } in &self.differing {
            text.push_str(&paint(BOLD, escape(&changes::object(second))));
            text.push('\n');
            for field in fields.fields() {
                text.extend(["  ", &escape(&field.to_string()), "\n"]);
            }
        }
        let side = |side: &Side| format!("{} at {}", side.application, side.revision);
        let head = format!(
            "{} and {}: {} differ, {} alike, {} only in one\n",
            side(&self.first),
            side(&self.second),
            self.differing.len(),
            self.alike,
            self.only_first.len() + self.only_second.len()
        );
        escape(head.trim_end()) + "\n" + &text
    }
}
