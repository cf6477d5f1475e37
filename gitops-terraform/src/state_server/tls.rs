//! The server's connections: encrypted, under a certificate that is made for one opening of the door.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use gitops_core::{Cx, Error, ErrorKind, Result};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{Receiver, channel};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a connection may take to be agreed on.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long after a connection that could not be taken the next one is.
const AGAIN: Duration = Duration::from_millis(50);

/// How many agreed connections may wait.
const WAITING: usize = 64;

/// Agreed connections, each from this machine.
pub(super) struct Connections {
    address: SocketAddr,
    agreed: Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

/// A server's certificate, and the authority that vouches for it: nothing else does, and it vouches for nothing else.
pub(super) struct Identity {
    config: Arc<ServerConfig>,
    /// The authority, as the tool takes it.
    pub authority: String,
}

impl Identity {
    /// A new one, for this machine's own address.
    pub fn new() -> Result<Self> {
        Self::make().map_err(|error| {
            Error::new(ErrorKind::Internal, "no certificate could be made for the state server")
                .because(error)
        })
    }

    fn make() -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let certificate = authority.self_signed(&key)?;
        let pem = certificate.pem();
        let issuer = Issuer::new(authority, key);
        let mut server = CertificateParams::default();
        server.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        let key = KeyPair::generate()?;
        let certificate: CertificateDer<'static> = server.signed_by(&key, &issuer)?.der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        Ok(Self { config: Arc::new(config), authority: pem })
    }
}

impl Connections {
    /// Takes connections from a listener. One that is slow to agree keeps no other from it.
    pub fn of(cx: Cx, listener: TcpListener, identity: &Identity) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(identity.config.clone());
        let (send, agreed) = channel(WAITING);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    // Nobody takes them any more: the port is given back.
                    () = send.closed() => return,
                };
                let Ok((stream, peer)) = accepted else {
                    // Out of files, for example: that passes.
                    if cx.sleep(AGAIN).await.is_err() {
                        return;
                    }
                    continue;
                };
                let (acceptor, send, cx) = (acceptor.clone(), send.clone(), cx.within(HANDSHAKE));
                tokio::spawn(async move {
                    let agreed = cx.bounded(async { Ok(acceptor.accept(stream).await?) }).await;
                    if let Ok(stream) = agreed {
                        // Where nobody takes it any more, it is closed.
                        let _ = send.send((stream, peer)).await;
                    }
                });
            }
        });
        Ok(Self { address, agreed })
    }
}

impl Listener for Connections {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.agreed.recv().await {
            Some(agreed) => agreed,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
