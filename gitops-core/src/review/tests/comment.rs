//! What must hold of every comment. The Markdown is read by the parser that GitLab uses, which follows GitHub's.

use comrak::nodes::{AstNode, NodeValue};
use comrak::{Arena, Options, parse_document};
use proptest::prelude::*;

use super::world::{FOREIGN, SECRET, any_review, field, hostile, key, review, step};
use crate::cx::Time;
use crate::review::{Budget, Comment, Flavour, Link, Markdown, Marker, Review};
use crate::source::Commit;
use crate::value::{Action, Digest, GroupKind, Key};

const URL: &str = "https://ci.example.org/plans/7";

fn flavour() -> impl Strategy<Value = Flavour> {
    prop_oneof![Just(Flavour::GitHub), Just(Flavour::GitLab), Just(Flavour::Gitea)]
}

fn commits() -> impl Strategy<Value = Vec<Commit>> {
    let commit = (hostile(), hostile()).prop_map(|(author, summary)| Commit {
        id: "4a1b2c3d4e5f60718293".into(),
        author: format!("{author} <{author}>"),
        committer: author,
        time: Time::from_micros(0),
        summary,
        signer: None,
    });
    prop::collection::vec(commit, 0..4)
}

fn render(flavour: Flavour, budget: usize, commits: &[Commit], review: &Review) -> Comment {
    Markdown::new(flavour)
        .within(Budget::new(budget, budget))
        .marked(format!("request {FOREIGN}"))
        .linking(Link::new(URL, Digest::of(b"plan")).unwrap())
        .with_commits(commits)
        .with_commands()
        .render(review)
}

/// Everything that forges understand, and more.
fn options() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.autolink = true;
    extension.table = true;
    extension.strikethrough = true;
    extension.tasklist = true;
    extension.footnotes = true;
    extension.math_dollars = true;
    extension.math_code = true;
    extension.alerts = true;
    extension.description_lists = true;
    extension.multiline_block_quotes = true;
    options.parse.relaxed_autolinks = true;
    options
}

/// What a reader of the Markdown finds.
#[derive(Default)]
struct Read {
    /// Text that is no code.
    text: String,
    /// Lines of HTML.
    html: Vec<String>,
    links: Vec<String>,
    /// What no comment has: images, quotes in quotes, HTML within text, footnotes.
    others: Vec<String>,
    /// Items of lists within folded blocks that name something.
    named: usize,
    /// The numbers of those that are not named.
    counted: usize,
    is_folded: bool,
}

impl Read {
    fn of(text: &str) -> Self {
        let arena = Arena::new();
        let mut read = Self::default();
        read.node(parse_document(&arena, text, &options()));
        read
    }

    fn node<'a>(&mut self, node: &'a AstNode<'a>) {
        match &node.data().value {
            NodeValue::Text(text) => self.text += text,
            NodeValue::HtmlBlock(block) => {
                for line in block.literal.lines().filter(|line| !line.is_empty()) {
                    self.html.push(line.to_owned());
                    self.is_folded = line.starts_with("<details>");
                }
            }
            NodeValue::Link(link) => self.links.push(link.url.clone()),
            NodeValue::Item(_) if self.is_folded => {
                let text = text_of(node);
                match text.strip_prefix("not named here: ") {
                    Some(rest) => self.counted += number(rest),
                    None => self.named += 1,
                }
            }
            NodeValue::Paragraph => {
                if let Some(rest) = text_of(node).strip_prefix("Not shown here: ") {
                    self.counted += number(rest.split_once(" with ").unwrap().1);
                }
            }
            NodeValue::Document
            | NodeValue::Heading(_)
            | NodeValue::List(_)
            | NodeValue::Item(_)
            | NodeValue::Table(_)
            | NodeValue::TableRow(_)
            | NodeValue::TableCell
            | NodeValue::Strong
            | NodeValue::Emph
            | NodeValue::Code(_)
            | NodeValue::CodeBlock(_)
            | NodeValue::SoftBreak
            | NodeValue::Alert(_) => {}
            other => self.others.push(format!("{other:?}")),
        }
        self.text.push('\n');
        node.children().for_each(|child| self.node(child));
    }
}

fn text_of<'a>(node: &'a AstNode<'a>) -> String {
    let texts = node.descendants().filter_map(|node| match &node.data().value {
        NodeValue::Text(text) => Some(text.to_string()),
        _ => None,
    });
    texts.collect()
}

fn number(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// Whether a line of HTML is ours: text of others in it is in `<code>` and without a bracket.
fn is_ours(line: &str) -> bool {
    if line == "</details>" || Marker::read(line).is_some() {
        return true;
    }
    let Some(summary) =
        line.strip_prefix("<details><summary>").and_then(|line| line.strip_suffix("</summary>"))
    else {
        return false;
    };
    let mut outside = String::new();
    for (nth, piece) in summary.split("<code>").enumerate() {
        let rest = match piece.split_once("</code>") {
            Some((inside, rest)) if nth > 0 && !inside.contains(['<', '>', '"']) => rest,
            None if nth == 0 => piece,
            _ => return false,
        };
        outside += rest;
    }
    let outside = outside.replace("<b>", "").replace("</b>", "");
    !outside.contains(['<', '>', '@', '#']) && !outside.contains(FOREIGN)
}

/// Everything that must hold of a comment.
fn check(comment: &Comment, budget: usize, review: &Review) {
    let text = &comment.text;
    let least = budget.max(Budget::LEAST);
    assert!(text.len() <= least && text.encode_utf16().count() <= least, "{} bytes of {least}", text.len());
    assert!(!text.contains(SECRET), "a secret is shown");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character is shown");
    assert!(!text.lines().any(|line| line.trim_start().starts_with('/')), "a line is a command of a forge");

    let read = Read::of(text);
    for token in [FOREIGN, "@", "://", "www.", "#1", "!1"] {
        assert!(!read.text.contains(token), "`{token}` got out:\n{text}");
    }
    assert_eq!(read.others, [""; 0], "{text}");
    assert!(read.links.iter().all(|link| link == URL), "{:?}", read.links);
    assert!(read.html.iter().all(|line| is_ours(line)), "{:?}", read.html);
    let opened = read.html.iter().filter(|line| line.starts_with("<details>")).count();
    let closed = read.html.iter().filter(|line| *line == "</details>").count();
    assert_eq!(opened, closed, "{text}");

    let entries = review.counts().entries();
    assert_eq!(comment.full + comment.with_paths + comment.named + comment.counted, entries);
    assert_eq!((read.named + read.counted, read.counted), (entries, comment.counted), "{text}");
    losses_come_first(text, review);
}

/// The mark by which a step is found.
fn mark(key: &Key) -> &str {
    key.name().split_inclusive(']').next().unwrap()
}

fn losses_come_first(text: &str, review: &Review) {
    let items: Vec<_> = review.items().into_iter().map(|(_, item)| item).collect();
    let place = |key: &Key| text.find(mark(key));
    let created = items.iter().filter(|item| item.loss().is_none() && item.step.action == Action::Create);
    let Some(first) = created.filter_map(|item| place(&item.step.key)).min() else { return };
    for item in items.iter().filter(|item| item.loss().is_some()) {
        let at = place(&item.step.key);
        assert!(at.is_some_and(|at| at < first), "{:?} comes after a creation:\n{text}", item.step.key);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_comment_keeps_all_its_promises(
        review in any_review(), flavour in flavour(), budget in 0..40_000usize, commits in commits(),
    ) {
        let comment = render(flavour, budget, &commits, &review);
        check(&comment, budget, &review);
        let again: Review = review.parts.iter().rev().cloned().collect();
        prop_assert_eq!(render(flavour, budget, &commits, &again).text, comment.text);
    }
}

fn config_map(n: usize, action: Action) -> crate::plan::Step {
    step(key(&format!("[{n}]cfg-{n:05}")), action, vec![field("/data/level", "one", "two")])
}

#[test]
fn thousands_of_steps_fit_and_the_namespace_comes_first() {
    let namespace = Key::new("k8s", GroupKind::new("", "Namespace"), "", "[n]legacy");
    let mut steps: Vec<_> = (0..5_000).map(|n| config_map(n, Action::Update)).collect();
    steps.extend((5_000..5_400).map(|n| config_map(n, Action::Create)));
    steps.push(step(namespace, Action::Delete, vec![]));
    let review = review(steps);
    let comment = render(Flavour::GitHub, 60_000, &[], &review);
    check(&comment, 60_000, &review);
    assert!(comment.full > 0 && comment.counted > 0);
    let (legacy, other) = (comment.text.find("legacy").unwrap(), comment.text.find("cfg-").unwrap());
    assert!(legacy < other);
    assert!(comment.text.len() > 55_000, "the room is used: {}", comment.text.len());
}

#[test]
fn more_deletes_than_fit_leave_no_room_for_the_name_of_a_creation() {
    let mut steps: Vec<_> = (0..5_000).map(|n| config_map(n, Action::Delete)).collect();
    steps.push(config_map(6_000, Action::Create));
    let review = review(steps);
    let comment = render(Flavour::GitLab, 60_000, &[], &review);
    check(&comment, 60_000, &review);
    assert!(!comment.text.contains("cfg-06000"));
    assert!(comment.text.contains("1 to create"));
}

#[test]
fn hundreds_of_applications_fit_and_those_left_out_are_counted() {
    let parts = (0..600).map(|n| {
        let rules = crate::review::Rules::default();
        let context = crate::review::Context::new(&rules);
        let name = format!("application-{n:03}");
        let (base, head) = (
            super::world::plan(&name, vec![]),
            super::world::plan(&name, vec![config_map(n, Action::Update)]),
        );
        crate::review::Part::of(&base, &head, None, &context)
    });
    let review: Review = parts.collect();
    let comment = render(Flavour::Gitea, 60_000, &[], &review);
    check(&comment, 60_000, &review);
    assert!(comment.text.contains("Not shown here:"));
}

#[test]
fn a_comment_reads_well() {
    let namespace = Key::new("k8s", GroupKind::new("", "Namespace"), "", "legacy");
    let web = Key::new("k8s", GroupKind::new("apps", "Deployment"), "shop", "web");
    let image = field("/spec/template/spec/containers/0/image", "nginx:1.27", "nginx:1.28");
    let review = review(vec![
        step(namespace, Action::Delete, vec![]),
        step(web, Action::Update, vec![image, field("/spec/replicas", 2, 5)]),
        step(key("new"), Action::Create, vec![]),
    ]);
    let comment = Markdown::new(Flavour::GitHub).with_commands().render(&review);
    insta::assert_snapshot!(comment.text, @r#"
    ## GitOps: ready

    > [!CAUTION]
    > **1 to create, 1 to update, 0 to replace, 1 to delete**; 412 unchanged.
    > By cause: this change 3, existing drift 0, base moved 0.

    | Environment | Application | Delete | Replace | Update | Create | Existing drift | Base moved | Blocked |
    | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
    | - | `shop` | 1 | 0 | 1 | 1 | 0 | 0 | 0 |

    ### Risks

    - **critical** delete `Namespace/legacy` in `k8s` (this change): `container-loss` `nothing is known to go with it`; `delete` `no longer declared`

    <details><summary><b>critical</b> <code>shop</code>: 1 to create, 1 to update, 0 to replace, 1 to delete, 412 unchanged</summary>

    **This change**

    - **delete** `Namespace/legacy` in `k8s` — `container-loss`, `delete`: `no longer declared`
    - **update** `Deployment.apps/shop/web` in `k8s` — `image-without-digest`: `2 fields differ`

    ```diff
    - spec/replicas: 2
    + spec/replicas: 5
    - spec/template/spec/containers/0/image: "nginx:1.27"
    + spec/template/spec/containers/0/image: "nginx:1.28"
    ```

    - **create** `ConfigMap/shop/new` in `k8s`: `new`

    </details>

    ### Commands

    - `/plan` plans again
    - `/apply` after the merge: has it applied at once
    - `/why OBJECT` says what becomes of an object and why

    ### Plans

    - `shop`: plan `842add7b70d7` of `4a1b2c3d4e5f`, target branch: plan `842add7b70d7` of `4a1b2c3d4e5f`, effect `ad74b3311747646f128b76a9b36e8e774145e55d`

    Effect `5fb6b9adf7b15519f5b43f64ae4865fd9ac638a07ef2f2c7209020961f179bad`
    "#);
}

/// A change like those for which a comment is too small: four hundred objects, a namespace that goes, and five thousand
/// resources of root modules.
#[test]
fn a_long_plan_is_cut_from_its_end_and_the_namespace_comes_first() {
    let value = "x".repeat(80);
    let objects = (0..400).map(|nth| {
        let fields = vec![field("/data/a", "before", value.as_str()), field("/data/b", 1, 2)];
        step(key(&format!("[object-{nth}]")), Action::Update, fields)
    });
    let root = |nth: usize| {
        let change = |at: usize| crate::value::ComponentChange {
            name: format!("aws_subnet.net[{at}]"),
            kind: "aws_subnet".to_owned(),
            action: "create".to_owned(),
            risk: None,
            before: None,
            after: Some(value.as_str().into()),
        };
        let key = Key::new("tf", GroupKind::new("", "Root"), "", format!("[root-{nth}]"));
        let mut step = step(key, Action::Create, Vec::new());
        step.components = crate::value::Components { owned: 0, changes: (0..1_000).map(change).collect() };
        step
    };
    let namespace = Key::new("k8s", GroupKind::new("", "Namespace"), "", "[legacy]");
    let steps = objects.chain((0..5).map(root)).chain([step(namespace, Action::Delete, Vec::new())]);
    let review = review(steps.collect());
    for flavour in [Flavour::GitHub, Flavour::GitLab, Flavour::Gitea] {
        let comment = render(flavour, 60_000, &[], &review);
        check(&comment, 60_000, &review);
        let text = &comment.text;
        let place = |name: &str| text.find(name).unwrap_or(usize::MAX);
        assert!(place("[legacy]") < place("[object-"), "the loss comes first");
        assert!(place("[legacy]") < place("[root-"), "the loss comes first");
        assert!(comment.full < review.counts().entries(), "it is cut");
        assert!(
            text.contains(&Digest::of(b"plan").short()) && text.contains(URL),
            "the whole is one link away"
        );
    }
}
