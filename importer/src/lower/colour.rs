//! Colours of pixels, in the last axis.

use super::cx::Cx;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    op("RGBToHSV", |cx| {
        let x = cx.input(0)?;
        let hsv = to_hsv(cx, x)?;
        joined(cx, hsv)
    }),
    op("HSVToRGB", |cx| {
        let x = cx.input(0)?;
        let hsv = channels(cx, x)?;
        to_rgb(cx, hsv)
    }),
    op("AdjustHue", adjust_hue),
    op("AdjustSaturation", adjust_saturation),
];

/// The three channels, each an axis of extent 1.
fn channels(cx: &mut Cx<'_>, x: Value) -> Result<[Value; 3]> {
    let dims = cx.shape(x)?;
    let (last, before) = dims
        .split_last()
        .ok_or_else(|| Error::malformed("a scalar has no channels"))?;
    if last.as_known().is_some_and(|n| n != 3) {
        return Err(Error::malformed("a pixel has three channels"));
    }
    let axis = before.len();
    let mut channel = |i: i64| cx.narrow(x, axis, Dim::known(i), Dim::known(1));
    Ok([channel(0)?, channel(1)?, channel(2)?])
}

fn joined(cx: &mut Cx<'_>, channels: [Value; 3]) -> Result<Value> {
    let axis = cx.rank(channels[0])?.saturating_sub(1);
    cx.concat(&channels, axis)
}

/// Hue and saturation of grey are zero.
fn to_hsv(cx: &mut Cx<'_>, x: Value) -> Result<[Value; 3]> {
    let [red, green, blue] = channels(cx, x)?;
    let value = cx.combine(Binary::Maximum, red, green)?;
    let value = cx.combine(Binary::Maximum, value, blue)?;
    let least = cx.combine(Binary::Minimum, red, green)?;
    let least = cx.combine(Binary::Minimum, least, blue)?;
    let range = cx.combine(Binary::Sub, value, least)?;
    let saturation = cx.combine(Binary::DivNoNan, range, value)?;
    let mut sector = |a: Value, b: Value, start: f64| {
        let difference = cx.combine(Binary::Sub, a, b)?;
        let part = cx.combine(Binary::DivNoNan, difference, range)?;
        let part = cx.combine_scalar(Binary::Mul, part, 1.0 / 6.0)?;
        match start {
            0.0 => Ok(part),
            start => cx.combine_scalar(Binary::Add, part, start),
        }
    };
    let of_red = sector(green, blue, 0.0)?;
    let of_green = sector(blue, red, 2.0 / 6.0)?;
    let of_blue = sector(red, green, 4.0 / 6.0)?;
    let (is_red, is_green) = (
        cx.test(Comparison::Equal, red, value)?,
        cx.test(Comparison::Equal, green, value)?,
    );
    let hue = cx.select(is_green, of_green, of_blue)?;
    let hue = cx.select(is_red, of_red, hue)?;
    let turned = cx.combine_scalar(Binary::Add, hue, 1.0)?;
    Ok([cx.unless_negative(hue, turned)?, saturation, value])
}

/// `value * (1 - saturation + saturation * part)`, where a channel's part follows from the distance of the hue.
fn to_rgb(cx: &mut Cx<'_>, [hue, saturation, value]: [Value; 3]) -> Result<Value> {
    let hue = cx.combine_scalar(Binary::Mul, hue, 6.0)?;
    let mut channel = |centre: f64, sign: f64, offset: f64| {
        let distance = cx.combine_scalar(Binary::Sub, hue, centre)?;
        let distance = cx.apply(crate::ir::Unary::Abs, distance)?;
        let part = cx.combine_scalar(Binary::Mul, distance, sign)?;
        let part = cx.combine_scalar(Binary::Add, part, offset)?;
        let part = cx.push(
            Op::Clamp {
                low: 0.0,
                high: 1.0,
            },
            &[part],
        )?;
        let missing = cx.combine_scalar(Binary::Sub, part, 1.0)?;
        let missing = cx.combine(Binary::Mul, missing, saturation)?;
        let share = cx.combine_scalar(Binary::Add, missing, 1.0)?;
        cx.combine(Binary::Mul, share, value)
    };
    let red = channel(3.0, 1.0, -1.0)?;
    let green = channel(2.0, -1.0, 2.0)?;
    let blue = channel(4.0, -1.0, 2.0)?;
    joined(cx, [red, green, blue])
}

/// Computes in single precision with the number in operand 1.
fn adjusted(
    cx: &mut Cx<'_>,
    adjust: impl FnOnce(&mut Cx<'_>, [Value; 3], Value) -> Result<[Value; 3]>,
) -> Result<Value> {
    let (x, number) = cx.pair()?;
    let dtype = cx.dtype(x);
    let (x, number) = (cx.cast(x, DType::F32)?, cx.cast(number, DType::F32)?);
    let hsv = to_hsv(cx, x)?;
    let hsv = adjust(cx, hsv, number)?;
    let rgb = to_rgb(cx, hsv)?;
    cx.cast(rgb, dtype)
}

fn adjust_hue(cx: &mut Cx<'_>) -> Result<Value> {
    adjusted(cx, |cx, [hue, saturation, value], delta| {
        let hue = cx.combine(Binary::Add, hue, delta)?;
        let hue = cx.combine_scalar(Binary::FloorMod, hue, 1.0)?;
        Ok([hue, saturation, value])
    })
}

fn adjust_saturation(cx: &mut Cx<'_>) -> Result<Value> {
    adjusted(cx, |cx, [hue, saturation, value], scale| {
        let saturation = cx.combine(Binary::Mul, saturation, scale)?;
        let saturation = cx.push(
            Op::Clamp {
                low: 0.0,
                high: 1.0,
            },
            &[saturation],
        )?;
        Ok([hue, saturation, value])
    })
}
