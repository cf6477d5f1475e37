//! Signatures of SSH keys (PROTOCOL.sshsig of OpenSSH).

use gitops_core::Signer;
use ring::digest::{SHA256, SHA512, digest};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};

use super::allowed::Signers;
use super::wire::{Wire, decode, put};

const MAGIC: &[u8] = b"SSHSIG";
const BEGIN: &[u8] = b"-----BEGIN SSH SIGNATURE-----";
const END: &[u8] = b"-----END SSH SIGNATURE-----";

/// What signatures of commits are for; one that was made for something else does not count.
const NAMESPACE: &[u8] = b"git";

/// Whoever signed holds the key and touched it.
const PRESENT: u8 = 1;

/// The person whose key signed exactly this payload.
pub(super) fn verify(armoured: &[u8], payload: &[u8], signers: &Signers) -> Option<Signer> {
    let blob = decode(&bare(armoured)?)?;
    let mut wire = Wire(&blob);
    let is_known = wire.take(MAGIC.len())? == MAGIC && wire.number()? == 1;
    let (key, namespace, reserved) = (wire.text()?, wire.text()?, wire.text()?);
    let (hash, signature) = (wire.text()?, wire.text()?);
    if !is_known || namespace != NAMESPACE || !wire.is_over() {
        return None;
    }
    let hashed = match hash {
        b"sha256" => digest(&SHA256, payload),
        b"sha512" => digest(&SHA512, payload),
        _ => return None,
    };
    let mut signed = MAGIC.to_vec();
    [namespace, reserved, hash, hashed.as_ref()].iter().for_each(|part| put(&mut signed, part));
    let person = signers.find(key)?;
    holds(key, signature, &signed)?.then_some(person)
}

/// What stands between the lines of the armour, without white space.
fn bare(armoured: &[u8]) -> Option<Vec<u8>> {
    let inner = armoured.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(END)?;
    Some(inner.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect())
}

/// Whether a signature is one of this key over these bytes; nothing for what can't be read.
fn holds(key: &[u8], signature: &[u8], signed: &[u8]) -> Option<bool> {
    let (mut key, mut wire) = (Wire(key), Wire(signature));
    let (kind, how, made) = (key.text()?, wire.text()?, wire.text()?);
    let holds = match kind {
        b"ssh-ed25519" if how == kind => is_of(&ED25519, key.text()?, signed, made),
        b"sk-ssh-ed25519@openssh.com" if how == kind => {
            let point = key.text()?;
            is_of(&ED25519, point, &touched(&mut key, &mut wire, signed)?, made)
        }
        b"ecdsa-sha2-nistp256" if how == kind => {
            is_of(&ECDSA_P256_SHA256_FIXED, point(&mut key)?, signed, &fixed(made, 32)?)
        }
        b"ecdsa-sha2-nistp384" if how == kind => {
            is_of(&ECDSA_P384_SHA384_FIXED, point(&mut key)?, signed, &fixed(made, 48)?)
        }
        b"sk-ecdsa-sha2-nistp256@openssh.com" if how == kind => {
            let point = point(&mut key)?;
            let signed = touched(&mut key, &mut wire, signed)?;
            is_of(&ECDSA_P256_SHA256_FIXED, point, &signed, &fixed(made, 32)?)
        }
        b"ssh-rsa" => {
            let parameters = match how {
                b"rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
                b"rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                _ => return None,
            };
            is_of_rsa(parameters, &mut key, signed, made)?
        }
        _ => return None,
    };
    Some(holds && key.is_over() && wire.is_over())
}

fn is_of(how: &'static dyn VerificationAlgorithm, key: &[u8], signed: &[u8], made: &[u8]) -> bool {
    UnparsedPublicKey::new(how, key).verify(signed, made).is_ok()
}

fn is_of_rsa(how: &'static RsaParameters, key: &mut Wire<'_>, signed: &[u8], made: &[u8]) -> Option<bool> {
    let (exponent, modulus) = (key.unsigned()?, key.unsigned()?);
    // A signature that begins with zeros may come without them.
    let made = padded(made, modulus.len())?;
    let key = RsaPublicKeyComponents { n: modulus, e: exponent };
    Some(key.verify(how, signed, &made).is_ok())
}

/// The point of an elliptic key, behind the name of its curve, which its kind has too.
fn point<'a>(key: &mut Wire<'a>) -> Option<&'a [u8]> {
    key.text()?;
    key.text()
}

/// Two numbers of this many bytes, as they are verified.
fn fixed(made: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let mut wire = Wire(made);
    let (r, s) = (wire.unsigned()?, wire.unsigned()?);
    let both = [padded(r, bytes)?, padded(s, bytes)?].concat();
    wire.is_over().then_some(both)
}

fn padded(number: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let zeros = bytes.checked_sub(number.len())?;
    Some([vec![0; zeros].as_slice(), number].concat())
}

/// What a security key signs: where it was made for, that somebody touched it, how often it was used, and the bytes.
fn touched(key: &mut Wire<'_>, wire: &mut Wire<'_>, signed: &[u8]) -> Option<Vec<u8>> {
    let application = key.text()?;
    let (flags, counter) = (wire.take(1)?, wire.take(4)?);
    if flags[0] & PRESENT == 0 {
        return None;
    }
    let (application, signed) = (digest(&SHA256, application), digest(&SHA256, signed));
    Some([application.as_ref(), flags, counter, signed.as_ref()].concat())
}
