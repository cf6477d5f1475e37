//! Credentials that a program gives, kept as long as they last.

use std::time::Duration;

use gitops_core::{Cx, Error, Result, Time};
use http::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::plugin::Plugin;

/// So long before its end a credential is no longer used: requests take time, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

/// What a program answered.
pub(crate) struct Credential {
    /// What every request carries.
    pub bearer: Option<HeaderValue>,
    /// A client's certificate and its key, as PEM.
    pub certificate: Option<(String, String)>,
    expires: Option<Time>,
}

#[derive(Deserialize)]
struct Answer {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Credential {
    /// Reads an `ExecCredential` as JSON.
    ///
    /// # Errors
    /// What is wrong with it, in words that quote nothing of it.
    pub fn read(answer: &[u8]) -> Result<Self, String> {
        let answer: Answer = serde_json::from_slice(answer).map_err(|error| {
            format!("printed no ExecCredential, see line {}, column {}", error.line(), error.column())
        })?;
        let status = answer.status.ok_or("printed an ExecCredential without a status")?;
        let bearer = status.token.map(|token| HeaderValue::try_from(format!("Bearer {token}"))).transpose();
        let mut bearer = bearer.map_err(|_| "printed a token that no header can hold")?;
        bearer.iter_mut().for_each(|header| header.set_sensitive(true));
        let certificate = status.client_certificate_data.zip(status.client_key_data);
        if bearer.is_none() && certificate.is_none() {
            return Err("printed neither a token nor a certificate with its key".to_owned());
        }
        let expires = status.expiration_timestamp.as_deref().map(time).transpose()?;
        Ok(Self { bearer, certificate, expires })
    }

    fn is_good(&self, now: Time) -> bool {
        self.expires.is_none_or(|end| now.after(MARGIN) < end)
    }
}

fn time(text: &str) -> Result<Time, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| "printed an expirationTimestamp that is no time")?;
    Ok(Time::from_micros(time.as_microsecond()))
}

/// The credential in use, and the program that gives the next one.
pub(crate) struct Credentials {
    plugin: Plugin,
    held: Mutex<Option<Credential>>,
}

impl Credentials {
    /// Credentials of which the first were just given.
    pub fn new(plugin: Plugin, first: Credential) -> Self {
        Self { plugin, held: Mutex::new(Some(first)) }
    }

    /// What a request is to carry now.
    ///
    /// # Errors
    /// Those of the program, which runs if what it gave has run out or was refused.
    ///
    /// # Cancel safety
    /// Dropping the future may stop the program; the next call starts it again.
    pub async fn bearer(&self, cx: &Cx) -> Result<Option<HeaderValue>> {
        let held = cx.bounded(async { Ok(self.held.lock().await) }).await;
        let mut held = held.map_err(Error::outcome_known)?;
        if let Some(credential) = held.as_ref().filter(|held| held.is_good(cx.now())) {
            return Ok(credential.bearer.clone());
        }
        let given = self.plugin.ask(cx).await?;
        Ok(held.insert(given).bearer.clone())
    }

    /// The server takes this no longer: the next call gets another.
    pub async fn refused(&self, bearer: Option<&HeaderValue>) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.bearer.as_ref() == bearer) {
            *held = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(answer: &str) -> String {
        Credential::read(answer.as_bytes()).err().unwrap()
    }

    #[test]
    fn a_token_is_used_until_a_minute_before_its_end() {
        let answer = r#"{"status": {"token": "t", "expirationTimestamp": "1970-01-01T00:10:00Z"}}"#;
        let credential = Credential::read(answer.as_bytes()).unwrap();
        let at = |seconds: i64| credential.is_good(Time::from_micros(seconds * 1_000_000));
        assert!(at(539) && !at(540) && !at(601));
        assert_eq!(credential.bearer.as_ref().unwrap(), "Bearer t");
        assert_eq!(format!("{:?}", credential.bearer), "Some(Sensitive)");
    }

    #[test]
    fn what_is_no_credential_is_told_without_quoting_it() {
        for (answer, says) in [
            ("hunter2", "line 1, column 1"),
            (r#"{"status": "hunter2"}"#, "line 1, column"),
            ("{}", "without a status"),
            (r#"{"status": {}}"#, "neither a token"),
            (r#"{"status": {"clientCertificateData": "hunter2"}}"#, "neither a token"),
            (r#"{"status": {"token": "hunter2\n"}}"#, "no header"),
            (r#"{"status": {"token": "t", "expirationTimestamp": "hunter2"}}"#, "no time"),
        ] {
            let fault = fault(answer);
            assert!(fault.contains(says) && !fault.contains("hunter2"), "{answer}: {fault}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_printed_panics(answer: Vec<u8>) {
            let _ = Credential::read(&answer);
        }
    }
}
