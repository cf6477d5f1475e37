use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A `git` that writes down each call and then does it.
pub struct CountedGit {
    log: PathBuf,
    pub program: PathBuf,
}

impl CountedGit {
    pub fn new(folder: &Path) -> Self {
        let (log, program) = (folder.join("calls"), folder.join("counted-git"));
        fs::write(&log, "").unwrap();
        script(&program, &format!("echo \"$@\" >> {}\nexec git \"$@\"", log.display()));
        Self { log, program }
    }

    /// The calls so far that have this word among their arguments.
    pub fn calls(&self, word: &str) -> usize {
        let text = fs::read_to_string(&self.log).unwrap();
        text.lines().filter(|line| line.split(' ').any(|argument| argument == word)).count()
    }

    /// All that was ever given as an argument.
    pub fn arguments(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// A `git` for which a repository of this machine sends some bytes and then nothing more, for ever.
pub struct StalledGit {
    pipe: PathBuf,
    pub program: PathBuf,
}

impl StalledGit {
    pub fn new(folder: &Path, bytes: usize) -> Self {
        let pipe = folder.join("stalled");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let send = format!(
            "git upload-pack \"$@\" | pass {bytes}\necho stalled > {}\nexec sleep 3600",
            pipe.display()
        );
        let program = with_sender(folder, &send);
        Self { pipe, program }
    }

    /// Returns once the sender has stalled.
    pub async fn stalled(&self) {
        let pipe = self.pipe.clone();
        tokio::task::spawn_blocking(move || fs::read_to_string(pipe)).await.unwrap().unwrap();
    }
}

/// A `git` for which a repository of this machine sends what these shell commands print; `pass N` hands on the next N
/// bytes, each at once.
pub fn with_sender(folder: &Path, commands: &str) -> PathBuf {
    let (sender, program) = (folder.join("sender"), folder.join("git-with-sender"));
    script(&sender, &format!("pass() {{ dd bs=1 count=$1 2> /dev/null; }}\n{commands}"));
    let insert = format!(
        "for word; do if [ \"$word\" = upload-pack ]; then serves=1; fi; last=$word; done\n\
         if [ \"$serves\" ]; then exec {} \"$last\"; fi\nexec git \"$@\"",
        sender.display()
    );
    script(&program, &insert);
    program
}

/// A program of these shell commands.
pub fn script(path: &Path, commands: &str) {
    fs::write(path, format!("#!/bin/sh\n{commands}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
