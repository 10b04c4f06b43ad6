//! What a function would run, found before it does: ops that nothing runs, and calls without measure.

use super::Machine;
use super::control::Structure;
use super::plan::{Kind, Plan};
use crate::error::{Error, Place, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Calls without loops may come to this many nodes: functions that call each other twice double at each level.
const TREE_LIMIT: u64 = 4_000_000;

/// Functions nest no deeper in a survey.
const DEPTH_LIMIT: usize = 130;

/// What running a function comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// The nodes that run if each loop goes round once.
    nodes: u64,
    /// Ops that nothing runs, with the place of the first of each.
    lacks: BTreeMap<String, Place>,
    /// Whether one of them is sure to be met.
    is_sure: bool,
}

impl Machine<'_> {
    /// Refuses a plan that is sure to fail, with all that is missing.
    pub(super) fn check_plan(&mut self, plan: &Arc<Plan>) -> Result<()> {
        if plan.is_checked.get().is_some() {
            return Ok(());
        }
        let survey = self.survey_plan(plan, 0);
        if survey.is_sure {
            return Err(Error::several(survey.missing()));
        }
        match survey.nodes > TREE_LIMIT {
            true => Err(too_many(&plan.name, survey.nodes)),
            false => {
                plan.is_checked.get_or_init(|| ());
                Ok(())
            }
        }
    }

    /// All that a plan may meet and that nothing runs.
    pub(super) fn missing_ops(&mut self, plan: &Arc<Plan>) -> Error {
        Error::several(self.survey_plan(plan, 0).missing())
    }

    fn survey_plan(&mut self, plan: &Arc<Plan>, depth: usize) -> Survey {
        let mut survey = Survey::default();
        for &node in &plan.order {
            survey.nodes = survey.nodes.saturating_add(1);
            match &plan.steps[node].kind {
                Kind::Unknown => {
                    let op = plan.steps[node].def.op.clone();
                    let place = self.place_with_line(plan, node);
                    survey.lacks.entry(op).or_insert(place);
                    survey.is_sure |= !plan.has_switches;
                }
                Kind::Call(function) => self.survey_call(&mut survey, function, true, depth),
                Kind::Control(structure) => self.survey_structure(&mut survey, structure, depth),
                Kind::Constant(_)
                | Kind::Forward
                | Kind::Nothing
                | Kind::Flow(_)
                | Kind::Kernel(_)
                | Kind::Lowered => {}
            }
        }
        survey.is_sure &= !plan.has_switches;
        survey
    }

    fn survey_structure(&mut self, survey: &mut Survey, structure: &Structure, depth: usize) {
        match structure {
            Structure::Call(function) => self.survey_call(survey, function, true, depth),
            Structure::If { then, otherwise } => {
                self.survey_call(survey, then, false, depth);
                self.survey_call(survey, otherwise, false, depth);
            }
            Structure::Case(branches) => branches
                .iter()
                .for_each(|branch| self.survey_call(survey, branch, false, depth)),
            Structure::While { condition, body } => {
                self.survey_call(survey, condition, true, depth);
                self.survey_call(survey, body, false, depth);
            }
        }
    }

    fn survey_call(&mut self, survey: &mut Survey, function: &str, is_sure: bool, depth: usize) {
        let known = self.state.surveys.get(function).cloned();
        let known = known.or_else(|| self.survey_function(function, depth + 1));
        let Some(known) = known else { return };
        survey.nodes = survey.nodes.saturating_add(known.nodes);
        survey.is_sure |= is_sure && known.is_sure;
        for (op, place) in known.lacks {
            survey.lacks.entry(op).or_insert(place);
        }
    }

    /// `None` where it nests too deep, or is broken: running it will say so.
    fn survey_function(&mut self, function: &str, depth: usize) -> Option<Survey> {
        if depth > DEPTH_LIMIT {
            return None;
        }
        let plan = self.plan(function).ok()?;
        let survey = self.survey_plan(&plan, depth);
        self.state
            .surveys
            .insert(function.to_owned(), survey.clone());
        Some(survey)
    }
}

impl Survey {
    fn missing(self) -> Vec<Error> {
        let lacks = self.lacks.into_iter();
        lacks
            .map(|(op, place)| {
                Error::unsupported(format!("the op {op} is not supported")).at(&place)
            })
            .collect()
    }
}

fn too_many(name: &str, nodes: u64) -> Error {
    let message =
        format!("`{name}` would run {nodes} nodes, loops aside, and {TREE_LIMIT} are the limit");
    Error::unsupported(message).help("its functions call each other without measure")
}
