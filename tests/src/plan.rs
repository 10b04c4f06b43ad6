//! From golden entries to a module's functions: the job that a compiled module runs, and what must come out.

use std::collections::BTreeMap;

use savedmodel_import::manifest::{Function, Manifest, Variable};
use savedmodel_import::weights::Layout;
use savedmodel_import_tests_value::{Data, Job, Step, Training, Value, Values, argument_key};
use serde_json::Value as Json;

use crate::Result;
use crate::corpus::{Case, CaseKind, Subject};

/// What the losses of training are called.
pub const LOSSES: &str = "losses";

/// What a step is to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// TensorFlow's outputs, or its variables after the calls.
    Match,
    /// The same, for the golden batch twice over.
    Batch,
    /// TensorFlow's gradients.
    Gradient,
    /// Losses and variables of Keras' training.
    Training,
}

/// A step of a job, and what it must give.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// What it shows.
    pub goal: Goal,
    /// The golden entry, in words.
    pub label: String,
    /// What must come out.
    pub values: Vec<Expected>,
}

/// One value that must come out.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Its name among the step's outputs.
    pub name: String,
    /// TensorFlow's dtype.
    pub dtype: String,
    /// The value.
    pub value: Value,
    /// Whether only the sum of squares is given.
    pub sum_of_squares: bool,
    /// The tensor's dtype in the framework, where the manifest promises one.
    pub native: Option<String>,
}

/// A job with its inputs and expectations. Golden entries that fit no function are under `unplanned`.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the module runs.
    pub job: Job,
    /// The arguments.
    pub inputs: Values,
    /// For each step of the job.
    pub expectations: Vec<Expectation>,
    /// Goals that could not be tried, and why.
    pub unplanned: Vec<(Goal, String)>,
}

/// Plans all golden entries of `subject`, on `golden`'s numbers.
pub fn plan(subject: &Subject, manifest: &Manifest, golden: &Values) -> Plan {
    let mut plan = Plan {
        job: Job {
            subject: manifest.name.clone(),
            steps: Vec::new(),
        },
        inputs: Values::new(),
        expectations: Vec::new(),
        unplanned: Vec::new(),
    };
    let planner = Planner { manifest, golden };
    for case in &subject.cases {
        let goal = match case.kind {
            CaseKind::Signature | CaseKind::Function | CaseKind::Variables => Goal::Match,
            CaseKind::Gradient => Goal::Gradient,
            CaseKind::Training => Goal::Training,
        };
        if let Err(why) = planner.add(&mut plan, case) {
            plan.unplanned.push((goal, format!("{}: {why}", case.name)));
        }
        // At once, while the model's state is what it was for the golden batch.
        if subject.tolerance.scaled {
            planner.add_batch(&mut plan, case);
        }
    }
    plan
}

struct Planner<'a> {
    manifest: &'a Manifest,
    golden: &'a Values,
}

impl Planner<'_> {
    fn add(&self, plan: &mut Plan, case: &Case) -> Result<()> {
        let (step, goal, values) = match case.kind {
            CaseKind::Signature | CaseKind::Function => {
                let (index, function) = self.function(case)?;
                self.arguments(plan, case, function, |value| value)?;
                (
                    Step::Call(index),
                    Goal::Match,
                    self.outputs(case, function)?,
                )
            }
            CaseKind::Gradient => {
                let (function, tensors, values) = self.gradient(case)?;
                self.arguments(plan, case, &self.manifest.functions[function], |value| {
                    value
                })?;
                (Step::Gradient { function, tensors }, Goal::Gradient, values)
            }
            CaseKind::Variables => {
                let values = self.by_variable(case)?;
                let names = values
                    .iter()
                    .map(|expected| expected.name.clone())
                    .collect();
                (Step::Variables(names), Goal::Match, values)
            }
            CaseKind::Training => {
                let (training, values) = self.training(plan, case)?;
                (Step::Train(training), Goal::Training, values)
            }
        };
        plan.job.steps.push(step);
        let optimizer = case.training.map(|recipe| recipe.optimizer.name());
        plan.expectations.push(Expectation {
            goal,
            label: format!("{:?} {}", case.kind, optimizer.unwrap_or(&case.name)),
            values,
        });
        Ok(())
    }

    /// The golden batch twice over, where every argument has an unknown first dimension.
    fn add_batch(&self, plan: &mut Plan, case: &Case) {
        let call = matches!(case.kind, CaseKind::Signature | CaseKind::Function);
        let found = self.function(case).ok();
        let Some((index, function)) = found.filter(|(_, f)| call && !f.mutates) else {
            return;
        };
        let free = |shape: &Option<Vec<Option<u64>>>| matches!(shape.as_deref(), Some([None, ..]));
        let inputs_free =
            function.inputs.iter().all(|input| free(&input.shape)) && !function.inputs.is_empty();
        let outputs_free = function.outputs.iter().all(|output| free(&output.shape));
        let Ok(mut values) = self.outputs(case, function) else {
            return;
        };
        let batches: Vec<usize> = self.batches(case);
        if !inputs_free || !outputs_free || batches.windows(2).any(|pair| pair[0] != pair[1]) {
            return;
        }
        if values
            .iter()
            .any(|expected| expected.value.shape.first() != batches.first())
        {
            return;
        }
        values
            .iter_mut()
            .for_each(|expected| expected.value = repeated(&expected.value, 2));
        if self
            .arguments(plan, case, function, |value| repeated(&value, 2))
            .is_ok()
        {
            plan.job.steps.push(Step::Call(index));
            plan.expectations.push(Expectation {
                goal: Goal::Batch,
                label: format!("{} at twice the batch", case.name),
                values,
            });
        }
    }

    fn batches(&self, case: &Case) -> Vec<usize> {
        let first =
            |(_, key, _): &(String, String, String)| self.golden.get(key)?.shape.first().copied();
        case.inputs.iter().filter_map(first).collect()
    }

    fn value(&self, key: &str) -> Result<Value> {
        Ok(self
            .golden
            .get(key)
            .ok_or_else(|| format!("the golden file has no `{key}`"))?
            .clone())
    }

    fn arguments(
        &self,
        plan: &mut Plan,
        case: &Case,
        function: &Function,
        change: fn(Value) -> Value,
    ) -> Result<()> {
        let step = plan.job.steps.len();
        let labels: Vec<&str> = case
            .inputs
            .iter()
            .map(|(label, _, _)| label.as_str())
            .collect();
        let names: Vec<&str> = function
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        for (place, (_, key, dtype)) in pair(&labels, &names)?.into_iter().zip(&case.inputs) {
            let value = change(decode(self.value(key)?, dtype));
            plan.inputs.insert(argument_key(step, place), value);
        }
        Ok(())
    }

    fn outputs(&self, case: &Case, function: &Function) -> Result<Vec<Expected>> {
        let labels: Vec<&str> = case
            .outputs
            .iter()
            .map(|(label, _, _)| label.as_str())
            .collect();
        let names: Vec<&str> = function
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        let places = pair(&labels, &names)?;
        let expected = |(place, (_, key, dtype)): (usize, &(String, String, String))| {
            let output = &function.outputs[place];
            if output.dtype != *dtype {
                return Err(format!(
                    "`{}` is {} in the manifest and {dtype} in TensorFlow",
                    output.name, output.dtype
                )
                .into());
            }
            Ok(Expected {
                name: output.name.clone(),
                dtype: dtype.clone(),
                value: decode(self.value(key)?, dtype),
                sum_of_squares: false,
                native: Some(output.native.clone()),
            })
        };
        places
            .into_iter()
            .zip(&case.outputs)
            .map(expected)
            .collect()
    }

    fn gradient(&self, case: &Case) -> Result<(usize, Vec<String>, Vec<Expected>)> {
        let (index, _) = self.function(case)?;
        let values = self.by_variable(case)?;
        let tensors = values
            .iter()
            .map(|expected| expected.name.clone())
            .filter(|name| name != "loss")
            .collect();
        Ok((index, tensors, values))
    }

    /// The training, whose batches become arguments of `plan`, and what it must give.
    fn training(&self, plan: &mut Plan, case: &Case) -> Result<(Training, Vec<Expected>)> {
        let (target, inputs) = case.inputs.split_last().ok_or("there is no target")?;
        let call = Case {
            inputs: inputs.to_vec(),
            ..case.clone()
        };
        let (function, named) = self.function(&call)?;
        let labels: Vec<&str> = inputs.iter().map(|(label, _, _)| label.as_str()).collect();
        let names: Vec<&str> = named
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        let mut places = pair(&labels, &names)?;
        places.push(inputs.len());
        let step = plan.job.steps.len();
        let mut batches = 0;
        for (place, (_, key, dtype)) in places.into_iter().zip(inputs.iter().chain([target])) {
            let stacked = decode(self.value(key)?, dtype);
            batches = stacked.shape.first().copied().unwrap_or_default();
            for batch in 0..batches {
                let argument = batch * (inputs.len() + 1) + place;
                let key = argument_key(step, argument);
                plan.inputs.insert(key, item(&stacked, batch));
            }
        }
        let values = self.by_variable(case)?;
        let names = values.iter().map(|expected| expected.name.clone());
        let training = Training {
            function,
            arguments: inputs.len(),
            batches,
            recipe: case.training.ok_or("nothing says how to train")?,
            tensors: names.filter(|name| name != LOSSES).collect(),
        };
        Ok((training, values))
    }

    /// Values that are labelled by checkpoint key, in the module's names and layouts.
    fn by_variable(&self, case: &Case) -> Result<Vec<Expected>> {
        let expected = |(label, key, dtype): &(String, String, String)| {
            let (label, sum_of_squares) = match label.strip_suffix("@sumsq") {
                Some(label) => (label, true),
                None => (label.as_str(), false),
            };
            let value = decode(self.value(key)?, dtype);
            let (name, value) = match self
                .manifest
                .variables
                .iter()
                .find(|v| v.checkpoint_key == label)
            {
                None if label == "loss" || label == LOSSES => (label.to_owned(), value),
                None => return Err(format!("the manifest has no variable `{label}`").into()),
                Some(variable) if sum_of_squares => (variable.tensor.clone(), value),
                Some(variable) => (variable.tensor.clone(), native(&value, variable)?),
            };
            Ok(Expected {
                name,
                dtype: dtype.clone(),
                value,
                sum_of_squares,
                native: None,
            })
        };
        case.outputs.iter().map(expected).collect()
    }

    fn function(&self, case: &Case) -> Result<(usize, &Function)> {
        let path = match case.kind {
            CaseKind::Signature | CaseKind::Gradient | CaseKind::Training => {
                format!("signatures/{}", case.name)
            }
            CaseKind::Function | CaseKind::Variables => case.name.clone(),
        };
        let fits = |function: &Function| function.path == path && self.fits(case, function);
        let mut found = self
            .manifest
            .functions
            .iter()
            .enumerate()
            .filter(|(_, function)| fits(function));
        found.next().ok_or_else(|| {
            format!("no method of the manifest fits `{path}` and its arguments").into()
        })
    }

    fn fits(&self, case: &Case, function: &Function) -> bool {
        let stacked = usize::from(case.kind == CaseKind::Training);
        let tensors = case.inputs.len() == function.inputs.len()
            && case
                .inputs
                .iter()
                .zip(&function.inputs)
                .all(|((_, key, _), input)| {
                    let shape = self.golden.get(key).map(|value| &value.shape[stacked..]);
                    shape.zip(input.shape.as_ref()).is_none_or(|(have, want)| {
                        case.inputs.len() > 1
                            || (have.len() == want.len()
                                && have.iter().zip(want).all(|(&have, want)| {
                                    want.is_none_or(|want| want == have as u64)
                                }))
                    })
                });
        tensors && same_arguments(&case.python_args, &function.python_arguments)
    }
}

/// Every argument that the call gives must be the trace's, where the trace names it.
pub(crate) fn same_arguments(
    call: &BTreeMap<String, Json>,
    trace: &BTreeMap<String, Json>,
) -> bool {
    let same = |a: &Json, b: &Json| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a == b,
        (_, _) => a == b,
    };
    call.iter().all(|(key, value)| match trace.get(key) {
        Some(traced) => same(value, traced),
        None => trace.values().any(|traced| same(value, traced)),
    })
}

/// For each label its place among `names`: by name if all are there, else in order.
pub(crate) fn pair(labels: &[&str], names: &[&str]) -> Result<Vec<usize>> {
    if labels.len() != names.len() {
        return Err(format!("TensorFlow has {labels:?}, the manifest {names:?}").into());
    }
    let places: Option<Vec<usize>> = labels
        .iter()
        .map(|label| names.iter().position(|name| name == label))
        .collect();
    Ok(places.unwrap_or_else(|| (0..labels.len()).collect()))
}

/// Undoes what NumPy lacks: bfloat16 is stored as its bits.
pub(crate) fn decode(value: Value, dtype: &str) -> Value {
    let data = match (dtype, value.data) {
        ("bfloat16", Data::Int(bits)) => Data::Float(
            bits.into_iter()
                .map(|bits| half::bf16::from_bits(bits as u16).to_f64())
                .collect(),
        ),
        (_, data) => data,
    };
    Value {
        dtype: dtype.to_owned(),
        shape: value.shape,
        data,
    }
}

/// One of the values that are stacked along the first axis.
fn item(stacked: &Value, index: usize) -> Value {
    let shape = stacked.shape.get(1..).unwrap_or_default().to_vec();
    let length: usize = shape.iter().product();
    let range = index * length..(index + 1) * length;
    let data = match &stacked.data {
        Data::Float(values) => Data::Float(values[range].to_vec()),
        Data::Int(values) => Data::Int(values[range].to_vec()),
        Data::Bool(values) => Data::Bool(values[range].to_vec()),
        Data::Complex(values) => Data::Complex(values[range].to_vec()),
        Data::Bytes(values) => Data::Bytes(values[range].to_vec()),
    };
    Value {
        dtype: stacked.dtype.clone(),
        shape,
        data,
    }
}

/// The batch of `value`, `times` over.
pub(crate) fn repeated(value: &Value, times: usize) -> Value {
    let data = match &value.data {
        Data::Float(values) => Data::Float(values.repeat(times)),
        Data::Int(values) => Data::Int(values.repeat(times)),
        Data::Bool(values) => Data::Bool(values.repeat(times)),
        Data::Complex(values) => Data::Complex(values.repeat(times)),
        Data::Bytes(values) => Data::Bytes(vec![values.as_slice(); times].concat()),
    };
    let mut shape = value.shape.clone();
    if let Some(batch) = shape.first_mut() {
        *batch *= times;
    }
    Value {
        dtype: value.dtype.clone(),
        shape,
        data,
    }
}

/// A variable's value in the module's layout.
fn native(value: &Value, variable: &Variable) -> Result<Value> {
    let layout = Layout::parse(&variable.layout)?;
    let shape = layout.output_shape(&value.shape)?;
    let data = match &value.data {
        Data::Float(values) => {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let bytes = layout.apply(&value.shape, &bytes, 8)?;
            let (words, _) = bytes.as_chunks();
            Data::Float(words.iter().map(|&word| f64::from_le_bytes(word)).collect())
        }
        Data::Int(values) => {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let bytes = layout.apply(&value.shape, &bytes, 8)?;
            let (words, _) = bytes.as_chunks();
            Data::Int(words.iter().map(|&word| i64::from_le_bytes(word)).collect())
        }
        other if layout.is_identity() => other.clone(),
        _ => return Err(format!("`{}` is no number and changes its layout", variable.name).into()),
    };
    Ok(Value {
        dtype: value.dtype.clone(),
        shape,
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_pair_by_name_else_in_order() {
        assert_eq!(pair(&["b", "a"], &["a", "b"]).unwrap(), [1, 0]);
        assert_eq!(pair(&["0", "1"], &["x", "y"]).unwrap(), [0, 1]);
        assert!(pair(&["0"], &[]).is_err());
    }

    #[test]
    fn a_gradient_is_brought_into_the_modules_layout() {
        let value = Value {
            dtype: "float32".into(),
            shape: vec![1, 2],
            data: Data::Float(vec![1.0, 2.0]),
        };
        let variable = Variable {
            name: "kernel".into(),
            checkpoint_key: "k".into(),
            tensor: "dense.weight".into(),
            trainable: true,
            layout: "io->oi".into(),
        };
        assert_eq!(native(&value, &variable).unwrap().shape, [2, 1]);
    }
}
