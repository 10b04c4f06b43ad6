//! `Einsum`, as one matrix product or one product of broadcast operands.
//!
//! A product with a weight keeps the other operand's leading axes and flattens only the weight, so that a dense layer
//! over several axes is one `MatMul` with a matrix on the right.

use super::cx::Cx;
use super::emit::product;
use super::{Lowering, op};
use crate::error::{Error, Result};
use crate::ir::{Binary, Comparison, DType, Dim, Op, Reduction, Value};

pub const OPS: &[Lowering] = &[op("Einsum", einsum)];

/// A letter of the equation, or an axis that `...` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Letter(char),
    /// Counted from the last axis of the ellipsis.
    Ellipsis(usize),
}

/// A tensor and what its axes are called.
#[derive(Clone)]
struct Term {
    value: Value,
    labels: Vec<Label>,
}

/// The labels of a product of two terms, by their part in it.
struct Parts {
    batch: Vec<Label>,
    contracted: Vec<Label>,
    left: Vec<Label>,
    right: Vec<Label>,
}

fn einsum(cx: &mut Cx<'_>) -> Result<Value> {
    let equation: String = cx.attr("equation")?;
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let unknown = || Error::unsupported(format!("the equation `{equation}`"));
    let (operands, result) = equation.split_once("->").ok_or_else(unknown)?;
    let values = cx.all_inputs()?;
    let words: Vec<&str> = operands.split(',').collect();
    if words.len() != values.len() {
        return Err(Error::malformed(format!(
            "the equation `{equation}` has {} operands",
            words.len()
        )));
    }
    let mut terms = Vec::new();
    let mut ellipsis = 0;
    for (&word, &value) in words.iter().zip(&values) {
        let rank = cx.rank(value)?;
        let letters = word.chars().filter(|&c| c != '.').count();
        let hidden = rank.checked_sub(letters).ok_or_else(unknown)?;
        ellipsis = ellipsis.max(hidden);
        let labels = labels(word, hidden).filter(|labels| labels.len() == rank);
        let labels = labels.ok_or_else(unknown)?;
        terms.push(cx.diagonal_of(Term { value, labels })?);
    }
    let result = labels(result, ellipsis).ok_or_else(unknown)?;
    let mut own = result.clone();
    while let Some((_, axis)) = repeated(&own) {
        own.remove(axis);
    }
    let value = match <[Term; 2]>::try_from(terms) {
        Ok([a, b]) => cx.einsum_of_two(a, b, &own),
        Err(terms) => match <[Term; 1]>::try_from(terms) {
            Ok([term]) => cx.arrange(term, &own),
            Err(_) => Err(unknown()),
        },
    }?;
    cx.diagonal_to(Term { value, labels: own }, &result)
}

fn labels(word: &str, hidden: usize) -> Option<Vec<Label>> {
    let letters = |text: &str| -> Option<Vec<Label>> {
        text.chars()
            .map(|c| c.is_ascii_alphabetic().then_some(Label::Letter(c)))
            .collect()
    };
    match word.split_once("...") {
        None => letters(word),
        Some((before, after)) => {
            let middle = (0..hidden).rev().map(Label::Ellipsis);
            Some(
                letters(before)?
                    .into_iter()
                    .chain(middle)
                    .chain(letters(after)?)
                    .collect(),
            )
        }
    }
}

/// The first axis whose label an axis before has, and that one.
fn repeated(labels: &[Label]) -> Option<(usize, usize)> {
    let pair = |(axis, label)| Some((labels[..axis].iter().position(|l| l == label)?, axis));
    labels.iter().enumerate().find_map(pair)
}

/// `[first…, second…]`
fn join(first: &[Label], second: &[Label]) -> Vec<Label> {
    [first, second].concat()
}

impl Cx<'_> {
    /// `x` where the indices on both axes are equal, and zeros elsewhere.
    fn on_diagonal(&mut self, x: Value, (a, b): (usize, usize)) -> Result<Value> {
        let dims = self.shape(x)?;
        let mut sides = vec![];
        for axis in [a, b] {
            let mut own = vec![Dim::known(1); dims.len()];
            own[axis] = dims[axis].clone();
            let iota = self.iota(dims[axis].clone(), DType::I32)?;
            sides.push(self.reshape(iota, own)?);
        }
        let is_on = self.test(Comparison::Equal, sides[0], sides[1])?;
        let is_on = self.cast(is_on, self.dtype(x))?;
        self.combine(Binary::Mul, x, is_on)
    }

    /// The term with each label once: what lies on the diagonals of axes of one label.
    fn diagonal_of(&mut self, mut term: Term) -> Result<Term> {
        while let Some(pair) = repeated(&term.labels) {
            let on = self.on_diagonal(term.value, pair)?;
            term.value = self.reduce(Reduction::Sum, on, vec![pair.1], false)?;
            term.labels.remove(pair.1);
        }
        Ok(term)
    }

    /// The term on the diagonals of the axes that have a label again in `result`, which has the term's labels in their order.
    fn diagonal_to(&mut self, term: Term, result: &[Label]) -> Result<Value> {
        let Some(pair) = repeated(result) else {
            return Ok(term.value);
        };
        let (mut fewer, mut value) = (result.to_vec(), term.value);
        fewer.remove(pair.1);
        value = self.diagonal_to(Term { value, ..term }, &fewer)?;
        let mut dims = self.shape(value)?;
        value = self.expand(value, pair.1)?;
        dims.insert(pair.1, dims[pair.0].clone());
        value = self.broadcast(value, dims)?;
        self.on_diagonal(value, pair)
    }

    /// Sums over the labels that `result` lacks, and brings the others into its order.
    fn arrange(&mut self, term: Term, result: &[Label]) -> Result<Value> {
        let term = self.sum_except(term, |label| result.contains(&label))?;
        self.permute(term, result)
    }

    fn sum_except(&mut self, term: Term, keep: impl Fn(Label) -> bool) -> Result<Term> {
        let axes = (0..term.labels.len())
            .filter(|&axis| !keep(term.labels[axis]))
            .collect();
        let value = self.reduce(Reduction::Sum, term.value, axes, false)?;
        Ok(Term {
            value,
            labels: term
                .labels
                .into_iter()
                .filter(|&label| keep(label))
                .collect(),
        })
    }

    fn permute(&mut self, term: Term, order: &[Label]) -> Result<Value> {
        let place = |label| term.labels.iter().position(|&other| other == label);
        let permutation: Option<Vec<usize>> = order.iter().map(|&label| place(label)).collect();
        let permutation = permutation.filter(|axes| axes.len() == term.labels.len());
        let permutation = permutation
            .ok_or_else(|| Error::malformed("the result has a label that no operand has"))?;
        self.transpose(term.value, permutation)
    }

    fn einsum_of_two(&mut self, a: Term, b: Term, result: &[Label]) -> Result<Value> {
        let (in_a, in_b) = (a.labels.clone(), b.labels.clone());
        let a = self.sum_except(a, |label| in_b.contains(&label) || result.contains(&label))?;
        let b = self.sum_except(b, |label| in_a.contains(&label) || result.contains(&label))?;
        let first_free = result
            .iter()
            .find(|label| in_a.contains(label) != in_b.contains(label));
        let (a, b) = if first_free.is_some_and(|label| in_b.contains(label)) {
            (b, a)
        } else {
            (a, b)
        };
        let shared = |label: &Label| a.labels.contains(label) && b.labels.contains(label);
        let parts = Parts {
            batch: result.iter().copied().filter(shared).collect(),
            contracted: a
                .labels
                .iter()
                .copied()
                .filter(|l| shared(l) && !result.contains(l))
                .collect(),
            left: result
                .iter()
                .copied()
                .filter(|l| !b.labels.contains(l))
                .collect(),
            right: result
                .iter()
                .copied()
                .filter(|l| !a.labels.contains(l))
                .collect(),
        };
        match parts.contracted.is_empty() {
            true => self.outer_product(a, b, result),
            false => self.contraction(a, b, &parts, result),
        }
    }

    /// No label is summed: both operands take the result's axes, and are multiplied.
    fn outer_product(&mut self, a: Term, b: Term, result: &[Label]) -> Result<Value> {
        let a = self.spread(a, result)?;
        let b = self.spread(b, result)?;
        self.combine(Binary::Mul, a, b)
    }

    /// The term with an axis for each label of `result`, of extent 1 where it has none.
    fn spread(&mut self, term: Term, result: &[Label]) -> Result<Value> {
        let own: Vec<Label> = result
            .iter()
            .copied()
            .filter(|label| term.labels.contains(label))
            .collect();
        let first = result
            .iter()
            .position(|label| own.contains(label))
            .unwrap_or(result.len());
        let dims = self.extents_of(&term, &result[first..])?;
        let value = self.permute(term, &own)?;
        self.reshape(value, dims)
    }

    fn extents_of(&self, term: &Term, labels: &[Label]) -> Result<Vec<Dim>> {
        let dims = self.shape(term.value)?;
        let extent = |label: &Label| {
            term.labels
                .iter()
                .position(|other| other == label)
                .map(|axis| dims[axis].clone())
        };
        Ok(labels
            .iter()
            .map(|label| extent(label).unwrap_or(Dim::known(1)))
            .collect())
    }

    fn contraction(&mut self, a: Term, b: Term, parts: &Parts, result: &[Label]) -> Result<Value> {
        let inner = product(&self.extents_of(&a, &parts.contracted)?);
        let (left, right) = (
            self.extents_of(&a, &parts.left)?,
            self.extents_of(&b, &parts.right)?,
        );
        let batch_a = self.extents_of(&a, &parts.batch)?;
        let batch_b = self.extents_of(&b, &parts.batch)?;

        let keeps_rows = parts.batch.is_empty() && !left.is_empty();
        let rows = if keeps_rows {
            left.clone()
        } else {
            vec![product(&left)]
        };
        let lhs = self.permute(
            a,
            &join(&join(&parts.batch, &parts.left), &parts.contracted),
        )?;
        let lhs = self.reshape(
            lhs,
            [batch_a.as_slice(), &rows, std::slice::from_ref(&inner)].concat(),
        )?;

        let transpose_rhs = ends_contracted(&b, parts);
        let columns = product(&right);
        let (order, matrix) = match transpose_rhs {
            true => (join(&parts.right, &parts.contracted), [columns, inner]),
            false => (join(&parts.contracted, &parts.right), [inner, columns]),
        };
        let rhs = self.permute(b, &join(&parts.batch, &order))?;
        let rhs = self.reshape(rhs, [batch_b.as_slice(), &matrix].concat())?;

        let value = self.push(
            Op::MatMul {
                transpose_lhs: false,
                transpose_rhs,
            },
            &[lhs, rhs],
        )?;
        let mut dims = self.shape(value)?[..parts.batch.len()].to_vec();
        dims.extend(left);
        dims.extend(right);
        let value = self.reshape(value, dims)?;
        let labels = [parts.batch.as_slice(), &parts.left, &parts.right].concat();
        self.permute(Term { value, labels }, result)
    }
}

/// Whether the contracted axes of the right operand come after its free ones.
fn ends_contracted(b: &Term, parts: &Parts) -> bool {
    b.labels
        .last()
        .is_some_and(|last| parts.contracted.contains(last))
        && !parts.right.is_empty()
}
