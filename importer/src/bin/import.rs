//! The command line.

#![allow(missing_docs, reason = "a program has no callers")]

use std::io::{self, IsTerminal, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use savedmodel_import::inspect::{Device, inspect_dir};
use savedmodel_import::interpreter::{Callee, Interpreter};
use savedmodel_import::picture::{Format, draw};
use savedmodel_import::saved_model::{LoadOptions, SavedModel};
use savedmodel_import::{
    Convert, Error, Export, FloatType, Framework, InputSpec, Progress, Result, arrays, failures,
    render,
};
use serde::Serialize;

/// Compiles TensorFlow SavedModels to native, trainable Rust modules for candle and burn.
#[derive(Parser)]
#[command(name = "import", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write NAME.rs, NAME.safetensors and NAME.json.
    Convert(Box<ConvertArgs>),
    /// Show tags, signatures, functions, variables, assets, and every op that is not supported.
    Inspect(InspectArgs),
    /// Run a signature, function or part of the graph, from a file of inputs to a file of outputs.
    Run(RunArgs),
    /// Draw the modules and their dataflow.
    Graph(GraphArgs),
    /// Write a SavedModel with the tuned weights of a module that was converted from it.
    Export(ExportArgs),
    /// Write out the templates by which sources and pictures are drawn, to change them.
    Templates(TemplatesArgs),
}

#[derive(Args)]
struct TemplatesArgs {
    /// The directory to write to.
    dir: PathBuf,
}

#[derive(Args)]
struct ConvertArgs {
    /// The directory with `saved_model.pb`.
    saved_model: PathBuf,
    /// The framework to write for: candle or burn.
    #[arg(long, value_parser = parse::<Framework>)]
    framework: Framework,
    /// The directory to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The module's name; the model directory's name if it is not given.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    load: LoadArgs,
    /// Convert this signature alone; may be repeated.
    #[arg(long = "signature", value_name = "KEY")]
    signatures: Vec<String>,
    /// Convert this exported function alone, by its path from the root; may be repeated.
    #[arg(long = "function", value_name = "PATH")]
    functions: Vec<String>,
    /// Tensors of the main graph that become arguments, such as x:0.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "x:0,…",
        requires = "fetches"
    )]
    feeds: Vec<String>,
    /// Tensors of the main graph that become results, such as y:0.
    #[arg(long, value_delimiter = ',', value_name = "y:0,…")]
    fetches: Vec<String>,
    /// Pin the dtype or shape of an argument; may be repeated.
    #[arg(long = "input", value_name = "NAME=DTYPE[d0,d1,…]", value_parser = parse::<InputSpec>)]
    inputs: Vec<InputSpec>,
    /// The float type of weights and arithmetic, f32, f16 or bf16: the model's own, until a change is supported.
    #[arg(long, value_parser = parse::<FloatType>)]
    dtype: Option<FloatType>,
    /// Include the weights in the compiled program, which `embedded` of the module gives without a file.
    #[arg(long)]
    embed_weights: bool,
    /// Say in comments which lines of Python made what, where the model has debug information.
    #[arg(long)]
    python_lines: bool,
    /// Read how layers train from this .keras file, or from the config.json in one.
    #[arg(long, value_name = "FILE")]
    keras: Option<PathBuf>,
    /// The momentum of batch norms, as Keras counts it, where nothing else tells it.
    #[arg(long, value_name = "M")]
    batch_norm_momentum: Option<f64>,
    /// Make variables of constants that stand where weights stand, so that a frozen graph trains.
    #[arg(long)]
    thaw: bool,
    /// Write the support code to this file, a module beside the generated one that several models share: what they use of it.
    #[arg(long, value_name = "PATH")]
    support: Option<PathBuf>,
    /// Use the support code of this dependency, and carry none.
    #[arg(long, value_name = "NAME", conflicts_with = "support")]
    support_crate: Option<String>,
    /// Draw the source by the templates of this directory, where it has them; see `import templates`.
    #[arg(long, value_name = "DIR")]
    templates: Option<PathBuf>,
    /// Leave out what cannot be converted, signatures too, and say what.
    #[arg(long)]
    keep_going: bool,
    /// Wait so many seconds for the model to appear.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    wait: Option<Duration>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct InspectArgs {
    /// The directory with `saved_model.pb`.
    saved_model: PathBuf,
    #[command(flatten)]
    load: LoadArgs,
    /// Say what would go by way of the host on this device: cuda, or cpu.
    #[arg(long, value_name = "DEVICE", value_parser = parse::<Device>)]
    device: Option<Device>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct RunArgs {
    /// The directory with `saved_model.pb`.
    saved_model: PathBuf,
    /// Run this signature; `serving_default`, or the only one, if nothing is named.
    #[arg(long, value_name = "KEY", conflicts_with_all = ["function", "fetches"])]
    signature: Option<String>,
    /// Run this exported function, by its path from the root.
    #[arg(long, value_name = "PATH", conflicts_with = "fetches")]
    function: Option<String>,
    /// Tensors of the main graph that the inputs replace, such as x:0.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "x:0,…",
        requires = "fetches"
    )]
    feeds: Vec<String>,
    /// Tensors of the main graph to compute, such as y:0.
    #[arg(long, value_delimiter = ',', value_name = "y:0,…")]
    fetches: Vec<String>,
    /// The inputs by name, an .npz or .safetensors file; none if the function takes none.
    #[arg(long, value_name = "FILE")]
    inputs: Option<PathBuf>,
    /// Where to write the outputs by name, an .npz or .safetensors file.
    #[arg(long, value_name = "FILE")]
    outputs: PathBuf,
    /// Make random ops without a seed give the same numbers at each run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many nodes may run, rounds of loops counted each.
    #[arg(long, value_name = "N")]
    max_steps: Option<u64>,
    #[command(flatten)]
    load: LoadArgs,
    /// Print errors as one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct GraphArgs {
    /// The directory with `saved_model.pb`.
    saved_model: PathBuf,
    /// The picture to write: .svg, .dot, or .html for a page on which modules fold and unfold.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Draw this signature alone; may be repeated.
    #[arg(long = "signature", value_name = "KEY")]
    signatures: Vec<String>,
    /// Draw this exported function alone, by its path from the root; may be repeated.
    #[arg(long = "function", value_name = "PATH")]
    functions: Vec<String>,
    #[command(flatten)]
    load: LoadArgs,
    /// Print errors as one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ExportArgs {
    /// The directory with the `saved_model.pb` that the module was converted from.
    saved_model: PathBuf,
    /// The tuned weights of the module.
    #[arg(long, value_name = "TUNED.safetensors")]
    weights: PathBuf,
    /// The directory of the new SavedModel, which does not exist yet.
    #[arg(long, value_name = "NEW")]
    out: PathBuf,
    /// The manifest that `convert` wrote; the .json beside the weights if it is not given, else the model is converted again
    /// in memory.
    #[arg(long, value_name = "NAME.json")]
    manifest: Option<PathBuf>,
    /// The framework of the module, where there is no manifest.
    #[arg(long, value_parser = parse::<Framework>)]
    framework: Option<Framework>,
    /// Leave out the values that optimizers keep beside variables.
    #[arg(long)]
    drop_slots: bool,
    /// The tags of the MetaGraph.
    #[arg(long, value_delimiter = ',', value_name = "a,b")]
    tags: Option<Vec<String>>,
    /// Take what is not tuned from the checkpoint with this prefix.
    #[arg(long, value_name = "PREFIX")]
    checkpoint: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct LoadArgs {
    /// The tags of the MetaGraph.
    #[arg(long, value_delimiter = ',', value_name = "a,b")]
    tags: Option<Vec<String>>,
    /// Read the variables from the checkpoint with this prefix.
    #[arg(long, value_name = "PREFIX")]
    checkpoint: Option<PathBuf>,
    /// Let variables lack a value in the checkpoint.
    #[arg(long)]
    allow_partial_checkpoint: bool,
    /// Leave the checkpoint unread.
    #[arg(long)]
    skip_checkpoint: bool,
}

/// clap prints an argument's error after its own words: only what went wrong, and the help.
fn parse<T: std::str::FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .map_err(|_| format!("`{text}` is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    let (json, outcome) = match Cli::parse().command {
        Command::Convert(args) => (args.json, convert(*args)),
        Command::Inspect(args) => (args.json, show(args)),
        Command::Run(args) => (args.json, run(args)),
        Command::Graph(args) => (args.json, graph(args)),
        Command::Export(args) => (args.json, export(args)),
        Command::Templates(args) => (false, templates(&args)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match json {
                true => print_json(&Failures {
                    errors: failures(&error),
                }),
                false => {
                    eprintln!("{}", render(&error));
                    if let Some(way_out) = without_refused(&error) {
                        eprintln!("{way_out}");
                    }
                }
            }
            error.exit_code().into()
        }
    }
}

/// The command that converts what can be converted.
fn without_refused(error: &Error) -> Option<String> {
    let paths = error.convertible();
    let mut named: Vec<&str> = paths
        .iter()
        .map(|path| path.trim_start_matches("signatures/"))
        .collect();
    named.sort_unstable();
    named.dedup();
    let arguments: Vec<String> = std::env::args().skip(1).map(|word| quoted(&word)).collect();
    (!paths.is_empty()).then(|| {
        let command = arguments.join(" ");
        format!(
            "\nhelp: the rest can be converted ({}):\n  import {command} --keep-going",
            named.join(", ")
        )
    })
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[derive(Serialize)]
struct Failures {
    errors: Vec<savedmodel_import::Failure>,
}

fn print_json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => print(format_args!("{text}\n")),
        Err(error) => eprintln!("error: {error}"),
    }
}

/// Prints to stdout. A reader that has had enough closes it, which is no error.
fn print(text: std::fmt::Arguments<'_>) {
    match io::stdout().lock().write_fmt(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => eprintln!("error: {error}"),
        Ok(()) | Err(_) => {}
    }
}

fn convert(args: ConvertArgs) -> Result<()> {
    let json = args.json;
    let bars = Arc::new(Bars::new());
    let report = request(args).progress(bars.clone()).run();
    bars.clear();
    let report = report?;
    match json {
        true => print_json(&report),
        false => print(format_args!("{report}\n")),
    }
    Ok(())
}

fn request(args: ConvertArgs) -> Convert {
    let mut convert = Convert::new(args.saved_model)
        .framework(args.framework)
        .out_dir(args.out)
        .prune(args.feeds, args.fetches)
        .embed_weights(args.embed_weights)
        .python_lines(args.python_lines)
        .thaw(args.thaw)
        .keep_going(args.keep_going)
        .allow_partial_checkpoint(args.load.allow_partial_checkpoint)
        .skip_checkpoint(args.load.skip_checkpoint)
        .wait(args.wait.unwrap_or_default());
    convert = args
        .signatures
        .into_iter()
        .fold(convert, Convert::signature);
    convert = args.functions.into_iter().fold(convert, Convert::function);
    convert = args.inputs.into_iter().fold(convert, Convert::input);
    if let Some(name) = args.name {
        convert = convert.name(name);
    }
    if let Some(tags) = args.load.tags {
        convert = convert.tags(tags);
    }
    if let Some(prefix) = args.load.checkpoint {
        convert = convert.checkpoint(prefix);
    }
    if let Some(file) = args.keras {
        convert = convert.keras(file);
    }
    if let Some(momentum) = args.batch_norm_momentum {
        convert = convert.batch_norm_momentum(momentum);
    }
    if let Some(dtype) = args.dtype {
        convert = convert.dtype(dtype);
    }
    if let Some(dir) = args.templates {
        convert = convert.templates(dir);
    }
    match (args.support, args.support_crate) {
        (Some(file), _) => convert.support_file(file),
        (None, Some(name)) => convert.support_crate(name),
        (None, None) => convert,
    }
}

/// Writes out the templates, and says which.
fn templates(args: &TemplatesArgs) -> Result<()> {
    let files = savedmodel_import::write_templates(&args.dir)?;
    let mut out = io::stdout().lock();
    for file in files {
        writeln!(out, "{}", file.display())?;
    }
    Ok(())
}

fn load(model: &Path, args: LoadArgs) -> Result<SavedModel> {
    options(args).load(model)
}

fn options(args: LoadArgs) -> LoadOptions {
    let mut load = LoadOptions::new()
        .allow_partial_checkpoint(args.allow_partial_checkpoint)
        .skip_checkpoint(args.skip_checkpoint);
    if let Some(tags) = args.tags {
        load = load.tags(tags);
    }
    if let Some(prefix) = args.checkpoint {
        load = load.checkpoint(prefix);
    }
    load
}

fn run(args: RunArgs) -> Result<()> {
    arrays::check_name(&args.outputs)?;
    let callee = match (args.signature, args.function, args.fetches.is_empty()) {
        (Some(key), _, _) => Callee::Signature(key),
        (None, Some(path), _) => Callee::Function(path),
        (None, None, false) => Callee::Graph {
            feeds: args.feeds,
            fetches: args.fetches,
        },
        (None, None, true) => Callee::Default,
    };
    let inputs = args.inputs.as_deref().map(arrays::read).transpose()?;
    let mut load = options(args.load);
    if let Some(seed) = args.seed {
        load = load.seed(seed);
    }
    if let Some(steps) = args.max_steps {
        load = load.step_limit(steps);
    }
    let model = load.load(&args.saved_model)?;
    let outputs = Interpreter::new(&model).call_named(&callee, inputs.unwrap_or_default())?;
    arrays::write(&args.outputs, &outputs)
}

fn graph(args: GraphArgs) -> Result<()> {
    Format::of(&args.out)?;
    let model = load(&args.saved_model, args.load)?;
    draw(&model, &args.signatures, &args.functions)?.write(&args.out)
}

fn export(args: ExportArgs) -> Result<()> {
    let mut export = Export::new(args.saved_model)
        .weights(args.weights)
        .out(args.out)
        .drop_slots(args.drop_slots);
    if let Some(manifest) = args.manifest {
        export = export.manifest(manifest);
    }
    if let Some(framework) = args.framework {
        export = export.framework(framework);
    }
    if let Some(tags) = args.tags {
        export = export.tags(tags);
    }
    if let Some(prefix) = args.checkpoint {
        export = export.checkpoint(prefix);
    }
    let report = export.run()?;
    match args.json {
        true => print_json(&report),
        false => print(format_args!("{report}\n")),
    }
    Ok(())
}

fn show(args: InspectArgs) -> Result<()> {
    let inventory = inspect_dir(&args.saved_model, &options(args.load))?;
    match args.json {
        true => print_json(&inventory),
        false => print(format_args!("{inventory}")),
    }
    if let Some(device) = args.device.filter(|_| !args.json) {
        print(format_args!("{}", inventory.on_device(device)));
    }
    Ok(())
}

/// A spinner for stages of unknown length and a bar of bytes for the weights, on a terminal only.
struct Bars {
    bar: Mutex<Option<ProgressBar>>,
}

impl Bars {
    fn new() -> Self {
        Bars {
            bar: Mutex::new(None),
        }
    }

    fn clear(&self) {
        self.replace(None);
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        if let Ok(mut slot) = self.bar.lock()
            && let Some(old) = std::mem::replace(&mut *slot, bar)
        {
            old.finish_and_clear();
        }
    }
}

impl Progress for Bars {
    fn stage(&self, name: &'static str, total: u64) {
        if !stderr().is_terminal() {
            return;
        }
        let bar = match total {
            0 => ProgressBar::new_spinner(),
            total => ProgressBar::new(total).with_style(byte_style()),
        };
        bar.set_message(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        self.replace(Some(bar));
    }

    fn advance(&self, steps: u64) {
        if let Ok(Some(bar)) = self.bar.lock().as_deref() {
            bar.inc(steps);
        }
    }
}

fn byte_style() -> ProgressStyle {
    let template = "{msg} {wide_bar} {bytes}/{total_bytes}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
