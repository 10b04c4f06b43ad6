//! Method chains: `root.field.method(args)?.method(args)`.

use super::super::expr::{Expr, Kind};
use super::Layout;
use super::nature::ends_as_block;
use super::shape::{
    Shape, TAB, ends_in_brackets, first_line, is_one_line, last_line, line_count, width,
};

/// The longest chain of several links that stays on one line.
const CHAIN_WIDTH: usize = 60;
/// An overflowing last call of at least this many lines beats one link per line.
const TALL: usize = 5;

/// A part of a chain with the `?`s behind it.
#[derive(Clone, Copy)]
struct Link<'e> {
    part: Part<'e>,
    tries: usize,
}

#[derive(Clone, Copy)]
enum Part<'e> {
    Root(&'e Expr),
    Field(&'e str),
    Method(&'e str, &'e [Expr]),
}

/// The first line of a chain: the root, and the links that keep a short root company.
struct Head<'c, 'e> {
    text: String,
    rest: &'c [Link<'e>],
    ends_with_block: bool,
}

impl Layout<'_> {
    pub fn chain(self, expr: &Expr, shape: Shape) -> Option<String> {
        let (root, links) = links_of(expr);
        if links.is_empty() {
            return self.link(root, shape);
        }
        let head = self.head(root, &links, shape)?;
        let Some((last, middle)) = head.rest.split_last() else {
            return self.checked(head.text, shape);
        };
        let child = if head.ends_with_block {
            shape.indented(0)
        } else {
            shape.indented(TAB)
        }
        .widened();
        let mut parts = vec![head.text];
        for link in middle {
            parts.push(self.link(*link, child)?);
        }
        let several = links.len() > 1;
        let (last, joined) = self.last_link(*last, &parts, several, shape, child)?;
        parts.push(last);
        if !joined && self.unbroken_chains {
            return None;
        }
        let text = parts.join(&if joined {
            String::new()
        } else {
            child.newline()
        });
        self.checked(text, shape)
    }

    fn link(self, link: Link<'_>, shape: Shape) -> Option<String> {
        let shape = shape.less(link.tries)?;
        let text = match link.part {
            Part::Root(expr) => self.expr(expr, shape)?,
            Part::Field(name) => format!(".{name}"),
            Part::Method(name, args) => {
                let generics = name
                    .split_once("::<")
                    .map_or(0, |(_, types)| types.len().saturating_sub(1));
                shape.less(generics)?;
                self.arguments(&format!(".{name}"), args, shape)?
            }
        };
        Some(text + &"?".repeat(link.tries))
    }

    fn head<'c, 'e>(
        self,
        root: Link<'e>,
        links: &'c [Link<'e>],
        shape: Shape,
    ) -> Option<Head<'c, 'e>> {
        let text = self.link(root, shape)?;
        let ends_with_block = matches!(root.part, Part::Root(expr) if ends_as_block(expr, &text))
            && !is_one_line(&text);
        let mut head = Head {
            text,
            rest: links,
            ends_with_block,
        };
        let short = TAB.saturating_sub(shape.offset);
        while head.text.len() <= short && is_one_line(&head.text) {
            let Some((next, rest)) = head.rest.split_first() else {
                break;
            };
            let Some(next) = self.link(*next, shape.after(head.text.len())?) else {
                break;
            };
            head.text += &next;
            head.ends_with_block = ends_in_brackets(&head.text);
            head.rest = rest;
        }
        Some(head)
    }

    /// The last link, which may overflow: `a.b(|c| {` … `})`. Says whether all parts stand on one line.
    fn last_link(
        self,
        last: Link<'_>,
        parts: &[String],
        several: bool,
        shape: Shape,
        child: Shape,
    ) -> Option<(String, bool)> {
        let extendable = ends_in_brackets(&parts[0]);
        let taken = last.tries
            + if extendable {
                width(last_line(&parts[0]))
            } else {
                parts.iter().map(|part| width(part)).sum()
            };
        let page = if several {
            shape.width.min(CHAIN_WIDTH)
        } else {
            shape.width
        };
        let budget = page.saturating_sub(taken);
        let in_line = parts.iter().all(|part| is_one_line(part)) && budget > 0;
        let own_line = child.less(shape.overhead() + last.tries);
        let room = match (in_line, extendable) {
            (true, _) => shape.less(last.tries)?,
            (false, true) => child.less(last.tries)?,
            (false, false) => own_line?,
        };
        // rustfmt lays the link out in this room in any case, and gives up where that fails.
        let fallback = self.link(last, room)?;
        let overflowing = (in_line || extendable)
            .then(|| self.link(last, room.after(taken)?))
            .flatten();
        let Some(overflowing) = overflowing else {
            return Some((fallback, false));
        };
        let fits = width(first_line(&overflowing)) <= budget;
        if fits && line_count(&overflowing) >= TALL {
            return Some((overflowing, in_line));
        }
        let below = self.link(last, own_line?);
        Some(match below {
            Some(below) if !fits || line_count(&below) < line_count(&overflowing) => (below, false),
            _ => (overflowing, fits && in_line),
        })
    }
}

/// The root and the links behind it, each with its `?`s.
fn links_of(expr: &Expr) -> (Link<'_>, Vec<Link<'_>>) {
    let (mut links, mut tries, mut rest) = (Vec::new(), 0, expr);
    loop {
        let (part, inner) = match &*rest.0 {
            Kind::Try(inner) => {
                tries += 1;
                rest = inner;
                continue;
            }
            Kind::Field(inner, name) => (Part::Field(name), inner),
            Kind::Method {
                receiver,
                name,
                args,
            } => (Part::Method(name, args), receiver),
            _ => break,
        };
        links.push(Link { part, tries });
        (tries, rest) = (0, inner);
    }
    links.reverse();
    (
        Link {
            part: Part::Root(rest),
            tries,
        },
        links,
    )
}
