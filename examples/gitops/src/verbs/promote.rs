//! `gitops promote`: opens the request that copies declared versions from one application to another.

use gitops_app::documents::Document;
use gitops_app::forge::{Environment, Found, Named};
use gitops_app::promote::Promotion;
use gitops_app::session::{Access, Session};
use serde::Serialize;

use super::Ended;
use crate::app::App;
use crate::cli::PromoteArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::{GREEN, YELLOW, escape, paint};
use crate::progress;

/// The document of a promotion.
#[derive(Debug, Serialize)]
struct PromotionDocument<'a> {
    #[serde(flatten)]
    promotion: &'a Promotion,
    /// The request, if one was opened or is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestPart>,
}

#[derive(Debug, Serialize)]
struct RequestPart {
    number: u64,
    url: String,
}

impl Document for PromotionDocument<'_> {
    const KIND: &'static str = "Promotion";
}

/// Writes nothing but a branch of its own and the request.
pub async fn run(app: &App, args: &PromoteArgs) -> Ended {
    let applications = app.applications()?;
    let open = |name: String| {
        let applications = &applications;
        async move {
            let config = applications.named(&name)?;
            let app = app.of(applications, config);
            Ok::<Session, Failure>(app.open(Access::Look, progress::sink(&app)).await?)
        }
    };
    let (from, to) = (open(args.from.clone()).await?, open(args.to.clone()).await?);
    let promotion = Promotion::between(&app.cx, &from, &to, files(args, &to)).await?;
    if let Some(pattern) = promotion.unmatched.first() {
        let message = format!("the pattern `{pattern}` fits no file of `{}`", args.from);
        let help = "name files from the folder of the application on: `--files 'config/*.yaml'`";
        return Err(Failure::usage(message, help));
    }
    let mut request = None;
    if !promotion.is_empty() && !args.dry_run {
        let job = Environment::of(|name| std::env::var(name).ok())?;
        let found = Found::of(&Named::default(), to.config.forge.as_ref(), job.as_ref())?;
        let forge = found.open(&app.cx)?;
        let opened = promotion.open(&app.cx, &to, &*forge).await?;
        request = Some(RequestPart { number: opened.number, url: opened.web_url });
    }
    let document = PromotionDocument { promotion: &promotion, request };
    app.answer(&document, || human(&document, args))?;
    Ok(Exit::Ok)
}

/// The patterns of files to copy whole: those that are named, or else those of the rule that promotes the same.
fn files<'a>(args: &'a PromoteArgs, to: &'a Session) -> &'a [String] {
    let rule = to.config.promote.as_ref().filter(|rule| rule.from == args.from);
    match rule {
        Some(rule) if args.files.is_empty() => &rule.files,
        _ => &args.files,
    }
}

fn human(document: &PromotionDocument<'_>, args: &PromoteArgs) -> String {
    let PromotionDocument { promotion, request } = document;
    let mut text = String::new();
    for change in &promotion.changes {
        let moves = if change.can_move { "  (a name that can move)" } else { "" };
        let (file, what) = (escape(&change.file), escape(&change.what));
        let place = if change.line == 0 { file } else { format!("{file}:{}", change.line) };
        let versions = escape(&format!("{} -> {}", change.before, change.after));
        text.extend(["  ", &place, "  ", &what, ": ", &versions, moves, "\n"]);
    }
    for left in &promotion.left {
        let (file, what) = (escape(&left.file), escape(&left.what));
        let line = format!("  {} {file}:{}  {what}: {}\n", paint(YELLOW, "not touched"), left.line, left.why);
        text.push_str(&line);
    }
    if !promotion.others.is_empty() {
        let (count, from, to) = (promotion.others.len(), &args.from, &args.to);
        let line = format!("Besides, {count} files differ:  gitops diff --between {from},{to}\n");
        text.push_str(&line);
        for other in promotion.others.iter().take(20) {
            text.extend(["  ", &escape(&other.path), "  ", &other.how.to_string(), "\n"]);
        }
    }
    let head = match request {
        _ if promotion.is_empty() => format!(
            "{} `{}` has the versions of `{}`.\n",
            paint(GREEN, "Nothing to promote:"),
            args.to,
            args.from
        ),
        Some(request) => {
            format!("{} request {}: {}\n", paint(GREEN, "Proposed:"), request.number, escape(&request.url))
        }
        None => "Would be proposed:\n".to_owned(),
    };
    head + &text
}
