//! Which steps leave a GPU: those for which a framework has nothing there, and the support code neither.

use crate::Framework;
use crate::ir::{Binary, Op, Unary};
use crate::plan::{Action, Flow, Plan, Step, all_steps};

/// The steps of a module that run on the host while the rest runs on a GPU, each with the reason.
pub fn steps(plan: &Plan, framework: Framework) -> Vec<(&'static str, &Step)> {
    let methods = plan.structs.iter().flat_map(|ty| &ty.methods);
    let steps = methods.flat_map(|method| all_steps(&method.body));
    steps
        .filter_map(|step| Some((reason(step, framework)?, step)))
        .collect()
}

fn reason(step: &Step, framework: Framework) -> Option<&'static str> {
    match &step.action {
        Action::Op(op) => {
            let is_float = step.args.first().is_some_and(|x| x.ty.dtype.is_float());
            of_op(op, is_float, framework)
        }
        Action::Elements => Some("the elements of a tensor are read as extents"),
        Action::Flow(Flow::Branch | Flow::Repeat { rounds: None, .. }) => {
            Some("what a tensor says decides on the way")
        }
        Action::Flow(Flow::Repeat { .. }) => None,
        Action::Layer { .. }
        | Action::Module { .. }
        | Action::Modules { .. }
        | Action::Parameter(_)
        | Action::LayerWeight { .. }
        | Action::Constant(_)
        | Action::Extent { .. } => None,
    }
}

fn of_op(op: &Op, is_float: bool, framework: Framework) -> Option<&'static str> {
    match op {
        Op::Host(_) => Some("a kernel on the host"),
        Op::ReadExtents(_) => Some("the elements of a tensor are read as extents"),
        Op::Scatter { .. } => match framework {
            Framework::Candle => Some("the indices of a scatter are read on the host"),
            Framework::Burn => None,
        },
        Op::Fourier(_) => match framework {
            Framework::Candle => Some("a Fourier transform on the host"),
            Framework::Burn => None,
        },
        Op::Linear(_) => Some("matrices are decomposed on the host"),
        Op::Special(_) => Some("a special function on the host"),
        Op::TopK { .. } => match framework {
            Framework::Candle => None,
            Framework::Burn => Some("burn sorts on the host"),
        },
        Op::Unary(op) => match framework {
            Framework::Candle => unary(*op),
            Framework::Burn => None,
        },
        Op::Binary(op) => match framework {
            Framework::Candle => binary(*op, is_float),
            Framework::Burn => None,
        },
        Op::Input(_)
        | Op::Param(_)
        | Op::Constant(_)
        | Op::Extents { .. }
        | Op::Compare(_)
        | Op::Select
        | Op::Clamp { .. }
        | Op::Cast(_)
        | Op::Reshape(_)
        | Op::Transpose(_)
        | Op::Broadcast(_)
        | Op::Slice(_)
        | Op::Concat { .. }
        | Op::Pad { .. }
        | Op::Reverse { .. }
        | Op::Tile(_)
        | Op::Gather { .. }
        | Op::GatherNd { .. }
        | Op::ScatterNd { .. }
        | Op::Bound { .. }
        | Op::If { .. }
        | Op::Loop(_)
        | Op::OneHot { .. }
        | Op::Range { .. }
        | Op::Reduce { .. }
        | Op::ArgReduce { .. }
        | Op::Cumulative { .. }
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::MatMul { .. }
        | Op::Conv(_)
        | Op::ConvTranspose { .. }
        | Op::Pool { .. }
        | Op::Resize { .. }
        | Op::BatchNorm { .. }
        | Op::LayerNorm { .. }
        | Op::Recurrent { .. }
        | Op::RmsNorm { .. }
        | Op::FromEnd(_)
        | Op::RotateHalf
        | Op::Attention { .. }
        | Op::Dropout { .. } => None,
    }
}

/// What candle's CUDA backend has no kernel for, nor anything that the function could be composed of.
fn unary(op: Unary) -> Option<&'static str> {
    match op {
        Unary::Erfc => Some("candle has no erfc on a GPU"),
        Unary::Lgamma => Some("candle has no lgamma on a GPU"),
        Unary::Digamma => Some("candle has no digamma on a GPU"),
        Unary::Neg
        | Unary::Abs
        | Unary::Sign
        | Unary::Square
        | Unary::Sqrt
        | Unary::Rsqrt
        | Unary::Reciprocal
        | Unary::Exp
        | Unary::Expm1
        | Unary::Log
        | Unary::Log1p
        | Unary::Sin
        | Unary::Cos
        | Unary::Tan
        | Unary::Asin
        | Unary::Acos
        | Unary::Atan
        | Unary::Sinh
        | Unary::Cosh
        | Unary::Asinh
        | Unary::Acosh
        | Unary::Atanh
        | Unary::Tanh
        | Unary::Sigmoid
        | Unary::LogSigmoid
        | Unary::Relu
        | Unary::Elu { .. }
        | Unary::Selu
        | Unary::Softplus
        | Unary::Softsign
        | Unary::LeakyRelu { .. }
        | Unary::Gelu { .. }
        | Unary::Silu
        | Unary::HardSigmoid
        | Unary::HardSwish
        | Unary::Erf
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::LogicalNot
        | Unary::BitwiseNot
        | Unary::IsNan
        | Unary::IsInf
        | Unary::IsFinite
        | Unary::StopGradient => None,
    }
}

fn binary(op: Binary, is_float: bool) -> Option<&'static str> {
    match op {
        Binary::BitwiseAnd | Binary::BitwiseOr | Binary::BitwiseXor => {
            Some("candle has no operations of bits on a GPU")
        }
        Binary::ShiftLeft | Binary::ShiftRight => Some("candle has no shifts of bits on a GPU"),
        Binary::Pow if !is_float => Some("candle has no powers of integers on a GPU"),
        Binary::Add
        | Binary::Sub
        | Binary::Mul
        | Binary::Div
        | Binary::FloorDiv
        | Binary::FloorMod
        | Binary::TruncMod
        | Binary::Pow
        | Binary::Maximum
        | Binary::Minimum
        | Binary::Atan2
        | Binary::DivNoNan
        | Binary::Xlogy
        | Binary::Xdivy
        | Binary::LogicalAnd
        | Binary::LogicalOr => None,
    }
}
