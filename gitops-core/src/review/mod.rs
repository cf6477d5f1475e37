//! What a request does, for the people who decide about it: a pure function of plans, with its renderings.
//!
//! A request (a pull request, a merge request) is judged by what an apply of its merge would do to every application, and
//! not by the lines that it changes. Three plans tell why a step is there, all against the same live state:
//!
//! | Plan of | Tells |
//! | --- | --- |
//! | the merge result | what would be done |
//! | the target branch's head | what would be done without the request: [existing drift](Attribution::ExistingDrift) |
//! | the target branch when the request was opened | what came since then: [base moved](Attribution::BaseMoved) |
//!
//! Everything else is [this change](Attribution::ThisChange). A [`Review`] holds a [`Part`] for each application; all
//! renderings are of that one model: [`Markdown`] for forges, [`plain`] text, [`sarif`], [`junit`], [`ReviewDocument`].
//! The module does no I/O and asks no clock: the same inputs give the same bytes.
//!
//! ```
//! use gitops_core::review::{Context, Flavour, Markdown, Review, Rules, plain};
//! # fn example(base: &gitops_core::Plan, head: &gitops_core::Plan) {
//! let rules = Rules::default();
//! let review = Review::of(base, head, None, &Context::new(&rules));
//! println!("{}", plain(&review));
//! let comment = Markdown::new(Flavour::GitHub).marked("github.com/acme/shop#12").render(&review);
//! assert!(comment.text.len() <= 60_000);
//! # }
//! ```
//!
//! # Risk rules
//!
//! | Rule | Level | Finds |
//! | --- | --- | --- |
//! | `delete` | high | An object, or a resource of one, is deleted |
//! | `replace` | high | An object, or a resource of one, is deleted and created again |
//! | `protected` | critical | Something protected is deleted or replaced |
//! | `stateful-loss` | critical | Something that holds data is deleted or replaced |
//! | `stateful-change` | medium | Something that holds data changes |
//! | `container-loss` | critical | A namespace or a definition is deleted or replaced |
//! | `blast-radius` | critical | A delete takes what others own, or nobody knows what |
//! | `takes` | high | A delete takes more objects of the application with it |
//! | `access` | high | Rights change: RBAC, IAM, admission |
//! | `fixed-field` | high | A selector or an immutable field changes |
//! | `conflict` | medium | A declared field belongs to another client |
//! | `adopts` | medium | An object that others made is adopted |
//! | `unknown` | medium | Values are known only after the apply |
//! | `secret` | medium | Secret material changes |
//! | `unhealthy-before` | medium | The object was not healthy before |
//! | `image-without-digest` | low | An image is named by a tag that can move |
//! | `large-share` | high | A large part of the application changes |
//! | `unhealthy-application` | medium | Other objects are not healthy before |
//!
//! # Who approves, and when
//!
//! [`approval`] counts approvals, [`owners`] reads CODEOWNERS files, [`window`] says when changes may be made, and
//! [`Command`] reads what people write in comments.

pub mod approval;
mod attribution;
mod command;
mod counts;
pub mod declared;
mod document;
mod hunk;
mod item;
mod junit;
mod kinds;
mod markdown;
pub mod owners;
mod part;
mod plain;
mod risk;
mod rules;
mod sarif;
mod text;
mod whole;
pub mod window;

pub use attribution::Attribution;
pub use command::{Command, CommandFault};
pub use counts::{ByAction, Counts};
pub use document::ReviewDocument;
pub use item::{BlockedItem, Item, Withdrawn};
pub use junit::junit;
pub use kinds::{KindPatternError, Kinds};
pub use markdown::{Budget, Comment, Flavour, Link, LinkError, Markdown, Marker, code_span};
pub use part::{Context, Labels, Part, Side};
pub use plain::plain;
pub use risk::{Flag, PlanSubject, RiskLevel, Rule, Rules, StepSubject};
pub use sarif::sarif;
pub use whole::{Failure, Outcome, Review};

#[cfg(test)]
mod tests;
