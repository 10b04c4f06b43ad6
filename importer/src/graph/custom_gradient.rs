//! Gradients that the model saved for results of its functions (`tf.custom_gradient`).
//!
//! An `IdentityN` stands behind such a function: it takes the function's results and arguments, and names its gradient.
//! Of a gradient that scales each element of what comes back, only the scales count: `y` with the gradient `s * dy` for
//! `x` is what `stop(y) + stop(s) * (x - stop(x))` is, whatever differentiates it.

use super::body::{Body, Source};
use super::flat::{Binding, Edge, FlatKind, Flattener};
use crate::error::Result;
use crate::ir::Origin;
use savedmodel_import_proto::{NodeDef, attr_value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A gradient that the model saved.
#[derive(Clone, Debug)]
pub struct CustomGradient {
    /// Takes the gradients of all that the node gives, and then the captures.
    pub body: Arc<Body>,
    /// Which of the node's operands it has gradients for.
    pub has: Vec<bool>,
    /// What it captures.
    pub captures: Vec<GradientCapture>,
}

/// What a gradient captures.
#[derive(Clone, Debug)]
pub enum GradientCapture {
    /// Something of the model.
    Bound(Binding),
    /// A tensor of a function.
    Tensor {
        /// The function.
        function: String,
        /// The tensor, as a graph names it: `node:0`.
        tensor: String,
    },
}

/// The type under which a node's gradient is registered.
pub(super) fn registered_type(def: &NodeDef) -> Option<&str> {
    if def.op != "IdentityN" {
        return None;
    }
    match &def.attr.get("_gradient_op_type")?.value {
        Some(attr_value::Value::S(name)) => std::str::from_utf8(name).ok(),
        Some(_) | None => None,
    }
}

/// The tensors of `body` that the gradient captures; none where it captures those of another function.
pub(super) fn captured(gradient: &CustomGradient, body: &Body) -> Option<Vec<Source>> {
    let tensors = gradient
        .captures
        .iter()
        .filter_map(|capture| match capture {
            GradientCapture::Tensor { function, tensor } => Some((function, tensor)),
            GradientCapture::Bound(_) => None,
        });
    let find = |(function, tensor): (&String, &String)| match **function == *body.name {
        true => body.tensor(tensor),
        false => None,
    };
    tensors.map(find).collect()
}

/// Whether the gradient is of one result, and scales each element of what comes back to it.
pub(super) fn only_scales(gradient: &CustomGradient, operands: usize) -> Result<bool> {
    let results = gradient.has.iter().take_while(|has| !**has).count();
    if results != 1 || gradient.has.len() != operands || operands != gradient.arguments() {
        return Ok(false);
    }
    let body = &gradient.body;
    let mut scaled = BTreeSet::from([Source::Argument(0)]);
    for node in body.live_in_order()? {
        let inputs = &body.inputs[node];
        let comes_back: Vec<bool> = inputs.iter().map(|input| scaled.contains(input)).collect();
        if !comes_back.contains(&true) {
            continue;
        }
        match effect(&body.nodes[node].op, &comes_back) {
            Effect::Scales => drop(scaled.insert(Source::Node { node, output: 0 })),
            Effect::Ignores => {}
            Effect::Other => return Ok(false),
        }
    }
    Ok(body.results.iter().all(|result| scaled.contains(result)))
}

/// What an op does with the gradient that comes back.
enum Effect {
    Scales,
    /// It reads shape and type alone.
    Ignores,
    Other,
}

fn effect(op: &str, comes_back: &[bool]) -> Effect {
    let only = |place: usize| {
        comes_back
            .iter()
            .enumerate()
            .all(|(i, back)| *back == (i == place))
    };
    let scales = match op {
        "Identity" | "Snapshot" | "StopGradient" | "Neg" => true,
        "Mul" | "MulNoNan" => comes_back.iter().filter(|back| **back).count() == 1,
        "RealDiv" | "Div" | "DivNoNan" | "ReluGrad" | "Relu6Grad" | "EluGrad" | "SeluGrad"
        | "SoftplusGrad" | "SoftsignGrad" | "LeakyReluGrad" => only(0),
        "SigmoidGrad" | "TanhGrad" | "SqrtGrad" | "RsqrtGrad" | "ReciprocalGrad" | "InvGrad" => {
            only(1)
        }
        "Add" | "AddV2" | "AddN" | "Sub" => comes_back.iter().all(|back| *back),
        "Select" | "SelectV2" => !comes_back[0],
        "Shape" | "ZerosLike" | "OnesLike" | "Rank" | "Size" => return Effect::Ignores,
        _ => false,
    };
    if scales {
        Effect::Scales
    } else {
        Effect::Other
    }
}

impl CustomGradient {
    fn arguments(&self) -> usize {
        self.body.arguments.saturating_sub(self.captures.len())
    }

    /// The gradient's captures as edges; those of the function around are `tensors`.
    fn bound(&self, flattener: &mut Flattener<'_>, tensors: &[Edge]) -> Result<Vec<Edge>> {
        let mut tensors = tensors.iter();
        let mut edges = vec![];
        for capture in &self.captures {
            match capture {
                GradientCapture::Bound((kind, name)) => {
                    let origin = Origin {
                        function: self.body.name.clone(),
                        node: name.clone(),
                        ..Origin::default()
                    };
                    let node = flattener.add(kind.clone(), vec![], origin)?;
                    edges.push(Edge { node, output: 0 });
                }
                GradientCapture::Tensor { .. } => edges.extend(tensors.next()),
            }
        }
        Ok(edges)
    }
}

impl Flattener<'_> {
    /// The outputs of a node with a gradient that only scales. `tensors` are what it captures of the function around.
    pub(super) fn with_gradient(
        &mut self,
        gradient: &CustomGradient,
        inputs: &[Edge],
        tensors: &[Edge],
        origin: &Origin,
        depth: usize,
    ) -> Result<Vec<Edge>> {
        let mut maker = Maker {
            flattener: self,
            origin,
        };
        let mut arguments = vec![];
        for (i, &input) in inputs.iter().enumerate() {
            let like = if i == 0 { "OnesLike" } else { "ZerosLike" };
            arguments.push(maker.make(like, &[input])?);
        }
        arguments.extend(gradient.bound(maker.flattener, tensors)?);
        let scope = format!("{}/gradient", origin.node);
        let scales = maker
            .flattener
            .expand(&gradient.body, &arguments, &scope, depth + 1)?;
        let differentiated = inputs.iter().zip(&gradient.has).filter(|(_, has)| **has);
        let mut result = maker.make("StopGradient", &inputs[..1])?;
        for ((&x, _), &scale) in differentiated.zip(&scales) {
            let still = maker.make("StopGradient", &[x])?;
            let change = maker.make("Sub", &[x, still])?;
            let scale = maker.make("StopGradient", &[scale])?;
            let change = maker.make("Mul", &[scale, change])?;
            result = maker.make("AddV2", &[result, change])?;
        }
        let mut outputs = inputs.to_vec();
        outputs[0] = result;
        Ok(outputs)
    }
}

/// Makes nodes for the node at `origin`.
struct Maker<'m, 'a> {
    flattener: &'m mut Flattener<'a>,
    origin: &'m Origin,
}

impl Maker<'_, '_> {
    fn make(&mut self, op: &str, inputs: &[Edge]) -> Result<Edge> {
        let node = format!("{}/gradient", self.origin.node);
        let def = NodeDef {
            name: node.clone(),
            op: op.to_owned(),
            ..NodeDef::default()
        };
        let origin = Origin {
            node: node.into(),
            op: op.into(),
            ..self.origin.clone()
        };
        let kind = FlatKind::Op(Arc::new(def));
        let node = self.flattener.add(kind, inputs.to_vec(), origin)?;
        Ok(Edge { node, output: 0 })
    }
}
