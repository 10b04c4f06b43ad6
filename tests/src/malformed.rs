//! Broken and hostile SavedModels: each is loaded, inspected, converted and called in a process of its own, which must end
//! in time, within its memory, and without a panic.

use std::env;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use savedmodel_import::saved_model::{LoadOptions, SavedModel};
use savedmodel_import::{Arguments, Convert, Error, Framework, Nest, failures, inspect};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::execute::run_with_limit;
use crate::{Context, Result};

/// The argument that makes the test binary the child which tries one case.
pub const CHILD: &str = "--malformed-child";

const TIME: Duration = Duration::from_secs(5);
const MEMORY_MB: u64 = 1024;
/// Address space, which files and stacks take as well; an allocation beyond it aborts.
const ADDRESS_KB: u64 = 6 << 20;
/// The share of the wanted words that an error has to have.
const WORDS: f64 = 0.6;

/// One broken model and what should become of it.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    dir: PathBuf,
    want: Want,
}

#[derive(Debug, Deserialize)]
struct Expect {
    want: Want,
}

#[derive(Debug, Deserialize)]
struct Want {
    outcome: String,
    should_say: String,
}

/// What a child saw.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Each stage with its failure, if it failed.
    pub stages: Vec<(String, Option<String>)>,
    /// The largest resident size.
    pub peak_mb: u64,
}

/// What became of a case.
#[derive(Debug)]
pub struct Verdict {
    /// The case.
    pub name: String,
    /// Where and how it failed first, for the table.
    pub saw: String,
    /// Why that is not what it should be.
    pub problem: Option<String>,
}

/// The cases of a folder, by name.
pub fn find(folder: &Path, filters: &[String]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).context(folder)? {
        let dir = entry?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let wanted = filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
        let expect = dir.join("expect.json");
        if wanted && expect.is_file() {
            let text = fs::read_to_string(&expect).context(&expect)?;
            let Expect { want } = serde_json::from_str(&text).context(&expect)?;
            cases.push(Case {
                name: name.into_owned(),
                dir,
                want,
            });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// Tries one case in a child.
pub fn judge(case: &Case, scratch: &Path) -> Result<Verdict> {
    let out = scratch.join(&case.name);
    fs::create_dir_all(&out).context(&out)?;
    let log = out.join("log.txt");
    let file = fs::File::create(&log).context(&log)?;
    // `ulimit` is the shell's, and takes kilobytes.
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {ADDRESS_KB}; exec \"$@\""), "sh"])
        .arg(env::current_exe()?)
        .args([CHILD.as_ref(), case.dir.as_os_str(), out.as_os_str()])
        .stdout(Stdio::null())
        .stderr(file);
    let start = Instant::now();
    let succeeded = run_with_limit(&mut command, TIME)?;
    let took = start.elapsed();
    let report = out.join("report.json");
    let text = fs::read_to_string(&report).unwrap_or_default();
    let report: Report = serde_json::from_str(&text).unwrap_or_default();
    let problem = match succeeded {
        false if took >= TIME => Some(format!("took longer than {} s", TIME.as_secs())),
        false => Some(format!("ended with {}", tail(&log))),
        true => problem(&case.want, &report),
    };
    Ok(Verdict {
        name: case.name.clone(),
        saw: saw(&report),
        problem,
    })
}

fn tail(log: &Path) -> String {
    let mut text = String::new();
    let read = fs::File::open(log).and_then(|mut file| file.read_to_string(&mut text));
    match read {
        Ok(_) => text.lines().take(3).collect::<Vec<_>>().join(" / "),
        Err(error) => error.to_string(),
    }
}

fn first_failure(report: &Report) -> Option<(&str, &str)> {
    let failed = |(stage, error): &'_ (String, Option<String>)| {
        error.is_some() && !tolerated(stage, error.as_deref())
    };
    let (stage, error) = report.stages.iter().find(|stage| failed(stage))?;
    Some((stage, error.as_deref()?))
}

/// A conversion may need what the frameworks cannot do.
fn tolerated(stage: &str, error: Option<&str>) -> bool {
    stage == "convert" && error.is_some_and(|error| error.starts_with("unsupported"))
}

fn saw(report: &Report) -> String {
    match first_failure(report) {
        Some((stage, error)) => format!("{stage}: {}", error.replace('\n', " ")),
        None => "ok".to_owned(),
    }
}

fn problem(want: &Want, report: &Report) -> Option<String> {
    if report.peak_mb > MEMORY_MB {
        return Some(format!("took {} MB of memory", report.peak_mb));
    }
    match (want.outcome.as_str(), first_failure(report)) {
        ("ok_or_error", _) | ("ok", None) => None,
        ("ok", Some(_)) => Some("should have succeeded".to_owned()),
        ("error", None) => Some(format!("should have failed: {}", want.should_say)),
        ("error", Some((_, error))) => lacking(&want.should_say, error),
        (other, _) => Some(format!("the outcome `{other}` is not known")),
    }
}

/// Where `should_say` describes the error instead of giving its words.
const WORDINGS: [(&str, &str); 3] = [
    (
        "Cannot parse file <path>: line:col message",
        "cannot parse the file 1:25",
    ),
    (
        "shape needs 2^62 bytes but the entry has 24",
        "stored size 24; expected size 4611686018427387904",
    ),
    (
        "string lengths do not parse / dtype mismatch",
        "the checkpoint has string",
    ),
];

/// The wanted words that the error does not have, if they are too many.
fn lacking(wanted: &str, error: &str) -> Option<String> {
    let error = error.to_lowercase();
    let described = WORDINGS
        .iter()
        .find(|(description, _)| *description == wanted);
    let wanted = described.map_or(wanted, |(_, words)| words);
    let clauses: Vec<&str> = wanted.split([';', '/']).collect();
    let score = |clause: &str| {
        let words: Vec<String> = words(clause);
        let missing: Vec<String> = words
            .iter()
            .filter(|word| !error.contains(word.as_str()))
            .cloned()
            .collect();
        (words.len(), missing)
    };
    let enough = |&(all, ref missing): &(usize, Vec<String>)| {
        all > 0 && (all - missing.len()) as f64 >= WORDS * all as f64
    };
    let scores: Vec<_> = clauses.iter().map(|clause| score(clause)).collect();
    match scores.iter().any(enough) || enough(&score(wanted)) {
        true => None,
        false => Some(format!("should say: {wanted}")),
    }
}

fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .filter(|word| word.len() > 1 && !matches!(*word, "in" | "of" | "is" | "the" | "to"))
        .map(str::to_owned)
        .collect()
}

/// The child: all stages of one case.
pub fn child(arguments: &[String]) -> u8 {
    let [dir, out] = arguments else { return 2 };
    match try_case(Path::new(dir), Path::new(out)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

fn try_case(dir: &Path, out: &Path) -> Result<()> {
    let expect = dir.join("expect.json");
    let expect: Json = serde_json::from_str(&fs::read_to_string(&expect).context(&expect)?)?;
    let mut report = Report::default();
    let mut options = LoadOptions::new();
    if let Some(tags) = expect["load"]["tags"].as_array() {
        options = options.tags(tags.iter().filter_map(Json::as_str));
    }
    let loaded = options.load(dir.join("model"));
    report.note("load", loaded.as_ref().err().map(kind_and_text));
    if let Ok(model) = &loaded {
        report.later_stages(model, &dir.join("model"), out);
        if !expect["call"].is_null() {
            report.note("call", call(model, &expect["call"]).err());
        }
    }
    report.peak_mb = peak_mb();
    let file = out.join("report.json");
    fs::write(&file, serde_json::to_string(&report)?).context(&file)
}

/// Makes the call of `{target, args, kwargs}`.
fn call(model: &SavedModel, call: &Json) -> Result<(), String> {
    let target = call["target"].as_str().unwrap_or_default();
    let path = target.replace("|[", "/").replace(']', "").replace('|', "/");
    let mut arguments = Arguments::new();
    for argument in call["args"].as_array().into_iter().flatten() {
        arguments = arguments.arg(argument_value(argument)?);
    }
    for (name, argument) in call["kwargs"].as_object().into_iter().flatten() {
        arguments = arguments.kwarg(name.as_str(), argument_value(argument)?);
    }
    let called = model
        .function(&path)
        .and_then(|function| function.call(arguments));
    called.map(drop).map_err(|error| kind_and_text(&error))
}

/// `{f32: numbers}` or `{str: strings}`.
fn argument_value(json: &Json) -> Result<Nest, String> {
    fn nest(json: &Json) -> Nest {
        match json {
            Json::Array(items) => Nest::List(items.iter().map(nest).collect()),
            Json::String(text) => Nest::Text(text.clone()),
            other => Nest::Float(other.as_f64().unwrap_or(f64::NAN)),
        }
    }
    let mut kinds = json.as_object().into_iter().flatten();
    kinds
        .next()
        .map(|(_, value)| nest(value))
        .ok_or_else(|| format!("no argument: {json}"))
}

fn kind_and_text(error: &Error) -> String {
    let kinds = failures(error);
    let unsupported = kinds.iter().all(|failure| failure.kind == "unsupported");
    let kind = if unsupported { "unsupported" } else { "error" };
    format!("{kind}: {error}")
}

impl Report {
    fn note(&mut self, stage: &str, error: Option<String>) {
        self.stages.push((stage.to_owned(), error));
    }

    fn later_stages(&mut self, model: &SavedModel, dir: &Path, out: &Path) {
        let inventory = inspect::inspect(model);
        // What another version or library could do is no flaw of the model, unless nobody knows the op.
        let listed = inventory.unsupported.iter().filter(|failure| {
            failure.kind != "unsupported" || failure.message.starts_with("Op type not registered")
        });
        let listed: Vec<String> = listed.map(|failure| format!("{failure:?}")).collect();
        self.note("inspect", (!listed.is_empty()).then(|| listed.join("\n")));
        let converted = Convert::new(dir)
            .framework(Framework::Candle)
            .out_dir(out)
            .run();
        self.note("convert", converted.err().as_ref().map(kind_and_text));
    }
}

/// The largest resident size of this process; 0 where the system does not say.
fn peak_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}
