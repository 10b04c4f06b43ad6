//! Weights as layers see them: a variable, perhaps with axes permuted and joined on the way.

use crate::error::Result;
use crate::ir::{Dim, Graph, Op, ParamId, Value};
use crate::weights::Layout;

/// A variable under a chain of transposes and of reshapes that join axes or insert axes of extent 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// The variable.
    pub param: ParamId,
    /// For each axis of the view, the axes of the variable that it joins; none for an axis of extent 1.
    pub axes: Vec<Vec<usize>>,
    /// The shape of the variable.
    pub shape: Vec<usize>,
}

impl View {
    /// The variable that a value is a view of, if it is one.
    pub fn of(graph: &Graph, value: Value) -> Option<View> {
        let node = graph.producer(value);
        match &node.op {
            Op::Param(param) => {
                let shape = node.types[0].shape.known()?;
                let axes = (0..shape.len()).map(|axis| vec![axis]).collect();
                Some(View {
                    param: *param,
                    axes,
                    shape,
                })
            }
            Op::Transpose(permutation) => {
                let view = View::of(graph, node.inputs[0])?;
                let axes = permutation
                    .iter()
                    .map(|&axis| view.axes[axis].clone())
                    .collect();
                Some(View { axes, ..view })
            }
            Op::Reshape(dims) => View::of(graph, node.inputs[0])?.reshaped(dims),
            _ => None,
        }
    }

    fn extent(&self, axes: &[usize]) -> usize {
        axes.iter().map(|&axis| self.shape[axis]).product()
    }

    /// The view under a new shape, if that only joins axes, and drops or inserts axes of extent 1.
    fn reshaped(&self, dims: &[Dim]) -> Option<View> {
        let mut old = self.axes.iter().filter(|axes| self.extent(axes) != 1);
        let mut ones: Vec<usize> = self
            .axes
            .iter()
            .filter(|axes| self.extent(axes) == 1)
            .flatten()
            .copied()
            .collect();
        let mut axes = Vec::with_capacity(dims.len());
        for dim in dims {
            let extent = dim.as_usize()?;
            let mut joined = vec![];
            while self.extent(&joined) < extent {
                joined.extend(old.next()?);
            }
            if self.extent(&joined) != extent {
                return None;
            }
            axes.push(joined);
        }
        // An axis of extent 1 has to go somewhere, so that every axis of the variable is named.
        match axes.iter_mut().find(|axes| !axes.is_empty()) {
            Some(first) => first.splice(0..0, ones.drain(..)).for_each(drop),
            None => axes.first_mut()?.append(&mut ones),
        }
        old.next().is_none().then_some(View {
            axes,
            ..self.clone()
        })
    }

    /// The extents of the view.
    pub fn dims(&self) -> Vec<usize> {
        self.axes.iter().map(|axes| self.extent(axes)).collect()
    }

    /// The view without its axes of extent 1 that no axis of the variable stands for.
    pub fn squeezed(&self) -> View {
        View {
            axes: self
                .axes
                .iter()
                .filter(|axes| !axes.is_empty())
                .cloned()
                .collect(),
            ..self.clone()
        }
    }

    /// Whether the view is the variable as it is stored.
    pub fn is_plain(&self) -> bool {
        self.axes
            .iter()
            .enumerate()
            .all(|(i, axes)| axes.as_slice() == [i])
            && self.axes.len() == self.shape.len()
    }

    /// The layout from the variable to a framework's tensor, whose axes are given as axes of the view.
    ///
    /// # Errors
    /// None for axes that exist.
    pub fn layout(&self, slot: &[Vec<usize>], letters: &str) -> Result<Layout> {
        let letters: Vec<char> = match letters.chars().count() == self.shape.len() {
            true => letters.chars().collect(),
            false => ('a'..='z').take(self.shape.len()).collect(),
        };
        let mut text: String = letters.iter().collect();
        text.push_str("->");
        for axes in slot {
            let source: Vec<usize> = axes
                .iter()
                .flat_map(|&axis| self.axes[axis].clone())
                .collect();
            let names: String = source.iter().map(|&axis| letters[axis]).collect();
            match source.len() {
                0 => text.push('1'),
                1 => text.push_str(&names),
                _ => text.push_str(&format!("({names})")),
            }
        }
        text.parse()
    }
}
