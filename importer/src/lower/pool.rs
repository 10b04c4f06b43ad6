//! Pooling.

use super::conv::in_floats;
use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Channels, Op, Padding, Pooling, Value};

pub const OPS: &[Lowering] = &[
    op("MaxPool", |cx| pool(cx, Pooling::Max)),
    op("MaxPoolV2", max_pool_v2),
    op("AvgPool", |cx| pool(cx, Pooling::Average)),
    op("MaxPool3D", |cx| pool(cx, Pooling::Max)),
    op("AvgPool3D", |cx| pool(cx, Pooling::Average)),
];

fn pool(cx: &mut Cx<'_>, op: Pooling) -> Result<Value> {
    let (window, strides) = (cx.spatial_attr("ksize")?, cx.spatial_attr("strides")?);
    pool_with(cx, op, window, strides)
}

fn pool_with(
    cx: &mut Cx<'_>,
    op: Pooling,
    window: Vec<usize>,
    strides: Vec<usize>,
) -> Result<Value> {
    let x = cx.input(0)?;
    let x = cx.to_channels_last(x)?;
    let padding: Padding = cx.window_padding()?;
    let pool = Op::Pool {
        op,
        window,
        strides,
        padding,
        channels: Channels::Last,
    };
    let y = in_floats(cx, [x], |cx, operands| cx.push(pool, &operands))?;
    cx.from_channels_last(y)
}

/// Window and strides are operands 1 and 2.
fn max_pool_v2(cx: &mut Cx<'_>) -> Result<Value> {
    let mut sizes = Vec::new();
    for i in [1, 2] {
        let all = cx.integers(i)?;
        let all: Option<Vec<usize>> = all
            .into_iter()
            .map(|size| usize::try_from(size).ok())
            .collect();
        let all = all
            .filter(|all| all.len() == 4)
            .ok_or_else(|| Error::malformed("window sizes are negative"))?;
        sizes.push(match cx.data_format()? {
            super::attr::DataFormat::ChannelsLast => all[1..3].to_vec(),
            super::attr::DataFormat::ChannelsFirst => all[2..4].to_vec(),
        });
    }
    let strides = sizes.pop().unwrap_or_default();
    let window = sizes.pop().unwrap_or_default();
    pool_with(cx, Pooling::Max, window, strides)
}
