//! What there is to show of a model, whether or not it can be converted.

use super::describe::Names;
use super::program::{self, Exported, Lowered};
use super::select::{self, Chosen};
use crate::graph::body::Body;
use crate::graph::flat::FlatGraph;
use crate::ir::Param;
use crate::modules;
use crate::plan::Plan;
use crate::saved_model::{ExportedFunction, SavedModel};
use crate::{Error, Options, Result, codegen};

/// The modules of a model, and the functions that could not be made part of them.
pub(crate) struct Recovered {
    /// The modules; `None` if there is no function that they could be found of.
    pub modules: Option<Modules>,
    /// The other functions.
    pub rest: Vec<Rest>,
    /// The variables.
    pub params: Vec<Param>,
}

/// What generated code is printed from.
pub(crate) struct Modules {
    /// The functions as IR.
    pub lowered: Lowered,
    /// The structs and methods.
    pub plan: Plan,
}

/// A function that is no method.
pub(crate) struct Rest {
    /// What it is called; empty for the whole main graph.
    pub path: String,
    /// The names of its arguments.
    pub inputs: Vec<String>,
    /// The names of its results.
    pub outputs: Vec<String>,
    /// Why it is none.
    pub why: Option<Error>,
    /// Its nodes.
    pub graph: RestGraph,
}

/// The nodes of a function that is no method.
pub(crate) enum RestGraph {
    /// With all calls inlined.
    Flat(FlatGraph),
    /// As they are stored: the function could not be flattened.
    Stored(Body),
}

/// Recovers the modules of the functions that `options` choose.
///
/// # Errors
/// When `options` name what is not there, or the model is so broken that there is nothing to show.
pub(crate) fn recover(model: &SavedModel, options: &Options) -> Result<Recovered> {
    let nothing_named = options.signatures.is_empty() && options.functions.is_empty();
    if nothing_named && select::everything(model).is_empty() {
        return main_graph(model);
    }
    let mut chosen = select::functions(model, options)?;
    chosen.iter_mut().for_each(|chosen| chosen.required = false);
    let (modules, why) = match modules(model, &chosen, options) {
        Ok(modules) => (Some(modules), None),
        Err(error) => (None, Some(error)),
    };
    let exported = modules.as_ref().map_or(&[][..], |m| &m.lowered.exported);
    let is_method = |function: &ExportedFunction| {
        let same = |known: &Exported| {
            known.function.path == function.path && known.function.trace == function.trace
        };
        exported.iter().any(same)
    };
    let others = chosen.iter().filter(|c| !is_method(&c.function));
    let others: Vec<&ExportedFunction> = others.map(|chosen| &chosen.function).collect();
    let mut rest = rest(model, &others)?;
    let whole = rest.iter().all(|rest| rest.why.is_none());
    if let (true, Some(first)) = (whole, rest.first_mut()) {
        first.why = why;
    }
    let params = program::params(model)?;
    Ok(Recovered {
        modules,
        rest,
        params,
    })
}

fn modules(model: &SavedModel, chosen: &[Chosen], options: &Options) -> Result<Modules> {
    let lowered = program::build(model, chosen, options)?;
    let names = Names::of(&lowered);
    let target = codegen::weight_layout(options.framework);
    let plan = modules::plan(&lowered.program, &options.name, &names.entries, target)?;
    Ok(Modules { lowered, plan })
}

fn rest(model: &SavedModel, functions: &[&ExportedFunction]) -> Result<Vec<Rest>> {
    let mut rest = vec![];
    for (function, flat) in functions.iter().zip(program::flat(model, functions)?) {
        let (graph, why) = match flat {
            Ok((flat, why)) => (RestGraph::Flat(flat), why),
            Err(error) => (RestGraph::Stored(stored(model, function)?), Some(error)),
        };
        rest.push(Rest {
            path: function.path.clone(),
            inputs: function
                .inputs
                .iter()
                .map(|input| input.name.clone())
                .collect(),
            outputs: function
                .outputs
                .iter()
                .map(|output| output.name.clone())
                .collect(),
            why,
            graph,
        });
    }
    Ok(rest)
}

/// A function's own nodes, which are there even where calls or loops keep it from being flattened.
fn stored(model: &SavedModel, function: &ExportedFunction) -> Result<Body> {
    use crate::saved_model::FunctionBody;
    match &function.body {
        FunctionBody::Concrete { function, .. } => {
            let def = model.library().get(function);
            let missing = || format!("function `{function}` is not in the library");
            Body::of_function(def.ok_or_else(|| Error::malformed(missing()))?)
        }
        FunctionBody::Graph { feeds, fetches, .. } => {
            let body = Body::of_graph(&model.main_graph().node, feeds, fetches)?;
            Ok(body.needed())
        }
    }
}

/// A model that exports nothing is its main graph.
fn main_graph(model: &SavedModel) -> Result<Recovered> {
    let graph = Body::of_graph(&model.main_graph().node, &[], &[])?;
    let rest = Rest {
        path: String::new(),
        inputs: vec![],
        outputs: vec![],
        why: None,
        graph: RestGraph::Stored(graph),
    };
    Ok(Recovered {
        modules: None,
        rest: vec![rest],
        params: program::params(model)?,
    })
}
