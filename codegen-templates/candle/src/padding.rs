//! How a window of a convolution or a pool slides over an axis, with TensorFlow's rules of padding.

use candle_core::{Result, bail};

/// How the spatial axes are padded: not at all, so that the output has `ceil(input / stride)` places whatever the input's
/// size is, or by `[before, after]` for each axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding<const N: usize> {
    #[default]
    Valid,
    Same,
    Explicit([[usize; 2]; N]),
}

impl<const N: usize> Padding<N> {
    /// The window over spatial axis `axis`, which has `input` places.
    pub fn window(
        &self,
        axis: usize,
        input: usize,
        size: usize,
        stride: usize,
        dilation: usize,
    ) -> Result<Window> {
        if size == 0 || stride == 0 || dilation == 0 {
            bail!("a window of size {size}, stride {stride} and dilation {dilation} cannot slide");
        }
        let extent = (size - 1) * dilation + 1;
        let [before, after] = match self {
            Padding::Valid => [0, 0],
            Padding::Same => {
                let places = input.div_ceil(stride);
                let total = (places.saturating_sub(1) * stride + extent).saturating_sub(input);
                [total / 2, total - total / 2]
            }
            Padding::Explicit(sides) => sides[axis],
        };
        let padded = input + before + after;
        if padded < extent {
            bail!(
                "a window of {extent} places does not fit into {padded} places on spatial axis {axis}"
            );
        }
        let output = if input == 0 {
            0
        } else {
            (padded - extent) / stride + 1
        };
        Ok(Window {
            size,
            stride,
            dilation,
            before,
            input,
            output,
        })
    }
}

/// A window that slides over one axis: output place `o` and tap `k` read input place `o * stride + k * dilation - before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub size: usize,
    pub stride: usize,
    pub dilation: usize,
    pub before: usize,
    pub input: usize,
    pub output: usize,
}

impl Window {
    /// The input place that a tap reads, if it is not padding.
    #[inline(always)]
    pub fn source(&self, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride + tap * self.dilation)
            .checked_sub(self.before)
            .filter(|&place| place < self.input)
    }

    /// The taps `start..end` of an output place that read the input and not padding; empty as `(0, 0)`.
    #[inline(always)]
    pub fn taps(&self, output: usize) -> (usize, usize) {
        let at = output * self.stride;
        let start = self.before.saturating_sub(at).div_ceil(self.dilation);
        let end = (self.input + self.before)
            .saturating_sub(at)
            .div_ceil(self.dilation)
            .min(self.size);
        if start < end { (start, end) } else { (0, 0) }
    }

    /// The output place in which `tap` reads an input place, if there is one.
    #[inline(always)]
    pub fn reader(&self, input: usize, tap: usize) -> Option<usize> {
        let at = (input + self.before).checked_sub(tap * self.dilation)?;
        (at % self.stride == 0 && at / self.stride < self.output).then_some(at / self.stride)
    }

    /// Whether the window is one place wide and steps by one, so that output and input places are the same.
    pub fn is_identity(&self) -> bool {
        self.size == 1 && self.stride == 1 && self.before == 0 && self.input == self.output
    }

    /// Padding before and after that makes the input exactly what the windows read; negative where places are not read.
    pub fn margins(&self) -> (usize, isize) {
        let extent =
            self.output.saturating_sub(1) * self.stride + (self.size - 1) * self.dilation + 1;
        (
            self.before,
            extent as isize - (self.before + self.input) as isize,
        )
    }
}
