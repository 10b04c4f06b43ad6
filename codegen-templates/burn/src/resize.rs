//! Image resizing with each of TensorFlow's samplings, of `[batch, channels, height, width]`.

use burn::tensor::{DType, Int, Tensor, TensorData};

/// Where an output pixel lies on the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Pixel centers lie at half coordinates: `half_pixel_centers=True`.
    HalfPixel,
    /// The corner pixels' centers coincide: `align_corners=True`.
    AlignCorners,
    /// The top left corners coincide: neither of the two.
    TopLeft,
}

impl Sampling {
    fn scale(self, input: usize, output: usize) -> f32 {
        match self {
            Sampling::AlignCorners if output > 1 => (input - 1) as f32 / (output - 1) as f32,
            Sampling::AlignCorners | Sampling::HalfPixel | Sampling::TopLeft => {
                input as f32 / output as f32
            }
        }
    }

    /// The coordinate on the input of the output pixel `position`.
    fn locate(self, position: usize, scale: f32) -> f32 {
        match self {
            Sampling::HalfPixel => (position as f32 + 0.5) * scale - 0.5,
            Sampling::AlignCorners | Sampling::TopLeft => position as f32 * scale,
        }
    }
}

/// Takes the nearest pixel.
pub fn resize_nearest(x: Tensor<4>, size: [usize; 2], sampling: Sampling) -> Tensor<4> {
    resample(x, size, |input, output| {
        let scale = sampling.scale(input, output);
        let source = |position| match sampling {
            Sampling::HalfPixel => ((position as f32 + 0.5) * scale).floor(),
            Sampling::AlignCorners => (position as f32 * scale).round(),
            Sampling::TopLeft => (position as f32 * scale).floor(),
        };
        let nearest = (0..output).map(|position| bound(source(position) as i64, input));
        vec![(nearest.collect(), vec![1.0; output])]
    })
}

/// Interpolates linearly between the two nearest rows and columns.
pub fn resize_bilinear(x: Tensor<4>, size: [usize; 2], sampling: Sampling) -> Tensor<4> {
    resample(x, size, |input, output| {
        let scale = sampling.scale(input, output);
        let mut taps = vec![Tap::default(), Tap::default()];
        for position in 0..output {
            let source = sampling.locate(position, scale);
            let (lower, fraction) = (source.floor(), source - source.floor());
            for (i, weight) in [1.0 - fraction, fraction].into_iter().enumerate() {
                taps[i].0.push(bound(lower as i64 + i as i64, input));
                taps[i].1.push(weight);
            }
        }
        taps
    })
}

/// Interpolates with the cubic kernel over four rows and columns; at the border, as TensorFlow does,
/// `HalfPixel` drops the samples outside, and the others repeat the edge.
pub fn resize_bicubic(x: Tensor<4>, size: [usize; 2], sampling: Sampling) -> Tensor<4> {
    resample(x, size, |input, output| {
        let scale = sampling.scale(input, output);
        let mut taps = vec![Tap::default(); 4];
        for position in 0..output {
            let source = sampling.locate(position, scale);
            let first = source.floor() as i64 - 1;
            let weights = cubic_weights(source - source.floor(), first, input, sampling);
            for (i, weight) in weights.into_iter().enumerate() {
                taps[i].0.push(bound(first + i as i64, input));
                taps[i].1.push(weight);
            }
        }
        taps
    })
}

/// For each output position, the input position and its weight.
type Tap = (Vec<i64>, Vec<f32>);

/// TensorFlow reads the kernel from a table of this many steps.
const CUBIC_STEPS: f32 = 1024.0;

fn cubic_weights(fraction: f32, first: i64, input: usize, sampling: Sampling) -> [f32; 4] {
    let step = (fraction * CUBIC_STEPS).round_ties_even() / CUBIC_STEPS;
    let keys = sampling == Sampling::HalfPixel;
    let a = if keys { -0.5 } else { -0.75 };
    let near = |x: f32| ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    let far = |x: f32| ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a;
    let weights = [
        far(step + 1.0),
        near(step),
        near(1.0 - step),
        far(2.0 - step),
    ];
    if !keys {
        return weights;
    }
    let mut inside = weights;
    for (i, weight) in inside.iter_mut().enumerate() {
        let position = first + i as i64;
        if position != bound(position, input) {
            *weight = 0.0;
        }
    }
    let total: f32 = inside.iter().sum();
    inside.map(|weight| weight / total)
}

fn bound(position: i64, size: usize) -> i64 {
    position.clamp(0, size as i64 - 1)
}

/// Resizes the height and then the width to the weighted sum of the taps of each.
fn resample(x: Tensor<4>, size: [usize; 2], taps: impl Fn(usize, usize) -> Vec<Tap>) -> Tensor<4> {
    let mut x = x;
    for (dim, output) in [(2, size[0]), (3, size[1])] {
        let input = x.dims()[dim];
        x = weighted_sum(x, dim, taps(input, output));
    }
    x
}

fn weighted_sum(x: Tensor<4>, dim: usize, taps: Vec<Tap>) -> Tensor<4> {
    let single = taps.len() == 1;
    let terms = taps.into_iter().map(|(positions, weights)| {
        let count = positions.len();
        let device = x.device();
        let positions = TensorData::new(positions, [count]);
        let positions = Tensor::<1, Int>::from_data(positions, (&device, DType::I64));
        let term = x.clone().select(dim, positions);
        if single {
            return term;
        }
        let mut shape = [1; 4];
        shape[dim] = count;
        let weights = TensorData::new(weights, shape);
        term * Tensor::from_data(weights, (&device, x.dtype()))
    });
    terms
        .reduce(|sum, term| sum + term)
        .unwrap_or_else(|| x.clone())
}
