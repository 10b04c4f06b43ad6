//! What a value is called that no layer made: after what its op does.

use crate::ir::{Binary, Op, Reduction, Unary};
use crate::plan::ident::{NAMELESS, noun};

/// The noun for what an op gives.
pub fn of(op: &Op) -> &'static str {
    noun(word(op))
}

/// The nouns for what an op gives that has several results.
pub fn of_several(op: &Op) -> &'static [&'static str] {
    match op {
        Op::TopK { .. } => &["values", "indices"],
        Op::Fourier(_) => &["real", "imaginary"],
        _ => &[],
    }
}

fn word(op: &Op) -> &'static str {
    match op {
        Op::Unary(unary) => of_unary(*unary),
        Op::Binary(binary) => of_binary(*binary),
        Op::Compare(_) => "mask",
        Op::Select => "selected",
        Op::Clamp { .. } => "clamped",
        Op::Cast(_) => "converted",
        Op::Reshape(_) => "reshaped",
        Op::Transpose(_) => "transposed",
        Op::Broadcast(_) | Op::Tile(_) => "repeated",
        Op::Slice(_) => "part",
        Op::Concat { .. } => "joined",
        Op::Pad { .. } => "padded",
        Op::Reverse { .. } => "reversed",
        Op::Gather { .. } | Op::GatherNd { .. } => "gathered",
        Op::ScatterNd { .. } | Op::Scatter { .. } => "scattered",
        Op::OneHot { .. } => "one_hot",
        Op::Range { .. } => "positions",
        Op::Reduce { op, .. } => match op {
            Reduction::Sum => "total",
            Reduction::Mean => "average",
            Reduction::Product => "product",
            Reduction::Max => "largest",
            Reduction::Min => "smallest",
            Reduction::All | Reduction::Any => "mask",
        },
        Op::ArgReduce { .. } => "index",
        Op::Cumulative { .. } => "running",
        Op::Softmax { .. } => "probabilities",
        Op::LogSoftmax { .. } => "log_probabilities",
        Op::MatMul { .. } => "product",
        Op::Conv(_) | Op::ConvTranspose { .. } => "features",
        Op::Pool { .. } => "pooled",
        Op::Resize { .. } => "resized",
        Op::BatchNorm { .. } | Op::LayerNorm { .. } | Op::RmsNorm { .. } => "normalized",
        Op::FromEnd(_) => "indices",
        Op::RotateHalf => "rotated",
        Op::Attention { .. } => "attention",
        Op::Bound { .. } => "bound",
        Op::Extents { .. } => "shape",
        Op::Constant(_) => "constant",
        Op::Input(_)
        | Op::Param(_)
        | Op::ReadExtents(_)
        | Op::TopK { .. }
        | Op::Linear(_)
        | Op::Recurrent { .. }
        | Op::Fourier(_)
        | Op::Special(_)
        | Op::Host(_)
        | Op::Dropout { .. }
        | Op::If { .. }
        | Op::Loop(_) => NAMELESS,
    }
}

fn of_unary(op: Unary) -> &'static str {
    match op {
        Unary::Neg => "negative",
        Unary::Abs => "magnitude",
        Unary::Sign => "sign",
        Unary::Square => "squares",
        Unary::Sqrt => "root",
        Unary::Rsqrt | Unary::Reciprocal => "inverse",
        Unary::Exp | Unary::Expm1 => "exponential",
        Unary::Log | Unary::Log1p => "logarithm",
        Unary::Sin => "sin",
        Unary::Cos => "cos",
        Unary::LogicalNot | Unary::IsNan | Unary::IsInf | Unary::IsFinite => "mask",
        Unary::Floor | Unary::Ceil | Unary::Round => "rounded",
        Unary::Sigmoid | Unary::HardSigmoid => "gate",
        Unary::Tanh
        | Unary::LogSigmoid
        | Unary::Relu
        | Unary::Elu { .. }
        | Unary::Selu
        | Unary::Softplus
        | Unary::Softsign
        | Unary::LeakyRelu { .. }
        | Unary::Gelu { .. }
        | Unary::Silu
        | Unary::HardSwish => "activated",
        Unary::Tan
        | Unary::Asin
        | Unary::Acos
        | Unary::Atan
        | Unary::Sinh
        | Unary::Cosh
        | Unary::Asinh
        | Unary::Acosh
        | Unary::Atanh
        | Unary::Erf
        | Unary::Erfc
        | Unary::Lgamma
        | Unary::Digamma
        | Unary::BitwiseNot
        | Unary::StopGradient => NAMELESS,
    }
}

fn of_binary(op: Binary) -> &'static str {
    match op {
        Binary::Add => "sum",
        Binary::Sub => "difference",
        Binary::Mul | Binary::Xlogy => "product",
        Binary::Div | Binary::FloorDiv | Binary::DivNoNan | Binary::Xdivy => "quotient",
        Binary::FloorMod | Binary::TruncMod => "remainder",
        Binary::Pow => "power",
        Binary::Maximum => "larger",
        Binary::Minimum => "smaller",
        Binary::LogicalAnd | Binary::LogicalOr => "mask",
        Binary::Atan2 => "angle",
        Binary::BitwiseAnd
        | Binary::BitwiseOr
        | Binary::BitwiseXor
        | Binary::ShiftLeft
        | Binary::ShiftRight => "bits",
    }
}
