//! That nodes can be put into an order. The loops of TensorFlow 1 go back through NextIteration, which is left out.

use savedmodel_import_proto::NodeDef;

use crate::{Error, Place, Result};

/// An error if nodes wait for each other; `before` are each node's operands.
pub(super) fn check(nodes: &[NodeDef], before: &[Vec<usize>]) -> Result<()> {
    let goes_back = |place: usize| {
        matches!(
            nodes[place].op.as_str(),
            "NextIteration" | "RefNextIteration"
        )
    };
    let mut waiting = vec![0usize; nodes.len()];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (place, operands) in before.iter().enumerate() {
        for &operand in operands.iter().filter(|&&operand| !goes_back(operand)) {
            waiting[place] += 1;
            after[operand].push(place);
        }
    }
    let mut ready: Vec<usize> = (0..nodes.len())
        .filter(|&place| waiting[place] == 0)
        .collect();
    let mut done = 0;
    while let Some(place) = ready.pop() {
        done += 1;
        for &next in &after[place] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(next);
            }
        }
    }
    match done == nodes.len() {
        true => Ok(()),
        false => Err(cycle(nodes, before, &waiting)),
    }
}

/// The error for a cycle among the nodes that still wait: from any of them, back along operands that wait as well.
fn cycle(nodes: &[NodeDef], before: &[Vec<usize>], waiting: &[usize]) -> Error {
    let stuck = |place: &usize| waiting[*place] > 0;
    let mut seen = vec![false; nodes.len()];
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..nodes.len()).find(stuck);
    while let Some(place) = at.filter(|&place| !seen[place]) {
        seen[place] = true;
        path.push(place);
        at = before[place].iter().copied().find(stuck);
    }
    let start = at.unwrap_or_default();
    let round = path.iter().skip_while(|&&place| place != start);
    let mut names: Vec<&str> = round.map(|&place| nodes[place].name.as_str()).collect();
    names.extend(nodes.get(start).map(|node| node.name.as_str()));
    names.reverse();
    if names.len() > 8 {
        names.splice(4..names.len() - 4, ["…"]);
    }
    Error::malformed(format!("the nodes form a cycle: {}", names.join(" -> "))).at(&Place {
        node: nodes.get(start).map(|node| node.name.clone()),
        op: nodes.get(start).map(|node| node.op.clone()),
        ..Place::default()
    })
}
