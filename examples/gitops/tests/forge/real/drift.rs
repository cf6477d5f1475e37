//! One issue for the drift of an application: opened, edited and closed by itself, also by the next server.

use serde_json::Value;

use super::serving::Serving;
use super::{SITE, Site, body};

impl Site {
    /// All issues that are no requests.
    async fn issues(&self) -> Vec<Value> {
        let path = format!("{SITE}/issues?state=all&type=issues");
        self.gitea.done("bob", "GET", &path, Value::Null).await.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn the_drift_of_an_application_is_one_issue_that_is_closed_by_itself() {
    let site = Site::new().await;
    site.serve("1h", "sync: { drift: report, interval: 1s }\n");
    let path = site.world.path("gitops.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let wanted = text.replace("repository: platform/site,", "repository: platform/site, drift_issues: true,");
    std::fs::write(path, wanted).unwrap();
    let mut serving = Serving::start(&site).await;
    serving.until("what is live", |event| event["type"] == "told").await;
    assert_eq!(site.issues().await, [] as [Value; 0], "nothing differs");

    site.world.edit_live("conf/app.toml", "by hand\n");
    assert_eq!(serving.wait_for("drift").await["objects"], 1);
    let issues = site.issues().await;
    assert_eq!(
        (issues.len(), &issues[0]["title"], &issues[0]["state"]),
        (1, &"Drift in site".into(), &"open".into())
    );
    assert!(
        body(&issues[0]).contains("`dir:File/-/conf/app.toml`") && !body(&issues[0]).contains("by hand"),
        "{issues:#?}"
    );

    // More of it: the same issue; by the next server too, which writes nothing where nothing is new.
    serving.kill();
    let mut serving = Serving::start(&site).await;
    site.world.edit_live("index.html", "by hand too\n");
    serving.until("both", |event| event["type"] == "drift" && event["objects"] == 2).await;
    let issues = site.issues().await;
    assert_eq!(issues.len(), 1);
    assert!(
        body(&issues[0]).contains("index.html") && body(&issues[0]).contains("conf/app.toml"),
        "{issues:#?}"
    );

    // Somebody puts it back: it is closed.
    site.world.edit_live("conf/app.toml", "size = 1\n");
    site.world.edit_live("index.html", "one\ntwo\n");
    serving.until("the end", |event| event["type"] == "drift" && event["objects"] == 0).await;
    let issues = site.issues().await;
    assert_eq!((issues.len(), &issues[0]["state"]), (1, &"closed".into()));
    assert_eq!(serving.stop().await, 0);
}
