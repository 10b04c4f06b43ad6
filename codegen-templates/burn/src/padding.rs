//! TensorFlow's SAME, VALID and EXPLICIT padding of windows.

/// How the spatial dimensions are padded before a window moves over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding<const N: usize> {
    /// The output has `ceil(size / stride)` positions; an odd element of padding goes to the end.
    Same,
    /// No padding.
    Valid,
    /// `(begin, end)` of each dimension.
    Explicit([(usize, usize); N]),
}

impl<const N: usize> Padding<N> {
    /// The `(begin, end)` padding of each dimension of an input of `size`.
    pub fn pairs(
        &self,
        size: [usize; N],
        kernel: [usize; N],
        stride: [usize; N],
        dilation: [usize; N],
    ) -> [(usize, usize); N] {
        match self {
            Padding::Same => {
                core::array::from_fn(|i| same_padding(size[i], kernel[i], stride[i], dilation[i]))
            }
            Padding::Valid => [(0, 0); N],
            Padding::Explicit(pairs) => *pairs,
        }
    }

    /// The size that a transposed convolution gives an input of `size`, unless told otherwise.
    pub fn transposed_size(
        &self,
        size: [usize; N],
        kernel: [usize; N],
        stride: [usize; N],
        dilation: [usize; N],
    ) -> [usize; N] {
        core::array::from_fn(|i| match self {
            Padding::Same => size[i] * stride[i],
            Padding::Valid => {
                (size[i].max(1) - 1) * stride[i] + window(kernel[i], dilation[i]).max(stride[i])
            }
            Padding::Explicit(pairs) => {
                let full = (size[i].max(1) - 1) * stride[i] + window(kernel[i], dilation[i]);
                full - pairs[i].0 - pairs[i].1
            }
        })
    }

    /// The elements at `(begin, end)` by which a transposed convolution's full output exceeds its output:
    /// the padding of the convolution from `output` to `size`. A negative end means that zeros are missing.
    pub fn transposed_excess(
        &self,
        size: [usize; N],
        kernel: [usize; N],
        stride: [usize; N],
        dilation: [usize; N],
        output: [usize; N],
    ) -> [(usize, isize); N] {
        core::array::from_fn(|i| {
            let full = (size[i].max(1) - 1) * stride[i] + window(kernel[i], dilation[i]);
            let excess = full as isize - output[i] as isize;
            let begin = match self {
                Padding::Same => excess.max(0) as usize / 2,
                Padding::Valid => 0,
                Padding::Explicit(pairs) => pairs[i].0,
            };
            (begin, excess - begin as isize)
        })
    }
}

/// The extent of a dilated kernel.
fn window(kernel: usize, dilation: usize) -> usize {
    (kernel.max(1) - 1) * dilation + 1
}

/// The `(begin, end)` padding with which a window has `ceil(size / stride)` positions.
pub fn same_padding(size: usize, kernel: usize, stride: usize, dilation: usize) -> (usize, usize) {
    let reach = (size.div_ceil(stride).max(1) - 1) * stride + window(kernel, dilation);
    let total = reach.saturating_sub(size);
    (total / 2, total - total / 2)
}
