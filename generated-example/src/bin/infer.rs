//! Prints the generated model's predictions beside TensorFlow's.

use clap::Parser;
use generated_example::{DeviceKind, Digits, Framework, Result, accuracy, best, load};

#[derive(Parser)]
struct Args {
    /// The framework that runs the model.
    #[arg(long, value_enum, default_value = "candle")]
    framework: Framework,
    /// Where it runs.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceKind,
    /// How many predictions to print.
    #[arg(long, default_value_t = 10)]
    show: usize,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let digits = Digits::load()?;
    let classifier = load(args.framework, args.device, None)?;
    let logits = classifier.logits(&digits.test)?;
    let pairs = logits.chunks(10).zip(digits.tensorflow_logits.chunks(10));
    println!("label  here  TensorFlow  largest difference of a logit");
    for ((here, there), label) in pairs.zip(&digits.test.labels).take(args.show) {
        let difference = largest_difference(here, there);
        println!(
            "{label:>5}  {:>4}  {:>10}  {difference:e}",
            best(here),
            best(there)
        );
    }
    let difference = largest_difference(&logits, &digits.tensorflow_logits);
    let accuracy = accuracy(classifier.as_ref(), &digits.test)?;
    println!(
        "all {}: accuracy {accuracy:.4}, largest difference {difference:e}",
        digits.test.len()
    );
    Ok(())
}

fn largest_difference(here: &[f32], there: &[f32]) -> f32 {
    let differences = here.iter().zip(there).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max)
}
