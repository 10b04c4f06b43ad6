//! Names of locals: a chain keeps one name, and what is new gets one.

use super::body::{Source, Step};
use super::course::is_value;
use super::locals::Writer;
use super::nouns;
use crate::ir::{DType, Op, Pass, Unary};
use crate::plan::ident::{NAMELESS, is_noun, snake};
use crate::plan::{Action, Flow};
use std::collections::BTreeSet;

/// The names of what is on the course.
const SHORT: [&str; 2] = ["x", "h"];
/// A name made of two is no longer.
const MAX_JOINED: usize = 24;
/// What several results are called of which no more is known.
const ORDINALS: [&str; 4] = ["first", "second", "third", "fourth"];

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
            return vec![self.result_name(index, dying, fields)];
        }
        if let Some(pass) = step.action.pass() {
            return self.recurrent_names(index, pass, dying, fields);
        }
        let mut names: Vec<String> = vec![];
        for result in 0..step.types.len() {
            let source = Source::Step {
                step: index,
                result,
            };
            // What functions on the host give is converted where it is bound, which rustfmt breaks by the width of the names.
            let is_host = matches!(step.action, Action::Op(Op::Host(_)));
            let wanted = match self.wanted.get(&source).filter(|_| !is_host) {
                Some(name) => name.clone(),
                None if is_host => of_host(step, result),
                None => one_of_several(step, result),
            };
            let is_new = |name: &String| !names.contains(name);
            let label = snake(&step.label);
            let labelled = format!("{}_{wanted}", label.trim_end_matches('_'));
            let choices = [wanted.clone(), labelled];
            let unread = if self.last_use.contains_key(&source) {
                ""
            } else {
                "_"
            };
            let free = choices
                .into_iter()
                .map(|name| self.free(&format!("{unread}{name}"), dying));
            let free = free
                .clone()
                .find(|name| is_new(name) && !has_counter(name))
                .or_else(|| free.clone().find(is_new));
            names.push(free.unwrap_or(wanted));
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
                (None, None) => self.result_name(index, dying, fields),
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
                result if result < count => self.meaning(index, result, result < carried),
                _ if is_read => "rounds".to_owned(),
                _ => "_rounds".to_owned(),
            };
            let stem = base.trim_end_matches('_');
            let numbered = (2..).map(|n| format!("{stem}_{n}"));
            let mut candidates = std::iter::once(base.clone()).chain(numbered);
            let is_free = |name: &String| self.free(name, dying) == *name && !names.contains(name);
            names.extend(candidates.find(is_free));
        }
        names
    }

    /// What a result of a loop is called: as what becomes of it, or as the argument that it is in the beginning.
    fn meaning(&self, index: usize, result: usize, is_carried: bool) -> String {
        let own = Source::Step {
            step: index,
            result,
        };
        if let Some(name) = self.wanted.get(&own) {
            return name.clone();
        }
        let first = self.body.steps[index].args.get(result);
        let first = first.filter(|first| is_carried && matches!(first, Source::Input(_)));
        let named = first.and_then(|first| self.names.get(first));
        let other = if is_carried { "state" } else { "rows" };
        match named.map(|named| named.name.as_str()) {
            None | Some("x" | "y" | "h" | "mask") => other.to_owned(),
            Some(name) => name.to_owned(),
        }
    }

    /// The name of what is on the course is short. Everything else is called after what made it, and keeps its name while
    /// only its form changes.
    fn result_name(&self, index: usize, dying: &BTreeSet<Source>, fields: &[String]) -> String {
        let step = &self.body.steps[index];
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
        let own = Source::Step {
            step: index,
            result: 0,
        };
        let is_free = |name: &&str| self.free(name, dying) == **name;
        if self.course.has(own) {
            let short: Vec<&str> = SHORT.into_iter().filter(is_free).collect();
            let is_kept = self.is_read_later(own) && short.len() < SHORT.len();
            if let ([name, ..], false) = (short.as_slice(), is_kept) {
                return (*name).to_owned();
            }
        }
        if let Some(name) = self.kept_name(index, dying) {
            return name;
        }
        let wanted = self.telling_names(index, fields);
        let free = wanted.iter().find(|name| is_free(&name.as_str()));
        match (free, wanted.last()) {
            (Some(free), _) => free.clone(),
            (None, Some(last)) => self.free(last, dying),
            (None, None) => self.free(NAMELESS, dying),
        }
    }

    /// Whether something on the course is read again after the step on the course that reads it first.
    fn is_read_later(&self, source: Source) -> bool {
        let reads = |(index, step): (usize, &Step)| {
            let next = Source::Step {
                step: index,
                result: 0,
            };
            (step.args.contains(&source) && self.course.has(next)).then_some(index)
        };
        let next = self.body.steps.iter().enumerate().find_map(reads);
        next.is_some_and(|next| self.last_use.get(&source).is_some_and(|last| *last > next))
    }

    /// The name of the operand that ends here, if the step only gives it another form.
    fn kept_name(&self, index: usize, dying: &BTreeSet<Source>) -> Option<String> {
        let operands = self.course.operands(self.body, index);
        let [one] = operands.as_slice() else {
            return None;
        };
        let name = &self.names.get(one).filter(|_| dying.contains(one))?.name;
        let is_telling = !SHORT.contains(&name.as_str()) && self.free(name, dying) == *name;
        (is_telling && keeps_meaning(&self.body.steps[index])).then(|| name.clone())
    }

    /// What a step's result may be called, the best first.
    fn telling_names(&self, index: usize, fields: &[String]) -> Vec<String> {
        let step = &self.body.steps[index];
        let label = step
            .label
            .contains(char::is_alphabetic)
            .then(|| snake(&step.label));
        let field = step.action.field().map(|field| fields[field].clone());
        let noun = match (&step.action, step.types.first()) {
            (Action::Op(_), Some(ty)) if ty.dtype == DType::Bool => Some("mask"),
            (Action::Op(op), _) => Some(nouns::of(op)),
            _ => None,
        };
        let noun = noun.filter(|noun| *noun != NAMELESS).map(str::to_owned);
        let is_telling = |name: &&str| !SHORT.contains(name) && !is_noun(name);
        let names = step.args.iter().filter(|arg| is_value(self.body, **arg));
        let mut names = names.filter_map(|arg| Some(self.names.get(arg)?.name.as_str()));
        let of_operand = names.find(is_telling).map(str::to_owned);
        let joined = |a: &Option<String>, b: &Option<String>| {
            let (a, b) = (a.as_ref()?, b.as_ref()?);
            (!a.ends_with(b.as_str())).then(|| format!("{}_{b}", a.trim_end_matches('_')))
        };
        let names = [
            noun.clone(),
            joined(&of_operand, &noun).filter(|name| name.len() <= MAX_JOINED),
            field.clone(),
            label.clone(),
            joined(&label, &noun),
            joined(&field, &Some("output".to_owned())),
        ];
        names.into_iter().flatten().collect()
    }
}

/// What one of several results of a function on the host is called.
fn of_host(step: &Step, result: usize) -> String {
    let label = snake(&step.label);
    let base = match step.label.contains(char::is_alphabetic) {
        true => label.trim_end_matches('_'),
        false => "y",
    };
    format!("{base}_{result}")
}

/// What one of several results of a step is called.
fn one_of_several(step: &Step, result: usize) -> String {
    let nouns = match &step.action {
        Action::Op(op) => nouns::of_several(op),
        _ => &[],
    };
    let name = nouns.get(result).or_else(|| ORDINALS.get(result));
    name.map_or_else(|| format!("result_{result}"), |name| (*name).to_owned())
}

fn has_counter(name: &str) -> bool {
    let digits = name.trim_end_matches(|c: char| c.is_ascii_digit());
    digits.len() < name.len() && digits.ends_with('_')
}

/// Whether a step gives what it was given in another form, so that a telling name stays true.
fn keeps_meaning(step: &Step) -> bool {
    let Action::Op(op) = &step.action else {
        return false;
    };
    matches!(
        op,
        Op::Unary(unary) if !matches!(unary, Unary::Sin | Unary::Cos)
    ) || matches!(
        op,
        Op::Binary(_)
            | Op::Select
            | Op::Clamp { .. }
            | Op::Cast(_)
            | Op::Dropout { .. }
            | Op::Reshape(_)
            | Op::Transpose(_)
            | Op::Broadcast(_)
            | Op::Tile(_)
            | Op::FromEnd(_)
    )
}
