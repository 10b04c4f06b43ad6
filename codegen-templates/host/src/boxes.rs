//! Suppression of boxes that overlap better ones.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::array::{Array, Element, Error, Numbers, Result, count};

struct Limits {
    overlap: f64,
    score: f64,
    /// The width of the decay of scores; 0 removes overlapping boxes instead.
    sigma: f64,
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

/// The places and scores of the boxes that stay, best first, and how many they are: at most `most`, filled up to `most` if
/// `pad`. Scores decay with overlap by `sigma`, if that is positive.
///
/// # Errors
/// There is not a score for each box.
pub fn suppressed(
    boxes: &Array,
    scores: &Array,
    most: usize,
    overlap: f64,
    score: f64,
    sigma: f64,
    pad: bool,
) -> Result<(Array, Array, Array)> {
    let (corners, numbers) = (corners(&boxes.to_f64()), scores.to_f64());
    if corners.len() != numbers.len() {
        return Err(Error::new("there is not a score for each box"));
    }
    let limits = Limits {
        overlap,
        score,
        sigma,
    };
    let mut selected = select(&corners, &numbers, most.min(corners.len()), &limits);
    let found = Array::new(&[], Numbers::I32(vec![selected.len() as i32]))?;
    if pad {
        selected.resize(count(&[most])?, (0, 0.0));
    }
    let shape = [selected.len()];
    let places = selected.iter().map(|(place, _)| *place as i32).collect();
    let kept = selected.iter().map(|(_, score)| *score).collect();
    let kept = Array::new(&shape, Numbers::F64(kept))?.to(scores.element());
    Ok((Array::new(&shape, Numbers::I32(places))?, kept, found))
}

/// Boxes `[batch, most, 4]`, scores, classes and numbers of what stays of each image, best first: at most `per_class` of each
/// class. Boxes are `[batch, n, 1 or classes, 4]`, scores `[batch, n, classes]`.
///
/// # Errors
/// Boxes and scores do not fit each other.
pub fn combined(
    boxes: &Array,
    scores: &Array,
    per_class: usize,
    most: usize,
    overlap: f64,
    score: f64,
    clip: bool,
) -> Result<(Array, Array, Array, Array)> {
    let (&[batch, n, of_class, 4], &[_, _, classes]) = (boxes.shape(), scores.shape()) else {
        return Err(Error::new("boxes have four axes and scores three"));
    };
    if scores.shape() != [batch, n, classes] || (of_class != 1 && of_class != classes) {
        return Err(Error::new("the boxes and the scores do not fit each other"));
    }
    let limits = Limits {
        overlap,
        score,
        sigma: 0.0,
    };
    let (numbers, odds) = (boxes.to_f64(), scores.to_f64());
    let size = count(&[batch, most, 4])?;
    let (mut bounds, mut kept) = (Vec::with_capacity(size), vec![]);
    let (mut labels, mut valid) = (vec![], vec![]);
    for image in 0..batch {
        let mut found: Vec<(f64, usize, Corners)> = vec![];
        for class in 0..classes {
            let of = if of_class > 1 { class } else { 0 };
            let at = |i: usize| ((image * n + i) * of_class + of) * 4;
            let own: Vec<Corners> = (0..n)
                .flat_map(|i| corners(&numbers[at(i)..at(i) + 4]))
                .collect();
            let own_scores: Vec<f64> = (0..n)
                .map(|i| odds[(image * n + i) * classes + class])
                .collect();
            let stays = select(&own, &own_scores, per_class.min(n), &limits);
            found.extend(
                stays
                    .into_iter()
                    .map(|(place, score)| (score, class, own[place])),
            );
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(most);
        valid.push(found.len() as i32);
        found.resize(most, (0.0, 0, [0.0; 4]));
        for (score, class, corners) in found {
            bounds.extend(corners.map(|x| if clip { x.clamp(0.0, 1.0) } else { x }));
            kept.push(score);
            labels.push(class as f64);
        }
    }
    let floats = |shape: &[usize], numbers| Array::new(shape, Numbers::F64(numbers));
    Ok((
        floats(&[batch, most, 4], bounds)?.to(Element::F32),
        floats(&[batch, most], kept)?.to(Element::F32),
        floats(&[batch, most], labels)?.to(Element::F32),
        Array::new(&[batch], Numbers::I32(valid))?,
    ))
}
