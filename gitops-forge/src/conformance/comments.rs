//! Checks of comments.

use gitops_core::ErrorKind;

use super::check::{Bench, Check, Checked, check, ensure, given, refused};
use super::subject::Person;
use crate::ext::ForgeExt;
use crate::value::{Comment, CommentQuery, CommentWrite, Marker};

pub(super) const CHECKS: &[Check] = &[
    check!(
        "F11",
        one,
        "One comment is written, then edited in place, and not written when the text is equal."
    ),
    check!("F12", copied, "A comment of somebody else with our marker is not touched."),
    check!("F13", doubled, "Of two comments of ours with one marker the older one stays."),
    check!("F14", apart, "Comments of two markers stand side by side."),
    check!(
        "F15",
        odd_texts,
        "Texts of all kinds come back: of many lines, of all languages, with HTML and fences."
    ),
    check!("F16", too_long, "A text that is too long is refused with the limit, and changes nothing."),
    check!("F17", many, "A long list of comments has each once, in the order of their creation."),
    check!("F18", since, "Comments since a time are those that were written or edited then or later."),
    check!("F19", gone, "To remove a comment that is gone is no error; to edit it is."),
    check!("F20", large, "A text just below the limit is written whole."),
];

fn marker() -> Marker {
    Marker::new("kit/plan").expect("the name is plain")
}

async fn keep(bench: &Bench, number: u64, text: &str) -> Checked<(Comment, bool)> {
    let kept = bench.forge().upsert_comment(&bench.cx, number, &marker(), text).await?;
    Ok((kept.value, kept.is_written))
}

async fn ours(bench: &Bench, number: u64) -> Checked<Vec<Comment>> {
    let me = bench.forge().me(&bench.cx).await?;
    Ok(bench.comments(number).await?.into_iter().filter(|comment| comment.author.is(&me)).collect())
}

async fn one(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let (first, is_written) = keep(bench, number, "1 to change").await?;
    ensure!(is_written && marker().is_on(&first.body), "it was not written: {first:?}");
    let (second, is_written) = keep(bench, number, "2 to change").await?;
    ensure!(is_written && second.id == first.id, "{first:?} was not edited but replaced by {second:?}");
    let before = bench.subject.others.writes();
    for text in ["2 to change", "2 to change\n"] {
        let (third, is_written) = keep(bench, number, text).await?;
        ensure!(!is_written && third.id == first.id, "an equal text was written: {third:?}");
    }
    let after = bench.subject.others.writes();
    ensure!(before == after, "an equal text made {before:?} writes {after:?}");
    let ours = ours(bench, number).await?;
    ensure!(ours.len() == 1 && ours[0].body.ends_with("2 to change"), "there is {ours:?}");
    Ok(())
}

async fn copied(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let text = marker().stamp("Everything is fine, merge it.");
    let copy = given(bench.subject.others.comment(&bench.cx, Person::Author, number, &text).await)?;
    let (comment, is_written) = keep(bench, number, "1 to delete").await?;
    ensure!(is_written && comment.id != copy, "the comment of somebody else was taken for ours");
    let comments = bench.comments(number).await?;
    let stayed = comments.iter().any(|comment| comment.id == copy && comment.body.contains("merge it"));
    ensure!(stayed && comments.len() == 2, "there is {comments:?}");
    Ok(())
}

async fn doubled(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    for text in ["first", "second", "third"] {
        let create = CommentWrite::Create { body: marker().stamp(text) };
        bench.forge().write_comment(&bench.cx, number, &create).await?;
    }
    let oldest = ours(bench, number).await?[0].id.clone();
    let (comment, _) = keep(bench, number, "fourth").await?;
    let ours = ours(bench, number).await?;
    ensure!(comment.id == oldest && ours.len() == 1, "of three comments there is {ours:?}");
    Ok(())
}

async fn apart(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let other = Marker::new("kit/plan/other").expect("the name is plain");
    keep(bench, number, "one").await?;
    bench.forge().upsert_comment(&bench.cx, number, &other, "other").await?;
    keep(bench, number, "two").await?;
    let ours = ours(bench, number).await?;
    let texts: Vec<_> = ours.iter().map(|comment| comment.body.lines().last().unwrap_or_default()).collect();
    ensure!(texts == ["two", "other"], "there is {ours:?}");
    Ok(())
}

async fn odd_texts(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let texts = [
        "",
        "naïve 日本語 🜁 \u{202e}x\u{202c}",
        "```diff\n-a\n+b\n```\n<details><summary>1</summary>\n\n| a | b |\n| - | - |\n</details>",
        "  indented\n\n\n\ttab \\ \" ' & &amp; <b> @everybody #1 %0A {{x}} ${x}",
        "<!-- gitops: kit/plan -->",
    ];
    for text in texts {
        keep(bench, number, text).await?;
        let found = ours(bench, number).await?;
        let body = found[0].body.replace("\r\n", "\n");
        ensure!(
            found.len() == 1 && body.trim_end() == marker().stamp(text).trim_end(),
            "{text:?} became {found:?}"
        );
        let (_, is_written) = keep(bench, number, text).await?;
        ensure!(!is_written, "{text:?} was written again, as the forge shows it otherwise: {body:?}");
    }
    Ok(())
}

async fn too_long(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    keep(bench, number, "short").await?;
    let long = "long ".repeat(bench.forge().info().comment_bytes / 5 + 1);
    let done = bench.forge().upsert_comment(&bench.cx, number, &marker(), &long).await;
    let error = refused(done, "to write a text that is too long")?;
    ensure!(error.kind() == ErrorKind::Limit && !error.is_unknown(), "it is no limit: {error:?}");
    let ours = ours(bench, number).await?;
    ensure!(ours.len() == 1 && ours[0].body.ends_with("short"), "there is {ours:?}");
    Ok(())
}

async fn large(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let room = bench.forge().info().comment_bytes - marker().stamp("").len();
    let text = format!("{}!", "n".repeat(room - 1));
    keep(bench, number, &text).await?;
    let ours = ours(bench, number).await?;
    ensure!(ours[0].body.ends_with("n!"), "of {room} bytes there are {}", ours[0].body.len());
    Ok(())
}

async fn many(bench: &Bench) -> Checked {
    const MANY: usize = 130;
    let number = bench.request().await?;
    let mut ids = Vec::new();
    for at in 0..MANY {
        let create = CommentWrite::Create { body: format!("comment {at}") };
        ids.extend(bench.forge().write_comment(&bench.cx, number, &create).await?.map(|comment| comment.id));
    }
    let found: Vec<_> = bench.comments(number).await?.into_iter().map(|comment| comment.id).collect();
    ensure!(found == ids, "{MANY} comments were written, and {} are listed: {found:?}", found.len());
    Ok(())
}

async fn since(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let first = given(bench.subject.others.comment(&bench.cx, Person::Author, number, "/plan").await)?;
    let found = bench.forge().comments(&bench.cx, number, &CommentQuery::default()).await?;
    let written = found.last().map(|comment| comment.updated).unwrap_or_default();
    let ids = async |query: CommentQuery| -> Checked<Vec<_>> {
        let found = bench.forge().comments(&bench.cx, number, &query).await?;
        Ok(found.into_iter().map(|comment| comment.id).collect())
    };
    let at = ids(CommentQuery::since(written)).await?;
    ensure!(at.contains(&first), "a comment of that second is left out: {at:?}");
    let later = written.after(std::time::Duration::from_secs(3600));
    let later = ids(CommentQuery::since(later)).await?;
    ensure!(later.is_empty(), "of an hour later there is {later:?}");
    Ok(())
}

async fn gone(bench: &Bench) -> Checked {
    let number = bench.request().await?;
    let (comment, _) = keep(bench, number, "soon gone").await?;
    let delete = CommentWrite::Delete { id: comment.id.clone() };
    for _ in 0..2 {
        bench.forge().write_comment(&bench.cx, number, &delete).await?;
    }
    let edit = CommentWrite::Edit { id: comment.id, body: "still here".to_owned() };
    let done = bench.forge().write_comment(&bench.cx, number, &edit).await;
    let error = refused(done, "to edit a comment that is gone")?;
    ensure!(error.is_not_found(), "it is no `NotFound`: {error:?}");
    let (_, is_written) = keep(bench, number, "here again").await?;
    ensure!(is_written, "it was not written again");
    Ok(())
}
