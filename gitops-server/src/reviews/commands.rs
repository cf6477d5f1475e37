//! What each command does.
// Long because each command with its answers is in one place.

use std::sync::Arc;

use gitops_app::config::Config;
use gitops_app::forge::patiently;
use gitops_app::home;
use gitops_app::lookup;
use gitops_app::review::AfterMerge;
use gitops_app::rollback::{bad_and_good, was_at};
use gitops_app::session::{Access, Session};
use gitops_core::redact::credentials;
use gitops_core::review::{Command, CommandFault, Flavour};
use gitops_core::text::shown;
use gitops_core::{
    Cx, EngineHandle, EngineStatus, Error, ErrorKind, Key, Phase, Pin, Plan, Relation, Request, Result,
    Revision,
};
use gitops_forge::{ChangeRequest, Comment, Permission, RequestState};

use super::look::Permissions;
use super::memory::Page;
use super::outcome::waits_for;
use super::revert::foreseen;
use super::{PATIENCE, Shared, nobody};

/// How long the head of a fork's request must have been known before somebody who may write vouches for it by a command: a
/// push in the moment in which the command is written must not be taken for what the person has read.
const READ: std::time::Duration = std::time::Duration::from_secs(60);

/// Of how many applications an answer says what they do.
const STANDINGS: usize = 10;

/// How many characters of a command are kept: more than the name of any application has.
const WORDS: usize = 300;

/// How long a rollback is waited for before it is answered, to say whether it waits for somebody.
const SEEN: std::time::Duration = std::time::Duration::from_secs(30);

/// What came of a command.
pub(super) enum Done {
    Yes(String),
    No(String),
    /// The next review answers it.
    AfterReview,
    /// Another context answers it.
    ByOthers,
}

/// The name of a command.
pub(super) fn name(command: &Command) -> &'static str {
    match command {
        Command::Plan { .. } => "plan",
        Command::Apply { .. } => "apply",
        Command::Approve { .. } => "approve",
        Command::Rollback { .. } => "rollback",
        Command::Why { .. } => "why",
        Command::Unlock { .. } => "unlock",
        _ => "unknown",
    }
}

/// A command as it is shown; one with a fault as it was typed.
pub(super) fn words(flavour: Flavour, typed: &str, command: &Result<Command, CommandFault>) -> String {
    let Ok(command) = command else {
        let typed = typed.split_whitespace().collect::<Vec<_>>().join(" ");
        return shown(&credentials(&typed), WORDS);
    };
    let rest = match command {
        Command::Plan { application } | Command::Apply { application } => application.clone(),
        Command::Approve { effect } => Some(effect.clone()),
        Command::Rollback { application, revision } => Some(
            [Some(application.as_str()), revision.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        ),
        Command::Why { object } => Some(object.clone()),
        Command::Unlock { application } => Some(application.clone()),
        _ => None,
    };
    let rest = rest.map(|rest| format!(" {rest}")).unwrap_or_default();
    let words = format!("{}{}{rest}", flavour.command_prefix(), name(command));
    // It is kept, told and repeated.
    shown(&credentials(&words), WORDS)
}

impl Shared {
    /// What there is, for somebody who asked for something else.
    pub(super) fn help(&self) -> String {
        let prefix = self.flavour().command_prefix();
        let commands = [
            "plan",
            "approve EFFECT",
            "apply",
            "rollback APPLICATION [REVISION]",
            "why OBJECT",
            "unlock APPLICATION",
        ];
        let commands = commands.map(|command| format!("`{prefix}{command}`"));
        format!("There are {}", commands.join(", "))
    }

    /// Why somebody may not give a command; the forge is asked in each look.
    pub(super) async fn refusal(
        &self,
        cx: &Cx,
        comment: &Comment,
        known: &mut Permissions,
    ) -> Result<Option<String>> {
        let Comment { author, created, updated, .. } = comment;
        if author.is_bot {
            return Ok(Some("a program can't give commands".to_owned()));
        }
        if created != updated {
            // Others may edit what somebody wrote.
            return Ok(Some("the comment was edited: write the command in a new one".to_owned()));
        }
        let permission = match known.get(author.id.as_str()) {
            Some(known) => *known,
            None => patiently(cx, || self.forge.permission(cx, author)).await?,
        };
        known.insert(author.id.to_string(), permission);
        let may = permission >= Permission::Write;
        Ok((!may).then(|| "only who may write to the repository gives commands".to_owned()))
    }

    /// Carries out a command of somebody who may give it.
    pub(super) async fn perform(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        page: &Page,
        comment: &Comment,
        command: &Command,
    ) -> Result<Done> {
        if self.is_for_others(cx, request, command).await? {
            return Ok(Done::ByOthers);
        }
        match command {
            Command::Plan { application } => {
                self.check_named(application.as_deref())?;
                self.plan(cx, request, page, comment).await
            }
            Command::Approve { .. } if request.state == RequestState::Open => Ok(Done::AfterReview),
            Command::Approve { effect } => self.approve_merged(cx, request, comment, effect).await,
            Command::Apply { application } => {
                self.check_named(application.as_deref())?;
                Box::pin(self.apply(cx, request, comment, application.as_deref())).await
            }
            Command::Rollback { application, revision } => {
                self.roll_back(cx, request, comment, application, revision.as_deref()).await
            }
            Command::Why { object } => self.why(cx, request, object).await,
            Command::Unlock { application } => Box::pin(self.unlock(cx, request, comment, application)).await,
            _ => Ok(Done::No(self.help())),
        }
    }

    fn check_named(&self, application: Option<&str>) -> Result<()> {
        application.map_or(Ok(()), |name| self.config(name).map(drop))
    }

    fn config(&self, name: &str) -> Result<&Config> {
        let names = || self.chosen.iter().map(|config| config.name.as_str()).collect::<Vec<_>>().join(", ");
        self.chosen.iter().find(|config| config.name == name).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("no application of this repository is called `{name}`"))
                .help(format!("there are {}", names()))
        })
    }

    /// Plans again. For the request of a fork, who may write vouches by that for the head that was there to be read.
    async fn plan(&self, cx: &Cx, request: &ChangeRequest, page: &Page, comment: &Comment) -> Result<Done> {
        if request.state != RequestState::Open {
            return Ok(Done::No("the request is not open any more".to_owned()));
        }
        if !request.is_fork() || comment.author.is(&request.author) {
            return Ok(Done::AfterReview);
        }
        let head = request.head.commit.as_str();
        let known = page.head.as_ref().filter(|known| known.commit == head);
        let is_read = known.is_some_and(|known| comment.created >= known.since.after(READ));
        if !is_read {
            let why = "the request comes from a fork, and was pushed to less than a minute before: read it, and give the \
                       command again";
            return Ok(Done::No(why.to_owned()));
        }
        let vouch = |page: &mut Page| {
            if page.head.as_ref().is_some_and(|known| known.commit == head) {
                page.vouched = Some(head.to_owned());
            }
        };
        self.memory.change(cx, request.number, vouch).await?;
        Ok(Done::AfterReview)
    }

    /// Stores the approval of what a merged request still waits for, if the effect is named that would be had now.
    async fn approve_merged(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        comment: &Comment,
        effect: &str,
    ) -> Result<Done> {
        let page = self.memory.page(cx, request.number).await?;
        let asked = self.asked_of(request.number, &page);
        let after = asked.after_merge(cx, &self.chosen(), &nobody()).await?;
        // What was shown before the merge has another name, and may be the same.
        let place = format!("comment {}", comment.id);
        let is_meant =
            |after: &&AfterMerge| after.effect.is_named(effect) || after.approved_in.contains(&place);
        let meant = after.iter().find(is_meant);
        if let Some(by) = meant.and_then(|after| after.approved_by.as_ref()) {
            let name = meant.map(|after| after.application.as_str()).unwrap_or_default();
            let until = self.board.handle(name).and_then(|handle| handle.status().borrow().denied_until());
            let from = until.map(|until| format!(" from {until} on")).unwrap_or_default();
            return Ok(Done::Yes(format!("approved by {by}: `{name}` goes on{from}")));
        }
        if let Some(after) = meant.filter(|after| after.counts(&comment.author.login)) {
            return Ok(Done::Yes(format!(
                "it counts; `{}` still wants: {}",
                after.application,
                after.open.join("; ")
            )));
        }
        if let Some(answer) = meant.and_then(|after| self.is_for_an_override(after)) {
            return Ok(Done::Yes(answer));
        }
        let waiting = after.iter().filter(|after| !after.wanted.is_empty());
        let waiting: Vec<String> = waiting.map(|after| waits(&page, after, effect)).collect();
        let reasons = meant.map(|after| after.discounted.join("; ")).filter(|reasons| !reasons.is_empty());
        // What waits was told meanwhile, and whoever tells stores what is approved: it may even be applied by now.
        if reasons.is_none() && asked.stored_by(cx, &self.chosen(), &nobody()).await?.contains(&place) {
            return Ok(Done::Yes("approved, and stored before this was answered".to_owned()));
        }
        let is_like = |after: &AfterMerge| after.effect.to_string().starts_with(effect);
        if reasons.is_none()
            && !after.iter().any(is_like)
            && self.is_effect_of_others(cx, request.number, effect).await?
        {
            return Ok(Done::ByOthers);
        }
        Ok(Done::No(match (reasons, waiting.is_empty()) {
            (Some(reasons), _) => format!("it does not count: {reasons}"),
            (None, true) => "nothing waits for an approval".to_owned(),
            (None, false) => waiting.join("; "),
        }))
    }

    /// What is said of an approval of what wants none, and that a gate denies: two such may be what `gitops approve --urgent` asks for.
    fn is_for_an_override(&self, after: &AfterMerge) -> Option<String> {
        let status = self.board.handle(&after.application)?.status().borrow().clone();
        if !after.wanted.is_empty() || status.denied.is_empty() {
            return None;
        }
        let waits = waits_for(&status).unwrap_or_default();
        Some(format!(
            "`{}` wants no approval, and waits {waits}; two approvals count for `gitops approve --urgent`",
            after.application
        ))
    }

    /// Has the engines look at once. What is not merged is applied only where the configuration says so.
    async fn apply(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        comment: &Comment,
        application: Option<&str>,
    ) -> Result<Done> {
        let meant = |config: &&Config| application.is_none_or(|name| name == config.name);
        if request.state == RequestState::Open {
            if self.followers(request).filter(meant).any(Self::goes_ahead) {
                return Ok(Done::AfterReview);
            }
            let why = "what is not merged is not applied: merge it, and what was approved is applied without another question";
            return Ok(Done::No(why.to_owned()));
        }
        let by = self.by(request, comment);
        let (mut asked, mut lines) = (Vec::new(), Vec::new());
        // Where nothing newer can come of it in any of them, to look again would promise something.
        let held: Vec<Option<String>> =
            self.followers(request).filter(meant).map(|config| self.held_back(config)).collect();
        if let Some(held) = held.into_iter().collect::<Option<Vec<_>>>().filter(|held| !held.is_empty()) {
            return Ok(Done::No(held.join("\n")));
        }
        for config in self.followers(request).filter(meant) {
            let handle = self.board.handle(&config.name).ok_or_else(|| not_at_work(&config.name))?;
            // Before it looks: what it was at when it was asked.
            if lines.len() < STANDINGS {
                lines.push(format!("`{}`: {}", config.name, Box::pin(self.applying(cx, config)).await?));
            }
            handle.request(&cx.within(PATIENCE), &by, Request::Sync).await?;
            asked.push(config.name.as_str());
        }
        if asked.is_empty() {
            return Ok(Done::No("no application that is meant follows the branch".to_owned()));
        }
        let asked = asked.join(", ");
        lines.insert(0, format!("looks at once: {asked}; the status of the commit says what came of it"));
        Ok(Done::Yes(lines.join("\n")))
    }

    /// Why an application applies nothing that is newer, if it is held to a revision.
    fn held_back(&self, config: &Config) -> Option<String> {
        let pin = self.board.handle(&config.name)?.status().borrow().pinned.clone()?;
        Some(format!("`{}` {}", config.name, held_to(&pin, &config.name)))
    }

    /// Pins an application to a revision, or to the last one of which everything was applied before the present one.
    async fn roll_back(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        comment: &Comment,
        application: &str,
        revision: Option<&str>,
    ) -> Result<Done> {
        let config = self.config(application)?;
        let handle = self.board.handle(application).ok_or_else(|| not_at_work(application))?;
        let named = match revision {
            Some(name) => Some(Box::pin(earlier(cx, config, name)).await?),
            None => None,
        };
        let back = Box::pin(back_by(cx, config, &handle)).await?;
        if let Some(pin) = back.filter(|pin| named.as_ref().is_none_or(|at| at.id() == pin.revision.id())) {
            return self.back_already(cx, request, (config, &handle), &pin).await;
        }
        let revision = match named {
            Some(revision) => revision,
            None => last_good(cx, config, &handle).await?,
        };
        let shown = revision.to_string();
        let foreseen = foreseen(cx, config, &revision).await?;
        let pin = Request::pin(revision.clone());
        handle.request(&cx.within(PATIENCE), &self.by(request, comment), pin).await?;
        let next = self.take_back(cx, config, &revision).await?;
        let went = self.way_back(cx, request, config, (&handle, &revision)).await?;
        Ok(Done::Yes(format!(
            "`{application}` is pinned to {shown}: newer commits wait. {foreseen} {next}{went}"
        )))
    }

    /// Says by whom an application goes back already, and has the request opened that takes the bad revision back, if there is none: who
    /// ordered it may have been stopped before that.
    async fn back_already(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        (config, handle): (&Config, &EngineHandle),
        pin: &Pin,
    ) -> Result<Done> {
        let (name, at) = (&config.name, &pin.revision);
        let next = self.take_back(cx, config, at).await?;
        let went = self.way_back(cx, request, config, (handle, at)).await?;
        Ok(Done::Yes(format!(
            "`{name}` is pinned to {at} already, by {} since {}: newer commits wait. {next}{went}\nTo go further back, name a revision: \
             {}rollback {name} REVISION",
            pin.by,
            pin.since,
            self.flavour().command_prefix()
        )))
    }

    /// What keeps an application from going back, if something does, and how that is approved: as long as it waits, the bad commit is live.
    async fn way_back(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        config: &Config,
        (handle, good): (&EngineHandle, &Revision),
    ) -> Result<String> {
        let mut status = handle.status();
        let is_planned = |status: &Arc<EngineStatus>| {
            let is_there = status.revision.as_ref().is_some_and(|at| at.id() == good.id());
            is_there && status.phase == Phase::Idle && status.last.is_some()
        };
        let call = cx.within(SEEN);
        let planned = async { Ok(status.wait_for(is_planned).await.ok().map(|status| status.clone())) };
        let Ok(Some(status)) = call.bounded(planned).await else {
            cx.check()?;
            return Ok(format!("\nWhether it is live again, `gitops -a {} status` says", config.name));
        };
        let Some(waits) = waits_for(&status) else { return Ok(String::new()) };
        if status.awaits_approval.is_empty() {
            return Ok(format!("\nThe bad commit is live meanwhile: the way back waits {waits}"));
        }
        let wanted = status.awaits_approval.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let until = status.denied_until().map(|until| format!("; and until {until}")).unwrap_or_default();
        let waits = format!(
            "\nThe way back waits for an approval, and the bad commit is live meanwhile: {wanted}{until}"
        );
        if request.state != RequestState::Merged {
            return Ok(format!(
                "{waits}\nApprove the request that takes it back: its comment says what to name"
            ));
        }
        let after = self.asked(request.number).after_merge(cx, &[config], &nobody()).await?;
        let effect =
            after.into_iter().find(|after| !after.wanted.is_empty()).map(|after| after.effect.name());
        let name = effect.map(|effect| {
            format!(
                "\nWho may approve it, and did not order it: comment {}approve {effect}",
                self.flavour().command_prefix()
            )
        });
        Ok(waits + &name.unwrap_or_default())
    }

    /// Says what becomes of an object, in each application that knows it.
    async fn why(&self, cx: &Cx, request: &ChangeRequest, object: &str) -> Result<Done> {
        let (mut lines, mut missing, mut failed) = (Vec::new(), None, Vec::new());
        for config in self.followers(request) {
            match explained(cx, config, object).await {
                Ok(found) => lines.extend(found),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                Err(error) if error.is_not_found() => missing = Some(error),
                Err(error) => failed.push(format!("[{}] {}", config.name, error.with_help())),
            }
        }
        match (lines.is_empty(), missing) {
            (true, Some(error)) if failed.is_empty() => match self.has_others(cx, request).await? {
                true => Ok(Done::ByOthers),
                false => Err(error),
            },
            (true, _) => Ok(Done::No(failed.join("\n"))),
            _ => {
                let of_branch = format!(
                    "of `{}` as it is; the comment shows what the request would do",
                    request.base.name
                );
                let is_open = request.state == RequestState::Open;
                let lines = lines.into_iter().chain(failed).chain(is_open.then_some(of_branch));
                Ok(Done::Yes(lines.collect::<Vec<_>>().join("\n")))
            }
        }
    }

    /// Lets go of a request that is applied and not merged; there is nothing else that is locked.
    async fn unlock(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        comment: &Comment,
        application: &str,
    ) -> Result<Done> {
        let config = self.config(application)?;
        if let Some(done) = self.let_go(cx, config, &self.by(request, comment)).await? {
            return Ok(Done::Yes(done));
        }
        let what = Box::pin(self.applying(cx, config)).await?;
        Ok(Done::No(format!(
            "there is nothing to unlock: a plan takes no lock, and an apply holds the application only while it works. \
             To stop all writes: `gitops -a {application} suspend --reason WHY`\n`{application}`: {what}"
        )))
    }

    /// On whose behalf an engine does something, for its audit log.
    fn by(&self, request: &ChangeRequest, comment: &Comment) -> String {
        format!("{} ({}#{} comment {})", comment.author.login, self.repository, request.number, comment.id)
    }
}

/// What an application waits for, for somebody who approved something else.
fn waits(page: &Page, after: &AfterMerge, effect: &str) -> String {
    let name = &after.application;
    if let Some(elsewhere) = after.elsewhere() {
        return format!("`{name}`: {elsewhere}");
    }
    let why = misnamed(page, after, effect).map(|why| format!("{why}: ")).unwrap_or_default();
    format!("{why}`{name}` waits for the approval of {}", after.effect.name())
}

/// Why an approval that is meant for what waits does not name it.
fn misnamed(page: &Page, after: &AfterMerge, effect: &str) -> Option<&'static str> {
    let said = page.outcomes.get(&after.application);
    if said.is_some_and(|said| said.was_named(effect)) {
        return Some("what there is to do changed since that was shown");
    }
    let is_cut = !after.effect.is_named(effect) && after.effect.to_string().starts_with(effect);
    is_cut.then_some("an approval names at least 40 digits of the effect")
}

pub(super) fn not_at_work(application: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("`{application}` is not at work here just now"))
        .help("give the command again")
}

/// What is said of an application that is held to a revision, after its name.
pub(super) fn held_to(pin: &Pin, name: &str) -> String {
    let at = pin.revision.short();
    match &pin.ahead_of {
        Some(request) => {
            format!("has {request} applied ({at}), which is not merged: newer commits wait for that")
        }
        None => format!(
            "is pinned to {at} by {}: newer commits wait. `gitops -a {name} rollback --end` lets go",
            pin.by
        ),
    }
}

pub(super) async fn look(cx: &Cx, config: &Config) -> Result<Session> {
    Session::builder(config).access(Access::Look).events(nobody()).open(cx).await
}

/// A revision by its name, if the branch went through it: a command must not bring what nobody merged.
async fn earlier(cx: &Cx, config: &Config, name: &str) -> Result<Revision> {
    let session = look(cx, config).await?;
    let unsupported = || Error::new(ErrorKind::Unsupported, "the source has no history to go back in");
    let history = session.engine.source().history().ok_or_else(unsupported)?;
    let revision = history.find(cx, name).await?;
    let is_before = match session.engine.inventory().accepted() {
        Some(accepted) => match history.relation(cx, accepted, &revision).await? {
            Relation::Same => true,
            Relation::Older => was_at(cx, config, accepted, &revision).await?,
            _ => false,
        },
        None => false,
    };
    is_before.then_some(revision).ok_or_else(|| {
        let why = "only a revision that the branch went through can be gone back to";
        Error::new(ErrorKind::Denied, why)
            .help("name one that `git log --first-parent` shows, or open a request for anything else")
    })
}

/// The pin by which an application goes back to an earlier revision already. One that holds it where it is is none.
async fn back_by(cx: &Cx, config: &Config, handle: &EngineHandle) -> Result<Option<Pin>> {
    let pinned = handle.status().borrow().pinned.clone();
    let Some(pin) = pinned.filter(|pin| pin.ahead_of.is_none()) else { return Ok(None) };
    let session = look(cx, config).await?;
    let (bad, good) = match bad_and_good(cx, session.audit(), None, Some(pin.revision.clone())).await {
        Err(error) if error.is_not_found() => return Ok(None),
        found => found?,
    };
    let Some(history) = session.engine.source().history() else { return Ok(None) };
    Ok((history.relation(cx, &good, &bad).await? == Relation::Newer).then_some(pin))
}

/// The revision to go back to: the one that is live completely while a newer one is in progress; else the newest good one before
/// it.
async fn last_good(cx: &Cx, config: &Config, handle: &EngineHandle) -> Result<Revision> {
    let status = handle.status().borrow().clone();
    let live = status.complete.as_ref().map(|complete| &complete.revision);
    // Something newer was begun and did not get through.
    if let (Some(_), Some(live)) = (&status.progress, live) {
        return Ok(live.clone());
    }
    let audit = home::audit_log(cx, config).await?;
    Ok(bad_and_good(cx, &*audit, None, None).await?.1)
}

/// What an application says of an object.
async fn explained(cx: &Cx, config: &Config, object: &str) -> Result<Vec<String>> {
    let mut session = look(cx, config).await?;
    let plan = session.engine.plan(cx).await.map_err(|error| match error.kind() {
        // It is not the object that is missing.
        ErrorKind::NotFound => Error::new(ErrorKind::Invalid, error.with_help()),
        _ => error,
    })?;
    let key = lookup::find(object, &session.keys())?;
    Ok(lines(&session, &plan, &key))
}

/// What a plan says of an object.
fn lines(session: &Session, plan: &Plan, key: &Key) -> Vec<String> {
    let step = plan.steps.iter().find(|step| step.key == *key);
    let blocked = plan.blocked.iter().find(|blocked| blocked.key == *key);
    let owned = session.engine.inventory().entries().get(key);
    let desired = session.engine.desired().and_then(|desired| desired.objects().get(key).cloned());
    let next = match (step, blocked) {
        (Some(step), _) => format!("next: {}: {}", step.action, step.reason),
        (None, Some(blocked)) => format!("blocked: {}", blocked.why),
        (None, None) if desired.is_some() => "next: nothing, it is as declared".to_owned(),
        (None, None) => "next: nothing, it is not declared any more".to_owned(),
    };
    let place = match &desired {
        Some(object) => format!("declared in {}", object.provenance),
        None => "not declared".to_owned(),
    };
    let whose = if owned.is_some() { "owned by this application" } else { "not made yet" };
    let fields = step.into_iter().flat_map(|step| step.diff.fields()).take(6);
    let fields = fields.map(|field| format!("differs: {}", credentials(&field.path)));
    let head = format!("[{}] {key} at {}", session.config.name, plan.revision);
    [head, place, whose.to_owned(), next].into_iter().chain(fields).collect()
}
