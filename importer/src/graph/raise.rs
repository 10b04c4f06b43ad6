//! The control flow of TensorFlow 1 as nodes that run functions.
//!
//! A frame (Enter, Merge, Switch, NextIteration, Exit) becomes a `While`, whose condition and body are functions made of the
//! frame's nodes; what a Switch sends into two branches that Merges join becomes an `If`. The innermost come first, so that
//! what nests is a node by then. What has another form stays as it is.

use super::body::{Body, Source};
use savedmodel_import_proto::{AttrValue, NameAttrList, NodeDef, attr_value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A body and the functions that its nodes run besides those of the library.
#[derive(Debug)]
pub struct Raised {
    /// The body.
    pub body: Body,
    /// Its functions, which are called by their names.
    pub functions: Vec<Body>,
}

/// The body with its frames and branches raised.
pub fn raise(body: Body) -> Raised {
    let mut raiser = Raiser {
        body,
        functions: vec![],
        done: BTreeSet::new(),
    };
    while raiser.raise_frame() || raiser.raise_branches() {}
    Raised {
        body: raiser.body,
        functions: raiser.functions,
    }
}

struct Raiser {
    body: Body,
    functions: Vec<Body>,
    /// The Enters, Merges and Exits of what is a node already.
    done: BTreeSet<usize>,
}

/// A loop of TensorFlow 1.
struct Frame {
    name: String,
    /// For each variable of the loop: its Enter, its Merge, the source of its next value, its Switch, and its Exits.
    variables: Vec<Variable>,
    /// The Enters of what every round is given.
    invariants: Vec<usize>,
    /// What says whether there is another round.
    condition: Source,
}

struct Variable {
    enter: usize,
    merge: usize,
    next: Source,
    switch: usize,
    exits: Vec<usize>,
}

impl Raiser {
    fn op(&self, node: usize) -> &str {
        &self.body.nodes[node].op
    }

    fn is(&self, node: usize, op: &str) -> bool {
        self.op(node).strip_prefix("Ref").unwrap_or(self.op(node)) == op
    }

    /// The node that a source is the output `output` of, if it is of this op.
    fn made_by(&self, source: Source, op: &str) -> Option<usize> {
        match source {
            Source::Node { node, .. } if self.is(node, op) => Some(node),
            Source::Node { .. } | Source::Argument(_) => None,
        }
    }

    /// Makes the first frame a node that has no other one in it.
    fn raise_frame(&mut self) -> bool {
        let mut names = BTreeSet::new();
        for node in 0..self.body.nodes.len() {
            if self.is(node, "Enter") && !self.done.contains(&node) {
                names.extend(text(&self.body.nodes[node], "frame_name"));
            }
        }
        for name in names {
            if let Some(frame) = self.frame(&name)
                && let Some((condition, body)) = self.parts(&frame)
            {
                self.put_loop(&frame, condition, body);
                return true;
            }
        }
        false
    }

    fn frame(&self, name: &str) -> Option<Frame> {
        let enters = (0..self.body.nodes.len()).filter(|&node| {
            self.is(node, "Enter")
                && text(&self.body.nodes[node], "frame_name").as_deref() == Some(name)
        });
        let mut frame = Frame {
            name: name.to_owned(),
            variables: vec![],
            invariants: vec![],
            condition: Source::Argument(0),
        };
        let mut conditions = BTreeSet::new();
        for enter in enters {
            let Some(merge) = self.reader(enter, "Merge") else {
                frame.invariants.push(enter);
                continue;
            };
            let next = self.body.inputs[merge].iter();
            let mut next = next.filter_map(|&source| self.made_by(source, "NextIteration"));
            let next = *self.body.inputs[next.next_back()?].first()?;
            let switch = self.reader(merge, "Switch")?;
            let condition = self.made_by(*self.body.inputs[switch].get(1)?, "LoopCond")?;
            frame.condition = *self.body.inputs[condition].first()?;
            conditions.insert(condition);
            let exits = (0..self.body.nodes.len()).filter(|&node| {
                let output = Source::Node {
                    node: switch,
                    output: 0,
                };
                self.is(node, "Exit") && self.body.inputs[node].first() == Some(&output)
            });
            frame.variables.push(Variable {
                enter,
                merge,
                next,
                switch,
                exits: exits.collect(),
            });
        }
        (conditions.len() == 1).then_some(frame)
    }

    /// The node of an op that reads the first output of a node first.
    fn reader(&self, of: usize, op: &str) -> Option<usize> {
        let reads = |source: &Source| {
            *source
                == Source::Node {
                    node: of,
                    output: 0,
                }
        };
        (0..self.body.nodes.len()).find(|&node| {
            self.is(node, op)
                && match op {
                    "Merge" => self.body.inputs[node].iter().any(reads),
                    _ => self.body.inputs[node].first().is_some_and(reads),
                }
        })
    }

    /// The condition and the body of a frame as functions; `None` if there is another frame in them.
    fn parts(&self, frame: &Frame) -> Option<(Body, Body)> {
        let mut places: HashMap<Source, usize> = HashMap::new();
        for (place, variable) in frame.variables.iter().enumerate() {
            let outputs = [(variable.merge, 0), (variable.switch, 1)];
            let outputs = outputs.map(|(node, output)| (Source::Node { node, output }, place));
            places.extend(outputs);
        }
        for (place, &node) in frame.invariants.iter().enumerate() {
            let place = frame.variables.len() + place;
            places.insert(Source::Node { node, output: 0 }, place);
        }
        let count = frame.variables.len() + frame.invariants.len();
        let name = |part: &str| format!("{}/{}#{part}", self.body.name, frame.name);
        let condition = self.function(name("condition"), &[frame.condition], &places, count)?;
        let next: Vec<Source> = frame.variables.iter().map(|v| v.next).collect();
        let mut body = self.function(name("body"), &next, &places, count)?;
        let kept = frame.variables.len()..count;
        body.results.extend(kept.map(Source::Argument));
        Some((condition, body))
    }

    /// What some tensors are made of, up to the places that stand for arguments; `None` if that has control flow that is not
    /// raised, or an argument of the body.
    fn function(
        &self,
        name: String,
        results: &[Source],
        places: &HashMap<Source, usize>,
        arguments: usize,
    ) -> Option<Body> {
        let mut nodes: Vec<usize> = vec![];
        let mut numbers: HashMap<usize, usize> = HashMap::new();
        let mut stack = results.to_vec();
        while let Some(source) = stack.pop() {
            let Source::Node { node, .. } = source else {
                return None;
            };
            if places.contains_key(&source) || numbers.contains_key(&node) {
                continue;
            }
            if self.is_open(node) {
                return None;
            }
            numbers.insert(node, nodes.len());
            nodes.push(node);
            stack.extend(&self.body.inputs[node]);
        }
        let moved = |source: &Source| match (*source, places.get(source)) {
            (_, Some(&place)) => Source::Argument(place),
            (Source::Node { node, output }, None) => Source::Node {
                node: numbers[&node],
                output,
            },
            (argument, None) => argument,
        };
        let inputs = nodes
            .iter()
            .map(|&node| self.body.inputs[node].iter().map(moved).collect());
        let results = results.iter().map(moved).collect();
        let inputs: Vec<Vec<Source>> = inputs.collect();
        let nodes = nodes.iter().map(|&node| self.body.nodes[node].clone());
        Some(Body::of_parts(
            name.into(),
            arguments,
            nodes.collect(),
            inputs,
            results,
        ))
    }

    /// Whether a node belongs to control flow that has to be raised first.
    fn is_open(&self, node: usize) -> bool {
        let is_frames = ["Enter", "Exit", "NextIteration", "LoopCond"];
        is_frames.iter().any(|op| self.is(node, op))
            || (self.is(node, "Merge") && self.branch_of(node).is_some())
            || (self.is(node, "Switch") && self.known(self.body.inputs[node].get(1)).is_none())
    }

    fn put_loop(&mut self, frame: &Frame, condition: Body, body: Body) {
        let variables = frame.variables.iter().map(|variable| variable.enter);
        let enters: Vec<usize> = variables.chain(frame.invariants.iter().copied()).collect();
        let scope = frame
            .name
            .rsplit_once('/')
            .map_or(frame.name.as_str(), |(scope, _)| scope);
        let mut def = NodeDef {
            name: scope.to_owned(),
            op: "While".to_owned(),
            ..NodeDef::default()
        };
        def.attr.insert("cond".to_owned(), runs(&condition));
        def.attr.insert("body".to_owned(), runs(&body));
        def.attr.insert("T".to_owned(), self.types(&enters));
        let inputs = enters
            .iter()
            .filter_map(|&enter| self.body.inputs[enter].first().copied());
        let made = self.body.add(def, inputs.collect());
        self.done.extend(&enters);
        for (output, variable) in frame.variables.iter().enumerate() {
            for &exit in &variable.exits {
                let exit = Source::Node {
                    node: exit,
                    output: 0,
                };
                let value = Source::Node { node: made, output };
                self.body.replace(exit, value);
            }
        }
        self.functions.extend([condition, body]);
    }

    /// The element types of nodes, as an attribute.
    fn types(&self, nodes: &[usize]) -> AttrValue {
        let types = nodes.iter().map(|&node| dtype(&self.body.nodes[node]));
        let list = attr_value::ListValue {
            r#type: types.collect(),
            ..attr_value::ListValue::default()
        };
        AttrValue {
            value: Some(attr_value::Value::List(list)),
        }
    }

    /// What a predicate is, without identities.
    fn plain(&self, mut source: Source) -> Source {
        while let Some(node) = self.made_by(source, "Identity") {
            let Some(&of) = self.body.inputs[node].first() else {
                break;
            };
            source = of;
        }
        source
    }

    /// A predicate that the graph says itself: which branch is taken is known, and switches do with that.
    fn known(&self, predicate: Option<&Source>) -> Option<()> {
        let source = self.plain(*predicate?);
        self.made_by(source, "Const")
            .or_else(|| self.made_by(source, "PlaceholderWithDefault"))
            .map(drop)
    }

    /// The predicate whose branches a Merge joins, if it is no loop's.
    fn branch_of(&self, merge: usize) -> Option<Source> {
        let inputs = &self.body.inputs[merge];
        if self.done.contains(&merge) || inputs.len() != 2 {
            return None;
        }
        let is_loop = |&source: &Source| self.made_by(source, "NextIteration").is_some();
        if inputs.iter().any(is_loop) {
            return None;
        }
        let sides = inputs.iter().filter_map(|&source| self.side(source));
        let sides: Vec<(Source, usize)> = sides.collect();
        let predicate = sides.first()?.0;
        let known = self.known(Some(&predicate)).is_some();
        (!known && sides.iter().all(|(other, _)| *other == predicate)).then_some(predicate)
    }

    /// The predicate of the nearest Switches that a source comes from, and the output of theirs.
    fn side(&self, source: Source) -> Option<(Source, usize)> {
        let mut seen = BTreeSet::new();
        let mut stack = vec![source];
        let mut pinned = vec![];
        while let Some(source) = stack.pop() {
            let Source::Node { node, output } = source else {
                continue;
            };
            if self.is(node, "Switch") {
                let predicate = *self.body.inputs[node].get(1)?;
                if self.known(Some(&predicate)).is_none() {
                    return Some((self.plain(predicate), output));
                }
            }
            if seen.insert(node) {
                stack.extend(self.body.inputs[node].iter().rev());
                pinned.extend(self.body.controls_of(node));
            }
        }
        // A constant of a branch has an edge from the pivot of the branch.
        let mut pinned = pinned.into_iter();
        pinned.find_map(|&node| {
            let pivot = Source::Node { node, output: 0 };
            let identity = self.made_by(pivot, "Identity")?;
            self.side(*self.body.inputs[identity].first()?)
        })
    }

    /// Makes an `If` of the Merges of one predicate whose branches have no open control flow in them.
    fn raise_branches(&mut self) -> bool {
        let mut groups: BTreeMap<String, (Source, Vec<usize>)> = BTreeMap::new();
        for merge in 0..self.body.nodes.len() {
            if !self.is(merge, "Merge") {
                continue;
            }
            if let Some(predicate) = self.branch_of(merge) {
                let group = groups.entry(format!("{predicate:?}"));
                group.or_insert((predicate, vec![])).1.push(merge);
            }
        }
        for (predicate, merges) in groups.into_values() {
            let ready: Vec<(usize, [Source; 2])> = merges
                .iter()
                .filter_map(|&merge| Some((merge, self.ordered(merge, predicate)?)))
                .filter(|(_, sides)| self.branches(predicate, &[*sides]).is_some())
                .collect();
            if !ready.is_empty() && self.put_branches(predicate, &ready) {
                return true;
            }
        }
        false
    }

    /// What a Merge gives for a false and for a true predicate.
    fn ordered(&self, merge: usize, predicate: Source) -> Option<[Source; 2]> {
        let &[a, b] = self.body.inputs[merge].as_slice() else {
            return None;
        };
        let side = |source: Source| {
            let (of, side) = self.side(source)?;
            (of == predicate).then_some(side)
        };
        match (side(a), side(b)) {
            (Some(0), Some(1) | None) | (None, Some(1)) => Some([a, b]),
            (Some(1), Some(0) | None) | (None, Some(0)) => Some([b, a]),
            _ => None,
        }
    }

    /// The two branches as functions of what they are given.
    fn branches(
        &self,
        predicate: Source,
        sides: &[[Source; 2]],
    ) -> Option<([Body; 2], Vec<Source>)> {
        let mut given: Vec<Source> = vec![];
        let mut places = [HashMap::new(), HashMap::new()];
        for node in 0..self.body.nodes.len() {
            let (true, &[data, chooser]) =
                (self.is(node, "Switch"), self.body.inputs[node].as_slice())
            else {
                continue;
            };
            if self.plain(chooser) != predicate {
                continue;
            }
            let place = given.iter().position(|&known| known == data);
            let place = place.unwrap_or_else(|| {
                given.push(data);
                given.len() - 1
            });
            for (output, places) in places.iter_mut().enumerate() {
                places.insert(Source::Node { node, output }, place);
            }
        }
        let number = self.functions.len();
        let mut made = vec![];
        for (side, places) in places.iter().enumerate() {
            let name = format!("{}/branch{number}#{side}", self.body.name);
            let results: Vec<Source> = sides.iter().map(|sides| sides[side]).collect();
            made.push(self.function(name, &results, places, given.len())?);
        }
        let made: [Body; 2] = made.try_into().ok()?;
        Some(without_unread(made, given))
    }

    fn put_branches(&mut self, predicate: Source, merges: &[(usize, [Source; 2])]) -> bool {
        let sides: Vec<[Source; 2]> = merges.iter().map(|(_, sides)| *sides).collect();
        let Some(([no, yes], given)) = self.branches(predicate, &sides) else {
            return false;
        };
        let nodes: Vec<usize> = merges.iter().map(|(merge, _)| *merge).collect();
        let name = &self.body.nodes[nodes[0]].name;
        let scope = name
            .rsplit_once('/')
            .map_or(name.as_str(), |(scope, _)| scope);
        let mut def = NodeDef {
            name: scope.to_owned(),
            op: "If".to_owned(),
            ..NodeDef::default()
        };
        def.attr.insert("then_branch".to_owned(), runs(&yes));
        def.attr.insert("else_branch".to_owned(), runs(&no));
        def.attr.insert("Tout".to_owned(), self.types(&nodes));
        let inputs = std::iter::once(predicate).chain(given).collect();
        let made = self.body.add(def, inputs);
        for (output, &merge) in nodes.iter().enumerate() {
            self.done.insert(merge);
            let old = Source::Node {
                node: merge,
                output: 0,
            };
            self.body.replace(old, Source::Node { node: made, output });
        }
        self.functions.extend([no, yes]);
        true
    }
}

/// Two functions of the same arguments, without those that neither reads.
fn without_unread(mut functions: [Body; 2], given: Vec<Source>) -> ([Body; 2], Vec<Source>) {
    let mut read = BTreeSet::new();
    for function in &functions {
        let sources = function.inputs.iter().flatten().chain(&function.results);
        read.extend(sources.filter_map(|source| match source {
            Source::Argument(place) => Some(*place),
            Source::Node { .. } => None,
        }));
    }
    let read: Vec<usize> = read.into_iter().collect();
    for function in &mut functions {
        function.arguments = read.len();
        let sources = function.inputs.iter_mut().flatten();
        for source in sources.chain(&mut function.results) {
            if let Source::Argument(place) = source
                && let Ok(at) = read.binary_search(place)
            {
                *place = at;
            }
        }
    }
    let kept = read.into_iter().map(|place| given[place]).collect();
    (functions, kept)
}

fn text(def: &NodeDef, attr: &str) -> Option<String> {
    match &def.attr.get(attr)?.value {
        Some(attr_value::Value::S(bytes)) => String::from_utf8(bytes.to_vec()).ok(),
        Some(_) | None => None,
    }
}

fn dtype(def: &NodeDef) -> i32 {
    match def.attr.get("T").and_then(|attr| attr.value.as_ref()) {
        Some(attr_value::Value::Type(dtype)) => *dtype,
        Some(_) | None => 0,
    }
}

/// The attribute that names a function.
fn runs(function: &Body) -> AttrValue {
    let function = NameAttrList {
        name: function.name.to_string(),
        ..NameAttrList::default()
    };
    AttrValue {
        value: Some(attr_value::Value::Func(function)),
    }
}
