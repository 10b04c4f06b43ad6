//! The lines of Python that made a step, as comments: what a user asks for who knows the model by its source.

use crate::plan::{Plan, Step, for_each_step};

/// Adds to the note of each step where it was made, if the step before it was not made there, too.
pub(super) fn note(plan: &mut Plan) {
    let methods = plan.structs.iter_mut().flat_map(|s| &mut s.methods);
    for method in methods {
        let mut before = None;
        for_each_step(&mut method.body, &mut |step| {
            let line = line(step);
            if line.is_some() && line != before {
                let parts = [step.note.take(), line.clone()];
                step.note = Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "));
            }
            before = line.or(before.take());
        });
    }
}

fn line(step: &Step) -> Option<String> {
    let mut lines = step
        .origins
        .iter()
        .filter_map(|origin| origin.python.as_deref());
    lines.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Op, Origin, Unary};
    use crate::plan::{Action, Method, Struct};

    fn step(note: Option<&str>, python: Option<&str>) -> Step {
        let origin = Origin {
            python: python.map(Into::into),
            ..Origin::default()
        };
        Step {
            results: vec![],
            action: Action::Op(Op::Unary(Unary::Relu)),
            blocks: vec![],
            args: vec![],
            condition: None,
            note: note.map(str::to_owned),
            origins: vec![origin],
        }
    }

    #[test]
    fn a_line_is_named_where_it_begins() {
        let body = vec![
            step(Some("[2, 3]"), Some("model.py:7")),
            step(None, Some("model.py:7")),
            step(None, None),
            step(None, Some("model.py:8")),
        ];
        let mut plan = Plan {
            structs: vec![Struct {
                methods: vec![Method {
                    body,
                    ..Method::default()
                }],
                ..Struct::default()
            }],
            entries: vec![],
            weights: vec![],
        };
        note(&mut plan);
        let notes = plan.structs[0].methods[0]
            .body
            .iter()
            .map(|step| step.note.as_deref());
        let expected = [Some("[2, 3], model.py:7"), None, None, Some("model.py:8")];
        assert_eq!(notes.collect::<Vec<_>>(), expected);
    }
}
