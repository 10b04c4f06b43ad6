//! Suppression of boxes that overlap better ones.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::lists::zeros;
use super::{Row, many};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

pub(super) const OPS: &[Row] = &[
    many("NonMaxSuppression", |cx| {
        let overlap: f64 = cx.attr("iou_threshold")?;
        let limits = Limits {
            overlap,
            score: f64::NEG_INFINITY,
            sigma: 0.0,
        };
        one_class(cx, limits, Outputs::Indices)
    }),
    many("NonMaxSuppressionV2", |cx| {
        let limits = Limits {
            overlap: cx.float(3)?,
            score: f64::NEG_INFINITY,
            sigma: 0.0,
        };
        one_class(cx, limits, Outputs::Indices)
    }),
    many("NonMaxSuppressionV3", |cx| {
        let limits = Limits {
            overlap: cx.float(3)?,
            score: cx.float(4)?,
            sigma: 0.0,
        };
        one_class(cx, limits, Outputs::Indices)
    }),
    many("NonMaxSuppressionV4", |cx| {
        let limits = Limits {
            overlap: cx.float(3)?,
            score: cx.float(4)?,
            sigma: 0.0,
        };
        one_class(cx, limits, Outputs::Padded)
    }),
    many("NonMaxSuppressionV5", |cx| {
        let limits = Limits {
            overlap: cx.float(3)?,
            score: cx.float(4)?,
            sigma: cx.float(5)?,
        };
        one_class(cx, limits, Outputs::Scored)
    }),
    many("CombinedNonMaxSuppression", combined),
];

struct Limits {
    overlap: f64,
    score: f64,
    /// The width of the decay of scores; 0 removes overlapping boxes instead.
    sigma: f64,
}

enum Outputs {
    Indices,
    /// Padded to the largest number where asked, and how many there are.
    Padded,
    /// With scores.
    Scored,
}

/// Corners, in any order.
type Corners = [f64; 4];

fn overlap([y1, x1, y2, x2]: Corners, [v1, u1, v2, u2]: Corners) -> f64 {
    let sorted = |a: f64, b: f64| (a.min(b), a.max(b));
    let ((y1, y2), (x1, x2)) = (sorted(y1, y2), sorted(x1, x2));
    let ((v1, v2), (u1, u2)) = (sorted(v1, v2), sorted(u1, u2));
    let (area, other) = ((y2 - y1) * (x2 - x1), (v2 - v1) * (u2 - u1));
    if area <= 0.0 || other <= 0.0 {
        return 0.0;
    }
    let common = (y2.min(v2) - y1.max(v1)).max(0.0) * (x2.min(u2) - x1.max(u1)).max(0.0);
    common / (area + other - common)
}

struct Candidate {
    score: f64,
    index: usize,
    /// How many of the selected boxes it was compared with.
    compared: usize,
}

impl Ord for Candidate {
    /// The better score first, then the earlier box.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// The boxes that stay, best first, with their scores.
fn select(boxes: &[Corners], scores: &[f64], most: usize, limits: &Limits) -> Vec<(usize, f64)> {
    let candidates = scores
        .iter()
        .enumerate()
        .filter(|(_, score)| **score > limits.score);
    let mut heap: BinaryHeap<Candidate> = candidates
        .map(|(index, &score)| Candidate {
            score,
            index,
            compared: 0,
        })
        .collect();
    let mut selected: Vec<(usize, f64)> = vec![];
    let decay = if limits.sigma > 0.0 {
        -0.5 / limits.sigma
    } else {
        0.0
    };
    while selected.len() < most {
        let Some(mut next) = heap.pop() else { break };
        let before = next.score;
        let mut is_gone = false;
        for &(other, _) in selected[next.compared..].iter().rev() {
            let common = overlap(boxes[next.index], boxes[other]);
            match limits.sigma > 0.0 {
                true if common <= limits.overlap => next.score *= (decay * common * common).exp(),
                true => next.score = 0.0,
                false => is_gone = is_gone || common > limits.overlap,
            }
            if is_gone || next.score <= limits.score {
                break;
            }
        }
        next.compared = selected.len();
        if is_gone || next.score <= limits.score {
            continue;
        }
        match next.score == before {
            true => selected.push((next.index, next.score)),
            false => heap.push(next),
        }
    }
    selected
}

fn corners(numbers: &[f64]) -> Vec<Corners> {
    numbers.as_chunks::<4>().0.to_vec()
}

fn one_class(cx: &mut Cx<'_>, limits: Limits, outputs: Outputs) -> Result<Vec<Value>> {
    let (boxes, scores) = (corners(&cx.floats(0)?), cx.floats(1)?);
    if boxes.len() != scores.len() {
        return Err(Error::usage("there is not a score for each box"));
    }
    let dtype = cx.tensor(1)?.dtype();
    let most =
        usize::try_from(cx.integer(2)?).map_err(|_| Error::usage("a negative number of boxes"))?;
    let mut selected = select(&boxes, &scores, most.min(boxes.len()), &limits);
    let found = selected.len() as i32;
    let pads = match outputs {
        Outputs::Indices => false,
        Outputs::Padded | Outputs::Scored => cx.attr("pad_to_max_output_size")?,
    };
    if pads {
        count(&[most])?;
        selected.resize(most, (0, 0.0));
    }
    let indices = selected.iter().map(|(index, _)| *index as i32).collect();
    let indices: Value = Tensor::new(&[selected.len()], indices)?.into();
    let found = Tensor::new(&[], vec![found])?.into();
    let scores = selected.iter().map(|(_, score)| *score).collect();
    let scores = Tensor::from_floats(dtype, &[selected.len()], scores)?.into();
    Ok(match outputs {
        Outputs::Indices => vec![indices],
        Outputs::Padded => vec![indices, found],
        Outputs::Scored => vec![indices, scores, found],
    })
}

/// Operands: boxes `[batch, n, 1 or classes, 4]`, scores `[batch, n, classes]`, the most per class and in total, the
/// overlap and the least score.
fn combined(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let (boxes, scores) = (cx.tensor(0)?, cx.tensor(1)?);
    let (&[batch, n, of_class, 4], &[_, _, classes]) = (boxes.shape(), scores.shape()) else {
        return Err(Error::usage("boxes have four axes and scores three"));
    };
    if scores.shape() != [batch, n, classes] || (of_class != 1 && of_class != classes) {
        return Err(Error::usage(
            "the boxes and the scores do not fit each other",
        ));
    }
    let per_class = cx.integer(2)?.max(0) as usize;
    let mut most = cx.integer(3)?.max(0) as usize;
    let limits = Limits {
        overlap: cx.float(4)?,
        score: cx.float(5)?,
        sigma: 0.0,
    };
    let (per_class_padding, clips): (bool, bool) =
        (cx.attr("pad_per_class")?, cx.attr("clip_boxes")?);
    if per_class_padding {
        most = most.min(per_class.saturating_mul(classes));
    }
    count(&[batch, most, 4])?;
    let (numbers, odds) = (boxes.to_floats()?, scores.to_floats()?);
    let (mut out_boxes, mut out_scores, mut out_classes, mut valid) =
        (vec![], vec![], vec![], vec![]);
    for image in 0..batch {
        let mut found: Vec<(f64, usize, Corners)> = vec![];
        for class in 0..classes {
            let at =
                |i: usize| ((image * n + i) * of_class + if of_class > 1 { class } else { 0 }) * 4;
            let own: Vec<Corners> = (0..n)
                .flat_map(|i| corners(&numbers[at(i)..at(i) + 4]))
                .collect();
            let own_scores: Vec<f64> = (0..n)
                .map(|i| odds[(image * n + i) * classes + class])
                .collect();
            let kept = select(&own, &own_scores, per_class.min(n), &limits);
            found.extend(
                kept.into_iter()
                    .map(|(index, score)| (score, class, own[index])),
            );
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(most);
        valid.push(found.len() as i32);
        found.resize(most, (0.0, 0, [0.0; 4]));
        for (score, class, bounds) in found {
            let clip = |x: f64| if clips { x.clamp(0.0, 1.0) } else { x };
            out_boxes.extend(bounds.map(clip));
            out_scores.push(score);
            out_classes.push(class as f64);
        }
    }
    if batch == 0 {
        let empty = zeros(DType::F32, &[0, most])?;
        return Ok(vec![
            zeros(DType::F32, &[0, most, 4])?.into(),
            empty.clone().into(),
            empty.into(),
            zeros(DType::I32, &[0])?.into(),
        ]);
    }
    Ok(vec![
        Tensor::from_floats(DType::F32, &[batch, most, 4], out_boxes)?.into(),
        Tensor::from_floats(DType::F32, &[batch, most], out_scores)?.into(),
        Tensor::from_floats(DType::F32, &[batch, most], out_classes)?.into(),
        Tensor::new(&[batch], valid)?.into(),
    ])
}
