//! Ops that run on the host, by a kernel of `savedmodel_import_kernels`: one row for the evaluator and for generated code.
//!
//! To add one, write its kernel, and a row that says how the types of its results follow and how the kernel is called.

mod boxes;
pub mod call;
mod examples;
mod random;
mod search;
mod sets;
mod sparse;
mod strings;
mod tables;
mod unicode;

pub use call::{Attribute, HostValue, Inference, Operands};

use super::dim::Dim;
use super::ty::Type;
use crate::error::Result;
use savedmodel_import_kernels::array;
use std::fmt;

pub use boxes::*;
pub use examples::*;
pub use random::*;
pub use search::*;
pub use sets::*;
pub use sparse::*;
pub use strings::*;
pub use tables::*;
pub use unicode::*;

/// A row: a kernel, and what compiler and evaluator have to know of it.
pub struct HostOp {
    /// The kernel in the support code, as `file::function`. It takes the operands and then the attributes.
    pub path: &'static str,
    /// How the kernel takes and gives what.
    pub form: Form,
    /// The types of the results.
    pub infer: fn(&mut Inference<'_>) -> Result<Vec<Type>>,
    /// Calls the kernel.
    pub run: fn(&Operands<'_>) -> array::Result<Vec<HostValue>>,
}

impl HostOp {
    /// Whether it reads the contents of a table, which are its first operands.
    pub fn is_of_table(&self) -> bool {
        self.path.starts_with("table::")
    }
}

/// How a kernel takes its operands and gives its results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Whether it gives a `Result`.
    pub can_fail: bool,
    /// Which operands it takes as slices.
    pub lists: Lists,
    /// Whether it gives its results as an array rather than as a tuple.
    pub gives_list: bool,
}

/// Which operands a kernel takes as slices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lists {
    /// None.
    #[default]
    None,
    /// All from this one on.
    From(usize),
    /// The first half, and the second half.
    Halves,
}

/// What [`super::Op::Host`] holds: a row, and what the model says beside the operands.
#[derive(Clone)]
pub struct Host {
    /// The row.
    pub op: &'static HostOp,
    /// What the kernel is given after the operands.
    pub attributes: Vec<Attribute>,
}

impl Host {
    /// The extents among the attributes.
    pub fn extents(&self) -> Vec<&Dim> {
        let attributes = self.attributes.iter();
        attributes
            .flat_map(|attribute| match attribute {
                Attribute::Extent(dim) => vec![dim],
                Attribute::Extents(dims) => dims.iter().collect(),
                Attribute::Flag(_)
                | Attribute::Integer(_)
                | Attribute::Number(_)
                | Attribute::Text(_)
                | Attribute::Element(_)
                | Attribute::Integers(_)
                | Attribute::Texts(_) => vec![],
            })
            .collect()
    }

    /// The same op with every extent replaced.
    ///
    /// # Errors
    /// What `replace` gives.
    pub fn with_extents(&self, replace: &impl Fn(&Dim) -> Result<Dim>) -> Result<Self> {
        let replaced = |attribute: &Attribute| match attribute {
            Attribute::Extent(dim) => replace(dim).map(Attribute::Extent),
            Attribute::Extents(dims) => {
                let dims = dims.iter().map(replace).collect::<Result<_>>();
                dims.map(Attribute::Extents)
            }
            other => Ok(other.clone()),
        };
        let attributes = self.attributes.iter().map(replaced);
        Ok(Host {
            op: self.op,
            attributes: attributes.collect::<Result<_>>()?,
        })
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        self.op.path == other.op.path && self.attributes == other.attributes
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({}", self.op.path)?;
        for attribute in &self.attributes {
            write!(f, ", {attribute:?}")?;
        }
        f.write_str(")")
    }
}

/// A kernel that takes operands one by one and cannot fail.
const fn sure() -> Form {
    Form {
        can_fail: false,
        lists: Lists::None,
        gives_list: false,
    }
}

/// A kernel that takes operands one by one and gives a `Result`.
const fn tried() -> Form {
    Form {
        can_fail: true,
        ..sure()
    }
}
