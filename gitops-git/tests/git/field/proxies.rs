//! Who we are is said to the server of the URL and to nobody else.

use gitops_core::{Cx, ErrorKind, Source};

use crate::support::{Repo, credentials, script};
use testbed::GitServer;

/// People met it as a token in the log of a company's proxy.
#[tokio::test]
async fn a_proxy_that_asks_does_not_get_the_token() {
    let proxy = GitServer::answering(
        "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"proxy\"",
        "",
    );
    let (repo, server) = (Repo::empty(), GitServer::answering("401 Unauthorized", ""));
    let program = repo.home().join("proxied-git");
    script(&program, &format!("export http_proxy={}\nexec git \"$@\"", proxy.address()));
    let source = repo.source_of(format!("{}/site.git", server.address())).git_program(&program);
    let source = source.credentials(credentials("bot", "s3cret")).build().unwrap();
    let error = source.resolve(&Cx::system()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error:?}");
    let heard = proxy.heard();
    assert!(heard.iter().any(|line| line.contains("/site.git/info/refs")), "{heard:?}");
    assert!(!heard.iter().any(|line| line.to_lowercase().contains("authorization")), "{heard:?}");
}

#[tokio::test]
async fn the_server_of_the_url_gets_the_token_when_it_asks() {
    let server = GitServer::answering("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"forge\"", "");
    let repo = Repo::empty();
    let source = repo.source_of(format!("{}/site.git", server.address()));
    let source = source.credentials(credentials("bot", "s3cret")).build().unwrap();
    source.resolve(&Cx::system()).await.unwrap_err();
    assert!(
        server.heard().iter().any(|line| line.starts_with("Authorization: Basic ")),
        "{:?}",
        server.heard()
    );
}

/// People met it as an old login in `~/.netrc` that worked, or did not, in the place of what was configured.
#[tokio::test]
async fn a_netrc_file_is_not_read() {
    let server = GitServer::answering("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"forge\"", "");
    let repo = Repo::empty();
    let (log, program) = (repo.home().join("home"), repo.home().join("homely-git"));
    script(&program, &format!("echo \"$HOME\" >> {}\nexec git \"$@\"", log.display()));
    let source =
        repo.source_of(format!("{}/site.git", server.address())).git_program(&program).build().unwrap();
    source.resolve(&Cx::system()).await.unwrap_err();
    let homes = std::fs::read_to_string(log).unwrap();
    assert_eq!(homes.lines().last(), Some("/dev/null"), "git looks for the file there");
    assert!(!server.heard().iter().any(|line| line.starts_with("Authorization")), "{:?}", server.heard());
}
