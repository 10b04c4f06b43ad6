//! Nodes as short text.

use crate::graph::body::{Body, changes_state};
use crate::graph::flat::{Edge, FlatGraph, FlatKind, FlatNode, Library};
use crate::graph::op_def::op_def;
use crate::ir::{DType, Dim, Origin, Param, ParamId, Type};
use savedmodel_import_proto::attr_value::{ListValue, Value};
use savedmodel_import_proto::tensor_shape_proto::Dim as Extent;
use savedmodel_import_proto::{AttrValue, DataType, NodeDef, TensorProto, TensorShapeProto};
use std::sync::Arc;

/// An operand of the node under test.
pub enum Operand {
    /// An argument; -1 is an unknown extent.
    Arg(DType, &'static [i64]),
    /// An int32 constant of this shape.
    Ints(&'static [i64], &'static [i32]),
    /// A float constant of rank 0.
    Float(f32),
    /// A truth value of rank 0.
    Bool(bool),
    /// The handle of variable 0.
    Variable,
}

/// A float argument.
pub fn arg(shape: &'static [i64]) -> Operand {
    Operand::Arg(DType::F32, shape)
}

/// An integer argument.
pub fn ints_arg(shape: &'static [i64]) -> Operand {
    Operand::Arg(DType::I32, shape)
}

/// A constant vector.
pub fn ints(values: &'static [i32]) -> Operand {
    let length: &'static [i64] = Box::leak(Box::new([values.len() as i64]));
    Operand::Ints(length, values)
}

/// A constant scalar.
pub fn int(value: i32) -> Operand {
    Operand::Ints(&[], Box::leak(Box::new([value])))
}

/// An attribute's value.
pub fn b(value: bool) -> Value {
    Value::B(value)
}

/// An attribute's value.
pub fn i(value: i64) -> Value {
    Value::I(value)
}

/// An attribute's value.
pub fn s(value: &'static str) -> Value {
    Value::S(value.as_bytes().into())
}

/// An attribute's value.
pub fn ty(value: DataType) -> Value {
    Value::Type(value.into())
}

/// An attribute's value.
pub fn list(values: &[i64]) -> Value {
    Value::List(ListValue {
        i: values.to_vec(),
        ..ListValue::default()
    })
}

/// The IR of one node whose outputs are the results, or its error.
pub fn check(op: &str, attrs: &[(&str, Value)], operands: &[Operand]) -> String {
    let mut test = Test::default();
    let inputs = operands
        .iter()
        .map(|operand| test.operand(operand))
        .collect();
    test.node(op, attrs, inputs);
    test.text()
}

/// A flat graph in the making.
#[derive(Default)]
pub struct Test {
    flat: FlatGraph,
}

impl Test {
    /// Adds an operand.
    pub fn operand(&mut self, operand: &Operand) -> Edge {
        match operand {
            Operand::Arg(dtype, shape) => {
                let shape = shape
                    .iter()
                    .map(|&extent| usize::try_from(extent).ok())
                    .collect();
                let index = self.flat.inputs.len();
                let node = self.add(
                    FlatKind::Argument {
                        index,
                        dtype: *dtype,
                        shape: Some(shape),
                    },
                    vec![],
                    "x",
                );
                self.flat.inputs.push(node);
                Edge { node, output: 0 }
            }
            Operand::Ints(shape, values) => {
                let mut proto = tensor(DataType::DtInt32, shape);
                proto.int_val = values.to_vec();
                self.constant(proto)
            }
            Operand::Float(value) => {
                let mut proto = tensor(DataType::DtFloat, &[]);
                proto.float_val = vec![*value];
                self.constant(proto)
            }
            Operand::Bool(value) => {
                let mut proto = tensor(DataType::DtBool, &[]);
                proto.bool_val = vec![*value];
                self.constant(proto)
            }
            Operand::Variable => {
                let node = self.add(FlatKind::Variable(ParamId(0)), vec![], "v");
                Edge { node, output: 0 }
            }
        }
    }

    /// Adds a constant.
    pub fn constant(&mut self, proto: TensorProto) -> Edge {
        let dtype = Value::Type(proto.dtype);
        self.node(
            "Const",
            &[("dtype", dtype), ("value", Value::Tensor(proto))],
            vec![],
        )[0]
    }

    /// Adds a node, whose outputs become the results.
    pub fn node(&mut self, op: &str, attrs: &[(&str, Value)], inputs: Vec<Edge>) -> Vec<Edge> {
        let attr = |(name, value): &(&str, Value)| {
            (
                (*name).to_owned(),
                AttrValue {
                    value: Some(value.clone()),
                },
            )
        };
        let def = NodeDef {
            name: "node".into(),
            op: op.into(),
            attr: attrs.iter().map(attr).collect(),
            ..NodeDef::default()
        };
        let count = op_def(op).map_or(1, |known| {
            let read = |name: &str| def.attr.get(name).or_else(|| known.default(name));
            known
                .outputs
                .iter()
                .map(|output| known.span(output, read).unwrap_or(1))
                .sum()
        });
        let node = self.add(FlatKind::Op(Arc::new(def)), inputs, "node");
        if changes_state(op) {
            self.flat.effects.push(node);
        }
        self.flat.outputs = (0..count).map(|output| Edge { node, output }).collect();
        self.flat.outputs.clone()
    }

    fn add(&mut self, kind: FlatKind, inputs: Vec<Edge>, name: &str) -> usize {
        let op = if let FlatKind::Op(def) = &kind {
            def.op.as_str().into()
        } else {
            "".into()
        };
        let origin = Origin {
            node: name.into(),
            op,
            ..Origin::default()
        };
        self.flat.nodes.push(FlatNode {
            kind,
            inputs,
            origin,
        });
        self.flat.nodes.len() - 1
    }

    /// The graph so far.
    pub fn flat(&self) -> &FlatGraph {
        &self.flat
    }

    /// The first result only.
    pub fn first_result(mut self) -> Self {
        self.flat.outputs.truncate(1);
        self
    }

    /// The IR that the results need, or the error.
    pub fn text(&self) -> String {
        let ty = Type::new(DType::F32, [10, 4].map(Dim::known));
        let param = Param {
            name: "v".into(),
            object_path: None,
            ty,
            trainable: true,
            source: crate::ir::ParamSource::Variable(0),
            stored: crate::ir::Stored::Plain,
        };
        match super::super::lower(&self.flat, &[param], &Nothing) {
            Ok(lowered) => live_lines(&lowered.graph),
            Err(error) => error.to_string(),
        }
    }
}

/// The lines of the nodes that the results need.
fn live_lines(graph: &crate::ir::Graph) -> String {
    let mut live = vec![false; graph.len()];
    graph
        .outputs
        .iter()
        .for_each(|value| live[value.node.0 as usize] = true);
    for (id, node) in graph.nodes().rev() {
        if live[id.0 as usize] {
            graph
                .reads(node)
                .iter()
                .for_each(|value| live[value.node.0 as usize] = true);
        }
    }
    let text = graph.to_string();
    let lines = text
        .lines()
        .enumerate()
        .filter(|(line, _)| live.get(*line).copied().unwrap_or(true));
    lines.map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

/// A constant without elements.
pub fn tensor(dtype: DataType, shape: &[i64]) -> TensorProto {
    let dim = shape
        .iter()
        .map(|&size| Extent {
            size,
            ..Extent::default()
        })
        .collect();
    let tensor_shape = Some(TensorShapeProto {
        dim,
        ..TensorShapeProto::default()
    });
    TensorProto {
        dtype: dtype.into(),
        tensor_shape,
        ..TensorProto::default()
    }
}

/// A library without functions.
struct Nothing;

impl Library for Nothing {
    fn function(&self, _: &str) -> crate::Result<Option<Arc<Body>>> {
        Ok(None)
    }
    fn variable_of_node(&self, _: &str) -> Option<ParamId> {
        None
    }
    fn dropout_rate(&self, _: &str) -> Option<f64> {
        None
    }

    fn python_line(&self, _: &str, _: &str) -> Option<Arc<str>> {
        None
    }
}
