//! The Rust that calls a generated module's methods: from its manifest, with the contract's rules alone.

use std::fmt::Write;

use savedmodel_import::Framework;
use savedmodel_import::manifest::{Function, Input, Manifest, Output, Returns};

/// What an adapter offers beside the calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    /// The training forms, and what a step of gradient descent needs.
    pub training: bool,
    /// The module's `fused()`.
    pub fused: bool,
}

/// The source of the adapter of one module, whose path is `super::NAME`.
pub fn source(manifest: &Manifest, extras: Extras) -> String {
    let Manifest {
        name,
        struct_name,
        framework,
        ..
    } = manifest;
    let mut methods = dispatch(manifest, Form::Inference);
    if extras.training {
        methods.push_str(&dispatch(manifest, Form::Training));
        methods.push_str(match framework {
            Framework::Candle => "",
            Framework::Burn => DESCEND,
        });
    }
    if extras.fused {
        methods.push_str(FUSED);
    }
    match framework {
        Framework::Candle => format!(
            "use candle_core::{{Device, Result}};\nuse candle_nn::VarBuilder;\nuse harness::{{Args, Entry, Sink, Subject}};\n\n\
             use super::{name}::{struct_name} as Model;\n\nstruct Adapter(Model);\n\n\
             impl Subject for Adapter {{\n{methods}}}\n\n\
             fn new(vb: VarBuilder) -> Result<Box<dyn Subject>> {{\n    Ok(Box::new(Adapter(Model::new(vb)?)))\n}}\n\n\
             fn load(path: &std::path::Path, device: &Device) -> Result<Box<dyn Subject>> {{\n    \
             Ok(Box::new(Adapter(Model::load(path, device)?)))\n}}\n\n\
             pub const ENTRY: Entry = Entry {{ name: {name:?}, new, load, trainable: Model::trainable }};\n"
        ),
        Framework::Burn => format!(
            "use burn::tensor::{{Device, Gradients}};\nuse harness::{{Args, Entry, Result, Sink, Subject, Values}};\n\n\
             use super::{name}::{struct_name} as Model;\n\nstruct Adapter(Model);\n\n\
             impl Subject for Adapter {{\n{methods}\n    \
             fn gradients(&self, gradients: &Gradients) -> Result<Values> {{\n        harness::gradients(&self.0, gradients)\n    }}\n\n    \
             fn variables(&self) -> Result<Values> {{\n        harness::variables(&self.0)\n    }}\n}}\n\n\
             fn load(path: &std::path::Path, device: &Device) -> Result<Box<dyn Subject>> {{\n    \
             Ok(Box::new(Adapter(Model::load(path, device)?)))\n}}\n\n\
             pub const ENTRY: Entry = Entry {{ name: {name:?}, load }};\n"
        ),
    }
}

const DESCEND: &str = "    fn descend(&mut self, optimizer: &mut harness::ModuleOptimizer, gradients: Gradients, rate: f64) -> Result<()> {\n        \
    self.0 = harness::descended(&self.0, optimizer, gradients, rate);\n        Ok(())\n    }\n";

const FUSED: &str = "    fn fused(&self) -> Result<Box<dyn Subject>> {\n        \
    Ok(Box::new(Adapter(self.0.fused()?)))\n    }\n";

/// Which of a function's methods: one that behaves alike in both has no training form.
#[derive(Clone, Copy)]
enum Form {
    Inference,
    Training,
}

/// The method of the adapter that calls the function of an index.
fn dispatch(manifest: &Manifest, form: Form) -> String {
    let framework = manifest.framework;
    let functions = manifest.functions.iter().enumerate();
    let arms: String = functions.map(|(i, f)| arm(i, f, framework, form)).collect();
    let name = match form {
        Form::Inference => "call",
        Form::Training => "train",
    };
    format!(
        "    fn {name}(&mut self, function: usize, args: &Args, sink: &mut Sink) -> Result<()> {{\n        \
         match function {{\n{arms}            _ => return Err({}),\n        \
         }}\n        Ok(())\n    }}\n",
        match framework {
            Framework::Candle => "candle_core::Error::Msg(\"there is no such function\".into())",
            Framework::Burn => "\"there is no such function\".into()",
        }
    )
}

/// The source of a crate's main program: modules at their paths, adapters beside it.
pub fn main_source(framework: Framework, modules: &[(String, String)]) -> String {
    let mut text = String::from("//! Generated modules and their adapters.\n\n");
    let _ = writeln!(
        text,
        "extern crate savedmodel_import_tests_{framework} as harness;\n"
    );
    let _ = writeln!(
        text,
        "#[allow(unused_imports)]\npub use savedmodel_import_{framework}_support as support;\n"
    );
    for (name, path) in modules {
        let _ = writeln!(
            text,
            "#[path = {path:?}]\n#[allow(dead_code)]\nmod {name};\nmod {name}_adapter;"
        );
    }
    text.push_str("\nfn main() {\n    harness::main(&[\n");
    for (name, _) in modules {
        let _ = writeln!(text, "        {name}_adapter::ENTRY,");
    }
    text.push_str("    ]);\n}\n");
    text
}

/// The source of a crate's main program that calls none of its modules.
pub fn uncalled_source(modules: &[(String, String)]) -> String {
    let mut text = String::from("//! Generated modules.\n\n");
    for (name, path) in modules {
        let _ = writeln!(text, "#[path = {path:?}]\n#[allow(dead_code)]\nmod {name};");
    }
    text.push_str("\nfn main() {}\n");
    text
}

/// The highest rank that a rank-generic method is called with.
const RANKS: std::ops::RangeInclusive<usize> = 1..=6;

fn arm(index: usize, function: &Function, framework: Framework, form: Form) -> String {
    match (framework, function.rank_generic) {
        (Framework::Burn, true) => {
            let generic = function
                .inputs
                .iter()
                .position(|input| input.shape.is_none())
                .unwrap_or_default();
            let ranks: String = RANKS
                .map(|rank| {
                    format!(
                        "                {rank} => {{\n{}                }}\n",
                        body(function, framework, form, Some(rank))
                    )
                })
                .collect();
            format!(
                "            {index} => match args.rank({generic})? {{\n{ranks}                \
                 rank => return Err(format!(\"rank {{rank}} is not tried\").into()),\n            }},\n"
            )
        }
        (Framework::Burn, false) | (Framework::Candle, _) => {
            format!(
                "            {index} => {{\n{}            }}\n",
                body(function, framework, form, None)
            )
        }
    }
}

fn body(function: &Function, framework: Framework, form: Form, rank: Option<usize>) -> String {
    let mut arguments: Vec<String> = function
        .inputs
        .iter()
        .enumerate()
        .flat_map(|(i, input)| argument(i, input, framework, rank))
        .collect();
    let method = match (form, &function.training_method) {
        (Form::Training, Some(method)) => {
            arguments.push("true".into());
            method
        }
        (Form::Training, None) | (Form::Inference, _) => &function.method,
    };
    let question = match framework {
        Framework::Candle => "?",
        Framework::Burn => "",
    };
    let call = format!("self.0.{method}({}){question}", arguments.join(", "));
    let puts: String = function
        .outputs
        .iter()
        .map(|output| put(output, function.returns))
        .collect();
    match function.returns {
        Returns::Unit => format!("                {call};\n"),
        Returns::Tensor | Returns::Struct => format!("                let out = {call};\n{puts}"),
    }
}

fn argument(index: usize, input: &Input, framework: Framework, rank: Option<usize>) -> Vec<String> {
    let Input {
        native,
        dtype,
        shape,
        ..
    } = input;
    let borrow = match framework {
        Framework::Candle => "&",
        Framework::Burn => "",
    };
    let turbofish = match (rank, shape) {
        (Some(rank), None) => format!("::<{rank}>"),
        (_, _) => String::new(),
    };
    if dtype.starts_with("complex") {
        let part = |part| format!("{borrow}args.{part}{turbofish}({index}, {native:?})?");
        return vec![part("re"), part("im")];
    }
    let value = match (framework, native.as_str()) {
        (_, "String") => format!("args.strings({index})?"),
        (Framework::Candle, _) => format!("args.tensor({index}, {native:?})?"),
        (Framework::Burn, "Bool") => format!("args.bool{turbofish}({index})?"),
        (Framework::Burn, "F64" | "F32" | "F16" | "BF16") => {
            format!("args.float{turbofish}({index}, {native:?})?")
        }
        (Framework::Burn, _) => format!("args.int{turbofish}({index}, {native:?})?"),
    };
    vec![format!("{borrow}{value}")]
}

fn put(output: &Output, returns: Returns) -> String {
    let Output {
        name, field, dtype, ..
    } = output;
    match (returns, dtype.starts_with("complex")) {
        (_, true) => format!(
            "                sink.put_complex({name:?}, out.{field}_re, out.{field}_im)?;\n"
        ),
        (Returns::Tensor, false) => format!("                sink.put({name:?}, out)?;\n"),
        (Returns::Struct | Returns::Unit, false) => {
            format!("                sink.put({name:?}, out.{field})?;\n")
        }
    }
}
