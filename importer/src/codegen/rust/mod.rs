//! A syntax tree for the Rust that generated modules are written in, and its printer.
//!
//! What is printed is what rustfmt would make of it, to the byte, so that generated code needs no
//! rustfmt and no diff of it is noise. The tree can express only what is laid out exactly:
//!
//! - Types, generic arguments and attributes are text and stay on their line.
//! - Identifiers come from [`crate::plan::ident`], strings are escaped, comments are cleaned: nothing in a model
//!   can become code.
//! - A statement that cannot keep to the width at all (a path of a hundred characters) runs over, as
//!   rustfmt would let it.

#![allow(
    dead_code,
    unused_imports,
    reason = "the tree covers what generated code may be made of, not only what it is today"
)]

mod build;
mod expr;
mod flow;
mod item;
mod layout;
mod literal;
mod op;
mod parens;
mod pat;
mod splice;
mod stmt;

pub use expr::{Arm, Condition, Expr};
pub use item::{File, Function, Item, Member};
pub use layout::{print_attribute, print_docs, print_item, print_statements};
pub use op::Op;
pub use pat::Pat;
pub use splice::{Seat, Spliced};
pub use stmt::{Block, Stmt};

#[cfg(test)]
mod tests;
