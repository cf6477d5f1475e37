//! A server: what is answered over HTTP, and the requests of every repository of a configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use gitops_app::config::{Applications, Config, ForgeConfig};
use gitops_app::forge::{Found, Named};
use gitops_app::review::Warm;
use gitops_app::{Clusters, Inputs, place};
use gitops_core::{Cx, Digest, FileStore, Result, StateStore};

use crate::board::Board;
use crate::event::{ServerEvent, ServerEvents};
use crate::http::{Door, Http};
use crate::metrics::Metrics;
use crate::plans::Plans;
use crate::reviews::{Reviews, Tools};
use crate::webhooks::Endpoint;

/// The long-running half of a program: what is answered over HTTP, a [`Board`], [`Metrics`], and the change requests of every
/// repository that the configuration names under `forge`.
///
/// | Path | Answers |
/// | --- | --- |
/// | `GET /healthz` | 200 while the process is alive |
/// | `GET /readyz` | 200 if every application of the [`Board`] works, 503 if not, with one line for each |
/// | `GET /metrics` | what was counted, in the text format of `OpenMetrics` |
/// | `GET /plans/DIGEST` | the full plan of a review that a comment links, as a page; with `.json`, the document of that digest |
/// | `POST /webhooks/FORGE` | 202 for what a forge signed: `github`, `gitlab`, `gitea` |
///
/// # Guarantees
/// - A gate that waits for an approval is no failure: `/readyz` stays 200.
/// - At most 256 connections are open, each for 30 seconds and one request. Heads have at most 16 KiB, bodies 1 MiB. Whoever is
///   slow takes the place of nobody else for longer.
/// - A webhook is verified over its bytes before they are read, and counts for the repository alone whose secret it was signed
///   with. It is a hint to look sooner: one that is lost, doubled, late or in the wrong order changes nothing but the time.
/// - A request costs the forge at most four writes for a push, and none where nothing changed. A slow review blocks no other.
/// - Reviews go on from what the last one of an application read and saw: one costs what changed since. What is kept for that has
///   a bound: see [`Warm`](gitops_app::review::Warm).
/// - A command in a comment is carried out once, also by two processes and after a restart.
///
/// A plan is shown to whoever has its link, which is in a comment and can't be guessed: to those who may read the request.
///
/// There is no TLS and no login: put it behind what has both where others than the cluster or the machine can reach it.
///
/// The engines are the program's: it runs a [`Supervisor`](gitops_core::Supervisor), and writes on the [`board`](Self::board)
/// which applications are at work.
///
/// ```no_run
/// # use gitops_core::*;
/// # use gitops_server::Server;
/// # async fn example(cx: &Cx, site: Engine) -> Result<()> {
/// let server = Server::new(cx, |event| println!("{event:?}"));
/// server.listen(cx, ([127, 0, 0, 1], 8080).into()).await?;
/// let supervisor = Supervisor::new(16);
/// let handle = supervisor.add(site, &[], std::time::Duration::from_secs(60))?;
/// server.board().open("site", handle);
/// supervisor.run(cx).await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Server {
    board: Board,
    metrics: Arc<Metrics>,
    http: Http,
    events: ServerEvents,
    cx: Cx,
    warm: Arc<Warm>,
    taken_up: Arc<Mutex<TakenUp>>,
}

/// What was taken up last.
#[derive(Default)]
struct TakenUp {
    all: Vec<Arc<Followed>>,
    /// What each application was made from.
    marks: BTreeMap<String, Digest>,
}

impl Server {
    /// A server that does not listen yet; `events` is told of what it does.
    pub fn new(cx: &Cx, events: impl Fn(&ServerEvent) + Send + Sync + 'static) -> Self {
        let (board, metrics) = (Board::default(), Arc::new(Metrics::new(cx.clone())));
        let http = Http::new(board.clone(), metrics.clone());
        let warm = Arc::new(Warm::new(cx, Clusters::new()));
        Self {
            board,
            metrics,
            http,
            events: Arc::new(events),
            cx: cx.clone(),
            warm,
            taken_up: Arc::default(),
        }
    }

    /// Reviews share the connections and watches of sessions that were given the same clusters.
    #[must_use]
    pub fn sharing(self, clusters: Clusters) -> Self {
        Self { warm: Arc::new(Warm::new(&self.cx, clusters)), ..self }
    }

    /// The applications that the program works with.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Answers over HTTP until the context is cancelled; gives the address.
    ///
    /// # Errors
    /// An address that can't be listened on.
    pub async fn listen(&self, cx: &Cx, address: SocketAddr) -> Result<SocketAddr> {
        self.open(cx, address, Door::Main).await
    }

    /// Answers with full plans here, and no longer where everything else is answered: a proxy before this address can ask
    /// people who they are, while forges send their webhooks elsewhere.
    ///
    /// # Errors
    /// An address that can't be listened on.
    pub async fn listen_for_plans(&self, cx: &Cx, address: SocketAddr) -> Result<SocketAddr> {
        self.open(cx, address, Door::Plans).await
    }

    async fn open(&self, cx: &Cx, address: SocketAddr, door: Door) -> Result<SocketAddr> {
        let address = self.http.listen(cx, address, door).await?;
        (self.events)(&ServerEvent::Listening { address: address.to_string() });
        Ok(address)
    }

    /// Takes up the requests of every repository that some applications name under `forge`, and takes their webhooks from now
    /// on, those of the call before no longer. What was carried out is remembered beside the states of the applications.
    ///
    /// A program whose configuration may change calls [`prepare`](Self::prepare) and [`take_up`](Self::take_up) instead.
    ///
    /// # Errors
    /// `Invalid` if a repository, a token or a secret is missing or can't be used.
    pub fn follow(&self, cx: &Cx, applications: &Applications, chosen: &[Config]) -> Result<Following> {
        let following = self.prepare(cx, applications, chosen, &Inputs::of(applications))?;
        self.take_up(&following);
        Ok(following)
    }

    /// Opens every forge that some applications name, and reads each secret of a webhook; what is at work goes on as before, also
    /// if that fails. A repository of which nothing differs from what was [taken up](Self::take_up) last is the same as there.
    /// The inputs are those of the applications, taken before.
    ///
    /// # Errors
    /// `Invalid` if a repository, a token or a secret is missing or can't be used.
    pub fn prepare(
        &self,
        cx: &Cx,
        applications: &Applications,
        chosen: &[Config],
        inputs: &Inputs,
    ) -> Result<Following> {
        let folder = place::of_server(chosen.first().map_or(Path::new(""), Config::base));
        let (plans, memory) = (folder.clone(), move |_: &Config| -> Result<Arc<dyn StateStore>> {
            Ok(Arc::new(FileStore::open(folder.clone())?))
        });
        self.prepare_kept(cx, (applications, chosen, inputs), &plans, memory)
    }

    /// The same, with what was carried out remembered elsewhere: in the store that `memory` gives for the first application of
    /// each repository. The folder has the full plans, which can be made again.
    ///
    /// # Errors
    /// As [`prepare`](Self::prepare).
    pub fn prepare_kept(
        &self,
        cx: &Cx,
        (applications, chosen, inputs): (&Applications, &[Config], &Inputs),
        folder: &Path,
        memory: impl Fn(&Config) -> Result<Arc<dyn StateStore>>,
    ) -> Result<Following> {
        let folder = folder.join("plans");
        let before = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner).all.clone();
        let serve = &applications.serve;
        let plans = serve.url.as_ref().map(|url| Plans::open(folder.clone(), url)).transpose()?.map(Arc::new);
        let setting = format!("{:?}", (serve.poll, &serve.url, &folder));
        let mut all = Vec::new();
        for (found, members) in repositories(chosen)? {
            let name = format!("{} {} {} {}", found.kind.key(), found.url, found.repository, found.context());
            let mark = members.iter().fold(setting.clone(), |text, config| {
                format!("{text} {} {}", config.name, inputs.mark_on_forge(config))
            });
            let mark = Digest::of(mark.as_bytes());
            if let Some(same) = before.iter().find(|other| other.name == name && other.mark == mark) {
                all.push(same.clone());
                continue;
            }
            let tools = Tools {
                board: self.board.clone(),
                metrics: self.metrics.clone(),
                events: self.events.clone(),
                store: memory(&members[0])?,
                every: serve.poll,
                plans: plans.clone(),
                warm: self.warm.clone(),
            };
            let webhooks = found.webhooks(cx)?;
            let names = members.iter().map(|config| config.name.clone()).collect();
            let reviews = Reviews::new(cx, &found, applications, members, tools)?;
            let hear = Arc::new(reviews.hear(&self.cx));
            let endpoint = webhooks.map(|webhooks| {
                Arc::new(Endpoint::new(found.kind, found.repository.clone(), webhooks, hear))
            });
            all.push(Arc::new(Followed { reviews, name, mark, applications: names, endpoint }));
        }
        let marks =
            applications.all.iter().map(|config| (config.name.clone(), inputs.mark(config))).collect();
        Ok(Following { all, plans, applications: Arc::new(applications.clone()), marks })
    }

    /// From now on webhooks count for these repositories and for no others, and the plans of these are shown. What reviews left open of
    /// applications that differ is closed.
    pub fn take_up(&self, following: &Following) {
        let Following { all, plans, applications, marks } = following;
        let mut before = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, _) in before.marks.iter().filter(|(name, mark)| marks.get(*name) != Some(mark)) {
            self.warm.forget(name);
        }
        all.iter().for_each(|followed| followed.reviews.work_with(applications.clone()));
        self.http.take(all.iter().filter_map(|followed| followed.endpoint.clone()).collect());
        self.http.show(plans.clone());
        *before = TakenUp { all: all.clone(), marks: marks.clone() };
    }

    /// Says whether the configuration that is there now is the one that is at work: whoever asks `/readyz` and `/metrics` is told.
    pub fn configured(&self, is_current: bool) {
        self.board.configured(is_current);
        self.metrics.configured(is_current);
    }
}

/// The requests of some repositories.
#[must_use]
pub struct Following {
    all: Vec<Arc<Followed>>,
    plans: Option<Arc<Plans>>,
    applications: Arc<Applications>,
    marks: BTreeMap<String, Digest>,
}

impl Following {
    /// Works on them until the context is cancelled; at once if there are none.
    ///
    /// # Cancel safety
    /// As [`Followed::run`].
    pub async fn run(&self, cx: &Cx) {
        join_all(self.all.iter().map(|followed| followed.run(cx))).await;
    }

    /// Each by itself, for a program whose configuration may change, or of which several processes wait for the right to work on it.
    pub fn each(&self) -> impl Iterator<Item = &Arc<Followed>> {
        self.all.iter()
    }
}

/// The requests of one repository.
#[must_use]
pub struct Followed {
    reviews: Reviews,
    name: String,
    mark: Digest,
    applications: Vec<String>,
    endpoint: Option<Arc<Endpoint>>,
}

impl Followed {
    /// What tells it from all others: the forge, the repository, and what its statuses begin with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells it from what it is after a change: its forge, secrets and applications.
    pub fn mark(&self) -> Digest {
        self.mark
    }

    /// The applications whose sources are changed on it, by name; at least one.
    pub fn applications(&self) -> &[String] {
        &self.applications
    }

    /// Works on its requests until the context is cancelled. One process should do so at a time: the one whose engines work.
    ///
    /// # Cancel safety
    /// Cancel the context to stop in good order. Dropping the future is as a crash, after which the next server goes on: what
    /// was begun on a forge is looked up before it is done again.
    pub async fn run(&self, cx: &Cx) {
        self.reviews.run(cx).await;
    }
}

/// The repositories that applications name, each with those applications. The context is a part of what tells them apart.
fn repositories(chosen: &[Config]) -> Result<Vec<(Found, Vec<Config>)>> {
    let mut repositories: Vec<(Found, Vec<Config>)> = Vec::new();
    for config in chosen {
        let Some(forge) = &config.forge else { continue };
        let found = find(forge)?;
        match repositories.iter_mut().find(|(other, _)| is_same(other, &found)) {
            Some((_, members)) => members.push(config.clone()),
            None => repositories.push((found, vec![config.clone()])),
        }
    }
    Ok(repositories)
}

fn find(forge: &ForgeConfig) -> Result<Found> {
    Found::of(&Named::default(), Some(forge), None)
}

fn is_same(one: &Found, other: &Found) -> bool {
    one.kind == other.kind
        && one.url == other.url
        && one.repository.is(&other.repository)
        && one.context() == other.context()
}
