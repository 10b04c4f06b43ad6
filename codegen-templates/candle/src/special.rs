//! Special functions. Operands broadcast.

use super::special_kernel::Special;
use candle_core::{DType, Result, Tensor, bail};

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($x:ident),*) = $function:ident;)*) => {
        $($(#[$doc])* pub fn $name($($x: &Tensor),*) -> Result<Tensor> {
            apply(Special::$function, &[$($x),*])
        })*
    };
}

functions! {
    /// The quantile of the normal distribution.
    ndtri(p) = Ndtri;
    /// The modified Bessel function of order 0.
    bessel_i0(x) = BesselI0;
    /// The modified Bessel function of order 1.
    bessel_i1(x) = BesselI1;
    /// `exp(-|x|)` times the modified Bessel function of order 0.
    bessel_i0e(x) = BesselI0e;
    /// `exp(-|x|)` times the modified Bessel function of order 1.
    bessel_i1e(x) = BesselI1e;
    /// The regularised lower incomplete gamma function.
    igamma(a, x) = Igamma;
    /// The regularised upper incomplete gamma function.
    igammac(a, x) = Igammac;
    /// Hurwitz's zeta function; no gradient flows to `s`.
    zeta(s, q) = Zeta;
    /// The derivative of order `n` of `digamma`; no gradient flows to `n`.
    polygamma(n, x) = Polygamma;
    /// The regularised incomplete beta function; no gradient flows to `a` and `b`.
    betainc(a, b, x) = Betainc;
}

fn apply(function: Special, operands: &[&Tensor]) -> Result<Tensor> {
    let [first, others @ ..] = operands else {
        bail!("{function:?} of nothing")
    };
    let mut shape = first.shape().clone();
    for x in others {
        shape = shape.broadcast_shape_binary_op(x.shape(), "special")?;
    }
    let mut lists = Vec::with_capacity(operands.len());
    for x in operands {
        let x = x.detach().broadcast_as(&shape)?.to_dtype(DType::F64)?;
        lists.push(x.flatten_all()?.to_vec1::<f64>()?);
    }
    let tensor = |f: &dyn Fn(&[f64]) -> f64| {
        let mut x = vec![0.0; lists.len()];
        let mut values = Vec::with_capacity(shape.elem_count());
        for i in 0..shape.elem_count() {
            x.iter_mut().zip(&lists).for_each(|(x, list)| *x = list[i]);
            values.push(f(&x));
        }
        Tensor::from_vec(values, &shape, first.device())?.to_dtype(first.dtype())
    };
    let mut y = tensor(&|x| function.value(x))?;
    for (i, x) in operands.iter().enumerate() {
        if x.track_op() {
            // Adds nothing to the value, and the slope to the gradient.
            let slope = tensor(&|x| function.slope(i, x))?;
            y = (y + slope.broadcast_mul(&(*x - x.detach())?)?)?;
        }
    }
    Ok(y)
}
