//! Layouts that a reader of generated code meets, and what is done where rustfmt gives up.

use super::super::*;
use super::check;

fn path(name: &str) -> Expr {
    Expr::path(name)
}

fn layer(name: &str) -> Expr {
    path("self")
        .field(name)
        .call_method("forward", [path("x").by_ref()])
        .tried()
}

/// The statements in a function of an `impl`, which rustfmt must agree with.
fn prints(body: Vec<Stmt>, expected: &str) {
    assert_eq!(
        print_statements(&body, 8),
        expected.trim_matches('\n').trim_start()
    );
    let function = Function::public("forward").body(body);
    check(vec![File::new([Item::implementation(
        "Block",
        [function.into()],
    )])]);
}

#[test]
fn parentheses_stand_only_where_they_are_needed() {
    let (a, b, c) = (|| path("a"), || path("b"), || path("c"));
    assert_eq!(((a() + b()) * c()).to_string(), "(a + b) * c");
    assert_eq!((a() - (b() - c())).to_string(), "a - (b - c)");
    assert_eq!((a() - b() - c()).to_string(), "a - b - c");
    assert_eq!(
        (a() + b()).call_method("exp", []).to_string(),
        "(a + b).exp()"
    );
    assert_eq!(
        Expr::f32(-1.0).call_method("abs", []).to_string(),
        "(-1.0).abs()"
    );
    assert_eq!((-a().field("x")).to_string(), "-a.x");
    assert_eq!(
        (-a()).cast("usize").infix(Op::Lt, b()).to_string(),
        "-a as usize < b".replace("-a as usize", "(-a as usize)")
    );
    assert_eq!(
        a().infix(Op::Lt, b()).infix(Op::And, !c()).to_string(),
        "a < b && !c"
    );
    assert_eq!(a().infix(Op::Shl, b() + c()).to_string(), "a << (b + c)");
    assert_eq!(
        Expr::range(Some(a()), Some(b() + c()))
            .call_method("rev", [])
            .to_string(),
        "(a..b + c).rev()"
    );
    assert_eq!(a().field("f").called([b()]).to_string(), "(a.f)(b)");
    assert_eq!(
        Expr::closure(["x"], a()).called([b()]).to_string(),
        "(|x| a)(b)"
    );
}

#[test]
fn a_struct_literal_before_a_block_stands_in_parentheses() {
    let point = Expr::struct_lit("Point", [("x", Expr::size(1))]);
    let test = Expr::if_(
        path("p").infix(Op::Eq, point),
        Block::from([path("f").stmt()]),
    );
    assert_eq!(test.to_string(), "if (p == Point { x: 1 }) {\n    f;\n}");
}

#[test]
fn numbers_are_the_shortest_that_read_back() {
    assert_eq!(Expr::f32(0.1).to_string(), "0.1");
    assert_eq!(Expr::f64(1e-5).to_string(), "1e-5");
    assert_eq!(Expr::f32(3.0).to_string(), "3.0");
    assert_eq!(Expr::f64(-0.5).to_string(), "-0.5");
    assert_eq!(
        Expr::f32(f32::NEG_INFINITY).to_string(),
        "f32::NEG_INFINITY"
    );
    assert_eq!(Expr::f64(f64::NAN).to_string(), "f64::NAN");
    assert_eq!(Expr::int(i64::MIN).to_string(), "-9223372036854775808");
}

#[test]
fn strings_cannot_end_or_reorder_code() {
    assert_eq!(
        Expr::str("a\"b\\\n\u{202e}é'").to_string(),
        r#""a\"b\\\n\u{202e}\u{e9}'""#
    );
    assert_eq!(Expr::bytes(b"a\"\xff\n'").to_string(), r#"b"a\"\xff\n'""#);
    assert_eq!(
        Stmt::comment("one\u{202e}\ntwo\r").to_string(),
        "// one\n// two"
    );
    let note = path("x").stmt().commented("first\nsecond */");
    assert_eq!(note.to_string(), "x; // first second */");
}

#[test]
fn a_block_of_a_network_reads_as_written_by_hand() {
    let body = vec![
        Stmt::bind("identity", path("x")),
        Stmt::bind("x", layer("expand").call_method("relu", []).tried())
            .commented("[batch, 56, 56, 96]"),
        Stmt::bind("x", layer("depthwise")),
        Stmt::blank(),
        Stmt::tail(Expr::call("Ok", [(path("x") + path("identity")).tried()])),
    ];
    prints(
        body,
        "
        let identity = x;
        let x = self.expand.forward(&x)?.relu()?; // [batch, 56, 56, 96]
        let x = self.depthwise.forward(&x)?;

        Ok((x + identity)?)",
    );
}

#[test]
fn a_long_chain_has_a_link_per_line_behind_a_short_root() {
    let shape = Expr::tuple([path("batch"), path("heads"), path("length"), Expr::size(64)]);
    let chain = path("x")
        .call_method("reshape", [shape])
        .tried()
        .call_method("transpose", [Expr::size(1), Expr::size(2)])
        .tried()
        .call_method("contiguous", [])
        .tried();
    prints(
        vec![Stmt::bind("query", chain)],
        "
        let query = x
            .reshape((batch, heads, length, 64))?
            .transpose(1, 2)?
            .contiguous()?;",
    );
}

#[test]
fn the_last_argument_overflows() {
    let body =
        Block::new([Stmt::bind("x", layer("conv"))]).tail(Expr::call("relu", [path("x").by_ref()]));
    let closure = Expr::closure(["x"], Expr::block(body));
    prints(
        vec![Stmt::tail(
            path("blocks").call_method("try_fold", [path("x"), closure]),
        )],
        "
        blocks.try_fold(x, |x| {
            let x = self.conv.forward(&x)?;
            relu(&x)
        })",
    );
}

#[test]
fn short_numbers_share_lines() {
    let table = Expr::array((0..40).map(|n| Expr::f32(n as f32 / 8.0)));
    prints(
        vec![Stmt::bind("table", table)],
        "
        let table = [
            0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.125, 1.25, 1.375, 1.5, 1.625,
            1.75, 1.875, 2.0, 2.125, 2.25, 2.375, 2.5, 2.625, 2.75, 2.875, 3.0, 3.125, 3.25, 3.375,
            3.5, 3.625, 3.75, 3.875, 4.0, 4.125, 4.25, 4.375, 4.5, 4.625, 4.75, 4.875,
        ];",
    );
}

#[test]
fn a_struct_takes_the_rest_from_its_default() {
    let config = Expr::struct_update(
        "Conv2dConfig",
        [("stride", Expr::size(2)), ("padding", path("padding"))],
        Expr::call("Default::default", []),
    );
    prints(
        vec![Stmt::bind("config", config)],
        "
        let config = Conv2dConfig {
            stride: 2,
            padding,
            ..Default::default()
        };",
    );
}

#[test]
fn a_comment_that_does_not_fit_stands_above() {
    let long = "what TensorFlow calls StatefulPartitionedCall/model/block_3_expand/Conv2D, of shape [batch, 56, 56]";
    prints(
        vec![
            Stmt::bind("x", layer("conv")).commented(long),
            path("x").stmt(),
        ],
        "
        // what TensorFlow calls StatefulPartitionedCall/model/block_3_expand/Conv2D, of shape
        // [batch, 56, 56]
        let x = self.conv.forward(&x)?;
        x;",
    );
}

#[test]
fn loops_and_branches_nest() {
    let count = path("count").infix(Op::Lt, path("limit"));
    let step = Expr::path("count")
        .assign_with(Op::Add, Expr::size(1))
        .stmt();
    let done = Condition::matches(Pat::variant("Some", ["x"]), path("state"));
    let choice = Expr::if_else(
        done,
        Block::from([step]),
        Block::from([Expr::break_(None).stmt()]),
    );
    let size = Expr::if_else(path("train"), Expr::size(1), Expr::size(2));
    prints(
        vec![
            Expr::while_(count, Block::from([choice.stmt()])).stmt(),
            Stmt::bind(Pat::mutable("size"), size),
        ],
        "
        while count < limit {
            if let Some(x) = state {
                count += 1;
            } else {
                break;
            }
        }
        let mut size = if train { 1 } else { 2 };",
    );
}

#[test]
fn what_cannot_keep_to_the_page_runs_over() {
    let long = "a_name_of_a_layer_that_goes_on_".repeat(4);
    let text = path("self")
        .field(long.clone())
        .call_method("forward", [path("x").by_ref()])
        .tried();
    prints(
        vec![Stmt::bind("x", text.clone()), text.stmt()],
        &format!(
            "let x = self
            .{long}
            .forward(&x)?;
        self.{long}
            .forward(&x)?;"
        ),
    );
}

#[test]
fn a_file_has_its_header_its_imports_and_its_items() {
    let field = Member::field("conv", "Conv2d").doc("`model/conv`");
    let forward = Function::public("forward")
        .receiver("&self")
        .param("x", "&Tensor")
        .returns("Result<Tensor>");
    let file = File::new([
        Item::uses([
            "candle_nn::Conv2d",
            "candle_core::Tensor",
            "candle_core::Result",
            "std::path::Path",
        ]),
        Item::structure("Nmp", [field])
            .doc("The model.")
            .attribute("derive(Clone, Debug)"),
        Item::implementation("Nmp", [Item::from(forward.body(layer("conv")))]),
    ]);
    let file = file.doc("A model.").attribute("allow(dead_code)");
    let expected = "//! A model.

#![allow(dead_code)]

use candle_core::{Result, Tensor};
use candle_nn::Conv2d;
use std::path::Path;

/// The model.
#[derive(Clone, Debug)]
pub struct Nmp {
    /// `model/conv`
    pub conv: Conv2d,
}

impl Nmp {
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.conv.forward(&x)?
    }
}
";
    assert_eq!(file.to_string(), expected);
    check(vec![file]);
}

#[test]
fn deep_nesting_takes_no_exponential_time() {
    let nest = |inner: Expr, n: usize| match n.is_multiple_of(2) {
        true => path("self")
            .call_method("apply", [path("x").by_ref(), inner])
            .tried(),
        false => Expr::closure(["x"], inner),
    };
    let deep = (0..60).fold(path("x"), nest);
    let text = Stmt::bind("x", deep).to_string();
    assert!(text.contains("self.apply(&x, x)?"), "{text}");
}

#[test]
fn a_trailing_question_mark_comes_off() {
    assert_eq!(
        layer("conv").untried().map(|e| e.to_string()),
        Ok("self.conv.forward(&x)".into())
    );
    assert_eq!(path("x").untried(), Err(path("x")));
}
