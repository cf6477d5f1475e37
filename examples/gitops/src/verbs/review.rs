//! `gitops review`: shows what a merge would do, and whose doing each step is.

use gitops_app::config::{Applications, Config, ForgeConfig, ForgeKind};
use gitops_app::documents::document;
use gitops_app::documents::review::ReviewDocument;
use gitops_app::forge::{Environment, Found, Named};
use gitops_app::review::{Asked, NotConcerned, Reviewed, Sides, Told, review};
use gitops_core::review::{Flavour, Markdown, Outcome, junit, plain, sarif};

use super::Ended;
use crate::app::App;
use crate::cli::{Format, ReviewArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::style::{YELLOW, escape, paint};
use crate::progress;

/// Plans the target branch and the merge, and compares. Without a forge nothing is written but the answer.
pub async fn run(app: &App, args: &ReviewArgs) -> Ended {
    let applications = app.applications()?;
    let chosen = chosen(app, &applications, &args.labels)?;
    let (sides, reviewed) = if let (Some(base), Some(head)) = (&args.base, &args.head) {
        let sides = Sides::new(base, head);
        let sides = if args.untrusted { sides.untrusted() } else { sides };
        let events = progress::sink(app);
        let reviewed = Box::pin(review(&app.cx, &applications, &chosen, &sides, &events)).await?;
        (sides, reviewed)
    } else {
        let job = Environment::of(|name| std::env::var(name).ok())?;
        if let Some(job) = job.as_ref().filter(|job| job.queued.is_some() && args.request.is_none()) {
            return Box::pin(in_a_queue(app, args, &applications, &chosen, job)).await;
        }
        let told = Box::pin(on_a_forge(app, args, &applications, &chosen, job.as_ref())).await?;
        (told.sides, told.reviewed)
    };
    tell(app, &reviewed, &sides);
    let exit = exit(&reviewed);
    answer(app, &sides, &reviewed, exit)?;
    Ok(exit)
}

/// Reviews a request of a forge, and tells it there.
async fn on_a_forge(
    app: &App,
    args: &ReviewArgs,
    applications: &Applications,
    chosen: &[&Config],
    job: Option<&Environment>,
) -> Result<Told, Failure> {
    let number = args.request.or(job.and_then(|job| job.request));
    let number = number.ok_or_else(|| Failure::usage("nothing says what to review", SIDES))?;
    let (found, asked) = asked(app, args, chosen, job, number)?;
    let asked = if args.untrusted || args.trusted { asked.vouched(args.trusted) } else { asked };
    let asked = asked.written(Environment::written(|name| std::env::var(name).ok()));
    let asked = args.plan_url.iter().fold(asked, Asked::full_plan);
    let asked = if args.keep_approvals { asked.keeping_approvals() } else { asked };
    let document = |sides: &Sides, reviewed: &Reviewed| as_json(sides, reviewed, exit(reviewed));
    let told = asked.review(&app.cx, applications, chosen, &progress::sink(app), document).await?;
    let comment = if told.wrote_comment { "written" } else { "unchanged" };
    let written = count(told.statuses, "status", "statuses");
    app.screen.note(&escape(&format!(
        "Request {number} of {}: comment {comment}, {written} written.",
        found.repository
    )));
    for application in &told.approved {
        app.screen.note(&escape(&format!("Stored: what reviewers approved of `{application}`.")));
    }
    for (application, files) in &told.asks_again {
        app.screen.note(&escape(&format!(
            "Not stored: `{application}` is asked again after the merge, because the request changes {}.",
            files.join(", ")
        )));
    }
    Ok(told)
}

/// The request of this number, on the forge that the command line, the configuration and the job name.
fn asked(
    app: &App,
    args: &ReviewArgs,
    chosen: &[&Config],
    job: Option<&Environment>,
    number: u64,
) -> Result<(Found, Asked), Failure> {
    let named = Named {
        kind: args.forge.map(ForgeKind::from),
        url: args.forge_url.clone(),
        repository: args.repository.clone(),
    };
    let found = Found::of(&named, one_forge(chosen)?, job)?;
    // A review of some of the applications must not take the place of another one's comment.
    let part = app.chosen.iter().chain(args.labels.iter().map(|(_, value)| value));
    let context = part.fold(found.context().to_owned(), |context, part| format!("{context}/{part}"));
    let asked = Asked::new(found.open(&app.cx)?, found.kind, number, context);
    Ok((found, asked))
}

/// Reviews a commit that the forge's merge queue made: it must have the effect that was approved. Nobody can approve it there, so that it
/// is refused is a failure, and not a question.
async fn in_a_queue(
    app: &App,
    args: &ReviewArgs,
    applications: &Applications,
    chosen: &[&Config],
    job: &Environment,
) -> Ended {
    let queued = job.queued.as_ref().ok_or_else(|| Failure::usage("nothing says what to review", SIDES))?;
    let refusing = |exit| if matches!(exit, Exit::Ok | Exit::Denied) { Exit::Failure } else { exit };
    // The number is that of the last request of several, and is not used.
    let (found, asked) = asked(app, args, chosen, Some(job), 0)?;
    let events = progress::sink(app);
    let (branch, commit) = (&queued.branch, &queued.commit);
    let told = asked.review_queued(&app.cx, applications, chosen, &events, branch, commit).await;
    let told = told.map_err(|error| Failure { exit: refusing(Exit::after(&error)), error })?;
    let written = count(told.statuses, "status", "statuses");
    app.screen.note(&escape(&format!(
        "Commit {} of the merge queue of {}: {written} written.",
        commit.as_str(),
        found.repository
    )));
    let sides = Sides::new(branch, commit.as_str());
    tell(app, &told.reviewed, &sides);
    let exit = match &told.refused {
        Some(why) => {
            app.screen.note(&format!("{} {}", paint(YELLOW, "Refused:"), escape(why)));
            refusing(exit(&told.reviewed))
        }
        None => exit(&told.reviewed),
    };
    answer(app, &sides, &told.reviewed, exit)?;
    Ok(exit)
}

const SIDES: &str = "name both sides, `--base main --head BRANCH`, or a request on a forge, `--request 7`";

fn count(n: usize, one: &str, several: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { several })
}

/// The forge of the applications, of which there may be one.
fn one_forge<'a>(chosen: &[&'a Config]) -> Result<Option<&'a ForgeConfig>, Failure> {
    let is_same =
        |a: &ForgeConfig, b: &ForgeConfig| (a.kind, &a.url, &a.repository) == (b.kind, &b.url, &b.repository);
    let mut forges = chosen.iter().filter_map(|config| config.forge.as_ref());
    let first = forges.next();
    match first.is_some_and(|first| forges.any(|other| !is_same(first, other))) {
        true => Err(Failure::usage(
            "the applications are of several forges, and a request is of one",
            "choose an application with `-a NAME`, or some with `--label NAME=VALUE`",
        )),
        false => Ok(first),
    }
}

/// The application that `-a` names, or those that have all labels.
fn chosen<'a>(
    app: &App,
    applications: &'a Applications,
    labels: &[(String, String)],
) -> Result<Vec<&'a Config>, Failure> {
    let fits = |config: &&Config| labels.iter().all(|(name, value)| config.labels.get(name) == Some(value));
    let named = app.chosen.as_ref().map(|name| applications.named(name)).transpose()?;
    let all: Vec<&Config> = match named {
        Some(config) => vec![config],
        None => applications.all.iter().collect(),
    };
    let chosen: Vec<&Config> = all.into_iter().filter(fits).collect();
    match chosen.is_empty() {
        true => Err(Failure::usage("no application has these labels", "see `labels` in the configuration")),
        false => Ok(chosen),
    }
}

/// Says on standard error what is beside the review.
fn tell(app: &App, reviewed: &Reviewed, sides: &Sides) {
    for NotConcerned { application, follows, .. } in &reviewed.not_concerned {
        let text = format!("`{application}` follows {follows}, and not {}.", sides.base());
        app.screen.note(&format!("{} {}", paint(YELLOW, "Not concerned:"), escape(&text)));
    }
    if !reviewed.configuration.is_empty() {
        let files = reviewed.configuration.join(", ");
        let text = format!(
            "what it changes in {files} is in no plan: it is judged by the configuration of {}.",
            sides.base()
        );
        app.screen.note(&format!("{} {}", paint(YELLOW, "Not planned:"), escape(&text)));
    }
    if !reviewed.untouched.is_empty() {
        app.screen.note(&escape(&format!("Untouched: {}.", reviewed.untouched.join(", "))));
    }
}

/// How the command ends: as the gates, the approvals and what is blocked say.
fn exit(reviewed: &Reviewed) -> Exit {
    let failed = reviewed.failed.iter().map(|failed| match failed.is_conflict {
        true => Exit::Conflict,
        false => Exit::after(&failed.error),
    });
    let parts = reviewed.review.parts.iter().flat_map(|part| {
        let of_gates = match part.outcome() {
            Outcome::NeedsApproval | Outcome::Denied => Exit::Denied,
            // What is blocked is told before what the gates say, and lifts nothing of it.
            Outcome::Failed if !part.is_approved() => Exit::of_verdict(&part.verdict),
            _ => Exit::Ok,
        };
        part.newly_blocked().map(|blocked| Exit::of_obstacle(blocked.obstacle)).chain([of_gates])
    });
    Exit::gravest(failed.chain(parts))
}

fn as_json(sides: &Sides, reviewed: &Reviewed, exit: Exit) -> String {
    document::pretty(&ReviewDocument::new(sides, reviewed, exit.code()))
}

fn answer(app: &App, sides: &Sides, reviewed: &Reviewed, exit: Exit) -> gitops_core::Result<()> {
    let Reviewed { review, rules, .. } = reviewed;
    let text = match app.screen.format() {
        Format::Human => plain(review),
        Format::Json => as_json(sides, reviewed, exit),
        Format::Markdown => Markdown::new(Flavour::GitHub).render(review).text,
        Format::Junit => junit(review),
        Format::Sarif => format!("{:#}\n", sarif(review, rules)),
    };
    app.screen.data(&text)
}
