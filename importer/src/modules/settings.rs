//! The parts of a layer's configuration that may differ between the instances of one type.

use crate::plan::{ArgValue, Layer, Number, Setting};

/// The parts of a layer's configuration that may differ between instances of one type, in a fixed order.
pub fn settings(layer: &Layer) -> Vec<(&'static str, ArgValue)> {
    fn size(setting: &Setting<usize>) -> ArgValue {
        match setting {
            Setting::Fixed(size) => ArgValue::Size(*size),
            Setting::Arg(arg) => ArgValue::Outer(*arg),
        }
    }
    fn sizes(setting: &Setting<Vec<usize>>) -> ArgValue {
        match setting {
            Setting::Fixed(sizes) => ArgValue::Sizes(sizes.clone()),
            Setting::Arg(arg) => ArgValue::Outer(*arg),
        }
    }
    fn number(setting: &Setting<Number>) -> ArgValue {
        match setting {
            Setting::Fixed(number) => ArgValue::Number(*number),
            Setting::Arg(arg) => ArgValue::Outer(*arg),
        }
    }
    match layer {
        Layer::Recurrent { inputs, units, .. } => {
            vec![("inputs", size(inputs)), ("units", size(units))]
        }
        Layer::Linear {
            inputs, outputs, ..
        }
        | Layer::ConvTranspose {
            inputs, outputs, ..
        } => {
            vec![("inputs", size(inputs)), ("outputs", size(outputs))]
        }
        Layer::Conv {
            inputs,
            outputs,
            kernel,
            strides,
            ..
        } => vec![
            ("inputs", size(inputs)),
            ("outputs", size(outputs)),
            ("kernel", sizes(kernel)),
            ("strides", sizes(strides)),
        ],
        Layer::BatchNorm { features, .. } => vec![("features", size(features))],
        Layer::LayerNorm { size: features, .. } | Layer::RmsNorm { size: features, .. } => {
            vec![("size", size(features))]
        }
        Layer::Embedding { count, size: width } => {
            vec![("count", size(count)), ("size", size(width))]
        }
        Layer::Dropout { rate } => vec![("rate", number(rate))],
    }
}

/// The layer with its settings replaced, in the order of [`settings`].
pub fn with_settings(layer: &Layer, values: &[ArgValue]) -> Layer {
    fn size(value: &ArgValue) -> Setting<usize> {
        match value {
            ArgValue::Size(size) => Setting::Fixed(*size),
            ArgValue::Outer(arg) => Setting::Arg(*arg),
            ArgValue::Sizes(_) | ArgValue::Flag(_) | ArgValue::Number(_) => Setting::Fixed(0),
        }
    }
    fn sizes(value: &ArgValue) -> Setting<Vec<usize>> {
        match value {
            ArgValue::Sizes(sizes) => Setting::Fixed(sizes.clone()),
            ArgValue::Outer(arg) => Setting::Arg(*arg),
            ArgValue::Size(_) | ArgValue::Flag(_) | ArgValue::Number(_) => Setting::Fixed(vec![]),
        }
    }
    fn number(value: &ArgValue) -> Setting<Number> {
        match value {
            ArgValue::Number(number) => Setting::Fixed(*number),
            ArgValue::Outer(arg) => Setting::Arg(*arg),
            ArgValue::Size(_) | ArgValue::Sizes(_) | ArgValue::Flag(_) => {
                Setting::Fixed(0.0.into())
            }
        }
    }
    let mut layer = layer.clone();
    match &mut layer {
        Layer::Linear {
            inputs, outputs, ..
        }
        | Layer::Recurrent {
            inputs,
            units: outputs,
            ..
        }
        | Layer::ConvTranspose {
            inputs, outputs, ..
        } => {
            *inputs = size(&values[0]);
            *outputs = size(&values[1]);
        }
        Layer::Conv {
            inputs,
            outputs,
            kernel,
            strides,
            ..
        } => {
            *inputs = size(&values[0]);
            *outputs = size(&values[1]);
            *kernel = sizes(&values[2]);
            *strides = sizes(&values[3]);
        }
        Layer::BatchNorm { features, .. } => *features = size(&values[0]),
        Layer::LayerNorm { size: features, .. } | Layer::RmsNorm { size: features, .. } => {
            *features = size(&values[0]);
        }
        Layer::Embedding { count, size: width } => {
            *count = size(&values[0]);
            *width = size(&values[1]);
        }
        Layer::Dropout { rate } => *rate = number(&values[0]),
    }
    layer
}
