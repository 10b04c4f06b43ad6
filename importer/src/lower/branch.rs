//! Branches whose predicate only the data tells.

use super::cx::Lowered;
use super::region::Left;
use super::walk::Walk;
use crate::error::{Error, Result};
use crate::ir::{Op, Origin, ParamId, Region, Value};
use savedmodel_import_proto::NodeDef;
use std::collections::BTreeSet;

/// The results of a choice among `branches`, whose arguments are these; `None` after a failure that is recorded.
pub fn choose(
    walk: &mut Walk<'_>,
    branches: &[&str],
    (chooser, is_case): (Value, bool),
    arguments: &[Lowered],
    origin: &Origin,
) -> Option<Vec<Lowered>> {
    let mut assigned = BTreeSet::new();
    let mut made = regions(walk, branches, arguments, &mut assigned, origin)?;
    if made.iter().any(|made| made.assigned < assigned.len()) {
        made = regions(walk, branches, arguments, &mut assigned, origin)?;
    }
    let kinds = made
        .first()
        .map_or_else(Vec::new, |made| made.kinds.clone());
    if made.iter().any(|made| made.kinds != kinds) {
        let error = Error::unsupported("branches whose results are not of one kind");
        return walk.fail(error, origin);
    }
    // Every branch is given the same.
    let operands = made
        .first()
        .map_or_else(Vec::new, |made| made.given.clone());
    let assigned: Vec<ParamId> = assigned.into_iter().collect();
    let regions = made.into_iter().map(|made| made.region).collect();
    let made = scalar(walk, chooser, is_case, origin).and_then(|chooser| {
        let inputs = [vec![chooser], operands].concat();
        finish(walk, &inputs, regions, kinds, &assigned, origin)
    });
    made.map_or_else(|error| walk.fail(error, origin), Some)
}

/// What a result of a branch is.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Value,
    Complex,
    Rows,
    /// No tensor, and the same outside.
    Same(Lowered),
}

/// A branch as a region.
struct Made {
    region: Region,
    /// What it is given.
    given: Vec<Value>,
    /// What its results are.
    kinds: Vec<Kind>,
    /// How many variables it gives besides.
    assigned: usize,
}

/// The branches as regions, each of which gives the values of all variables that are known to be assigned by then.
fn regions(
    walk: &mut Walk<'_>,
    branches: &[&str],
    arguments: &[Lowered],
    assigned: &mut BTreeSet<ParamId>,
    origin: &Origin,
) -> Option<Vec<Made>> {
    let mut made = vec![];
    for name in branches {
        made.push(region(walk, name, arguments, assigned, origin)?);
    }
    Some(made)
}

fn entered(
    walk: &mut Walk<'_>,
    around: &mut super::region::Around,
    arguments: &[Lowered],
    origin: &Origin,
) -> Option<Vec<Lowered>> {
    let mut inner = vec![];
    for &argument in arguments {
        match walk.enter(around, argument, origin) {
            Ok(argument) => inner.push(argument),
            Err(error) => return walk.fail(error, origin),
        }
    }
    walk.enter_variables(around, &[], origin);
    Some(inner)
}

fn region(
    walk: &mut Walk<'_>,
    name: &str,
    arguments: &[Lowered],
    assigned: &mut BTreeSet<ParamId>,
    origin: &Origin,
) -> Option<Made> {
    let mut around = walk.begin();
    let inner = entered(walk, &mut around, arguments, origin);
    let results = inner.and_then(|inner| walk.call(name, &inner, origin));
    assigned.extend(&walk.variables.assigned);
    let left = results.and_then(|results| {
        left(walk, &results, assigned, origin).map_or_else(|error| walk.fail(error, origin), Some)
    });
    let Some((values, kinds)) = left else {
        walk.abandon(around);
        return None;
    };
    let (region, given) = walk.end(around, values);
    Some(Made {
        region,
        given,
        kinds,
        assigned: assigned.len(),
    })
}

/// The tensors that a branch gives: its results, then the values of what any branch assigns.
fn left(
    walk: &mut Walk<'_>,
    results: &[Lowered],
    assigned: &BTreeSet<ParamId>,
    origin: &Origin,
) -> Result<(Vec<Value>, Vec<Kind>)> {
    let (mut values, mut kinds) = (vec![], vec![]);
    for &result in results {
        let is_handle = matches!(
            result,
            Lowered::Variable(_) | Lowered::Resource(_) | Lowered::Asset(_) | Lowered::Opaque(_)
        );
        if is_handle {
            kinds.push(Kind::Same(result));
            continue;
        }
        let left = walk.leave(result, origin)?;
        values.extend(left.values());
        kinds.push(match left {
            Left::Value(_) => Kind::Value,
            Left::Complex(..) => Kind::Complex,
            Left::Rows(_) => Kind::Rows,
        });
    }
    let def = NodeDef::default();
    for &param in assigned {
        values.push(walk.context(&def, &[], origin).read(param)?);
    }
    Ok((values, kinds))
}

fn finish(
    walk: &mut Walk<'_>,
    inputs: &[Value],
    regions: Vec<Region>,
    kinds: Vec<Kind>,
    assigned: &[ParamId],
    origin: &Origin,
) -> Result<Vec<Lowered>> {
    let branches = Op::If { branches: regions };
    let node = walk.graph.push(branches, inputs, origin)?;
    let mut values = (0..).map(|result| Value { node, result });
    let mut next = || {
        values
            .next()
            .ok_or_else(|| Error::internal("a branch without results"))
    };
    let mut results = vec![];
    for kind in kinds {
        results.push(match kind {
            Kind::Value => Lowered::Value(next()?),
            Kind::Complex => Lowered::Complex(next()?, next()?),
            Kind::Rows => {
                let rows = next()?;
                walk.rows_list(rows)
            }
            Kind::Same(handle) => handle,
        });
    }
    for &param in assigned {
        walk.variables.values.insert(param, next()?);
        walk.variables.assigned.insert(param);
    }
    Ok(results)
}

/// What chooses, as a scalar; TensorFlow takes a number that is not zero for true.
fn scalar(walk: &mut Walk<'_>, chooser: Value, is_case: bool, origin: &Origin) -> Result<Value> {
    match is_case {
        true => Ok(chooser),
        false => walk.truth(Lowered::Value(chooser), origin),
    }
}
