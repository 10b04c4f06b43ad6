//! Two types of block that differ only in steps which one of them leaves out become one type.
//!
//! The inverted residual of MobileNet is one block to a person, and three to a graph: with and without expansion, with
//! and without the residual connection. A step that is left out passes one of its operands on; a layer that is left out
//! is an `Option`.

use super::body::{Body, Held, Source, Step};
use super::items::Items;
use super::key::{self, Names};
use super::types::{Instance, ModuleType};
use crate::ir::Param;
use crate::plan::{Action, Condition};
use std::collections::{BTreeMap, HashMap};

/// At most this many steps may be optional.
const MAX_OPTIONAL: usize = 8;

/// One type for the instances of both, if their single methods can be merged.
pub fn merge(
    a: &ModuleType,
    b: &ModuleType,
    items: &Items,
    params: &[Param],
) -> Option<ModuleType> {
    let kinds = Kinds { items, params };
    let ([body_a], [body_b]) = (a.module.methods.as_slice(), b.module.methods.as_slice()) else {
        return None;
    };
    let has_flow = |step: &Step| matches!(step.action, Action::Flow(_));
    if body_a.steps.iter().chain(&body_b.steps).any(has_flow) {
        return None;
    }
    if body_a.inputs.len() != body_b.inputs.len()
        || body_a.results.len() != 1
        || body_b.results.len() != 1
    {
        return None;
    }
    let rows = align(&spell(a, &kinds), &spell(b, &kinds));
    let common = rows
        .iter()
        .filter(|row| matches!(row, Row::Both(..)))
        .count();
    let optional = rows.len() - common;
    if optional > MAX_OPTIONAL || common < optional || common < 3 {
        return None;
    }
    let mut merger = Merger {
        a: body_a,
        b: body_b,
        rows: &rows,
        steps: vec![],
        maps: [HashMap::new(), HashMap::new()],
    };
    for i in 0..body_a.inputs.len() {
        for map in &mut merger.maps {
            map.insert(Source::Input(i), Source::Input(i));
        }
    }
    let steps = merger.solve(0)?;
    Some(assemble(a, b, &rows, steps, &kinds))
}

/// What each step of a type's method is, without its operands.
fn spell(ty: &ModuleType, kinds: &Kinds) -> Vec<String> {
    let body = &ty.module.methods[0];
    let mut names = Names::default();
    body.inputs.iter().for_each(|input| names.learn(input));
    let spell = |step: &Step| {
        let what = match &step.action {
            Action::Layer { field, .. } => {
                let (name, held) = &ty.module.fields[*field];
                format!("{name} {}", kinds.of(held))
            }
            Action::Module { field, .. } | Action::Modules { field, .. } => {
                format!("call {}", ty.module.fields[*field].0)
            }
            Action::Parameter(field) | Action::LayerWeight { field, .. } => {
                let (name, held) = &ty.module.fields[*field];
                format!("param {name} {}", kinds.of(held))
            }
            Action::Op(_)
            | Action::Constant(_)
            | Action::Extent { .. }
            | Action::Elements
            | Action::Flow(_) => key::of_action(&step.action, &mut Names::default()),
        };
        format!(
            "{what} {:?}",
            step.types
                .iter()
                .map(|ty| (ty.dtype, ty.rank()))
                .collect::<Vec<_>>()
        )
    };
    body.steps.iter().map(spell).collect()
}

/// A step of the merged method: of both, or of one.
#[derive(Clone, Copy, Debug)]
enum Row {
    Both(usize, usize),
    OnlyA(usize),
    OnlyB(usize),
}

/// The longest common subsequence of two methods, with the rest around it.
fn align(a: &[String], b: &[String]) -> Vec<Row> {
    let mut best = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            best[i][j] = if a[i] == b[j] {
                best[i + 1][j + 1] + 1
            } else {
                best[i + 1][j].max(best[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut rows = vec![];
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            rows.push(Row::Both(i, j));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && best[i + 1][j] >= best[i][j + 1]) {
            rows.push(Row::OnlyA(i));
            i += 1;
        } else {
            rows.push(Row::OnlyB(j));
            j += 1;
        }
    }
    rows
}

/// Finds the operands of the merged steps, and which operand each optional step passes on.
#[derive(Clone)]
struct Merger<'a> {
    a: &'a Body,
    b: &'a Body,
    rows: &'a [Row],
    /// Merged steps: operands, and the operand that an absent step passes on.
    steps: Vec<(Vec<Source>, Option<usize>)>,
    /// What each merged source is in either method.
    maps: [HashMap<Source, Source>; 2],
}

type Merged = (Vec<(Vec<Source>, Option<usize>)>, Source);

impl Merger<'_> {
    fn solve(&mut self, row: usize) -> Option<Merged> {
        let Some(&current) = self.rows.get(row) else {
            let result = self.find(&[(0, self.a.results[0]), (1, self.b.results[0])])?;
            return Some((self.steps.clone(), result));
        };
        match current {
            Row::Both(i, j) => self.both(row, i, j),
            Row::OnlyA(i) => self.only(row, 0, i),
            Row::OnlyB(j) => self.only(row, 1, j),
        }
    }

    fn both(&mut self, row: usize, i: usize, j: usize) -> Option<Merged> {
        let (a, b) = (&self.a.steps[i], &self.b.steps[j]);
        if a.args.len() != b.args.len() {
            return None;
        }
        let pairs = a.args.iter().zip(&b.args);
        let args: Option<Vec<Source>> =
            pairs.map(|(&x, &y)| self.find(&[(0, x), (1, y)])).collect();
        let mut next = self.clone();
        for result in 0..a.types.len() {
            let merged = Source::Step { step: row, result };
            next.maps[0].insert(merged, Source::Step { step: i, result });
            next.maps[1].insert(merged, Source::Step { step: j, result });
        }
        next.steps.push((args?, None));
        next.solve(row + 1)
    }

    fn only(&mut self, row: usize, side: usize, index: usize) -> Option<Merged> {
        let step = if side == 0 {
            &self.a.steps[index]
        } else {
            &self.b.steps[index]
        };
        if step.types.len() != 1 {
            return None;
        }
        let args: Vec<Source> = step
            .args
            .iter()
            .map(|&arg| self.find(&[(side, arg)]))
            .collect::<Option<_>>()?;
        let merged = Source::Step {
            step: row,
            result: 0,
        };
        // Steps without operands make constants: the other method may simply not read them.
        let choices: Vec<Option<usize>> = if args.is_empty() {
            vec![None]
        } else {
            (0..args.len())
                .filter(|&arg| self.is_alike(side, index, arg))
                .map(Some)
                .collect()
        };
        choices.into_iter().find_map(|pass| {
            let mut next = self.clone();
            next.maps[side].insert(
                merged,
                Source::Step {
                    step: index,
                    result: 0,
                },
            );
            if let Some(pass) = pass {
                let other = *next.maps[1 - side].get(&args[pass])?;
                next.maps[1 - side].insert(merged, other);
            }
            next.steps.push((args.clone(), pass));
            next.solve(row + 1)
        })
    }

    /// Whether an operand may stand for the result of a step that is left out: of the same rank and element type.
    fn is_alike(&self, side: usize, step: usize, arg: usize) -> bool {
        let body = [self.a, self.b][side];
        let step = &body.steps[step];
        let passed = match step.args[arg] {
            Source::Input(input) => &body.inputs[input],
            Source::Step { step, result } => &body.steps[step].types[result],
        };
        step.types
            .iter()
            .all(|ty| ty.rank() == passed.rank() && ty.dtype == passed.dtype)
    }

    /// The latest merged source that is what each side reads.
    fn find(&self, wanted: &[(usize, Source)]) -> Option<Source> {
        let is_it = |source: &Source| {
            wanted
                .iter()
                .all(|(side, want)| self.maps[*side].get(source) == Some(want))
        };
        let steps = (0..self.steps.len()).rev().map(|step| {
            let results = (0..2).map(move |result| Source::Step { step, result });
            results.collect::<Vec<_>>()
        });
        let inputs = (0..self.a.inputs.len()).map(Source::Input);
        steps.flatten().chain(inputs).find(is_it)
    }
}

/// The merged type. Fields of both are matched by name; a field that only one has is optional.
fn assemble(
    a: &ModuleType,
    b: &ModuleType,
    rows: &[Row],
    merged: Merged,
    kinds: &Kinds,
) -> ModuleType {
    let mut fields = a.module.fields.clone();
    let mut place_b = shared_switches(a, b, rows);
    for (i, (name, held)) in b.module.fields.iter().enumerate() {
        if place_b.contains_key(&i) {
            continue;
        }
        let known = fields
            .iter()
            .position(|(known, other)| known == name && kinds.are_alike(other, held));
        place_b.insert(
            i,
            known.unwrap_or_else(|| {
                fields.push((name.clone(), held.clone()));
                fields.len() - 1
            }),
        );
    }
    let mut flags_on: [Vec<(usize, bool)>; 2] = [vec![], vec![]];
    let mut body = Body {
        inputs: a.module.methods[0].inputs.clone(),
        input_names: a.module.methods[0].input_names.clone(),
        ..Body::default()
    };
    for (row, (args, pass)) in rows.iter().zip(merged.0) {
        let (mut step, side) = match *row {
            Row::Both(i, j) => {
                let (mut step, other) = (
                    a.module.methods[0].steps[i].clone(),
                    &b.module.methods[0].steps[j],
                );
                let theirs = other.condition.map(|theirs| Condition {
                    field: place_b[&theirs.field],
                    ..theirs
                });
                for (side, condition) in [(1, step.condition), (0, theirs)] {
                    if let Some(Condition { field, .. }) = condition
                        .filter(|condition| matches!(fields[condition.field].1, Held::Flag(_)))
                        && (step.condition.is_none() || theirs.is_none())
                    {
                        flags_on[side].push((field, true));
                    }
                }
                step.condition = step.condition.or(theirs);
                (step, None)
            }
            Row::OnlyA(i) => (a.module.methods[0].steps[i].clone(), Some(0)),
            Row::OnlyB(j) => (renumbered(&b.module.methods[0].steps[j], &place_b), Some(1)),
        };
        step.args = args;
        if let (Some(side), Some(pass)) = (side, pass)
            && step.condition.is_none()
        {
            let field = condition_field(&step, &mut fields, &mut flags_on, side);
            step.condition = Some(Condition { field, pass });
        }
        body.steps.push(step);
    }
    body.results = vec![merged.1];
    let mut ty = ModuleType {
        module: a.module.clone(),
        instances: vec![],
        args: vec![],
        settings: vec![vec![]; fields.len()],
        present: vec![None; fields.len()],
    };
    let instance = |old: &Instance, place: &dyn Fn(usize) -> usize, side: usize| {
        let mut held = vec![None; fields.len()];
        for (i, value) in old.fields.iter().enumerate() {
            held[place(i)].clone_from(value);
        }
        flags_on[side]
            .iter()
            .for_each(|(field, on)| held[*field] = Some(Held::Flag(*on)));
        Instance {
            path: old.path.clone(),
            fields: held,
            args: vec![],
            borders: old.borders.clone(),
        }
    };
    ty.instances
        .extend(a.instances.iter().map(|old| instance(old, &|i| i, 0)));
    ty.instances.extend(
        b.instances
            .iter()
            .map(|old| instance(old, &|i| place_b[&i], 1)),
    );
    ty.module.fields = fields;
    ty.module.methods = vec![body];
    ty
}

/// The switches of `b` that are switches of `a` for the same steps.
fn shared_switches(a: &ModuleType, b: &ModuleType, rows: &[Row]) -> BTreeMap<usize, usize> {
    let mut places = BTreeMap::new();
    for row in rows {
        let Row::Both(i, j) = *row else { continue };
        let (mine, theirs) = (
            a.module.methods[0].steps[i].condition,
            b.module.methods[0].steps[j].condition,
        );
        if let (Some(mine), Some(theirs)) = (mine, theirs)
            && matches!(
                (
                    &a.module.fields[mine.field].1,
                    &b.module.fields[theirs.field].1
                ),
                (Held::Flag(_), Held::Flag(_))
            )
        {
            places.insert(theirs.field, mine.field);
        }
    }
    places
}

/// The field that says whether an optional step happens: its own layer or module, or a new switch.
fn condition_field(
    step: &Step,
    fields: &mut Vec<(String, Held)>,
    flags: &mut [Vec<(usize, bool)>; 2],
    side: usize,
) -> usize {
    match &step.action {
        Action::Layer { field, .. }
        | Action::Module { field, .. }
        | Action::Modules { field, .. } => *field,
        Action::Op(_)
        | Action::Constant(_)
        | Action::Parameter(_)
        | Action::LayerWeight { .. }
        | Action::Extent { .. }
        | Action::Elements
        | Action::Flow(_) => {
            let name = if step.label.is_empty() {
                "step".to_owned()
            } else {
                step.label.clone()
            };
            fields.push((name, Held::Flag(true)));
            let field = fields.len() - 1;
            flags[side].push((field, true));
            flags[1 - side].push((field, false));
            field
        }
    }
}

/// What the fields of types hold.
struct Kinds<'a> {
    items: &'a Items,
    params: &'a [Param],
}

impl Kinds<'_> {
    /// What two fields have in common that may be one.
    fn of(&self, held: &Held) -> String {
        match held {
            Held::Layer(layer) => format!("{:?}", key::of_layer(&self.items.layers[*layer].layer)),
            Held::Param(param) => key::of_param(*param, self.params),
            Held::Module | Held::Modules(_) | Held::Flag(_) => String::new(),
        }
    }

    fn are_alike(&self, a: &Held, b: &Held) -> bool {
        match (a, b) {
            (Held::Layer(_), Held::Layer(_)) | (Held::Param(_), Held::Param(_)) => {
                self.of(a) == self.of(b)
            }
            (Held::Module, Held::Module) => true,
            // Switches are matched by their steps, not by their names.
            (Held::Flag(_), Held::Flag(_)) => false,
            (a, b) => a == b,
        }
    }
}

fn renumbered(step: &Step, place: &BTreeMap<usize, usize>) -> Step {
    let mut step = step.clone();
    step.renumber(&|field| place[&field]);
    step
}
