//! Every golden entry through the interpreter: no framework, nothing compiled.

use std::time::{Duration, Instant};

use half::{bf16, f16};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;
use savedmodel_import::eval::{Element, Tensor};
use savedmodel_import::interpreter::{Interpreter, Value as Run};
use savedmodel_import::ir::DType;
use savedmodel_import::saved_model::{ExportedFunction, SavedModel};
use savedmodel_import_tests_value::{Data, Value, Values};

use crate::corpus::{Case, CaseKind, Subject};
use crate::plan::{Expectation, Expected, Goal, decode, pair, same_arguments};
use crate::{Result, compare, npz};

/// How a subject fared.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The subject's id.
    pub id: String,
    /// Its family.
    pub family: String,
    /// The ops that it counts for.
    pub ops: Vec<String>,
    /// How many golden entries there are that have outputs.
    pub total: usize,
    /// What went wrong, an entry each.
    pub problems: Vec<String>,
    /// How long loading and running took.
    pub time: Duration,
}

impl Outcome {
    /// Whether every entry agrees.
    pub fn holds(&self) -> bool {
        self.total > 0 && self.problems.is_empty()
    }
}

/// Runs all subjects, in parallel.
pub fn all(subjects: &[Subject]) -> Vec<Outcome> {
    subjects.par_iter().map(one).collect()
}

/// Runs one subject's entries in order, on one state.
pub fn one(subject: &Subject) -> Outcome {
    let start = Instant::now();
    let entries = subject
        .cases
        .iter()
        .filter(|case| !matches!(case.kind, CaseKind::Gradient | CaseKind::Training));
    let entries: Vec<&Case> = entries.collect();
    let problems = run(subject, &entries).unwrap_or_else(|error| vec![error.to_string()]);
    Outcome {
        id: subject.id.clone(),
        family: subject.family.clone(),
        ops: subject.ops.clone(),
        total: entries.len(),
        problems,
        time: start.elapsed(),
    }
}

fn run(subject: &Subject, entries: &[&Case]) -> Result<Vec<String>> {
    let golden = npz::tensors(&subject.golden)?;
    let model = SavedModel::load(&subject.model).map_err(|error| error.to_string())?;
    let mut interpreter = Interpreter::new(&model);
    let mut problems = vec![];
    for case in entries {
        let outcome = match case.kind {
            CaseKind::Variables => variables(subject, &model, &mut interpreter, case, &golden),
            CaseKind::Signature | CaseKind::Function | CaseKind::Gradient | CaseKind::Training => {
                call(subject, &model, &mut interpreter, case, &golden)
            }
        };
        if let Err(error) = outcome {
            problems.push(format!("{:?} {}: {error}", case.kind, case.name));
        }
    }
    Ok(problems)
}

type Golden = std::collections::BTreeMap<String, Tensor>;

fn tensor<'g>(golden: &'g Golden, key: &str) -> Result<&'g Tensor> {
    let found = golden.get(key);
    found.ok_or_else(|| format!("the golden file has no `{key}`").into())
}

fn call(
    subject: &Subject,
    model: &SavedModel,
    interpreter: &mut Interpreter<'_>,
    case: &Case,
    golden: &Golden,
) -> Result<()> {
    let function = function(model, case, golden)?;
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
    let mut inputs = vec![None; names.len()];
    for (place, (_, key, dtype)) in pair(&labels, &names)?.into_iter().zip(&case.inputs) {
        inputs[place] = Some(Run::from(of_dtype(tensor(golden, key)?, dtype)?));
    }
    let inputs = inputs.into_iter().collect::<Option<Vec<Run>>>();
    let inputs = inputs.ok_or("an input is named twice")?;
    let outputs = interpreter
        .call(function, inputs)
        .map_err(|error| error.to_string())?;
    let mut got = Values::new();
    for (output, value) in function.outputs.iter().zip(&outputs) {
        let tensor = value.tensor().map_err(|error| error.to_string())?;
        got.insert(output.name.clone(), plain(tensor));
    }
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
    let mut expected = vec![];
    for (place, (_, key, dtype)) in pair(&labels, &names)?.into_iter().zip(&case.outputs) {
        expected.push(expect(names[place], dtype, tensor(golden, key)?));
    }
    judge(subject, expected, &got)
}

fn variables(
    subject: &Subject,
    model: &SavedModel,
    interpreter: &mut Interpreter<'_>,
    case: &Case,
    golden: &Golden,
) -> Result<()> {
    let (mut expected, mut got) = (vec![], Values::new());
    for (label, key, dtype) in &case.outputs {
        let (label, sum) = match label.strip_suffix("@sumsq") {
            Some(label) => (label, true),
            None => (label.as_str(), false),
        };
        let index = model
            .variables()
            .iter()
            .position(|variable| variable.checkpoint_key.as_deref() == Some(label));
        let index = index.ok_or_else(|| format!("the model has no variable `{label}`"))?;
        let value = interpreter
            .value(index)
            .map_err(|error| error.to_string())?;
        got.insert(label.to_owned(), plain(&value));
        let mut one = expect(label, dtype, tensor(golden, key)?);
        one.sum_of_squares = sum;
        expected.push(one);
    }
    judge(subject, expected, &got)
}

fn judge(subject: &Subject, values: Vec<Expected>, got: &Values) -> Result<()> {
    let expectation = Expectation {
        goal: Goal::Match,
        label: String::new(),
        values,
    };
    match compare::check(&expectation, got, &subject.tolerance, false) {
        None => Ok(()),
        Some(why) => Err(why.into()),
    }
}

fn expect(name: &str, dtype: &str, value: &Tensor) -> Expected {
    Expected {
        name: name.to_owned(),
        dtype: dtype.to_owned(),
        value: decode(plain(value), dtype),
        sum_of_squares: false,
        native: None,
    }
}

/// The function that a golden entry calls: of several traces the first that fits the arguments.
fn function<'m>(
    model: &'m SavedModel,
    case: &Case,
    golden: &Golden,
) -> Result<&'m ExportedFunction> {
    let path = match case.kind {
        CaseKind::Signature | CaseKind::Gradient | CaseKind::Training => {
            format!("signatures/{}", case.name)
        }
        CaseKind::Function | CaseKind::Variables => case.name.clone(),
    };
    let named =
        |function: &&ExportedFunction| function.path == path || function.aliases.contains(&path);
    let mut fitting = model.functions().iter().filter(named);
    let fits = |function: &&ExportedFunction| fits(function, case, golden);
    fitting
        .find(fits)
        .ok_or_else(|| format!("no trace of `{path}` fits the arguments").into())
}

fn fits(function: &ExportedFunction, case: &Case, golden: &Golden) -> bool {
    let takes = |((_, key, dtype), input): (
        &(String, String, String),
        &savedmodel_import::saved_model::Argument,
    )| {
        let shape = golden.get(key).map(Tensor::shape);
        let type_fits = savedmodel_import::saved_model::dtype_name(input.dtype) == *dtype;
        let shape_fits = shape.zip(input.shape.as_ref()).is_none_or(|(have, want)| {
            let same =
                |(&have, want): (&usize, &Option<u64>)| want.is_none_or(|want| want == have as u64);
            have.len() == want.len() && have.iter().zip(want).all(same)
        });
        case.kind != CaseKind::Function || (type_fits && shape_fits)
    };
    let python = function.python_arguments.iter();
    let traced = python
        .filter_map(|(name, value)| Some((name.clone(), serde_json::to_value(value).ok()?)))
        .collect();
    case.inputs.len() == function.inputs.len()
        && case.inputs.iter().zip(&function.inputs).all(takes)
        && same_arguments(&case.python_args, &traced)
}

/// What the archive holds, as TensorFlow's dtype: NumPy has no bfloat16, and stores its bits.
fn of_dtype(value: &Tensor, dtype: &str) -> Result<Tensor> {
    let bits = value.elements::<u16>();
    match (dtype, bits) {
        ("bfloat16", Some(bits)) => {
            let numbers = bits.iter().map(|&bits| bf16::from_bits(bits)).collect();
            Tensor::new(value.shape(), numbers).map_err(|error| error.to_string().into())
        }
        (_, _) => Ok(value.clone()),
    }
}

/// The runner's form of a tensor.
pub fn plain(tensor: &Tensor) -> Value {
    fn all<T: Element, R>(tensor: &Tensor, of: impl Fn(&T) -> R) -> Vec<R> {
        tensor
            .elements::<T>()
            .unwrap_or_default()
            .iter()
            .map(of)
            .collect()
    }
    let data = match tensor.dtype() {
        DType::F16 => Data::Float(all(tensor, |x: &f16| x.to_f64())),
        DType::BF16 => Data::Float(all(tensor, |x: &bf16| x.to_f64())),
        DType::F32 => Data::Float(all(tensor, |x: &f32| f64::from(*x))),
        DType::F64 => Data::Float(all(tensor, |x: &f64| *x)),
        DType::I8 => Data::Int(all(tensor, |x: &i8| i64::from(*x))),
        DType::I16 => Data::Int(all(tensor, |x: &i16| i64::from(*x))),
        DType::I32 => Data::Int(all(tensor, |x: &i32| i64::from(*x))),
        DType::I64 => Data::Int(all(tensor, |x: &i64| *x)),
        DType::U8 => Data::Int(all(tensor, |x: &u8| i64::from(*x))),
        DType::U16 => Data::Int(all(tensor, |x: &u16| i64::from(*x))),
        DType::U32 => Data::Int(all(tensor, |x: &u32| i64::from(*x))),
        DType::U64 => Data::Int(all(tensor, |x: &u64| *x as i64)),
        DType::Bool => Data::Bool(all(tensor, |x: &bool| *x)),
        DType::C64 => Data::Complex(all(tensor, |x: &Complex32| {
            [f64::from(x.re), f64::from(x.im)]
        })),
        DType::C128 => Data::Complex(all(tensor, |x: &Complex64| [x.re, x.im])),
        DType::String => Data::Bytes(all(tensor, |x: &Vec<u8>| x.clone())),
    };
    Value {
        dtype: format!("{:?}", tensor.dtype()),
        shape: tensor.shape().to_vec(),
        data,
    }
}
