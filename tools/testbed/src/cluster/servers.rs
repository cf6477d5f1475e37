//! The programs, started by a shell that outlives nobody.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// Takes a word a line: `kill` ends the API server, `start` starts it again on what etcd kept, `control` starts the
/// controllers by a script in the folder. As soon as its standard
/// input ends (when the test process is gone, however it went) it ends all of them and removes their folder; a signal to all of
/// the terminal's processes does not keep it from that.
const SHELL: &str = r#"
trap "" INT TERM HUP
start() {
  "$API_SERVER" --etcd-servers "http://127.0.0.1:$ETCD_PORT" --cert-dir "$FOLDER" --secure-port "$PORT" \
    --bind-address 127.0.0.1 --service-account-key-file "$FOLDER/accounts.key" \
    --service-account-signing-key-file "$FOLDER/accounts.key" \
    --service-account-issuer https://kubernetes.default.svc --token-auth-file "$FOLDER/tokens.csv" \
    --authorization-mode RBAC --service-cluster-ip-range 10.0.0.0/24 --disable-admission-plugins ServiceAccount \
    --audit-policy-file "$FOLDER/audit-policy.yaml" --audit-log-path "$FOLDER/audit.log" \
    >>"$FOLDER/api-server.log" 2>&1 </dev/null &
  server=$!
  echo $server >"$FOLDER/api-server.pid"
}
"$ETCD" --data-dir "$FOLDER/etcd" --listen-client-urls "http://127.0.0.1:$ETCD_PORT" \
  --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" --listen-peer-urls http://127.0.0.1:0 \
  --unsafe-no-fsync >"$FOLDER/etcd.log" 2>&1 </dev/null &
etcd=$!
others=
echo $etcd >"$FOLDER/etcd.pid"
start
while read -r word; do
  case $word in
    kill) kill -9 $server; wait $server ;;
    start) start ;;
    control) . "$FOLDER/controllers.sh" ;;
  esac
done
kill -9 $others $server $etcd
wait
rm -rf "$FOLDER"
"#;

/// The shell's ear. The servers run until it closes, which is when this process ends.
#[derive(Debug)]
pub(crate) struct Shell(Mutex<ChildStdin>);

impl Shell {
    pub fn say(&self, word: &str) {
        let mut ear = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(ear, "{word}").expect("the shell listens as long as this process lives");
    }
}

/// Starts both; they run until this process ends.
#[expect(clippy::zombie_processes, reason = "the shell ends with this process, not before")]
pub(crate) fn start(folder: &Path, port: u16) -> Shell {
    let mut shell = Command::new("sh");
    shell.args(["-c", SHELL]).stdin(Stdio::piped()).stdout(Stdio::null());
    shell.env("FOLDER", folder).env("PORT", port.to_string()).env("ETCD_PORT", free_port().to_string());
    shell.env("ETCD", program("ETCD", "etcd")).env("API_SERVER", program("KUBE_APISERVER", "kube-apiserver"));
    let mut child = shell.spawn().expect("`sh` starts");
    Shell(Mutex::new(child.stdin.take().expect("it is piped")))
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Where a program is: `GITOPS_NAME`, or the folder `KUBEBUILDER_ASSETS`.
pub(crate) fn program(variable: &str, name: &str) -> PathBuf {
    let assets = std::env::var_os("KUBEBUILDER_ASSETS").map(|folder| PathBuf::from(folder).join(name));
    let own = std::env::var_os(format!("GITOPS_{variable}")).map(PathBuf::from);
    let found = assets.or(own).filter(|path| path.is_file());
    found.unwrap_or_else(|| panic!("these tests need {name}: run `cargo xtask test`, which builds it"))
}
