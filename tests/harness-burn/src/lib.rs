//! The main program of a binary that holds many generated burn modules: runs one job on one of them.

mod convert;
#[path = "../../../generated-example/src/optimizers/burn.rs"]
mod optimizers;
mod timing;
mod training;
mod walk;

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use burn::tensor::{Bool, Device, Gradients, Int, Tensor};
pub use savedmodel_import_burn_support::string_tensor::StringTensor;
use savedmodel_import_tests_value::{self as value, Job, Loss, Step, Value, argument_key};

pub use burn::optim::ModuleOptimizer;
pub use convert::ToValue;
pub use savedmodel_import_tests_value::Values;
pub use timing::descended;
pub use walk::{gradients, variables};

/// A failure, in words.
pub type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// A loaded module.
pub trait Subject {
    /// Calls the function of this index in the manifest.
    fn call(&mut self, function: usize, args: &Args, sink: &mut Sink) -> Result<()>;
    /// The gradients of all float parameters, by key.
    fn gradients(&self, gradients: &Gradients) -> Result<Values>;
    /// All parameters and state, by key.
    fn variables(&self) -> Result<Values>;

    /// Calls the training form of a function.
    fn train(&mut self, _function: usize, _args: &Args, _sink: &mut Sink) -> Result<()> {
        Err("the adapter has no training form".into())
    }

    /// Moves the parameters as the optimizer does.
    fn descend(
        &mut self,
        _optimizer: &mut ModuleOptimizer,
        _gradients: Gradients,
        _rate: f64,
    ) -> Result<()> {
        Err("the adapter has no training form".into())
    }
}

/// The name of a module, and how to load it.
pub struct Entry {
    /// The module's name.
    pub name: &'static str,
    /// `Model::load`.
    pub load: fn(&Path, &Device) -> Result<Box<dyn Subject>>,
}

/// The arguments of a step.
pub struct Args<'a> {
    values: &'a Values,
    step: usize,
    first: usize,
    device: &'a Device,
    made: RefCell<BTreeMap<usize, Box<dyn Any>>>,
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

    /// The argument that was made before, if it is of this type, or a new one.
    fn once<T: Clone + 'static>(
        &self,
        index: usize,
        make: impl FnOnce(&Value) -> Result<T>,
    ) -> Result<T> {
        let made = self.made.borrow();
        if let Some(made) = made.get(&index).and_then(|made| made.downcast_ref::<T>()) {
            return Ok(made.clone());
        }
        drop(made);
        let made = make(self.value(index)?)?;
        self.made.borrow_mut().insert(index, Box::new(made.clone()));
        Ok(made)
    }

    fn value(&self, index: usize) -> Result<&Value> {
        let key = argument_key(self.step, self.first + index);
        self.values
            .get(&key)
            .ok_or_else(|| format!("there is no argument {key}").into())
    }

    /// How many dimensions an argument has in burn, where a scalar has one.
    pub fn rank(&self, index: usize) -> Result<usize> {
        Ok(self.value(index)?.shape.len().max(1))
    }

    /// An argument as floats of the manifest's `native` type.
    pub fn float<const D: usize>(&self, index: usize, native: &str) -> Result<Tensor<D>> {
        self.once(index, |value| convert::float(value, native, self.device))
    }

    /// An argument as integers of the manifest's `native` type.
    pub fn int<const D: usize>(&self, index: usize, native: &str) -> Result<Tensor<D, Int>> {
        self.once(index, |value| convert::int(value, native, self.device))
    }

    /// An argument as booleans.
    pub fn bool<const D: usize>(&self, index: usize) -> Result<Tensor<D, Bool>> {
        convert::bool(self.value(index)?, self.device)
    }

    /// The real part of a complex argument.
    pub fn re<const D: usize>(&self, index: usize, native: &str) -> Result<Tensor<D>> {
        convert::float(&convert::part(self.value(index)?, 0)?, native, self.device)
    }

    /// The imaginary part of a complex argument.
    pub fn im<const D: usize>(&self, index: usize, native: &str) -> Result<Tensor<D>> {
        convert::float(&convert::part(self.value(index)?, 1)?, native, self.device)
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
    loss: Option<Tensor<1>>,
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
            None => output.mean_square(),
        };
        if let Some(term) = term {
            self.loss = Some(match self.loss.take() {
                Some(loss) => loss + term,
                None => term,
            });
        }
        if self.wanted == Wanted::All {
            self.values.insert(name.to_owned(), output.to_value()?);
        }
        Ok(())
    }

    /// A complex output.
    pub fn put_complex<const D: usize>(
        &mut self,
        name: &str,
        re: Tensor<D>,
        im: Tensor<D>,
    ) -> Result<()> {
        let value = convert::complex(re.to_value()?, im.to_value()?)?;
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

struct Runner {
    subject: Box<dyn Subject>,
    device: Device,
    inputs: Values,
}

impl Runner {
    fn run(&mut self, index: usize, step: &Step) -> Result<Values> {
        match step {
            Step::Call(function) => Ok(self.call(index, *function)?.values),
            Step::Gradient { function, tensors } => self.gradient(index, *function, tensors),
            Step::Variables(tensors) => Ok(chosen(self.subject.variables()?, tensors)),
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
        let loss = self
            .call(step, function)?
            .loss
            .ok_or("no output is a float")?;
        let gradients = self.subject.gradients(&loss.backward())?;
        let mut values = chosen(gradients, tensors);
        values.insert("loss".to_owned(), loss.to_value()?);
        Ok(values)
    }
}

fn chosen(mut values: Values, names: &[String]) -> Values {
    values.retain(|name, _| names.contains(name));
    values
}

/// Runs the job in the directory that the first argument names, with the weights that the second one names. With a
/// third argument it is timed.
pub fn main(entries: &[Entry]) {
    let arguments: Vec<String> = std::env::args().collect();
    let done = match &arguments[..] {
        [_, dir, weights] => run(entries, Path::new(dir), Path::new(weights)),
        [_, dir, weights, form] => timing::serve(entries, Path::new(dir), Path::new(weights), form),
        _ => Err("usage: JOB_DIR WEIGHTS [FORM]".into()),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn read_job<'a>(entries: &'a [Entry], dir: &Path) -> Result<(&'a Entry, Job)> {
    let job: Job = serde_json::from_slice(&fs::read(dir.join("job.json"))?)?;
    let find = |entry: &&Entry| entry.name == job.subject;
    match entries.iter().find(find) {
        Some(entry) => Ok((entry, job)),
        None => Err(format!("there is no module {}", job.subject).into()),
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

/// On a device that records for backward only where the job asks for gradients.
fn open(entry: &Entry, job: &Job, dir: &Path, weights: &Path) -> Result<Runner> {
    let training = job
        .steps
        .iter()
        .any(|step| matches!(step, Step::Gradient { .. } | Step::Train(_)));
    let device = match training {
        true => Device::flex().autodiff(),
        false => Device::flex(),
    };
    Ok(Runner {
        subject: (entry.load)(weights, &device)?,
        device,
        inputs: value::read(&dir.join("inputs.values"))?,
    })
}

fn guard<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run))
        .unwrap_or_else(|panic| Err(format!("panic: {}", words(&*panic)).into()))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}
