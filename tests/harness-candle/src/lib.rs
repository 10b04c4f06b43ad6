//! The main program of a binary that holds many generated candle modules: runs one job on one of them.

mod convert;
#[path = "../../../generated-example/src/optimizers/candle.rs"]
mod optimizers;
mod timing;
mod training;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use candle_core::{DType, Device, Error, Result, Tensor, Var};
use candle_nn::{VarBuilder, VarMap};
use savedmodel_import_candle_support::kernels::foreign;
pub use savedmodel_import_candle_support::string_tensor::StringTensor;
use savedmodel_import_tests_value::{self as value, Job, Loss, Step, Value, Values, argument_key};

pub use convert::ToValue;

/// A loaded module.
pub trait Subject {
    /// Calls the function of this index in the manifest.
    fn call(&mut self, function: usize, args: &Args, sink: &mut Sink) -> Result<()>;

    /// Calls the training form of that function.
    fn train(&mut self, _function: usize, _args: &Args, _sink: &mut Sink) -> Result<()> {
        Err(Error::Msg("the adapter has no training form".into()))
    }

    /// The module's `fused()`.
    fn fused(&self) -> Result<Box<dyn Subject>> {
        Err(Error::Msg("the adapter has no fused form".into()))
    }
}

/// The name of a module, and how to make it from variables or from a file.
pub struct Entry {
    /// The module's name.
    pub name: &'static str,
    /// `Model::new`.
    pub new: fn(VarBuilder) -> Result<Box<dyn Subject>>,
    /// `Model::load`.
    pub load: fn(&Path, &Device) -> Result<Box<dyn Subject>>,
    /// `Model::trainable`.
    pub trainable: fn(&VarMap) -> Vec<Var>,
}

/// The arguments of a step.
pub struct Args<'a> {
    values: &'a Values,
    step: usize,
    first: usize,
    device: &'a Device,
    made: RefCell<BTreeMap<usize, Tensor>>,
}

impl<'a> Args<'a> {
    fn new(values: &'a Values, step: usize, device: &'a Device) -> Self {
        Args {
            values,
            step,
            first: 0,
            device,
            made: RefCell::default(),
        }
    }

    /// The arguments from this one on.
    fn starting_at(self, first: usize) -> Self {
        Args { first, ..self }
    }

    fn value(&self, index: usize) -> Result<&Value> {
        let key = argument_key(self.step, self.first + index);
        self.values
            .get(&key)
            .ok_or_else(|| Error::Msg(format!("there is no argument {key}")))
    }

    /// An argument as a tensor of the manifest's `native` type, made at the first call.
    pub fn tensor(&self, index: usize, native: &str) -> Result<Tensor> {
        if let Some(tensor) = self.made.borrow().get(&index) {
            return Ok(tensor.clone());
        }
        let tensor = convert::tensor(self.value(index)?, native, self.device)?;
        self.made.borrow_mut().insert(index, tensor.clone());
        Ok(tensor)
    }

    /// The real part of a complex argument.
    pub fn re(&self, index: usize, native: &str) -> Result<Tensor> {
        convert::tensor(&convert::part(self.value(index)?, 0)?, native, self.device)
    }

    /// The imaginary part of a complex argument.
    pub fn im(&self, index: usize, native: &str) -> Result<Tensor> {
        convert::tensor(&convert::part(self.value(index)?, 1)?, native, self.device)
    }

    /// An argument as strings.
    pub fn strings(&self, index: usize) -> Result<StringTensor> {
        convert::strings(self.value(index)?)
    }
}

/// Takes a function's outputs.
#[derive(Default)]
pub struct Sink {
    wanted: Wanted,
    /// What the loss is taken against; without it, it is the mean of the squares.
    target: Option<(Loss, Value)>,
    values: Values,
    loss: Option<Tensor>,
}

/// What a sink makes of outputs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Wanted {
    /// Their values, and the loss.
    #[default]
    All,
    /// The loss alone.
    Loss,
    /// Nothing: the call itself is what counts.
    Nothing,
}

impl Sink {
    fn new(wanted: Wanted) -> Self {
        Sink {
            wanted,
            ..Sink::default()
        }
    }

    /// An output.
    pub fn put(&mut self, name: &str, output: impl ToValue) -> Result<()> {
        if self.wanted == Wanted::Nothing {
            return Ok(());
        }
        let term = match &self.target {
            Some((loss, target)) => output.loss(*loss, target)?,
            None => output.mean_square()?,
        };
        if let Some(term) = term {
            self.loss = Some(match self.loss.take() {
                Some(loss) => (loss + term)?,
                None => term,
            });
        }
        if self.wanted == Wanted::All {
            self.values.insert(name.to_owned(), output.to_value()?);
        }
        Ok(())
    }

    /// A complex output.
    pub fn put_complex(&mut self, name: &str, re: Tensor, im: Tensor) -> Result<()> {
        let value = convert::complex(re.to_value()?, im.to_value()?)?;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

struct Runner {
    trainable: fn(&VarMap) -> Vec<Var>,
    subject: Box<dyn Subject>,
    variables: VarMap,
    device: Device,
    inputs: Values,
}

impl Runner {
    fn run(&mut self, index: usize, step: &Step) -> Result<Values> {
        match step {
            Step::Call(function) => Ok(self.call(index, *function)?.values),
            Step::Gradient { function, tensors } => self.gradient(index, *function, tensors),
            Step::Variables(tensors) => {
                let value = |name: &String| Ok((name.clone(), self.variable(name)?.to_value()?));
                tensors.iter().map(value).collect()
            }
            Step::Train(training) => training::run(self, index, training),
        }
    }

    fn call(&mut self, step: usize, function: usize) -> Result<Sink> {
        let mut sink = Sink::default();
        let args = Args::new(&self.inputs, step, &self.device);
        self.subject.call(function, &args, &mut sink)?;
        Ok(sink)
    }

    fn gradient(&mut self, step: usize, function: usize, tensors: &[String]) -> Result<Values> {
        let sink = self.call(step, function)?;
        let loss = sink
            .loss
            .ok_or_else(|| Error::Msg("no output is a float".into()))?;
        let gradients = loss.backward()?;
        let mut values = Values::from([("loss".to_owned(), loss.to_value()?)]);
        for name in tensors {
            if let Some(gradient) = gradients.get(&self.variable(name)?) {
                values.insert(name.clone(), gradient.to_value()?);
            }
        }
        Ok(values)
    }

    fn variable(&self, name: &str) -> Result<Tensor> {
        let variables = self.variables.data().lock();
        let variables = variables.map_err(|_| Error::Msg("the variables are poisoned".into()))?;
        let variable = variables
            .get(name)
            .ok_or_else(|| Error::Msg(format!("there is no variable {name}")))?;
        Ok(variable.as_tensor().clone())
    }
}

/// Runs the job in the directory that the first argument names, with the weights that the second one names. With a
/// third argument it is timed. Where [`value::FOREIGN`] is set, the support code has no kernels.
pub fn main(entries: &[Entry]) {
    let arguments: Vec<String> = std::env::args().collect();
    let is_foreign = std::env::var_os(value::FOREIGN).is_some_and(|set| set == "1");
    let done = match &arguments[..] {
        [_, dir, weights] if is_foreign => {
            foreign(|| run(entries, Path::new(dir), Path::new(weights)))
        }
        [_, dir, weights] => run(entries, Path::new(dir), Path::new(weights)),
        [_, dir, weights, form] => timing::serve(entries, Path::new(dir), Path::new(weights), form),
        _ => Err(Error::Msg("usage: JOB_DIR WEIGHTS [FORM]".into())),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn read_job<'a>(entries: &'a [Entry], dir: &Path) -> Result<(&'a Entry, Job)> {
    let job: Job = serde_json::from_slice(&fs::read(dir.join("job.json"))?).map_err(Error::wrap)?;
    let find = |entry: &&Entry| entry.name == job.subject;
    match entries.iter().find(find) {
        Some(entry) => Ok((entry, job)),
        None => Err(Error::Msg(format!("there is no module {}", job.subject))),
    }
}

fn run(entries: &[Entry], dir: &Path, weights: &Path) -> Result<()> {
    let (entry, job) = read_job(entries, dir)?;
    let mut runner = guard(|| open(entry, &job, dir, weights))?;
    for (i, step) in job.steps.iter().enumerate() {
        if let Step::Train(_) = step {
            runner = guard(|| open(entry, &job, dir, weights))?;
        }
        match guard(|| runner.run(i, step)) {
            Ok(values) => value::write(&dir.join(format!("{i}.values")), &values)?,
            Err(error) => fs::write(dir.join(format!("{i}.error")), error.to_string())?,
        }
    }
    Ok(())
}

/// From variables where the job asks for gradients or state, else by the module's own `load`.
fn open(entry: &Entry, job: &Job, dir: &Path, weights: &Path) -> Result<Runner> {
    let plain = job.steps.iter().all(|step| matches!(step, Step::Call(_)));
    let device = Device::Cpu;
    let variables = match plain {
        true => VarMap::new(),
        false => read_variables(weights, &device)?,
    };
    let subject = match plain {
        true => (entry.load)(weights, &device)?,
        false => (entry.new)(VarBuilder::from_varmap(&variables, DType::F32, &device))?,
    };
    Ok(Runner {
        trainable: entry.trainable,
        subject,
        variables,
        device,
        inputs: value::read(&dir.join("inputs.values"))?,
    })
}

fn read_variables(weights: &Path, device: &Device) -> Result<VarMap> {
    let tensors = candle_core::safetensors::load(weights, device)?;
    let variables = VarMap::new();
    if let Ok(mut map) = variables.data().lock() {
        for (name, tensor) in tensors.into_iter().collect::<BTreeMap<_, _>>() {
            map.insert(name, Var::from_tensor(&tensor)?);
        }
    }
    Ok(variables)
}

fn guard<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(Error::Msg(format!("panic: {}", words(&*panic)))))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
