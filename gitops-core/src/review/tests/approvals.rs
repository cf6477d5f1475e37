//! Who may approve, and what an approval is of.
// Long because each reason for which a vote does not count is a case of its own.

use std::time::Duration;

use super::world::{key, plan, step};
use crate::cx::Time;
use crate::gate::Verdict;
use crate::review::approval::{
    ApprovalRule, ApprovalRules, Committer, Discounted, From, Opinion, Person, Request, Shown, Standing,
    Unapplied, Vote,
};
use crate::review::owners::{CodeOwners, Dialect};
use crate::review::{Context, Labels, Outcome, Part, Review, RiskLevel, Rules};
use crate::value::{Action, Digest};

fn at(minute: u64) -> Time {
    Time::from_micros(0).after(Duration::from_secs(60 * minute))
}

fn part() -> Part {
    let rules = Rules::default();
    let mut context = Context::new(&rules);
    context.labels = Labels { environment: "prod".to_owned(), is_production: true };
    Part::of(
        &plan("shop", vec![]),
        &plan("shop", vec![step(key("a"), Action::Delete, vec![])]),
        None,
        &context,
    )
}

/// A request of Alice, whose comment shows the effect of [`part`] from minute 10 on; it is minute 100.
fn request<'a>(votes: impl IntoIterator<Item = Vote>) -> Request<'a> {
    let mut request = Request::new(Person::new("alice"), at(100));
    request.votes = votes.into_iter().collect();
    request.shown.insert("shop".to_owned(), vec![Shown { at: at(10), effect: part().effect }]);
    request
}

fn vote(who: &str, opinion: Opinion, minute: u64) -> Vote {
    Vote::new(Person::new(who), opinion, at(minute), minute.to_string())
}

fn approved(who: &str, minute: u64) -> Vote {
    vote(who, Opinion::Approved, minute)
}

fn judge(rule: ApprovalRule, request: &Request<'_>) -> Standing {
    ApprovalRules::new([rule]).judge(&part(), &Digest::of(b"all"), request)
}

fn one() -> ApprovalRule {
    ApprovalRule::new("review", 1)
}

fn why(standing: &Standing) -> Vec<Discounted> {
    standing.discounted.iter().map(|vote| vote.why).collect()
}

#[test]
fn one_approval_of_another_person_is_enough() {
    assert!(judge(one(), &request([approved("bob", 20)])).is_met());
    assert!(!judge(one(), &request([])).is_met());
    assert!(
        !judge(ApprovalRule::new("two", 2), &request([approved("bob", 20), approved("BOB", 21)])).is_met()
    );
    assert!(
        judge(ApprovalRule::new("two", 2), &request([approved("bob", 20), approved("carol", 21)])).is_met()
    );
}

#[test]
fn the_author_a_committer_a_bot_and_an_outsider_do_not_count() {
    assert_eq!(why(&judge(one(), &request([approved("Alice", 20)]))), [Discounted::Author]);
    let mut with_commit = request([approved("bob", 20)]);
    with_commit.committers =
        vec![Committer { login: Some("Bob".to_owned()), email: "b@example.org".to_owned() }];
    assert_eq!(why(&judge(one(), &with_commit)), [Discounted::Committer]);
    let mut of_fork = request([approved("bob", 20)]);
    of_fork.fork_owner = Some("Bob".to_owned());
    assert_eq!(why(&judge(one(), &of_fork)), [Discounted::ForkOwner]);
    let mut ordered = request([approved("bob", 20)]);
    ordered.orderers = vec!["Bob".to_owned()];
    assert_eq!(why(&judge(one(), &ordered)), [Discounted::Orderer]);
    let mut bot = approved("renovate", 20);
    bot.by.is_bot = true;
    assert_eq!(why(&judge(one(), &request([bot]))), [Discounted::Bot]);
    let mut outsider = approved("mallory", 20);
    outsider.by.may_write = false;
    assert!(!judge(one(), &request([outsider.clone()])).is_met());
    // A rule that names somebody, who left since, gives no right.
    for rule in [From::people(["mallory"], [""; 0]), From::people([""; 0], ["acme/shop"])] {
        let mut request = request([outsider.clone()]);
        request.teams.insert("acme/shop".to_owned(), vec!["mallory".to_owned()]);
        let rules = ApprovalRules::new([one().from(rule.clone())]);
        assert!(!rules.judge(&part(), &Digest::of(b"all"), &request).is_met(), "{rule:?}");
        assert!(!rules.could_approve(&part(), &request, &outsider.by), "{rule:?}");
    }
}

#[test]
fn a_committer_is_known_by_an_address_too_and_an_unknown_one_stops_everything() {
    let mut bob = approved("bob", 20);
    bob.by.emails = vec!["b@example.org".to_owned()];
    let commit = |email: &str| Committer { login: None, email: email.to_owned() };
    let mut request = request([bob]);
    request.committers = vec![commit("B@example.org")];
    assert_eq!(why(&judge(one(), &request)), [Discounted::Committer]);
    request.committers = vec![commit("laptop@home")];
    let standing = judge(one(), &request);
    assert!(!standing.is_met());
    let said = standing.rules[0].to_string();
    assert!(said.contains("none counts, since no account is known for the committer laptop@home"), "{said}");
    let trusting = ApprovalRules::new([one()]).trusting_unknown_committers();
    assert!(trusting.judge(&part(), &Digest::of(b"all"), &request).is_met());
    request.author.emails = vec!["a@example.org".to_owned()];
    let by_name = Committer { login: Some("carol".to_owned()), email: "laptop@home".to_owned() };
    request.committers = vec![commit("A@example.org"), by_name];
    request.votes[0].by.emails.clear();
    assert!(judge(one(), &request).is_met(), "one is the author, the other has an account");
}

#[test]
fn only_an_approval_that_does_not_count_is_told_of() {
    let word = |opinion| request([vote("alice", opinion, 20)]);
    assert_eq!(why(&judge(one(), &word(Opinion::Approved))), [Discounted::Author]);
    for opinion in [Opinion::ChangesRequested, Opinion::Withdrawn] {
        assert_eq!(why(&judge(one(), &word(opinion))), []);
    }
}

#[test]
fn the_latest_word_of_a_person_counts() {
    let no = |minute| vote("bob", Opinion::ChangesRequested, minute);
    assert!(!judge(one(), &request([approved("bob", 20), no(21)])).is_met());
    assert!(judge(one(), &request([no(21), approved("bob", 22)])).is_met());
    assert!(!judge(one(), &request([approved("bob", 20), vote("bob", Opinion::Withdrawn, 21)])).is_met());
    let both = judge(one(), &request([approved("carol", 20), no(21)]));
    assert!(!both.is_met(), "changes that somebody who counts asks for stop it");
    assert_eq!(both.rules[0].changes_requested_by, ["bob"]);
}

#[test]
fn a_review_approves_what_was_shown_and_not_what_was_shown_a_moment_ago() {
    let other = Digest::of(b"other");
    let with = |shown: &[(u64, Digest)], vote: Vote| {
        let mut request = request([vote]);
        let shown = shown.iter().map(|(minute, effect)| Shown { at: at(*minute), effect: *effect });
        request.shown.insert("shop".to_owned(), shown.collect());
        judge(one(), &request)
    };
    let effect = part().effect;
    assert_eq!(why(&with(&[], approved("bob", 20))), [Discounted::NothingShown]);
    assert_eq!(why(&with(&[(10, other)], approved("bob", 20))), [Discounted::OtherEffect]);
    assert_eq!(why(&with(&[(10, other), (20, effect)], approved("bob", 20))), [Discounted::JustChanged]);
    assert_eq!(
        why(&with(&[(20, effect)], approved("bob", 20))),
        [Discounted::JustChanged],
        "the first comment too"
    );
    assert!(with(&[(10, other), (20, effect)], approved("bob", 21)).is_met(), "a minute is enough");
    assert!(with(&[(20, effect), (10, effect)], approved("bob", 20)).is_met(), "shown again is not changed");
    assert_eq!(why(&with(&[(10, effect), (15, other)], approved("bob", 20))), [Discounted::OtherEffect]);
    assert!(
        with(&[(10, effect), (25, other)], approved("bob", 20)).is_met(),
        "what is shown later does not count"
    );
}

#[test]
fn a_command_approves_the_effect_that_it_names() {
    let named = |effect: String, minute| Vote { effect: Some(effect), ..approved("bob", minute) };
    let effect = part().effect.to_string();
    assert!(judge(one(), &request([named(effect[..40].to_owned(), 10)])).is_met(), "at once");
    let outdated = Vote { under_another_rule: true, ..named(effect.clone(), 10) };
    assert_eq!(why(&judge(one(), &request([outdated]))), [Discounted::OtherRule]);
    // Whoever makes the change makes two that begin alike, has one approved, and pushes the other.
    for digits in [11, 12, 39] {
        assert_eq!(
            why(&judge(one(), &request([named(effect[..digits].to_owned(), 20)]))),
            [Discounted::NamesOtherEffect]
        );
    }
    assert!(
        judge(one(), &request([named(Digest::of(b"all").to_string(), 20)])).is_met(),
        "the whole review's"
    );
    let elsewhere = named(Digest::of(b"another application").to_string(), 21);
    assert!(
        judge(one(), &request([approved("bob", 20), elsewhere])).is_met(),
        "one of another part takes nothing away"
    );
}

#[test]
fn an_approval_expires() {
    let rule = || one().valid_for(Duration::from_secs(3600));
    assert!(judge(rule(), &request([approved("bob", 40)])).is_met());
    let late = judge(rule(), &request([approved("bob", 39)]));
    assert!(!late.is_met());
    assert_eq!(late.rules[0].expired, ["bob"]);
}

#[test]
fn a_rule_names_people_and_teams() {
    let rule = || one().from(From::people(["carol"], ["acme/platform"]));
    let mut request = request([approved("bob", 20)]);
    assert!(!judge(rule(), &request).is_met());
    request.teams.insert("Acme/Platform".to_owned(), vec!["Bob".to_owned()]);
    assert!(judge(rule(), &request).is_met());
    assert_eq!(judge(rule(), &super::approvals::request([])).rules[0].candidates, ["carol", "acme/platform"]);
}

/// Met as: the author was named among those who can approve, and the approval did not count.
#[test]
fn who_has_no_say_is_not_named_among_those_who_can_approve() {
    let rule = || one().from(From::people(["Alice", "bob", "carol", "dora"], ["acme/platform"]));
    let mut request = request([]);
    request.committers = vec![Committer::new(Some("bob".to_owned()), "bob@example.org")];
    request.orderers = vec!["carol".to_owned()];
    let standing = judge(rule(), &request);
    assert_eq!(standing.rules[0].candidates, ["dora", "acme/platform"]);
    assert_eq!(standing.rules[0].excluded, ["Alice", "bob", "carol"]);
    assert_eq!(
        standing.rules[0].to_string(),
        "review: 0 of 1 approvals; can be approved by dora, acme/platform"
    );
    let alone = judge(one().from(From::people(["alice"], [] as [&str; 0])), &request);
    let expected = "review: 0 of 1 approvals; alice may not approve this request, and nobody else is named";
    assert_eq!(alone.rules[0].to_string(), expected);
    // The same of owners, by name and by address.
    let owners = "/shop/ @alice @dora bob@example.org\n";
    let owners = CodeOwners::parse(owners, Dialect::GitHub).unwrap();
    request.owners = Some(&owners);
    request.changed = vec!["shop/web.yaml".to_owned()];
    let standing = judge(one().from(From::CodeOwners), &request);
    assert_eq!(standing.rules[0].candidates, ["@dora"]);
    assert_eq!(standing.rules[0].excluded, ["@alice", "bob@example.org"]);
    // Anybody who may write is named by no name.
    assert!(judge(one(), &request).rules[0].excluded.is_empty());
}

#[test]
fn every_group_of_owners_must_approve() {
    let owners = CodeOwners::parse("/shop/ @acme/shop\n/net/ @dora\n", Dialect::GitHub).unwrap();
    let mut request = request([approved("bob", 20)]);
    request.owners = Some(&owners);
    request.teams.insert("acme/shop".to_owned(), vec!["bob".to_owned()]);
    request.changed = vec!["shop/web.yaml".to_owned(), "net/main.tf".to_owned()];
    let rule = || one().from(From::CodeOwners);
    let standing = judge(rule(), &request);
    let open: Vec<_> =
        standing.rules.iter().filter(|rule| !rule.is_met()).map(|rule| rule.name.as_str()).collect();
    assert_eq!(open, ["review (/net/)"]);
    request.votes.push(approved("dora", 21));
    assert!(judge(rule(), &request).is_met());
    request.changed = vec!["readme".to_owned()];
    request.votes.clear();
    assert!(!judge(rule(), &request).is_met(), "files without owners need somebody who may write");
}

#[test]
fn a_rule_applies_by_environment_kind_and_risk() {
    let applies = |rule: ApprovalRule| rule.applies_to(&part());
    assert!(applies(
        one().in_environment("prod").of_application("shop").at_risk(RiskLevel::High).on_risk("delete")
    ));
    assert!(!applies(one().in_environment("staging")));
    assert!(!applies(one().of_application("other")));
    assert!(!applies(one().at_risk(RiskLevel::Critical)));
    assert!(!applies(one().on_risk("access")));
    assert!(applies(one().of_kinds(["Config*"]).unwrap()));
    assert!(!applies(one().of_kinds(["Namespace"]).unwrap()));
    assert!(one().of_kinds(["["]).is_err());
}

#[test]
fn a_gate_that_calls_for_an_approval_needs_one_where_no_rule_applies() {
    let none = ApprovalRules::new([]);
    let mut part = part();
    assert!(none.judge(&part, &Digest::of(b"all"), &request([])).is_met());
    part.verdict = Verdict::needs_approval("mass-delete", "all");
    assert!(!none.judge(&part, &Digest::of(b"all"), &request([])).is_met());
    let asks_nobody = ApprovalRules::new([ApprovalRule::new("nobody", 0)]);
    assert!(!asks_nobody.judge(&part, &Digest::of(b"all"), &request([])).is_met());
    assert_eq!(
        Part { approvals: Some(Standing::default()), ..part.clone() }.outcome(),
        Outcome::NeedsApproval
    );
    assert!(none.judge(&part, &Digest::of(b"all"), &request([approved("bob", 20)])).is_met());
}

#[test]
fn a_change_of_the_rules_themselves_asks_again_after_the_merge() {
    let mut request = request([approved("bob", 20)]);
    let paths = [
        "shop/web.yaml",
        "deploy/gitops.yaml",
        ".github/CODEOWNERS",
        "CODEOWNERS",
        ".github/workflows/x.yml",
    ];
    request.changed = paths.map(str::to_owned).to_vec();
    assert_eq!(judge(one(), &request).asks_again_for, &paths[1..]);
}

#[test]
fn an_approved_review_says_so_and_what_is_git_against_git_never_is() {
    let rules = ApprovalRules::new([one()]);
    let judged =
        |part: Part| Review::from_iter([part]).judged(&rules, &request([approved("bob", 20)])).outcome();
    assert_eq!(judged(part()), Outcome::Approved);
    assert_eq!(judged(Part { looked_at_target: false, ..part() }), Outcome::NeedsApproval);
    assert_eq!(judged(Part { verdict: Verdict::deny("freeze", "no"), ..part() }), Outcome::Denied);
}

/// Forges tell times in seconds, and number what is of one kind.
#[test]
fn of_words_in_one_second_the_greater_number_is_the_later_and_of_two_kinds_a_no_counts() {
    let word = |opinion, id: &str| Vote { id: id.to_owned(), ..vote("bob", opinion, 20) };
    let (yes, no) = (Opinion::Approved, Opinion::ChangesRequested);
    let met = |votes: Vec<Vote>| judge(one(), &request(votes)).is_met();
    assert!(met(vec![word(yes, "review 10"), word(no, "review 9")]), "9 came before 10");
    assert!(!met(vec![word(no, "review 10"), word(yes, "review 9")]));
    let both = judge(one(), &request([word(no, "review 5"), word(yes, "comment 20")]));
    assert!(!both.is_met() && both.rules[0].changes_requested_by == ["bob"]);
    assert_eq!(
        (both.discounted[0].id.as_str(), both.discounted[0].why),
        ("comment 20", Discounted::SameTime)
    );
    let later = Vote { id: "comment 21".to_owned(), ..approved("bob", 21) };
    assert!(met(vec![word(no, "review 5"), word(yes, "comment 20"), later]));
}

#[test]
fn what_was_approved_stands_as_long_as_who_approved_it_does_and_nobody_says_no() {
    let withdrawal = |request: &Request<'_>| request.withdrawal(["20"], |person| person.login != "outsider");
    let said = |votes: &[Vote]| withdrawal(&request(votes.to_vec()));
    let bob = approved("bob", 20);
    assert_eq!(said(std::slice::from_ref(&bob)), None);
    let no = vote("bob", Opinion::ChangesRequested, 30);
    assert_eq!(said(&[bob.clone(), no.clone()]).as_deref(), Some("bob asks for changes (30)"));
    // What was taken back is not given again by the approval of something else.
    let mut of_another_head = approved("bob", 40);
    of_another_head.of_another_head = true;
    for other in [approved("bob", 40).naming("0123456789ab"), of_another_head] {
        let again = said(&[bob.clone(), no.clone(), other]);
        assert_eq!(again.as_deref(), Some("bob took back the approval (20)"));
    }
    // A review of the head as a whole is: also where the forge shows the one before it as taken back.
    for before in [vec![bob.clone(), no], vec![vote("bob", Opinion::Withdrawn, 20)]] {
        assert_eq!(said(&[before, vec![approved("bob", 40)]].concat()), None);
    }
    let dismissed = said(&[vote("bob", Opinion::Withdrawn, 20)]);
    assert_eq!(dismissed.as_deref(), Some("bob took back the approval (20)"));
    assert_eq!(said(&[]).as_deref(), Some("20, which approved it, is not there any more"));
    // Others say no, and one of them yes since.
    let others = |who: &str| vote(who, Opinion::ChangesRequested, 10);
    assert_eq!(said(&[bob.clone(), others("carol")]).as_deref(), Some("carol asks for changes (10)"));
    assert_eq!(said(&[bob.clone(), others("carol"), approved("carol", 11)]), None);
    for without_say in ["alice", "outsider"] {
        assert_eq!(said(&[bob.clone(), others(without_say)]), None, "{without_say}");
    }
    // Of whom a comment is may be known to who took it for an approval, and to nobody later.
    let mut comment = bob.clone();
    comment.may_be_of_another = true;
    assert_eq!(said(&[vote("bob", Opinion::ChangesRequested, 10), comment]), None);
    let mut reader = bob.clone();
    reader.by.may_write = false;
    assert!(said(&[reader]).unwrap().contains("may not do so any more"));
    let mut committed = request([bob]);
    committed.committers = vec![Committer { login: Some("bob".to_owned()), email: String::new() }];
    assert!(withdrawal(&committed).unwrap().contains("may not do so any more"));
}

#[test]
fn who_could_approve_is_who_a_rule_that_applies_names() {
    let (part, request) = (part(), request([]));
    let could = |rules: Vec<ApprovalRule>, who: &str| {
        ApprovalRules::new(rules).could_approve(&part, &request, &Person::new(who))
    };
    let of_bob = || one().from(From::people(["bob"], Vec::<String>::new()));
    assert!(could(vec![], "carol") && could(vec![of_bob()], "Bob"));
    assert!(!could(vec![of_bob()], "carol"));
    assert!(could(vec![of_bob().in_environment("elsewhere")], "carol"), "it does not apply");
    assert!(could(vec![one().from(From::CodeOwners)], "carol"));
}

#[test]
fn nobody_approves_an_own_change_through_the_request_of_somebody_else() {
    let with = |votes: &[&str], unapplied: Unapplied| {
        let mut request = request(votes.iter().map(|who| approved(who, 20)));
        request.unapplied = vec![unapplied];
        judge(one(), &request)
    };
    let opened = || Unapplied::new("#25", Some(Person::new("ada")), []);
    let committed = || Unapplied::new("#25", None, [Committer::new(Some("Ada".to_owned()), "a@example.org")]);
    for made in [opened, committed] as [fn() -> Unapplied; 2] {
        let alone = with(&["ada"], made());
        assert!(!alone.is_met());
        assert_eq!(why(&alone), [Discounted::Unapplied]);
        assert_eq!(alone.rules[1].to_string(), "review (with #25): 0 of 1 approvals");
        let another = with(&["ada", "carol"], made());
        assert!(another.is_met() && another.rules.len() == 1 && why(&another).is_empty(), "{another:?}");
        assert!(!with(&["ada", "alice"], made()).is_met(), "alice made the request");
    }
    let mut of_two = request(["ada", "carol"].map(|who| approved(who, 20)));
    of_two.unapplied = [("#25", "ada"), ("#26", "carol")]
        .map(|(name, who)| Unapplied::new(name, Some(Person::new(who)), []))
        .into();
    let of_two = judge(one(), &of_two);
    assert!(of_two.is_met(), "each approves what the other one made: {of_two:?}");
    let unknown = with(&["bob"], Unapplied::new("#25", None, [Committer::new(None, "x@home")]));
    assert!(
        !unknown.is_met() && unknown.rules[1].to_string().contains("the committer x@home"),
        "{unknown:?}"
    );
    let untold = with(&["bob"], Unapplied::untold("much", "there is too much of it"));
    assert!(!untold.is_met());
    assert!(
        untold.rules[1].to_string().ends_with("; none counts, since there is too much of it"),
        "{untold:?}"
    );
}

#[test]
fn the_owners_of_what_else_is_applied_are_asked_too() {
    let owners = CodeOwners::parse("/docs/ @bob\n/keys/ @eve\n", Dialect::GitHub).unwrap();
    let rule = || one().from(From::CodeOwners);
    let mut request = request([approved("bob", 20)]);
    (request.owners, request.changed) = (Some(&owners), vec!["docs/a".to_owned()]);
    assert!(judge(rule(), &request).is_met());
    request.unapplied_files = vec!["keys/b".to_owned()];
    assert!(!judge(rule(), &request).is_met());
}

#[test]
fn what_somebody_else_may_have_written_approves_nothing_and_takes_nothing_back() {
    let named = part().effect.to_string();
    let unsure = |minute| {
        let mut vote = approved("bob", minute).naming(named.clone());
        vote.may_be_of_another = true;
        vote
    };
    let alone = judge(one(), &request([unsure(20)]));
    assert!(!alone.is_met());
    assert_eq!(why(&alone), [Discounted::NotConfirmed]);
    let after_a_no = judge(
        one(),
        &request([vote("bob", Opinion::ChangesRequested, 20), unsure(21), approved("carol", 30)]),
    );
    assert_eq!(after_a_no.rules[0].changes_requested_by, ["bob"], "the no stands");
    assert!(!after_a_no.is_met());
    assert!(judge(one(), &request([approved("bob", 20).naming(named.clone()), unsure(21)])).is_met());
    let no = request([approved("carol", 10), vote("bob", Opinion::ChangesRequested, 20), unsure(21)]);
    assert!(no.withdrawal(["10"], |_| true).unwrap().contains("bob asks for changes"));
}

/// Met as: a button that was pressed too early hid the `/approve` of the same second, which named the effect.
#[test]
fn of_two_approvals_in_one_second_the_one_that_does_not_count_takes_nothing_from_the_other() {
    let effect = part().effect;
    let button = Vote { id: "review 1".to_owned(), ..approved("bob", 20) };
    let word = Vote { id: "comment 2".to_owned(), effect: Some(effect.name()), ..approved("bob", 20) };
    let mut both = request([button, word]);
    both.shown.insert("shop".to_owned(), vec![Shown { at: at(20), effect }]);
    let standing = judge(one(), &both);
    assert!(standing.is_met(), "{standing:?}");
    assert_eq!(why(&standing), [Discounted::JustChanged]);
}
