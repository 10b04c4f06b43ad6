//! What a kernel sees of its node.

use super::Machine;
use super::plan::{Plan, Step};
use super::value::{ResourceId, Value, Variant};
use crate::error::{Error, Result};
use crate::eval::{Element, Tensor};
use crate::ir::DType;
use crate::lower::attr::{self, FromAttr};
use savedmodel_import_proto::{AttrValue, NodeDef, attr_value};
use std::sync::Arc;

/// A row's function.
#[derive(Clone, Copy)]
pub(super) enum Kernel {
    /// Of any number of outputs.
    Many(fn(&mut Cx<'_>) -> Result<Vec<Value>>),
    /// Of operands that it may take apart.
    Owned(fn(&mut Cx<'_>, Vec<Value>) -> Result<Vec<Value>>),
    /// Of one tensor.
    One(fn(&mut Cx<'_>) -> Result<Tensor>),
}

impl Kernel {
    /// Computes the outputs.
    pub(super) fn run(
        self,
        machine: Machine<'_>,
        plan: &Plan,
        step: &Step,
        inputs: Vec<Value>,
    ) -> Result<Vec<Value>> {
        match self {
            Kernel::Many(kernel) => kernel(&mut Cx::new(machine, plan, step, &inputs)),
            Kernel::Owned(kernel) => kernel(&mut Cx::new(machine, plan, step, &[]), inputs),
            Kernel::One(kernel) => Ok(vec![
                kernel(&mut Cx::new(machine, plan, step, &inputs))?.into(),
            ]),
        }
    }
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kernel")
    }
}

/// One node, its operands and attributes, and the machine that it runs on.
pub(super) struct Cx<'a> {
    pub(super) machine: Machine<'a>,
    pub(super) plan: &'a Plan,
    pub(super) step: &'a Step,
    pub(super) inputs: &'a [Value],
}

impl<'a> Cx<'a> {
    pub(super) fn new(
        machine: Machine<'a>,
        plan: &'a Plan,
        step: &'a Step,
        inputs: &'a [Value],
    ) -> Self {
        Cx {
            machine,
            plan,
            step,
            inputs,
        }
    }

    /// The node.
    pub(super) fn def(&self) -> &'a NodeDef {
        &self.step.def
    }

    /// Operand `i`.
    pub(super) fn value(&self, i: usize) -> Result<&'a Value> {
        let missing = || Error::malformed(format!("the node has no operand {i}"));
        self.inputs.get(i).ok_or_else(missing)
    }

    /// Operand `i` as a tensor; a reference is read.
    pub(super) fn tensor(&mut self, i: usize) -> Result<Arc<Tensor>> {
        match self.value(i)? {
            Value::Reference(id) => self.machine.read(*id),
            value => value.tensor().cloned(),
        }
    }

    /// Operands `range` as tensors.
    pub(super) fn tensors(&mut self, range: std::ops::Range<usize>) -> Result<Vec<Arc<Tensor>>> {
        range.map(|i| self.tensor(i)).collect()
    }

    /// The resource whose handle, or reference, operand `i` is.
    pub(super) fn resource(&self, i: usize) -> Result<ResourceId> {
        match self.value(i)? {
            Value::Resource(id) | Value::Reference(id) => Ok(*id),
            Value::Tensor(_) | Value::Variant(_) => {
                Err(Error::malformed(format!("operand {i} is not a handle")))
            }
        }
    }

    /// The one element of the variant tensor that operand `i` is.
    pub(super) fn variant(&self, i: usize) -> Result<&'a Variant> {
        let wrong = || Error::malformed(format!("operand {i} is not one variant"));
        match self.value(i)? {
            Value::Variant(tensor) => tensor.items.first().ok_or_else(wrong),
            Value::Tensor(_) | Value::Resource(_) | Value::Reference(_) => Err(wrong()),
        }
    }

    /// The integers of operand `i`.
    pub(super) fn integers(&mut self, i: usize) -> Result<Vec<i64>> {
        let integers = self.tensor(i)?.as_integers();
        integers.ok_or_else(|| Error::malformed(format!("operand {i} should be integers")))
    }

    /// The one integer of operand `i`.
    pub(super) fn integer(&mut self, i: usize) -> Result<i64> {
        match self.integers(i)?.as_slice() {
            [one] => Ok(*one),
            _ => Err(Error::malformed(format!("operand {i} should be a scalar"))),
        }
    }

    /// The extents that operand `i` holds.
    pub(super) fn extents(&mut self, i: usize) -> Result<Vec<usize>> {
        let extent =
            |n: i64| usize::try_from(n).map_err(|_| Error::malformed(format!("an extent is {n}")));
        self.integers(i)?.into_iter().map(extent).collect()
    }

    /// The numbers of operand `i`, as doubles.
    pub(super) fn floats(&mut self, i: usize) -> Result<Vec<f64>> {
        self.tensor(i)?.to_floats()
    }

    /// The one number of operand `i`.
    pub(super) fn float(&mut self, i: usize) -> Result<f64> {
        match self.floats(i)?.as_slice() {
            [one] => Ok(*one),
            _ => Err(Error::malformed(format!("operand {i} should be a scalar"))),
        }
    }

    /// The strings of operand `i`.
    pub(super) fn strings(&mut self, i: usize) -> Result<Vec<Vec<u8>>> {
        let tensor = self.tensor(i)?;
        elements::<Vec<u8>>(&tensor).map(<[_]>::to_vec)
    }

    /// The one string of operand `i`.
    pub(super) fn string(&mut self, i: usize) -> Result<Vec<u8>> {
        let mut all = self.strings(i)?;
        match (all.pop(), all.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => Err(Error::malformed(format!(
                "operand {i} should be one string"
            ))),
        }
    }

    /// The attribute, or the op registry's default for it.
    pub(super) fn attr<T: FromAttr>(&self, name: &str) -> Result<T> {
        attr::read(self.def(), name)
    }

    /// The attribute as it is stored, or the op registry's default.
    pub(super) fn stored(&self, name: &str) -> Option<&'a attr_value::Value> {
        let stored: Option<&'a AttrValue> = attr::stored(self.def(), name);
        stored.and_then(|attr| attr.value.as_ref())
    }

    /// A list of element types.
    pub(super) fn types(&self, name: &str) -> Result<Vec<DType>> {
        match self.stored(name) {
            Some(attr_value::Value::List(list)) => list
                .r#type
                .iter()
                .map(|&code| attr::dtype(code).map_err(|flaw| flaw.of(name)))
                .collect(),
            _ => Err(Error::malformed(format!(
                "attribute `{name}` is not a list of types"
            ))),
        }
    }

    /// The name that the op's resource is shared by: its own, or the node's.
    pub(super) fn shared_name(&self) -> String {
        let shared: String = self.attr("shared_name").unwrap_or_default();
        match shared.is_empty() {
            true => self.def().name.clone(),
            false => shared,
        }
    }

    /// The same node's op, or another one, lowered over operands.
    pub(super) fn lowered(&mut self, inputs: &[Arc<Tensor>]) -> Result<Vec<Value>> {
        let outputs = crate::lower::single::evaluate(self.def(), inputs)?;
        Ok(outputs.into_iter().map(Value::of_op).collect())
    }
}

/// The elements, which have to be of this type.
pub(super) fn elements<T: Element>(tensor: &Tensor) -> Result<&[T]> {
    let wrong = || {
        let (wanted, given) = (T::DTYPE, tensor.dtype());
        Error::malformed(format!(
            "the operand should be of {wanted:?}, and is of {given:?}"
        ))
    };
    tensor.elements::<T>().ok_or_else(wrong)
}

/// The product of extents.
pub(super) fn count(shape: &[usize]) -> Result<usize> {
    let product = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    product
        .filter(|&n| n <= ELEMENT_LIMIT)
        .ok_or_else(|| Error::unsupported(format!("a tensor of shape {shape:?} is too large")))
}

/// A kernel makes no tensors of more elements.
pub(super) const ELEMENT_LIMIT: usize = 1 << 27;
