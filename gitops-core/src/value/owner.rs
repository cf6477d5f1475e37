//! The id of an owner: the name of an application, and a random number that says which one.

/// How many digits the random number of an owner has.
const DIGITS: usize = 32;

/// Whether two labels name one owner. The random number identifies it; the name before it is for people, and moves when
/// the application is renamed. Labels without such a number are compared whole.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    one == other || number(one).is_some_and(|digits| number(other) == Some(digits))
}

/// The application that an owner's label names.
pub(crate) fn application(owner: &str) -> &str {
    owner.rsplit_once('/').map_or(owner, |(application, _)| application)
}

/// The label of the same owner for an application of another name.
pub(crate) fn renamed(owner: &str, application: &str) -> String {
    let rest = owner.rsplit_once('/').map_or(owner, |(_, rest)| rest);
    format!("{application}/{rest}")
}

fn number(owner: &str) -> Option<&str> {
    let (_, digits) = owner.rsplit_once('/')?;
    let fits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_renamed_application_is_the_same_owner_and_a_namesake_is_another() {
        let ours = format!("shop/{NUMBER}");
        assert!(is_same(&ours, &renamed(&ours, "store")));
        assert!(!is_same(&ours, &format!("shop/{}", NUMBER.replace('0', "1"))));
        assert_eq!(application(&renamed(&ours, "a/b")), "a/b");
    }

    #[test]
    fn a_label_without_a_number_is_compared_whole() {
        for (one, other) in [("shop/1", "other/1"), ("shop", "other"), ("a/", "b/"), (NUMBER, "x")] {
            assert!(!is_same(one, other), "{one} {other}");
        }
        assert!(is_same("shop", "shop"));
    }
}
