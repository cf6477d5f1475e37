use super::*;

fn shown(before: Option<&Value>, after: Option<&Value>) -> String {
    let lines = unified(before, after, 3).unwrap();
    lines.iter().flat_map(|line| [line.sign.symbol(), &line.text, "\n"]).collect()
}

fn web(replicas: i64, image: &str) -> Value {
    let container = Value::map([("image", Value::from(image)), ("name", "web".into())]);
    let pod = Value::map([("containers", Value::List([container].into()))]);
    Value::map([
        ("apiVersion", Value::from("apps/v1")),
        ("kind", "Deployment".into()),
        ("metadata", Value::map([("name", Value::from("web")), ("namespace", "shop".into())])),
        (
            "spec",
            Value::map([("replicas", Value::from(replicas)), ("template", Value::map([("spec", pod)]))]),
        ),
    ])
}

#[test]
fn fields_change_between_those_that_stay() {
    insta::assert_snapshot!(shown(Some(&web(2, "web:1")), Some(&web(2, "web:2"))), @r"
    @@ -8,5 +8,5 @@ spec.template.spec.containers
       template:
         spec:
           containers:
    -      - image: web:1
    +      - image: web:2
             name: web
    ");
}

#[test]
fn a_text_is_compared_by_its_lines() {
    let file = |text: &str| Value::map([("content", Value::from(text)), ("executable", false.into())]);
    insta::assert_snapshot!(shown(Some(&file("one\ntwo\nthree\n")), Some(&file("one\n2\nthree\nfour"))), @r"
    @@ -1,5 +1,6 @@
    -content: |
    +content: |-
       one
    -  two
    +  2
       three
    +  four
     executable: false
    ");
}

#[test]
fn what_comes_or_goes_has_one_side() {
    let value = Value::map([("a", Value::from(1)), ("b", 2.into())]);
    insta::assert_snapshot!(shown(None, Some(&value)), @r"
    @@ -0,0 +1,2 @@
    +a: 1
    +b: 2
    ");
    insta::assert_snapshot!(shown(Some(&value), None), @r"
    @@ -1,2 +0,0 @@
    -a: 1
    -b: 2
    ");
    assert_eq!((shown(None, None), shown(Some(&value), Some(&value))), (String::new(), String::new()));
}

#[test]
fn what_is_huge_is_cut_or_not_compared() {
    let text = |first: &str| Value::from(format!("{first}\n{}", "line\n".repeat(LINES + 1)).as_str());
    let lines = unified(None, Some(&text("a")), 3).unwrap();
    assert_eq!(lines.len(), 1 + LINES + 1, "a head, the first lines, and how many there are more");
    assert_eq!(lines.last().map(|line| (line.sign, line.text.as_str())), Some((Sign::More, "3 more lines")));
    let both = unified(Some(&text("a")), Some(&text("b")), 3);
    assert_eq!(both, Err(TooLong { before: LINES + 3, after: LINES + 3 }));
}
