//! Rows of the suppression of boxes.

use super::super::dim::Dim;
use super::super::ty::{DType, Type};
use super::{Attribute, HostOp, tried};
use crate::error::Error;
use savedmodel_import_kernels::boxes;

/// The best boxes of one class. Operands: boxes, scores. Attributes: the most, overlap, score, sigma, whether the result is
/// filled up. Results: places, scores, how many.
pub static SUPPRESSED: HostOp = HostOp {
    path: "boxes::suppressed",
    form: tried(),
    infer: |call| {
        let (Some(Attribute::Extent(most)), Some(Attribute::Flag(pad))) =
            (call.attribute(0), call.attribute(4))
        else {
            return Err(Error::internal("a suppression without a limit"));
        };
        let found = match pad {
            true => most.clone(),
            false => call.extent_of_data(),
        };
        Ok(vec![
            Type::new(DType::I32, vec![found.clone()]),
            Type::new(call.ty(1)?.dtype, vec![found]),
            Type::new(DType::I32, vec![]),
        ])
    },
    run: |x| {
        let (overlap, score, sigma) = (x.number(1)?, x.number(2)?, x.number(3)?);
        let (boxes, scores) = (x.numbers(0)?, x.numbers(1)?);
        let kept = boxes::suppressed(
            boxes,
            scores,
            x.extent(0)?,
            overlap,
            score,
            sigma,
            x.flag(4)?,
        )?;
        Ok(vec![kept.0.into(), kept.1.into(), kept.2.into()])
    },
};

/// The best boxes of all classes. Operands: boxes, scores. Attributes: the most per class and in all, overlap, score, whether
/// boxes are clipped. Results: boxes, scores, classes, how many.
pub static COMBINED: HostOp = HostOp {
    path: "boxes::combined",
    form: tried(),
    infer: |call| {
        let Some(Attribute::Extent(most)) = call.attribute(1) else {
            return Err(Error::internal("a suppression without a limit"));
        };
        let batch = call.dims(0)?.first().cloned().unwrap_or(Dim::known(1));
        let of =
            |dtype, more: &[Dim]| Type::new(dtype, [std::slice::from_ref(&batch), more].concat());
        Ok(vec![
            of(DType::F32, &[most.clone(), Dim::known(4)]),
            of(DType::F32, std::slice::from_ref(most)),
            of(DType::F32, std::slice::from_ref(most)),
            of(DType::I32, &[]),
        ])
    },
    run: |x| {
        let (boxes, scores) = (x.numbers(0)?, x.numbers(1)?);
        let (per_class, most) = (x.extent(0)?, x.extent(1)?);
        let (overlap, score) = (x.number(2)?, x.number(3)?);
        let kept = boxes::combined(boxes, scores, per_class, most, overlap, score, x.flag(4)?)?;
        Ok(vec![
            kept.0.into(),
            kept.1.into(),
            kept.2.into(),
            kept.3.into(),
        ])
    },
};
