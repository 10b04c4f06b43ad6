//! Finding the models and op cases of a folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use savedmodel_import_tests_value::Recipe;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::{Context, Result};

/// A SavedModel with the numbers that TensorFlow computed for it.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The folder's label and the name, or `cases/NAME`.
    pub id: String,
    /// The Rust module's name.
    pub name: String,
    /// The SavedModel.
    pub model: PathBuf,
    /// The `.npz` of inputs and outputs.
    pub golden: PathBuf,
    /// Keras' configuration of the model, where it lies beside the golden file.
    pub keras: Option<PathBuf>,
    /// What to run, in order.
    pub cases: Vec<Case>,
    /// How close the numbers must be.
    pub tolerance: Tolerance,
    /// The model's family, or the module of an op case's test.
    pub family: String,
    /// The ops that the report counts this subject for.
    pub ops: Vec<String>,
}

/// What to compare, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Tolerance {
    /// Relative to the element, and for whole models to the tensor's scale as well.
    pub relative: f64,
    /// Absolute.
    pub absolute: f64,
    /// Both sides are clipped to plus and minus this first.
    pub clip: Option<f64>,
    /// Whether values count, or dtype and shape only.
    pub values: bool,
    /// Whether `relative` also allows for the tensor's root mean square.
    pub scaled: bool,
}

/// One entry of a golden file.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// What is done.
    pub kind: CaseKind,
    /// The signature or function.
    pub name: String,
    /// Arguments: label, key in the archive, TensorFlow's dtype.
    pub inputs: Vec<(String, String, String)>,
    /// Results: label, key in the archive, TensorFlow's dtype.
    pub outputs: Vec<(String, String, String)>,
    /// Arguments that are no tensors.
    #[serde(default)]
    pub python_args: BTreeMap<String, Json>,
    /// How the model was trained, of a [`CaseKind::Training`].
    pub training: Option<Recipe>,
}

/// What a golden entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaseKind {
    /// Outputs of a signature.
    Signature,
    /// Outputs of an exported function.
    Function,
    /// Gradients of a signature's loss.
    Gradient,
    /// The variables after the calls before.
    Variables,
    /// Losses and variables of training that starts from the model as it was saved.
    Training,
}

impl Subject {
    /// Whether it is to be trained.
    pub fn is_trained(&self) -> bool {
        let mut cases = self.cases.iter();
        cases.any(|case| case.kind == CaseKind::Training)
    }
}

#[derive(Deserialize)]
struct Golden {
    family: String,
    rtol: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct OpCase {
    inputs: Vec<OpTensor>,
    outputs: Vec<OpTensor>,
    ops: BTreeMap<String, usize>,
    module: String,
    rtol: f64,
    atol: f64,
    mtol: Option<f64>,
    check_value: bool,
}

#[derive(Deserialize)]
struct OpTensor {
    name: String,
    dtype: String,
}

/// The subjects of `folder` whose name contains one of `filters` (all, if there are none), sorted. Models are
/// called `label/NAME`. Packed op cases are unpacked into `scratch`.
pub fn find(
    folder: &Path,
    label: &str,
    filters: &[String],
    scratch: &Path,
) -> Result<Vec<Subject>> {
    let wanted =
        |name: &str| filters.is_empty() || filters.iter().any(|filter| matches(name, filter));
    let mut subjects = Vec::new();
    for name in directories(&folder.join("models"))?
        .into_iter()
        .filter(|name| wanted(name))
    {
        if folder.join("golden").join(format!("{name}.json")).is_file() {
            subjects.push(model(folder, label, &name)?);
        }
    }
    for cases in [folder.join("cases"), unpack(folder, scratch)?] {
        for name in directories(&cases)?.into_iter().filter(|name| wanted(name)) {
            subjects.push(op_case(&cases.join(&name), &name)?);
        }
    }
    Ok(subjects)
}

/// `=NAME` is that name alone.
fn matches(name: &str, filter: &str) -> bool {
    match filter.strip_prefix('=') {
        Some(exact) => name == exact,
        None => name.contains(filter),
    }
}

fn directories(folder: &Path) -> Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).context(folder)? {
        let entry = entry.context(folder)?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn model(folder: &Path, label: &str, name: &str) -> Result<Subject> {
    let path = folder.join("golden").join(format!("{name}.json"));
    let golden: Golden = serde_json::from_slice(&fs::read(&path).context(&path)?).context(&path)?;
    Ok(Subject {
        id: format!("{label}/{name}"),
        name: module_name(&label[..1], name),
        model: folder.join("models").join(name),
        golden: path.with_extension("npz"),
        keras: Some(path.with_extension("keras.json")).filter(|path| path.is_file()),
        cases: golden.cases,
        tolerance: Tolerance {
            relative: golden.rtol,
            absolute: 1e-6,
            clip: None,
            values: true,
            scaled: true,
        },
        family: golden.family,
        ops: Vec::new(),
    })
}

/// Ops that are in every graph and say nothing about a case.
const SCAFFOLD: &[&str] = &[
    "Const",
    "Identity",
    "NoOp",
    "PartitionedCall",
    "Placeholder",
    "StatefulPartitionedCall",
];

fn op_case(dir: &Path, name: &str) -> Result<Subject> {
    let path = dir.join("case.json");
    let case: OpCase = serde_json::from_slice(&fs::read(&path).context(&path)?).context(&path)?;
    let item = |prefix: &str, t: OpTensor| (t.name.clone(), format!("{prefix}{}", t.name), t.dtype);
    let call = Case {
        kind: CaseKind::Signature,
        name: "serving_default".into(),
        inputs: case.inputs.into_iter().map(|t| item("in__", t)).collect(),
        outputs: case.outputs.into_iter().map(|t| item("", t)).collect(),
        python_args: BTreeMap::new(),
        training: None,
    };
    Ok(Subject {
        id: format!("cases/{name}"),
        name: module_name("c", name),
        model: dir.join("saved_model"),
        keras: None,
        golden: dir.join("golden.npz"),
        cases: vec![call],
        tolerance: Tolerance {
            relative: case.rtol.max(1e-4),
            absolute: case.atol.max(1e-5),
            clip: case.mtol,
            values: case.check_value,
            scaled: false,
        },
        family: case.module,
        ops: case
            .ops
            .into_keys()
            .filter(|op| !SCAFFOLD.contains(&op.as_str()))
            .collect(),
    })
}

/// A snake-case identifier that `name` alone has: capitals and `.` are spelled out.
fn module_name(prefix: &str, name: &str) -> String {
    let mut out = format!("{prefix}_");
    for c in name.chars() {
        match c {
            '.' => out.push_str("__"),
            c if c.is_ascii_alphanumeric() => out.push(c.to_ascii_lowercase()),
            _ => out.push('_'),
        }
    }
    out
}

/// Unpacks `ops.tar.zst`, unless that was done before; the folder of cases.
fn unpack(folder: &Path, scratch: &Path) -> Result<PathBuf> {
    let archive = folder.join("ops.tar.zst");
    let target = scratch.join("ops");
    if !archive.is_file() {
        return Ok(folder.join("ops"));
    }
    let size = fs::metadata(&archive).context(&archive)?.len().to_string();
    let stamp = target.join("stamp");
    if fs::read_to_string(&stamp).ok().as_ref() != Some(&size) {
        fs::create_dir_all(&target).context(&target)?;
        let file = File::open(&archive).context(&archive)?;
        let plain = ruzstd::decoding::StreamingDecoder::new(file).context(&archive)?;
        tar::Archive::new(plain).unpack(&target).context(&archive)?;
        fs::write(&stamp, size).context(&stamp)?;
    }
    Ok(target.join("cases"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_name_is_an_identifier() {
        assert_eq!(module_name("c", "test_A.x-1"), "c_test_a__x_1");
    }

    #[test]
    fn a_filter_is_a_part_of_the_name_or_the_whole_of_it() {
        assert!(matches("hub_bert", "bert"));
        assert!(!matches("hub_bert", "=bert"));
        assert!(matches("hub_bert", "=hub_bert"));
    }
}
