//! Which applications a verb works with: the one that is chosen, or all.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_app::config::{Applications, Config};
use gitops_app::documents::changes;
use gitops_app::text::count;
use gitops_app::{Orphaned, orphaned};

use super::{Ended, one, orders};
use crate::app::App;
use crate::cli::Verb;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::many::Many;
use crate::output;
use crate::output::style::{BOLD, YELLOW, escape, paint};

/// Runs a verb for the application that `-a` names, or else for all of the configuration.
pub async fn each(app: &App, verb: &Verb) -> Ended {
    let applications = app.applications()?;
    let orphans = orphans(app, &applications).await;
    let needs_one = needs_one(verb);
    match (&app.chosen, &applications.all[..], needs_one) {
        (Some(name), ..) => Box::pin(one(&app.of(&applications, applications.named(name)?), verb)).await,
        (None, [config], Some(_)) => Box::pin(one(&app.of(&applications, config), verb)).await,
        (None, [config], None) if !applications.is_list => {
            Box::pin(one(&app.of(&applications, config), verb)).await
        }
        (None, _, Some(what)) => Err(several(app, &applications, what)),
        (None, ..) => Box::pin(all(app, verb, &applications, &orphans)).await,
    }
}

/// What of a command line is about one application only.
fn needs_one(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Plan(args) if args.out.is_some() => Some("`--out` saves the plan of one application"),
        Verb::Apply(args) if args.saved.is_some() => Some("a saved plan is of one application"),
        Verb::Apply(args) if args.consent.plan_id.is_some() => {
            Some("`--plan-id` names the plan of one application")
        }
        Verb::Plan(args) if args.moving.renamed_from.is_some() => Some(RENAMED),
        Verb::Apply(args) if args.moving.renamed_from.is_some() => Some(RENAMED),
        Verb::Diff(args) if args.key.is_some() => Some("an object is of one application"),
        Verb::History(args) if args.verb.is_some() => Some("a reconciliation is of one application"),
        Verb::Plan(_)
        | Verb::Apply(_)
        | Verb::Diff(_)
        | Verb::Drift(_)
        | Verb::Status(_)
        | Verb::History(_) => None,
        Verb::Suspend(args) if args.all => None,
        Verb::Suspend(_) => Some("`--all` suspends all applications; without it this verb works with one"),
        _ => Some("this verb works with one application"),
    }
}

/// A verb that works with several, as it is typed.
const fn name(verb: &Verb) -> &'static str {
    match verb {
        Verb::Plan(_) => "plan",
        Verb::Apply(_) => "apply",
        Verb::Diff(_) => "diff",
        Verb::Drift(_) => "drift",
        Verb::Status(_) => "status",
        Verb::Suspend(_) => "suspend --all",
        _ => "history",
    }
}

const RENAMED: &str = "`--renamed-from` is about one application";

fn several(app: &App, applications: &Applications, what: &str) -> Failure {
    let names: Vec<&str> = applications.all.iter().map(|config| config.name.as_str()).collect();
    let message = format!("{what}, and {} has {}", app.file.display(), names.len());
    Failure::usage(message, format!("choose one with `-a NAME`: {}", names.join(", ")))
}

/// One after the other, each after those that it needs, else in the order of their names. A failure of one is no reason
/// against the next, unless that is to apply what needs it; a stop is.
async fn all(app: &App, verb: &Verb, applications: &Applications, orphans: &[Orphaned]) -> Ended {
    let (many, mut exits, mut not_tried) = (Arc::new(Many::default()), BTreeMap::new(), Vec::new());
    let mut stopped = None;
    let mut suspended = match verb {
        Verb::Suspend(args) => orders::suspend_each(app, args, applications).await,
        _ => BTreeMap::new(),
    };
    for config in applications.in_order() {
        let suspended = suspended.remove(&config.name);
        if app.cx.is_cancelled() && suspended.is_none() {
            stopped = Some(Exit::Interrupted);
            not_tried.push(config.name.as_str());
            continue;
        }
        let app = app.among(applications, config, &many);
        if !app.screen.is_json() {
            app.screen.data(&heading(config, exits.is_empty()))?;
        }
        if let (Verb::Apply(_), Some((need, exit))) = (verb, unmet(config, &exits)) {
            let why = match exit {
                Some(exit) => format!("which was not applied completely (exit code {})", exit.code()),
                None => "which was not tried".to_owned(),
            };
            app.screen.note(&format!("{} is not tried: it needs `{need}`, {why}.", config.name));
            not_tried.push(config.name.as_str());
            continue;
        }
        let ended = match (suspended, verb) {
            (Some(done), Verb::Suspend(args)) => done.and_then(|doer| orders::suspended(&app, args, doer)),
            _ => Box::pin(one(&app, verb)).await,
        };
        let exit = ended.unwrap_or_else(|failure| {
            tell(&app, &many, &failure);
            failure.exit
        });
        exits.insert(config.name.as_str(), exit);
    }
    let exit = Exit::gravest(exits.into_values().chain(stopped));
    let sum = many.sum(applications.all.len(), &not_tried);
    app.screen.answer(&many.document(name(verb), exit, orphans, not_tried), || sum)?;
    Ok(exit)
}

/// The first need of an application that was not applied completely, and how its apply ended if it was tried. How far one has come
/// that was, the engine knows.
fn unmet<'a>(config: &'a Config, exits: &BTreeMap<&str, Exit>) -> Option<(&'a str, Option<Exit>)> {
    let ends = config.needs.iter().map(|need| (need.as_str(), exits.get(need.as_str()).copied()));
    ends.into_iter().find(|(_, exit)| *exit != Some(Exit::Ok))
}

/// The line above what a verb tells of an application.
fn heading(config: &Config, is_first: bool) -> String {
    let labels: Vec<String> =
        config.labels.iter().map(|(name, value)| escape(&format!("{name}={value}"))).collect();
    let gap = if is_first { "" } else { "\n" };
    let line = format!("{gap}{}  {}", paint(BOLD, format_args!("[{}]", config.name)), labels.join("  "));
    line.trim_end().to_owned() + "\n"
}

fn tell(app: &App, many: &Many, failure: &Failure) {
    many.fail(app.config().name.as_str(), failure);
    if !app.screen.is_json() {
        // The heading is on the other stream, which a log may keep apart.
        let name = paint(BOLD, format_args!("[{}]", app.config().name));
        app.screen.complain(&format!("{name} {}", output::error::human(failure)));
    }
}

/// The applications that left the configuration, told on standard error. What keeps them from being found is told too.
pub async fn orphans(app: &App, applications: &Applications) -> Vec<Orphaned> {
    let found = orphaned(&app.cx, applications).await.unwrap_or_else(|error| {
        let what = "It can't be found out whether applications left the configuration:";
        app.screen.note(&format!("{} {}", paint(YELLOW, what), escape(&error.with_help())));
        Vec::new()
    });
    found.iter().for_each(|orphan| app.screen.note(&left(orphan)));
    found
}

/// How many objects are named.
const NAMED: usize = 3;

fn left(orphan: &Orphaned) -> String {
    let Orphaned { application, file, state, objects, .. } = orphan;
    let named: Vec<String> = objects.iter().take(NAMED).map(changes::object).collect();
    let more = objects.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let text = format!(
        "`{application}` is no longer in {} and owns {}: {}{more}. Nothing is done about them. Put it back to go on with \
         it. To delete them, put it back, remove them from its source, and apply; then take it out again. To keep them and \
         forget it, remove {}. If it has another name now, apply with `--renamed-from {application}`.",
        file.display(),
        count(objects.len(), "object"),
        named.join(", "),
        state.display()
    );
    format!("{} {}", paint(YELLOW, "Orphaned:"), escape(&text))
}
