//! An identity that may read and dry-run, and nothing else.

use gitops_core::{Error, ErrorKind, Result};
use serde_json::{Value as Json, json};

/// What every cluster has: the groups of the built-in kinds, but for that of admission. Whoever may write there writes its own
/// leave, and the server asks no policy about it.
const GROUPS: [&str; 12] = [
    "",
    "apps",
    "autoscaling",
    "batch",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "apiextensions.k8s.io",
];

/// The group of admission.
const ADMISSION: &str = "admissionregistration.k8s.io";

/// An account of a cluster that may look and ask "what if", for plans of requests that nobody vouches for.
///
/// It gets rights to read, to create and to patch, and a policy of admission that lets its writes pass only as dry runs, and never
/// to a subresource: not a token of an account, not a program in a container. The rights leave out the group
/// `admissionregistration.k8s.io`, about which the server asks no policy. Without the policy the account could write, so
/// both go together, and a cluster needs version 1.30 or newer.
///
/// A dry run of a role with more rights than the account has is refused by the server.
///
/// ```
/// use gitops_k8s::PlannerIdentity;
/// let identity = PlannerIdentity::new("gitops", "planner")?.group("example.org")?;
/// assert_eq!(identity.user(), "system:serviceaccount:gitops:planner");
/// assert!(identity.manifests().contains("kind: ValidatingAdmissionPolicy\n"));
/// # Ok::<(), gitops_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PlannerIdentity {
    namespace: String,
    name: String,
    groups: Vec<String>,
    namespaces: Vec<String>,
}

impl PlannerIdentity {
    /// An account of a name in a namespace, for the whole cluster and the groups that every cluster has.
    ///
    /// # Errors
    /// `Invalid` for what is no name of a namespace or an account.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Result<Self> {
        let (namespace, name) = (label(namespace.into())?, label(name.into())?);
        let groups = GROUPS.map(str::to_owned).to_vec();
        Ok(Self { namespace, name, groups, namespaces: Vec::new() })
    }

    /// Also for the kinds of a group, such as `example.org`.
    ///
    /// # Errors
    /// `Invalid` for what is no group, and for the group of admission.
    pub fn group(mut self, group: impl Into<String>) -> Result<Self> {
        let group = group.into();
        if group == ADMISSION {
            let message = format!("nobody may dry-run in `{ADMISSION}`: the server asks no policy about it");
            return Err(
                Error::new(ErrorKind::Invalid, message).help("leave it out; such objects are not planned")
            );
        }
        if !group.split('.').all(|part| label(part.to_owned()).is_ok()) || !group.contains('.') {
            return Err(Error::new(ErrorKind::Invalid, format!("`{group}` is no group of kinds"))
                .help("write it as `example.org`"));
        }
        self.groups.push(group);
        Ok(self)
    }

    /// Only in a namespace; several add up.
    ///
    /// # Errors
    /// `Invalid` for what is no name of a namespace.
    pub fn only_in(mut self, namespace: impl Into<String>) -> Result<Self> {
        self.namespaces.push(label(namespace.into())?);
        Ok(self)
    }

    /// The user's name, as whom to act.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// The objects, in the order in which to make them: the policy comes before the rights.
    pub fn objects(&self) -> Vec<Json> {
        let mut objects = vec![self.account(), self.policy(), self.binding()];
        let look = json!([
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
            {
                "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"],
                "verbs": ["get", "list", "watch"]
            }
        ]);
        if self.namespaces.is_empty() {
            objects.extend(self.grant(None, &self.rules()));
            return objects;
        }
        objects.extend(self.grant(None, &look));
        for namespace in &self.namespaces {
            objects.extend(self.grant(Some(namespace), &self.rules()));
        }
        objects
    }

    /// The objects as one file.
    pub fn manifests(&self) -> String {
        let documents = self.objects().into_iter().map(|object| {
            let mut text = String::new();
            write(&mut text, &object, 0);
            text
        });
        documents.collect::<Vec<_>>().join("---\n")
    }

    fn rules(&self) -> Json {
        json!([{
            "apiGroups": self.groups, "resources": ["*"], "verbs": ["get", "list", "watch", "create", "patch"]
        }])
    }

    fn account(&self) -> Json {
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": self.name, "namespace": self.namespace}
        })
    }

    /// Names of what belongs to the whole cluster.
    fn cluster_name(&self) -> String {
        format!("{}-{}-dry-run-only", self.namespace, self.name)
    }

    fn policy(&self) -> Json {
        let is_it = format!("request.userInfo.username == '{}'", self.user());
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": self.cluster_name()},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*"
                }]},
                "matchConditions": [{"name": "is-the-planner", "expression": is_it}],
                "validations": [
                    {
                        "expression": "has(request.dryRun) && request.dryRun",
                        "message": "this account may only dry-run", "reason": "Forbidden"
                    },
                    {
                        "expression": "!has(request.subResource) || request.subResource == ''",
                        "message": "this account may not use subresources", "reason": "Forbidden"
                    }
                ]
            }
        })
    }

    fn binding(&self) -> Json {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": self.cluster_name()},
            "spec": {"policyName": self.cluster_name(), "validationActions": ["Deny"]}
        })
    }

    /// A role and its binding, in a namespace or in all.
    fn grant(&self, namespace: Option<&str>, rules: &Json) -> [Json; 2] {
        let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
        let mut metadata = json!({"name": self.cluster_name()});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        let api = "rbac.authorization.k8s.io/v1";
        let role = json!({"apiVersion": api, "kind": kind, "metadata": metadata, "rules": rules});
        let binding = json!({
            "apiVersion": api, "kind": format!("{kind}Binding"), "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": self.cluster_name()},
            "subjects": [{"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}]
        });
        [role, binding]
    }
}

/// A name of at most 63 small letters, digits and `-`, as namespaces have.
fn label(name: String) -> Result<String> {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=63).contains(&name.len())
        && name.chars().all(|c| is_inner(c) || c == '-')
        && name.starts_with(is_inner)
        && name.ends_with(is_inner);
    if fits {
        return Ok(name);
    }
    let shown = gitops_core::text::shown(&name, 80);
    Err(Error::new(ErrorKind::Invalid, format!("`{shown}` is no name of a namespace or an account"))
        .help("write small letters, digits and `-`"))
}

/// Writes a mapping as YAML. Texts are quoted as JSON quotes them, which YAML reads.
fn write(out: &mut String, value: &Json, depth: usize) {
    let Json::Object(members) = value else { return };
    for (name, member) in members {
        out.extend(std::iter::repeat_n("  ", depth));
        out.extend([name.as_str(), ":"]);
        match member {
            Json::Object(_) => {
                out.push('\n');
                write(out, member, depth + 1);
            }
            Json::Array(items) if items.iter().any(Json::is_object) => {
                out.push('\n');
                items.iter().for_each(|item| write_item(out, item, depth));
            }
            Json::String(text) if is_plain(text) => out.extend([" ", text, "\n"]),
            scalar => out.extend([" ", &scalar.to_string(), "\n"]),
        }
    }
}

fn write_item(out: &mut String, item: &Json, depth: usize) {
    let mut text = String::new();
    write(&mut text, item, depth + 1);
    let indent = "  ".repeat(depth);
    // The first line of the item begins where the dash is.
    out.extend([indent.as_str(), "- ", text.trim_start()]);
}

/// Whether a text needs no quotes: a word that is nothing else in YAML.
fn is_plain(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_are_what_they_say() {
        let identity = PlannerIdentity::new("gitops", "planner").unwrap().only_in("shop").unwrap();
        insta::assert_snapshot!(identity.manifests(), @r#"
        apiVersion: "v1"
        kind: ServiceAccount
        metadata:
          name: "planner"
          namespace: "gitops"
        ---
        apiVersion: "admissionregistration.k8s.io/v1"
        kind: ValidatingAdmissionPolicy
        metadata:
          name: "gitops-planner-dry-run-only"
        spec:
          failurePolicy: Fail
          matchConditions:
          - expression: "request.userInfo.username == 'system:serviceaccount:gitops:planner'"
            name: "is-the-planner"
          matchConstraints:
            resourceRules:
            - apiGroups: ["*"]
              apiVersions: ["*"]
              operations: ["*"]
              resources: ["*/*"]
              scope: "*"
          validations:
          - expression: "has(request.dryRun) && request.dryRun"
            message: "this account may only dry-run"
            reason: Forbidden
          - expression: "!has(request.subResource) || request.subResource == ''"
            message: "this account may not use subresources"
            reason: Forbidden
        ---
        apiVersion: "admissionregistration.k8s.io/v1"
        kind: ValidatingAdmissionPolicyBinding
        metadata:
          name: "gitops-planner-dry-run-only"
        spec:
          policyName: "gitops-planner-dry-run-only"
          validationActions: ["Deny"]
        ---
        apiVersion: "rbac.authorization.k8s.io/v1"
        kind: ClusterRole
        metadata:
          name: "gitops-planner-dry-run-only"
        rules:
        - apiGroups: [""]
          resources: ["namespaces"]
          verbs: ["get","list","watch"]
        - apiGroups: ["apiextensions.k8s.io"]
          resources: ["customresourcedefinitions"]
          verbs: ["get","list","watch"]
        ---
        apiVersion: "rbac.authorization.k8s.io/v1"
        kind: ClusterRoleBinding
        metadata:
          name: "gitops-planner-dry-run-only"
        roleRef:
          apiGroup: "rbac.authorization.k8s.io"
          kind: ClusterRole
          name: "gitops-planner-dry-run-only"
        subjects:
        - kind: ServiceAccount
          name: "planner"
          namespace: "gitops"
        ---
        apiVersion: "rbac.authorization.k8s.io/v1"
        kind: Role
        metadata:
          name: "gitops-planner-dry-run-only"
          namespace: "shop"
        rules:
        - apiGroups: ["","apps","autoscaling","batch","coordination.k8s.io","discovery.k8s.io","networking.k8s.io","policy","rbac.authorization.k8s.io","scheduling.k8s.io","storage.k8s.io","apiextensions.k8s.io"]
          resources: ["*"]
          verbs: ["get","list","watch","create","patch"]
        ---
        apiVersion: "rbac.authorization.k8s.io/v1"
        kind: RoleBinding
        metadata:
          name: "gitops-planner-dry-run-only"
          namespace: "shop"
        roleRef:
          apiGroup: "rbac.authorization.k8s.io"
          kind: Role
          name: "gitops-planner-dry-run-only"
        subjects:
        - kind: ServiceAccount
          name: "planner"
          namespace: "gitops"
        "#);
    }

    #[test]
    fn what_is_no_name_never_becomes_a_manifest() {
        for name in ["", "a b", "A", "-a", "a\nkind: Secret", "a'"] {
            assert!(PlannerIdentity::new("gitops", name).is_err(), "{name:?}");
            assert!(PlannerIdentity::new(name, "planner").is_err(), "{name:?}");
            let identity = PlannerIdentity::new("gitops", "planner").unwrap();
            assert!(identity.clone().group(name).is_err() && identity.only_in(name).is_err(), "{name:?}");
        }
        let identity = PlannerIdentity::new("gitops", "planner").unwrap();
        assert!(identity.group("admissionregistration.k8s.io").is_err());
    }
}
