//! A part of the main graph as a function: what `--feeds` and `--fetches` name.

use crate::graph::op_def::{ArgType, op_def};
use crate::saved_model::{
    Argument, ExportedFunction, FunctionBody, Output, SavedModel, StaticShape,
};
use crate::{Error, Place, Result};
use savedmodel_import_proto::attr_value::Value;
use savedmodel_import_proto::{AttrValue, DataType, NodeDef};
use std::collections::BTreeMap;

/// The function from `feeds` to `fetches`, which are names of tensors such as `x:0`.
pub(crate) fn prune(
    model: &SavedModel,
    feeds: &[String],
    fetches: &[String],
) -> Result<ExportedFunction> {
    let inputs = feeds.iter().map(|feed| {
        let tensor = find(model, feed)?;
        let name = tensor.node.name.clone();
        Ok(Argument {
            argument: name.clone(),
            name,
            dtype: tensor.dtype()?,
            shape: tensor.shape(),
        })
    });
    let outputs = fetches.iter().map(|fetch| {
        let tensor = find(model, fetch)?;
        Ok(Output {
            name: tensor.node.name.clone(),
            dtype: tensor.dtype()?,
            shape: None,
        })
    });
    Ok(ExportedFunction {
        path: "prune".to_owned(),
        aliases: vec![],
        trace: 0,
        inputs: inputs.collect::<Result<_>>()?,
        outputs: outputs.collect::<Result<_>>()?,
        python_arguments: BTreeMap::new(),
        body: FunctionBody::Graph {
            feeds: feeds.to_vec(),
            fetches: fetches.to_vec(),
            targets: vec![],
        },
    })
}

struct Tensor<'a> {
    node: &'a NodeDef,
    output: usize,
}

fn find<'a>(model: &'a SavedModel, name: &str) -> Result<Tensor<'a>> {
    let (node, output) = name.rsplit_once(':').unwrap_or((name, "0"));
    let found = model.main_node(node).zip(output.parse().ok());
    let (node, output) = found.ok_or_else(|| {
        Error::usage(format!(
            "the name `{name}` refers to a tensor which is not in the graph"
        ))
        .help("a tensor is named NODE:OUTPUT, for example `x:0`")
    })?;
    Ok(Tensor { node, output })
}

impl Tensor<'_> {
    fn attr(&self, name: &str) -> Option<&Value> {
        self.node
            .attr
            .get(name)
            .and_then(|attr: &AttrValue| attr.value.as_ref())
    }

    fn dtype(&self) -> Result<DataType> {
        let place = Place {
            node: Some(self.node.name.clone()),
            op: Some(self.node.op.clone()),
            ..Place::default()
        };
        let op = op_def(&self.node.op);
        let ty = op
            .and_then(|op| {
                op.outputs
                    .get(self.output.min(op.outputs.len().saturating_sub(1)))
            })
            .map(|arg| arg.ty);
        let code = match ty {
            Some(ArgType::Fixed(dtype)) => Some(dtype as i32),
            Some(ArgType::Attr(name)) => match self.attr(name) {
                Some(Value::Type(code)) => Some(*code),
                _ => None,
            },
            Some(ArgType::List(_)) | None => None,
        };
        code.and_then(|code| DataType::try_from(code).ok())
            .ok_or_else(|| {
                Error::unsupported(format!(
                    "the dtype of output {} is not recorded",
                    self.output
                ))
                .at(&place)
            })
    }

    fn shape(&self) -> StaticShape {
        match self.attr("shape") {
            Some(Value::Shape(shape)) if !shape.unknown_rank => Some(
                shape
                    .dim
                    .iter()
                    .map(|dim| u64::try_from(dim.size).ok())
                    .collect(),
            ),
            _ => None,
        }
    }
}
