//! Whose signature a commit carries: verified in this process, against a list of people and their keys.

mod allowed;
mod ssh;
mod wire;

pub use allowed::Signers;

use gitops_core::Signer;

/// The person who signed a commit: nothing if nobody did, if the key is not one of theirs, or if the signature is not over
/// exactly this commit. `data` is the commit as Git stores it.
pub(crate) fn signer(data: &[u8], signers: &Signers) -> Option<Signer> {
    let (payload, signature) = split(data)?;
    ssh::verify(&signature, &payload, signers)
}

const HEADER: &[u8] = b"gpgsig";

/// What was signed, and the signature. A commit with several signatures has none: which of them counts would be in doubt.
fn split(data: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let end = data.windows(2).position(|two| two == b"\n\n")? + 1;
    let (headers, message) = data.split_at(end);
    let (mut payload, mut signature) = (Vec::with_capacity(data.len()), None::<Vec<u8>>);
    let mut is_signature = false;
    for line in headers.split_inclusive(|byte| *byte == b'\n') {
        let more = line.strip_prefix(b" ");
        match (more, line.strip_prefix(HEADER), &mut signature) {
            (Some(more), _, Some(signature)) if is_signature => signature.extend_from_slice(more),
            (None, Some(first), None) => {
                signature = Some(first.strip_prefix(b" ")?.to_vec());
                is_signature = true;
            }
            (None, Some(_), Some(_)) => return None,
            _ => {
                is_signature = false;
                payload.extend_from_slice(line);
            }
        }
    }
    payload.extend_from_slice(message);
    Some((payload, signature?))
}

#[cfg(test)]
mod tests {
    use super::split;

    fn parts(data: &str) -> Option<(String, String)> {
        let text = |bytes| String::from_utf8(bytes).expect("it was text");
        split(data.as_bytes()).map(|(payload, signature)| (text(payload), text(signature)))
    }

    #[test]
    fn a_signature_is_taken_out_whole_and_nothing_else_is() {
        let data =
            "tree 1\nauthor a\ngpgsig -----BEGIN\n one\n \n -----END\nencoding x\n y\n\nThe\n\ngpgsig text\n";
        let payload = "tree 1\nauthor a\nencoding x\n y\n\nThe\n\ngpgsig text\n";
        assert_eq!(parts(data), Some((payload.to_owned(), "-----BEGIN\none\n\n-----END\n".to_owned())));
    }

    #[test]
    fn a_commit_without_a_signature_or_with_two_has_no_signer() {
        for data in [
            "tree 1\n\ntext\n",
            "tree 1\ngpgsig a\ngpgsig b\n\ntext\n",
            "tree 1\ngpgsig a\ngpgsig-sha256 b\n\ntext\n",
            "tree 1\ngpgsig-sha256 b\n\ntext\n",
            "tree 1",
        ] {
            assert_eq!(parts(data), None, "{data}");
        }
    }
}
