//! Layers: nodes that own weights, found by their ops.

use super::view::View;
use crate::ir::recurrent::Operands;
use crate::ir::{
    Binary, Channels, Conv, Dim, Graph, Grouping, MovingAverage, Node, NodeId, Op, ParamId, Pass,
    Recurrence, Value,
};
use crate::plan::{Layer, Role, Setting};
use std::collections::{BTreeMap, BTreeSet};

/// A layer at one place of one function.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it is.
    pub layer: Layer,
    /// Its weights.
    pub weights: Vec<(Role, View)>,
    /// The node that names it.
    pub main: NodeId,
    /// All nodes that it stands for.
    pub covers: Vec<NodeId>,
    /// What it is given.
    pub inputs: Vec<Value>,
    /// What it gives.
    pub output: Value,
    /// The spatial extents that a transposed convolution gives.
    pub spatial: Option<Vec<Dim>>,
}

/// All layers of a graph, in its order. Layers may share weights; who owns them is decided later. The parameters `bare`
/// are in no layer but as its kernel.
pub fn find(
    graph: &Graph,
    bare: &BTreeSet<ParamId>,
    averages: &BTreeMap<ParamId, MovingAverage>,
) -> Vec<Found> {
    let users = users(graph);
    let is_bare = |found: &Found| {
        let mut others = found
            .weights
            .iter()
            .filter(|(role, _)| !is_given_out(*role));
        others.any(|(_, view)| bare.contains(&view.param))
    };
    let recognise = |(id, node)| {
        let plain = recognise(graph, id, node, averages)?;
        let whole = with_bias(graph, &users, plain.clone());
        let mut forms = [whole, plain].into_iter();
        forms.find(|found| !is_bare(found))
    };
    graph.nodes().filter_map(recognise).collect()
}

/// Whether every layer that has a weight for this gives it out to others: a bias is an `Option` in the frameworks.
pub fn is_given_out(role: Role) -> bool {
    match role {
        Role::Kernel | Role::RecurrentKernel | Role::Mean | Role::Variance => true,
        Role::Bias | Role::Scale | Role::Offset => false,
    }
}

/// The nodes that read each node's first result; empty where the function returns it as well.
pub fn users(graph: &Graph) -> Vec<Vec<NodeId>> {
    let mut users = vec![vec![]; graph.len()];
    for (id, node) in graph.nodes() {
        for input in &node.inputs {
            users[input.node.0 as usize].push(id);
        }
    }
    users
}

fn recognise(
    graph: &Graph,
    id: NodeId,
    node: &Node,
    averages: &BTreeMap<ParamId, MovingAverage>,
) -> Option<Found> {
    match &node.op {
        Op::Conv(conv) => convolution(graph, id, node, conv),
        Op::ConvTranspose { conv, output } => transposed(graph, id, node, conv, output),
        Op::MatMul {
            transpose_lhs: false,
            transpose_rhs,
        } => linear(graph, id, node, *transpose_rhs),
        Op::BatchNorm {
            epsilon,
            scale,
            offset,
            channels,
        } => {
            let norm = (*epsilon, *scale, *offset);
            batch_norm(graph, id, node, norm, *channels, averages)
        }
        Op::LayerNorm {
            axes: 1,
            epsilon,
            scale,
            offset,
        } => layer_norm(graph, id, node, (*epsilon, *scale, *offset)),
        Op::RmsNorm {
            epsilon,
            scale: true,
        } => rms_norm(graph, id, node, *epsilon),
        Op::Gather {
            axis: 0,
            batch_dims: 0,
        } => embedding(graph, id, node),
        Op::Recurrent { recurrence, pass } => recurrent(graph, id, node, recurrence, pass),
        Op::Dropout { rate: Some(rate) } => {
            let rate = Setting::Fixed(shortest(*rate).into());
            let layer = Layer::Dropout { rate };
            Some(found(layer, vec![], id, node.inputs[0]))
        }
        _ => None,
    }
}

fn found(layer: Layer, weights: Vec<(Role, View)>, main: NodeId, input: Value) -> Found {
    let output = Value {
        node: main,
        result: 0,
    };
    Found {
        layer,
        weights,
        main,
        covers: vec![main],
        inputs: vec![input],
        output,
        spatial: None,
    }
}

fn convolution(graph: &Graph, id: NodeId, node: &Node, conv: &Conv) -> Option<Found> {
    let kernel = View::of(graph, node.inputs[1])?;
    let dims = kernel.dims();
    let (spatial, channels) = dims.split_at(dims.len() - 2);
    let inputs = match conv.grouping {
        Grouping::Groups(groups) => channels[0] * groups,
        Grouping::ByKernel => return None,
        Grouping::Depthwise => channels[0],
    };
    let layer = Layer::Conv {
        inputs: Setting::Fixed(inputs),
        outputs: Setting::Fixed(channels[1]),
        kernel: Setting::Fixed(spatial.to_vec()),
        strides: Setting::Fixed(conv.strides.clone()),
        dilations: conv.dilations.clone(),
        padding: conv.padding.clone(),
        grouping: conv.grouping,
        channels: conv.channels,
        bias: false,
    };
    Some(found(
        layer,
        vec![(Role::Kernel, kernel)],
        id,
        node.inputs[0],
    ))
}

fn transposed(
    graph: &Graph,
    id: NodeId,
    node: &Node,
    conv: &Conv,
    output: &[Dim],
) -> Option<Found> {
    let kernel = View::of(graph, node.inputs[1])?;
    let dims = kernel.dims();
    let (spatial, channels) = dims.split_at(dims.len() - 2);
    if conv.grouping != Grouping::Groups(1) {
        return None;
    }
    let layer = Layer::ConvTranspose {
        inputs: Setting::Fixed(channels[1]),
        outputs: Setting::Fixed(channels[0]),
        kernel: spatial.to_vec(),
        strides: conv.strides.clone(),
        dilations: conv.dilations.clone(),
        padding: conv.padding.clone(),
        channels: conv.channels,
        bias: false,
    };
    let mut layer = found(layer, vec![(Role::Kernel, kernel)], id, node.inputs[0]);
    layer.spatial = Some(output.to_vec());
    Some(layer)
}

fn linear(graph: &Graph, id: NodeId, node: &Node, transpose: bool) -> Option<Found> {
    let mut kernel = View::of(graph, node.inputs[1]).filter(|kernel| kernel.axes.len() == 2)?;
    if transpose {
        kernel.axes.reverse();
    }
    if View::of(graph, node.inputs[0]).is_some() || graph.ty(node.inputs[0]).rank()? < 2 {
        return None;
    }
    let dims = kernel.dims();
    let layer = Layer::Linear {
        inputs: Setting::Fixed(dims[0]),
        outputs: Setting::Fixed(dims[1]),
        bias: false,
    };
    Some(found(
        layer,
        vec![(Role::Kernel, kernel)],
        id,
        node.inputs[0],
    ))
}

fn batch_norm(
    graph: &Graph,
    id: NodeId,
    node: &Node,
    norm: (f64, bool, bool),
    channels: Channels,
    averages: &BTreeMap<ParamId, MovingAverage>,
) -> Option<Found> {
    let (epsilon, scale, offset) = (shortest(norm.0), norm.1, norm.2);
    let roles = [
        (Role::Mean, true),
        (Role::Variance, true),
        (Role::Scale, scale),
        (Role::Offset, offset),
    ];
    let weights = vectors(graph, &node.inputs[1..], &roles)?;
    let features = Setting::Fixed(weights[0].1.dims()[0]);
    let rank = graph.ty(node.inputs[0]).rank()?;
    let average = averages.get(&weights[0].1.param).copied();
    let MovingAverage {
        new_weight: momentum,
        unbiased,
    } = average.unwrap_or_default();
    let layer = Layer::BatchNorm {
        features,
        epsilon,
        momentum,
        unbiased,
        scale,
        offset,
        channels,
        rank,
    };
    Some(found(layer, weights, id, node.inputs[0]))
}

fn layer_norm(graph: &Graph, id: NodeId, node: &Node, norm: (f64, bool, bool)) -> Option<Found> {
    let (epsilon, scale, offset) = (shortest(norm.0), norm.1, norm.2);
    let weights = vectors(
        graph,
        &node.inputs[1..],
        &[(Role::Scale, scale), (Role::Offset, offset)],
    )?;
    let size = match weights.first() {
        Some((_, view)) => view.dims()[0],
        None => graph.ty(node.inputs[0]).dims().last()?.as_usize()?,
    };
    let layer = Layer::LayerNorm {
        size: Setting::Fixed(size),
        epsilon,
        scale,
        offset,
    };
    Some(found(layer, weights, id, node.inputs[0]))
}

fn rms_norm(graph: &Graph, id: NodeId, node: &Node, epsilon: f64) -> Option<Found> {
    let weights = vectors(graph, &node.inputs[1..], &[(Role::Scale, true)])?;
    let layer = Layer::RmsNorm {
        size: Setting::Fixed(weights.first()?.1.dims()[0]),
        epsilon: shortest(epsilon),
    };
    Some(found(layer, weights, id, node.inputs[0]))
}

fn embedding(graph: &Graph, id: NodeId, node: &Node) -> Option<Found> {
    let table =
        View::of(graph, node.inputs[0]).filter(|view| view.is_plain() && view.shape.len() == 2)?;
    if !graph.ty(node.inputs[0]).dtype.is_float() {
        return None;
    }
    let layer = Layer::Embedding {
        count: Setting::Fixed(table.shape[0]),
        size: Setting::Fixed(table.shape[1]),
    };
    Some(found(
        layer,
        vec![(Role::Kernel, table)],
        id,
        node.inputs[1],
    ))
}

fn recurrent(
    graph: &Graph,
    id: NodeId,
    node: &Node,
    recurrence: &Recurrence,
    pass: &Pass,
) -> Option<Found> {
    let operands = Operands::of(recurrence, pass, &node.inputs)?;
    let plain = |&value: &Value| View::of(graph, value).filter(View::is_plain);
    let mut weights = vec![
        (Role::Kernel, plain(operands.kernel)?),
        (Role::RecurrentKernel, plain(operands.recurrent_kernel)?),
    ];
    if let Some(bias) = operands.bias {
        weights.push((Role::Bias, plain(bias)?));
    }
    let layer = Layer::Recurrent {
        recurrence: recurrence.clone(),
        inputs: Setting::Fixed(weights[0].1.shape[0]),
        units: Setting::Fixed(weights[1].1.shape[0]),
    };
    let mut found = found(layer, weights, id, *operands.sequence);
    found.inputs.extend(operands.given.mask);
    found.inputs.extend(operands.given.state);
    Some(found)
}

/// The shortest number that is the same in single precision: 0.001, not 0.0010000000474974513.
fn shortest(number: f64) -> f64 {
    (number as f32).to_string().parse().unwrap_or(number)
}

/// Views of rank 1 for the roles that are present, from operands in the order of the roles.
fn vectors(graph: &Graph, operands: &[Value], roles: &[(Role, bool)]) -> Option<Vec<(Role, View)>> {
    let present = roles.iter().filter(|(_, present)| *present);
    present
        .zip(operands)
        .map(|((role, _), &operand)| Some((*role, vector(graph, operand)?)))
        .collect()
}

fn vector(graph: &Graph, value: Value) -> Option<View> {
    View::of(graph, value)
        .map(|view| view.squeezed())
        .filter(|view| view.axes.len() == 1)
}

/// Takes in the addition of a bias, if it is the only one that reads the layer.
fn with_bias(graph: &Graph, users: &[Vec<NodeId>], mut found: Found) -> Found {
    let &[user] = users[found.main.0 as usize].as_slice() else {
        return found;
    };
    let node = graph.node(user);
    if graph.outputs.contains(&found.output) || node.op != Op::Binary(Binary::Add) {
        return found;
    }
    let other = if node.inputs[0] == found.output {
        node.inputs[1]
    } else {
        node.inputs[0]
    };
    let Some(bias) = vector(graph, other) else {
        return found;
    };
    if !is_channel_vector(graph, other, &found, &bias) || graph.ty(found.output) != &node.types[0] {
        return found;
    }
    match &mut found.layer {
        Layer::Linear { bias, .. }
        | Layer::Conv { bias, .. }
        | Layer::ConvTranspose { bias, .. } => *bias = true,
        Layer::BatchNorm { .. }
        | Layer::LayerNorm { .. }
        | Layer::RmsNorm { .. }
        | Layer::Embedding { .. }
        | Layer::Recurrent { .. }
        | Layer::Dropout { .. } => return found,
    }
    found.weights.push((Role::Bias, bias));
    found.covers.push(user);
    found.output = Value {
        node: user,
        result: 0,
    };
    found
}

/// Whether a vector broadcasts along the channels that a layer gives.
fn is_channel_vector(graph: &Graph, value: Value, found: &Found, bias: &View) -> bool {
    let rank = graph.ty(found.output).rank().unwrap_or(0);
    let axis = match &found.layer {
        Layer::Conv {
            channels: Channels::First,
            ..
        }
        | Layer::ConvTranspose {
            channels: Channels::First,
            ..
        } => 1,
        _ => rank.saturating_sub(1),
    };
    let dims = graph.ty(value).dims();
    let from_end = rank - axis;
    let channels = graph.ty(found.output).dims().get(axis);
    let fits = dims.len() >= from_end && channels == Some(&Dim::from(bias.dims()[0]));
    fits && dims
        .iter()
        .rev()
        .enumerate()
        .all(|(i, dim)| (i + 1 == from_end) || dim.is(1))
}

/// The letters of a weight's axes in the manifest, for its rank as stored.
pub fn letters(layer: &Layer, role: Role, rank: usize) -> &'static str {
    match (layer, role, rank) {
        (
            Layer::Conv {
                grouping: Grouping::Depthwise,
                ..
            },
            Role::Kernel,
            4,
        ) => "hwim",
        (Layer::ConvTranspose { .. }, Role::Kernel, 4) => "hwoi",
        (Layer::ConvTranspose { .. }, Role::Kernel, 3) => "woi",
        (_, Role::Kernel, 5) => "dhwio",
        (_, Role::Kernel, 4) => "hwio",
        (Layer::Conv { .. }, Role::Kernel, 3) => "wio",
        (_, Role::Kernel, 3) => "dhk",
        (_, Role::Kernel | Role::RecurrentKernel, 2) => "io",
        (_, _, 2) => "hk",
        _ => "c",
    }
}

/// The variables of a layer.
pub fn params(found: &Found) -> impl Iterator<Item = ParamId> {
    found.weights.iter().map(|(_, view)| view.param)
}
