//! A trace of a function: one concrete function with the structure of what it takes and gives.

use savedmodel_import_proto::{SavedConcreteFunction, StructuredValue};

use super::fit::{fits, flatten, pack};
use super::nest::Nest;
use super::parameters::{Bound, Parameter, Parameters};
use super::spec::{Spec, TensorSpec};
use crate::interpreter::Value;
use crate::saved_model::{SavedModel, dtype_from_wire, has_structure};
use crate::{Error, Place, Result};

/// A concrete function and its types.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The name of the FunctionDef.
    pub function: String,
    /// The types of the positional arguments.
    pub positional: Vec<Spec>,
    /// The types of the keyword arguments.
    pub named: Spec,
    /// The type of the result.
    pub output: Spec,
    /// The inputs, where their structure was not saved.
    flat: Option<Vec<Option<TensorSpec>>>,
}

impl Trace {
    pub(super) fn read(model: &SavedModel, function: &str) -> Result<Trace> {
        let concrete = model
            .objects()
            .and_then(|o| o.concrete_functions().get(function));
        let concrete = concrete.ok_or_else(|| {
            Error::malformed(format!("function `{function}` has no calling convention"))
        })?;
        let trace = read(function, concrete).and_then(|mut trace| {
            if !has_structure(concrete.canonicalized_input_signature.as_ref()) {
                trace.flat = Some(arguments(model, function, concrete.bound_inputs.len())?);
            }
            Ok(trace)
        });
        trace.map_err(|error| {
            error.at(&Place {
                function: Some(function.to_owned()),
                ..Place::default()
            })
        })
    }

    pub(super) fn fits(&self, bound: &Bound, convert: bool) -> bool {
        self.positional.len() == bound.positional.len()
            && self
                .positional
                .iter()
                .zip(&bound.positional)
                .all(|(spec, value)| fits(value, spec, convert))
            && fits(&Nest::Dict(bound.named.clone()), &self.named, convert)
    }

    pub(super) fn call(&self, model: &SavedModel, bound: &Bound) -> Result<Nest> {
        let mut values = Vec::new();
        for (spec, value) in self.positional.iter().zip(&bound.positional) {
            flatten(value, spec, &mut values)?;
        }
        flatten(&Nest::Dict(bound.named.clone()), &self.named, &mut values)?;
        self.run(model, values)
    }

    /// Runs the function over its flat inputs.
    pub(super) fn run(&self, model: &SavedModel, values: Vec<Value>) -> Result<Nest> {
        let results =
            model.interpret(|interpreter| interpreter.call_concrete(&self.function, values))?;
        pack(&self.output, &mut results.into_iter())
    }

    /// Parameters as the structure of the arguments implies them: the saved names of the tensors, no defaults.
    pub(super) fn parameters(&self) -> Parameters {
        let parameter = |name: String| Parameter {
            name,
            default: None,
        };
        let name = |(index, spec): (usize, &Spec)| match spec {
            Spec::Tensor(spec) if !spec.name.is_empty() => spec.name.clone(),
            _ => format!("arg_{index}"),
        };
        let positional = self.positional.iter().enumerate().map(name);
        let named: Vec<String> = match &self.named {
            Spec::Dict(fields) => fields.keys().cloned().collect(),
            _ => vec![],
        };
        Parameters {
            positional: positional.map(parameter).collect(),
            keyword_only: named.into_iter().map(parameter).collect(),
            ..Parameters::default()
        }
    }

    /// The tensors among the arguments, in TensorFlow's order; `None` for a part of a composite value.
    pub(super) fn flat_inputs(&self) -> Vec<Option<TensorSpec>> {
        if let Some(specs) = &self.flat {
            return specs.clone();
        }
        let mut specs = Vec::new();
        self.positional
            .iter()
            .for_each(|spec| leaves(spec, &mut specs));
        leaves(&self.named, &mut specs);
        specs
    }
}

fn read(function: &str, concrete: &SavedConcreteFunction) -> Result<Trace> {
    let output = concrete
        .output_signature
        .as_ref()
        .map(Spec::read)
        .transpose()?;
    let (positional, named) = inputs(concrete.canonicalized_input_signature.as_ref())?;
    Ok(Trace {
        function: function.to_owned(),
        positional,
        named,
        output: output.unwrap_or(Spec::Value(Nest::None)),
        flat: None,
    })
}

/// The graph function's own arguments, without the captures that follow them.
fn arguments(
    model: &SavedModel,
    function: &str,
    captures: usize,
) -> Result<Vec<Option<TensorSpec>>> {
    let signature = model.library().find(function)?.signature.as_ref();
    let args = signature.map_or(&[][..], |signature| &signature.input_arg);
    let own = args.len().saturating_sub(captures);
    let spec = |arg: &savedmodel_import_proto::op_def::ArgDef| {
        Ok(Some(TensorSpec {
            dtype: dtype_from_wire(arg.r#type)?,
            shape: None,
            name: arg.name.clone(),
        }))
    };
    args[..own].iter().map(spec).collect()
}

fn inputs(signature: Option<&StructuredValue>) -> Result<(Vec<Spec>, Spec)> {
    let flaw = || {
        Error::malformed("the input signature is not a pair of positional and keyword arguments")
    };
    let Some(signature) = signature.filter(|_| has_structure(signature)) else {
        return Ok((Vec::new(), Spec::Dict(Default::default())));
    };
    let Spec::Tuple(mut parts) = Spec::read(signature)? else {
        return Err(flaw());
    };
    match (parts.pop(), parts.pop(), parts.is_empty()) {
        (
            Some(named @ Spec::Dict(_)),
            Some(Spec::Tuple(positional) | Spec::List(positional)),
            true,
        ) => Ok((positional, named)),
        _ => Err(flaw()),
    }
}

fn leaves(spec: &Spec, out: &mut Vec<Option<TensorSpec>>) {
    match spec {
        Spec::Tensor(tensor) => out.push(Some(tensor.clone())),
        Spec::Variable(_) => out.push(None),
        Spec::Composite(composite) => out.extend((0..composite.parts()).map(|_| None)),
        Spec::Value(_) => {}
        Spec::List(specs) | Spec::Tuple(specs) => specs.iter().for_each(|spec| leaves(spec, out)),
        Spec::Dict(fields) => fields.values().for_each(|spec| leaves(spec, out)),
        Spec::NamedTuple(_, fields) => fields.iter().for_each(|(_, spec)| leaves(spec, out)),
    }
}
