//! Faults in what somebody meant as a Secret.

use crate::support::{faults, render, renderer};

/// A tool for cluster configuration printed the line with the password, because the kind was mistyped.
#[test]
fn a_mistyped_secret_is_refused_and_no_value_is_quoted() {
    for text in [
        "kind: secret\napiVersion: v1\nmetadata: {name: a}\nstringData: {password: hunter2}\n",
        "kind: SECRET\napiVersion: v1\nmetadata: {name: a}\ndata: {password: hunter2}\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringdata: {password: hunter2}\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\nStringData:\n  password: hunter2\n",
        "kind: Secret\napiVersion: v1\nmetadata: {name: a}\npassword: hunter2\n",
        "apiVersion: v1\nkind: secret\nmetadata: {name: a}\nstringdata: {password: hunter2: x}\n",
        "apiVersion: v1\nmetadata: {name: a}\nstringdata:\n  password: \"hunter2\n",
        "kind secret\napiVersion: v1\nmetadata: {name: a}\nx: [hunter2\n",
        "{\"kind\": \"secret\", \"apiVersion\": \"v1\", \"data\": {\"password\": \"hunter2\" \"x\"}}",
        "\u{feff}kind: Secret\n\tdata: hunter2\n",
    ] {
        let found = render(renderer(), &[("a.yaml", text)]).unwrap_err();
        assert!(!format!("{found:?}").contains("hunter2"), "{text}: {found:?}");
    }
}

#[test]
fn the_way_out_of_a_mistyped_secret_is_told_and_a_reference_to_one_is_quoted() {
    let kind = faults("kind: secret\napiVersion: v1\nmetadata: {name: a}\n");
    assert!(kind.contains("must be written `Secret`"), "{kind}");
    let field = faults("kind: Secret\napiVersion: v1\nmetadata: {name: a}\nstringdata: {a: b}\n");
    assert!(field.contains("did you mean `stringData`?"), "{field}");
    let open =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: A_B}\nspec: {volumes: [{secret: {secretName: x}}]}\n";
    let open = open.replace("{secret: {secretName: x}}", "{projected: {secretName: x}}");
    let found = render(renderer(), &[("a.yaml", &open)]).unwrap_err();
    assert!(found[0].span.as_ref().unwrap().text.contains("A_B"), "{found:?}");
}
