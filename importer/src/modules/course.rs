//! The course of a method: the values that lead from its argument to its result, by way of which all the others come in.

use super::body::{Body, Source};
use crate::ir::Op;
use crate::plan::Action;
use std::collections::BTreeSet;

/// Beyond so many steps a method has no course: finding it takes time and memory of their square.
const MAX_STEPS: usize = 4000;

/// What is known of the values of a body.
pub struct Course {
    /// The values on the course.
    main: BTreeSet<Source>,
    /// For each step, how many layers are behind it.
    depths: Vec<usize>,
    first: Option<usize>,
}

impl Course {
    /// The course of a body.
    pub fn of(body: &Body) -> Self {
        let mut course = Course {
            main: BTreeSet::new(),
            depths: vec![],
            first: body.inputs.iter().position(|ty| ty.dtype.is_float()),
        };
        for step in &body.steps {
            let before = step.args.iter().map(|&arg| course.depth(arg)).max();
            let own = match step.action {
                Action::Layer { .. } | Action::Module { .. } | Action::Modules { .. } => 1,
                Action::Flow(_) => 1,
                Action::Op(_)
                | Action::Constant(_)
                | Action::Parameter(_)
                | Action::LayerWeight { .. }
                | Action::Extent { .. }
                | Action::Elements => 0,
            };
            course.depths.push(before.unwrap_or(0) + own);
        }
        if body.steps.len() <= MAX_STEPS {
            course.follow(body);
        }
        course
    }

    /// Whether a value is on the course.
    pub fn has(&self, source: Source) -> bool {
        self.main.contains(&source)
    }

    /// The operands that make a step's result what it is: those with layers behind them, if any has; constants and
    /// parameters are none.
    pub fn operands(&self, body: &Body, step: usize) -> Vec<Source> {
        let mut operands: Vec<Source> = vec![];
        for &arg in &body.steps[step].args {
            if is_value(body, arg) && !operands.contains(&arg) {
                operands.push(arg);
            }
        }
        if operands.iter().any(|&arg| self.depth(arg) > 0) {
            operands.retain(|&arg| self.depth(arg) > 0);
        }
        operands
    }

    /// How many layers are behind a value; the first argument of numbers counts as one.
    fn depth(&self, source: Source) -> usize {
        match source {
            Source::Input(input) => usize::from(self.first == Some(input)),
            Source::Step { step, .. } => self.depths[step],
        }
    }

    /// From the deepest result backwards; past branches to what they have in common.
    fn follow(&mut self, body: &Body) {
        let results = body.results.iter().rev().copied();
        let mut at = results.max_by_key(|&result| self.depth(result));
        while let Some(source) = at {
            self.main.insert(source);
            let Source::Step { step, .. } = source else {
                return;
            };
            let operands = self.operands(body, step);
            at = match operands.as_slice() {
                [] => None,
                [one] => Some(*one),
                several => self.meeting(body, several),
            };
        }
    }

    /// The one of several operands that all others lead to; else the last value that is behind all of them.
    fn meeting(&self, body: &Body, operands: &[Source]) -> Option<Source> {
        let behind: Vec<BTreeSet<Source>> = operands
            .iter()
            .map(|&operand| self.behind(body, operand))
            .collect();
        let is_behind_another = |at: usize| {
            let mut others = behind.iter().enumerate();
            others.any(|(other, behind)| other != at && behind.contains(&operands[at]))
        };
        let left: Vec<usize> = (0..operands.len())
            .filter(|&at| !is_behind_another(at))
            .collect();
        match left.as_slice() {
            [one] => Some(operands[*one]),
            several => {
                let (first, others) = several.split_first()?;
                let is_common =
                    |source: &&Source| others.iter().all(|&other| behind[other].contains(source));
                behind[*first].iter().rev().find(is_common).copied()
            }
        }
    }

    /// The values that a value is made of, without those that have no layers behind them.
    fn behind(&self, body: &Body, source: Source) -> BTreeSet<Source> {
        let (mut found, mut stack) = (BTreeSet::new(), vec![source]);
        while let Some(source) = stack.pop() {
            let Source::Step { step, .. } = source else {
                continue;
            };
            for operand in self.operands(body, step) {
                if found.insert(operand) {
                    stack.push(operand);
                }
            }
        }
        found
    }
}

/// Whether something is computed from arguments, rather than a constant or a parameter.
pub fn is_value(body: &Body, source: Source) -> bool {
    match source {
        Source::Input(_) => true,
        Source::Step { step, .. } => !matches!(
            body.steps[step].action,
            Action::Parameter(_)
                | Action::LayerWeight { .. }
                | Action::Constant(_)
                | Action::Op(Op::Extents { .. })
        ),
    }
}
