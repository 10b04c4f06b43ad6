//! Suppression of boxes that overlap better ones.

use super::cx::{Cx, Lowered};
use super::{Lowering, multi};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute};

pub const OPS: &[Lowering] = &[
    multi("NonMaxSuppression", |cx| {
        let overlap = cx.attr("iou_threshold")?;
        suppressed(cx, [overlap, f64::NEG_INFINITY, 0.0], &[0])
    }),
    multi("NonMaxSuppressionV2", |cx| {
        let overlap = cx.number_input(3)?;
        suppressed(cx, [overlap, f64::NEG_INFINITY, 0.0], &[0])
    }),
    multi("NonMaxSuppressionV3", |cx| {
        let limits = [cx.number_input(3)?, cx.number_input(4)?, 0.0];
        suppressed(cx, limits, &[0])
    }),
    multi("NonMaxSuppressionV4", |cx| {
        let limits = [cx.number_input(3)?, cx.number_input(4)?, 0.0];
        suppressed(cx, limits, &[0, 2])
    }),
    multi("NonMaxSuppressionV5", |cx| {
        let sigma = cx.number_input(5)?;
        let limits = [cx.number_input(3)?, cx.number_input(4)?, sigma];
        suppressed(cx, limits, &[0, 1, 2])
    }),
    multi("CombinedNonMaxSuppression", combined),
];

impl Cx<'_> {
    /// The one number that operand `i` is.
    ///
    /// # Errors
    /// It is not the same for every call.
    pub fn number_input(&mut self, i: usize) -> Result<f64> {
        let floats = self.constant_input(i)?.as_floats();
        match floats.as_deref() {
            Some([one]) => Ok(*one),
            Some(_) | None => Err(Error::malformed(format!("input {i} should be one number"))),
        }
    }
}

/// Operands: boxes, scores, how many at most; `limits` are overlap, score and sigma. Which of places, scores and their
/// number the op gives is in `results`.
fn suppressed(cx: &mut Cx<'_>, limits: [f64; 3], results: &[usize]) -> Result<Vec<Lowered>> {
    let pad = cx.attr_if_any("pad_to_max_output_size")?.unwrap_or(false);
    let mut attributes = vec![Attribute::Extent(cx.dim(2)?)];
    attributes.extend(limits.map(Attribute::Number));
    attributes.push(Attribute::Flag(pad));
    let inputs = [cx.input(0)?, cx.input(1)?];
    let all = cx.host_values(&host::SUPPRESSED, attributes, &inputs)?;
    Ok(results.iter().map(|&result| all[result]).collect())
}

fn combined(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let scores = cx.input(1)?;
    let (per_class, mut most) = (cx.dim(2)?, cx.dim(3)?);
    if cx.attr("pad_per_class")? {
        let classes = cx.shape(scores)?.last().cloned().unwrap_or(1.into());
        most = most.smaller(&(per_class.clone() * classes));
    }
    let attributes = vec![
        Attribute::Extent(per_class),
        Attribute::Extent(most),
        Attribute::Number(cx.number_input(4)?),
        Attribute::Number(cx.number_input(5)?),
        cx.flag("clip_boxes")?,
    ];
    let inputs = [cx.input(0)?, scores];
    cx.host_values(&host::COMBINED, attributes, &inputs)
}
