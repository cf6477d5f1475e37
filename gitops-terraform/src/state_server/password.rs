use gitops_core::{Cx, Digest, Hasher, Key};
use zeroize::Zeroizing;

/// Makes the passwords of an open door: each is good for one run, one root and the name of one state.
pub(super) struct Passwords(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    /// Under a new key.
    pub fn new(cx: &Cx) -> Self {
        Self(Zeroizing::new(cx.random_bytes::<32>()))
    }

    /// The password of a run for the state of a root under a name.
    pub fn of(&self, name: &str, root: &Key, run: &str) -> String {
        let mut hasher = Hasher::new("gitops terraform state password 1");
        hasher.field(&self.0[..]).field(name).field(root.to_string()).field(run);
        hasher.finish().to_string()
    }

    /// Whether somebody knows it.
    pub fn fits(&self, given: &str, name: &str, root: &Key, run: &str) -> bool {
        // Digests are compared, so that the time that it takes says nothing of the password.
        Digest::of(given.as_bytes()) == Digest::of(self.of(name, root, run).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use gitops_core::GroupKind;

    use super::*;

    #[test]
    fn a_password_is_good_for_one_run_one_root_and_one_state() {
        let cx = Cx::system();
        let passwords = Passwords::new(&cx);
        let root = |name: &str| Key::new("tf", GroupKind::new("", "Root"), "", name);
        let given = passwords.of("state", &root("app"), "run");
        assert!(passwords.fits(&given, "state", &root("app"), "run"));
        assert!(!passwords.fits(&given, "other", &root("app"), "run"));
        assert!(!passwords.fits(&given, "state", &root("other"), "run"));
        assert!(!passwords.fits(&given, "state", &root("app"), "other"));
        assert!(
            !Passwords::new(&cx).fits(&given, "state", &root("app"), "run"),
            "another opening of the door"
        );
    }
}
