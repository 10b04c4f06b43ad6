//! A value put where its name is read.

use super::expr::{Expr, Kind};
use super::stmt::{Block, Stmt};
use std::collections::BTreeSet;

/// Where an expression reads a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// At the root of a chain: `x.relu()?.t()`.
    Root,
    /// Beside an operator: `x + y`.
    Operand,
    /// In a call of a function: `softmax(&x, 1)?`.
    Function,
    /// In a call of a method: `self.dense.forward(&x)?`.
    Method,
}

/// What an expression reads.
impl Expr {
    /// How often it reads a name.
    pub fn reads(&self, name: &str) -> usize {
        let mut count = 0;
        self.each_name(&mut |read, _| count += usize::from(read == name));
        count
    }

    /// The names that it reads; of those that are moved, if only they are asked for.
    pub fn names(&self, only_moved: bool) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        self.each_name(&mut |name, is_moved| {
            if is_moved || !only_moved {
                names.insert(name);
            }
        });
        names
    }

    /// Whether it is a name and nothing else.
    pub fn is_name(&self) -> bool {
        matches!(&*self.0, Kind::Path(_))
    }

    /// Whether blocks or closures are in it.
    pub fn has_block(&self) -> bool {
        matches!(*self.0, Kind::Closure(_))
            || self.is_block_like()
            || self.parts().into_iter().any(Expr::has_block)
    }

    /// How many calls stand in its chain.
    pub fn links(&self) -> usize {
        match &*self.0 {
            Kind::Try(inner) | Kind::Field(inner, _) | Kind::Paren(inner) => inner.links(),
            Kind::Method { receiver, .. } => receiver.links() + 1,
            Kind::Call(..) => 1,
            _ => 0,
        }
    }

    /// Whether it is a chain, which is broken before its calls where it is long.
    pub fn is_chain(&self) -> bool {
        match &*self.0 {
            Kind::Try(inner) | Kind::Field(inner, _) => inner.is_chain(),
            Kind::Method { .. } | Kind::Path(_) => true,
            _ => false,
        }
    }

    /// Whether a call stands in another as an argument.
    pub fn has_nested_call(&self) -> bool {
        let has_call = |arg: &Expr| {
            arg.links() > 0 || matches!(&*arg.0, Kind::Prefix(_, inner) if inner.links() > 0)
        };
        match &*self.0 {
            Kind::Try(inner) | Kind::Field(inner, _) | Kind::Paren(inner) => {
                inner.has_nested_call()
            }
            Kind::Method { receiver, args, .. } => {
                receiver.has_nested_call() || args.iter().any(has_call)
            }
            Kind::Call(_, args) => args.iter().any(has_call),
            Kind::Infix(_, left, right) => left.has_nested_call() || right.has_nested_call(),
            _ => false,
        }
    }

    /// Whether it is a call of what `self` has, and no more: `self.dense.forward(x)?`.
    pub fn is_of_self(&self) -> bool {
        match &*self.0 {
            Kind::Try(inner) => inner.is_of_self(),
            Kind::Method { receiver, .. } => match &*receiver.0 {
                Kind::Field(owner, _) => matches!(&*owner.0, Kind::Path(path) if path == "self"),
                _ => false,
            },
            _ => false,
        }
    }

    /// Calls `visit` for every name that it reads, and says whether the value of it is moved there.
    fn each_name<'e>(&'e self, visit: &mut dyn FnMut(&'e str, bool)) {
        match &*self.0 {
            Kind::Path(name) => visit(name, true),
            Kind::Prefix(sign, inner) if sign.starts_with('&') && inner.is_name() => {
                inner.each_name(&mut |name, _| visit(name, false));
            }
            Kind::Method {
                receiver,
                name,
                args,
            } if receiver.is_name() && matches!(name.as_str(), "clone" | "dims" | "device") => {
                receiver.each_name(&mut |name, _| visit(name, false));
                args.iter().for_each(|arg| arg.each_name(visit));
            }
            Kind::Struct(lit) => {
                for (name, value) in &lit.fields {
                    match value {
                        Some(value) => value.each_name(visit),
                        None => visit(name, true),
                    }
                }
                lit.base.iter().for_each(|base| base.each_name(visit));
            }
            Kind::Closure(closure) => closure.body.each_name(visit),
            Kind::If(branch) => {
                branch.condition.value.each_name(visit);
                branch.then.each_name(visit);
                let otherwise = branch.otherwise.iter();
                otherwise.for_each(|other| other.each_name(visit));
            }
            Kind::Match(value, arms) => {
                value.each_name(visit);
                for arm in arms {
                    arm.guard.iter().for_each(|guard| guard.each_name(visit));
                    arm.body.each_name(visit);
                }
            }
            Kind::For(_, values, body) => {
                values.each_name(visit);
                body.each_name(visit);
            }
            Kind::While(condition, body) => {
                condition.value.each_name(visit);
                body.each_name(visit);
            }
            Kind::Loop(body) | Kind::Block(body) => body.each_name(visit),
            _ => self
                .parts()
                .into_iter()
                .for_each(|part| part.each_name(visit)),
        }
    }
}

impl Stmt {
    /// Whether it reads a name.
    pub fn reads(&self, name: &str) -> bool {
        let mut is_read = false;
        self.each_name(&mut |read, _| is_read |= read == name);
        is_read
    }

    fn each_name<'e>(&'e self, visit: &mut dyn FnMut(&'e str, bool)) {
        if let Some(value) = self.expr() {
            value.each_name(visit);
        }
    }
}

impl Block {
    fn each_name<'e>(&'e self, visit: &mut dyn FnMut(&'e str, bool)) {
        self.0
            .iter()
            .for_each(|statement| statement.each_name(visit));
    }
}

/// An expression with a value in place of a name: what was read before it, and where the name stood.
pub struct Spliced<'e> {
    /// The expression.
    pub expr: Expr,
    /// Where the name stood.
    pub seat: Seat,
    /// What the expression reads before it comes to the value.
    pub before: Vec<&'e Expr>,
}

/// How a name stands in its place.
enum Found {
    /// As itself.
    Bare,
    /// Behind `&`.
    Borrowed,
}

impl Expr {
    /// The expression with `value` where it reads `name` for the only time, if that is a place for a value.
    pub fn splice(&self, name: &str, value: &Expr) -> Option<Spliced<'_>> {
        let spliced = |expr, seat, before| Some(Spliced { expr, seat, before });
        match &*self.0 {
            Kind::Try(inner) => {
                let inner = inner.splice(name, value)?;
                spliced(inner.expr.tried(), inner.seat, inner.before)
            }
            Kind::Paren(inner) => {
                let inner = inner.splice(name, value)?;
                spliced(inner.expr.in_parens(), inner.seat, inner.before)
            }
            Kind::Prefix(sign, inner) if *sign == "-" => {
                let inner = inner.operand(name, value)?;
                spliced(inner.expr.negated(), inner.seat, inner.before)
            }
            Kind::Prefix(sign, inner) if *sign == "&" => {
                let inner = inner.splice(name, value)?;
                spliced(inner.expr.by_ref(), inner.seat, inner.before)
            }
            Kind::Infix(op, left, right) => match left.reads(name) {
                0 => {
                    let mut right = right.operand(name, value)?;
                    right.before.insert(0, left);
                    spliced(
                        left.clone().infix(*op, right.expr),
                        right.seat,
                        right.before,
                    )
                }
                _ => {
                    let left = left.operand(name, value)?;
                    spliced(left.expr.infix(*op, right.clone()), left.seat, left.before)
                }
            },
            Kind::Method {
                receiver,
                name: method,
                args,
            } => match receiver.reads(name) {
                0 => {
                    let (args, mut found) = argument(args, name, value, Seat::Method)?;
                    found.before.insert(0, receiver);
                    let call = receiver.clone().call_method(method.clone(), args);
                    spliced(call, found.seat, found.before)
                }
                _ => {
                    let root = receiver.seated(name, value, Seat::Root)?;
                    let call = root.expr.call_method(method.clone(), args.clone());
                    spliced(call, root.seat, root.before)
                }
            },
            Kind::Call(callee, args) => {
                let Kind::Path(path) = &*callee.0 else {
                    return None;
                };
                if path == "Ok" {
                    return None;
                }
                let (args, found) = argument(args, name, value, Seat::Function)?;
                spliced(Expr::call(path.clone(), args), found.seat, found.before)
            }
            _ => None,
        }
    }

    /// An operand of an operator: a value need not be borrowed there.
    fn operand(&self, name: &str, value: &Expr) -> Option<Spliced<'_>> {
        match self.found(name) {
            Some(Found::Borrowed) if !value.is_name() => Some(Spliced {
                expr: value.clone(),
                seat: Seat::Operand,
                before: vec![],
            }),
            _ => self.seated(name, value, Seat::Operand),
        }
    }

    /// The value itself if this is the name itself, else spliced into the expression.
    fn seated(&self, name: &str, value: &Expr, seat: Seat) -> Option<Spliced<'_>> {
        let expr = match self.found(name) {
            Some(Found::Bare) => value.clone(),
            Some(Found::Borrowed) => value.clone().by_ref(),
            None => return self.splice(name, value),
        };
        Some(Spliced {
            expr,
            seat,
            before: vec![],
        })
    }

    fn found(&self, name: &str) -> Option<Found> {
        match &*self.0 {
            Kind::Path(path) if path == name => Some(Found::Bare),
            Kind::Prefix("&", inner) if matches!(&*inner.0, Kind::Path(path) if path == name) => {
                Some(Found::Borrowed)
            }
            _ => None,
        }
    }
}

/// Arguments with a value in place of a name.
fn argument<'e>(
    args: &'e [Expr],
    name: &str,
    value: &Expr,
    seat: Seat,
) -> Option<(Vec<Expr>, Spliced<'e>)> {
    let at = args.iter().position(|arg| arg.reads(name) > 0)?;
    let mut found = args[at].seated(name, value, seat)?;
    found.before.splice(0..0, &args[..at]);
    let mut args = args.to_vec();
    args[at] = found.expr.clone();
    Some((args, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x() -> Expr {
        Expr::path("x")
    }

    fn call(name: &str) -> Expr {
        let layer = Expr::path("self").field(name);
        let argument = Expr::path("input");
        layer.call_method("forward", [argument]).tried()
    }

    #[track_caller]
    fn check(expr: Expr, seat: Seat, expect: &str) {
        let spliced = expr.splice("x", &call("dense")).expect("a place for it");
        assert_eq!(
            (spliced.expr.to_string().as_str(), spliced.seat),
            (expect, seat)
        );
    }

    #[test]
    fn a_value_takes_the_place_of_its_name() {
        let turned = x().call_method("t", []).tried();
        check(turned, Seat::Root, "self.dense.forward(input)?.t()?");
        let sum = (x().by_ref() + Expr::path("y").by_ref()).tried();
        check(sum, Seat::Operand, "(self.dense.forward(input)? + &y)?");
        let softmax = Expr::call("softmax", [x().by_ref(), Expr::int(1)]).tried();
        check(
            softmax,
            Seat::Function,
            "softmax(&self.dense.forward(input)?, 1)?",
        );
        let layer = Expr::path("self").field("norm");
        let norm = layer.call_method("forward", [x().by_ref()]).tried();
        check(
            norm,
            Seat::Method,
            "self.norm.forward(&self.dense.forward(input)?)?",
        );
    }

    #[test]
    fn what_is_read_before_a_value_is_told() {
        let sum = Expr::path("y") + x();
        let spliced = sum.splice("x", &call("dense")).expect("a place for it");
        let moved = spliced.before.iter().flat_map(|expr| expr.names(true));
        assert_eq!(moved.collect::<Vec<_>>(), ["y"]);
    }

    #[test]
    fn a_sum_in_front_of_a_call_gets_parentheses() {
        let sum = Expr::path("a") + Expr::path("b");
        let call = x().call_method("relu", []);
        let spliced = call.splice("x", &sum);
        let text = spliced.map(|spliced| spliced.expr.to_string());
        assert_eq!(text.as_deref(), Some("(a + b).relu()"));
    }

    #[test]
    fn a_field_named_as_its_value_reads_it() {
        assert_eq!(Expr::struct_lit("Output", [("x", x())]).reads("x"), 1);
    }
}
