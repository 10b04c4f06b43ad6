//! Every fixture, lowered for each framework and evaluated, against TensorFlow's numbers: what lowering and the passes
//! get wrong shows here, before any code is generated. `CORPUS` and `CONFORMANCE` print it for other models.

use super::program::{Lowered, build};
use super::select::Chosen;
use crate::eval::{Tensor, run};
use crate::ir::{DType, ParamId, ParamSource};
use crate::saved_model::{ExportedFunction, SavedModel};
use crate::{Framework, Options, Result};
use num_complex::Complex32;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many fixtures evaluate to TensorFlow's numbers in all their calls, for each framework.
const FLOOR: usize = 106;

#[derive(Deserialize)]
struct Golden {
    rtol: f64,
    cases: Vec<Case>,
}

/// Arguments and results are a label, a key of the archive, and TensorFlow's dtype.
#[derive(Deserialize)]
struct Case {
    kind: String,
    name: String,
    inputs: Vec<(String, String, String)>,
    outputs: Vec<(String, String, String)>,
}

/// What became of a fixture.
#[derive(Debug, PartialEq)]
enum Outcome {
    Equal,
    /// A call that cannot be lowered; what comes after it may depend on it.
    NotLowered(String),
    Differs(String),
}

#[test]
fn lowered_fixtures_evaluate_to_tensorflows_numbers() {
    for framework in [Framework::Candle, Framework::Burn] {
        let outcomes: Vec<(String, Outcome)> = fixtures()
            .iter()
            .map(|name| (name.clone(), fixture(name, framework)))
            .collect();
        if std::env::var_os("CORPUS").is_some() || std::env::var_os("CONFORMANCE").is_some() {
            println!("{framework:?}: {outcomes:#?}");
            continue;
        }
        let differ: Vec<_> = outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Differs(_)))
            .collect();
        assert!(differ.is_empty(), "{framework:?}: {differ:#?}");
        let equal = outcomes
            .iter()
            .filter(|(_, outcome)| *outcome == Outcome::Equal)
            .count();
        assert!(
            equal >= FLOOR,
            "{framework:?}: {equal} fixtures are equal, not {FLOOR}"
        );
    }
}

fn root() -> PathBuf {
    match std::env::var_os("CORPUS") {
        Some(corpus) => PathBuf::from(corpus),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures"),
    }
}

fn fixtures() -> Vec<String> {
    let entries = fs::read_dir(root().join("models")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    if let Ok(parts) = std::env::var("CONFORMANCE") {
        names.retain(|name| parts.split(',').any(|part| name.contains(part)));
    }
    names
}

fn fixture(name: &str, framework: Framework) -> Outcome {
    let golden = fs::read(root().join(format!("golden/{name}.json"))).unwrap();
    let golden: Golden = serde_json::from_slice(&golden).unwrap();
    let values = arrays(&root().join(format!("golden/{name}.npz")));
    let model = SavedModel::load(root().join("models").join(name)).unwrap();
    let mut state = State::new();
    for case in golden
        .cases
        .iter()
        .filter(|case| ["signature", "function"].contains(&case.kind.as_str()))
    {
        let Some(function) = function(&model, case, &values) else {
            return Outcome::NotLowered(format!("no trace of {}", case.name));
        };
        let chosen = [Chosen {
            function: function.clone(),
            required: true,
        }];
        let lowered = match build(&model, &chosen, &Options::new(framework, "fixture")) {
            Ok(lowered) => lowered,
            Err(error) => return Outcome::NotLowered(error.to_string()),
        };
        if std::env::var_os("IR").is_some() {
            println!("{}", lowered.program.functions[0].graph);
        }
        match call(&model, &mut state, &lowered, case, &values, golden.rtol) {
            Ok(None) => {}
            Ok(Some(difference)) => return Outcome::Differs(difference),
            Err(error) => return Outcome::Differs(error.to_string()),
        }
    }
    Outcome::Equal
}

/// The trace that takes arguments of these shapes.
fn function<'a>(
    model: &'a SavedModel,
    case: &Case,
    values: &BTreeMap<String, Tensor>,
) -> Option<&'a ExportedFunction> {
    let path = match case.kind.as_str() {
        "signature" => format!("signatures/{}", case.name),
        _ => case.name.clone(),
    };
    let fits = |function: &ExportedFunction| {
        function.inputs.len() == case.inputs.len()
            && function
                .inputs
                .iter()
                .zip(&case.inputs)
                .all(|(input, (_, key, _))| {
                    let given = values.get(key).map_or(&[][..], Tensor::shape);
                    case.inputs.len() > 1
                        || input.shape.as_ref().is_none_or(|dims| {
                            let equal = |(dim, &n): (&Option<u64>, &usize)| {
                                dim.is_none_or(|dim| dim == n as u64)
                            };
                            dims.len() == given.len() && dims.iter().zip(given).all(equal)
                        })
                })
    };
    let named =
        |function: &&ExportedFunction| function.path == path || function.aliases.contains(&path);
    model
        .functions()
        .iter()
        .filter(named)
        .find(|function| fits(function))
}

/// The variables that calls have assigned, by their place in the model.
type State = BTreeMap<usize, Arc<Tensor>>;

fn call(
    model: &SavedModel,
    state: &mut State,
    lowered: &Lowered,
    case: &Case,
    values: &BTreeMap<String, Tensor>,
    tolerance: f64,
) -> Result<Option<String>> {
    let exported = &lowered.exported[0].function;
    let arguments: Vec<Tensor> = (exported.inputs.iter().enumerate())
        .flat_map(|(i, input)| parts(&values[key(&case.inputs, &input.name, i)]))
        .collect();
    let params = |id: ParamId| -> Result<Arc<Tensor>> {
        let param = &lowered.program.params[id.0 as usize];
        match &param.source {
            ParamSource::Constant(value) | ParamSource::Thawed { value, .. } => Ok(value.clone()),
            ParamSource::Variable(index) if state.contains_key(index) => Ok(state[index].clone()),
            ParamSource::Variable(index) => {
                let value = model.value_of(&model.variables()[*index])?;
                let shape: Vec<usize> = param.ty.shape.known().unwrap_or_default();
                Tensor::from_bytes(param.ty.dtype, &shape, &value.to_bytes()?).map(Arc::new)
            }
        }
    };
    let function = &lowered.program.functions[0];
    let results = run(&function.graph, &params, &arguments)?;
    for (id, value) in function
        .assigned
        .iter()
        .zip(&results[results.len() - function.assigned.len()..])
    {
        if let ParamSource::Variable(index) = lowered.program.params[id.0 as usize].source {
            state.insert(index, Arc::new(value.clone()));
        }
    }
    let outputs = exported.outputs.iter().enumerate();
    let wanted = outputs.flat_map(|(i, output)| {
        let wanted = parts(&values[key(&case.outputs, &output.name, i)]);
        wanted.into_iter().map(|wanted| (&output.name, wanted))
    });
    let differences = wanted.zip(&results).filter_map(|((name, wanted), result)| {
        difference(result, &wanted, tolerance).map(|why| format!("{}, {name}: {why}", case.name))
    });
    Ok(differences.into_iter().next())
}

/// The tensor, or the real and the imaginary part of a complex one.
fn parts(tensor: &Tensor) -> Vec<Tensor> {
    let Some(pairs) = tensor.elements::<Complex32>() else {
        return vec![tensor.clone()];
    };
    let part = |pick: fn(&Complex32) -> f32| {
        Tensor::new(tensor.shape(), pairs.iter().map(pick).collect()).unwrap()
    };
    vec![part(|z| z.re), part(|z| z.im)]
}

/// The archive's key of an argument or result: by its label, else by its place.
fn key<'a>(entries: &'a [(String, String, String)], label: &str, place: usize) -> &'a str {
    let named = entries.iter().find(|(name, _, _)| name == label);
    &named.unwrap_or(&entries[place]).1
}

/// The first element that is off by more than the tolerance, relative to it and to the largest.
fn difference(given: &Tensor, wanted: &Tensor, tolerance: f64) -> Option<String> {
    if (given.dtype(), given.shape()) != (wanted.dtype(), wanted.shape()) {
        return Some(format!("{given:?} is not {wanted:?}"));
    }
    let (Ok(x), Ok(y)) = (given.to_floats(), wanted.to_floats()) else {
        return (given != wanted).then(|| format!("{given:?} is not {wanted:?}"));
    };
    let largest = y
        .iter()
        .filter(|y| y.is_finite())
        .fold(1e-6f64, |largest, y| largest.max(y.abs()));
    let off = |(x, y): (f64, f64)| {
        let near = (x - y).abs() <= tolerance * (largest + y.abs());
        !(x == y || near || (x.is_nan() && y.is_nan()))
    };
    let place = x.iter().copied().zip(y.iter().copied()).position(off)?;
    Some(format!("element {place} is {}, not {}", x[place], y[place]))
}

/// The arrays of a NumPy archive; strings are left out.
fn arrays(path: &Path) -> BTreeMap<String, Tensor> {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let mut arrays = BTreeMap::new();
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).unwrap();
        let name = entry.name().trim_end_matches(".npy").to_owned();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).unwrap();
        if let Some(array) = array(&bytes) {
            arrays.insert(name, array);
        }
    }
    arrays
}

/// A version 1 `.npy` file in C order.
fn array(bytes: &[u8]) -> Option<Tensor> {
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..10 + length]).unwrap();
    let between = |before: &str, after: char| {
        header
            .split_once(before)?
            .1
            .split_once(after)
            .map(|(text, _)| text)
    };
    let dtype = match between("'descr': '", '\'')? {
        text if text.starts_with("|S") => DType::String,
        "<f2" => DType::F16,
        "<f4" => DType::F32,
        "<f8" => DType::F64,
        "|i1" => DType::I8,
        "<i2" => DType::I16,
        "<i4" => DType::I32,
        "<i8" => DType::I64,
        "|u1" => DType::U8,
        "<u2" => DType::U16,
        "<u4" => DType::U32,
        "<u8" => DType::U64,
        "|b1" => DType::Bool,
        "<c8" => DType::C64,
        _ => return None,
    };
    let dims = between("'shape': (", ')')?
        .split(',')
        .map(str::trim)
        .filter(|dim| !dim.is_empty());
    let shape: Vec<usize> = dims.map(|dim| dim.parse().unwrap()).collect();
    let data = &bytes[10 + length..];
    if dtype == DType::String {
        let width = data.len() / shape.iter().product::<usize>().max(1);
        let words = data.chunks(width.max(1));
        return Tensor::new(&shape, words.map(without_padding).collect()).ok();
    }
    Tensor::from_bytes(dtype, &shape, data).ok()
}

/// Strings of one width are filled up with zeros.
fn without_padding(word: &[u8]) -> Vec<u8> {
    let end = word.iter().rposition(|&byte| byte != 0);
    word[..end.map_or(0, |last| last + 1)].to_vec()
}
