//! Which modules are drawn inside the box that stands for them, and which in a panel of their own.
//!
//! A module that one box stands for is unfolded in place, as long as the panel stays readable; a type that several
//! boxes share, or a row of modules, is drawn once, in a panel beside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::model::{Method, Module, Picture};

/// A panel with more boxes than this unfolds no more modules.
const MAX_IN_PANEL: usize = 90;
/// A sheet with more boxes than this gets no more panels.
const MAX_ON_SHEET: usize = 4_000;
/// Modules are unfolded this deep.
const MAX_DEPTH: usize = 6;

/// The panels of a picture that has one page.
pub struct Sheet {
    /// The panels: the model's methods, then what they refer to.
    pub panels: Vec<Group>,
    /// How many modules found no place.
    pub left_out: usize,
}

/// A drawing, with the drawings inside some of its boxes.
pub struct Group {
    /// The module.
    pub module: usize,
    /// Which of its methods.
    pub method: usize,
    /// The unfolded boxes.
    pub inside: BTreeMap<usize, Group>,
}

impl Group {
    /// The module and method.
    pub fn drawing<'p>(&self, picture: &'p Picture) -> (&'p Module, &'p Method) {
        let module = &picture.modules[self.module];
        (module, &module.methods[self.method])
    }
}

/// The panels of a picture.
pub fn unfold(picture: &Picture) -> Sheet {
    let mut unfolder = Unfolder {
        picture,
        uses: uses(picture),
        queue: VecDeque::new(),
        seen: BTreeSet::new(),
        room: 0,
    };
    let roots = picture.modules.first().map_or(0, |root| root.methods.len());
    (0..roots).for_each(|method| unfolder.ask((0, method)));
    let mut sheet = Sheet {
        panels: vec![],
        left_out: 0,
    };
    let mut drawn = 0;
    while let Some(next) = unfolder.queue.pop_front() {
        if drawn > MAX_ON_SHEET {
            sheet.left_out = unfolder.queue.len() + 1;
            break;
        }
        unfolder.room = MAX_IN_PANEL;
        let panel = unfolder.group(next, 0);
        drawn += panel.size(picture);
        sheet.panels.push(panel);
    }
    sheet
}

impl Group {
    fn size(&self, picture: &Picture) -> usize {
        let inside: usize = self.inside.values().map(|group| group.size(picture)).sum();
        self.drawing(picture).1.boxes.len() + inside
    }
}

/// How many boxes stand for each module's method; a row counts as several.
fn uses(picture: &Picture) -> BTreeMap<(usize, usize), usize> {
    let mut uses = BTreeMap::new();
    let methods = picture.modules.iter().flat_map(|module| &module.methods);
    for node in methods.flat_map(|method| &method.boxes) {
        if let Some(called) = node.calls {
            *uses.entry(called).or_insert(0) += if node.count.is_some() { 2 } else { 1 };
        }
    }
    uses
}

struct Unfolder<'a> {
    picture: &'a Picture,
    uses: BTreeMap<(usize, usize), usize>,
    queue: VecDeque<(usize, usize)>,
    seen: BTreeSet<(usize, usize)>,
    room: usize,
}

impl Unfolder<'_> {
    /// Asks for a panel.
    fn ask(&mut self, drawing: (usize, usize)) {
        if self.method(drawing).is_some() && self.seen.insert(drawing) {
            self.queue.push_back(drawing);
        }
    }

    fn method(&self, (module, method): (usize, usize)) -> Option<&Method> {
        self.picture.modules.get(module)?.methods.get(method)
    }

    fn group(&mut self, drawing: (usize, usize), depth: usize) -> Group {
        let boxes = self
            .method(drawing)
            .map(|method| method.boxes.clone())
            .unwrap_or_default();
        self.room = self.room.saturating_sub(boxes.len());
        let mut inside = BTreeMap::new();
        for (index, called) in boxes
            .iter()
            .enumerate()
            .filter_map(|(i, node)| Some((i, node.calls?)))
        {
            let size = self
                .method(called)
                .map_or(usize::MAX, |method| method.boxes.len());
            let alone = self.uses.get(&called) == Some(&1) && called != drawing;
            if alone && depth < MAX_DEPTH && size <= self.room {
                inside.insert(index, self.group(called, depth + 1));
            } else {
                self.ask(called);
            }
        }
        Group {
            module: drawing.0,
            method: drawing.1,
            inside,
        }
    }
}
