//! Whole charts as their users have them, from the first plan to the last prune, in a cluster with controllers.
//!
//! `cargo xtask charts` gives charts of others by a list; without it, three of our own are tried.

mod chart;
mod order;

use std::path::Path;

use serde_json::{Value as Json, json};
use testbed::{ApiServer, Request};

use crate::{AGENT, Cluster};
use chart::{Chart, charts};

/// So many applies may follow one commit: the first, one that deletes hooks that ended, and one for what those let go.
const APPLIES: usize = 4;

/// So often is asked whether what is being deleted has gone.
const LOOKS: usize = 100;

/// What a chart's life showed; a fault ends it.
type Step<T = ()> = Result<T, String>;

/// A cluster in which one chart lives, and what was seen of it.
struct Life {
    cluster: Cluster,
    chart: Chart,
    notes: Vec<String>,
}

/// Volumes for whatever a chart claims: no provisioner is there.
async fn provide(cluster: &Cluster) {
    for number in 0..6 {
        let body = json!({
            "metadata": { "name": format!("{}-{number}", cluster.namespace) },
            "spec": {
                "capacity": { "storage": "100Gi" }, "hostPath": { "path": "/tmp" },
                "accessModes": ["ReadWriteOnce", "ReadWriteMany"]
            }
        });
        cluster.admin.post("/api/v1/persistentvolumes", &body).await;
    }
}

impl Life {
    async fn new(chart: Chart) -> Self {
        let cluster = Cluster::on(ApiServer::controlled()).await;
        provide(&cluster).await;
        let helm = crate::cluster::program("GITOPS_HELM");
        cluster.world.configure(&format!(
            "name: {0}\nsource:\n  git: {{ url: ./repository, ref: {{ branch: main }}, path: site }}\n\
             target:\n  kubernetes:\n    kubeconfig: ./kubeconfig\n    namespace: {0}\n    render:\n      \
             - helm: {{ path: chart, release: r, values: [values.yaml], program: {helm} }}\n      \
             - manifests: {{ path: definitions }}\n",
            cluster.namespace
        ));
        Self { cluster, chart, notes: Vec::new() }
    }

    /// Commits the chart in one of its forms, or an empty one.
    fn commit(&self, message: &str, what: chart::Form) {
        self.chart.put(&self.cluster.world.path("repository/site"), what);
        self.cluster.world.commit(message, &[]);
    }

    fn json(&self, arguments: &[&str]) -> Step<Json> {
        let ran = self.cluster.world.gitops(&[arguments, &["--output", "json"]].concat());
        serde_json::from_str(&ran.stdout).map_err(|error| format!("{arguments:?}: {error}: {}", ran.stderr))
    }

    fn ends(&self, arguments: &[&str], code: i32) -> Step<String> {
        let ran = self.cluster.world.gitops(arguments);
        match ran.code == code {
            true => Ok(ran.stdout),
            false => Err(format!("{arguments:?} ended with {}:\n{}\n{}", ran.code, ran.stdout, ran.stderr)),
        }
    }

    /// Applies until nothing is left to do, and looks that every verb says so. Gives the steps of all plans.
    fn settle(&mut self) -> Step<Vec<Json>> {
        let mut steps = Vec::new();
        for _ in 0..APPLIES {
            let plan = self.json(&["plan"])?;
            let blocked = plan["blocked"].as_array().ok_or_else(|| format!("no plan: {plan}"))?;
            if !blocked.is_empty() {
                return Err(format!("blocked: {blocked:?}"));
            }
            self.warned(&plan);
            let found = plan["steps"].as_array().expect("a plan has steps");
            if found.is_empty() {
                self.is_quiet()?;
                return Ok(steps);
            }
            steps.extend(found.iter().cloned());
            if plan["verdict"]["verdict"] == "needs-approval" {
                let id = plan["plan_id"].as_str().expect("a plan has an id");
                self.ends(&["apply", "--yes"], 3)?;
                self.ends(&["approve", id], 0)?;
            }
            self.ends(&["apply", "--yes"], 0)?;
        }
        Err(format!("there are still changes after {APPLIES} applies: {:?}", steps.last()))
    }

    fn warned(&mut self, plan: &Json) {
        for warning in plan["warnings"].as_array().into_iter().flatten() {
            // A file without definitions, and the empty chart, are ours.
            let note = format!("{}: {}", warning["code"], warning["message"]).replace('"', "");
            if warning["code"] != "GO0416" && !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    fn is_quiet(&self) -> Step {
        self.ends(&["plan", "--detailed-exitcode"], 0)?;
        self.ends(&["drift", "--detailed-exitcode"], 0)?;
        let mut status = self.json(&["status"])?;
        for _ in 0..LOOKS {
            let open = ["claimed", "deleting", "unconfirmed"].map(|name| status[name].as_u64());
            if status["sync"] == "Synced" && open == [Some(0); 3] {
                return Ok(());
            }
            // Finalizers take their time, which is that of the server.
            status = self.json(&["status"])?;
        }
        Err(format!("nothing is left to do, but the status says {status}"))
    }

    fn begin(&mut self) -> Step<Vec<order::Write>> {
        let from = moment();
        self.commit("Begin", chart::Form::First);
        self.settle()?;
        let made = writes(from, &self.cluster.namespace);
        order::hooks(&made, &self.chart.hooks(&self.cluster.namespace)?)?;
        let needs = order::needs(&self.json(&["graph"])?);
        order::made_after_needs(&made, &needs)?;
        let health = self.json(&["status"])?;
        if health["health"] != "Healthy" {
            let reasons: Vec<String> =
                health["unready"].as_array().into_iter().flatten().map(reason).collect();
            self.notes.push(format!("{}: {}", health["health"], reasons.join(", ")).replace('"', ""));
        }
        Ok(made)
    }

    /// Upgrades and goes back; the same objects are there then, and are as they were.
    fn upgrade(&mut self) -> Step<usize> {
        self.commit("Upgrade", chart::Form::Upgraded);
        let steps = self.settle()?;
        self.commit("Back", chart::Form::First);
        let back = self.settle()?;
        let replaced = back.iter().filter(|step| step["action"] == "replace" && !is_hook(step)).count();
        if replaced > 0 {
            self.notes.push(format!("{replaced} replaced on the way back"));
        }
        Ok(steps.len())
    }

    async fn remove(&mut self, made: &[order::Write]) -> Step {
        let needs = order::needs(&self.json(&["graph"])?);
        let from = moment();
        self.commit("Remove", chart::Form::Nothing);
        self.settle()?;
        order::deleted_before_needs(&writes(from, &self.cluster.namespace), &needs)?;
        let status = self.json(&["status"])?;
        let plan = self.json(&["plan"])?;
        let orphaned = plan["orphaned"].as_array().map_or(0, Vec::len);
        if status["owned"].as_u64() != Some(orphaned as u64) {
            return Err(format!("owned is not orphaned ({orphaned}): {status}"));
        }
        if orphaned > 0 {
            self.notes.push(format!("{orphaned} kept when it left"));
        }
        let mut left = 0;
        for uri in order::objects(made) {
            left += usize::from(
                self.cluster.admin.send("GET", &uri, "application/json", &Json::Null).await.0 == 200,
            );
        }
        match left == orphaned {
            true => Ok(()),
            false => Err(format!("{left} objects are still there, and {orphaned} are kept")),
        }
    }

    /// A chart that is older than the server is refused in the plan, by the version that it wants.
    fn refused(&mut self, by: &str) -> Step<String> {
        self.commit("Begin", chart::Form::First);
        let said = self.ends(&["plan"], 1)?;
        if !said.contains(by) {
            return Err(format!("it does not say {by:?}: {said}"));
        }
        self.notes.push(format!("refused in the plan: {by}"));
        Ok("– | – | –".to_owned())
    }

    async fn live(&mut self) -> Step<String> {
        if let Some(by) = self.chart.refused.clone() {
            return self.refused(&by);
        }
        let made = self.begin()?;
        let changed = self.upgrade()?;
        self.remove(&made).await?;
        let hooks = self.chart.hooks(&self.cluster.namespace)?.len();
        Ok(format!("{} | {hooks} | {changed}", order::objects(&made).len()))
    }
}

/// Now, as a number of requests.
fn moment() -> usize {
    ApiServer::controlled().requests(AGENT).len()
}

/// The command's writes from a moment on, without those of other tests: each has a namespace of its own.
fn writes(from: usize, namespace: &str) -> Vec<order::Write> {
    let requests = ApiServer::controlled().requests(AGENT).split_off(from);
    let is_ours = |request: &Request| {
        let mut parts = request.uri.split(['/', '?']).skip_while(|part| *part != "namespaces");
        parts.nth(1).is_none_or(|found| found == namespace)
    };
    order::writes(&requests.into_iter().filter(is_ours).collect::<Vec<_>>())
}

fn reason(unready: &Json) -> String {
    format!("{} {}: {}", unready["key"], unready["state"], unready["reason"])
}

fn is_hook(step: &Json) -> bool {
    step["key"].as_str().is_some_and(|key| key.contains(":Job."))
}

#[tokio::test]
async fn charts_live_from_the_first_plan_to_the_last_prune() {
    let mut faults = Vec::new();
    for chart in charts(std::env::var_os("GITOPS_CHARTS").as_deref().map(Path::new)) {
        let title = format!("| {} | {} |", chart.name, chart.version());
        let mut life = Life::new(chart).await;
        let came = life.live().await;
        let notes = if life.notes.is_empty() { "as wanted".to_owned() } else { life.notes.join("; ") };
        match came {
            Ok(counts) => eprintln!("{title} {counts} | {notes} |"),
            Err(fault) => {
                eprintln!("{title} – | – | – | **fault**: {fault}; {notes} |");
                faults.push(format!("{title} {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
}
