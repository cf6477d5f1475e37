//! The program that a kubeconfig names for credentials, spoken to as client-go does.
//!
//! Source: the Kubernetes documentation of client-go credential plugins (`client.authentication.k8s.io`).

use std::fmt::Display;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use gitops_core::process::ProcessGroup;
use gitops_core::{Cx, Error, ErrorKind, Result};
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::credential::Credential;

/// How long the program may take. Nobody is there whom it could ask something.
const WALL: Duration = Duration::from_secs(60);

/// How much it may print, in bytes; what is beyond is no credential, and no complaint that anybody reads.
const OUTPUT: u64 = 1 << 20;

/// A credential plugin: a program, what it is given, and what it is told.
///
/// It gets the whole environment, as from `kubectl`, and no input. What it prints is never quoted, what it
/// complains of is.
pub(crate) struct Plugin {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    hint: Option<String>,
}

impl Plugin {
    /// # Errors
    /// `Invalid` for a form that no plugin has, `Unsupported` for one that wants to ask a person.
    pub fn of(exec: &ExecConfig) -> Result<Self> {
        let invalid = |what: &str| Error::new(ErrorKind::Invalid, format!("the kubeconfig's `exec` {what}"));
        let program = exec.command.clone().ok_or_else(|| invalid("names no `command`"))?;
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let error =
                Error::new(ErrorKind::Unsupported, format!("`{program}` asks a person for credentials"));
            return Err(error.help("use credentials that need nobody, such as a service account's token"));
        }
        let version = exec.api_version.clone().unwrap_or_default();
        if !matches!(&*version, "client.authentication.k8s.io/v1" | "client.authentication.k8s.io/v1beta1") {
            return Err(invalid("has another `apiVersion` than client.authentication.k8s.io/v1 or v1beta1"));
        }
        let pairs = exec.env.iter().flatten();
        let pairs = pairs.filter_map(|pair| Some((pair.get("name")?.clone(), pair.get("value")?.clone())));
        let info = json!({
            "apiVersion": version,
            "kind": "ExecCredential",
            "spec": { "interactive": false, "cluster": exec.cluster },
        });
        Ok(Self {
            program,
            arguments: exec.args.clone().unwrap_or_default(),
            environment: pairs.chain([("KUBERNETES_EXEC_INFO".to_owned(), info.to_string())]).collect(),
            hint: exec.install_hint.clone(),
        })
    }

    /// What the program answers, within the context's deadline and at most a minute.
    ///
    /// # Errors
    /// `Timeout`, `Cancelled`, or `Unauthenticated` with what the program complained of. Nothing was sent to
    /// the server, so the outcome is known.
    ///
    /// # Cancel safety
    /// Dropping the future kills the program and all that it started.
    pub async fn ask(&self, cx: &Cx) -> Result<Credential> {
        let asked = cx.within(WALL).bounded(async { Ok(self.run().await) }).await;
        let answer = asked.map_err(|error| match error.kind() {
            ErrorKind::Timeout => {
                let what = format!("`{}` gave no credentials in time", self.program);
                Error::new(ErrorKind::Timeout, what).outcome_known().help(self.by_hand())
            }
            _ => error.outcome_known(),
        })??;
        Credential::read(&answer).map_err(|what| self.failed(what, &self.by_hand()))
    }

    async fn run(&self) -> Result<Vec<u8>> {
        let mut child = self.start()?;
        let mut leash = ProcessGroup::led_by(child.id()).leash();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let read = async { tokio::try_join!(limited(stdout), limited(stderr), child.wait()) };
        let (printed, complaints, status) = read.await?;
        leash.ended();
        match status.success() {
            true => Ok(printed),
            false => Err(self.complained(status, &complaints)),
        }
    }

    fn start(&self) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command.spawn().map_err(|error| {
            let help = self.hint.as_deref().unwrap_or("install it, or use another kubeconfig");
            self.failed("could not be started", help).because(error)
        })
    }

    fn complained(&self, status: ExitStatus, complaints: &[u8]) -> Error {
        let complaints = String::from_utf8_lossy(complaints);
        match complaints.trim() {
            "" => self.failed(format_args!("failed ({status})"), &self.by_hand()),
            said => self.failed(format_args!("failed ({status})"), &format!("it said: {said}")),
        }
    }

    fn failed(&self, what: impl Display, help: &str) -> Error {
        let what = format!("`{}`, which the kubeconfig names for credentials, {what}", self.program);
        Error::new(ErrorKind::Unauthenticated, what).help(help)
    }

    fn by_hand(&self) -> String {
        format!("see what it does by hand: `{} {}`", self.program, self.arguments.join(" "))
    }
}

async fn limited(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(OUTPUT).read_to_end(&mut read).await?;
        // Read on, so that it can end.
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(read)
}
