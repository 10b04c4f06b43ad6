//! Where the windows of convolutions and pools fall.

use super::movement::{OUTSIDE, strides, sums};
use super::tensor::element_count;
use crate::error::{Error, Result};
use crate::ir::Padding;

/// Where windows fall on an image.
pub(super) struct Geometry {
    pub(super) batch: usize,
    /// The spatial extents.
    pub(super) image: Vec<usize>,
    /// How many windows there are along each axis.
    pub(super) windows: Vec<usize>,
    taps: Vec<usize>,
    strides: Vec<usize>,
    dilations: Vec<usize>,
    before: Vec<usize>,
}

impl Geometry {
    /// For an image `[batch, spatial…, channels]`.
    pub(super) fn new(
        shape: &[usize],
        taps: &[usize],
        strides: &[usize],
        dilations: &[usize],
        padding: &Padding,
    ) -> Result<Self> {
        let [batch, image @ .., _] = shape else {
            return Err(no_image(shape));
        };
        if [taps.len(), strides.len(), dilations.len()] != [image.len(); 3]
            || taps.contains(&0)
            || strides.contains(&0)
        {
            return Err(no_image(shape));
        }
        let mut geometry = Geometry {
            batch: *batch,
            image: image.to_vec(),
            windows: vec![],
            taps: taps.to_vec(),
            strides: strides.to_vec(),
            dilations: dilations.to_vec(),
            before: vec![],
        };
        for axis in 0..image.len() {
            let (windows, before) = geometry
                .along(axis, padding)
                .ok_or_else(|| no_image(shape))?;
            geometry.windows.push(windows);
            geometry.before.push(before);
        }
        element_count(&geometry.windows)?;
        Ok(geometry)
    }

    /// How many windows there are along an axis, and how much padding precedes the image.
    fn along(&self, axis: usize, padding: &Padding) -> Option<(usize, usize)> {
        let (extent, stride) = (self.image[axis], self.strides[axis]);
        let reach = self.dilations[axis]
            .checked_mul(self.taps[axis] - 1)?
            .checked_add(1)?;
        match padding {
            Padding::Same => {
                let windows = extent.div_ceil(stride);
                let needed = (windows.saturating_sub(1) * stride).checked_add(reach)?;
                Some((windows, needed.saturating_sub(extent) / 2))
            }
            Padding::Valid => Some(((extent + stride).checked_sub(reach)? / stride, 0)),
            Padding::Explicit(widths) => {
                let (before, after) = *widths.get(axis)?;
                let padded = extent.checked_add(before)?.checked_add(after)?;
                Some(((padded + stride).checked_sub(reach)? / stride, before))
            }
        }
    }

    /// How many windows there are on all images.
    pub(super) fn count(&self) -> usize {
        self.batch * self.windows.iter().product::<usize>()
    }

    /// How many taps a window has.
    pub(super) fn tap_count(&self) -> usize {
        self.taps.iter().product()
    }

    /// The pixel under each tap of a window, counted over all images.
    pub(super) fn pixels(&self, window: usize) -> Vec<usize> {
        let per_image: usize = self.windows.iter().product();
        let pixels: usize = self.image.iter().product();
        let mut tables = vec![vec![window / per_image * pixels]];
        let places = strides(&self.windows)
            .into_iter()
            .zip(strides(&self.image))
            .enumerate();
        for (axis, (window_stride, pixel_stride)) in places {
            let start = window / window_stride % self.windows[axis] * self.strides[axis];
            let coordinate =
                |tap: usize| (start + tap * self.dilations[axis]).checked_sub(self.before[axis]);
            let place = |tap| {
                coordinate(tap)
                    .filter(|&c| c < self.image[axis])
                    .map_or(OUTSIDE, |c| c * pixel_stride)
            };
            tables.push((0..self.taps[axis]).map(place).collect());
        }
        sums(&tables)
    }

    pub(super) fn result_shape(&self, channels: usize) -> Vec<usize> {
        [&[self.batch], &self.windows[..], &[channels]].concat()
    }
}

pub(super) fn no_image(shape: &[usize]) -> Error {
    Error::malformed(format!(
        "the window does not fit an image of shape {shape:?}"
    ))
}
