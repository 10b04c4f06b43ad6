//! Adapts the generated model to shifted data, first the dense layers alone, then every layer, and writes what was learnt as
//! safetensors and as a SavedModel.

use std::path::{Path, PathBuf};

use clap::Parser;
use generated_example::{
    Classifier, DeviceKind, Digits, Examples, Framework, Part, Result, accuracy, export, load,
};
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Parser)]
struct Args {
    /// The framework that trains the model.
    #[arg(long, value_enum, default_value = "candle")]
    framework: Framework,
    /// Where it runs.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceKind,
    /// Passes over the data in each of the two phases.
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// The size of a batch.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Where the tuned weights go.
    #[arg(long, default_value = "digits-tuned.safetensors")]
    out: PathBuf,
    /// Where the tuned SavedModel goes; the directory does not exist yet.
    #[arg(long, default_value = "digits-tuned")]
    export: PathBuf,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.export.exists() {
        return Err(format!("{} exists already", args.export.display()).into());
    }
    let digits = Digits::load()?;
    let (train, test) = (digits.train.shifted(), digits.test.shifted());
    let mut classifier = load(args.framework, args.device, None)?;
    println!(
        "accuracy on the original data  {:.4}",
        accuracy(classifier.as_ref(), &digits.test)?
    );
    println!(
        "on shifted data, before        {:.4}",
        accuracy(classifier.as_ref(), &test)?
    );

    classifier.learn(Part::Head, 1e-3)?;
    train_for(classifier.as_mut(), "dense layers", &train, &args)?;
    println!(
        "after tuning the dense layers  {:.4}",
        accuracy(classifier.as_ref(), &test)?
    );

    classifier.learn(Part::Everything, 1e-3)?;
    train_for(classifier.as_mut(), "every layer", &train, &args)?;
    let tuned = accuracy(classifier.as_ref(), &test)?;
    println!("after tuning every layer       {tuned:.4}");

    save_and_check(classifier.as_ref(), &args, &test, tuned)?;
    println!("{}", export(args.framework, &args.out, &args.export)?);
    Ok(())
}

fn train_for(
    classifier: &mut dyn Classifier,
    name: &'static str,
    train: &Examples,
    args: &Args,
) -> Result<()> {
    let steps = args.epochs * train.len().div_ceil(args.batch);
    let style = ProgressStyle::with_template("{prefix:>14} {wide_bar} {pos}/{len} {msg} {eta}")?;
    let bar = ProgressBar::new(steps as u64)
        .with_style(style)
        .with_prefix(name);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..args.epochs {
        for batch in train.shuffled(args.batch, &mut random) {
            let loss = classifier.step(&batch)?;
            bar.set_message(format!("loss {loss:.3}"));
            bar.inc(1);
        }
    }
    bar.finish();
    Ok(())
}

fn save_and_check(
    classifier: &dyn Classifier,
    args: &Args,
    test: &Examples,
    tuned: f64,
) -> Result<()> {
    classifier.save(&args.out)?;
    let path: &Path = &args.out;
    let again = load(args.framework, args.device, Some(path))?;
    let loaded = accuracy(again.as_ref(), test)?;
    if loaded != tuned {
        return Err(format!("{} has accuracy {loaded}, and not {tuned}", path.display()).into());
    }
    println!("{} loads again with the same accuracy", path.display());
    Ok(())
}
