//! Times generated modules: `cargo bench`.
//!
//! `MODELS=DIR` names the folder of models (`models/NAME`, `golden/NAME.json`, `golden/NAME.npz`), `bench-models` if it
//! is there, as `compare.py` makes it; else the repository's own fixtures. `BENCH=a,b` keeps the names that contain `a`
//! or `b` (`=a` is that name alone); `FRAMEWORK=candle` times one framework; `TRAIN=a` and `BATCH=8` say which training
//! steps; `ROUNDS` and `TURN_MS` how long; `RAYON_NUM_THREADS` on how many threads. `CONTESTANTS=FILE` adds programs;
//! `REPORT=FILE` writes the table as JSON.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use savedmodel_import_tests::harness::parts;
use savedmodel_import_tests::scratch::Layout;
use savedmodel_import_tests::speed::{Request, run};
use savedmodel_import_tests::{Result, convert, table};

/// What is timed of `bench-models`, and of the fixtures.
const REAL: &str = "mobilenet_v2,resnet50,bert,lstm,decoder";
const FIXTURES: &str = "=k3_mobilenet,=k3_convnet,=k3_transformer";

const HOW: &str = "note: these are small fixtures. `python tests/benches/compare.py --make-only` makes MobileNetV2, \
                   ResNet50 and a BERT in bench-models; or MODELS=DIR names a folder of models.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == convert::CHILD)
    {
        return convert::child(&arguments[1..]).into();
    }
    match bench() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = here.parent().ok_or("there is no workspace")?;
    let (folder, names) = models(workspace)?;
    let layout = Layout {
        timed: true,
        ..Layout::of_test(here, "speed")?
    };
    let request = Request {
        folder,
        filters: list("BENCH", names),
        frameworks: match env::var("FRAMEWORK") {
            Ok(name) => vec![name.parse()?],
            Err(_) => table::FRAMEWORKS.to_vec(),
        },
        train: list("TRAIN", "mobilenet"),
        batch: number("BATCH", 8)?,
        rounds: number("ROUNDS", 10)?,
        turn: Duration::from_millis(number("TURN_MS", 400)?),
        others: env::var_os("CONTESTANTS").map(|path| workspace.join(path)),
    };
    let report = run(&layout, &request)?;
    print!("{}", report.text());
    if names == FIXTURES {
        println!("{HOW}");
    }
    if let Some(path) = env::var_os("REPORT") {
        fs::write(workspace.join(path), serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

fn models(workspace: &Path) -> Result<(PathBuf, &'static str)> {
    if let Some(folder) = env::var_os("MODELS") {
        let folder = workspace.join(folder);
        return match folder.join("models").is_dir() {
            true => Ok((folder, REAL)),
            false => Err(format!("{}: there is no folder `models`", folder.display()).into()),
        };
    }
    let made = workspace.join("bench-models");
    Ok(match made.join("models").is_dir() {
        true => (made, REAL),
        false => (workspace.join("tests/fixtures"), FIXTURES),
    })
}

fn list(variable: &str, default: &str) -> Vec<String> {
    parts(&env::var(variable).unwrap_or(default.to_owned()))
}

fn number<T: std::str::FromStr>(variable: &str, default: T) -> Result<T> {
    match env::var(variable) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{variable}={text} is no number").into()),
        Err(_) => Ok(default),
    }
}
