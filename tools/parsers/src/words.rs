//! Texts that people write.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use gitops_core::{Digest, Key, Number};

use crate::{texts, with_text};

/// What can be read and written is the same when it is read again.
fn comes_back<T>(bytes: &[u8])
where
    T: FromStr + Display + PartialEq + Debug,
    T::Err: Debug,
{
    with_text(bytes, |text| {
        if let Ok(value) = text.parse::<T>() {
            assert_eq!(value.to_string().parse::<T>().expect("what was written can be read"), value);
        }
    });
}

pub fn key(bytes: &[u8]) {
    comes_back::<Key>(bytes);
}

pub fn keys() -> Vec<Vec<u8>> {
    texts(&["k8s:Deployment.apps/shop/web", "dir:File/-/conf/app.toml"])
}

pub fn number(bytes: &[u8]) {
    comes_back::<Number>(bytes);
}

pub fn numbers() -> Vec<Vec<u8>> {
    texts(&["0", "-12", "3.25", "1e400", "-0.0", "18446744073709551616"])
}

pub fn digest(bytes: &[u8]) {
    comes_back::<Digest>(bytes);
}

pub fn digests() -> Vec<Vec<u8>> {
    vec![Digest::of(b"example").to_string().into_bytes()]
}
