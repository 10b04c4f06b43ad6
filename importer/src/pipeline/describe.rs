//! The manifest, and the list of weights.

use super::program::{Exported, Lowered, argument_names, is_complex, result_names};
use crate::codegen::{Alias, Generated, Results, native_dtype};
use crate::ir::{DType, ParamSource, Program};
use crate::manifest::{
    Constant, Function, Input, LayerTraining, LeftOut, Manifest, Output, Returns, SCHEMA, Variable,
};
use crate::modules::EntryNames;
use crate::plan::ident::{Namer, snake};
use crate::plan::target::METHODS;
use crate::plan::{Entry, Local, Plan};
use crate::saved_model::{DataType, ExportedFunction, SavedModel, dtype_name};
use crate::weights::{Dtype, Source, WeightSpec};
use crate::{Error, FloatType, Framework, Options, Result};

/// The Rust names of methods, arguments and results.
pub(crate) struct Names {
    /// Of each of the program's functions.
    pub entries: Vec<EntryNames>,
    /// Of each exported function: its method.
    pub methods: Vec<String>,
    /// Of each exported function: its results.
    pub outputs: Vec<Vec<String>>,
    /// Methods that give the results of another other names.
    pub aliases: Vec<Alias>,
}

impl Names {
    pub(crate) fn of(lowered: &Lowered) -> Self {
        let mut methods = Namer::with_taken(METHODS);
        let mut names = Names {
            entries: vec![],
            methods: vec![String::new(); lowered.exported.len()],
            outputs: vec![],
            aliases: vec![],
        };
        let is_call = |exported: &&Exported| exported.function.path == "__call__";
        let forward = match lowered.exported.iter().find(is_call) {
            Some(call) => call.order.is_none().then_some(call.index),
            None => only_signature(lowered),
        };
        for index in 0..lowered.program.functions.len() {
            names.entry(lowered, index, forward == Some(index), &mut methods);
        }
        names.outputs = lowered
            .exported
            .iter()
            .map(|exported| output_names(&exported.function))
            .collect();
        names
    }

    /// Names the method of a function: `forward` if it is the model's own call, else after the first path to it. Every
    /// other path to it is another name of the method, or a method that calls it where the results have other names.
    fn entry(&mut self, lowered: &Lowered, index: usize, is_forward: bool, namer: &mut Namer) {
        let mut known: Vec<Known> = vec![];
        for (i, exported) in lowered.exported.iter().enumerate() {
            if exported.index != index {
                continue;
            }
            let plain = method_name(&exported.function.path);
            let params = input_names(&exported.function);
            if known.is_empty() {
                let name = if is_forward { "forward" } else { &plain };
                known.push(Known::new(namer, name, &None));
                self.entries.push(EntryNames {
                    method: known[0].method.clone(),
                    aliases: vec![],
                    inputs: params.clone(),
                    outputs: output_names(&exported.function),
                });
            }
            let results = own_results(exported, &self.entries[index].outputs);
            let Some(results) = results else {
                self.methods[i].clone_from(&known[0].method);
                let aliases = &mut self.entries[index].aliases;
                if plain != known[0].method && !aliases.contains(&plain) {
                    aliases.push(plain);
                }
                continue;
            };
            let is_it = |known: &&Known| known.name == plain && known.order == exported.order;
            self.methods[i] = match known.iter().find(is_it) {
                Some(known) => known.method.clone(),
                None => {
                    known.push(Known::new(namer, &plain, &exported.order));
                    let name = known[known.len() - 1].method.clone();
                    self.aliases.push(Alias {
                        name: name.clone(),
                        params,
                        entry: index,
                        results,
                    });
                    name
                }
            };
        }
    }

    /// The methods that only call another, with names for what they give.
    pub(crate) fn aliases(&self, plan: &Plan) -> Vec<Alias> {
        let types = plan.structs.iter().map(|of| &of.name);
        let configs = plan.structs.iter().flat_map(|of| &of.config);
        let outputs = plan.entries.iter().flat_map(|entry| &entry.output_struct);
        let mut namer = Namer::with_taken(types.chain(configs).chain(outputs).map(String::as_str));
        let mut aliases = self.aliases.clone();
        for alias in &mut aliases {
            alias.results.name = namer.camel(&format!("{}_output", alias.name));
        }
        aliases
    }
}

/// A path to a function, and its method.
struct Known {
    name: String,
    method: String,
    order: Option<Vec<usize>>,
}

impl Known {
    fn new(namer: &mut Namer, name: &str, order: &Option<Vec<usize>>) -> Self {
        Known {
            name: name.to_owned(),
            method: namer.snake(name),
            order: order.clone(),
        }
    }
}

fn input_names(function: &ExportedFunction) -> Vec<String> {
    let mut inputs = Namer::with_taken(["self", "train", "device"]);
    let names = argument_names(function);
    names.iter().map(|name| inputs.snake(name)).collect()
}

/// What a function gives that has its results from another under other names; `theirs` are the other's.
fn own_results(exported: &Exported, theirs: &[String]) -> Option<Results> {
    let order = exported.order.clone()?;
    let fields = output_names(&exported.function).into_iter().zip(order);
    let fields: Vec<(String, usize)> = fields.collect();
    let is_same = fields.iter().all(|(name, i)| theirs.get(*i) == Some(name));
    (!is_same).then_some(Results {
        name: String::new(),
        fields,
    })
}

/// The function of the only signature, or of all of them if they compute the same.
fn only_signature(lowered: &Lowered) -> Option<usize> {
    let signatures = lowered
        .exported
        .iter()
        .filter(|exported| exported.function.path.starts_with("signatures/"));
    let mut indices: Vec<usize> = signatures.map(|exported| exported.index).collect();
    indices.dedup();
    match indices.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

fn output_names(function: &ExportedFunction) -> Vec<String> {
    let mut outputs = Namer::with_taken(["self"]);
    let names = result_names(function);
    names.iter().map(|name| outputs.snake(name)).collect()
}

fn method_name(path: &str) -> String {
    match path.strip_prefix("signatures/").unwrap_or(path) {
        "__call__" => "forward".to_owned(),
        path => snake(&path.replace("__call__", "call").replace('/', "_")),
    }
}

/// The manifest of a module.
pub(crate) fn manifest(
    model: &SavedModel,
    options: &Options,
    lowered: &Lowered,
    names: &Names,
    plan: &Plan,
    generated: &Generated,
    training: Vec<LayerTraining>,
) -> Manifest {
    let name = &options.name;
    Manifest {
        schema: SCHEMA,
        name: name.clone(),
        framework: options.framework,
        source: format!("{name}.rs"),
        weights: format!("{name}.safetensors"),
        struct_name: plan.structs[0].name.clone(),
        tensorflow: model.tensorflow_version.clone(),
        tags: model.tags.clone(),
        functions: functions(lowered, names, plan, options),
        variables: variables(model, &lowered.program, plan),
        constants: constants(&lowered.program, plan, options),
        training,
        left_out: lowered.left_out.iter().map(left_out).collect(),
        support_crates: generated.support_crates.clone(),
    }
}

/// A function without a method. Of several reasons the first is told.
fn left_out(error: &Error) -> LeftOut {
    let failure = crate::failures(error).into_iter().next();
    LeftOut {
        path: failure
            .as_ref()
            .and_then(|failure| failure.function.clone())
            .unwrap_or_default(),
        why: failure.map(|failure| failure.message).unwrap_or_default(),
    }
}

/// What a user of a module should know beside its functions, a sentence each.
pub(crate) fn notes(training: &[LayerTraining], lowered: &Lowered) -> Vec<String> {
    let mut notes = training_lines(training);
    let names: Vec<String> = lowered
        .left_out
        .iter()
        .map(|error| left_out(error).path)
        .collect();
    match names.len() {
        0 => {}
        count if count > NAMED_LAYERS => {
            notes.push(format!(
                "Left out: {count} functions, which the manifest lists."
            ));
        }
        _ => notes.push(format!("Left out: `{}`.", names.join("`, `"))),
    }
    notes
}

/// How each batch norm of a module trains, in the order of the weights.
pub(crate) fn training(lowered: &Lowered, plan: &Plan) -> Vec<LayerTraining> {
    let row = |weight: &crate::plan::Weight| {
        let average = lowered.program.moving_averages.get(&weight.param)?;
        let layer = weight.key.rsplit_once('.').map_or("", |(layer, _)| layer);
        Some(LayerTraining {
            layer: layer.to_owned(),
            momentum: complement(average.new_weight),
            unbiased_variance: average.unbiased,
            source: lowered.training.source(weight.param),
        })
    };
    plan.weights.iter().filter_map(row).collect()
}

/// The momentum that leaves this weight to a new batch.
fn complement(weight: f64) -> f64 {
    let momentum = (1.0 - weight) as f32;
    momentum.to_string().parse().unwrap_or(1.0 - weight)
}

/// More layers than this are counted, not named.
const NAMED_LAYERS: usize = 3;

/// What is known of training as sentences, one for all layers of which the same is known.
pub(crate) fn training_lines(layers: &[LayerTraining]) -> Vec<String> {
    let mut groups: Vec<(&LayerTraining, Vec<&str>)> = vec![];
    for layer in layers {
        let same = |(first, _): &&mut (&LayerTraining, Vec<&str>)| {
            first.momentum == layer.momentum && first.source == layer.source
        };
        match groups.iter_mut().find(same) {
            Some((_, names)) => names.push(&layer.layer),
            None => groups.push((layer, vec![&layer.layer])),
        }
    }
    let line = |(first, names): (&LayerTraining, Vec<&str>)| {
        let which = match names.len() {
            count if count > NAMED_LAYERS => format!("{count} batch norms"),
            _ => format!("`{}`", names.join("`, `")),
        };
        let phrase = first.source.phrase();
        format!(
            "In training: {which} with momentum {}, {phrase}.",
            first.momentum
        )
    };
    groups.into_iter().map(line).collect()
}

fn functions(lowered: &Lowered, names: &Names, plan: &Plan, options: &Options) -> Vec<Function> {
    let methods = names.methods.iter().zip(&names.outputs);
    let rows = lowered.exported.iter().zip(methods);
    rows.map(|(exported, (method, fields))| {
        function(
            &plan.entries[exported.index],
            exported,
            method,
            fields,
            options,
        )
    })
    .collect()
}

fn function(
    entry: &Entry,
    Exported {
        function: exported,
        order,
        ..
    }: &Exported,
    method: &str,
    fields: &[String],
    options: &Options,
) -> Function {
    let native =
        |dtype: DType| native_dtype(options.framework, float(dtype, options.dtype)).to_owned();
    let inputs = exported.inputs.iter().map(|input| input.dtype);
    let inputs = exported
        .inputs
        .iter()
        .zip(stems(inputs, entry.params.iter()))
        .map(|(input, (local, argument))| Input {
            name: input.name.clone(),
            argument,
            dtype: dtype_name(input.dtype),
            native: native(local.ty.dtype),
            shape: input.shape.clone(),
        });
    let results: Vec<&Local> = match order {
        Some(order) => order.iter().filter_map(|&i| entry.outputs.get(i)).collect(),
        None => entry.outputs.iter().collect(),
    };
    let named = results.into_iter().zip(fields).map(|(local, field)| Local {
        name: field.clone(),
        ..local.clone()
    });
    let named: Vec<Local> = named.collect();
    let outputs = exported.outputs.iter().map(|output| output.dtype);
    let outputs = exported
        .outputs
        .iter()
        .zip(stems(outputs, named.iter()))
        .map(|(output, (local, field))| Output {
            name: output.name.clone(),
            field,
            dtype: dtype_name(output.dtype),
            native: native(local.ty.dtype),
            shape: output.shape.clone(),
        });
    Function {
        path: exported.path.clone(),
        trace: exported.trace,
        python_arguments: exported
            .python_arguments
            .iter()
            .map(|(name, value)| {
                (
                    name.clone(),
                    serde_json::to_value(value).unwrap_or_default(),
                )
            })
            .collect(),
        method: method.to_owned(),
        training_method: entry.has_mode.then(|| format!("{method}_t")),
        mutates: entry.mutates,
        rank_generic: entry.params.iter().any(|param| param.ty.rank().is_none()),
        inputs: inputs.collect(),
        outputs: outputs.collect(),
        returns: match entry.outputs.len() {
            0 => Returns::Unit,
            1 => Returns::Tensor,
            _ => Returns::Struct,
        },
    }
}

/// For each value of the model the first local that it is here, and its name; of a complex value the stem of both names.
fn stems<'a>(
    dtypes: impl Iterator<Item = DataType>,
    mut locals: impl Iterator<Item = &'a Local>,
) -> Vec<(&'a Local, String)> {
    let mut found = vec![];
    for dtype in dtypes {
        let Some(local) = locals.next() else { break };
        let name = local.name.as_str();
        let stem = match is_complex(dtype) {
            true => locals.next().and(name.strip_suffix("_re")),
            false => None,
        };
        found.push((local, stem.unwrap_or(name).to_owned()));
    }
    found
}

fn variables(model: &SavedModel, program: &Program, plan: &Plan) -> Vec<Variable> {
    let row = |weight: &crate::plan::Weight| {
        let param = &program.params[weight.param.0 as usize];
        let (name, checkpoint_key) = match &param.source {
            ParamSource::Variable(index) => {
                let variable = &model.variables()[*index];
                (
                    variable.name.clone(),
                    variable.checkpoint_key.clone().unwrap_or_default(),
                )
            }
            ParamSource::Thawed { node, .. } => (node.to_string(), String::new()),
            ParamSource::Constant(_) => return None,
        };
        Some(Variable {
            name,
            checkpoint_key,
            tensor: weight.key.clone(),
            trainable: param.trainable,
            layout: weight.layout.to_string(),
        })
    };
    plan.weights.iter().filter_map(row).collect()
}

fn constants(program: &Program, plan: &Plan, options: &Options) -> Vec<Constant> {
    let row = |weight: &crate::plan::Weight| {
        let param = &program.params[weight.param.0 as usize];
        match param.source {
            ParamSource::Variable(_) => None,
            ParamSource::Constant(_) | ParamSource::Thawed { .. } => Some(Constant {
                name: param.name.clone(),
                tensor: weight.key.clone(),
                dtype: written(
                    stored(float(param.ty.dtype, options.dtype))?,
                    options.framework,
                ),
                shape: param.ty.shape.known().unwrap_or_default(),
                layout: weight.layout.to_string(),
            }),
        }
    };
    plan.weights.iter().filter_map(row).collect()
}

/// The element type of a variable's numbers, as safetensors has it; of a complex one's parts.
pub(crate) fn own_dtype(dtype: DataType) -> Option<Dtype> {
    let dtype = crate::lower::element_type(dtype).ok()?;
    stored(dtype.part().unwrap_or(dtype))
}

/// The element type that the weights file of a framework has for a variable's; `None` where it cannot hold the variable.
pub(crate) fn weight_dtype(dtype: DataType, framework: Framework) -> Option<Dtype> {
    own_dtype(dtype).map(|dtype| written(dtype, framework))
}

/// The tensors of the weights file.
pub(crate) fn weights(
    program: &Program,
    plan: &Plan,
    options: &Options,
) -> Result<Vec<WeightSpec>> {
    let spec = |weight: &crate::plan::Weight| {
        let param = &program.params[weight.param.0 as usize];
        let source = match &param.source {
            ParamSource::Variable(index) => Source::Variable(*index),
            ParamSource::Constant(value) | ParamSource::Thawed { value, .. } => {
                Source::Bytes(value.to_bytes()?.into())
            }
        };
        let from = stored(param.ty.dtype).ok_or_else(|| {
            Error::unsupported(format!(
                "variable `{}` holds {:?}",
                param.name, param.ty.dtype
            ))
        })?;
        Ok(WeightSpec {
            key: weight.key.clone(),
            source,
            from,
            shape: param.ty.shape.known().unwrap_or_default(),
            layout: weight.layout.clone(),
            to: stored(float(param.ty.dtype, options.dtype))
                .map_or(from, |dtype| written(dtype, options.framework)),
        })
    };
    plan.weights.iter().map(spec).collect()
}

/// The element type that `--dtype` makes of a float type.
fn float(dtype: DType, chosen: Option<FloatType>) -> DType {
    match (dtype.is_float(), chosen) {
        (true, Some(FloatType::F32)) => DType::F32,
        (true, Some(FloatType::F16)) => DType::F16,
        (true, Some(FloatType::Bf16)) => DType::BF16,
        (true, None) | (false, _) => dtype,
    }
}

/// Booleans are bytes in the file, and integers that a framework cannot read are wider ones.
fn written(dtype: Dtype, framework: Framework) -> Dtype {
    match (dtype, framework) {
        (Dtype::BOOL, _) => Dtype::U8,
        (Dtype::I8, Framework::Candle) => Dtype::I16,
        (Dtype::U16, _) => Dtype::I32,
        (Dtype::U64, _) => Dtype::I64,
        (dtype, _) => dtype,
    }
}

fn stored(dtype: DType) -> Option<Dtype> {
    Some(match dtype {
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::BF16,
        DType::F32 => Dtype::F32,
        DType::F64 => Dtype::F64,
        DType::I8 => Dtype::I8,
        DType::I16 => Dtype::I16,
        DType::I32 => Dtype::I32,
        DType::I64 => Dtype::I64,
        DType::U8 => Dtype::U8,
        DType::U16 => Dtype::U16,
        DType::U32 => Dtype::U32,
        DType::U64 => Dtype::U64,
        DType::Bool => Dtype::BOOL,
        DType::C64 | DType::C128 | DType::String => return None,
    })
}
