//! Names of locals: a chain keeps one name, and what is new gets one.

use super::body::{Source, Step};
use super::locals::{Name, Writer};
use crate::ir::{Op, Pass};
use crate::plan::ident::snake;
use crate::plan::{Action, Flow};
use std::collections::BTreeSet;

/// The names of what is on the way.
const SHORT: [&str; 2] = ["x", "h"];

impl Writer<'_> {
    /// `name`, or with a number if a value of that name is alive.
    pub(super) fn free(&self, name: &str, dying: &BTreeSet<Source>) -> String {
        let alive: BTreeSet<&str> = self
            .names
            .iter()
            .filter(|(source, _)| !dying.contains(*source))
            .map(|(_, name)| name.name.as_str())
            .chain(self.kept.iter().map(String::as_str))
            .collect();
        let extents: BTreeSet<&str> = self
            .extents
            .named
            .iter()
            .map(|extent| extent.name.as_str())
            .collect();
        let taken = |name: &str| {
            alive.contains(name)
                || extents.contains(name)
                || matches!(name, "self" | "train" | "device")
        };
        let stem = name.trim_end_matches('_');
        let numbered = (2..).map(|n| format!("{stem}_{n}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    pub(super) fn result_names(
        &self,
        index: usize,
        dying: &BTreeSet<Source>,
        fields: &[String],
    ) -> Vec<String> {
        let step = &self.body.steps[index];
        if let Action::Flow(Flow::Repeat { carried, .. }) = step.action {
            return self.loop_names(index, carried, dying);
        }
        if let [_] = step.types.as_slice() {
            let own = Source::Step {
                step: index,
                result: 0,
            };
            if let Some(name) = self.wanted.get(&own) {
                return vec![self.free(name, dying)];
            }
            return vec![self.result_name(step, dying, fields)];
        }
        if let Some(pass) = step.action.pass() {
            return self.recurrent_names(index, pass, dying, fields);
        }
        let base = if !step.label.contains(char::is_alphabetic) {
            "y".to_owned()
        } else {
            snake(&step.label).trim_end_matches('_').to_owned()
        };
        let mut names: Vec<String> = vec![];
        for result in 0..step.types.len() {
            let source = Source::Step {
                step: index,
                result,
            };
            let wanted = if self.last_use.contains_key(&source) {
                format!("{base}_{result}")
            } else {
                format!("_{base}_{result}")
            };
            names.push(self.free(&wanted, dying));
        }
        names
    }

    /// Names of what a recurrent layer gives: its output as that of any layer, and its states.
    fn recurrent_names(
        &self,
        index: usize,
        pass: &Pass,
        dying: &BTreeSet<Source>,
        fields: &[String],
    ) -> Vec<String> {
        let step = &self.body.steps[index];
        let outputs = usize::from(pass.output.is_some());
        let states: &[&str] = match step.types.len() - outputs {
            1 => &["state"],
            _ => &["state_h", "state_c"],
        };
        let mut names: Vec<String> = vec![];
        for result in 0..step.types.len() {
            let source = Source::Step {
                step: index,
                result,
            };
            let wanted = match (self.wanted.get(&source), result.checked_sub(outputs)) {
                (Some(name), _) => name.clone(),
                (None, None) => self.result_name(step, dying, fields),
                (None, Some(state)) => states.get(state).map_or("state", |name| *name).to_owned(),
            };
            let is_read = self.last_use.contains_key(&source);
            let wanted = if is_read {
                wanted
            } else {
                format!("_{wanted}")
            };
            names.push(self.free(&wanted, dying));
        }
        names
    }

    /// Names of what a loop carries and collects, and of the number of its rounds. What it carries needs a name anyway.
    fn loop_names(&self, index: usize, carried: usize, dying: &BTreeSet<Source>) -> Vec<String> {
        let step = &self.body.steps[index];
        let count = step.types.len().saturating_sub(1);
        // What the body reads besides keeps its name as long as the loop runs.
        let besides = step.args.get(carried..).unwrap_or_default();
        let mut dying = dying.clone();
        dying.retain(|source| !besides.contains(source));
        let dying = &dying;
        let mut names: Vec<String> = vec![];
        for result in 0..=count {
            let is_read = self.last_use.contains_key(&Source::Step {
                step: index,
                result,
            });
            let base = match result {
                result if result < carried => "state",
                result if result < count => "rows",
                _ if is_read => "rounds",
                _ => "_rounds",
            };
            let numbered = (2..).map(|n| format!("{base}_{n}"));
            let mut candidates = std::iter::once(base.to_owned()).chain(numbered);
            let is_free = |name: &String| self.free(name, dying) == *name && !names.contains(name);
            names.extend(candidates.find(is_free));
        }
        names
    }

    /// The name of the operand that ends here, so that a chain keeps one name; else one for what is new.
    fn result_name(&self, step: &Step, dying: &BTreeSet<Source>, fields: &[String]) -> String {
        match &step.action {
            Action::Parameter(field) => return self.free(&fields[*field], dying),
            Action::Constant(_) => return self.free("constant", dying),
            Action::Op(Op::Extents { .. }) => return self.free("shape", dying),
            Action::LayerWeight { field, .. } => {
                return self.free(&format!("{}_weight", fields[*field]), dying);
            }
            Action::Op(_)
            | Action::Layer { .. }
            | Action::Module { .. }
            | Action::Modules { .. }
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => {}
        }
        let chained = step
            .args
            .iter()
            .find(|arg| dying.contains(arg) && self.is_chain(**arg));
        // A model's argument has the name that the model gives it; what is made of it has not.
        let is_argument = |arg: &&Source| matches!(arg, Source::Input(_));
        let named = chained
            .filter(|arg| !is_argument(arg))
            .and_then(|arg| self.names.get(arg));
        if let Some(Name { name, .. }) = named
            && (SHORT.contains(&name.as_str()) || self.keeps_meaning(step))
        {
            return name.clone();
        }
        for short in SHORT {
            if self.free(short, dying) == short {
                return short.to_owned();
            }
        }
        let label = if !step.label.contains(char::is_alphabetic) {
            "y".to_owned()
        } else {
            snake(&step.label)
        };
        self.free(&label, dying)
    }

    /// Whether a step gives what it was given in another form, so that a telling name stays true.
    fn keeps_meaning(&self, step: &Step) -> bool {
        let is_one_of_several = step.args.iter().filter(|arg| self.is_chain(**arg)).count() > 1;
        let Action::Op(op) = &step.action else {
            return false;
        };
        let is_form = matches!(
            op,
            Op::Unary(_)
                | Op::Binary(_)
                | Op::Clamp { .. }
                | Op::Cast(_)
                | Op::Dropout { .. }
                | Op::Reshape(_)
                | Op::Transpose(_)
                | Op::Broadcast(_)
        );
        is_form && !is_one_of_several
    }

    /// Whether a value is on the way, rather than a constant or a parameter.
    fn is_chain(&self, source: Source) -> bool {
        match source {
            Source::Input(_) => true,
            Source::Step { step, .. } => !matches!(
                self.body.steps[step].action,
                Action::Parameter(_)
                    | Action::LayerWeight { .. }
                    | Action::Constant(_)
                    | Action::Op(Op::Extents { .. })
            ),
        }
    }
}
