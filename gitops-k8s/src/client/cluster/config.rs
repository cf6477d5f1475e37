//! From a kubeconfig to a client's configuration, refusing what would run programs or trust anybody.

use std::path::PathBuf;
use std::{env, fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitops_core::{Cx, Error, ErrorKind, Result};
use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::Connection;
use super::credential::Credentials;
use super::plugin::Plugin;

/// Where the configuration comes from.
#[derive(Clone)]
pub(super) enum Origin {
    Text(String),
    File(PathBuf),
    InCluster,
    Environment,
}

/// A kubeconfig's text holds credentials and is never shown.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(sensitive)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::InCluster => f.write_str("InCluster"),
            Self::Environment => f.write_str("Environment"),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) | Self::InCluster => f.write_str("the kubeconfig"),
            Self::File(path) => write!(f, "the kubeconfig {}", path.display()),
            Self::Environment => f.write_str("the kubeconfig of KUBECONFIG or ~/.kube/config"),
        }
    }
}

pub(super) async fn load(origin: &Origin, connection: &Connection) -> Result<Config> {
    let mut config = match origin {
        Origin::InCluster => in_cluster()?,
        Origin::Text(text) => of_kubeconfig(origin, connection, Kubeconfig::from_yaml(text)).await?,
        Origin::File(path) => of_kubeconfig(origin, connection, Kubeconfig::read_from(path)).await?,
        Origin::Environment => match Kubeconfig::read() {
            Err(error) if is_in_a_pod_without(&error) => in_cluster()?,
            read => of_kubeconfig(origin, connection, read).await?,
        },
    };
    refuse(&config, connection)?;
    // Retries are the engine's: under its deadline, and never of a write whose outcome is unknown.
    config.default_retry = false;
    config.headers.push((USER_AGENT, agent(&connection.agent)?));
    identify(&mut config, connection)?;
    Ok(config)
}

/// The kubeconfigs of an origin, also those that are not there, and what they name as files.
pub(super) fn files(origin: &Origin) -> Vec<PathBuf> {
    let kubeconfigs = match origin {
        Origin::Text(_) | Origin::InCluster => Vec::new(),
        Origin::File(path) => vec![path.clone()],
        Origin::Environment => match env::var_os("KUBECONFIG") {
            Some(paths) => env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()).collect(),
            None => env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect(),
        },
    };
    let named = kubeconfigs.iter().filter_map(|path| Kubeconfig::read_from(path).ok()).flat_map(|config| {
        let of_clusters =
            config.clusters.into_iter().filter_map(|named| named.cluster?.certificate_authority);
        let of_people = config.auth_infos.into_iter().filter_map(|named| named.auth_info);
        let of_people = of_people.flat_map(|auth| [auth.client_certificate, auth.client_key]).flatten();
        of_clusters.chain(of_people).map(PathBuf::from).collect::<Vec<_>>()
    });
    let named: Vec<PathBuf> = named.collect();
    kubeconfigs.into_iter().chain(named).collect()
}

fn in_cluster() -> Result<Config> {
    Config::incluster().map_err(|error| {
        Error::new(ErrorKind::Invalid, "this does not run in a pod with a service account")
            .because(error)
            .help("give a kubeconfig")
    })
}

/// Whether no kubeconfig was named or found, and this is a pod: then its service account counts, as for `kubectl`.
fn is_in_a_pod_without(error: &KubeconfigError) -> bool {
    let is_absent = match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    };
    is_absent && env::var_os("KUBECONFIG").is_none() && env::var_os("KUBERNETES_SERVICE_HOST").is_some()
}

async fn of_kubeconfig(
    origin: &Origin,
    connection: &Connection,
    kubeconfig: Result<Kubeconfig, KubeconfigError>,
) -> Result<Config> {
    let options = KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    let kubeconfig = kubeconfig.map_err(|error| unusable(origin, &error))?;
    if let Some(wanted) = &connection.context {
        has_context(origin, &kubeconfig, wanted)?;
    }
    Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(origin, &error))
}

fn has_context(origin: &Origin, kubeconfig: &Kubeconfig, wanted: &str) -> Result<()> {
    let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| &*context.name).collect();
    match names.contains(&wanted) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Invalid, format!("{origin} has no context `{wanted}`"))
            .help(format!("it has: {}", names.join(", ")))),
    }
}

/// The error of the YAML reader quotes the file, which holds credentials: only its place is shown.
fn unusable(origin: &Origin, error: &KubeconfigError) -> Error {
    let what = match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(place) => format!("not the YAML of a kubeconfig, near line {}", place.line()),
            None => "not the YAML of a kubeconfig".to_owned(),
        },
        KubeconfigError::FindPath => "neither KUBECONFIG nor ~/.kube/config is there".to_owned(),
        KubeconfigError::ParseCertificates(_) => "a certificate in it is damaged".to_owned(),
        other => other.to_string(),
    };
    Error::new(ErrorKind::Invalid, format!("{origin} can't be used: {what}"))
        .help("try it with `kubectl --kubeconfig FILE cluster-info`")
}

fn refuse(config: &Config, connection: &Connection) -> Result<()> {
    let auth = &config.auth_info;
    if auth.auth_provider.as_ref().is_some_and(|provider| provider.name != "oidc") {
        let what = "the kubeconfig names an `auth-provider`, which kubectl 1.26 did away with";
        return Err(Error::new(ErrorKind::Unsupported, what).help("name the provider's program by `exec`"));
    }
    if auth.exec.is_some() && !connection.allow_exec {
        return Err(denied("the kubeconfig names a program to run for credentials", "allow_exec"));
    }
    let host = config.cluster_url.host().unwrap_or_default();
    let is_near = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    let is_plain = config.cluster_url.scheme_str() == Some("http") && !is_near;
    if (config.accept_invalid_certs || is_plain) && !connection.allow_insecure {
        return Err(denied("the kubeconfig trusts any server that answers", "allow_insecure"));
    }
    Ok(())
}

fn denied(what: &str, switch: &str) -> Error {
    Error::new(ErrorKind::Denied, format!("{what}; that is refused"))
        .help(format!("use another kubeconfig; or, if you trust it, allow it: `{switch}`"))
}

/// What the kubeconfig's program gives, where it names one and nothing else. A certificate becomes a part of the
/// configuration.
pub(super) async fn credentials(cx: &Cx, config: &mut Config) -> Result<Option<Credentials>> {
    let auth = &mut config.auth_info;
    let exec = auth.exec.take();
    let is_known = auth.token.is_some() || auth.token_file.is_some() || auth.username.is_some();
    let Some(exec) = exec.filter(|_| !is_known) else { return Ok(None) };
    let plugin = Plugin::of(&exec)?;
    let mut first = plugin.ask(cx).await?;
    if let Some((certificate, key)) = first.certificate.take() {
        auth.client_certificate_data = Some(STANDARD.encode(certificate));
        auth.client_key_data = Some(STANDARD.encode(key).into());
    }
    Ok(first.bearer.is_some().then(|| Credentials::new(plugin, first)))
}

fn agent(agent: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(agent)
        .map_err(|_| Error::new(ErrorKind::Invalid, "the user agent holds characters that no header may"))
}

/// An identity to act as is never empty: an empty header would mean the caller's own rights.
fn identify(config: &mut Config, connection: &Connection) -> Result<()> {
    let Some(user) = &connection.impersonate else {
        return match connection.groups.is_empty() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Invalid, "groups to act as, but no user")),
        };
    };
    if user.trim().is_empty() || connection.groups.iter().any(|group| group.trim().is_empty()) {
        return Err(Error::new(ErrorKind::Invalid, "the name to act as is empty")
            .help("name a user, such as `system:serviceaccount:NAMESPACE:NAME`"));
    }
    config.auth_info.impersonate = Some(user.clone());
    config.auth_info.impersonate_groups = Some(connection.groups.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::config::ExecConfig;

    fn config(answer: &str) -> Config {
        let mut config = Config::new("https://a.example".parse().unwrap());
        config.auth_info.exec = Some(ExecConfig {
            api_version: Some("client.authentication.k8s.io/v1".to_owned()),
            command: Some("echo".to_owned()),
            args: Some(vec![answer.to_owned()]),
            ..ExecConfig::default()
        });
        config
    }

    #[tokio::test]
    async fn a_certificate_that_a_program_gives_is_the_connections() {
        let mut config = config(r#"{"status": {"clientCertificateData": "PEM", "clientKeyData": "KEY"}}"#);
        assert!(credentials(&Cx::system(), &mut config).await.unwrap().is_none());
        assert_eq!(config.auth_info.client_certificate_data.as_deref(), Some("UEVN"));
        assert!(config.auth_info.client_key_data.is_some());
    }

    #[tokio::test]
    async fn a_token_of_the_kubeconfig_needs_no_program() {
        let mut config = config("no credential");
        assert!(credentials(&Cx::system(), &mut config).await.is_err());
        let mut config = self::config("no credential");
        config.auth_info.token = Some("t".to_owned().into());
        assert!(credentials(&Cx::system(), &mut config).await.unwrap().is_none());
    }
}
