//! Group normalisation with the channels last.

use super::cpu;
use super::layer_norm::layer_norm_op;
use candle_core::{DType, Result, Tensor, bail};

/// Normalises each of `groups` runs of channels over all axes between the first and the last; `weight` and `bias` are
/// one for each channel.
pub fn group_norm_op(
    x: &Tensor,
    groups: usize,
    weight: Option<&Tensor>,
    bias: Option<&Tensor>,
    eps: f64,
) -> Result<Tensor> {
    if cpu::is_short(x.dtype()) {
        let single = |t: &Tensor| t.to_dtype(DType::F32);
        let (weight, bias) = (
            weight.map(single).transpose()?,
            bias.map(single).transpose()?,
        );
        let y = group_norm_op(&single(x)?, groups, weight.as_ref(), bias.as_ref(), eps)?;
        return y.to_dtype(x.dtype());
    }
    let (Some(&batch), Some(&channels)) = (x.dims().first(), x.dims().last()) else {
        bail!("a group norm of a scalar")
    };
    if groups == 0 || channels % groups != 0 {
        bail!("{channels} channels cannot be divided into {groups} groups");
    }
    let depth = channels / groups;
    let grouped = x
        .reshape((batch, (), groups, depth))?
        .transpose(1, 2)?
        .contiguous()?;
    let places = grouped.dim(2)?;
    let y = layer_norm_op(&grouped.flatten_from(2)?, None, None, eps)?;
    let y = y
        .reshape((batch, groups, places, depth))?
        .transpose(1, 2)?
        .reshape(x.shape())?;
    let y = if let Some(weight) = weight {
        y.broadcast_mul(weight)?
    } else {
        y
    };
    if let Some(bias) = bias {
        y.broadcast_add(bias)
    } else {
        Ok(y)
    }
}
