//! Special functions, computed on the host. Operands broadcast.

use super::special_kernel::Special;
use burn::tensor::{DType, FloatDType, Tensor, TensorData};

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($x:ident),*) = $function:ident;)*) => {
        $($(#[$doc])* pub fn $name<const D: usize>($($x: Tensor<D>),*) -> Tensor<D> {
            apply(Special::$function, [$($x),*])
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

fn apply<const D: usize, const N: usize>(function: Special, operands: [Tensor<D>; N]) -> Tensor<D> {
    let shapes = operands.each_ref().map(|x| x.dims());
    let shape: [usize; D] = std::array::from_fn(|axis| {
        let extents = shapes.iter().map(|shape| shape[axis]);
        extents.fold(1, |a, b| if a == 1 { b } else { a })
    });
    let operands = operands.map(|x| x.expand(shape));
    let lists = operands.each_ref().map(numbers);
    let tensor = |f: &dyn Fn(&[f64]) -> f64| {
        let count = shape.iter().product();
        let x = |i: usize| std::array::from_fn::<f64, N, _>(|k| lists[k][i]);
        let values: Vec<f64> = (0..count).map(|i| f(&x(i))).collect();
        tensor(values, shape, &operands[0])
    };
    let mut y = tensor(&|x| function.value(x));
    for (i, x) in operands.iter().enumerate() {
        // Adds nothing to the value, and the slope to the gradient.
        let change = x.clone() - x.clone().detach();
        y = y + tensor(&|x| function.slope(i, x)) * change;
    }
    y
}

/// The elements in row-major order.
pub fn numbers<const D: usize>(x: &Tensor<D>) -> Vec<f64> {
    let data = x.clone().detach().into_data().convert::<f64>();
    data.iter::<f64>().collect()
}

/// Numbers as a tensor like another.
pub fn tensor<const D: usize, const DL: usize>(
    values: Vec<f64>,
    shape: [usize; D],
    like: &Tensor<DL>,
) -> Tensor<D> {
    let data = TensorData::new(values, shape);
    let made = Tensor::<D>::from_data(data, (&like.device(), DType::F64));
    made.cast(match like.dtype() {
        DType::F64 => FloatDType::F64,
        DType::F16 => FloatDType::F16,
        DType::BF16 => FloatDType::BF16,
        _ => FloatDType::F32,
    })
}
