//! Faults without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use gitops_core::{Cx, Diagnostic, Digest, ErrorKind, Object, Part, Render, Renderer};

use crate::support::{renderer, snapshot};

const FILES: usize = 200;

fn files(text: &str) -> Vec<(String, String)> {
    (0..FILES).map(|number| (format!("f{number:03}.yaml"), text.to_owned())).collect()
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

/// Met with 16,000 nested lists: half a minute, and megabytes of faults in the log of every reconciliation.
#[test]
fn of_faults_without_end_as_many_are_shown_as_somebody_may_read() {
    let nested = "[".repeat(16_000);
    let long = format!("\"{}\": [", "k".repeat(900));
    for text in [nested.as_str(), &format!("{long}\n---\n").repeat(100)] {
        let files = files(text);
        let rendered =
            Renderer::new(Arc::new(renderer())).render(&Cx::system(), &snapshot(&borrowed(&files)));
        let error = rendered.unwrap_err();
        let shown = error.diagnostics();
        assert!((1..=100).contains(&shown.len()), "{} faults", shown.len());
        assert!(error.message().contains("faults, of which"), "{}", error.message());
        let bytes: usize = shown.iter().map(|fault| fault.to_string().len()).sum();
        assert!(bytes <= 512 << 10, "{bytes} bytes");
    }
}

/// Somebody asks to stop while the third file is read.
struct Stopped {
    cx: Cx,
    begun: AtomicUsize,
}

impl Render for Stopped {
    fn render(&self, cx: &Cx, part: &Part<'_>) -> Result<Vec<Object>, Vec<Diagnostic>> {
        if self.begun.fetch_add(1, SeqCst) == 2 {
            self.cx.cancel();
        }
        renderer().render(cx, part)
    }

    fn fingerprint(&self) -> Digest {
        Digest::of(b"stopped")
    }
}

/// Met with a controller that its signal did not end: it was finding faults.
#[test]
fn who_asks_to_stop_is_heard_between_two_faults() {
    let cx = Cx::system().child();
    let render = Arc::new(Stopped { cx: cx.clone(), begun: AtomicUsize::new(0) });
    let files = files(&"[".repeat(16_000));
    let error = Renderer::new(render.clone()).render(&cx, &snapshot(&borrowed(&files))).unwrap_err();
    assert_eq!((error.kind(), error.diagnostics().len()), (ErrorKind::Cancelled, 0));
    assert_eq!(render.begun.load(SeqCst), 3, "no other file is begun");
}
