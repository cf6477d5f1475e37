//! A directory in a temporary folder, and short ways to say what is done to it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use gitops_core::backend::directory::{file_body, file_kind};
use gitops_core::{
    Applied, Change, Cx, Directory, Expect, Key, Live, Object, OwnerLabel, Provenance, Result, Scope, Target,
    Uid, Value, Version,
};

pub struct Yard {
    pub directory: Directory,
    pub folder: tempfile::TempDir,
}

impl Yard {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::open(folder.path().join("live"), "dir").unwrap();
        Self { directory, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.root().join(name)
    }

    pub fn put(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub async fn apply(&self, change: Change) -> Result<Applied> {
        self.directory.apply(&Cx::system(), &change).await
    }

    pub async fn try_live(&self, name: &str) -> Result<Option<Live>> {
        let scope = [key(name)].into_iter().collect::<Scope>();
        Ok(self.directory.observe(&Cx::system(), &scope).await?.pop())
    }

    /// Why a file can't be read; it must be there and unreadable.
    pub async fn unreadable(&self, name: &str) -> String {
        match self.live(name).await.map(|live| live.presence) {
            Some(gitops_core::Presence::Unreadable(refusal)) => refusal.reason,
            other => panic!("{name} should be unreadable and is {other:?}"),
        }
    }

    pub async fn live(&self, name: &str) -> Option<Live> {
        self.try_live(name).await.unwrap()
    }

    pub async fn expect(&self, name: &str) -> Expect {
        Expect::from(&self.live(name).await.expect("the file is there"))
    }

    /// Everything below the root: path, inode and content, sorted.
    pub fn all(&self) -> Vec<(String, u64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![self.directory.root().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let (path, meta) = (entry.path(), entry.metadata().unwrap());
                let name = path.strip_prefix(self.directory.root()).unwrap().display().to_string();
                let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                found.push((name, meta.ino(), content));
                if meta.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.sort();
        found
    }

    /// The names of everything below the root, sorted.
    pub fn names(&self) -> Vec<String> {
        self.all().into_iter().map(|(name, ..)| name).collect()
    }
}

pub fn key(name: &str) -> Key {
    Key::new("dir", file_kind(), "", name)
}

pub fn owner_label(owner: &str, op: &str) -> OwnerLabel {
    OwnerLabel { owner: owner.into(), op: op.into() }
}

pub fn object(name: &str, body: Value) -> Arc<Object> {
    let provenance = Provenance::new("test", "r1", name, 0);
    Arc::new(Object::new(key(name), body, provenance))
}

pub fn text(content: &str) -> Value {
    file_body(content.as_bytes(), false)
}

pub fn create(name: &str, content: &str, op: &str) -> Change {
    Change::Create {
        object: object(name, text(content)),
        owner_label: owner_label("shop", op),
        preview: None,
    }
}

pub fn update(name: &str, content: &str, expect: &Expect, op: &str) -> Change {
    Change::Update {
        object: object(name, text(content)),
        expect: expect.clone(),
        owner_label: owner_label("shop", op),
        preview: None,
    }
}

pub fn replace(name: &str, content: &str, expect: &Expect, op: &str) -> Change {
    Change::Replace {
        object: object(name, text(content)),
        expect: expect.clone(),
        owner_label: owner_label("shop", op),
        preview: None,
    }
}

pub fn delete(name: &str, expect: &Expect, op: &str) -> Change {
    Change::Delete {
        key: key(name),
        expect: expect.clone(),
        owner_label: owner_label("shop", op),
        preview: None,
    }
}

pub fn uid_of(applied: &Applied) -> (Uid, Version) {
    let (uid, version) = applied.state().expect("the object is present");
    (uid.clone(), version.clone())
}
