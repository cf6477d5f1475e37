//! `gitops serve`: keeps the targets equal to their sources, and reviews change requests as they come.

use std::net::SocketAddr;

use gitops_server::Server;

use super::Ended;
use super::run::until_stopped;
use crate::app::App;
use crate::cli::ServeArgs;
use crate::progress;

/// Where it listens if nobody says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);

/// As `run`, with health, metrics, webhooks and full plans over HTTP. Another address takes a restart; anything else of the configuration
/// is taken over when it changes.
pub async fn run(app: &App, args: &ServeArgs) -> Ended {
    let cx = app.until_stopped().with_programs(args.run.programs.into());
    let serve = app.applications()?.serve;
    let address = args.listen.or(serve.listen).unwrap_or(LISTEN);
    let server = Server::new(&cx, progress::served(app)).sharing(app.clusters());
    server.listen(&cx, address).await?;
    if let Some(plans) = serve.plans {
        server.listen_for_plans(&cx, plans).await?;
    }
    Box::pin(until_stopped(app, &cx, Some(&server))).await
}
