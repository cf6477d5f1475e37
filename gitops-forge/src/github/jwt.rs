//! The proof of an app that it is the app.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gitops_core::{Error, ErrorKind, Result, Time};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;
use zeroize::Zeroizing;

use crate::fault::invalid;

/// How far back a proof begins, for a forge whose clock is behind.
const EARLIER: i64 = 60;

/// How long a proof is good; the forge takes ten minutes, by its own clock.
const LONG: i64 = 540;

/// A private RSA key out of a PEM file, as the forge gives it or as PKCS#8.
pub(super) fn key(pem: &[u8]) -> Result<RsaKeyPair> {
    let wrong = || {
        invalid("the app's private key can't be read")
            .help("give the whole PEM file that GitHub made for the app, an RSA key of 2,048 bits or more")
    };
    let key = match PrivateKeyDer::from_pem_slice(pem).map_err(|_| wrong())? {
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
        _ => return Err(wrong()),
    };
    key.map_err(|_| wrong())
}

/// A proof that is good from a minute ago until nine minutes from now.
pub(super) fn signed(key: &RsaKeyPair, app: &str, now: Time) -> Result<Zeroizing<String>> {
    let now = now.as_micros().div_euclid(1_000_000);
    let encoded = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encoded(json!({"alg": "RS256", "typ": "JWT"}));
    let claims = encoded(json!({"iat": now - EARLIER, "exp": now + LONG, "iss": app}));
    let said = format!("{head}.{claims}");
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), said.as_bytes(), &mut signature)
        .map_err(|_| Error::new(ErrorKind::Internal, "the app's private key can't sign"))?;
    Ok(Zeroizing::new(format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature))))
}
