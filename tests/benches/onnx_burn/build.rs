//! Compiles every `NAME.onnx` of the folder that `ONNX_MODELS` names, and writes how each is called.

use std::env;
use std::fmt::Write;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use burn_onnx::ModelGen;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-env-changed=ONNX_MODELS");
    let folder = env::var("ONNX_MODELS")?;
    println!("cargo::rerun-if-changed={folder}");
    let out = env::var("OUT_DIR")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        // A model that it cannot take makes it panic; the others are to be timed all the same.
        match catch_unwind(|| generate(&path)) {
            Ok(()) => names.push(name.into_owned()),
            Err(_) => println!("cargo::warning=burn-onnx does not take {name}"),
        }
    }
    names.sort();
    fs::write(Path::new(&out).join("models.rs"), models(&out, &names)?)?;
    Ok(())
}

fn generate(path: &Path) {
    ModelGen::new()
        .input(&path.to_string_lossy())
        .out_dir("model/")
        .run_from_script();
}

/// The modules, and a function `open` that chooses one.
fn models(out: &str, names: &[String]) -> Result<String> {
    let mut text = String::new();
    let mut arms = String::new();
    for name in names {
        let file = format!("{out}/model/{name}.rs");
        writeln!(
            text,
            "#[allow(warnings, clippy::all)]\nmod {name} {{ include!({file:?}); }}"
        )?;
        arms.push_str(&arm(name, &fs::read_to_string(&file)?)?);
    }
    writeln!(
        text,
        "pub fn open(name: &str, args: &Args, device: &Device) -> Result<Call> {{\n    \
         match name {{\n{arms}        _ => Err(format!(\"{{name}} is not compiled\").into()),\n    }}\n}}"
    )?;
    Ok(text)
}

/// Calls `forward`, whose last definition in the file is the model's.
fn arm(name: &str, source: &str) -> Result<String> {
    let start = source
        .rfind("pub fn forward(")
        .ok_or("there is no forward")?;
    let head = source[start..].split('{').next().unwrap_or_default();
    let (arguments, returned) = head.split_once("->").ok_or("forward returns nothing")?;
    let count = returned.matches("Tensor<").count();
    let mut made = String::new();
    let mut call = Vec::new();
    for (i, argument) in arguments.split("Tensor<").skip(1).enumerate() {
        let maker = if argument.contains("Int") {
            "ints"
        } else {
            "floats"
        };
        writeln!(made, "            let a{i} = args.{maker}({i}, device)?;")?;
        call.push(format!("a{i}.clone()"));
    }
    let outputs = match count {
        1 => "vec![values(out)]".to_owned(),
        _ => {
            let each: Vec<String> = (0..count).map(|i| format!("values(out.{i})")).collect();
            format!("vec![{}]", each.join(", "))
        }
    };
    Ok(format!(
        "        {name:?} => {{\n            let model = {name}::Model::from_file({:?}, device);\n{made}            \
         Ok(Box::new(move |wanted| {{\n                let out = model.forward({});\n                \
         if wanted {{ {outputs} }} else {{ Vec::new() }}\n            }}))\n        }}\n",
        format!("{}/model/{name}.bpk", env::var("OUT_DIR")?),
        call.join(", ")
    ))
}
