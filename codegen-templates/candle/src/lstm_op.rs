//! All steps of an LSTM as one operation, forward and backward.

use super::cpu::{self, Kernel, Matrix, Write, fma};
use super::vector_math::{sigmoid_value, tanh_value};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

/// What is made of each step, `[time, batch, units]` each: the outputs, the states `h` and `c`, and where gradients may be
/// asked for also the gates.
const PLANES: usize = 3;
const GATES: usize = 4;

/// The steps of an LSTM over what the kernel has made of a sequence.
#[derive(Clone, Debug)]
pub struct LstmOp {
    /// Whether the last step comes first.
    pub backward: bool,
    /// For each step and row, whether it counts; `[time, batch]`.
    pub mask: Option<Vec<u8>>,
    /// Whether the output of a step that does not count is zero.
    pub zeros: bool,
    /// Whether the gates are kept for a gradient.
    pub keep: bool,
}

/// The extents of an operation.
#[derive(Clone, Copy)]
struct Sizes {
    time: usize,
    batch: usize,
    units: usize,
}

impl Sizes {
    /// The numbers of a state.
    fn state(self) -> usize {
        self.batch * self.units
    }

    /// The numbers of a plane.
    fn plane(self) -> usize {
        self.time * self.state()
    }

    /// Where a step's numbers are in a plane.
    fn step(self, plane: usize, step: usize) -> std::ops::Range<usize> {
        let first = plane * self.plane() + step * self.state();
        first..first + self.state()
    }
}

/// `h` and `c` after a step, and the outputs, of what the gates are made of.
struct Step<'a> {
    units: usize,
    /// `[batch, 4 * units]`: the sums before the gates' functions.
    sums: &'a [f32],
    carry: &'a mut [f32],
    h: &'a mut [f32],
    /// The gates, four planes.
    gates: Option<[&'a mut [f32]; GATES]>,
}

impl Kernel for Step<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let units = self.units;
        let mut gates = self.gates;
        let rows = self
            .carry
            .chunks_exact_mut(units)
            .zip(self.h.chunks_exact_mut(units));
        for (row, (carry, h)) in rows.enumerate() {
            let sums = &self.sums[row * GATES * units..(row + 1) * GATES * units];
            let (i, rest) = sums.split_at(units);
            let (f, rest) = rest.split_at(units);
            let (g, o) = rest.split_at(units);
            match &mut gates {
                None => {
                    for at in 0..units {
                        let kept = sigmoid_value::<FMA>(f[at]) * carry[at];
                        let new = sigmoid_value::<FMA>(i[at]) * tanh_value::<FMA>(g[at]);
                        carry[at] = kept + new;
                        h[at] = sigmoid_value::<FMA>(o[at]) * tanh_value::<FMA>(carry[at]);
                    }
                }
                Some([gi, gf, gg, go]) => {
                    let part = row * units..(row + 1) * units;
                    let (gi, gf) = (&mut gi[part.clone()], &mut gf[part.clone()]);
                    let (gg, go) = (&mut gg[part.clone()], &mut go[part]);
                    for at in 0..units {
                        gi[at] = sigmoid_value::<FMA>(i[at]);
                        gf[at] = sigmoid_value::<FMA>(f[at]);
                        gg[at] = tanh_value::<FMA>(g[at]);
                        go[at] = sigmoid_value::<FMA>(o[at]);
                        carry[at] = gf[at] * carry[at] + gi[at] * gg[at];
                        h[at] = go[at] * tanh_value::<FMA>(carry[at]);
                    }
                }
            }
        }
    }
}

/// `sums += h · kernel` for one row, four rows of the kernel at a time.
struct Row<'a> {
    h: &'a [f32],
    kernel: &'a [f32],
    sums: &'a mut [f32],
}

impl Kernel for Row<'_> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let width = self.sums.len();
        let fours = self
            .h
            .chunks_exact(4)
            .zip(self.kernel.chunks_exact(4 * width));
        for (h, rows) in fours {
            let (a, rest) = rows.split_at(width);
            let (b, rest) = rest.split_at(width);
            let (c, d) = rest.split_at(width);
            for (at, sum) in self.sums.iter_mut().enumerate() {
                let first = fma::<FMA>(h[1], b[at], fma::<FMA>(h[0], a[at], *sum));
                *sum = fma::<FMA>(h[3], d[at], fma::<FMA>(h[2], c[at], first));
            }
        }
        let done = self.h.len() / 4 * 4;
        for (h, row) in self
            .h
            .iter()
            .zip(self.kernel.chunks_exact(width))
            .skip(done)
        {
            for (sum, weight) in self.sums.iter_mut().zip(row) {
                *sum = fma::<FMA>(*h, *weight, *sum);
            }
        }
    }
}

impl LstmOp {
    /// The steps in the order in which they are taken.
    fn order(&self, time: usize) -> Vec<usize> {
        match self.backward {
            true => (0..time).rev().collect(),
            false => (0..time).collect(),
        }
    }

    fn counts(&self, sizes: Sizes, step: usize, row: usize) -> bool {
        let mask = self.mask.as_ref();
        mask.is_none_or(|mask| mask[step * sizes.batch + row] != 0)
    }

    fn forward(&self, x: &[f32], kernel: &[f32], state: &[f32], sizes: Sizes) -> Vec<f32> {
        let (units, count) = (sizes.units, sizes.state());
        let width = GATES * units;
        let planes = PLANES + if self.keep { GATES } else { 0 };
        let mut made = vec![0.0; planes * sizes.plane()];
        let (mut h, mut carry) = (state[..count].to_vec(), state[count..].to_vec());
        let mut output = vec![0.0; count];
        let bias = kernel.get(units * width..).filter(|bias| !bias.is_empty());
        let mut sums = vec![0.0; sizes.batch * width];
        for step in self.order(sizes.time) {
            let rows = x[step * sums.len()..].chunks_exact(width);
            for (sums, x) in sums.chunks_exact_mut(width).zip(rows) {
                match bias {
                    Some(bias) => {
                        let pairs = x.iter().zip(bias);
                        sums.iter_mut()
                            .zip(pairs)
                            .for_each(|(sum, (x, bias))| *sum = x + bias);
                    }
                    None => sums.copy_from_slice(x),
                }
            }
            add_product(sizes, &h, kernel, &mut sums);
            let before = self.mask.as_ref().map(|_| (h.clone(), carry.clone()));
            cpu::dispatch(Step {
                units,
                sums: &sums,
                carry: &mut carry,
                h: &mut h,
                gates: self.keep.then(|| gates_of(&mut made, sizes, step)),
            });
            match &before {
                None => output.copy_from_slice(&h),
                Some((old_h, old_carry)) => {
                    for row in 0..sizes.batch {
                        let part = row * units..(row + 1) * units;
                        if self.counts(sizes, step, row) {
                            output[part.clone()].copy_from_slice(&h[part]);
                            continue;
                        }
                        h[part.clone()].copy_from_slice(&old_h[part.clone()]);
                        carry[part.clone()].copy_from_slice(&old_carry[part.clone()]);
                        if self.zeros {
                            output[part].fill(0.0);
                        }
                    }
                }
            }
            for (plane, values) in [&output, &h, &carry].into_iter().enumerate() {
                made[sizes.step(plane, step)].copy_from_slice(values);
            }
        }
        made
    }

    /// The gradients of the sums before the gates, of the product's left factors' kernel, and of the first states.
    fn gradients(
        &self,
        kernel: &[f32],
        state: &[f32],
        made: &[f32],
        slopes: &[f32],
        sizes: Sizes,
    ) -> [Vec<f32>; 3] {
        let (units, count) = (sizes.units, sizes.state());
        let width = GATES * units;
        let mut sums = vec![0.0; sizes.time * sizes.batch * width];
        let mut before = vec![0.0; sizes.plane()];
        let (mut dh, mut dc, mut held) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
        let order = self.order(sizes.time);
        for (place, &step) in order.iter().enumerate().rev() {
            let earlier = place.checked_sub(1).map(|place| order[place]);
            let old = |plane: usize| match earlier {
                Some(earlier) => &made[sizes.step(plane, earlier)],
                None => &state[(plane - 1) * count..plane * count],
            };
            before[step * count..(step + 1) * count].copy_from_slice(old(1));
            let old_carry = old(2);
            let now = |plane: usize| &made[sizes.step(plane, step)];
            let slope = |plane: usize| &slopes[sizes.step(plane, step)];
            let (carry, [i, f, g, o]) = (now(2), [3, 4, 5, 6].map(now));
            let [d_output, d_h, d_carry] = [0, 1, 2].map(slope);
            let dz = &mut sums[step * sizes.batch * width..(step + 1) * sizes.batch * width];
            for row in 0..sizes.batch {
                let dz = &mut dz[row * width..(row + 1) * width];
                let is_on = self.counts(sizes, step, row);
                for unit in 0..units {
                    let at = row * units + unit;
                    let out = d_output[at] + held[at];
                    if !is_on {
                        held[at] = if self.zeros { 0.0 } else { out };
                        dh[at] += d_h[at];
                        dc[at] += d_carry[at];
                        continue;
                    }
                    held[at] = 0.0;
                    let squashed = carry[at].tanh();
                    let of_h = dh[at] + d_h[at] + out;
                    let of_c = dc[at] + d_carry[at] + of_h * o[at] * (1.0 - squashed * squashed);
                    dz[unit] = of_c * g[at] * i[at] * (1.0 - i[at]);
                    dz[units + unit] = of_c * old_carry[at] * f[at] * (1.0 - f[at]);
                    dz[2 * units + unit] = of_c * i[at] * (1.0 - g[at] * g[at]);
                    dz[3 * units + unit] = of_h * squashed * o[at] * (1.0 - o[at]);
                    dc[at] = of_c * f[at];
                    dh[at] = 0.0;
                }
            }
            let (left, right) = (Matrix::rows(dz, width), Matrix::transposed(kernel, width));
            let sizes = [sizes.batch, units, width];
            cpu::product(sizes, &mut dh, units, left, right, Write::Add, true);
        }
        let mut of_kernel = vec![0.0; kernel.len()];
        let rows = sizes.time * sizes.batch;
        let (left, right) = (
            Matrix::transposed(&before, units),
            Matrix::rows(&sums, width),
        );
        let product = &mut of_kernel[..units * width];
        cpu::product(
            [units, width, rows],
            product,
            width,
            left,
            right,
            Write::Replace,
            true,
        );
        if kernel.len() > units * width {
            of_kernel[units * width..].copy_from_slice(&cpu::column_sums(&sums, width));
        }
        [sums, of_kernel, [dh, dc].concat()]
    }
}

/// The gates' planes of a step.
fn gates_of(made: &mut [f32], sizes: Sizes, step: usize) -> [&mut [f32]; GATES] {
    let plane = sizes.plane();
    let step = sizes.step(0, step);
    let (i, rest) = made[PLANES * plane..].split_at_mut(plane);
    let (f, rest) = rest.split_at_mut(plane);
    let (g, o) = rest.split_at_mut(plane);
    [i, f, g, o].map(|gate| &mut gate[step.clone()])
}

/// `sums += h · kernel`
fn add_product(sizes: Sizes, h: &[f32], kernel: &[f32], sums: &mut [f32]) {
    let (units, width) = (sizes.units, GATES * sizes.units);
    let kernel = &kernel[..units * width];
    if sizes.batch == 1 {
        return cpu::dispatch(Row { h, kernel, sums });
    }
    let (left, right) = (Matrix::rows(h, units), Matrix::rows(kernel, width));
    let sizes = [sizes.batch, width, units];
    cpu::product(sizes, sums, width, left, right, Write::Add, true);
}

fn sizes(x: &Layout, kernel: &Layout, state: &Layout) -> Result<Sizes> {
    let (&[time, batch, width], &[rows, columns], &[2, states, units]) =
        (x.dims(), kernel.dims(), state.dims())
    else {
        bail!("the operands of an LSTM do not fit")
    };
    let fits = width == GATES * units && columns == width && states == batch;
    if !fits || !(rows == units || rows == units + 1) {
        bail!("the operands of an LSTM do not fit");
    }
    Ok(Sizes { time, batch, units })
}

impl CustomOp3 for LstmOp {
    fn name(&self) -> &'static str {
        "lstm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        kernel: &CpuStorage,
        kl: &Layout,
        state: &CpuStorage,
        sl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let sizes = sizes(xl, kl, sl)?;
        let (x, kernel, state) = (
            cpu::values(x, xl)?,
            cpu::values(kernel, kl)?,
            cpu::values(state, sl)?,
        );
        let made = self.forward(x, kernel, state, sizes);
        let planes = made.len() / sizes.plane().max(1);
        cpu::output(made, (planes, sizes.time, sizes.batch, sizes.units))
    }

    fn bwd(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        state: &Tensor,
        made: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let ((ks, kl), (ss, sl)) = (kernel.storage_and_layout(), state.storage_and_layout());
        let ((ms, ml), (gs, gl)) = (made.storage_and_layout(), gradient.storage_and_layout());
        let sizes = sizes(x.layout(), kl, sl)?;
        let [sums, of_kernel, of_state] = self.gradients(
            cpu::stored(&ks, kl)?,
            cpu::stored(&ss, sl)?,
            cpu::stored(&ms, ml)?,
            cpu::stored(&gs, gl)?,
            sizes,
        );
        let tensor = |values, like: &Tensor| Tensor::from_vec(values, like.shape(), like.device());
        Ok((
            Some(tensor(sums, x)?),
            Some(tensor(of_kernel, kernel)?),
            Some(tensor(of_state, state)?),
        ))
    }
}
