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
    for name in branches {
        assigned.extend(assigned_by(walk, name, arguments, origin)?);
    }
    let assigned: Vec<ParamId> = assigned.into_iter().collect();
    let mut regions: Vec<Region> = vec![];
    let (mut operands, mut kinds): (Vec<Value>, Option<Vec<Kind>>) = (vec![], None);
    for name in branches {
        let (region, given, left) = region(walk, name, arguments, &assigned, origin)?;
        let alike = kinds.get_or_insert_with(|| left.clone());
        if *alike != left {
            let error = Error::unsupported("branches whose results are not of one kind");
            return walk.fail(error, origin);
        }
        operands = given;
        regions.push(region);
    }
    let made = scalar(walk, chooser, is_case, origin).and_then(|chooser| {
        let inputs = [vec![chooser], operands].concat();
        finish(
            walk,
            &inputs,
            regions,
            kinds.unwrap_or_default(),
            &assigned,
            origin,
        )
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

/// Lowers a branch to see what it assigns.
fn assigned_by(
    walk: &mut Walk<'_>,
    name: &str,
    arguments: &[Lowered],
    origin: &Origin,
) -> Option<BTreeSet<ParamId>> {
    let mut around = walk.begin();
    let inner = entered(walk, &mut around, arguments, origin);
    let results = inner.and_then(|inner| walk.call(name, &inner, origin));
    let assigned = walk.variables.assigned.clone();
    walk.abandon(around);
    results.map(|_| assigned)
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

type Made = (Region, Vec<Value>, Vec<Kind>);

fn region(
    walk: &mut Walk<'_>,
    name: &str,
    arguments: &[Lowered],
    assigned: &[ParamId],
    origin: &Origin,
) -> Option<Made> {
    let mut around = walk.begin();
    let inner = entered(walk, &mut around, arguments, origin);
    let results = inner.and_then(|inner| walk.call(name, &inner, origin));
    let left = results.and_then(|results| {
        left(walk, &results, assigned, origin).map_or_else(|error| walk.fail(error, origin), Some)
    });
    match left {
        Some((values, kinds)) => {
            let (region, given) = walk.end(around, values);
            Some((region, given, kinds))
        }
        None => {
            walk.abandon(around);
            None
        }
    }
}

/// The tensors that a branch gives: its results, then the values of what any branch assigns.
fn left(
    walk: &mut Walk<'_>,
    results: &[Lowered],
    assigned: &[ParamId],
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
