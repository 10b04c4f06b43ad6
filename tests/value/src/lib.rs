//! What the conformance runner and a compiled module hand to each other: jobs, and named tensors in files.

pub mod turns;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The environment variable that, set to 1, has candle's modules run as on a device for which the support code has no
/// kernels.
pub const FOREIGN: &str = "FOREIGN";

/// Tensors by name.
pub type Values = BTreeMap<String, Value>;

/// A tensor that no framework owns.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The element type, in the words of whoever made the value.
    pub dtype: String,
    /// The shape.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub data: Data,
}

/// Elements, widened to one type of each kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Floats of any width.
    Float(Vec<f64>),
    /// Integers of any width; `u64` wraps.
    Int(Vec<i64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// Pairs of real and imaginary part.
    Complex(Vec<[f64; 2]>),
    /// Byte strings.
    Bytes(Vec<Vec<u8>>),
}

impl Data {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Data::Float(values) => values.len(),
            Data::Int(values) => values.len(),
            Data::Bool(values) => values.len(),
            Data::Complex(values) => values.len(),
            Data::Bytes(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Integers and booleans as integers.
    pub fn to_ints(&self) -> Option<Vec<i64>> {
        match self {
            Data::Int(values) => Some(values.clone()),
            Data::Bool(values) => Some(values.iter().map(|&v| v.into()).collect()),
            Data::Float(_) | Data::Complex(_) | Data::Bytes(_) => None,
        }
    }

    /// Numbers that are not complex, as floats.
    pub fn to_floats(&self) -> Option<Vec<f64>> {
        match self {
            Data::Float(values) => Some(values.clone()),
            Data::Int(values) => Some(values.iter().map(|&v| v as f64).collect()),
            Data::Bool(values) => Some(values.iter().map(|&v| f64::from(u8::from(v))).collect()),
            Data::Complex(_) | Data::Bytes(_) => None,
        }
    }
}

/// What a compiled module is to do, in order, on one load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The module.
    pub subject: String,
    /// The steps; step `i` writes `i.values`, or `i.error`.
    pub steps: Vec<Step>,
}

/// One thing to do. Argument `j` of step `i` is the value `i.j` of the inputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Step {
    /// Call the manifest's function of this index; the outputs are named as in the manifest.
    Call(usize),
    /// The gradient of the summed mean squares of the function's float outputs: `loss`, and each tensor by key.
    Gradient {
        /// The manifest's function.
        function: usize,
        /// The keys of the tensors to differentiate by.
        tensors: Vec<String>,
    },
    /// The present values of these tensors.
    Variables(Vec<String>),
    /// Steps of an optimizer, on a module that is loaded anew.
    Train(Training),
}

/// Batches in turn. Argument `j` of batch `b` is the step's argument `b * (arguments + 1) + j`; the last of each batch is
/// the target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Training {
    /// The manifest's function, whose training form is called.
    pub function: usize,
    /// How many arguments it has.
    pub arguments: usize,
    /// How many batches there are.
    pub batches: usize,
    /// What is done with them.
    pub recipe: Recipe,
    /// The keys of the tensors whose values are wanted at the end.
    pub tensors: Vec<String>,
}

impl Training {
    /// The place of a step's first argument.
    pub fn first(&self, step: usize) -> usize {
        step % self.batches.max(1) * (self.arguments + 1)
    }
}

/// How a model is trained.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Recipe {
    /// What moves the parameters.
    #[serde(flatten)]
    pub optimizer: Optimizer,
    /// What becomes small.
    pub loss: Loss,
    /// How often they are moved.
    pub steps: usize,
}

/// An optimizer of Keras; what is not said is Keras' default.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(tag = "optimizer", rename_all = "snake_case")]
pub enum Optimizer {
    /// Gradient descent with momentum.
    Sgd {
        /// The step's size.
        learning_rate: f64,
        /// What is kept of the last step.
        momentum: f64,
    },
    /// Adam.
    Adam {
        /// The step's size.
        learning_rate: f64,
    },
    /// Adam with decoupled decay.
    Adamw {
        /// The step's size.
        learning_rate: f64,
        /// What a weight loses in a step, as a multiple of the step's size.
        weight_decay: f64,
    },
}

impl Optimizer {
    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Optimizer::Sgd { .. } => "sgd",
            Optimizer::Adam { .. } => "adam",
            Optimizer::Adamw { .. } => "adamw",
        }
    }
}

/// A loss of Keras, meaned over the batch.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Of logits `[batch, classes]` against classes.
    CrossEntropy,
    /// Of all elements.
    MeanSquaredError,
}

/// The name of an argument among a job's inputs.
pub fn argument_key(step: usize, argument: usize) -> String {
    format!("{step}.{argument}")
}

#[derive(Serialize, Deserialize)]
struct Header {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    kind: Kind,
    /// Lengths of byte strings.
    lengths: Vec<usize>,
    count: usize,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Kind {
    Float,
    Int,
    Bool,
    Complex,
    Bytes,
}

/// Writes `values` to a new file.
pub fn write(path: &Path, values: &Values) -> io::Result<()> {
    let headers: Vec<Header> = values
        .iter()
        .map(|(name, value)| header(name, value))
        .collect();
    let json = serde_json::to_vec(&headers)?;
    let mut file = io::BufWriter::new(fs::File::create(path)?);
    file.write_all(&(json.len() as u64).to_le_bytes())?;
    file.write_all(&json)?;
    for value in values.values() {
        write_data(&mut file, &value.data)?;
    }
    file.flush()
}

fn header(name: &str, value: &Value) -> Header {
    let kind = match &value.data {
        Data::Float(_) => Kind::Float,
        Data::Int(_) => Kind::Int,
        Data::Bool(_) => Kind::Bool,
        Data::Complex(_) => Kind::Complex,
        Data::Bytes(_) => Kind::Bytes,
    };
    let lengths = match &value.data {
        Data::Bytes(strings) => strings.iter().map(Vec::len).collect(),
        Data::Float(_) | Data::Int(_) | Data::Bool(_) | Data::Complex(_) => Vec::new(),
    };
    Header {
        name: name.to_owned(),
        dtype: value.dtype.clone(),
        shape: value.shape.clone(),
        kind,
        lengths,
        count: value.data.len(),
    }
}

fn write_data(file: &mut impl Write, data: &Data) -> io::Result<()> {
    match data {
        Data::Float(values) => values
            .iter()
            .try_for_each(|v| file.write_all(&v.to_le_bytes())),
        Data::Int(values) => values
            .iter()
            .try_for_each(|v| file.write_all(&v.to_le_bytes())),
        Data::Bool(values) => values.iter().try_for_each(|&v| file.write_all(&[v.into()])),
        Data::Complex(values) => {
            let mut parts = values.iter().flatten();
            parts.try_for_each(|v| file.write_all(&v.to_le_bytes()))
        }
        Data::Bytes(values) => values.iter().try_for_each(|v| file.write_all(v)),
    }
}

/// Reads a file that [`write()`] made.
pub fn read(path: &Path) -> io::Result<Values> {
    let mut file = io::BufReader::new(fs::File::open(path)?);
    let length = u64::from_le_bytes(read_array(&mut file)?);
    let mut json = vec![0; length as usize];
    file.read_exact(&mut json)?;
    let headers: Vec<Header> = serde_json::from_slice(&json)?;
    let mut values = Values::new();
    for header in headers {
        let data = read_data(&mut file, &header)?;
        let Header {
            name, dtype, shape, ..
        } = header;
        values.insert(name, Value { dtype, shape, data });
    }
    Ok(values)
}

fn read_data(file: &mut impl Read, header: &Header) -> io::Result<Data> {
    let n = header.count;
    Ok(match header.kind {
        Kind::Float => Data::Float(read_all(file, n, f64::from_le_bytes)?),
        Kind::Int => Data::Int(read_all(file, n, i64::from_le_bytes)?),
        Kind::Bool => Data::Bool(read_all(file, n, |[byte]: [u8; 1]| byte != 0)?),
        Kind::Complex => {
            let parts = read_all(file, 2 * n, f64::from_le_bytes)?;
            Data::Complex(parts.as_chunks().0.to_vec())
        }
        Kind::Bytes => {
            let read = |&length: &usize| {
                let mut bytes = vec![0; length];
                file.read_exact(&mut bytes).map(|()| bytes)
            };
            Data::Bytes(header.lengths.iter().map(read).collect::<io::Result<_>>()?)
        }
    })
}

fn read_all<T, const N: usize>(
    file: &mut impl Read,
    count: usize,
    parse: fn([u8; N]) -> T,
) -> io::Result<Vec<T>> {
    (0..count).map(|_| read_array(file).map(parse)).collect()
}

fn read_array<const N: usize>(file: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_a_file() {
        let value = |dtype: &str, shape: &[usize], data| Value {
            dtype: dtype.into(),
            shape: shape.to_vec(),
            data,
        };
        let values = Values::from([
            (
                "f".to_owned(),
                value("float32", &[2], Data::Float(vec![1.5, f64::INFINITY])),
            ),
            (
                "i".to_owned(),
                value("int64", &[], Data::Int(vec![i64::MIN])),
            ),
            (
                "b".to_owned(),
                value("bool", &[1, 2], Data::Bool(vec![true, false])),
            ),
            (
                "c".to_owned(),
                value("complex64", &[1], Data::Complex(vec![[1.0, -2.0]])),
            ),
            (
                "s".to_owned(),
                value("string", &[2], Data::Bytes(vec![b"ab".to_vec(), vec![]])),
            ),
        ]);
        let path = std::env::temp_dir().join(format!("values-{}", std::process::id()));
        write(&path, &values).unwrap();
        assert_eq!(read(&path).unwrap(), values);
        fs::remove_file(path).unwrap();
    }
}
