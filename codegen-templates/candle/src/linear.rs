//! Dense layers whose bias and activation are part of the matrix product.

use super::activation::Activation;
use super::composed;
use super::conv::glorot_uniform;
use super::cpu::{self, Matrix, Write};
use candle_core::{CpuStorage, CustomOp3, D, DType, Layout, Module, Result, Shape, Tensor, bail};
use candle_nn::VarBuilder;

/// A dense layer over the last axis: weight `[output, input]`, bias `[output]`.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
    activation: Activation,
}

impl Linear {
    pub fn new(weight: Tensor, bias: Option<Tensor>) -> Self {
        Self {
            weight,
            bias,
            activation: Activation::Linear,
        }
    }

    /// Applies `activation` to the layer's output, in the same pass.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// The layer's output.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        linear_op(x, &self.weight, self.bias.as_ref(), self.activation)
    }
}

impl Module for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Linear::forward(self, x)
    }
}

/// A dense layer with a bias.
pub fn linear(input: usize, output: usize, vb: VarBuilder) -> Result<Linear> {
    let layer = linear_no_bias(input, output, vb.clone())?;
    let bias = vb.get_with_hints(output, "bias", candle_nn::Init::Const(0.0))?;
    Ok(Linear {
        bias: Some(bias),
        ..layer
    })
}

/// A dense layer without a bias.
pub fn linear_no_bias(input: usize, output: usize, vb: VarBuilder) -> Result<Linear> {
    Ok(Linear::new(
        vb.get_with_hints((output, input), "weight", glorot_uniform(input, output))?,
        None,
    ))
}

/// `activation(x · weightᵀ + bias)`: x `[…, input]`, weight `[output, input]`.
pub fn linear_op(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    let (output, input) = weight.dims2()?;
    if x.dim(D::Minus1)? != input {
        bail!(
            "a dense layer with {input} inputs is applied to {:?}",
            x.dims()
        );
    }
    if cpu::is_half(x) {
        let single = |t: &Tensor| t.to_dtype(DType::F32);
        return linear_op(
            &single(x)?,
            &single(weight)?,
            bias.map(single).transpose()?.as_ref(),
            activation,
        )?
        .to_dtype(x.dtype());
    }
    if !cpu::is_native(x) {
        let rows = x.reshape(((), input))?;
        let y = composed::product(&rows, &weight.to_dtype(x.dtype())?.t()?)?;
        let y = composed::add_bias(&y, bias)?;
        let mut dims = x.dims().to_vec();
        dims[x.rank() - 1] = output;
        return activation.forward(&y.reshape(dims)?);
    }
    let tracked = x.track_op() || weight.track_op() || bias.is_some_and(Tensor::track_op);
    let (fused, rest) = activation.split(tracked);
    let bias = bias.map_or_else(
        || Tensor::zeros(output, x.dtype(), x.device()),
        Tensor::contiguous,
    )?;
    let y = x.contiguous()?.apply_op3(
        &weight.contiguous()?,
        &bias,
        LinearOp {
            input,
            output,
            activation: fused,
        },
    )?;
    rest.forward(&y)
}

struct LinearOp {
    input: usize,
    output: usize,
    activation: Activation,
}

/// Values of output in one worker's tile.
const TILE: usize = 1 << 18;

/// Rows of a worker for which packing the weight would cost more than transposing the output.
const FEW: std::ops::RangeInclusive<usize> = 8..=96;

impl LinearOp {
    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Vec<f32> {
        let (rows, threads) = (x.len() / self.input, cpu::threads());
        let share = rows.div_ceil(threads);
        let few = FEW.contains(&share);
        let alone = !few && rows < 32 * threads;
        let tile = match (alone, few) {
            (true, _) => rows,
            (false, true) => share,
            (false, false) => share.min((TILE / self.output).max(32)),
        };
        let scratch = || vec![0.0; if few { tile * self.output } else { 0 }];
        cpu::fill(
            rows * self.output,
            tile * self.output,
            scratch,
            |scratch, i, y| {
                let count = y.len() / self.output;
                let x = &x[i * tile * self.input..][..count * self.input];
                if few {
                    self.few_rows(x, weight, y, &mut scratch[..count * self.output]);
                } else {
                    self.rows(x, weight, y, alone);
                }
                self.activation.finish(y, Some(bias), self.output);
            },
        )
    }

    fn rows(&self, x: &[f32], weight: &[f32], y: &mut [f32], parallel: bool) {
        cpu::product(
            [y.len() / self.output, self.output, self.input],
            y,
            self.output,
            Matrix::rows(x, self.input),
            Matrix::transposed(weight, self.input),
            Write::Replace,
            parallel,
        );
    }

    /// By way of the transposed output, for which the weight is read as it lies.
    fn few_rows(&self, x: &[f32], weight: &[f32], y: &mut [f32], transposed: &mut [f32]) {
        let count = y.len() / self.output;
        cpu::product(
            [self.output, count, self.input],
            transposed,
            count,
            Matrix::rows(weight, self.input),
            Matrix::transposed(x, self.input),
            Write::Replace,
            false,
        );
        cpu::transpose(transposed, count, y, self.output);
    }
}

impl CustomOp3 for LinearOp {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        w: &CpuStorage,
        wl: &Layout,
        b: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, w, b) = (
            cpu::values(x, xl)?,
            cpu::values(w, wl)?,
            cpu::values(b, bl)?,
        );
        if self.input * self.output == 0 || b.len() != self.output {
            bail!(
                "a dense layer of {} inputs and {} outputs has a bias of {}",
                self.input,
                self.output,
                b.len()
            );
        }
        let mut dims = xl.dims().to_vec();
        dims[xl.dims().len() - 1] = self.output;
        cpu::output(self.forward(x, w, b), dims)
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = self.activation.backward(y, gradient)?;
        let ((xs, xl), (ws, wl), (gs, gl)) = (
            x.storage_and_layout(),
            w.storage_and_layout(),
            gradient.storage_and_layout(),
        );
        let (xs, ws, gs) = (
            cpu::stored(&xs, xl)?,
            cpu::stored(&ws, wl)?,
            cpu::stored(&gs, gl)?,
        );
        let (input, output, rows) = (self.input, self.output, xs.len() / self.input);
        let product = |[m, n, k]: [usize; 3], a: Matrix, b: Matrix, like: &Tensor| {
            let mut values = vec![0.0; m * n];
            cpu::product([m, n, k], &mut values, n, a, b, Write::Replace, true);
            Tensor::from_vec(values, like.shape(), x.device())
        };
        let rows_of = |values, width| Matrix::rows(values, width);
        let dx = x
            .track_op()
            .then(|| {
                product(
                    [rows, input, output],
                    rows_of(gs, output),
                    rows_of(ws, input),
                    x,
                )
            })
            .transpose()?;
        let dw = w
            .track_op()
            .then(|| {
                product(
                    [output, input, rows],
                    Matrix::transposed(gs, output),
                    rows_of(xs, input),
                    w,
                )
            })
            .transpose()?;
        let db = b
            .track_op()
            .then(|| Tensor::from_vec(cpu::column_sums(gs, output), b.shape(), x.device()))
            .transpose()?;
        Ok((dx, dw, db))
    }
}
