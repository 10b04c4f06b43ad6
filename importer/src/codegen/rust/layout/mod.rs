//! How rustfmt lays out code, for the subset that the syntax tree can express.
//!
//! Every function takes a [`Shape`], the room there is, and gives the text or `None` where the code
//! cannot keep to it; the caller then tries another layout. The widths and the order in which layouts
//! are tried are rustfmt's own (style edition 2024, default configuration): output must be what
//! rustfmt would make of it, to the byte, without rustfmt at hand.

mod arrange;
mod binary;
mod block;
mod chain;
mod closure;
mod control;
mod expr;
mod item;
mod list;
mod matches;
mod nature;
mod pat;
mod rhs;
mod shape;
mod structs;
mod uses;

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use super::expr::{Expr, Kind};
use super::item::{File, Item};
use super::stmt::{Block, Stmt};
use shape::{MAX_WIDTH, Shape};

/// What has been laid out: the same expression in the same room comes out the same. Without this
/// memory the time would grow exponentially with the nesting.
type Memory = RefCell<HashMap<(*const Kind, Shape, bool, bool), Option<String>>>;

/// What the surroundings demand of a piece of code.
#[derive(Clone, Copy)]
struct Layout<'m> {
    memory: &'m Memory,
    /// Method chains must not be broken, because an argument list overflows around them.
    unbroken_chains: bool,
    /// Inside a macro's arguments a trailing comma could change the meaning.
    in_macro: bool,
}

fn with_layout<T>(print: impl FnOnce(Layout<'_>) -> T) -> T {
    let memory = Memory::default();
    print(Layout {
        memory: &memory,
        unbroken_chains: false,
        in_macro: false,
    })
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_layout(|layout| layout.at_any_width(self, 0)))
    }
}

impl fmt::Display for Stmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_statements(std::slice::from_ref(self), 0))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&item::item(self, 0))
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&item::file(self))
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_layout(|layout| layout.braces(self, 0)))
    }
}

/// Prints statements as they stand in a body that is indented by `indent` columns. The first line
/// carries no indentation and the last no line break.
pub fn print_statements(statements: &[Stmt], indent: usize) -> String {
    with_layout(|layout| layout.statements(statements, indent))
}

/// Prints an item that is indented by `indent` columns, but for its first line.
pub fn print_item(of: &Item, indent: usize) -> String {
    item::item(of, indent)
}

/// Prints lines of documentation, `///` before each; nothing for none.
pub fn print_docs(docs: &[String], indent: usize) -> String {
    match docs.is_empty() {
        true => String::new(),
        false => item::documentation("///", docs, indent),
    }
}

/// Prints `#[text]`.
pub fn print_attribute(text: &str, indent: usize) -> String {
    item::attribute("#", text, indent)
}

/// A line of the page, from this indentation on.
fn line(indent: usize) -> Shape {
    Shape::at(indent, MAX_WIDTH)
}
