//! Rules of who and when, with the people and teams of a real forge.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testbed::Gitea;

use super::{SITE, Site};

impl Site {
    /// A team of the organisation, with one member.
    async fn team(&self, name: &str, member: &str) {
        let admin = Gitea::ADMIN;
        let team = json!({"name": name, "permission": "write", "units": ["repo.code"]});
        let made = self.gitea.done(admin, "POST", "/orgs/platform/teams", team).await;
        let path = format!("/teams/{}/members/{member}", made["id"]);
        self.gitea.done(admin, "PUT", &path, Value::Null).await;
    }

    async fn says(&self, login: &str, number: u64, text: &str) {
        let path = format!("{SITE}/issues/{number}/comments");
        let said = self.gitea.done(login, "POST", &path, json!({"body": text})).await;
        self.confirms(login, &said).await;
    }

    /// Has the writer of a comment put 👍 on it, in a later second than that in which others may have edited it.
    pub(super) async fn confirms(&self, login: &str, said: &Value) {
        self.gitea.confirms(login, "platform/site", said).await;
    }

    pub(super) async fn kept(&self, number: u64) -> crate::support::Ran {
        let request = number.to_string();
        self.gitops(&["review", "--request", &request, "--keep-approvals"]).await
    }
}

#[tokio::test]
async fn a_team_and_an_owner_of_the_target_branch_must_both_approve() {
    let site = Site::new().await;
    site.gitea.join("carol").await;
    let path = format!("{SITE}/collaborators/carol");
    site.gitea.done(Gitea::ADMIN, "PUT", &path, json!({"permission": "write"})).await;
    site.team("reviewers", "bob").await;
    let owners = |text: &str| {
        std::fs::write(site.world.path("repository/OWNERS"), text).unwrap();
        site.world.commit("Owners", &[]);
        site.push("main");
    };
    owners("site/index\\\\.html @carol\n");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    let rules = "approvals:\n- { name: team, from: { teams: [platform/reviewers] } }\n\
                 - { name: owners, from: { code_owners: OWNERS } }\n";
    site.configure(&(site.forge() + rules));
    site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    site.kept(number)
        .await
        .expect(3)
        .says("team: 0 of 1 approvals")
        .says("owners (site/index\\.html): 0 of 1 approvals");
    let approve = format!("/approve {}", site.effect(number).await);
    site.says("bob", number, &approve).await;
    site.kept(number).await.expect(3).says("approved by bob").says("can be approved by @carol");
    site.says("carol", number, &approve).await;
    site.kept(number).await.expect(0).warns("Stored: what reviewers approved of `site`");
    // Owners that can't be read any more: nobody can tell who approves, so what is stored goes, and the head is not green.
    let head = site.world.git(&["rev-parse", "feature"]).trim().to_owned();
    let latest = async || {
        let path = format!("{SITE}/commits/{head}/status");
        let found = site.gitea.done("bob", "GET", &path, Value::Null).await;
        let statuses = found["statuses"].as_array().unwrap().clone();
        let policy = statuses.into_iter().find(|status| status["context"] == "gitops/policy").unwrap();
        policy["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(latest().await, "success");
    owners("site/index[ @carol\n");
    site.kept(number).await.expect(1).warns("`OWNERS` of").warns("can't be read");
    assert_eq!(latest().await, "error");
    let log = std::fs::read_to_string(site.world.path(".gitops/site/audit.jsonl")).unwrap();
    assert!(log.contains("who may approve it can't be told"), "{log}");
    owners("site/index\\\\.html @carol\n");
    site.kept(number).await.expect(0).warns("Stored: what reviewers approved of `site`");
    assert_eq!(latest().await, "success");
    site.merge(number).await.unwrap();
    site.gitops(&["apply", "--yes"]).await.expect(0);
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    let trail = site.gitops(&["audit", "show", "index.html"]).await.expect(0);
    trail.says("bob").says("carol");
    // Without an approval nothing is applied, whatever was merged.
    site.world.git(&["fetch", "-q", &site.url(), "main"]);
    site.world.git(&["reset", "-q", "--hard", "FETCH_HEAD"]);
    site.world.commit("Past everybody", &[("index.html", Some("past\n"))]);
    site.push("main");
    site.gitops(&["apply", "--yes"]).await.expect(3).warns("the rule `team` wants an approval");
}

#[tokio::test]
async fn a_closed_window_opens_for_two_people_and_a_reason_only() {
    let site = Site::new().await;
    let closed =
        "windows: [{ name: freeze, zone: UTC, deny: { from: 2020-01-01T00:00, to: 2999-01-01T00:00 } }]\n";
    site.configure(&(site.forge() + closed));
    site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    site.review(number).await.expect(0).says("what is merged now waits");
    site.merge(number).await.unwrap();
    site.gitops(&["apply", "--yes"]).await.expect(3).warns("the change window `freeze` denies changes");
    let plan = site.world.json(&["plan"]);
    let id = plan["plan_id"].as_str().unwrap();
    let request = number.to_string();
    let urgent = ["approve", id, "--urgent", "--reason", "shop is down, INC-7", "--request", &request];
    let asked = site.gitops(&urgent).await.expect(3);
    let asked = asked.warns("0 of 2 people approve it").warns("/approve ");
    let (_, rest) = asked.stderr.split_once("`/approve ").unwrap();
    let approve = format!("/approve {}", &rest[..40]);
    site.says("alice", number, &approve).await;
    site.gitops(&urgent).await.expect(3).warns("1 of 2 people approve it on request");
    site.gitops(&[&urgent[..], &["--for", "9h"]].concat()).await.expect(1).warns("at most 4 hours");
    site.says("bob", number, &approve).await;
    site.gitops(&urgent).await.expect(0).says("Approved by alice and bob");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    let log = std::fs::read_to_string(site.world.path(".gitops/site/audit.jsonl")).unwrap();
    assert!(log.contains("shop is down, INC-7") && log.contains("alice and bob"), "{log}");
    site.gitops(&["approve", id, "--urgent"]).await.expect(64);
}

/// Whom the forge asks for a review of a request by itself.
async fn asked_by_the_forge(site: &Site, number: u64) -> Vec<String> {
    let request = site.gitea.done("bob", "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await;
    let asked = request["requested_reviewers"].as_array().cloned().unwrap_or_default();
    let mut logins: Vec<_> = asked.iter().map(|user| user["login"].as_str().unwrap().to_owned()).collect();
    logins.sort();
    logins
}

#[tokio::test]
async fn the_owners_are_those_whom_gitea_asks_by_itself() {
    let site = Site::new().await;
    for login in ["carol", "erin", "frank"] {
        site.gitea.join(login).await;
        let path = format!("{SITE}/collaborators/{login}");
        site.gitea.done(Gitea::ADMIN, "PUT", &path, json!({"permission": "write"})).await;
    }
    let owners =
        "site/index\\\\.html @carol # words\n/site/(conf|etc)/.* erin\n!site/(index|conf).* @frank\n";
    std::fs::write(site.world.path("repository/CODEOWNERS"), owners).unwrap();
    site.world.commit("Owners", &[]);
    site.push("main");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    site.configure(&(site.forge() + "approvals: [{ name: owners, from: code-owners }]\n"));
    for (path, login) in [("index.html", "carol"), ("conf/app.toml", "erin"), ("other", "frank")] {
        site.commit_on(login, &[(path, Some("new\n"))]);
        let number = site.open("alice", login).await;
        site.until(login, async || asked_by_the_forge(&site, number).await == [login]).await;
        let ran = site.kept(number).await.expect(3).says(&format!("can be approved by @{login}"));
        assert_eq!(ran.stdout.matches("can be approved by").count(), 1, "{ran:?}");
    }
}

impl Site {
    /// Says it once the forge's clock went on since something else was said: of two words of one second nobody knows the later one.
    pub(super) async fn says_after(&self, before: &str, login: &str, number: u64, text: &str) -> Value {
        loop {
            let said = self.comment(login, number, text).await;
            if said["created_at"].as_str().unwrap() > before {
                self.confirms(login, &said).await;
                return said;
            }
        }
    }

    pub(super) async fn bobs_approval(&self, number: u64) -> Value {
        let said = self.bobs_word(number).await;
        self.confirms("bob", &said).await;
        said
    }

    /// The same without his confirmation, which a webhook or the event of a job makes needless.
    pub(super) async fn bobs_word(&self, number: u64) -> Value {
        self.comment("bob", number, &format!("/approve {}", self.effect(number).await)).await
    }
}

#[tokio::test]
async fn only_a_standing_word_of_somebody_else_who_may_write_approves() {
    let site = Site::new().await;
    site.gitea.join("renovate").await;
    let path = format!("{SITE}/collaborators/renovate");
    site.gitea.done(Gitea::ADMIN, "PUT", &path, json!({"permission": "write"})).await;
    let forge = site.forge().replace(" }\n", ", bots: [renovate] }\n");
    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    let text = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n{last}\n");
    let main = |first: &str, last: &str| {
        site.world.commit("Lines", &[("lines", Some(&text(first, last)))]);
        site.push("main");
    };
    main("1", "9");
    site.configure(&forge);
    site.gitops(&["apply", "--yes"]).await.expect(0);
    site.configure(&(forge + gate));
    site.commit_on("feature", &[("lines", Some(&text("one", "9")))]);
    let number = site.open("alice", "feature").await;
    site.kept(number).await.expect(3);
    let stored = "Stored: what reviewers approved of `site`";

    // Her own, a program's, and a stranger's.
    let approve = format!("/approve {}", site.effect(number).await);
    for login in ["alice", "renovate", "dave"] {
        site.says(login, number, &approve).await;
    }
    let ran = site.kept(number).await.expect(3).says("0 of 1 approvals");
    assert!(!ran.stderr.contains(stored), "{ran:?}");
    let comment = site.ours(number, "review").await.concat();
    for reason in ["the author's own approval does not count", "a bot can't approve"] {
        assert!(comment.contains(reason), "{reason} is not in {comment}");
    }

    // Bob's, until he takes it back: by deleting what he wrote, and by asking for changes, which somebody dismisses.
    let said = site.bobs_approval(number).await;
    site.kept(number).await.expect(0).warns(stored);
    let path = format!("{SITE}/issues/comments/{}", said["id"]);
    site.gitea.done("bob", "DELETE", &path, Value::Null).await;
    site.kept(number).await.expect(3).says("0 of 1 approvals");
    let log = std::fs::read_to_string(site.world.path(".gitops/site/audit.jsonl")).unwrap();
    assert!(log.contains("its reviewers no longer approve it"), "{log}");
    site.bobs_approval(number).await;
    site.kept(number).await.expect(0).warns(stored);
    let no = json!({"event": "REQUEST_CHANGES", "body": "Wait."});
    let reviews = format!("{SITE}/pulls/{number}/reviews");
    let review = site.gitea.done("bob", "POST", &reviews, no).await;
    site.kept(number).await.expect(3).says("changes requested by bob");
    let dismissal = json!({"message": "Settled."});
    let path = format!("{reviews}/{}/dismissals", review["id"]);
    site.gitea.done(Gitea::ADMIN, "POST", &path, dismissal).await;
    let ran = site.kept(number).await.expect(3).says("0 of 1 approvals");
    assert!(!ran.stdout.contains("changes requested by"), "{ran:?}");
    let approve = format!("/approve {}", site.effect(number).await);
    site.says_after(review["submitted_at"].as_str().unwrap(), "bob", number, &approve).await;
    site.kept(number).await.expect(0).warns(stored);

    // The target branch changes the same object, and then something else.
    main("1", "nine");
    site.kept(number).await.expect(3).says("(this change, base moved too)").says("does not cover it");
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("**base moved**: the target branch changed it too"), "{comment}");
    site.bobs_approval(number).await;
    site.kept(number).await.expect(0).warns(stored);
    std::fs::write(site.world.path("repository/README"), "elsewhere\n").unwrap();
    site.world.commit("Elsewhere", &[]);
    site.push("main");
    site.kept(number).await.expect(0);
    site.merge(number).await.unwrap();
    site.gitops(&["apply", "--yes"]).await.expect(0);
    assert_eq!(site.world.live("lines"), Some(text("one", "nine")));
    let change = site.gitops(&["audit", "show", "lines"]).await.expect(0);
    change.says(&format!("bob (gitea platform/site#{number}: comment "));

    // The owner of a fork approves nothing of it.
    site.gitea.done("dave", "POST", &format!("{SITE}/forks"), json!({})).await;
    let path = "/repos/dave/site/contents/site/index.html";
    let file = site.gitea.done("dave", "GET", path, Value::Null).await;
    let change =
        json!({"content": "dGhlaXJzCg==", "message": "Change", "new_branch": "theirs", "sha": file["sha"]});
    site.gitea.done("dave", "PUT", path, change).await;
    let number = site.open("dave", "dave:theirs").await;
    let request = number.to_string();
    let vouched = ["review", "--request", &request, "--trusted", "--keep-approvals"];
    site.gitops(&vouched).await.expect(3);
    let approve = format!("/approve {}", site.effect(number).await);
    site.says("dave", number, &approve).await;
    site.gitops(&vouched).await.expect(3).says("0 of 1 approvals");
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("the author's own approval does not count"), "{comment}");
    site.says("alice", number, &approve).await;
    site.gitops(&vouched).await.expect(0).warns(stored);
}

/// Whoever may write may edit what somebody wrote, and in the second in which it was written the forge does not tell it.
#[tokio::test]
async fn what_alice_made_of_bobs_comment_within_its_second_approves_nothing() {
    let site = Site::new().await;
    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    site.configure(&(site.forge() + gate));
    site.gitops(&["apply", "--yes"]).await.expect(0);
    site.commit_on("feature", &[("index.html", Some("evil\n"))]);
    let number = site.open("alice", "feature").await;
    site.kept(number).await.expect(3);
    let approve = json!({"body": format!("/approve {}", site.effect(number).await)});
    let forged = loop {
        let said = site.comment("bob", number, "I am looking at it.").await;
        let path = format!("{SITE}/issues/comments/{}", said["id"]);
        let made = site.gitea.done("alice", "PATCH", &path, approve.clone()).await;
        if made["created_at"] == made["updated_at"] {
            break made;
        }
    };
    assert_eq!(forged["user"]["login"], "bob");
    site.kept(number).await.expect(3).says("0 of 1 approvals");
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("put a thumb up on your own comment"), "{comment}");
    // Hers on it says nothing; his is of what stands there.
    site.confirms("alice", &forged).await;
    site.kept(number).await.expect(3).says("0 of 1 approvals");
    site.confirms("bob", &forged).await;
    site.kept(number).await.expect(0).warns("Stored: what reviewers approved of `site`");
}

/// Whoever can change what a request brings approves nothing of it: who made a commit of it, and who owns the fork that it comes from,
/// also where somebody else opened it.
#[tokio::test]
async fn who_made_a_commit_and_who_owns_the_fork_approve_nothing_of_it() {
    let site = Site::new().await;
    let gate =
        "gates: [{ name: changes, rule: plan.update == 0, otherwise: needs-approval, message: ask }]\n";
    site.configure(&(site.forge() + gate));
    site.gitops(&["apply", "--yes"]).await.expect(0);
    for login in ["dave", "carol"] {
        if login == "carol" {
            site.gitea.join(login).await;
        }
        let path = format!("{SITE}/collaborators/{login}");
        site.gitea.done(Gitea::ADMIN, "PUT", &path, json!({"permission": "write"})).await;
    }
    let change = async |login: &str, repository: &str, branch: &str, text: &str| {
        let path = format!("/repos/{repository}/contents/site/index.html");
        let file = site.gitea.done(login, "GET", &format!("{path}?ref={branch}"), Value::Null).await;
        let content = STANDARD.encode(text);
        let change = json!({"content": content, "message": "Change", "branch": branch, "sha": file["sha"]});
        site.gitea.done(login, "PUT", &path, change).await["commit"]["sha"].as_str().unwrap().to_owned()
    };
    let stored = "Stored: what reviewers approved of `site`";
    // Bob improves what Alice wrote, by the button of the forge.
    site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    site.kept(number).await.expect(3);
    let head = change("bob", "platform/site", "feature", "newer\n").await;
    site.shown(number, &head).await;
    site.kept(number).await.expect(3);
    site.bobs_approval(number).await;
    let ran = site.kept(number).await.expect(3).says("0 of 1 approvals");
    assert!(!ran.stderr.contains(stored), "{ran:?}");
    let comment = site.ours(number, "review").await.concat();
    assert!(comment.contains("somebody who made a commit of the request can't approve it"), "{comment}");
    site.says("carol", number, &format!("/approve {}", site.effect(number).await)).await;
    site.kept(number).await.expect(0).warns(stored);

    // Alice works in Dave's fork and opens the request; he may write here, and made no commit of it.
    site.gitea.done("dave", "POST", &format!("{SITE}/forks"), json!({})).await;
    let path = "/repos/dave/site/collaborators/alice";
    site.gitea.done("dave", "PUT", path, json!({"permission": "write"})).await;
    let branch = json!({"new_branch_name": "theirs", "old_ref_name": "main"});
    site.gitea.done("alice", "POST", "/repos/dave/site/branches", branch).await;
    change("alice", "dave/site", "theirs", "theirs\n").await;
    let number = site.open("alice", "dave:theirs").await;
    let request = number.to_string();
    let vouched = ["review", "--request", &request, "--trusted", "--keep-approvals"];
    site.gitops(&vouched).await.expect(3);
    let approve = format!("/approve {}", site.effect(number).await);
    site.says("dave", number, &approve).await;
    let ran = site.gitops(&vouched).await.expect(3).says("0 of 1 approvals");
    assert!(!ran.stderr.contains(stored), "{ran:?}");
    let comment = site.ours(number, "review").await.concat();
    assert!(
        comment.contains("the owner of the fork can push to the request, and can't approve it"),
        "{comment}"
    );
    // The button of the forge is no way around it.
    let button = json!({"event": "APPROVED", "body": "Good."});
    site.gitea.done("dave", "POST", &format!("{SITE}/pulls/{number}/reviews"), button).await;
    site.gitops(&vouched).await.expect(3).says("0 of 1 approvals");
    site.says("carol", number, &approve).await;
    site.gitops(&vouched).await.expect(0).warns(stored);
}
