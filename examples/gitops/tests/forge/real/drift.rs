//! One issue for the drift of an application: opened, edited and closed by itself, also by the next server.

use serde_json::Value;

use super::serving::Serving;
use super::{SITE, Site, body};

impl Site {
    /// All issues that are no requests.
    pub(super) async fn issues(&self) -> Vec<Value> {
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
    let revision = site.world.git(&["rev-parse", "main"])[..12].to_owned();
    let text = |lines: &str| {
        format!(
            "The target of `site` is not as it was applied from commit `{revision}`: it was changed outside of Git, and is not corrected.\n\n\
             {lines}\nSee it: `gitops -a site drift`. Correct it with `sync: {{ drift: correct }}`, or by `gitops -a site apply` once no \
             other process is at work; or declare what is there. This issue is closed by itself once nothing differs."
        )
    };
    // All of it but the hidden line by which it is found: names, and no value.
    let shown =
        |issue: &Value| body(issue).replace("\r\n", "\n").split_once('\n').unwrap().1.trim().to_owned();
    assert_eq!(shown(&issues[0]), text("- update: `dir:File/-/conf/app.toml`: `/content`\n"));

    // More of it: the same issue; by the next server too, which writes nothing where nothing is new.
    serving.kill();
    let mut serving = Serving::start(&site).await;
    site.world.edit_live("index.html", "by hand too\n");
    serving.until("both", |event| event["type"] == "drift" && event["objects"] == 2).await;
    let issues = site.issues().await;
    assert_eq!(issues.len(), 1);
    assert_eq!(
        shown(&issues[0]),
        text(
            "- update: `dir:File/-/conf/app.toml`: `/content`\n- update: `dir:File/-/index.html`: `/content`\n"
        )
    );

    // Somebody puts it back: it is closed.
    site.world.edit_live("conf/app.toml", "size = 1\n");
    site.world.edit_live("index.html", "one\ntwo\n");
    serving.until("the end", |event| event["type"] == "drift" && event["objects"] == 0).await;
    let issues = site.issues().await;
    assert_eq!((issues.len(), &issues[0]["state"]), (1, &"closed".into()));
    assert_eq!(serving.stop().await, 0);
}
