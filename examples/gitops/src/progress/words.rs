//! An event in one line.

use gitops_app::diagnostic;
use gitops_core::Event;

use crate::output::style::{self, DIM, GREEN, RED, YELLOW, count, escape, paint};

/// The line of an event that everybody wants to read; nothing for the others.
pub fn of(event: &Event) -> Option<String> {
    Some(match event {
        Event::Recovered { open } => {
            format!("{} {} of an earlier run looked up", paint(YELLOW, "recovered:"), count(*open, "change"))
        }
        Event::Applied { key, action } => {
            let style = style::of(*action);
            format!(
                "{} {}  {}",
                paint(style, action.symbol()),
                paint(style, action),
                escape(&key.to_string())
            )
        }
        Event::Waiting { key, reason } => {
            format!("{}  {}: {}", paint(YELLOW, "~ waits"), escape(&key.to_string()), escape(reason))
        }
        Event::Failed { key, error, unknown, help } => {
            let word = if *unknown { "? unknown" } else { "x failed" };
            let help = help.iter().map(|help| style::help(help)).collect::<String>();
            format!("{}  {}: {}{help}", paint(RED, word), escape(&key.to_string()), escape(error))
        }
        Event::Blocked { key, reason, .. } => {
            format!("{}  {}: {}", paint(YELLOW, "! blocked"), escape(&key.to_string()), escape(reason))
        }
        Event::Unblocked { key, .. } => {
            format!("{}  {}", paint(GREEN, "no longer blocked"), escape(&key.to_string()))
        }
        Event::Warned { warning } => diagnostic::draw(warning),
        Event::ReconcileFailed { error, help, diagnostics } => {
            let help = help.iter().map(|help| style::help(help)).collect::<String>();
            let faults = diagnostics.iter().map(|fault| format!("\n{}", diagnostic::draw(fault).trim_end()));
            let faults = faults.collect::<String>();
            format!(
                "{} {}; it is tried again{help}{faults}",
                paint(RED, "the reconciliation failed:"),
                escape(error)
            )
        }
        Event::Postponed { reason, help } => {
            let help = help.iter().map(|help| style::help(help)).collect::<String>();
            format!("{}  what is new is not taken up yet: {}{help}", paint(YELLOW, "~ waits"), escape(reason))
        }
        Event::Finished { applied, failed, blocked, .. } if applied + failed > 0 => {
            let blocked = if *blocked > 0 { format!(", {blocked} blocked") } else { String::new() };
            format!("{} {applied} applied, {failed} failed{blocked}", paint(DIM, "reconciled:"))
        }
        _ => return None,
    })
}

/// That what failed so many times in a row does not any more.
pub fn goes_on(times: u32) -> String {
    format!("{} after it failed {times} times", paint(GREEN, "the reconciliation goes on"))
}

/// The line of any other event, for who wants to read everything.
pub fn of_the_rest(event: &Event) -> Option<String> {
    let text = match event {
        Event::Resolved { revision } => format!("newest is {}", escape(revision)),
        Event::Rendered { parts, objects } => {
            format!("{} rendered, {} declared", count(*parts, "file"), count(*objects, "object"))
        }
        Event::Observed { asked } => format!("{} looked at", count(*asked, "object")),
        Event::Planned { plan, considered, diffed, steps, blocked } => format!(
            "plan {}: {} considered, {diffed} compared, {}, {blocked} blocked",
            plan.short(),
            count(*considered, "object"),
            count(*steps, "step")
        ),
        Event::KeepsAccepted { revision } => {
            format!("nothing newer is taken up; meanwhile drift of {} is repaired", escape(revision))
        }
        Event::Started { key, action } => format!("{action} {} begins", escape(&key.to_string())),
        Event::Moved { objects: Some(objects) } => format!("{} may have moved", count(*objects, "object")),
        Event::Moved { objects: None } => "any object may have moved".to_owned(),
        Event::Journaled { records } => format!("{} made durable", count(*records, "record")),
        _ => return None,
    };
    Some(paint(DIM, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gitops_core::{Action, Diagnostic, GroupKind, Key, Obstacle};

    #[test]
    fn every_outcome_has_a_symbol_and_a_word() {
        let key = Key::new("dir", GroupKind::new("", "File"), "", "a\nb");
        let events = [
            Event::Applied { key: key.clone(), action: Action::Create },
            Event::Failed {
                key: key.clone(),
                error: "disk full".to_owned(),
                help: Some("make room".to_owned()),
                unknown: true,
            },
            Event::Blocked {
                key: key.clone(),
                obstacle: Obstacle::Fault,
                reason: "it can't be read".to_owned(),
            },
            Event::Unblocked { key, reason: "it can't be read".to_owned() },
            Event::Recovered { open: 1 },
            Event::Postponed { reason: "`db` has not converged".to_owned(), help: None },
            Event::ReconcileFailed {
                error: "the revision has a fault".to_owned(),
                help: None,
                diagnostics: vec![Diagnostic::error("GO0401", "web.yaml", "not YAML")],
            },
        ];
        let lines: Vec<String> = events.iter().filter_map(of).collect();
        insta::assert_snapshot!(anstream::adapter::strip_str(&lines.join("\n")).to_string(), @r"
        + create  dir:File/-/a\nb
        ? unknown  dir:File/-/a\nb: disk full
          = help: make room
        ! blocked  dir:File/-/a\nb: it can't be read
        no longer blocked  dir:File/-/a\nb
        recovered: 1 change of an earlier run looked up
        ~ waits  what is new is not taken up yet: `db` has not converged
        the reconciliation failed: the revision has a fault; it is tried again
        error[GO0401]: web.yaml: not YAML
         |
         = help: run `gitops explain GO0401`
        ");
    }
}
