//! Which functions of a model become methods.

use super::prune::prune;
use crate::saved_model::{ExportedFunction, SavedModel};
use crate::{Error, InputSpec, Options, Result};

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
        let known: Vec<String> = model
            .functions()
            .iter()
            .map(|function| format!("`{}`", function.path))
            .collect();
        return Err(Error::usage(format!(
            "there is no {what} `{path}`; there are {}",
            known.join(", ")
        )));
    }
    Ok(found)
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

fn pin(chosen: &mut [Chosen], spec: &InputSpec) -> Result<()> {
    let arguments = chosen
        .iter_mut()
        .flat_map(|chosen| &mut chosen.function.inputs);
    let mut found = false;
    for argument in
        arguments.filter(|argument| argument.name == spec.name || argument.argument == spec.name)
    {
        found = true;
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
