//! Faults of Kubernetes manifests.

use super::Page;

pub const PAGES: [Page; 24] = [
    Page {
        code: "GO0401",
        title: "a manifest is not YAML or JSON",
        example: "`labels: {app: web`",
        cause: "The indentation, a quote or a bracket is wrong, or something is written that readers of \
              YAML take differently.",
        fix: "Look at the line that is shown and at the one before; the book's page on manifests lists \
              what is refused.",
    },
    Page {
        code: "GO0402",
        title: "a manifest is beyond a limit",
        example: "a text of 2 MiB in a manifest",
        cause: "A file, a key, a text or an object is larger or deeper than is taken.",
        fix: "Split it, or raise the limit that the message names where the renderer is set up.",
    },
    Page {
        code: "GO0403",
        title: "a key is written twice",
        example: "`data:` twice in one ConfigMap",
        cause: "One of the two would silently have no effect, and which one depends on who reads.",
        fix: "Remove one of them; the message names both places.",
    },
    Page {
        code: "GO0404",
        title: "a value that JSON can't hold",
        example: "`size: .inf`",
        cause: "A key is no text, a number is infinite, or a value does not fit its tag.",
        fix: "Put it in quotes if text is meant.",
    },
    Page {
        code: "GO0405",
        title: "not a Kubernetes object",
        example: "a file of values of a chart between the manifests",
        cause: "A document has no `apiVersion`, `kind` or `metadata.name`, or one of them is no text.",
        fix: "Add what is missing, or take the file out of the folder that is deployed.",
    },
    Page {
        code: "GO0406",
        title: "a name that can't be",
        example: "`name: My_App`",
        cause: "A name, a namespace or an API version has characters that the API server refuses, or a \
              namespace stands where none can, which is a warning: it is left out.",
        fix: "Use lower-case letters, digits, `-` and `.`; give a namespace exactly to objects that \
              live in one.",
    },
    Page {
        code: "GO0407",
        title: "a name that is made up later",
        example: "`metadata: { generateName: job- }`",
        cause: "`generateName` lets the server choose a name: every reconciliation would make another object.",
        fix: "Give it a `metadata.name`.",
    },
    Page {
        code: "GO0408",
        title: "an object is too large",
        example: "a ConfigMap with two files of 1 MiB each",
        cause: "An API server stores at most 1.5 MiB of an object and takes at most 256 KiB of \
              annotations.",
        fix: "Split it, or put the content where it is fetched from.",
    },
    Page {
        code: "GO0409",
        title: "a policy is misspelt",
        example: "`argocd.argoproj.io/sync-wve: \"1\"`",
        cause: "An annotation or a label of Argo CD, Flux, Helm or cli-utils has a key or a value that \
              nobody knows. It is an error, for a policy without effect is worse.",
        fix: "Use the one that is suggested, or remove it.",
    },
    Page {
        code: "GO0410",
        title: "a policy that is not carried out",
        example: "`argocd.argoproj.io/hook: SyncFail`",
        cause: "The object asks for something that this program does not do. It is refused rather than \
              applied at the wrong time. A hook that would run after a failure, after a rollback or around \
              a deletion is left out, and this is a warning; so is a Job that is a hook of several phases, which \
              runs in the first of them.",
        fix: "Remove the object or the policy, or do it with the tool that knows it.",
    },
    Page {
        code: "GO0411",
        title: "a program could not render",
        example: "`resources: [missing.yaml]` in a kustomization",
        cause: "`kustomize` or `helm` failed, took too long, or printed too much.",
        fix: "Mend what it says. Run it on the folder yourself to see all of it.",
    },
    Page {
        code: "GO0412",
        title: "a program is missing",
        example: "`render: [{ helm: … }]` on a machine without `helm`",
        cause: "`kustomize`, `kubectl` or `helm` is not installed, or is too old.",
        fix: "Install it, or name its path where the renderer is set up.",
    },
    Page {
        code: "GO0413",
        title: "something from the network",
        example: "`resources: [https://example.org/base.yaml]` in a kustomization",
        cause: "A kustomization, or a generator or transformer of it, names an address, or something else that is \
              not in the repository: the same revision would render differently tomorrow. A generator or transformer \
              that is built from patches is refused too, because what it loads is not known before.",
        fix: "Copy it into the repository.",
    },
    Page {
        code: "GO0414",
        title: "a variable without a value",
        example: "`host: ${DOMAIN}`, and no `substitute: { DOMAIN: … }`",
        cause: "A text holds `${NAME}` for which there is neither a value nor a default.",
        fix: "Give the value, write a default as `${NAME:=default}`, or `$${NAME}` if the text is \
              meant as it stands.",
    },
    Page {
        code: "GO0415",
        title: "a value that readers take differently",
        example: "`enabled: yes`",
        cause: "It is one thing for `kubectl` and Argo CD, and another for `kustomize` and Flux: without \
              quotes, `yes` is true for the first and text for the second, and of a key that is both written \
              and merged each takes another value. It is a warning: the file is read as `kubectl` reads it.",
        fix: "Write it as the message says, mostly in quotes: then all read the same.",
    },
    Page {
        code: "GO0416",
        title: "nothing is declared",
        example: "a template that is empty for these values",
        cause: "A manifest, or what a program made of a chart or a kustomization, holds no object; it may \
              have been cut short. It is a warning: the guards on deletion hold as ever.",
        fix: "Remove the file if that is meant.",
    },
    Page {
        code: "GO0417",
        title: "something deprecated",
        example: "`apiVersion: policy/v1beta1`",
        cause: "A version of a kind, an annotation or a label that newer servers do not serve or heed. It \
              is a warning.",
        fix: "Use what the message names.",
    },
    Page {
        code: "GO0418",
        title: "a program warned",
        example: "`helm` says that a value is not used",
        cause: "`kustomize` or `helm` did its work and warned of something.",
        fix: "The message has what it said, without what stands in brackets, which may be a secret.",
    },
    Page {
        code: "GO0419",
        title: "the API server warned",
        example: "`Warning: unknown field \"spec.template.spec.containers[0].prot\"`",
        cause: "The API server took an object, or said what it would make of it, and warned of something in \
              it: of a field that is deprecated, say.",
        fix: "Do what the server says.",
    },
    Page {
        code: "GO0420",
        title: "the API server would refuse a new object",
        example: "`spec: { replica: 3 }` in a Deployment",
        cause: "A plan asks the API server about each new object by a dry run, or holds it to the definition of its kind where \
              that is made in the same plan. The object has a field that its kind does not have, a value that the field \
              does not take, or a kind that the server does not serve. It is blocked; everything else goes on.",
        fix: "Correct the line that is shown.",
    },
    Page {
        code: "GO0421",
        title: "a program ran within reach of the network",
        example: "a container without `unshare`",
        cause: "This system does not let us take the network away from `kustomize` and `helm`. Whatever they would load \
              from there was refused before they ran; that is the only thing that kept them from it. It is a warning.",
        fix: "Install `unshare` (of util-linux) and run where it may make a network namespace, or see to it by other \
              means, such as a network policy.",
    },
    Page {
        code: "GO0422",
        title: "an autoscaler sets the replicas",
        example: "`replicas: 3` in a Deployment that a HorizontalPodAutoscaler scales",
        cause: "An object declares `spec.replicas`, and a HorizontalPodAutoscaler or a KEDA ScaledObject names it. The \
              declared number is not written. It is a warning.",
        fix: "Leave `spec.replicas` out of Git, or name it in a rule of `ignore`.",
    },
    Page {
        code: "GO0423",
        title: "the API server stores another value than is declared",
        example: "`image: nginx` where a webhook writes `registry.example/nginx`",
        cause: "A dry run of a new object was answered with another value in the place of a declared one, which is no other form of \
              it: a webhook or a policy of the cluster overwrites it at each write. It is a warning; once the object is made, it is \
              blocked with the reason `foreign_fields`, for it is not as declared.",
        fix: "Declare what is stored, name the field in a rule of `ignore`, or change the webhook or the policy.",
    },
    Page {
        code: "GO0424",
        title: "the API server refuses a deletion",
        example: "a policy that refuses to delete objects with the label `protected`",
        cause: "An object left Git. A plan asks the API server about its deletion by a dry run, and a policy, a webhook or another \
              admission rule of the cluster refused it. It is a warning, and the object is blocked with the reason \
              `deletion_refused`; everything else goes on.",
        fix: "Declare the object again, or ask those whose rule it is.",
    },
];
