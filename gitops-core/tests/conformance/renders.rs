//! The kit for renderers: ours keeps the contract, and each check catches the renderer that is broken in just that.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gitops_core::backend::directory::FileRender;
use gitops_core::conformance::{self, RenderSubject, Report, all_checks};
use gitops_core::*;

use crate::broken::wrong;

#[tokio::test]
async fn the_renderer_of_files_keeps_the_contract() {
    let render = || async {
        let files = [("a.txt", "first"), ("folder/b", "second\nline"), ("empty", "")];
        Ok(RenderSubject::new("files", Arc::new(FileRender::new("dir")), files))
    };
    conformance::render(render).run().await.assert_passed();
}

/// One note for each other file, in capitals if the file `capitals` is there; with one fault.
struct Notes {
    fault: &'static str,
    calls: AtomicU64,
    rendering: AtomicU64,
    seen: Mutex<BTreeMap<String, bool>>,
}

impl Notes {
    fn is(&self, fault: &str) -> bool {
        self.fault == fault
    }

    /// Whether there is a file `capitals`; the fault is to remember it where nobody sees.
    fn capitals(&self, part: &Part<'_>) -> Result<bool, Vec<Diagnostic>> {
        let mut seen = self.seen.lock().unwrap();
        match seen.get(part.path()) {
            Some(capitals) if self.is("R03") => Ok(*capitals),
            _ => {
                let capitals = part.read("capitals")?.is_some();
                seen.insert(part.path().to_owned(), capitals);
                Ok(capitals)
            }
        }
    }

    fn note(&self, part: &Part<'_>, text: &str) -> Result<Vec<Object>, Vec<Diagnostic>> {
        let mut text = if self.capitals(part)? { text.to_uppercase() } else { text.to_owned() };
        let calls = self.calls.fetch_add(1, Ordering::SeqCst);
        let mut provenance = part.provenance(1);
        match self.fault {
            "R01" => text = format!("{text} {calls}"),
            "R04" => provenance.line = 99,
            "R05" if self.rendering.load(Ordering::SeqCst) > 1 => text.clear(),
            "R08" => text = format!("{text} {}", provenance.revision),
            _ => {}
        }
        let key = Key::new("notes", GroupKind::new("", "Note"), "", part.path());
        Ok(vec![Object::new(key, Value::from(text.as_str()), provenance)])
    }
}

impl Render for Notes {
    fn render(&self, _: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        self.rendering.fetch_add(1, Ordering::SeqCst);
        if self.is("R05") {
            std::thread::yield_now();
        }
        let bytes = part.bytes()?;
        assert!(!(self.is("R07") && bytes.starts_with(b"[[")), "too deep");
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(_) if self.is("R06") => {
                return Err(vec![Diagnostic::error("GO0000", "a file", "is no text")]);
            }
            Err(_) => return Err(vec![Diagnostic::error("GO0000", part.path(), "is no text")]),
        };
        let note = self.note(part, text);
        self.rendering.fetch_sub(1, Ordering::SeqCst);
        note
    }

    fn wants(&self, path: &str) -> bool {
        path != "capitals"
    }

    fn fingerprint(&self) -> Digest {
        let calls = if self.is("R02") { self.calls.load(Ordering::SeqCst) } else { 0 };
        Digest::of(&calls.to_le_bytes())
    }
}

async fn report_of(fault: &'static str) -> Report {
    let render = move || async move {
        let (calls, rendering, seen) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::default());
        let notes = Notes { fault, calls, rendering, seen };
        let files = [("a.note", "first"), ("b.note", "second"), ("capitals", "")];
        Ok(RenderSubject::new("model", Arc::new(notes), files).faulty("c.note", [0xff, 0xfe]))
    };
    conformance::render(render).seed(1).run().await
}

#[tokio::test]
async fn each_check_catches_the_renderer_that_is_broken_in_just_that() {
    report_of("").await.assert_passed();
    let mut faults = Vec::new();
    for (number, _) in all_checks().into_iter().filter(|(number, _)| number.starts_with('R')) {
        let also: &[&str] = match number {
            "R01" => &["R03", "R05", "R08"],
            "R08" => &["R03"],
            _ => &[],
        };
        faults.extend(wrong(&report_of(number).await, number, also));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
