//! Functions of a loaded model.

use std::fmt::Write;

use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{FunctionSpec, SavedBareConcreteFunction, SavedFunction};

use super::arguments::Arguments;
use super::fit::fits;
use super::flat::Flat;
use super::graph_function::GraphFunction;
use super::nest::Nest;
use super::parameters::{Bound, Parameters};
use super::trace::Trace;
use crate::saved_model::SavedModel;
use crate::{Error, Result};

/// Something to call: a polymorphic function, a concrete one, a signature, or a part of a TF1 graph.
#[derive(Clone, Debug)]
pub struct Function<'m> {
    model: &'m SavedModel,
    name: String,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    /// One of the traces, in stored order, by what the arguments are.
    Polymorphic(Parameters, Vec<Trace>),
    /// One concrete function: by its structure where it has one, else by its flat inputs.
    Concrete(Option<Parameters>, Box<Trace>, Flat),
    /// A part of the main graph.
    Graph(GraphFunction),
}

impl<'m> Function<'m> {
    pub(super) fn of_object(model: &'m SavedModel, id: usize, name: &str) -> Result<Function<'m>> {
        let body = match model.objects().and_then(|objects| objects.kind(id)) {
            Some(Kind::Function(function)) => polymorphic(model, function)?,
            Some(Kind::BareConcreteFunction(bare)) => concrete(model, bare)?,
            _ => return Err(Error::usage(format!("`{name}` is not a function"))),
        };
        Ok(Function {
            model,
            name: name.to_owned(),
            body,
        })
    }

    pub(super) fn of_graph(model: &'m SavedModel, name: &str, graph: GraphFunction) -> Self {
        Function {
            model,
            name: name.to_owned(),
            body: Body::Graph(graph),
        }
    }

    /// The name that it was found by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The traces, in stored order; none for a part of a TF1 graph.
    pub fn traces(&self) -> &[Trace] {
        match &self.body {
            Body::Polymorphic(_, traces) => traces,
            Body::Concrete(_, trace, _) => std::slice::from_ref(trace),
            Body::Graph(_) => &[],
        }
    }

    /// The parameters of the Python function; `None` where only flat inputs are known.
    pub fn parameters(&self) -> Option<&Parameters> {
        match &self.body {
            Body::Polymorphic(parameters, _) => Some(parameters),
            Body::Concrete(parameters, _, _) => parameters.as_ref(),
            Body::Graph(_) => None,
        }
    }

    /// The names of the flat inputs of a signature or a part of a graph, in order.
    pub fn input_names(&self) -> Vec<&str> {
        match &self.body {
            Body::Polymorphic(..) => Vec::new(),
            Body::Concrete(_, _, flat) => flat.names(),
            Body::Graph(graph) => graph.flat.names(),
        }
    }

    /// The names of the results of a signature, sorted.
    pub fn output_names(&self) -> Vec<&str> {
        match &self.body {
            Body::Polymorphic(..) => Vec::new(),
            Body::Concrete(_, trace, _) => match &trace.output {
                super::spec::Spec::Dict(fields) => fields.keys().map(String::as_str).collect(),
                _ => Vec::new(),
            },
            Body::Graph(graph) => graph.output_names(),
        }
    }

    /// Calls the function. What it assigns to variables and tables stays.
    ///
    /// # Errors
    /// Arguments that no trace was made for, ops that are not supported, and whatever fails in TensorFlow too.
    pub fn call(&self, arguments: impl Into<Arguments>) -> Result<Nest> {
        let arguments = arguments.into();
        match &self.body {
            Body::Polymorphic(parameters, traces) => self.dispatch(parameters, traces, &arguments),
            Body::Concrete(parameters, trace, flat) => {
                self.call_concrete(parameters.as_ref(), trace, flat, &arguments)
            }
            Body::Graph(graph) => graph.call(self.model, &self.name, &arguments),
        }
    }

    fn dispatch(
        &self,
        parameters: &Parameters,
        traces: &[Trace],
        arguments: &Arguments,
    ) -> Result<Nest> {
        if traces.is_empty() {
            return Err(
                Error::usage("Found zero restored functions for caller function.")
                    .help("the function was saved without a trace: call it once before saving"),
            );
        }
        let mut bound = parameters.bind(&self.name, arguments)?;
        self.cast(parameters, &mut bound)?;
        for convert in [false, true] {
            if let Some(trace) = traces.iter().find(|trace| trace.fits(&bound, convert)) {
                return trace.call(self.model, &bound);
            }
        }
        Err(Error::usage(no_match(&bound, traces)))
    }

    /// Arguments must be of the types that the function was declared with.
    fn cast(&self, parameters: &Parameters, bound: &mut Bound) -> Result<()> {
        let Some(signature) = &parameters.input_signature else {
            return Ok(());
        };
        let misfit = signature
            .iter()
            .zip(&bound.positional)
            .find(|(spec, value)| !fits(value, spec, true));
        match misfit {
            None => Ok(()),
            Some((spec, value)) => Err(Error::usage(format!(
                "Binding inputs to tf.function `{}` failed due to `Can not cast {value} to {spec}`",
                self.name
            ))),
        }
    }

    fn call_concrete(
        &self,
        parameters: Option<&Parameters>,
        trace: &Trace,
        flat: &Flat,
        arguments: &Arguments,
    ) -> Result<Nest> {
        let implied = parameters.is_none().then(|| trace.parameters());
        let bound = parameters.or(implied.as_ref());
        let bound = bound.map(|parameters| parameters.bind(&self.name, arguments));
        if let Some(Ok(bound)) = &bound
            && trace.fits(bound, true)
        {
            return trace.call(self.model, bound);
        }
        let values = flat.bind(&self.name, arguments);
        match (values, bound.filter(|_| implied.is_none())) {
            (Ok(values), _) => trace.run(self.model, values),
            (Err(_), Some(Ok(bound))) => {
                let traces = std::slice::from_ref(trace);
                Err(Error::usage(no_match(&bound, traces)))
            }
            (Err(_), Some(Err(error))) | (Err(error), None) => Err(error),
        }
    }
}

fn polymorphic(model: &SavedModel, function: &SavedFunction) -> Result<Body> {
    let parameters = parameters(function.function_spec.as_ref())?.unwrap_or_default();
    let traces = function.concrete_functions.iter();
    let traces = traces.map(|name| Trace::read(model, name));
    Ok(Body::Polymorphic(
        parameters,
        traces.collect::<Result<_>>()?,
    ))
}

fn concrete(model: &SavedModel, bare: &SavedBareConcreteFunction) -> Result<Body> {
    let trace = Trace::read(model, &bare.concrete_function_name)?;
    let flat = Flat::new(
        &trace.flat_inputs(),
        &bare.argument_keywords,
        usize::try_from(bare.allowed_positional_arguments).unwrap_or(0),
    );
    let parameters = parameters(bare.function_spec.as_ref())?;
    Ok(Body::Concrete(parameters, Box::new(trace), flat))
}

fn parameters(spec: Option<&FunctionSpec>) -> Result<Option<Parameters>> {
    spec.filter(|spec| spec.fullargspec.is_some())
        .map(Parameters::read)
        .transpose()
}

/// TensorFlow's words for arguments that no trace was made for.
fn no_match(bound: &Bound, traces: &[Trace]) -> String {
    let mut text = String::from(
        "Could not find matching concrete function to call loaded from the SavedModel. Got:\n",
    );
    let values: Vec<String> = bound.positional.iter().map(Nest::to_string).collect();
    let named = Nest::Dict(bound.named.clone());
    describe(&mut text, &values, &named.to_string());
    let count = traces.len();
    let _ = write!(
        text,
        "\n Expected these arguments to match one of the following {count} option(s):\n"
    );
    for (index, trace) in traces.iter().enumerate() {
        let _ = write!(text, "\nOption {}:\n", index + 1);
        let specs: Vec<String> = trace
            .positional
            .iter()
            .map(|spec| spec.to_string())
            .collect();
        describe(&mut text, &specs, &trace.named.to_string());
    }
    text.trim_end().to_owned()
}

fn describe(text: &mut String, positional: &[String], named: &str) {
    let _ = writeln!(text, "  Positional arguments ({} total):", positional.len());
    for argument in positional {
        let _ = writeln!(text, "    * {argument}");
    }
    let _ = writeln!(text, "  Keyword arguments: {named}");
}
