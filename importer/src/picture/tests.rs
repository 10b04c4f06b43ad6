//! Pictures of fixtures: what is drawn, and that it can be read.

use std::path::PathBuf;

use super::*;
use crate::SavedModel;

fn fixture(name: &str) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    fixtures.join(name)
}

fn picture(name: &str) -> Picture {
    let model = SavedModel::load(fixture(name)).expect("a fixture loads");
    draw(&model, &[], &[]).expect("a fixture can be drawn")
}

fn is_number(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.' || byte == b'-'
}

#[test]
fn a_small_model_in_dot() {
    let dot = picture("models/nested_modules").render(Format::Dot);
    insta::assert_snapshot!(dot.expect("DOT"));
}

#[test]
fn repeated_blocks_are_drawn_once() {
    let picture = picture("models/k3_mobilenet");
    let rows = picture.modules[0].methods[0].boxes.iter();
    let row = rows
        .filter_map(|node| Some((node.calls?, node.count?)))
        .next();
    let ((module, _), count) = row.expect("a row of blocks");
    assert_eq!(picture.modules[module].instances.len(), count);
    let svg = picture.render(Format::Svg).expect("SVG");
    assert!(svg.contains(&format!("{count} × {}", picture.modules[module].name)));
    assert!(svg.contains(&format!("{count} of this type")));
}

/// The rectangles of an SVG's panels: class, and left, upper, right, lower edge.
fn rectangles(svg: &str) -> Vec<Vec<(String, [f64; 4])>> {
    let document = roxmltree::Document::parse(svg).expect("XML");
    let class = |node: &roxmltree::Node| node.attribute("class").unwrap_or_default().to_owned();
    let edges = |node: &roxmltree::Node| {
        let [x, y, w, h] = ["x", "y", "width", "height"].map(|name| {
            let text = node.attribute(name).unwrap_or_default();
            assert!(text.bytes().all(is_number), "{text}");
            text.parse::<f64>().expect("a number")
        });
        [x, y, x + w, y + h]
    };
    let panels = document.descendants().filter(|node| class(node) == "panel");
    panels
        .map(|panel| {
            let all = panel.descendants().filter(|node| node.has_tag_name("rect"));
            let all = all.filter(|node| class(node) != "box behind");
            all.map(|node| (class(&node), edges(&node))).collect()
        })
        .collect()
}

fn apart(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1]
}

fn inside(a: &[f64; 4], b: &[f64; 4]) -> bool {
    a[0] >= b[0] && a[1] >= b[1] && a[2] <= b[2] && a[3] <= b[3]
}

#[test]
fn boxes_lie_inside_their_clusters_and_never_over_each_other() {
    for name in [
        "models/nested_modules",
        "models/k3_unet",
        "models/k3_transformer",
        "models/k3_mobilenet",
    ] {
        let svg = picture(name).render(Format::Svg).expect("SVG");
        for panel in rectangles(&svg) {
            for (i, (class, a)) in panel.iter().enumerate() {
                for (other, b) in &panel[i + 1..] {
                    let is_box = |class: &str| class == "box" || class == "pill";
                    let fits = match (is_box(class), is_box(other)) {
                        (true, true) => apart(a, b),
                        _ => apart(a, b) || inside(a, b) || inside(b, a),
                    };
                    assert!(fits, "{name}: {class} {a:?}, {other} {b:?}");
                }
            }
        }
    }
}

#[test]
fn drawing_twice_gives_the_same_bytes() {
    for format in [Format::Dot, Format::Svg, Format::Html] {
        let draw = || {
            picture("models/k3_transformer")
                .render(format)
                .expect("a picture")
        };
        assert!(draw() == draw());
    }
}

/// A model whose names are markup.
fn hostile() -> Picture {
    let name = "</script><!--\"\\'&\u{1}\u{2028}]]>";
    let node = Node {
        label: name.to_owned(),
        detail: name.to_owned(),
        types: vec![name.to_owned()],
        nodes: vec![name.to_owned()],
        ..Node::default()
    };
    let mut method = Method {
        name: name.to_owned(),
        path: name.to_owned(),
        boxes: vec![node.clone(), node],
        edges: vec![Edge {
            to: 1,
            ..Edge::default()
        }],
        ..Method::default()
    };
    method.rows = layers::rows(&method);
    Picture {
        name: name.to_owned(),
        modules: vec![Module {
            name: name.to_owned(),
            methods: vec![method],
            ..Module::default()
        }],
        ..Picture::default()
    }
}

#[test]
fn hostile_names_stay_text_in_html() {
    let page = hostile().render(Format::Html).expect("HTML");
    assert_eq!(
        page.matches("</script").count(),
        2,
        "that of the data and that of the code"
    );
    assert!(!page.contains("<!--"));
    let data = page
        .split_once("application/json\">")
        .and_then(|(_, rest)| rest.split_once("</script>"));
    let data: serde_json::Value = serde_json::from_str(data.expect("data").0).expect("JSON");
    assert_eq!(data["name"], hostile().name);
}

#[test]
fn hostile_names_stay_text_in_svg_and_dot() {
    let svg = hostile().render(Format::Svg).expect("SVG");
    let document = roxmltree::Document::parse(&svg).expect("XML");
    assert!(
        !document
            .descendants()
            .any(|node| node.has_tag_name("script"))
    );
    let dot = hostile().render(Format::Dot).expect("DOT");
    assert!(dot.contains(r#"label = "</script><!--\"\\'&"#), "{dot}");
}

#[test]
fn every_fixture_can_be_drawn() {
    let folder = fixture("models");
    let entries = std::fs::read_dir(folder).expect("fixtures");
    for entry in entries {
        let path = entry.expect("a fixture").path();
        let model = SavedModel::load(&path).expect("a fixture loads");
        let picture = draw(&model, &[], &[]).expect("a fixture can be drawn");
        assert!(!picture.modules[0].methods.is_empty(), "{}", path.display());
        let svg = picture.render(Format::Svg).expect("SVG");
        roxmltree::Document::parse(&svg).expect("XML");
    }
}

/// A drawing of so many boxes with these edges, as a model.
fn model_of(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> Picture {
    let boxes = (0..count).map(|i| Node {
        label: format!("op{i}"),
        types: vec!["f32[]".into()],
        ..Node::default()
    });
    let edge = |(operand, (from, to))| Edge {
        from,
        to,
        operand,
        result: 0,
    };
    let method = Method {
        boxes: boxes.collect(),
        edges: edges.enumerate().map(edge).collect(),
        ..Method::default()
    };
    let mut picture = Picture {
        modules: vec![Module {
            methods: vec![method],
            ..Module::default()
        }],
        ..Picture::default()
    };
    finish(&mut picture);
    picture
}

#[test]
fn a_huge_chain_is_folded_and_drawn() {
    let count = 20_000;
    let picture = model_of(count, (1..count).map(|to| (to - 1, to)));
    let svg = picture.render(Format::Svg).expect("SVG");
    assert!(svg.len() < 10 << 20, "{}", svg.len());
    assert!(
        picture
            .render(Format::Html)
            .expect("HTML")
            .contains("op19999")
    );
}

#[test]
fn a_node_with_thousands_of_neighbours_is_drawn() {
    let (hub, count) = (5_000, 10_001);
    let into = (0..hub).map(|from| (from, hub));
    let out = (hub + 1..count).map(|to| (hub, to));
    let picture = model_of(count, into.chain(out));
    let svg = picture.render(Format::Svg).expect("SVG");
    roxmltree::Document::parse(&svg).expect("XML");
}

#[test]
fn a_graph_of_all_edges_is_drawn() {
    let count = 300;
    let all = (0..count).flat_map(|to| (0..to).map(move |from| (from, to)));
    let svg = model_of(count, all).render(Format::Svg).expect("SVG");
    roxmltree::Document::parse(&svg).expect("XML");
}

#[test]
fn ops_that_are_not_supported_are_drawn_and_marked() {
    let folder = fixture("loader");
    for entry in std::fs::read_dir(folder).expect("fixtures") {
        let path = entry.expect("a fixture").path().join("model");
        let Ok(picture) = SavedModel::load(&path).and_then(|model| draw(&model, &[], &[])) else {
            continue;
        };
        let boxes = picture.modules.iter().flat_map(|m| &m.methods);
        let boxes: Vec<&Node> = boxes.flat_map(|m| &m.boxes).collect();
        for failure in picture
            .failures
            .iter()
            .filter(|f| f.message.contains("the op"))
        {
            let op = failure.op.clone().unwrap_or_default();
            let marked = |node: &&&Node| node.kind == Kind::Unsupported && node.label == op;
            assert!(
                boxes.iter().any(|n| marked(&n)),
                "{op} in {}",
                path.display()
            );
        }
    }
}

#[test]
fn the_extension_says_the_format() {
    assert_eq!(Format::of(Path::new("a.svg")).ok(), Some(Format::Svg));
    let error = Format::of(Path::new("a.png")).expect_err("no format");
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn an_unknown_signature_is_a_usage_error() {
    let model = SavedModel::load(fixture("models/nested_modules")).expect("a fixture loads");
    let error = draw(&model, &["nothing".to_owned()], &[]).expect_err("no such signature");
    assert_eq!(error.exit_code(), 2);
}
