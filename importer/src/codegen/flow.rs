//! Branches and loops as Rust's own.

use super::chain::chained;
use super::operand::{Arg, Body, Place};
use super::rust::{Arm, Block, Expr, Pat, Stmt};
use super::statement::{Line, owned, statements, with_joined_extents};
use super::words::Words;
use crate::error::{Error, Result};
use crate::ir::{DType, Dim, Symbol, Type};
use crate::plan::{Block as Steps, Flow, Local, Step};

/// The statements of a branch or a loop.
///
/// # Errors
/// Every step in it that the framework cannot do, at once.
pub fn flow<'a>(
    words: &impl Words,
    step: &'a Step,
    flow: &Flow,
    body: &mut Body<'a>,
) -> Result<Line> {
    let blocks = step.blocks.as_slice();
    match flow {
        Flow::Branch => branch(words, step, blocks, body),
        Flow::Repeat {
            rounds,
            round,
            carried,
        } => {
            let repeat = Repeat {
                step,
                rounds: rounds.as_ref(),
                round: *round,
                carried: *carried,
            };
            repeat.line(words, blocks, body)
        }
    }
}

/// `let y = if is_true(&x)? { … } else { … };`
fn branch<'a>(
    words: &impl Words,
    step: &'a Step,
    blocks: &'a [Steps],
    body: &mut Body<'a>,
) -> Result<Line> {
    let internal = || Error::internal("a branch without what chooses it");
    let chooser = body.arg(step.args.first().ok_or_else(internal)?);
    let is_truth = chooser.ty.dtype == DType::Bool;
    let (mut made, mut errors) = (vec![], vec![]);
    for block in blocks {
        match value_of(words, block, body) {
            Ok(block) => made.push(block),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(Error::several(errors));
    }
    for result in &step.results {
        body.bind(&step.action, &result.name, None);
    }
    let value = match (is_truth, made.len()) {
        (true, 2) => {
            let (yes, no) = (
                made.pop().ok_or_else(internal)?,
                made.pop().ok_or_else(internal)?,
            );
            Expr::if_else(words.truth(&chooser, body), yes, no)
        }
        (_, count) => {
            let arm = |(i, block): (usize, Block)| {
                let pattern = if i + 1 == count {
                    Pat::wild()
                } else {
                    Pat::from(i.to_string().as_str())
                };
                Arm::new(pattern, Expr::block(block))
            };
            let arms: Vec<Arm> = made.into_iter().enumerate().map(arm).collect();
            Expr::match_(words.choice(&chooser, body), arms)
        }
    };
    Ok(Line::of(step, value))
}

/// The statements of a block and what it gives, as a tensor or a tuple of them.
fn value_of<'a>(words: &impl Words, block: &'a Steps, body: &mut Body<'a>) -> Result<Block> {
    inside(words, block, body, |lines, results, body| {
        if let [one] = results
            && let Some(last) = lines.pop_if(|line| line.makes(one))
        {
            return last.value;
        }
        let mut values: Vec<Expr> = owned(words, results, body);
        match values.len() {
            1 => values.pop().unwrap_or_else(Expr::unit),
            _ => Expr::tuple(values),
        }
    })
    .map(|(statements, value)| Block::new(statements).tail(value))
}

/// The statements of a block; `end` makes of its lines and results what stands behind them.
fn inside<'a, T>(
    words: &impl Words,
    block: &'a Steps,
    body: &mut Body<'a>,
    end: impl FnOnce(&mut Vec<Line>, &[Arg], &mut Body<'a>) -> T,
) -> Result<(Vec<Stmt>, T)> {
    let around = body.enter(&block.body);
    let made = statements(words, body).map(|lines| {
        let results: Vec<Arg> = block
            .results
            .iter()
            .map(|result| body.arg(result))
            .collect();
        let mut lines = chained(words, lines, &results);
        let end = end(&mut lines, &results, body);
        let read = body.read.borrow();
        let is_read = |line: &Line| line.names.iter().any(|name| read.contains(name));
        lines.retain(|line| line.extent.is_none() || is_read(line));
        drop(read);
        (with_joined_extents(words, lines), end)
    });
    body.leave(around);
    made
}

/// The extents of a row, if a loop may collect none: those that only the data tells are then zero, as in TensorFlow there
/// would be no tensor.
pub fn item_if_none(ty: &Type) -> Option<Vec<usize>> {
    let (rounds, item) = ty.dims().split_first()?;
    let may_be_none = rounds.as_known().is_none_or(|rounds| rounds == 0);
    may_be_none.then(|| item.iter().map(|dim| dim.as_usize().unwrap_or(0)).collect())
}

/// A loop on the way.
struct Repeat<'a, 'b> {
    step: &'a Step,
    rounds: Option<&'b Dim>,
    round: Symbol,
    carried: usize,
}

impl<'a> Repeat<'a, '_> {
    fn line(&self, words: &impl Words, blocks: &'a [Steps], body: &mut Body<'a>) -> Result<Line> {
        let internal = || Error::internal("a loop without a body");
        let mut before = self.declarations(words, body);
        let round = body.name_in(&Dim::symbol(self.round));
        let rounds = self.rounds.map(|rounds| body.extent(rounds));
        let (block, condition) = blocks.split_last().ok_or_else(internal)?;
        let (carried, collected) = (self.names(0..self.carried), self.collected());
        let made = inside(words, block, body, |lines, results, body| {
            end_of_round(words, lines, results, (carried, collected), body)
        })?;
        let statements = made.0.into_iter().chain(made.1);
        match (rounds, condition) {
            (Some(rounds), _) => {
                let counter = self.read_counter(round, body);
                let pattern = counter.map_or(Pat::wild(), |round| Pat::from(round.as_str()));
                let range = Expr::range(Some(Expr::int(0)), Some(rounds));
                before.push(Expr::for_(pattern, range, Block::new(statements)).stmt());
            }
            (None, [condition]) => {
                let (first, goes_on) = inside(words, condition, body, |lines, results, body| {
                    let [truth] = results else {
                        return Expr::bool(false);
                    };
                    match lines.pop_if(|line| line.makes(truth)) {
                        Some(last) => words.truth_of(last.value, body),
                        None => words.truth(truth, body),
                    }
                })?;
                let counter = self.read_counter(round, body);
                if let Some(counter) = &counter {
                    before.push(Stmt::bind(Pat::mutable(counter), Expr::literal("0usize")));
                }
                let count = counter.map(|counter| {
                    let one = Expr::int(1);
                    Expr::path(counter)
                        .assign_with(super::rust::Op::Add, one)
                        .stmt()
                });
                let statements = statements.chain(count);
                before.push(match first.is_empty() {
                    true => Expr::while_(goes_on, Block::new(statements)).stmt(),
                    false => {
                        let stop =
                            Expr::if_(goes_on.inverted(), Block::new([Expr::break_(None).stmt()]));
                        let all = first.into_iter().chain([stop.stmt()]).chain(statements);
                        Expr::loop_(Block::new(all)).stmt()
                    }
                });
            }
            (None, _) => return Err(internal()),
        }
        for result in &self.step.results {
            body.bind(&self.step.action, &result.name, None);
        }
        self.after(words, before, body)
    }

    /// The name of the number of the round, if anything reads it.
    fn read_counter(&self, round: Option<String>, body: &Body) -> Option<String> {
        let is_read = |round: &String| self.count_is_read() || body.read.borrow().contains(round);
        round.filter(is_read)
    }

    /// The names of some results.
    fn names(&self, range: std::ops::Range<usize>) -> &'a [Local] {
        self.step.results.get(range).unwrap_or_default()
    }

    /// What is collected: the results between what is carried and the number of rounds.
    fn collected(&self) -> &'a [Local] {
        self.names(self.carried..self.step.results.len().saturating_sub(1))
    }

    fn count_is_read(&self) -> bool {
        let count = self.step.results.last();
        count.is_some_and(|count| !count.name.starts_with('_'))
    }

    /// `let mut state = state;`, and an empty `Vec` for what is collected.
    fn declarations(&self, words: &impl Words, body: &mut Body<'a>) -> Vec<Stmt> {
        let mut statements = vec![];
        for (local, operand) in self.names(0..self.carried).iter().zip(&self.step.args) {
            let arg = body.arg(operand);
            let first = words.owned(&arg, body);
            statements.push(Stmt::bind(Pat::mutable(&local.name), first));
        }
        for local in self.names(0..self.carried) {
            body.bind(&self.step.action, &local.name, None);
        }
        for local in self.collected() {
            let empty = Expr::call("Vec::new", []);
            statements.push(Stmt::bind(Pat::mutable(&local.name), empty));
        }
        statements
    }

    /// What is collected as tensors, and the number of rounds.
    fn after(&self, words: &impl Words, before: Vec<Stmt>, body: &mut Body<'a>) -> Result<Line> {
        let mut line = Line {
            before,
            ..Line::nothing()
        };
        for local in self.collected() {
            let rows = words.stacked(&local.name, &local.ty, body);
            line.before.push(Stmt::bind(local.name.as_str(), rows));
        }
        if let Some(count) = self.step.results.last().filter(|_| self.count_is_read()) {
            let rounds = match self.rounds {
                Some(rounds) => rounds.clone(),
                None => Dim::symbol(self.round),
            };
            let place = Arg {
                place: Place::Extents {
                    dims: vec![rounds],
                    scalar: true,
                },
                ty: count.ty.clone(),
                last: true,
            };
            let value = words.owned(&place, body);
            line.before.push(Stmt::bind(count.name.as_str(), value));
        }
        Ok(line)
    }
}

/// What a round ends with: rows are collected, and what is carried gets its new values.
fn end_of_round(
    words: &impl Words,
    lines: &mut Vec<Line>,
    results: &[Arg],
    (carried, collected): (&[Local], &[Local]),
    body: &mut Body,
) -> Vec<Stmt> {
    let (next, rows) = results.split_at(carried.len().min(results.len()));
    let mut statements = vec![];
    for (local, row) in collected.iter().zip(rows) {
        let row = words.owned(row, body);
        let push = Expr::path(local.name.as_str()).call_method("push", [row]);
        statements.push(push.stmt());
    }
    let is_own = |local: &Local, value: &Arg| matches!(&value.place, Place::Local { name, .. } if *name == local.name);
    let crossed = next.iter().enumerate().any(|(i, value)| {
        let mut others = carried.iter().enumerate();
        others.any(|(j, local)| i != j && is_own(local, value))
    });
    if let ([local], [value]) = (carried, next)
        && statements.is_empty()
        && let Some(last) = lines.pop_if(|line| line.makes(value))
    {
        return vec![Expr::path(local.name.as_str()).assign(last.value).stmt()];
    }
    let pairs = carried
        .iter()
        .zip(next)
        .filter(|(local, value)| !is_own(local, value));
    let pairs: Vec<(Expr, Expr)> = pairs
        .map(|(local, value)| (Expr::path(local.name.as_str()), words.owned(value, body)))
        .collect();
    match crossed {
        true => {
            let (names, values): (Vec<Expr>, Vec<Expr>) = pairs.into_iter().unzip();
            statements.push(Expr::tuple(names).assign(Expr::tuple(values)).stmt());
        }
        false => {
            let assign = pairs
                .into_iter()
                .map(|(name, value)| name.assign(value).stmt());
            statements.extend(assign);
        }
    }
    statements
}
