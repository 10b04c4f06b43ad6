//! The words on the boxes.

use crate::eval::Tensor;
use crate::ir::{Cell, DType, Dim, Grouping, Op, Padding, Shape, SliceAxis, Type};
use crate::plan::{Arg, ArgKind, ArgValue, Layer, Setting};

/// `f32[?, 28, 28]`; `f32[…]` where the rank is unknown.
pub fn ty(ty: &Type) -> String {
    match &ty.shape {
        Shape::Ranked(dims) => {
            let dims: Vec<String> = dims.iter().map(extent).collect();
            format!("{}[{}]", dtype(ty.dtype), dims.join(", "))
        }
        Shape::Unranked => format!("{}[…]", dtype(ty.dtype)),
    }
}

fn extent(dim: &Dim) -> String {
    dim.as_known()
        .map_or_else(|| "?".to_owned(), |known| known.to_string())
}

/// `f32`, as Rust calls it.
pub fn dtype(dtype: DType) -> String {
    format!("{dtype:?}").to_lowercase()
}

/// `3×3×32`; `scalar` for rank 0.
pub fn shape(dims: &[usize]) -> String {
    match dims {
        [] => "scalar".to_owned(),
        dims => dims
            .iter()
            .map(usize::to_string)
            .collect::<Vec<_>>()
            .join("×"),
    }
}

/// `1,234,567`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A constant operand: the number, or what it is.
pub fn constant(tensor: &Tensor) -> String {
    let is_single = tensor.dtype() == DType::F32;
    let number = |n: f64| match is_single {
        true => (n as f32).to_string(),
        false => n.to_string(),
    };
    match (tensor.as_splat(), tensor.shape()) {
        (Some(splat), []) => number(splat),
        (Some(splat), _) if tensor.len() == 1 => number(splat),
        (_, dims) => format!("{}[{}]", dtype(tensor.dtype()), shape(dims)),
    }
}

/// The name of an op, and its settings.
pub fn op(op: &Op) -> (String, String) {
    if let Op::Slice(axes) = op {
        let axes: Vec<String> = axes.iter().map(slice_axis).collect();
        return ("Slice".to_owned(), format!("[{}]", axes.join(", ")));
    }
    if let Op::Resize { mode, size, .. } = op {
        let mode = format!("{:?}", mode.kind).to_lowercase();
        return (
            "Resize".to_owned(),
            format!("{mode} · {}×{}", extent(&size[0]), extent(&size[1])),
        );
    }
    if let Op::Pool {
        op,
        window,
        strides,
        padding,
        ..
    } = op
    {
        let strides = stride(&Setting::Fixed(strides.clone()), &[]);
        let text = format!("{}{strides}{}", shape(window), padded(padding));
        return (format!("{op:?}Pool"), text);
    }
    let text = format!("{op:?}");
    let (name, rest) = variant(&text);
    match (name, rest) {
        ("Unary" | "Binary" | "Compare", inner) => split(inner),
        ("Reduce" | "Cumulative" | "ArgReduce", inner) => reduction(name, inner),
        ("Conv", inner) => ("Conv".to_owned(), settings(variant(inner).1)),
        _ => split(&text),
    }
}

/// `2..30:2`, or `..` for all that there is.
fn slice_axis(axis: &SliceAxis) -> String {
    let end = axis.start.clone() + axis.length.clone() * Dim::known(axis.step as i64);
    let start = if axis.start.is(0) {
        String::new()
    } else {
        extent(&axis.start)
    };
    let step = if axis.step == 1 {
        String::new()
    } else {
        format!(":{}", axis.step)
    };
    let end = end
        .as_known()
        .map_or_else(String::new, |end| end.to_string());
    format!("{start}..{end}{step}")
}

/// `Reduce { op: Mean, axes: [1, 2] }` is a `Mean` with `axes 1, 2`.
fn reduction(name: &str, inner: &str) -> (String, String) {
    let Some((of, rest)) = inner
        .trim()
        .strip_prefix("op: ")
        .and_then(|r| r.split_once(", "))
    else {
        return (name.to_owned(), settings(inner));
    };
    let name = match name {
        "Reduce" => of.to_owned(),
        name => format!("{name} {}", of.to_lowercase()),
    };
    (name, settings(rest))
}

fn split(text: &str) -> (String, String) {
    let (name, rest) = variant(text);
    (name.to_owned(), settings(rest))
}

/// The name of a variant in its debug text, and what is inside its brackets.
fn variant(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim();
    let inside = rest
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .or_else(|| rest.strip_prefix('(')?.strip_suffix(')'));
    (name, inside.unwrap_or(rest).trim())
}

/// Settings without those that are as everybody expects, extents that only a call knows as `?`.
fn settings(text: &str) -> String {
    const USUAL: [&str; 8] = [
        ", channels: Last",
        ", keep: false",
        ", batch_dims: 0",
        ", exclusive: false",
        ", reverse: false",
        "transpose_lhs: false, transpose_rhs: false",
        ", mode: Constant",
        ", grouping: Groups(1)",
    ];
    let mut text = text.to_owned();
    for usual in USUAL {
        text = text.replace(usual, "");
    }
    unknown_extents(&text)
}

/// Replaces the compiler's names for unknown extents, `s0`, by `?`.
fn unknown_extents(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut in_word = false;
    while let Some(c) = chars.next() {
        let is_symbol = c == 's' && !in_word && chars.peek().is_some_and(char::is_ascii_digit);
        if is_symbol {
            while chars.next_if(char::is_ascii_digit).is_some() {}
            out.push('?');
        } else {
            out.push(c);
        }
        in_word = c.is_alphanumeric() || c == '_';
    }
    out
}

/// The name of a layer's type, and its settings; those in which instances differ by the names of `args`.
pub fn layer(layer: &Layer, args: &[Arg]) -> (String, String) {
    let size = |setting: &Setting<usize>| match setting {
        Setting::Fixed(size) => size.to_string(),
        Setting::Arg(arg) => argument(args, *arg),
    };
    let sizes = |setting: &Setting<Vec<usize>>| match setting {
        Setting::Fixed(sizes) => shape(sizes),
        Setting::Arg(arg) => argument(args, *arg),
    };
    match layer {
        Layer::Linear {
            inputs, outputs, ..
        } => (
            "Linear".to_owned(),
            format!("{} → {}", size(inputs), size(outputs)),
        ),
        Layer::Conv {
            inputs,
            outputs,
            kernel,
            strides,
            dilations,
            padding,
            grouping,
            ..
        } => {
            let depthwise = *grouping == Grouping::Depthwise;
            let name = format!(
                "{}Conv{}d",
                if depthwise { "Depthwise" } else { "" },
                dilations.len()
            );
            let channels = match depthwise {
                true => size(inputs),
                false => format!("{} → {}", size(inputs), size(outputs)),
            };
            let mut text = format!("{} · {channels}{}", sizes(kernel), groups(grouping));
            text += &stride(strides, args);
            text += &dilation(dilations);
            text += padded(padding);
            (name, text)
        }
        Layer::ConvTranspose {
            inputs,
            outputs,
            kernel,
            strides,
            ..
        } => {
            let strides = stride(&Setting::Fixed(strides.clone()), args);
            let text = format!(
                "{} · {} → {}{strides}",
                shape(kernel),
                size(inputs),
                size(outputs)
            );
            (format!("ConvTranspose{}d", kernel.len()), text)
        }
        Layer::BatchNorm { features, .. } => ("BatchNorm".to_owned(), size(features)),
        Layer::LayerNorm { size: features, .. } => ("LayerNorm".to_owned(), size(features)),
        Layer::RmsNorm { size: features, .. } => ("RmsNorm".to_owned(), size(features)),
        Layer::Embedding { count, size: width } => (
            "Embedding".to_owned(),
            format!("{} × {}", size(count), size(width)),
        ),
        Layer::Recurrent {
            recurrence,
            inputs,
            units,
        } => {
            let name = match recurrence.cell {
                Cell::Simple => "SimpleRnn",
                Cell::Lstm => "Lstm",
                Cell::Gru { .. } => "Gru",
            };
            let direction = if recurrence.backward {
                " · backward"
            } else {
                ""
            };
            let text = format!("{} → {}{direction}", size(inputs), size(units));
            (name.to_owned(), text)
        }
        Layer::Dropout { rate } => {
            let rate = match rate {
                Setting::Fixed(rate) => (rate.value() as f32).to_string(),
                Setting::Arg(arg) => argument(args, *arg),
            };
            ("Dropout".to_owned(), rate)
        }
    }
}

fn argument(args: &[Arg], index: usize) -> String {
    args.get(index)
        .map_or_else(|| "?".to_owned(), |arg| arg.name.clone())
}

fn groups(grouping: &Grouping) -> String {
    match grouping {
        Grouping::Groups(1) | Grouping::ByKernel | Grouping::Depthwise => String::new(),
        Grouping::Groups(count) => format!(" · {count} groups"),
    }
}

fn stride(strides: &Setting<Vec<usize>>, args: &[Arg]) -> String {
    match strides {
        Setting::Fixed(strides) if strides.iter().all(|&stride| stride == 1) => String::new(),
        Setting::Fixed(strides) if strides.windows(2).all(|pair| pair[0] == pair[1]) => strides
            .first()
            .map_or_else(String::new, |one| format!(" · stride {one}")),
        Setting::Fixed(strides) => format!(" · stride {}", shape(strides)),
        Setting::Arg(arg) => format!(" · {}", argument(args, *arg)),
    }
}

fn dilation(dilations: &[usize]) -> String {
    match dilations.iter().all(|&dilation| dilation == 1) {
        true => String::new(),
        false => format!(" · dilation {}", shape(dilations)),
    }
}

fn padded(padding: &Padding) -> &'static str {
    match padding {
        Padding::Same => "",
        Padding::Valid => " · valid",
        Padding::Explicit(_) => " · padded",
    }
}

/// A constructor's arguments and their values: `channels = 32`.
pub fn setting(arg: &Arg, value: &ArgValue) -> String {
    let text = match value {
        ArgValue::Size(size) => size.to_string(),
        ArgValue::Sizes(sizes) => shape(sizes),
        ArgValue::Flag(flag) => flag.to_string(),
        ArgValue::Number(number) => (number.value() as f32).to_string(),
        ArgValue::Outer(_) => match arg.kind {
            ArgKind::Size | ArgKind::Sizes(_) | ArgKind::Flag | ArgKind::Number => "?".to_owned(),
        },
    };
    format!("{} = {text}", arg.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Binary, Reduction, Symbol, Unary};

    fn said(op_: Op) -> String {
        let (name, detail) = op(&op_);
        format!("{name} | {detail}")
    }

    #[test]
    fn ops_are_called_what_they_do() {
        assert_eq!(said(Op::Unary(Unary::Relu)), "Relu | ");
        assert_eq!(said(Op::Binary(Binary::Add)), "Add | ");
        assert_eq!(
            said(Op::Unary(Unary::Elu { alpha: 1.0 })),
            "Elu | alpha: 1.0"
        );
        let mean = Op::Reduce {
            op: Reduction::Mean,
            axes: vec![1, 2],
            keep: false,
        };
        assert_eq!(said(mean), "Mean | axes: [1, 2]");
    }

    #[test]
    fn an_unknown_extent_is_a_question_mark() {
        let dims = vec![Dim::symbol(Symbol(3)), Dim::known(7)];
        assert_eq!(said(Op::Reshape(dims.clone())), "Reshape | [?, 7]");
        assert_eq!(ty(&Type::new(DType::F32, dims)), "f32[?, 7]");
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
