//! Rules of approvals: whom they know, what they are about, and what they say.

use super::world::{key, plan, step};
use crate::cx::Time;
use crate::plan::{Cause, Step};
use crate::review::approval::{
    ApprovalRule, ApprovalRules, Committer, Discounted, From, Opinion, Person, Request, RuleStanding, Shown,
    Standing, Vote,
};
use crate::review::owners::{CodeOwners, Dialect};
use crate::review::{Context, Labels, Part, Rules};
use crate::value::{Action, ComponentChange, Components, Digest};

fn part(steps: Vec<Step>) -> Part {
    Part::of(&plan("shop", vec![]), &plan("shop", steps), None, &Context::new(&Rules::default()))
}

fn one() -> ApprovalRule {
    ApprovalRule::new("review", 1)
}

fn deleting() -> Part {
    part(vec![step(key("a"), Action::Delete, vec![])])
}

/// What comes of the votes of these people on the deletion of an object that the comment shows for an hour.
fn judge<'a>(rule: ApprovalRule, votes: Vec<Vote>, with: impl FnOnce(&mut Request<'a>)) -> Standing {
    let now = Time::default().after(std::time::Duration::from_secs(3600));
    let mut request = Request::new(Person::new("alice"), now);
    request.shown.insert("shop".to_owned(), vec![Shown::new(Time::default(), deleting().effect)]);
    request.votes = votes;
    with(&mut request);
    ApprovalRules::new([rule]).judge(&deleting(), &Digest::of(b"all"), &request)
}

fn vote(by: Person, opinion: Opinion) -> Vote {
    Vote::new(by, opinion, Time::default().after(std::time::Duration::from_secs(600)), "1")
}

fn writer(login: &str, email: &str) -> Person {
    let mut person = Person::new(login);
    person.emails = vec![email.to_owned()];
    person
}

#[test]
fn an_owner_is_known_by_name_address_or_team_and_must_be_allowed_to_write() {
    let owners = CodeOwners::parse("/shop/ @bob carol@example.org @acme/shop\n", Dialect::GitHub).unwrap();
    let is_met = |person: Person| {
        let rule = one().from(From::CodeOwners);
        let judged = judge(rule, vec![vote(person, Opinion::Approved)], |request| {
            request.owners = Some(&owners);
            request.teams.insert("acme/shop".to_owned(), vec!["dora".to_owned()]);
            request.changed = vec!["shop/web.yaml".to_owned()];
        });
        assert_eq!(judged.rules.len(), 1);
        judged.is_met()
    };
    for owner in [Person::new("Bob"), writer("c", "Carol@example.org"), Person::new("dora")] {
        assert!(is_met(owner.clone()), "{owner:?}");
        let mut outsider = owner;
        outsider.may_write = false;
        assert!(!is_met(outsider.clone()), "{outsider:?}");
    }
    assert!(!is_met(writer("eve", "eve@example.org")), "she owns nothing of it");
}

#[test]
fn a_person_is_the_same_by_name_or_address_whatever_the_case() {
    let bob = writer("bob", "b@example.org");
    for same in [writer("BOB", "other@example.org"), writer("robert", "B@example.org")] {
        assert!(bob.is_same(&same) && same.is_same(&bob), "{same:?}");
    }
    assert!(!bob.is_same(&writer("robert", "r@example.org")));
    let made_by = |login: Option<&str>, email: &str| Committer::new(login.map(str::to_owned), email);
    let counts = |committer: Committer| {
        let votes = vec![vote(bob.clone(), Opinion::Approved)];
        judge(one(), votes, |request| request.committers = vec![committer]).is_met()
    };
    assert!(!counts(made_by(Some("Bob"), "other@example.org")), "his account");
    assert!(!counts(made_by(Some("other"), "B@example.org")), "his address");
    assert!(counts(made_by(Some("other"), "other@example.org")));
}

#[test]
fn a_word_that_names_an_effect_is_put_aside_only_if_it_approves_another_one() {
    let approved = || vote(Person::new("bob"), Opinion::Approved);
    let later = |opinion| Vote { id: "2".to_owned(), ..vote(Person::new("bob"), opinion) };
    let elsewhere = Digest::of(b"another application").to_string();
    let named = |opinion| judge(one(), vec![approved(), later(opinion).naming(&elsewhere)], |_| {});
    assert!(named(Opinion::Approved).is_met(), "what he approved here holds");
    assert!(!named(Opinion::ChangesRequested).is_met(), "a no is a no, whatever it names");
    assert!(!named(Opinion::Withdrawn).is_met());
    let here = judge(one(), vec![later(Opinion::Approved).naming(deleting().effect.to_string())], |_| {});
    assert!(here.is_met() && here.discounted.is_empty());
}

#[test]
fn a_rule_says_how_far_it_is_and_who_could_help() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut standing = RuleStanding {
        name: "review".to_owned(),
        needed: 2,
        approved_by: names(&["bob"]),
        candidates: names(&["eve", "acme/shop"]),
        excluded: names(&["ann"]),
        changes_requested_by: names(&["carol"]),
        expired: names(&["dan"]),
        unknown_committer: Some("x@example.org".to_owned()),
        untold: None,
    };
    assert_eq!(
        standing.to_string(),
        "review: 1 of 2 approvals; approved by bob; changes requested by carol; expired: dan; can be approved by eve, \
         acme/shop; none counts, since no account is known for the committer x@example.org: add that address to the account"
    );
    for (unknown, no, needed, is_met) in [
        (true, false, 1, false),
        (false, true, 1, false),
        (false, false, 2, false),
        (false, false, 1, true),
        (false, false, 0, true),
    ] {
        standing.unknown_committer = unknown.then(|| "x@example.org".to_owned());
        standing.changes_requested_by = if no { names(&["carol"]) } else { Vec::new() };
        standing.needed = needed;
        assert_eq!(standing.is_met(), is_met, "{standing}");
        assert_eq!(standing.to_string().contains("can be approved by"), !is_met, "{standing}");
        let all = Standing { rules: vec![standing.clone()], ..Standing::default() };
        assert!(all.asks() && all.is_met() == is_met);
        assert_eq!(all.verdict().messages().len(), usize::from(!is_met));
    }
    assert!(!Standing::default().asks() && Standing::default().is_met());
}

#[test]
fn each_reason_why_a_vote_does_not_count_is_told_in_words_of_its_own() {
    let all = [
        Discounted::Author,
        Discounted::Committer,
        Discounted::Bot,
        Discounted::NothingShown,
        Discounted::OtherEffect,
        Discounted::JustChanged,
        Discounted::NamesOtherEffect,
    ];
    let told: std::collections::BTreeSet<String> = all.iter().map(ToString::to_string).collect();
    assert!(told.len() == all.len() && told.iter().all(|words| words.contains(' ')), "{told:?}");
}

#[test]
fn a_list_of_patterns_has_its_limits() {
    let fits = |patterns: Vec<String>| one().of_kinds(patterns).is_ok();
    assert!(fits(vec!["A".to_owned(); 1000]) && !fits(vec!["A".to_owned(); 1001]));
    assert!(fits(vec!["A".repeat(1000)]) && !fits(vec!["A".repeat(1001)]) && !fits(vec![String::new()]));
    let rules = ApprovalRules::new([one()]).sensitive(["conf/*"]).unwrap();
    let mut request = Request::new(Person::new("alice"), Time::default());
    request.changed = ["conf/a", "conf/a/b", "other"].map(str::to_owned).to_vec();
    let asked = rules.judge(&deleting(), &Digest::of(b"all"), &request).asks_again_for;
    assert_eq!(asked, ["conf/a"], "a star ends at a slash");
}

#[test]
fn a_rule_about_kinds_is_about_the_parts_of_an_object_too_and_none_about_what_changes_nothing() {
    let mut with_parts = step(key("a"), Action::Update, vec![]);
    let database = ComponentChange {
        name: "db".to_owned(),
        kind: "aws_db_instance".to_owned(),
        action: "update".to_owned(),
        risk: None,
        before: None,
        after: None,
    };
    with_parts.components = Components { owned: 1, changes: vec![database] };
    let about = |kind: &str, steps: Vec<Step>| one().of_kinds([kind]).unwrap().applies_to(&part(steps));
    assert!(about("aws_db_*", vec![with_parts.clone()]) && about("ConfigMap", vec![with_parts.clone()]));
    assert!(!about("aws_iam_*", vec![with_parts]));
    assert!(!one().applies_to(&part(vec![])));
}

#[test]
fn without_a_review_a_rule_is_about_the_steps_that_do_more_than_to_repair() {
    let repair = Step { cause: Cause::Drift, ..step(key("b"), Action::Update, vec![]) };
    let both = plan("shop", vec![step(key("a"), Action::Delete, vec![]), repair.clone()]);
    let labels = Labels { environment: "prod".to_owned(), is_production: true };
    let rules = Rules::default();
    let names = |rule: ApprovalRule, plan| {
        rule.steps(plan, &labels, &rules).into_iter().map(|key| key.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(one(), &both), ["a"]);
    assert_eq!(names(one().in_environment("prod").of_kinds(["ConfigMap"]).unwrap(), &both), ["a"]);
    for other in
        [one().in_environment("staging"), one().of_application("x"), one().of_kinds(["Other"]).unwrap()]
    {
        assert!(names(other, &both).is_empty());
    }
    assert!(names(one().of_kinds(["ConfigMap"]).unwrap(), &plan("shop", vec![repair])).is_empty());
}
