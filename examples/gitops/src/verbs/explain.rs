//! `gitops explain`: explains an error code.

use gitops_app::codes::{self, Page};
use gitops_app::documents::Document;
use gitops_core::{Error, ErrorKind};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::ExplainArgs;
use crate::exit::Exit;
use crate::output::style::{BOLD, paint};

/// Cause, example and way out of a code.
pub fn run(app: &App, args: &ExplainArgs) -> Ended {
    let code = args.code.to_uppercase();
    let page = codes::page(&code).ok_or_else(|| {
        let error = Error::new(ErrorKind::NotFound, format!("there is no error code `{}`", args.code));
        error.help("codes are `GO` and four digits, such as GO0106")
    })?;
    app.screen.answer(&Explanation(page), || human(page))?;
    Ok(Exit::Ok)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Explanation(&'static Page);

impl Document for Explanation {
    const KIND: &'static str = "Explanation";
}

fn human(page: &Page) -> String {
    let Page { code, title, example, cause, fix, .. } = page;
    let bold = |word: &'static str| paint(BOLD, word);
    format!(
        "{}: {title}\n\n{cause}\n\n{} {example}\n\n{} {fix}\n",
        bold(code),
        bold("For example:"),
        bold("What to do:")
    )
}
