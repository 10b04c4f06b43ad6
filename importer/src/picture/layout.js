"use strict";
// Coordinates of a picture's drawings. Rows and their order are given; widths depend on what is unfolded.
const layout = (picture, isOpen, lines) => {
  const join = (path, field) => (path ? path + "." + field : field);
  const short = (text) => (text.length > 44 ? text.slice(0, 43) + "…" : text);
  const CHAR = 6.4, LINE = 14, GAP = 22, ROW_GAP = 26, MARGIN = 12, TITLE = 24;
  // The path of a module inside another; of a row, the first one's.
  const inner = (node, path) => (node.field ? join(path, node.field) + (node.count === null ? "" : ".0") : path);
  const isBorder = (node) => node.kind === "argument" || node.kind === "result";

  const part = (at, module, node, index, path) => {
    const key = at + "/" + index;
    const title = node.label + (node.optional ? "?" : "");
    const made = { key, node, module, path, title, lines: [], types: node.types.join(" · "), inside: null };
    if (node.calls && isOpen(key)) {
      made.inside = block(key, node.calls[0], node.calls[1], inner(node, path));
      made.w = made.inside.w;
      made.h = made.inside.h;
    } else if (isBorder(node) && at !== "") {
      made.w = title.length * CHAR + 14;
      made.h = 18;
      made.types = "";
    } else {
      made.lines = node.kind === "result" ? [made.types] : lines(module, node, path);
      if (node.kind === "result") made.types = "";
      const longest = Math.max(title.length * 1.12, ...made.lines.map((line) => line.length));
      made.w = Math.min(longest, 46) * CHAR + 16;
      made.h = LINE * (1 + made.lines.length) + 8;
    }
    const right = short(made.types).length * CHAR * 0.9 + 6;
    made.room = { w: made.types ? Math.max(made.w, 2 * right) : made.w, h: made.h + (made.types ? LINE : 0) };
    return made;
  };

  const block = (at, moduleIndex, methodIndex, path) => {
    const module = picture.modules[moduleIndex], method = module.methods[methodIndex];
    const parts = method.boxes.map((node, i) => part(at, module, node, i, path));
    const place = [], bends = method.edges.map(() => []);
    const rows = method.rows.map((row) => row.map((slot) => {
      const cell = "box" in slot
        ? { w: parts[slot.box].room.w, h: parts[slot.box].room.h, x: 0, up: [], down: [] }
        : { w: 4, h: 0, x: 0, up: [], down: [], bend: true };
      if ("box" in slot) place[slot.box] = cell; else bends[slot.bend].push(cell);
      return cell;
    }));
    rows.forEach((row, r) => row.forEach((cell) => { cell.row = r; }));
    const fan = parts.map(() => 0);
    method.edges.forEach((e) => { fan[e.to] = Math.max(fan[e.to], e.operand + 1); });
    const ends = (e) => {
      const from = parts[e.from], to = parts[e.to];
      const out = from.inside ? port(from, from.inside.outputs, e.result) : 0;
      const step = Math.min(16, to.w / (fan[e.to] + 1));
      const into = to.inside ? port(to, to.inside.inputs, e.operand) : (e.operand - (fan[e.to] - 1) / 2) * step;
      return [out, into];
    };
    const port = (p, ports, i) => (ports[i] ? ports[i].x - p.inside.w / 2 : 0);
    method.edges.forEach((e, i) => {
      const [out, into] = ends(e);
      const way = [[place[e.from], out], ...bends[i].map((b) => [b, 0]), [place[e.to], into]];
      if (place[e.from].row >= place[e.to].row) [way[0], way[way.length - 1]] = [way.at(-1), way[0]];
      for (let k = 1; k < way.length; k++) {
        let [a, b] = [way[k - 1], way[k]];
        if (a[0].row > b[0].row) [a, b] = [b, a];
        if (a[0].row === b[0].row) continue;
        const weight = a[0].bend && b[0].bend ? 8 : a[0].bend || b[0].bend ? 1 : 3;
        a[0].down.push([b[0], b[1] - a[1], weight]);
        b[0].up.push([a[0], a[1] - b[1], weight]);
      }
    });
    settle(rows);
    return finish(at, method, parts, place, bends, rows, ends);
  };

  const settle = (rows) => {
    const SWEEPS = 25;
    rows.forEach((row) => arrange(row, row.map(() => [0, 1])));
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      const down = sweep % 2 === 0, both = sweep + 7 >= SWEEPS && sweep + 1 < SWEEPS;
      const order = down ? rows : [...rows].reverse();
      for (const row of order) {
        arrange(row, row.map((cell) => {
          let sum = 0, weight = 0;
          const near = both ? cell.up.concat(cell.down) : down ? cell.up : cell.down;
          for (const [other, shift, w] of near) { sum += (other.x + shift) * w; weight += w; }
          return weight ? [sum / weight, weight] : [cell.x, 0.1];
        }));
      }
    }
  };

  // The closest places to the wishes that keep order and distance: neighbours that touch move as one.
  const arrange = (row, wishes) => {
    const offsets = [];
    let x = 0;
    row.forEach((cell, i) => {
      if (i) x += (row[i - 1].w + cell.w) / 2 + (row[i - 1].bend && cell.bend ? GAP / 2 : GAP);
      offsets.push(x);
    });
    const runs = [];
    wishes.forEach(([wish, weight], i) => {
      let run = [(wish - offsets[i]) * weight, weight, 1];
      while (runs.length && runs.at(-1)[0] / runs.at(-1)[1] > run[0] / run[1]) {
        const last = runs.pop();
        run = [run[0] + last[0], run[1] + last[1], run[2] + last[2]];
      }
      runs.push(run);
    });
    let i = 0;
    for (const [sum, weight, size] of runs) {
      for (let k = 0; k < size; k++, i++) row[i].x = sum / weight + offsets[i];
    }
  };

  const finish = (at, method, parts, place, bends, rows, ends) => {
    const cells = rows.flat();
    const left = cells.reduce((min, c) => Math.min(min, c.x - c.w / 2), Infinity);
    cells.forEach((c) => { c.x += MARGIN - (isFinite(left) ? left : 0); });
    const w = cells.reduce((max, c) => Math.max(max, c.x + c.w / 2), 0) + MARGIN;
    const heights = rows.map((row) => row.reduce((max, c) => Math.max(max, c.h), 0));
    const tops = [];
    let y = at === "" ? MARGIN : TITLE + MARGIN / 2;
    heights.forEach((height) => { tops.push(y); y += height + ROW_GAP; });
    const made = { w, h: y - ROW_GAP + MARGIN, parts, lines: [], inputs: [], outputs: [] };
    parts.forEach((p, i) => {
      p.x = place[i].x - p.w / 2;
      p.y = tops[place[i].row];
      if (p.node.kind === "argument") made.inputs.push({ x: place[i].x, y: p.y });
      if (p.node.kind === "result") made.outputs.push({ x: place[i].x, y: p.y + p.h });
    });
    made.lines = method.edges.map((e, i) => {
      const [out, into] = ends(e), from = parts[e.from], to = parts[e.to];
      const a = place[e.from], b = place[e.to];
      if (a.row >= b.row) {
        const back = [[a.x - 6, from.y]];
        for (const bend of [...bends[i]].reverse()) back.push([bend.x, tops[bend.row] + heights[bend.row]], [bend.x, tops[bend.row]]);
        back.push([b.x - 6, tops[b.row] + heights[b.row]], [b.x - 6, to.y + to.h]);
        return { points: back, from: from.key, to: to.key };
      }
      const start = from.inside && from.inside.outputs[e.result];
      const points = [[a.x + out, from.y + (start ? start.y : from.h)], [a.x + out, tops[a.row] + heights[a.row]]];
      for (const bend of bends[i]) points.push([bend.x, tops[bend.row]], [bend.x, tops[bend.row] + heights[bend.row]]);
      points.push([b.x + into, to.y]);
      const end = to.inside && to.inside.inputs[e.operand];
      if (end) points.push([b.x + into, to.y + end.y]);
      return { points, from: from.key, to: to.key };
    });
    return made;
  };

  return { isBorder, block, inner, join, short, MARGIN };
};
