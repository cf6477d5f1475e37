//! A web server for repositories, as `git http-backend` serves them, or one that answers every request in the same way.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A web server on loopback; it ends with the process.
pub struct GitServer {
    address: SocketAddr,
    authority: Option<String>,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The folder with the repositories; nothing if there is only ever one answer.
    folder: Option<PathBuf>,
    /// What is answered to everything.
    instead: Mutex<Option<String>>,
    heard: Mutex<Vec<String>>,
    sent: AtomicU64,
}

impl GitServer {
    /// Answers everything with this status line and headers, and this body.
    pub fn answering(status: &str, body: &str) -> Self {
        let server = Self::start(None, None);
        server.answer_instead(status, body);
        server
    }

    /// Serves the repositories below a folder, over plain HTTP.
    pub fn serving(folder: &Path) -> Self {
        Self::start(Some(folder.to_owned()), None)
    }

    /// The same over TLS, with a certificate of an authority of its own that nobody else knows.
    pub fn serving_over_tls(folder: &Path) -> Self {
        let (config, authority) = identity();
        let mut server = Self::start(Some(folder.to_owned()), Some(config));
        server.authority = Some(authority);
        server
    }

    fn start(folder: Option<PathBuf>, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner { folder, ..Inner::default() });
        let shared = inner.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (inner, tls, connection) = (shared.clone(), tls.clone(), connection.unwrap());
                std::thread::spawn(move || match tls {
                    Some(config) => {
                        let session = ServerConnection::new(config).unwrap();
                        serve(&mut StreamOwned::new(session, connection), &inner);
                    }
                    None => serve(&mut { connection }, &inner),
                });
            }
        });
        Self { address, authority: None, inner }
    }

    /// The address, without a path.
    pub fn address(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// The certificate of the authority, as PEM; only over TLS.
    pub fn authority(&self) -> &str {
        self.authority.as_deref().expect("the server speaks TLS")
    }

    /// From now on everything is answered with this.
    pub fn answer_instead(&self, status: &str, body: &str) {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        *self.inner.instead.lock().unwrap() = Some(answer);
    }

    /// From now on the repositories are served again.
    pub fn serve_again(&self) {
        *self.inner.instead.lock().unwrap() = None;
    }

    /// All lines of all requests so far.
    pub fn heard(&self) -> Vec<String> {
        self.inner.heard.lock().unwrap().clone()
    }

    /// How many bytes were answered so far.
    pub fn sent(&self) -> u64 {
        self.inner.sent.load(Ordering::SeqCst)
    }
}

trait Connection: Read + Write {
    /// Says that nothing more comes.
    fn finish(&mut self) {}
}

impl Connection for TcpStream {}

impl Connection for StreamOwned<ServerConnection, TcpStream> {
    fn finish(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }
}

/// One request. Whoever asked may be gone before the answer, or not agree on the certificate.
fn serve(connection: &mut dyn Connection, inner: &Inner) {
    let mut reader = BufReader::new(&mut *connection);
    let (mut lines, mut line) = (Vec::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        lines.push(std::mem::take(&mut line).trim().to_owned());
    }
    let mut body = vec![0; header(&lines, "content-length").parse().unwrap_or(0)];
    if lines.is_empty() || reader.read_exact(&mut body).is_err() {
        return;
    }
    drop(reader);
    inner.heard.lock().unwrap().extend(lines.iter().cloned());
    let instead = inner.instead.lock().unwrap().clone();
    let answer = match (instead, &inner.folder) {
        (Some(answer), _) => answer.into_bytes(),
        (None, Some(folder)) => backend(folder, &lines, &body),
        (None, None) => return,
    };
    inner.sent.fetch_add(answer.len() as u64, Ordering::SeqCst);
    let _ = connection.write_all(&answer).and_then(|()| connection.flush());
    connection.finish();
}

fn header(lines: &[String], name: &str) -> String {
    let name = format!("{name}: ");
    let found = lines.iter().find(|line| line.to_lowercase().starts_with(&name));
    found.map(|line| line[name.len()..].to_owned()).unwrap_or_default()
}

/// One request through `git http-backend`.
fn backend(folder: &Path, lines: &[String], body: &[u8]) -> Vec<u8> {
    let mut words = lines[0].split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut git = Command::new("git");
    git.arg("http-backend").env("GIT_PROJECT_ROOT", folder).env("GIT_HTTP_EXPORT_ALL", "1");
    git.envs([("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query)]);
    git.env("CONTENT_TYPE", header(lines, "content-type")).env("GIT_PROTOCOL", header(lines, "git-protocol"));
    git.env("HTTP_CONTENT_ENCODING", header(lines, "content-encoding"));
    git.env("CONTENT_LENGTH", body.len().to_string()).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let mut git = git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // A backend that refuses the request does not read it.
    let _ = git.stdin.take().unwrap().write_all(body);
    let output = git.wait_with_output().unwrap().stdout;
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", &output[..]].concat()
}

/// A certificate for loopback, and the authority that vouches for it.
fn identity() -> (Arc<ServerConfig>, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let mut server = CertificateParams::default();
    server.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
    let key = KeyPair::generate().unwrap();
    let certificate: CertificateDer<'static> = server.signed_by(&key, &issuer).unwrap().der().clone();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    (Arc::new(config), pem)
}
