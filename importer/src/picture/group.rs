//! Boxes of one drawing become a box of their own, with a drawing of its inside.

use std::collections::BTreeMap;

use super::model::{Edge, Kind, Method, Module, Node, Picture};

/// A drawing of more boxes than this is cut into parts.
const MAX_BOXES: usize = 240;
/// How many boxes a part has at least.
const MIN_PART: usize = 40;

/// A drawing whose groups are boxes, and the drawing of each group's inside.
pub struct Grouped {
    /// The drawing. The boxes of groups call nothing yet.
    pub outer: Method,
    /// The box of each group in it.
    pub boxes: Vec<usize>,
    /// The insides, and for each of its boxes the box that it was; pills at the border were none.
    pub inner: Vec<(Method, Vec<Option<usize>>)>,
}

/// Puts each box into the group that `of` names; boxes of no group stay.
pub fn group(method: &Method, of: &[Option<usize>], count: usize) -> Grouped {
    let mut grouper = Grouper {
        method,
        of,
        outer: Method {
            name: method.name.clone(),
            path: method.path.clone(),
            ..Method::default()
        },
        place: vec![0; method.boxes.len()],
        groups: vec![Inside::default(); count],
    };
    grouper.boxes();
    method.edges.iter().for_each(|edge| grouper.edge(edge));
    let boxes = grouper
        .groups
        .iter()
        .map(|group| group.place.unwrap_or(0))
        .collect();
    for group in &grouper.groups {
        if let Some(place) = group.place {
            let types = group.results.iter().flat_map(|result| result.types.clone());
            grouper.outer.boxes[place].types = types.collect();
        }
    }
    Grouped {
        outer: grouper.outer,
        boxes,
        inner: grouper.groups.into_iter().map(Inside::finish).collect(),
    }
}

struct Grouper<'a> {
    method: &'a Method,
    of: &'a [Option<usize>],
    outer: Method,
    /// The place of each box in its group, or outside.
    place: Vec<usize>,
    groups: Vec<Inside>,
}

/// The inside of a group: its arguments, boxes and results, which are numbered each for themselves until the end.
#[derive(Clone, Default)]
struct Inside {
    place: Option<usize>,
    arguments: Vec<Node>,
    argument_of: BTreeMap<(usize, usize), usize>,
    boxes: Vec<Node>,
    was: Vec<usize>,
    results: Vec<Node>,
    result_of: BTreeMap<(usize, usize), usize>,
    edges: Vec<Edge>,
    /// Edges from arguments and to results.
    border: Vec<(End, End, usize, usize)>,
}

/// An end of an edge at the border.
#[derive(Clone, Copy)]
enum End {
    Argument(usize),
    Box(usize),
    Result(usize),
}

impl Grouper<'_> {
    fn boxes(&mut self) {
        for (index, node) in self.method.boxes.iter().enumerate() {
            let Some(group) = self.of[index] else {
                self.place[index] = self.outer.boxes.len();
                self.outer.boxes.push(node.clone());
                continue;
            };
            let group = &mut self.groups[group];
            if group.place.is_none() {
                group.place = Some(self.outer.boxes.len());
                self.outer.boxes.push(Node {
                    kind: Kind::Module,
                    ..Node::default()
                });
            }
            self.place[index] = group.boxes.len();
            group.boxes.push(node.clone());
            group.was.push(index);
        }
    }

    fn edge(&mut self, edge: &Edge) {
        let (from, to) = (self.place[edge.from], self.place[edge.to]);
        match (self.of[edge.from], self.of[edge.to]) {
            (Some(a), Some(b)) if a == b => {
                self.groups[a].edges.push(Edge { from, to, ..*edge });
            }
            (source, target) => {
                let (from, result) = match source {
                    Some(group) => self.leave(group, edge, from),
                    None => (from, edge.result),
                };
                match target {
                    Some(group) => self.enter(group, edge, from, result, to),
                    None => self.outer.edges.push(Edge {
                        from,
                        result,
                        to,
                        operand: edge.operand,
                    }),
                }
            }
        }
    }

    /// The box of the group that a value comes out of, and which of its results it is.
    fn leave(&mut self, group: usize, edge: &Edge, from: usize) -> (usize, usize) {
        let source = &self.method.boxes[edge.from];
        let inside = &mut self.groups[group];
        let next = inside.results.len();
        let result = *inside
            .result_of
            .entry((edge.from, edge.result))
            .or_insert(next);
        if result == next {
            inside.results.push(pill(Kind::Result, source, edge.result));
            let ends = (End::Box(from), End::Result(result));
            inside.border.push((ends.0, ends.1, edge.result, 0));
        }
        (inside.place.unwrap_or(0), result)
    }

    /// Leads a value into a group.
    fn enter(&mut self, group: usize, edge: &Edge, from: usize, result: usize, to: usize) {
        let source = &self.method.boxes[edge.from];
        let inside = &mut self.groups[group];
        let next = inside.arguments.len();
        let key = (edge.from, edge.result);
        let argument = *inside.argument_of.entry(key).or_insert(next);
        if argument == next {
            inside
                .arguments
                .push(pill(Kind::Argument, source, edge.result));
            self.outer.edges.push(Edge {
                from,
                result,
                to: inside.place.unwrap_or(0),
                operand: argument,
            });
        }
        let ends = (End::Argument(argument), End::Box(to));
        inside.border.push((ends.0, ends.1, 0, edge.operand));
    }
}

/// A value at the border of a group.
fn pill(kind: Kind, source: &Node, result: usize) -> Node {
    Node {
        kind,
        label: source.label.clone(),
        types: source.types.get(result).cloned().into_iter().collect(),
        ..Node::default()
    }
}

impl Inside {
    fn finish(self) -> (Method, Vec<Option<usize>>) {
        let (arguments, boxes) = (self.arguments.len(), self.boxes.len());
        let place = |end: End| match end {
            End::Argument(index) => index,
            End::Box(index) => arguments + index,
            End::Result(index) => arguments + boxes + index,
        };
        let inner = self.edges.iter().map(|edge| Edge {
            from: arguments + edge.from,
            to: arguments + edge.to,
            ..*edge
        });
        let border = self.border.iter().map(|&(from, to, result, operand)| Edge {
            from: place(from),
            result,
            to: place(to),
            operand,
        });
        let edges = inner.chain(border).collect();
        let mut was = vec![None; arguments];
        was.extend(self.was.into_iter().map(Some));
        was.resize(arguments + boxes + self.results.len(), None);
        let all = self
            .arguments
            .into_iter()
            .chain(self.boxes)
            .chain(self.results);
        let method = Method {
            boxes: all.collect(),
            edges,
            ..Method::default()
        };
        (method, was)
    }
}

/// Cuts drawings of too many boxes into parts, in the order of their boxes.
pub fn cut_large(picture: &mut Picture) {
    let mut next = 0;
    while next < picture.modules.len() {
        for index in 0..picture.modules[next].methods.len() {
            cut(picture, next, index);
        }
        next += 1;
    }
}

fn cut(picture: &mut Picture, module: usize, index: usize) {
    let method = &picture.modules[module].methods[index];
    let is_inside = |node: &Node| !matches!(node.kind, Kind::Argument | Kind::Result);
    let count = method.boxes.iter().filter(|node| is_inside(node)).count();
    if count <= MAX_BOXES {
        return;
    }
    let size = count.div_ceil(MIN_PART).max(MIN_PART);
    let mut seen = 0;
    let mut of = vec![];
    for node in &method.boxes {
        of.push(is_inside(node).then_some(seen / size));
        seen += usize::from(is_inside(node));
    }
    let parts = count.div_ceil(size);
    let Grouped {
        mut outer,
        boxes,
        inner,
    } = group(method, &of, parts);
    for (part, (place, (inside, _))) in boxes.into_iter().zip(inner).enumerate() {
        let last = ((part + 1) * size).min(count);
        let name = format!("part {}", part + 1);
        outer.boxes[place].label.clone_from(&name);
        outer.boxes[place].detail = format!("boxes {} to {last}", part * size + 1);
        outer.boxes[place].calls = Some((picture.modules.len(), 0));
        let around = &picture.modules[module];
        picture.modules.push(Module {
            name: format!("{}, {name}", around.name),
            is_scope: around.is_scope,
            example: around.example.clone(),
            instances: around.instances.clone(),
            fields: around.fields.clone(),
            methods: vec![inside],
            ..Module::default()
        });
    }
    picture.modules[module].methods[index] = outer;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(count: usize) -> Method {
        let boxes = (0..count).map(|i| Node {
            label: format!("op{i}"),
            types: vec!["f32[]".into()],
            ..Node::default()
        });
        let edges = (1..count).map(|to| Edge {
            from: to - 1,
            to,
            ..Edge::default()
        });
        Method {
            boxes: boxes.collect(),
            edges: edges.collect(),
            ..Method::default()
        }
    }

    #[test]
    fn a_value_enters_and_leaves_a_group_once() {
        let mut method = chain(4);
        method.edges.push(Edge {
            from: 0,
            to: 2,
            operand: 1,
            ..Edge::default()
        });
        let grouped = group(&method, &[None, Some(0), Some(0), None], 1);
        assert_eq!(grouped.outer.boxes.len(), 3);
        assert_eq!(grouped.outer.edges.len(), 2);
        let inside = &grouped.inner[0].0;
        let labels: Vec<&str> = inside.boxes.iter().map(|b| b.label.as_str()).collect();
        assert_eq!(labels, ["op0", "op1", "op2", "op2"]);
        assert_eq!(inside.edges.len(), 4);
    }

    #[test]
    fn a_long_chain_is_cut_into_parts_of_bearable_size() {
        let module = Module {
            methods: vec![chain(20_000)],
            ..Module::default()
        };
        let mut picture = Picture {
            modules: vec![module],
            ..Picture::default()
        };
        cut_large(&mut picture);
        let largest = picture
            .modules
            .iter()
            .map(|m| m.methods[0].boxes.len())
            .max();
        assert!(largest < Some(MAX_BOXES + 10), "{largest:?}");
        let ops = picture.modules.iter().flat_map(|m| &m.methods[0].boxes);
        assert_eq!(ops.filter(|node| node.kind == Kind::Op).count(), 20_000);
    }
}
