use gitops_core::Diagnostic;

/// What is wrong with a file of a root at a path below it, if anything is: it would change what the tool does without showing
/// it.
pub(super) fn check(path: &str) -> Option<Diagnostic> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let refuse = |message: &str, help: &str| {
        Some(Diagnostic::error("GO0502", path, message.to_owned()).help(help.to_owned()))
    };
    if path.split('/').any(|part| part == ".terraform" || part == "terraform.d") {
        return refuse(
            "the tool would run or trust what lies in this folder without being asked",
            "remove the folder from the source; providers come from a mirror or a registry",
        );
    }
    if is_state(name) {
        return refuse(
            "a state or a saved plan in the source would be taken for the real one",
            "remove the file from the source, and make the secrets in it invalid: it holds them in clear",
        );
    }
    if is_override(name) {
        return refuse(
            "an override file changes other files without a trace in them",
            "write the change into the file itself",
        );
    }
    None
}

fn is_state(name: &str) -> bool {
    [".tfstate", ".tfstate.backup", ".tfplan", ".tfstate.lock.info"].iter().any(|end| name.ends_with(end))
}

fn is_override(name: &str) -> bool {
    let stem = name.strip_suffix(".tf.json").or_else(|| name.strip_suffix(".tf"));
    let stem = stem.or_else(|| name.strip_suffix(".tofu.json")).or_else(|| name.strip_suffix(".tofu"));
    stem.is_some_and(|stem| stem == "override" || stem.ends_with("_override"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_in_secret_is_refused_and_says_what_to_do() {
        let hostile = [
            "a/.terraform/environment",
            "a/terraform.d/plugins/x/terraform-provider-x",
            "a/override.tf",
            "a/net_override.tf.json",
            "a/override.tofu",
            "a/terraform.tfstate",
            "a/errored.tfstate",
            "a/.terraform.tfstate.lock.info",
        ];
        for path in hostile {
            let fault = check(path).unwrap_or_else(|| panic!("{path} is not refused"));
            assert!(fault.help.is_some() && fault.path == path);
        }
        for path in ["a/main.tf", "a/.terraform.lock.hcl", "a/prod.auto.tfvars", "a/overrides.tf"] {
            assert_eq!(check(path), None);
        }
    }
}
