//! Generates the digit classifier from its SavedModel, once for each framework.

use savedmodel_import::{Convert, Framework, Result};

fn main() -> Result<()> {
    for (framework, folder) in [(Framework::Candle, "candle"), (Framework::Burn, "burn")] {
        let convert = Convert::new("model").framework(framework).name("digits");
        convert.embed_weights(true).out_dir(folder).build()?;
    }
    link_cuda_without_a_driver();
    Ok(())
}

/// Where `CUDA_LINK_DIR` has the toolkit's libraries but no driver, the driver's symbols are left for run time.
fn link_cuda_without_a_driver() {
    println!("cargo:rerun-if-env-changed=CUDA_LINK_DIR");
    let wanted = std::env::var_os("CARGO_FEATURE_CANDLE_CUDA").is_some();
    if let (true, Ok(folder)) = (wanted, std::env::var("CUDA_LINK_DIR")) {
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-arg=-Wl,--unresolved-symbols=ignore-all");
    }
}
