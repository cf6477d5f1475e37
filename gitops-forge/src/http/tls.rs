//! Whose certificates are believed.

use std::sync::Arc;

use gitops_core::{Error, ErrorKind, Result};
use rustls::ClientConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::fault::invalid;

/// The machine's own authorities, and further ones.
pub(crate) fn config(authorities: &[Vec<u8>]) -> Result<ClientConfig> {
    let provider = Arc::new(default_provider());
    let mut extra = Vec::new();
    for pem in authorities {
        extra.extend(certificates(pem)?);
    }
    let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(unusable)?;
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // The verifier is the machine's own one; the name of the method speaks of what a verifier could be.
    let builder = versions.map_err(unusable)?.dangerous();
    Ok(builder.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(invalid("a certificate authority is not a certificate in PEM form")),
    }
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(ErrorKind::Invalid, "the certificate authorities of this machine can't be used")
        .because(error)
        .help("install the system's package of certificate authorities, often called `ca-certificates`")
}

/// No authority at all: for what is never encrypted.
pub(crate) fn nobody() -> ClientConfig {
    let versions = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions();
    let builder = versions.expect("the provider has the versions that it is made with");
    builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}
