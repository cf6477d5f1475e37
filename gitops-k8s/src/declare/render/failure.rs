use gitops_core::Diagnostic;

/// Why a program gave no manifests.
#[derive(Debug)]
pub(super) struct Failure {
    pub code: &'static str,
    pub message: String,
    pub help: String,
}

impl Failure {
    /// The program ran and failed.
    pub fn run(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: "GO0411", message: message.into(), help: help.into() }
    }

    /// The program is not there, or is too old.
    pub fn missing(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: "GO0412", message: message.into(), help: help.into() }
    }

    /// The input names something that is not in the repository.
    pub fn outside(message: impl Into<String>) -> Self {
        let help = "copy it into the repository: what is fetched when it is rendered differs from day to day";
        Self { code: "GO0413", message: message.into(), help: help.into() }
    }

    /// The failure as a fault of a file.
    pub fn of(self, path: &str) -> Vec<Diagnostic> {
        vec![Diagnostic::error(self.code, path, self.message).help(self.help)]
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::run(format!("the folder to render in can't be used: {error}"), "see whether the disk is full")
    }
}
