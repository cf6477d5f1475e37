use gitops_core::{CleanUp, Value};
use gitops_k8s::policy::{Phase, Policy, Write};

use crate::support::{faults, keys, objects};

fn policy(marks: &[(&str, &str)]) -> Policy {
    let annotations = Value::map(marks.iter().map(|(key, value)| (*key, Value::from(*value))));
    let body = Value::map([("metadata", Value::map([("annotations", annotations)]))]);
    Policy::of(&body).unwrap_or_else(|faults| panic!("{marks:?}: {faults:?}"))
}

fn annotated(marks: &[(&str, &str)]) -> String {
    let lines: Vec<String> = marks.iter().map(|(key, value)| format!("    {key}: \"{value}\"")).collect();
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n{}\n", lines.join("\n"))
}

#[test]
fn an_object_without_marks_has_the_ordinary_policy() {
    assert_eq!(policy(&[("example.com/sync-wave", "x"), ("plain", "y")]), Policy::default());
}

#[test]
fn every_way_to_say_that_an_object_stays_is_heard() {
    for mark in [
        ("argocd.argoproj.io/sync-options", "Validate=true, Prune=false"),
        ("argocd.argoproj.io/sync-options", "Prune=confirm"),
        ("argocd.argoproj.io/sync-options", "Delete=false"),
        ("kustomize.toolkit.fluxcd.io/prune", "Disabled"),
        ("helm.sh/resource-policy", "keep"),
        ("cli-utils.sigs.k8s.io/on-remove", "keep"),
        ("client.lifecycle.config.k8s.io/deletion", "detach"),
        ("kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ] {
        assert!(policy(&[mark]).keep, "{mark:?}");
        assert!(objects(&annotated(&[mark]))[0].keep, "{mark:?}");
    }
    assert!(!policy(&[("kustomize.toolkit.fluxcd.io/prune", "enabled")]).keep);
}

#[test]
fn how_an_object_is_written_is_heard() {
    for (mark, write) in [
        (("kustomize.toolkit.fluxcd.io/ssa", "Override"), Write::Apply),
        (("kustomize.toolkit.fluxcd.io/ssa", "merge"), Write::Merge),
        (("kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent"), Write::Create),
        (("kustomize.toolkit.fluxcd.io/ssa", "Ignore"), Write::Leave),
        (("kustomize.toolkit.fluxcd.io/reconcile", "disabled"), Write::Leave),
        (("client.lifecycle.config.k8s.io/mutation", "ignore"), Write::Leave),
    ] {
        assert_eq!(policy(&[mark]).write, write, "{mark:?}");
    }
    for mark in
        [("argocd.argoproj.io/sync-options", "Force=true"), ("kustomize.toolkit.fluxcd.io/force", "enabled")]
    {
        assert!(policy(&[mark]).recreate, "{mark:?}");
    }
    assert!(policy(&[("argocd.argoproj.io/ignore-healthcheck", "true")]).ignore_health);
    assert!(policy(&[("kustomize.toolkit.fluxcd.io/substitute", "disabled")]).verbatim);
}

#[test]
fn hooks_have_a_phase_and_are_made_anew_and_argo_hides_helm() {
    let hook = policy(&[("helm.sh/hook", "pre-install,pre-upgrade"), ("helm.sh/hook-weight", "-5")]);
    assert_eq!((hook.hook, hook.wave, hook.recreate), (Some(Phase::PreSync), -5, true));
    let both = policy(&[("argocd.argoproj.io/hook", "PostSync"), ("helm.sh/hook", "pre-delete")]);
    assert_eq!(both.hook, Some(Phase::PostSync));
    assert_eq!(policy(&[("helm.sh/hook", "crd-install")]).hook, None);
}

#[test]
fn a_delete_policy_is_that_of_the_hook_that_holds() {
    let (hook, delete) = ("helm.sh/hook", "helm.sh/hook-delete-policy");
    let (argo, of_argo) = ("argocd.argoproj.io/hook", "argocd.argoproj.io/hook-delete-policy");
    let of = |marks: &[(&str, &str)]| {
        let CleanUp { succeeded, failed, .. } = policy(marks).clean_up;
        (succeeded, failed)
    };
    assert_eq!(of(&[(hook, "pre-install")]), (false, false));
    assert_eq!(of(&[(hook, "pre-install"), (delete, "before-hook-creation")]), (false, false));
    assert_eq!(of(&[(hook, "pre-install"), (delete, "before-hook-creation, hook-succeeded")]), (true, false));
    assert_eq!(of(&[(hook, "pre-install"), (delete, "hook-failed")]), (false, true));
    assert_eq!(of(&[(argo, "PreSync"), (of_argo, "HookSucceeded,HookFailed")]), (true, true));
    assert_eq!(of(&[(argo, "PreSync"), (hook, "pre-install"), (delete, "hook-succeeded")]), (false, false));
    assert_eq!(of(&[(delete, "hook-succeeded")]), (false, false), "it is no hook");
}

#[test]
fn a_hook_at_a_time_that_never_comes_is_left_out_and_warned_of_on() {
    for (key, value) in [
        ("argocd.argoproj.io/hook", "SyncFail"),
        ("argocd.argoproj.io/hook", "PostDelete"),
        ("helm.sh/hook", "pre-delete,post-rollback"),
        ("helm.sh/hook", "test"),
    ] {
        let policy = policy(&[(key, value)]);
        assert!(
            policy.skip && policy.warnings[0].message.contains("is not carried out"),
            "{value}: {policy:?}"
        );
    }
    let mixed = policy(&[("helm.sh/hook", "post-install,post-upgrade,pre-delete")]);
    assert_eq!((mixed.hook, mixed.skip, mixed.warnings.len()), (Some(Phase::PostSync), false, 1));
    let known = policy(&[("argocd.argoproj.io/hook", "Skip"), ("helm.sh/hook", "pre-delete")]);
    assert!(known.skip && known.warnings.is_empty());
}

#[test]
fn phases_come_before_waves() {
    let stage = |marks: &[(&str, &str)]| policy(marks).stage();
    let (wave, hook) = ("argocd.argoproj.io/sync-wave", "argocd.argoproj.io/hook");
    let stages = [
        stage(&[(hook, "PreSync"), (wave, "-5")]),
        stage(&[(hook, "PreSync"), (wave, "2147483647")]),
        stage(&[(wave, "-2147483648")]),
        stage(&[(hook, "Sync")]),
        stage(&[(wave, "3")]),
        stage(&[(hook, "PostSync"), (wave, "-2147483648")]),
    ];
    assert!(stages.is_sorted_by(|a, b| a < b), "{stages:?}");
}

#[test]
fn what_asks_to_be_skipped_is_no_object() {
    assert_eq!(keys(&annotated(&[("argocd.argoproj.io/hook", "Skip")])), "");
    assert_eq!(keys(&annotated(&[("config.kubernetes.io/local-config", "true")])), "");
}

#[test]
fn a_dependency_is_a_need() {
    let text =
        annotated(&[("config.kubernetes.io/depends-on", "apps/namespaces/x/Deployment/web, /Namespace/y")]);
    let needs: Vec<String> = objects(&text)[0].needs.iter().map(|need| format!("{need:?}")).collect();
    insta::assert_snapshot!(needs.join("\n"), @r"
    Object(Key(k:Namespace/-/y))
    Object(Key(k:Deployment.apps/x/web))
    IfDeclared(Key(k:Namespace/-/shop))
    ");
}

#[test]
fn a_slip_in_a_key_or_a_value_names_its_line_and_what_is_nearest() {
    let text = annotated(&[
        ("argocd.argoproj.io/sync-wav", "1"),
        ("argocd.argoproj.io/sync-options", "Prune=False"),
        ("argocd.argoproj.io/hook", "presync"),
        ("argocd.argoproj.io/sync-wave", "first"),
        ("kustomize.toolkit.fluxcd.io/prune", "false"),
        ("kustomize.toolkit.fluxcd.io/pruning", "disabled"),
        ("helm.sh/resource-polcy", "keep"),
        ("helm.sh/hook-delete-policy", "hook-succeded"),
        ("config.kubernetes.io/depends-on", "Deployment/web"),
        ("client.lifecycle.config.k8s.io/deletion", "detatch"),
        ("reconcile.fluxcd.io/requestAt", "now"),
    ]);
    insta::assert_snapshot!(faults(&text), @r#"
    error[GO0409]: a.yaml: 8:5: unknown value `presync` of `argocd.argoproj.io/hook` (did you mean `PreSync`?)
    error[GO0409]: a.yaml: 7:5: unknown value `Prune=False` of `argocd.argoproj.io/sync-options` (did you mean `Prune=false`?)
    error[GO0409]: a.yaml: 6:5: unknown key `argocd.argoproj.io/sync-wav` (did you mean `argocd.argoproj.io/sync-wave`?)
    error[GO0409]: a.yaml: 9:5: `first` is no whole number, which `argocd.argoproj.io/sync-wave` wants (write a number such as `"-1"`, in quotes)
    error[GO0409]: a.yaml: 15:5: unknown value `detatch` of `client.lifecycle.config.k8s.io/deletion` (did you mean `detach`?)
    error[GO0409]: a.yaml: 14:5: `Deployment/web` names no object (write `group/namespaces/namespace/kind/name` or `group/kind/name`; the core group is empty)
    error[GO0409]: a.yaml: 13:5: unknown value `hook-succeded` of `helm.sh/hook-delete-policy` (did you mean `hook-succeeded`?)
    error[GO0409]: a.yaml: 12:5: unknown key `helm.sh/resource-polcy` (did you mean `helm.sh/resource-policy`?)
    error[GO0409]: a.yaml: 10:5: unknown value `false` of `kustomize.toolkit.fluxcd.io/prune` (write one of enabled, disabled)
    error[GO0409]: a.yaml: 11:5: unknown key `kustomize.toolkit.fluxcd.io/pruning` (the keys of `kustomize.toolkit.fluxcd.io` are ssa, force, prune, reconcile, substitute, decrypt, name, namespace, checksum)
    error[GO0409]: a.yaml: 16:5: unknown key `reconcile.fluxcd.io/requestAt` (did you mean `reconcile.fluxcd.io/requestedAt`?)
    "#);
}

#[test]
fn what_is_not_carried_out_is_refused_by_name() {
    let text = [
        annotated(&[("argocd.argoproj.io/sync-options", "ServerSideApply=false")]),
        annotated(&[("config.kubernetes.io/apply-time-mutation", "x")]),
        annotated(&[("argocd.argoproj.io/sync-options", "Replace=true,Force=true")]),
    ];
    insta::assert_snapshot!(faults(&text.join("---\n")), @r"
    error[GO0410]: a.yaml: 6:5: `ServerSideApply=false` is not carried out (remove the option)
    error[GO0410]: a.yaml: 13:5: `apply-time-mutation` is not carried out (write the value, or an output of another object)
    error[GO0410]: a.yaml: 20:5: `Replace=true` is not carried out (remove the option: no annotation holds the whole object here; `Force=true` lets it be made anew)
    ");
}

#[test]
fn charts_may_have_marks_of_their_own() {
    assert_eq!(policy(&[("helm.sh/chart", "web-1.0"), ("helm.sh/images", "x")]), Policy::default());
}
