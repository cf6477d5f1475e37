//! What a verb tells of several applications: one document, and one sum.

use std::sync::{Arc, Mutex, PoisonError};

use gitops_app::Orphaned;
use gitops_app::documents::list::ListDocument;
use gitops_app::documents::plan::Summary;
use gitops_app::documents::{Document, document};
use gitops_app::text::count;
use gitops_core::{Company, Report};
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::output::style::{BOLD, RED, paint};

/// What the applications told so far.
pub struct Many {
    told: Mutex<Told>,
    /// How far each has come, for those that need it.
    company: Arc<Company>,
}

impl Default for Many {
    fn default() -> Self {
        Self { told: Mutex::default(), company: Company::new(1) }
    }
}

#[derive(Default)]
struct Told {
    documents: Vec<Value>,
    plans: usize,
    summary: Summary,
    applied: usize,
    not_applied: usize,
    blocked: usize,
    failed: Vec<String>,
    unknown: Vec<String>,
}

impl Many {
    fn told<T>(&self, with: impl FnOnce(&mut Told) -> T) -> T {
        with(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those that were tried so far.
    pub fn company(&self) -> &Arc<Company> {
        &self.company
    }

    /// Takes in a document, to be written with the others.
    pub fn take<D: Document>(&self, document: &D) {
        self.told(|told| told.documents.push(document::json(document)));
    }

    /// Takes in what a plan holds.
    pub fn plan(&self, summary: &Summary) {
        self.told(|told| {
            told.plans += 1;
            told.summary += summary;
        });
    }

    /// Takes in that an application could not be looked at.
    pub fn unknown(&self, application: &str) {
        self.told(|told| told.unknown.push(application.to_owned()));
    }

    /// Takes in what came of an apply.
    pub fn report(&self, report: &Report) {
        self.told(|told| {
            told.applied += report.applied();
            told.not_applied += report.results.len() - report.applied();
            told.blocked += report.plan.blocked.len();
        });
    }

    /// Takes in that an application failed.
    pub fn fail(&self, application: &str, failure: &Failure) {
        self.take(&output::error::document(failure, Some(application)));
        self.told(|told| told.failed.push(application.to_owned()));
    }

    /// The one document.
    pub fn document<'a>(
        &self,
        verb: &'a str,
        exit: Exit,
        orphaned: &'a [Orphaned],
        not_tried: Vec<&'a str>,
    ) -> ListDocument<'a> {
        let (items, summary) = self.told(|told| {
            (std::mem::take(&mut told.documents), (told.plans > 0).then(|| told.summary.clone()))
        });
        ListDocument::new(verb, exit.code(), summary, items, orphaned, not_tried)
    }

    /// The one line for people that comes last.
    pub fn sum(&self, applications: usize, not_tried: &[&str]) -> String {
        self.told(|told| {
            let mut parts = Vec::new();
            if told.applied + told.not_applied > 0 {
                parts.push(format!("{} applied, {} not", count(told.applied, "change"), told.not_applied));
            } else if told.plans > 0 {
                let line = told.summary.line();
                let unseen = applications.saturating_sub(told.plans);
                parts.push(match (line.is_empty(), unseen) {
                    (false, _) => line,
                    (true, 0) => "in sync".to_owned(),
                    (true, _) => format!("{} in sync", told.plans),
                });
            }
            if told.blocked > 0 {
                parts.push(format!("{} {} blocked", paint(RED, "!"), told.blocked));
            }
            if !told.unknown.is_empty() {
                parts.push(format!("{} {}", paint(RED, "unknown:"), told.unknown.join(", ")));
            }
            if !told.failed.is_empty() {
                parts.push(format!("{} {}", paint(RED, "failed:"), told.failed.join(", ")));
            }
            if !not_tried.is_empty() {
                parts.push(format!("not tried: {}", not_tried.join(", ")));
            }
            let all = paint(BOLD, format_args!("{}:", count(applications, "application")));
            if parts.is_empty() { String::new() } else { format!("\n{all} {}\n", parts.join("; ")) }
        })
    }
}
