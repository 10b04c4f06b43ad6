//! Converting each subject in a process of its own, so that a crash or a hang is that subject's alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rayon::prelude::*;
use savedmodel_import::manifest::Manifest;
use savedmodel_import::{Convert, Framework, render};

use crate::corpus::Subject;
use crate::execute::run_with_limit;
use crate::pins::pins;
use crate::{Context, Result};

/// The first argument of a process that converts.
pub const CHILD: &str = "--convert-one";

/// How long a conversion may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A converted subject.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The Rust source.
    pub source: PathBuf,
    /// The weights.
    pub weights: PathBuf,
    /// What is in them.
    pub manifest: Manifest,
    /// Whether rustfmt would leave the source as it is.
    pub formatted: bool,
    /// Whether it is to be trained.
    pub trained: bool,
}

impl Converted {
    /// Whether the module has a method `fused`.
    pub fn is_fusible(&self) -> bool {
        fs::read_to_string(&self.source).is_ok_and(|text| text.contains("pub fn fused(&self)"))
    }
}

/// Where generated modules have their support code.
pub const SHARED_SUPPORT: &str = "crate::support";

/// Converts all `subjects` into directories below `out`; in the same order. Their support code is at the path
/// `support`, or in each of them.
pub fn all(
    subjects: &[Subject],
    framework: Framework,
    support: Option<&str>,
    out: &Path,
) -> Vec<Result<Converted>> {
    subjects
        .par_iter()
        .map(|subject| one(subject, framework, support, &out.join(&subject.name)))
        .collect()
}

fn one(
    subject: &Subject,
    framework: Framework,
    support: Option<&str>,
    out: &Path,
) -> Result<Converted> {
    let fresh = out.join("new");
    fs::create_dir_all(out).context(out)?;
    let log = out.join("convert.log");
    let path = |extension: &str| fresh.join(format!("{}.{extension}", subject.name));
    let convert = |pins: &[String]| -> Result<Manifest> {
        let mut child = Command::new(std::env::current_exe()?);
        child
            .arg(CHILD)
            .arg(&subject.model)
            .args([&framework.to_string(), &subject.name])
            .arg(&fresh)
            .arg(support.unwrap_or_default())
            .arg(subject.keras.as_deref().unwrap_or(Path::new("")))
            .args(pins);
        child
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).context(&log)?);
        if !run_with_limit(&mut child, LIMIT)? {
            let words = fs::read_to_string(&log).context(&log)?;
            return Err(words.trim().trim_start_matches("error: ").to_owned().into());
        }
        let text = fs::read_to_string(path("json")).context(&path("json"))?;
        Ok(Manifest::from_json(&text)?)
    };
    let mut manifest = convert(&[])?;
    let pins = pins(subject, &manifest)?;
    if !pins.is_empty() {
        manifest = convert(&pins)?;
    }
    let source = out.join(format!("{}.rs", subject.name));
    replace_if_changed(&path("rs"), &source)?;
    Ok(Converted {
        formatted: is_formatted(&source),
        source,
        weights: path("safetensors"),
        manifest,
        trained: subject.is_trained(),
    })
}

fn is_formatted(source: &Path) -> bool {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .args(["--edition", "2024", "--check", "--quiet"])
        .arg(source);
    rustfmt
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Keeps the modification time, which the compiler's cache goes by, of a file that is the same.
fn replace_if_changed(from: &Path, to: &Path) -> Result<()> {
    let text = fs::read(from).context(from)?;
    match fs::read(to).is_ok_and(|old| old == text) {
        true => Ok(()),
        false => fs::write(to, text).context(to),
    }
}

/// The process that converts: `MODEL FRAMEWORK NAME OUT SUPPORT KERAS [INPUT…]`, where `SUPPORT` and `KERAS` are empty for none.
/// The exit status is that of the command line.
pub fn child(arguments: &[String]) -> u8 {
    let [model, framework, name, out, support, keras, inputs @ ..] = arguments else {
        return 2;
    };
    let convert = |framework| {
        let mut convert = Convert::new(model)
            .framework(framework)
            .name(name)
            .out_dir(out);
        if !support.is_empty() {
            convert = convert.support(support);
        }
        if !keras.is_empty() {
            convert = convert.keras(keras);
        }
        for input in inputs {
            convert = convert.input(input.parse()?);
        }
        convert.run().map(drop)
    };
    match framework.parse().and_then(convert) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("{}", render(&error));
            error.exit_code()
        }
    }
}
