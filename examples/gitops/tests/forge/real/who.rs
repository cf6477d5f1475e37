//! Rules of who and when, with the people and teams of a real forge.

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
        self.gitea.done(login, "POST", &path, json!({"body": text})).await;
    }

    async fn kept(&self, number: u64) -> crate::support::Ran {
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
    site.world.commit("Owners", &[("OWNERS", Some("site/index\\\\.html @carol\n"))]);
    site.push("main");
    site.gitops(&["apply", "--yes"]).await.expect(0);
    let rules = "approvals:\n- { name: team, from: { teams: [platform/reviewers] } }\n\
                 - { name: owners, from: { code_owners: site/OWNERS } }\n";
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
    let approve = format!("/approve {}", &rest[..12]);
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
