(() => {
  const picture = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const stage = byId("stage"), drawing = byId("drawing"), details = byId("details"), tree = byId("tree");
  const state = { method: 0, open: new Set(), picked: null, zoom: 1, query: "" };

  const { isBorder, block, inner, join, short, MARGIN } = layout(picture, (key) => state.open.has(key), (...box) => lines(...box));

  // Elements. Text of the model is only ever set as text.
  const put = (parent, node, text) => {
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };
  const html = (parent, name, text, className) => {
    const node = put(parent, document.createElement(name), text);
    if (className) node.className = className;
    return node;
  };
  const svg = (parent, name, attributes, text) => {
    const node = put(parent, document.createElementNS(SVG, name), text);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    return node;
  };
  const count = (n) => n.toLocaleString("en");

  // Weights: `picture.weights` is sorted by key.
  const below = (path) => {
    const first = (key) => {
      let [low, high] = [0, picture.weights.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (picture.weights[middle].key < key) low = middle + 1; else high = middle;
      }
      return low;
    };
    // After "." comes "/".
    const own = picture.weights.slice(first(path), first(path) + 1).filter((w) => w.key === path);
    return own.concat(picture.weights.slice(first(path + "."), first(path + "/")));
  };
  const weightsOf = (module, node, path) => {
    const own = node.weights.map((i) => picture.weights[i]);
    return node.field && !module.is_scope ? own.concat(below(join(path, node.field))) : own;
  };
  const parameters = (weights) => weights.reduce((sum, w) => sum + w.parameters, 0);

  // What a box says.
  const lines = (module, node, path) => {
    const out = [];
    if (node.calls) {
      const called = picture.modules[node.calls[0]];
      const name = called.is_scope ? "" : called.name;
      out.push(node.count === null ? name : node.count + " × " + name);
    }
    out.push(node.detail);
    const weights = weightsOf(module, node, path);
    if (weights.length) out.push(count(parameters(weights)) + " parameters");
    return out.filter((line) => line).map(short);
  };

  // Drawing.
  const swing = (points) => {
    let d = "", px = 0, py = 0;
    points.forEach(([x, y], i) => {
      if (!i) d = `M${x} ${y}`;
      else if (Math.abs(px - x) < 0.5) d += `L${x} ${y}`;
      else d += `C${px} ${(py + y) / 2} ${x} ${(py + y) / 2} ${x} ${y}`;
      [px, py] = [x, y];
    });
    return d;
  };

  // What a search looks at: a row of modules has the weights of all of them, any other module none of its own.
  const contains = (module, node, path) => {
    if (!state.query) return false;
    const weights = node.calls && node.count === null ? [] : weightsOf(module, node, path);
    const text = [node.label, node.detail, ...node.nodes, ...weights.flatMap((w) => [w.key, w.name])].join("\n");
    return text.toLowerCase().includes(state.query);
  };

  let edges = [], shown = new Map();
  const drawBlock = (parent, made) => {
    for (const p of made.parts) if (p.inside) drawPart(parent, p);
    for (const line of made.lines) {
      const path = svg(parent, "path", { class: "edge", d: swing(line.points), "marker-end": "url(#arrow)" });
      edges.push({ path, ...line });
    }
    for (const p of made.parts) if (!p.inside) drawPart(parent, p);
  };

  const drawPart = (parent, p) => {
    const kind = p.node.kind + (p.inside ? " open" : "") + (p.node.optional ? " optional" : "");
    const g = svg(parent, "g", { class: "node " + kind, transform: `translate(${p.x} ${p.y})`, tabindex: 0, role: "button" });
    g.setAttribute("aria-label", [p.title, ...p.lines, p.types].filter((t) => t).join(", "));
    if (p.node.calls) g.setAttribute("aria-expanded", String(!!p.inside));
    if (p.node.count !== null && !p.inside) svg(g, "rect", { x: 4, y: 4, width: p.w, height: p.h, rx: 5 });
    const rect = svg(g, "rect", { width: p.w, height: p.h, rx: p.h < 20 ? 9 : 5 });
    if (contains(p.module, p.node, p.path)) rect.classList.add("hit");
    const mark = p.node.calls ? (p.inside ? "▾ " : "▸ ") : "";
    if (p.inside) {
      const name = picture.modules[p.node.calls[0]].name;
      const what = p.node.count === null ? name : `${p.node.count} × ${name}, the first one's weights`;
      svg(g, "text", { class: "label", x: 8, y: 16 }, mark + short(p.title) + (name === p.title ? "" : " · " + what));
      drawBlock(g, p.inside);
    } else {
      svg(g, "text", { class: "label", x: p.w / 2, y: p.h < 20 ? 13 : 15, "text-anchor": "middle" }, mark + short(p.title));
      p.lines.forEach((line, i) => svg(g, "text", { class: "small", x: p.w / 2, y: 29 + 14 * i, "text-anchor": "middle" }, short(line)));
    }
    const way = p.inside && p.inside.outputs[0] ? p.inside.outputs[0].x : p.w / 2;
    if (p.types) svg(g, "text", { class: "type", x: way + 5, y: p.h + 11 }, short(p.types));
    g.addEventListener("click", (event) => { event.stopPropagation(); press(p); });
    g.addEventListener("focus", (event) => { event.stopPropagation(); pick(p); });
    g.addEventListener("mouseenter", () => near(p.key));
    g.addEventListener("mouseleave", () => near(state.picked));
    shown.set(p.key, { p, g });
  };

  const near = (key) => edges.forEach((e) => e.path.classList.toggle("near", e.from === key || e.to === key));

  let size = { w: 0, h: 0 };
  const draw = () => {
    edges = [];
    shown = new Map();
    drawing.replaceChildren();
    const defs = svg(drawing, "defs", {});
    const marker = svg(defs, "marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" });
    svg(marker, "path", { class: "arrow", d: "M0 1 L7 4 L0 7 z" });
    const root = picture.modules[0], method = root.methods[state.method];
    if (!method) return;
    svg(drawing, "text", { class: "head", x: MARGIN, y: 18 }, root.name + "." + method.name);
    svg(drawing, "text", { class: "note", x: MARGIN, y: 33 }, method.path);
    const made = block("", 0, state.method, "");
    drawBlock(svg(drawing, "g", { transform: "translate(0 40)" }), made);
    size = { w: Math.max(made.w, 300), h: made.h + 40 };
    zoom(state.zoom);
    if (state.picked && shown.has(state.picked)) {
      shown.get(state.picked).g.classList.add("picked");
      near(state.picked);
    }
  };
  const zoom = (factor) => {
    state.zoom = Math.min(4, Math.max(0.05, factor));
    drawing.setAttribute("viewBox", `0 0 ${size.w} ${size.h}`);
    drawing.setAttribute("width", size.w * state.zoom);
    drawing.setAttribute("height", size.h * state.zoom);
  };
  const fit = () => zoom(Math.min(1, (stage.clientWidth - 20) / size.w, (stage.clientHeight - 20) / size.h));

  // Choosing and folding.
  const pick = (p) => {
    state.picked = p.key;
    document.querySelectorAll(".picked").forEach((g) => g.classList.remove("picked"));
    if (shown.has(p.key)) shown.get(p.key).g.classList.add("picked");
    near(p.key);
    explain(p);
  };
  const press = (p) => {
    if (p.node.calls) {
      if (!state.open.delete(p.key)) state.open.add(p.key);
      state.picked = p.key;
      draw();
    }
    const now = shown.get(p.key);
    if (now) { now.g.focus({ preventScroll: true }); pick(now.p); }
  };
  const reveal = (key) => {
    const found = shown.get(key);
    if (!found) return;
    found.g.scrollIntoView({ block: "center", inline: "center" });
    found.g.focus({ preventScroll: true });
  };

  const table = (parent, rows) => {
    const t = html(parent, "table");
    for (const [name, value] of rows) {
      if (value === "" || value === undefined) continue;
      const tr = html(t, "tr");
      html(tr, "td", name);
      html(tr, "td", value);
    }
  };
  const list = (title, items) => {
    if (!items.length) return;
    html(details, "h3", title);
    const ul = html(details, "ul");
    items.slice(0, 200).forEach((item) => html(html(ul, "li"), "code", item));
    if (items.length > 200) html(ul, "li", `and ${items.length - 200} more`);
  };
  const showWeights = (weights) => {
    if (!weights.length) return;
    html(details, "h3", `Weights, ${count(parameters(weights))} parameters`);
    for (const w of weights.slice(0, 60)) {
      html(html(details, "div"), "code", w.key);
      table(details, [
        ["TensorFlow", w.name], ["checkpoint", w.checkpoint_key], ["shape", `${w.dtype}[${w.shape.join(", ")}]`],
        ["parameters", count(w.parameters)], ["trainable", w.trainable ? "yes" : "no"],
      ]);
    }
    if (weights.length > 60) html(details, "p", `and ${weights.length - 60} more`);
  };
  const explain = (p) => {
    details.replaceChildren();
    html(details, "h2", p.title);
    const called = p.node.calls && picture.modules[p.node.calls[0]];
    table(details, [
      ["kind", p.node.kind], ["what", p.node.detail], ["type", called && !called.is_scope ? called.name : ""],
      ["results", p.node.types.join(", ")], ["optional", p.node.optional ? "only some instances have it" : ""],
    ]);
    const example = (called || p.module).example;
    if (example && (called || p.module).instances.length > 1) html(details, "p", `Shapes inside are those of ${example}.`);
    if (called) explainModule(called);
    showWeights(weightsOf(p.module, p.node, p.path));
    list("Nodes in TensorFlow", p.node.nodes);
  };
  const explainModule = (module) => {
    if (module.note) html(details, "p", module.note);
    list("Instances", module.instances.map((i) => [i.path, ...i.settings].join("  ")));
  };
  const explainModel = () => {
    details.replaceChildren();
    html(details, "h2", picture.modules[0].name);
    table(details, [
      ["TensorFlow", picture.tensorflow], ["tags", picture.tags.join(", ")], ["weights", count(picture.weights.length)],
      ["parameters", count(parameters(picture.weights))],
    ]);
    if (picture.failures.length) list("Not converted", picture.failures.map((f) => [f.message, f.node].filter((t) => t).join(" at ")));
  };

  // The tree: methods, then the fields of the model, opened as far as somebody asks.
  const treeRow = (parent, text, kind, act, children) => {
    const li = html(parent, "li");
    li.setAttribute("role", "none");
    const row = html(li, "span", "", "row");
    row.tabIndex = 0;
    row.setAttribute("role", "treeitem");
    const fold = html(row, "span", children ? "▸ " : "  ");
    html(row, "b", text);
    html(row, "span", kind ? "  " + kind : "", "kind");
    let list = null;
    if (children) row.setAttribute("aria-expanded", "false");
    const toggle = (open) => {
      if (!children || open === !!list) return;
      if (list) { list.remove(); list = null; } else { list = html(li, "ul"); list.setAttribute("role", "group"); children(list); }
      fold.textContent = list ? "▾ " : "▸ ";
      row.setAttribute("aria-expanded", String(!!list));
    };
    row.addEventListener("click", () => { toggle(!list); act(); });
    row.addEventListener("keydown", (event) => {
      const rows = [...tree.querySelectorAll(".row")], here = rows.indexOf(row);
      const keys = {
        Enter: () => { toggle(!list); act(); }, " ": () => { toggle(!list); act(); },
        ArrowRight: () => toggle(true), ArrowLeft: () => toggle(false),
        ArrowDown: () => rows[here + 1] && rows[here + 1].focus(), ArrowUp: () => rows[here - 1] && rows[here - 1].focus(),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    if (state.query && (text + " " + kind).toLowerCase().includes(state.query)) row.classList.add("hit");
    return toggle;
  };
  const showInstance = (module, path) => () => {
    details.replaceChildren();
    html(details, "h2", path || module.name);
    table(details, [["type", module.name]]);
    const instance = module.instances.find((i) => i.path === path);
    if (instance) list("Settings", instance.settings);
    if (module.note) html(details, "p", module.note);
    showWeights(below(path));
  };
  const showField = (path, field) => () => {
    details.replaceChildren();
    html(details, "h2", path);
    table(details, [["what", field.what]]);
    showWeights(below(path));
  };
  const fields = (module, path) => (parent) => module.fields.forEach((field) => {
    const own = join(path, field.name);
    if (field.module === null) return treeRow(parent, field.name, field.what, showField(own, field));
    const child = picture.modules[field.module];
    if (field.count === null) return treeRow(parent, field.name, child.name, showInstance(child, own), fields(child, own));
    return treeRow(parent, field.name, `${field.count} × ${child.name}`, showInstance(child, own), (list) => {
      for (let i = 0; i < field.count; i++) {
        const each = `${own}.${i}`;
        treeRow(list, String(i), child.name, showInstance(child, each), fields(child, each));
      }
    });
  });
  const scopes = (module, methodIndex, at) => (parent) => {
    const method = module.methods[methodIndex];
    method.boxes.forEach((node, i) => {
      if (isBorder(node)) return;
      const key = at + "/" + i;
      const act = () => { openTo(key); draw(); reveal(key); };
      const inner = node.calls && scopes(picture.modules[node.calls[0]], node.calls[1], key);
      treeRow(parent, node.label, node.calls ? "" : node.detail, act, inner);
    });
  };
  // Unfolds everything around a box.
  const openTo = (key) => {
    const parts = key.split("/");
    for (let i = 2; i < parts.length; i++) state.open.add(parts.slice(0, i).join("/"));
  };
  const drawTree = () => {
    tree.replaceChildren();
    const root = picture.modules[0];
    treeRow(tree, root.name, "the model", explainModel, root.fields.length ? fields(root, "") : undefined)(true);
    root.methods.forEach((method, i) => {
      const show = () => { if (state.method !== i) { state.method = i; state.open.clear(); state.picked = null; draw(); fit(); } };
      treeRow(tree, method.name + "()", method.path, show, (list) => {
        show();
        scopes(root, i, "")(list);
      });
    });
  };

  // Unfolds modules whose insides have what is searched for, and those around them.
  const LIMIT = 400;
  const walk = (at, path, moduleIndex, methodIndex, depth, visit, budget) => {
    if (depth > 24) return false;
    const module = picture.modules[moduleIndex];
    let found = false;
    module.methods[methodIndex].boxes.forEach((node, i) => {
      if (budget.left-- <= 0) return;
      const key = at + "/" + i;
      const inside = inner(node, path);
      const below = node.calls && walk(key, inside, node.calls[0], node.calls[1], depth + 1, visit, budget);
      if (visit(node, key, below, () => contains(module, node, path))) found = true;
    });
    return found;
  };
  const search = () => {
    state.query = byId("search").value.trim().toLowerCase();
    let hits = 0, first = null;
    if (state.query) {
      walk("", "", 0, state.method, 0, (node, key, below, isHit) => {
        const hit = isHit();
        if (hit) { hits++; first = first || key; }
        if (below && state.open.size < LIMIT) state.open.add(key);
        return hit || below;
      }, { left: 100000 });
    }
    byId("hits").textContent = state.query ? `${count(hits)} found` : "";
    draw();
    drawTree();
    if (first && shown.has(first)) shown.get(first).g.scrollIntoView({ block: "center", inline: "center" });
  };
  const unfoldAll = () => {
    const budget = { left: 1500 };
    walk("", "", 0, state.method, 0, (node, key) => { if (node.calls && state.open.size < LIMIT) state.open.add(key); return false; }, budget);
    draw();
  };

  // Keys along the flow.
  const step = (key, forward) => {
    const edge = edges.find((e) => (forward ? e.from : e.to) === key);
    const next = edge && shown.get(forward ? edge.to : edge.from);
    if (next) { next.g.focus({ preventScroll: true }); next.g.scrollIntoView({ block: "nearest", inline: "nearest" }); }
  };
  drawing.addEventListener("keydown", (event) => {
    const now = state.picked && shown.get(state.picked);
    if (!now) return;
    const siblings = [...shown.values()].map((entry) => entry.g);
    const here = siblings.indexOf(now.g);
    const keys = {
      Enter: () => press(now.p), " ": () => press(now.p), ArrowDown: () => step(state.picked, true), ArrowUp: () => step(state.picked, false),
      ArrowRight: () => siblings[here + 1] && siblings[here + 1].focus(), ArrowLeft: () => siblings[here - 1] && siblings[here - 1].focus(),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT") {
      if (event.key === "Escape") { byId("search").value = ""; search(); stage.focus(); }
      return;
    }
    const keys = { "/": () => byId("search").focus(), "+": () => zoom(state.zoom * 1.2), "-": () => zoom(state.zoom / 1.2), 0: fit };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(state.zoom * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
  }, { passive: false });
  let grab = null;
  stage.addEventListener("pointerdown", (event) => {
    grab = { x: event.clientX + stage.scrollLeft, y: event.clientY + stage.scrollTop };
  });
  window.addEventListener("pointermove", (event) => {
    if (grab) { stage.scrollLeft = grab.x - event.clientX; stage.scrollTop = grab.y - event.clientY; }
  });
  window.addEventListener("pointerup", () => { grab = null; });

  byId("name").textContent = picture.name;
  byId("about").textContent = [picture.tensorflow && "TensorFlow " + picture.tensorflow,
    count(parameters(picture.weights)) + " parameters"].filter((t) => t).join(" · ");
  let waiting = 0;
  byId("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(search, 200); });
  byId("unfold").addEventListener("click", unfoldAll);
  byId("fold").addEventListener("click", () => { state.open.clear(); draw(); });
  byId("fit").addEventListener("click", fit);
  drawTree();
  draw();
  explainModel();
})();
