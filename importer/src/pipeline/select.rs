//! Which functions of a model become methods.

use super::prune::prune;
use crate::saved_model::{Argument, ExportedFunction, SavedModel, dtype_name, dtype_of_name};
use crate::{Error, InputSpec, Options, Result};
use savedmodel_import_proto::DataType;

/// A function to convert.
pub(crate) struct Chosen {
    /// The function.
    pub function: ExportedFunction,
    /// Whether the conversion fails when it cannot be converted.
    pub required: bool,
}

/// What `options` choose: the named signatures, functions and tensors, or by default everything that is public.
pub(crate) fn functions(model: &SavedModel, options: &Options) -> Result<Vec<Chosen>> {
    let mut chosen = named(model, options)?;
    if chosen.is_empty() {
        chosen = everything(model);
    }
    if chosen.is_empty() {
        return Err(
            Error::usage("the model exports no function and no signature")
                .help("name tensors of its graph with --feeds and --fetches"),
        );
    }
    for input in &options.inputs {
        pin(&mut chosen, input)?;
    }
    Ok(chosen)
}

fn named(model: &SavedModel, options: &Options) -> Result<Vec<Chosen>> {
    let mut chosen = vec![];
    for key in &options.signatures {
        chosen.extend(find(model, &format!("signatures/{key}"), "signature")?);
    }
    for path in &options.functions {
        chosen.extend(find(model, path, "function")?);
    }
    if !options.fetches.is_empty() {
        let function = prune(model, &options.feeds, &options.fetches)?;
        chosen.push(Chosen {
            function,
            required: true,
        });
    }
    Ok(chosen)
}

fn find(model: &SavedModel, path: &str, what: &str) -> Result<Vec<Chosen>> {
    let is_it = |function: &&ExportedFunction| {
        function.path == path || function.aliases.iter().any(|alias| alias == path)
    };
    let found: Vec<Chosen> = model
        .functions()
        .iter()
        .filter(is_it)
        .map(|function| Chosen {
            function: function.clone(),
            required: true,
        })
        .collect();
    if found.is_empty() {
        return Err(Error::usage(format!(
            "there is no {what} `{path}`; there are {}",
            known(model, what).join(", ")
        )));
    }
    Ok(found)
}

/// The signatures of a model, or the functions that a person gave to it, each once.
fn known(model: &SavedModel, what: &str) -> Vec<String> {
    let is_one = |path: &&str| match what {
        "signature" => path.starts_with("signatures/"),
        _ => is_public(path),
    };
    let paths = model
        .functions()
        .iter()
        .map(|function| function.path.as_str());
    let mut names: Vec<String> = paths
        .filter(is_one)
        .map(|path| {
            format!(
                "`{}`",
                path.strip_prefix("signatures/")
                    .filter(|_| what == "signature")
                    .unwrap_or(path)
            )
        })
        .collect();
    names.dedup();
    names
}

/// All signatures, and the public functions of the model's objects.
pub(crate) fn everything(model: &SavedModel) -> Vec<Chosen> {
    let functions = model
        .functions()
        .iter()
        .filter(|function| is_public(&function.path) && is_inference(function));
    functions
        .map(|function| Chosen {
            function: function.clone(),
            required: function.path.starts_with("signatures/"),
        })
        .collect()
}

/// Whether a person gave the function to the model: not one of Keras' own, not an initialiser.
pub(crate) fn is_public(path: &str) -> bool {
    if path == "signatures/__saved_model_init_op" {
        return false;
    }
    let private = |part: &str| {
        (part.starts_with('_') && part != "__call__")
            || part.starts_with("layer-")
            || part.starts_with("layer_with_weights-")
            || [
                "keras_api",
                "call_and_return_all_conditional_losses",
                "call_and_return_conditional_losses",
                "optimizer",
            ]
            .contains(&part)
            || part.ends_with("_layer_call_fn")
    };
    !path.split('/').any(private)
}

/// Keras saves a trace of each call with `training=True`, which differs from the other in what `forward_t` does.
fn is_inference(function: &ExportedFunction) -> bool {
    use crate::saved_model::PythonValue;
    !function
        .python_arguments
        .iter()
        .any(|(name, value)| name == "training" && *value == PythonValue::Bool(true))
}

/// Whether an argument can be what a user says it is: its dtype and its rank cannot change. TensorFlow holds no caller to the
/// extents that a signature declares.
fn fits(argument: &Argument, spec: &InputSpec) -> Result<()> {
    let refuse = |what: String| Err(Error::usage(format!("`{}` {what}", spec.name)));
    if let Some(name) = &spec.dtype {
        let wanted = dtype_of_word(name);
        let wanted = wanted.ok_or_else(|| Error::usage(format!("`{name}` is no dtype")))?;
        if wanted != argument.dtype {
            let own = dtype_name(argument.dtype);
            return refuse(format!("is {own}, which `{name}` cannot change"));
        }
    }
    let (Some(own), Some(given)) = (&argument.shape, &spec.shape) else {
        return Ok(());
    };
    if own.len() != given.len() {
        return refuse(format!(
            "has the shape {}, which {} does not fit",
            described(own),
            described(given)
        ));
    }
    Ok(())
}

fn described(shape: &[Option<u64>]) -> String {
    let extent = |extent: &Option<u64>| extent.map_or("?".to_owned(), |extent| extent.to_string());
    let extents: Vec<String> = shape.iter().map(extent).collect();
    format!("[{}]", extents.join(", "))
}

/// A dtype by TensorFlow's name, or by Rust's: `float32` or `f32`.
fn dtype_of_word(word: &str) -> Option<DataType> {
    dtype_of_name(word).or_else(|| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let kind = match &word[..word.len() - digits.len()] {
            "f" => "float",
            "i" => "int",
            "u" => "uint",
            "bf" => "bfloat",
            _ => return None,
        };
        dtype_of_name(&format!("{kind}{digits}"))
    })
}

fn pin(chosen: &mut [Chosen], spec: &InputSpec) -> Result<()> {
    let arguments = chosen
        .iter_mut()
        .flat_map(|chosen| &mut chosen.function.inputs);
    let mut found = false;
    for argument in
        arguments.filter(|argument| argument.name == spec.name || argument.argument == spec.name)
    {
        found = true;
        fits(argument, spec)?;
        if let Some(shape) = &spec.shape {
            argument.shape = Some(shape.clone());
        }
    }
    match found {
        true => Ok(()),
        false => Err(Error::usage(format!(
            "no function has an argument `{}`",
            spec.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(spec: &str) -> Result<String> {
        let argument = Argument {
            name: "x".to_owned(),
            argument: "x".to_owned(),
            dtype: DataType::DtFloat,
            shape: Some(vec![None, Some(8)]),
        };
        let outcome = fits(&argument, &spec.parse()?);
        Ok(outcome.map_or_else(|error| error.to_string(), |()| "fits".to_owned()))
    }

    #[test]
    fn a_pinned_argument_keeps_its_dtype_and_its_rank() -> Result<()> {
        assert_eq!(said("x=float32[4,8]")?, "fits");
        assert_eq!(said("x=float32[4,9]")?, "fits");
        assert_eq!(said("x=f32")?, "fits");
        assert!(said("x=float64[4,8]")?.contains("`x` is float32, which `float64` cannot change"));
        assert!(said("x=whole[4,8]")?.contains("`whole` is no dtype"));
        assert!(said("x=[4,8,1]")?.contains("has the shape [?, 8], which [4, 8, 1] does not fit"));
        Ok(())
    }
}
