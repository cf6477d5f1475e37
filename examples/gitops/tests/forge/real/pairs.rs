//! Two things that happen to one request, one after the other or at once.

use serde_json::{Value, json};

use super::promote::{is_promotion, values};
use super::serve::{GATED, is_review};
use super::serving::{Serving, hook};
use super::{SITE, Site};

impl Site {
    async fn state(&self, number: u64) -> Value {
        let request = self.gitea.done("bob", "GET", &format!("{SITE}/pulls/{number}"), Value::Null).await;
        request["state"].clone()
    }

    /// What a branch of the forge has for production.
    fn brought_by(&self, branch: &str) -> String {
        self.world.git(&["fetch", "-q", &self.url(), branch]);
        self.world.git(&["show", "FETCH_HEAD:site/prod/v.yaml"])
    }

    /// How often the audit log says that an object was changed.
    fn changes(&self, object: &str) -> usize {
        let log = std::fs::read_to_string(self.world.path(".gitops/site/audit.jsonl")).unwrap();
        let is_change = |line: &&str| {
            let record: Value = serde_json::from_str(line).unwrap();
            let what = &record["entry"]["what"];
            what["event"] == "outcome" && what["result"] == "done" && what["key"].to_string().contains(object)
        };
        log.lines().filter(is_change).count()
    }
}

/// Met while a bad commit of staging was taken back: its versions stood in an open request, for anybody to merge.
#[tokio::test]
async fn what_is_taken_back_in_staging_is_not_proposed_for_prod_until_it_comes_again() {
    let site = Site::promoted().await;
    let branch = "gitops/promote-staging-to-prod";
    let mut serving = Serving::start(&site).await;
    serving.until("the request", |event| is_promotion(event, "proposed")).await;
    site.stage("1.6.0");
    site.until("the bad versions", async || site.brought_by(branch) == values("1.6.0")).await;
    site.comment("bob", 1, "/rollback staging").await;
    let back = serving.until("the way back", |event| event["type"] == "commanded").await;
    assert_eq!(back["done"], true, "{back}");
    serving
        .sooner_or_later("the end of it", |event| is_promotion(event, "closed: `staging` is pinned to"))
        .await;
    assert_eq!(site.state(1).await, "closed");
    let said = site.ours(1, "promotion").await;
    assert!(said.len() == 1 && said[0].contains("this is not to be merged"), "{said:?}");
    let requests = site.requests().await;
    assert_eq!(requests.len(), 2, "the promotion, and what takes the bad commit back: {requests:#?}");

    // The next server proposes nothing either. Once the branch is back, what it has then is proposed anew.
    serving.kill();
    let mut serving = Serving::start(&site).await;
    site.merge(2).await.unwrap();
    serving.until("the next request", |event| is_promotion(event, "proposed")).await;
    let requests = site.requests().await;
    assert_eq!(requests.len(), 3, "{requests:#?}");
    assert_eq!((site.state(1).await, site.state(3).await), (json!("closed"), json!("open")));
    assert_eq!(site.brought_by(branch), values("1.5.0"));
    assert_eq!(serving.stop().await, 0);
}

/// What is proposed under names that are gone is kept current by nobody, and the same stands in a request of the new names.
#[tokio::test]
async fn a_promotion_of_applications_that_are_renamed_is_closed_and_proposed_under_their_new_names() {
    let site = Site::promoted().await;
    let mut serving = Serving::start(&site).await;
    serving.until("the request", |event| is_promotion(event, "proposed")).await;
    assert_eq!(serving.stop().await, 0);

    site.rewrite("name: staging,", "name: stage,");
    site.rewrite("from: staging,", "from: stage,");
    site.rewrite("./live-staging", "./live-stage");
    let mut serving = Serving::start(&site).await;
    serving.sooner_or_later("the end", |event| is_promotion(event, "closed: `prod` is promoted from")).await;
    serving.sooner_or_later("the next request", |event| is_promotion(event, "proposed")).await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!((site.state(1).await, site.state(2).await), (json!("closed"), json!("open")));
    assert!(site.ours(1, "promotion").await.concat().contains("`prod` is promoted from `stage` now"));
    assert_eq!(site.brought_by("gitops/promote-stage-to-prod"), values("1.5.0"));

    site.rewrite("name: prod,", "name: production,");
    site.rewrite("./live-prod", "./live-production");
    let of_new = |event: &Value, said: &str| {
        let text = event["description"].as_str().unwrap_or_default();
        event["type"] == "promotion" && event["application"] == "production" && text.contains(said)
    };
    let mut serving = Serving::start(&site).await;
    let gone = "closed: no rule promotes anything to `prod` any more";
    serving.sooner_or_later("the end", |event| is_promotion(event, gone)).await;
    serving.sooner_or_later("the third request", |event| of_new(event, "proposed")).await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!((site.state(2).await, site.state(3).await), (json!("closed"), json!("open")));
    assert_eq!(site.requests().await.len(), 3);

    // The next server writes nothing. What somebody pushed to is told the same when the rule goes, and is left to that person.
    let mut serving = Serving::start(&site).await;
    serving.sooner_or_later("what it finds", |event| of_new(event, "is proposed")).await;
    assert_eq!(serving.stop().await, 0);
    assert_eq!(site.requests().await.len(), 3);
    let branch = "gitops/promote-stage-to-production";
    site.world.git(&["fetch", "-q", &site.url(), branch]);
    site.world.git(&["checkout", "-q", "-B", branch, "FETCH_HEAD"]);
    site.world.commit("More", &[("prod/more", Some("theirs\n"))]);
    site.push(branch);
    site.world.git(&["checkout", "-q", "main"]);
    site.rewrite(", promote: { from: stage, after: 1s }", "");
    let mut serving = Serving::start(&site).await;
    serving.sooner_or_later("what is said", |event| of_new(event, "not kept current: no rule")).await;
    assert_eq!(site.state(3).await, "open");
    assert!(site.ours(3, "promotion").await.concat().contains("It is left open"));
    assert_eq!(serving.stop().await, 0);
}

/// The second one finds the store taken, and ends; after the first one was killed, the next one goes on with what that saw approved.
#[tokio::test]
async fn of_two_servers_at_one_store_one_speaks_and_what_it_saw_approved_is_applied_once_by_the_next() {
    let site = Site::new().await;
    site.serve("1s", &GATED.replace("interval: 1h", "interval: 1s"));
    let first = Serving::start(&site).await;
    site.until("that it is at work", async || first.ready().await.0 == 200).await;
    hook(&site, &first).await;
    let second = Serving::start(&site).await;
    assert_ne!(second.ended().await, 0, "the store is taken");
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    let reviewed =
        async || site.ours(number, "review").await.len() == 1 && site.statuses(&head).await.len() == 2;
    site.until("the review", reviewed).await;
    let said = site.comment("bob", number, &format!("/approve {}", site.effect(number).await)).await;
    site.confirms("bob", &said).await;
    let approved = ["gitops/plan success", "gitops/policy pending", "gitops/policy success"];
    site.until("the answer", async || site.ours(number, "answers").await.len() == 1).await;
    let good = "gitops/policy success".to_owned();
    site.until("the approval", async || site.statuses(&head).await.contains(&good)).await;
    assert_eq!(site.statuses(&head).await, approved);
    first.kill();
    let next = Serving::start(&site).await;
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let live = "gitops/live/site success".to_owned();
    site.until("what is live", async || site.statuses(&merged).await.contains(&live)).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    assert_eq!(next.stop().await, 0);
    assert_eq!(site.changes("index.html"), 2, "the first apply, and what was approved");
    assert_eq!((site.ours(number, "review").await.len(), site.ours(number, "answers").await.len()), (1, 1));
    assert_eq!(site.statuses(&head).await, approved);
    let by = format!("bob (gitea platform/site#{number}: comment {})", said["id"]);
    site.gitops(&["audit", "show", "index.html"]).await.expect(0).says(&by);
    site.gitops(&["audit", "verify"]).await.expect(0);
}

/// An effect is one of an application: what was approved under another name is asked for again, before the merge and after it.
#[tokio::test]
async fn what_was_approved_under_the_old_name_of_an_application_is_asked_for_again_under_the_new_one() {
    let site = Site::new().await;
    site.serve("1s", &GATED.replace("interval: 1h", "interval: 1s"));
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    let head = site.commit_on("feature", &[("index.html", Some("new\n"))]);
    let number = site.open("alice", "feature").await;
    serving.until("the review", |event| is_review(event, number, &head)).await;
    let old = site.effect(number).await;
    let said = site.comment("bob", number, &format!("/approve {old}")).await;
    site.confirms("bob", &said).await;
    let policy = |state: &str| ("gitops/policy".to_owned(), state.to_owned());
    let stands = async |state: &str| site.latest_statuses(&head).await.contains(&policy(state));
    site.until("the approval", async || stands("success").await).await;
    assert_eq!(serving.stop().await, 0);

    site.rewrite("name: site\n", "name: shop\n");
    // The move itself writes owner labels, which the gate would ask about.
    site.rewrite("plan.update == 0", "plan.update < 9");
    site.gitops(&["apply", "--yes", "--renamed-from", "site"]).await.expect(0);
    site.rewrite("plan.update < 9", "plan.update == 0");
    let mut serving = Serving::start(&site).await;
    hook(&site, &serving).await;
    serving.sooner_or_later("the review", |event| is_review(event, number, &head)).await;
    site.until("that it is asked for again", async || stands("pending").await).await;
    assert_ne!(site.effect(number).await, old);
    site.merge(number).await.unwrap();
    let merged = site.merge_commit(number).await;
    let live =
        async |state: &str| site.statuses(&merged).await.contains(&format!("gitops/live/shop {state}"));
    site.until("the wait", async || live("pending").await).await;
    let command = async || {
        let answers = site.ours(number, "answers").await.concat();
        Some(answers.split_once("comment `")?.1.split('`').next()?.to_owned())
    };
    site.until("what to say", async || command().await.is_some()).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("one\ntwo\n"));
    let said = site.comment("bob", number, &command().await.unwrap()).await;
    site.confirms("bob", &said).await;
    site.until("what is live", async || live("success").await).await;
    assert_eq!(site.world.live("index.html").as_deref(), Some("new\n"));
    assert_eq!(serving.stop().await, 0);
    let by = format!("bob (gitea platform/site#{number}: comment {})", said["id"]);
    site.gitops(&["audit", "show", "index.html"]).await.expect(0).says(&by);
}
