//! What a controller keeps at work: applications, and the change requests of their repositories.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::future::join;
use gitops_app::config::{Applications, Config};
use gitops_app::home::ClusterState;
use gitops_app::rollback::Watch;
use gitops_app::{Clusters, Inputs, NotePlace, Refused, Roster};
use gitops_core::{Cx, Digest, Error, ErrorKind, Result, StateStore, Supervisor};
use gitops_k8s::{Cluster, ClusterLease, ClusterStore, LeaseNote};
use gitops_server::{ApplicationMetrics, Followed, Following, Server};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch};
use tokio::task::JoinError;

use crate::cli::Options;
use crate::group::{self, Group};
use crate::{application, leader};

/// The folder of full plans in that of the mirrors, and what was carried out on forges in a namespace. No application can have
/// its name.
const SERVER: &str = "~server";

/// What all of it works with.
#[derive(Clone)]
pub struct Work {
    pub options: Arc<Options>,
    pub cluster: Cluster,
    pub clusters: Clusters,
    pub server: Server,
    pub supervisor: Arc<Supervisor>,
    pub turns: Turns,
    /// The configuration that the files hold now, if it can't be used.
    pub refused: Arc<watch::Sender<Option<Refused>>>,
}

/// A configuration that can be used.
pub struct Configured {
    pub applications: Applications,
    pub following: Following,
}

/// The groups at work, each with what tells it of another configuration in which it is still the same group.
pub type Groups = Roster<'static, GroupSeat, Result<()>>;

/// A group at work: its configuration, and the leases that it holds.
pub struct GroupSeat {
    configuration: watch::Sender<Arc<Configuration>>,
    leases: Vec<String>,
}

impl GroupSeat {
    /// Whether two groups may work at once: no lease and no application is of both. Who takes over a lease that this process holds
    /// ends all that works under it.
    fn is_apart(&self, other: &Self) -> bool {
        let names = |seat: &Self| -> BTreeSet<String> {
            seat.configuration.borrow().group.members.iter().map(|config| config.name.clone()).collect()
        };
        !self.leases.iter().any(|lease| other.leases.contains(lease))
            && names(self).is_disjoint(&names(other))
    }
}

/// A group as the configuration has it, and what that was made from.
pub struct Configuration {
    group: Group,
    inputs: Inputs,
}

/// One application at a time of one name, whichever group it is in.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>>);

impl Turns {
    async fn of(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.entry(name.to_owned()).or_default().clone()
        };
        turn.lock_owned().await
    }
}

impl Work {
    /// A configuration whose forges can be opened; what is at work goes on as before.
    ///
    /// # Errors
    /// Whatever keeps a forge from being opened.
    pub fn prepare(&self, cx: &Cx, applications: Applications, inputs: &Inputs) -> Result<Configured> {
        let Self { options, cluster, server, .. } = self;
        let memory = |config: &Config| -> Result<Arc<dyn StateStore>> {
            Ok(Arc::new(ClusterStore::new(cluster.clone(), options.namespace_of(config)?, SERVER)))
        };
        let all = (&applications, &applications.all[..], inputs);
        let following = server.prepare_kept(cx, all, &options.state.join(SERVER), memory)?;
        Ok(Configured { applications, following })
    }

    /// Takes a configuration over: only what differs from before is stopped, and begun anew. `reach` tells how the cluster of the
    /// leases is reached; if that differs, all of it does.
    ///
    /// # Errors
    /// An application of which nobody says where its state is.
    pub fn take(
        &self,
        cx: &Cx,
        groups: &mut Groups,
        configured: &Configured,
        (inputs, reach): (&Inputs, Digest),
    ) -> Result<()> {
        let Configured { applications, following } = configured;
        let mut wanted = BTreeMap::new();
        let mut held = BTreeMap::new();
        for group in group::groups(&applications.all, following.each().cloned().collect()) {
            let namespace = self.options.namespace_of(&group.members[0])?;
            let leases = group.leases(self.options.application.as_deref());
            let name = match leases.is_empty() {
                true => format!("{reach} {namespace} {}", group.members[0].name),
                false => format!("{reach} {namespace} {}", leases.join(" ")),
            };
            held.insert(name.clone(), leases);
            wanted.insert(name, Arc::new(Configuration { group, inputs: inputs.clone() }));
        }
        self.server.take_up(following);
        self.server.configured(true);
        self.refused.send_replace(None);
        let all = wanted.iter().map(|(name, group)| {
            let leases = held.get(name).cloned().unwrap_or_default();
            let seat = GroupSeat { configuration: watch::Sender::new(group.clone()), leases };
            (name.clone(), Digest::of(name.as_bytes()), seat)
        });
        let begun = groups.take(cx, all, GroupSeat::is_apart, |seat, own| {
            let (work, all, group) = (self.clone(), cx.clone(), seat.configuration.subscribe());
            // A task of its own: no group's leases wait for another one's work.
            let task = async move { tokio::spawn(work.keep_group(own, all, group)).await };
            let ended = |ended: Result<_, JoinError>| {
                ended.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, error.to_string())))
            };
            task.map(ended).boxed()
        });
        for (name, group) in wanted.into_iter().filter(|(name, _)| !begun.begun.contains(name)) {
            groups.get(&name).inspect(|same| drop(same.configuration.send_replace(group)));
        }
        Ok(())
    }

    /// Keeps the applications of a group at work and reviews the requests of its repositories, while the leases of the group are
    /// held: one process speaks on a forge, and it is the one whose engines are at work; and one process knows how far the
    /// applications are that others need.
    async fn keep_group(self, cx: Cx, all: Cx, group: watch::Receiver<Arc<Configuration>>) -> Result<()> {
        let Self { options, cluster, .. } = &self;
        let first = group.borrow().clone();
        let namespace = options.namespace_of(&first.group.members[0])?;
        let names = first.group.leases(options.application.as_deref());
        let leases: Vec<ClusterLease> =
            names.into_iter().map(|name| ClusterLease::new(cluster.clone(), namespace, name)).collect();
        let work = &self;
        let work = move |cx: Cx| async move { work.keep_members(&cx, &all, group).await }.boxed();
        leader::while_leading_all(cx.clone(), &leases, &options.identity, Box::new(work)).await
    }

    /// Who lost a lease may still have something under way: then all of them end, and the process with them. Nothing else ends them.
    async fn keep_members(
        &self,
        cx: &Cx,
        all: &Cx,
        mut configured: watch::Receiver<Arc<Configuration>>,
    ) -> Result<()> {
        let (mut members, mut reviews) = (Roster::new(), Roster::new());
        let mut ended = Ok(());
        self.take_members(cx, (&mut members, &mut reviews), &configured.borrow_and_update().clone());
        loop {
            let kept = tokio::select! {
                biased;
                kept = members.next() => kept,
                () = until_ended(&mut reviews) => unreachable!("it goes on while this does"),
                Ok(()) = configured.changed() => {
                    let now = configured.borrow_and_update().clone();
                    self.take_members(cx, (&mut members, &mut reviews), &now);
                    continue;
                }
            };
            match kept {
                None => break,
                Some((name, kept, is_by_itself)) => {
                    if !is_by_itself && members.get(&name).is_none() {
                        self.server.metrics().forget(&name);
                    }
                    // The end of one with an error is that of all.
                    ended = ended.and(kept.inspect_err(|_: &Error| all.cancel()));
                }
            }
        }
        cx.cancel();
        while reviews.next().await.is_some() {}
        ended
    }

    fn take_members<'w>(
        &'w self,
        cx: &Cx,
        (members, reviews): (&mut Members<'w>, &mut Roster<'w, Arc<Followed>, ()>),
        configuration: &Configuration,
    ) {
        let Configuration { group, inputs } = configuration;
        group.warn_of_needs_elsewhere();
        let wanted = group.members.iter().map(|config| {
            let needs = group.needs(config).into_iter().map(str::to_owned).collect();
            (config.name.clone(), inputs.mark(config), (config.clone(), needs))
        });
        // Each has a folder of its own below that of this process, whatever the file says.
        let _ = members.take(
            cx,
            wanted,
            |_, _| true,
            |member, own| {
                async move {
                    let (config, needs) = &*member;
                    let needs = needs.iter().map(String::as_str).collect();
                    self.keep(&own, config, needs).await
                }
                .boxed()
            },
        );
        let wanted = group.followed.iter().map(|same| (same.name().to_owned(), same.mark(), same.clone()));
        let _ = reviews.take(
            cx,
            wanted,
            |_, _| true,
            |followed, own| async move { followed.run(&own).await }.boxed(),
        );
    }

    /// Keeps an application at work whenever its lease is held. One that can't be opened here, because its target is away or a program
    /// is missing, and an engine that can't go on give the lease up: another process may have what this one lacks. Here it is opened
    /// anew, from what the cluster knows, after those who wait for the lease had their turn.
    async fn keep(&self, cx: &Cx, config: &Config, needs: Vec<&str>) -> Result<()> {
        let Self { options, cluster, server, .. } = self;
        let _turn = self.turns.of(&config.name).await;
        let metrics = server.metrics().of(&config.name);
        let namespace = options.namespace_of(config)?;
        let note = LeaseNote::default();
        let lease = ClusterState::new(cluster.clone(), namespace, &config.name).lease();
        let (lease, place) = (lease.with_note(note.clone()), NotePlace::on_lease(note));
        let (mut kept, mut told) = (Ok(()), None);
        while !cx.is_cancelled() {
            let mut ended = None;
            let is_held_elsewhere = || server.board().leave(&config.name);
            kept =
                leader::while_leading(cx, &lease, &options.identity, is_held_elsewhere, async |grant, cx| {
                    metrics.leads(true);
                    let folder = options.state.join(&config.name).join(format!("grant-{}", grant.epoch));
                    match told {
                        None => server.board().expect(&config.name),
                        Some(_) => server.board().fail(&config.name),
                    }
                    let work = self.keep_held(&cx, config, &needs, (folder, &place), metrics.clone());
                    let worked = AssertUnwindSafe(Box::pin(work)).catch_unwind().await;
                    let panicked = || {
                        Err(Stop::Ended(Error::new(ErrorKind::Internal, "what keeps it at work panicked")))
                    };
                    ended = worked.unwrap_or_else(|_| panicked()).err();
                    Ok(())
                })
                .await;
            metrics.leads(false);
            let Some(stop) = ended.filter(|_| kept.is_ok()) else { break };
            server.metrics().not_opened(&config.name);
            match stop {
                Stop::NotOpened(error) => {
                    server.board().fail(&config.name);
                    let text = error.with_help();
                    if told.as_ref() != Some(&text) {
                        application::tell("can't be opened, and is tried again", &config.name, &error);
                    }
                    told = Some(text);
                }
                Stop::Ended(error) => {
                    server.board().end(&config.name);
                    application::tell("its engine has ended, and it is opened again", &config.name, &error);
                    told = None;
                }
            }
            if cx.sleep(config.sync.interval.max(leader::TURN)).await.is_err() {
                break;
            }
        }
        server.board().leave(&config.name);
        kept
    }

    /// Opens an application and works with it until it is asked to stop.
    ///
    /// # Errors
    /// Why it can't be opened, or why its engine can't go on: its state is lost, or what this machine has of it is damaged.
    async fn keep_held(
        &self,
        cx: &Cx,
        config: &Config,
        needs: &[&str],
        (folder, place): (PathBuf, &NotePlace),
        metrics: Arc<ApplicationMetrics>,
    ) -> Result<(), Stop> {
        let Self { options, cluster, clusters, server, supervisor, .. } = self;
        let name = &config.name;
        let namespace = options.namespace_of(config).map_err(Stop::NotOpened)?;
        let opening = application::open(cx, namespace, config, (cluster, clusters), metrics.clone(), &folder);
        let session = match opening.await {
            Ok(session) => session,
            Err(_) if cx.is_cancelled() => return Ok(()),
            Err(error) => {
                // The next grant has a folder of its own, and there may be many.
                let _ = cx.off_thread(move |_| std::fs::remove_dir_all(folder)).await;
                return Err(Stop::NotOpened(error));
            }
        };
        let adding = supervisor.add(session.engine, needs, config.sync.interval);
        let handle = adding.map_err(Stop::Ended)?;
        let _seat = Seat { supervisor, name };
        server.board().open(name, handle.clone());
        let noted = place.keep(cx, handle.status(), self.refused.subscribe(), |_| {});
        let watch = Watch::new(cx, config, handle, None);
        let watched = async {
            join(watch.run(cx, |step| tracing::warn!(application = name, "{step}")), noted).await;
            std::future::pending().await
        };
        let ended = tokio::select! {
            ended = supervisor.ended_of(name) => ended,
            ended = watched => ended,
            () = cx.cancelled() => supervisor.remove(name).await,
        };
        ended.map_err(Stop::Ended)
    }
}

/// Why a process does not work with an application whose lease it got.
enum Stop {
    NotOpened(Error),
    Ended(Error),
}

/// The place of an application among those that are at work. It ends with the lease: an engine that has not stopped by then is
/// ended where it is.
struct Seat<'a> {
    supervisor: &'a Supervisor,
    name: &'a str,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // It was added, and nobody else takes it out.
        let _ = self.supervisor.abandon(self.name);
    }
}

/// The applications of a group that are at work, each with what it needs there.
type Members<'w> = Roster<'w, (Config, Vec<String>), Result<()>>;

/// Works on the requests of repositories as long as it is polled.
async fn until_ended(reviews: &mut Roster<'_, Arc<Followed>, ()>) {
    while reviews.next().await.is_some() {}
    std::future::pending::<()>().await;
}
