//! Whether a rule judges each step by itself, so that it can be said which steps it is about.

use ::cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::cost::parts;

/// The variables that are about more than one step.
const OF_MANY: [&str; 2] = ["plan", "steps"];

/// Whether a rule is true of steps exactly if it is true of each of them alone: it says something of all steps, or that there is
/// none of some kind, with what looks at one step and at nothing of the plan. Several such, and what looks at no step, may be joined.
///
/// What can't be told so is a rule about the whole plan.
pub(super) fn is_by_step(rule: &IdedExpr) -> bool {
    if !looks_at_many(rule) {
        return true;
    }
    match &rule.expr {
        Expr::Call(call) => match (call.func_name.as_str(), &call.args[..]) {
            (operators::LOGICAL_AND, parts) => parts.iter().all(is_by_step),
            // True of each step by one part or the other is not true of all by one of them.
            (operators::LOGICAL_OR, parts) => {
                parts.iter().filter(|part| looks_at_many(part)).count() < 2 && parts.iter().all(is_by_step)
            }
            (operators::LOGICAL_NOT, [part]) => is_of_each(part, operators::LOGICAL_OR, false),
            _ => false,
        },
        Expr::Comprehension(_) => is_of_each(rule, operators::LOGICAL_AND, true),
        _ => false,
    }
}

/// Whether it is `steps.all(…)`, or `steps.exists(…)`, as `joined` and `begin` say, with what looks at the step alone.
fn is_of_each(part: &IdedExpr, joined: &str, begin: bool) -> bool {
    let Expr::Comprehension(each) = &part.expr else { return false };
    let ComprehensionExpr { iter_range, accu_var, accu_init, loop_step, result, .. } = &**each;
    let is_accumulated = |part: &IdedExpr| matches!(&part.expr, Expr::Ident(name) if name == accu_var);
    let Expr::Call(step) = &loop_step.expr else { return false };
    let [before, judged] = &step.args[..] else { return false };
    matches!(&iter_range.expr, Expr::Ident(name) if name == "steps")
        && accu_init.expr == Expr::Literal(LiteralValue::Boolean(begin.into()))
        && step.func_name == joined
        && is_accumulated(before)
        && is_accumulated(result)
        && !looks_at_many(judged)
}

fn looks_at_many(part: &IdedExpr) -> bool {
    matches!(&part.expr, Expr::Ident(name) if OF_MANY.contains(&name.as_str()))
        || parts(part).into_iter().any(looks_at_many)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::cel::Expression;

    #[test]
    fn a_rule_is_by_step_if_each_step_alone_decides() {
        let is = |text: &str| is_by_step(Expression::parse(text).unwrap().program.expression());
        for rule in [
            "steps.all(s, s.action != 'delete')",
            "!steps.exists(s, s.key.kind == 'Namespace' && s.action == 'delete')",
            "steps.all(s, s.action != 'delete') && steps.all(s, s.cause != 'drift')",
            "steps.all(s, s.action != 'delete') && !steps.exists(s, 'secret' in s.risk)",
            "commits.known && steps.all(s, s.action != 'delete')",
            "commits.list.all(c, c.author == 'Ann') || steps.all(s, s.action != 'delete')",
            "steps.all(s, s.components.all(c, c.kind != 'db' || c.action != 'delete'))",
            "commits.known",
        ] {
            assert!(is(rule), "{rule}");
        }
        for rule in [
            "plan.delete < 2",
            "size(steps) < 5",
            "steps.exists(s, s.action == 'create')",
            "!steps.all(s, s.action == 'create')",
            "steps.exists_one(s, s.action == 'delete')",
            "!steps.exists_one(s, s.action == 'delete')",
            "steps.filter(s, s.action == 'delete').size() < 3",
            "steps.all(s, s.action != 'delete') || steps.all(s, s.cause == 'drift')",
            "steps.all(s, s.action != 'delete' || plan.delete < 3)",
            "steps.all(s, steps.all(t, t.action == s.action))",
            "steps.all(s, s.action != 'delete') && plan.create < 5",
            "plan.delete < 2 || steps.all(s, s.action != 'delete')",
            "steps.all(s, s.action != 'delete') ? true : false",
            "steps.map(s, s.action).all(a, a != 'delete')",
            "steps.all(steps, steps.action != 'delete')",
        ] {
            assert!(!is(rule), "{rule}");
        }
    }
}
