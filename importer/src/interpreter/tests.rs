//! Small graphs of TensorFlow 1, run by names. Whole models are the evaluator's own test target.

use super::{Interpreter, State, Value};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::saved_model::{LoadOptions, SavedModel};
use std::sync::atomic::{AtomicU32, Ordering};

/// A model of these nodes, in the words of `node: op(inputs) attributes`, and of a library as text.
fn model(nodes: &[&str], library: &str) -> Result<SavedModel> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("interpreter-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let graph: String = nodes
        .iter()
        .map(|line| format!("node {{ {} }}\n", node(line)))
        .collect();
    let text = format!(
        "saved_model_schema_version: 1\nmeta_graphs {{ meta_info_def {{ tags: \"serve\" }}\n\
         graph_def {{ {graph} library {{ {library} }} }} }}\n"
    );
    std::fs::write(dir.join("saved_model.pbtxt"), text)?;
    let model = LoadOptions::new().skip_checkpoint(true).load(&dir);
    std::fs::remove_dir_all(&dir)?;
    model
}

/// `y: Add(a, b) T=float` as a node's fields.
fn node(line: &str) -> String {
    let (name, rest) = line.split_once(": ").unwrap_or((line, "NoOp()"));
    let (op, rest) = rest.split_once('(').unwrap_or((rest, ")"));
    let (inputs, attrs) = rest.split_once(')').unwrap_or((rest, ""));
    let inputs = inputs.split(", ").filter(|input| !input.is_empty());
    let inputs: String = inputs.map(|input| format!("input: \"{input}\" ")).collect();
    let attr = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = match value {
            "float" => "type: DT_FLOAT".to_owned(),
            "bool" => "type: DT_BOOL".to_owned(),
            "true" | "false" => {
                format!("tensor {{ dtype: DT_BOOL tensor_shape {{}} bool_val: {value} }}")
            }
            function if function.starts_with('@') => {
                format!("func {{ name: \"{}\" }}", function.trim_start_matches('@'))
            }
            "scalar" => "shape {}".to_owned(),
            "two" => "i: 2".to_owned(),
            "floats" => "list { type: DT_FLOAT }".to_owned(),
            number => format!("tensor {{ dtype: DT_FLOAT tensor_shape {{}} float_val: {number} }}"),
        };
        format!("attr {{ key: \"{key}\" value {{ {value} }} }} ")
    };
    let attrs: String = attrs.split_whitespace().map(attr).collect();
    format!("name: \"{name}\" op: \"{op}\" {inputs} {attrs}")
}

/// A library function of one float.
fn function(name: &str, nodes: &[&str], result: &str, result_type: &str) -> String {
    let nodes: String = nodes
        .iter()
        .map(|line| format!("node_def {{ {} }} ", node(line)))
        .collect();
    format!(
        "function {{ signature {{ name: \"{name}\" input_arg {{ name: \"x\" type: DT_FLOAT }} \
         output_arg {{ name: \"y\" type: {result_type} }} }} {nodes} \
         ret {{ key: \"y\" value: \"{result}\" }} }}\n"
    )
}

fn scalar(x: f32) -> Result<Value> {
    Ok(Tensor::new(&[], vec![x])?.into())
}

fn words(outcome: Result<Vec<Value>>) -> String {
    outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

#[test]
fn any_tensor_may_be_fed() -> Result<()> {
    let model = model(
        &[
            "x: Placeholder() dtype=float",
            "a: Neg(x) T=float",
            "b: Neg(a) T=float",
        ],
        "",
    )?;
    let mut interpreter = Interpreter::new(&model);
    let outputs = interpreter.fetch(&[("a:0", scalar(2.0)?)], &["b:0", "a"], &[])?;
    assert_eq!(**outputs[0].tensor()?, Tensor::new(&[], vec![-2f32])?);
    assert_eq!(**outputs[1].tensor()?, Tensor::new(&[], vec![2f32])?);
    Ok(())
}

#[test]
fn a_placeholder_that_is_not_fed_is_named() -> Result<()> {
    let model = model(&["x: Placeholder() dtype=float", "a: Neg(x) T=float"], "")?;
    let words = words(Interpreter::new(&model).fetch(&[], &["a:0"], &[]));
    assert!(
        words.starts_with("the placeholder `x` has to be fed"),
        "{words}"
    );
    Ok(())
}

#[test]
fn a_branch_that_is_not_taken_has_no_value() -> Result<()> {
    let model = model(
        &[
            "x: Placeholder() dtype=float",
            "p: Const() dtype=bool value=true",
            "s: Switch(x, p) T=float",
            "no: Neg(s:0) T=float",
            "yes: Identity(s:1) T=float",
            "m: Merge(no, yes) T=float N=two",
        ],
        "",
    )?;
    let mut interpreter = Interpreter::new(&model);
    let feeds = [("x:0", scalar(3.0)?)];
    let outputs = interpreter.fetch(&feeds, &["m:0", "m:1"], &[])?;
    assert_eq!(**outputs[0].tensor()?, Tensor::new(&[], vec![3f32])?);
    assert_eq!(**outputs[1].tensor()?, Tensor::new(&[], vec![1i32])?);
    let words = words(interpreter.fetch(&feeds, &["no:0"], &[]));
    assert!(
        words.starts_with("the result is from a branch that is not taken"),
        "{words}"
    );
    Ok(())
}

#[test]
fn a_loop_without_an_end_runs_out_of_steps() -> Result<()> {
    let condition = function(
        "always",
        &["t: Const() dtype=bool value=true"],
        "t:output:0",
        "DT_BOOL",
    );
    let body = function("same", &["n: Neg(x) T=float"], "n:y:0", "DT_FLOAT");
    let nodes = [
        "x: Placeholder() dtype=float",
        "w: While(x) cond=@always body=@same T=floats",
    ];
    let model = model(&nodes, &(condition + &body))?;
    let mut interpreter = Interpreter::new(&model);
    interpreter.set_step_limit(1000);
    let words = words(interpreter.fetch(&[("x:0", scalar(1.0)?)], &["w:0"], &[]));
    assert!(words.contains("more than 1000 nodes"), "{words}");
    Ok(())
}

#[test]
fn a_function_that_calls_itself_is_refused() -> Result<()> {
    let body = function(
        "again",
        &["c: PartitionedCall(x) f=@again Tin=floats Tout=floats"],
        "c:output:0",
        "DT_FLOAT",
    );
    let nodes = [
        "x: Placeholder() dtype=float",
        "c: PartitionedCall(x) f=@again Tin=floats Tout=floats",
    ];
    let words = match model(&nodes, &body) {
        Ok(model) => words(Interpreter::new(&model).fetch(&[("x:0", scalar(1.0)?)], &["c:0"], &[])),
        Err(error) => error.to_string(),
    };
    let refused = ["calls nest deeper", "cycl", "itself"];
    assert!(refused.iter().any(|part| words.contains(part)), "{words}");
    Ok(())
}

#[test]
fn an_op_that_nothing_runs_is_named_with_its_place() -> Result<()> {
    let model = model(
        &["x: Placeholder() dtype=float", "q: Frobnicate(x) T=float"],
        "",
    )?;
    let outcome = Interpreter::new(&model).fetch(&[("x:0", scalar(1.0)?)], &["q:0"], &[]);
    let error = outcome
        .err()
        .map(|error| (error.exit_code(), error.to_string()));
    let (code, words) = error.unwrap_or_default();
    assert_eq!(code, 4);
    assert_eq!(
        words,
        "the op Frobnicate is not supported\n  --> Frobnicate `q`"
    );
    Ok(())
}

#[test]
fn a_state_goes_from_one_interpreter_to_the_next() -> Result<()> {
    let nodes = [
        "v: VariableV2() dtype=float shape=scalar",
        "x: Placeholder() dtype=float",
        "a: AssignAdd(v, x) T=float",
        "i: Assign(v, x) T=float",
        "r: Identity(v) T=float",
    ];
    let model = model(&nodes, "")?;
    let mut state = State::default();
    for (target, expected) in [("i", 2f32), ("a", 4.0), ("a", 6.0)] {
        let mut interpreter = Interpreter::resume(&model, state);
        interpreter.fetch(&[("x:0", scalar(2.0)?)], &[], &[target])?;
        let read = interpreter.fetch(&[], &["r:0"], &[])?;
        assert_eq!(**read[0].tensor()?, Tensor::new(&[], vec![expected])?);
        state = interpreter.into_state();
    }
    Ok(())
}

#[test]
fn calls_that_double_at_each_level_are_refused_before_they_run() -> Result<()> {
    let call =
        |of: &str, to: &str| format!("{to}: PartitionedCall({of}) f=@f0 Tin=floats Tout=floats");
    let mut functions = function("f0", &["n: Neg(x) T=float"], "n:y:0", "DT_FLOAT");
    for level in 1..=40 {
        let callee = format!("f=@f{}", level - 1);
        let nodes =
            [call("x", "a"), call("a:output:0", "b")].map(|node| node.replace("f=@f0", &callee));
        let nodes = nodes.each_ref().map(String::as_str);
        functions += &function(&format!("f{level}"), &nodes, "b:output:0", "DT_FLOAT");
    }
    let top = call("x", "c").replace("f=@f0", "f=@f40");
    let model = model(&["x: Placeholder() dtype=float", &top], &functions)?;
    let outcome = Interpreter::new(&model).fetch(&[("x:0", scalar(1.0)?)], &["c:0"], &[]);
    assert!(words(outcome).contains("4000000 are the limit"));
    Ok(())
}

#[test]
fn all_ops_that_nothing_runs_are_named_at_once() -> Result<()> {
    let nodes = [
        "x: Placeholder() dtype=float",
        "a: Copy(x) T=float",
        "b: FractionalMaxPool(a) T=float",
        "c: FractionalAvgPool(b) T=float",
    ];
    let model = model(&nodes, "")?;
    let outcome = Interpreter::new(&model).fetch(&[("x:0", scalar(1.0)?)], &["c:0"], &[]);
    let error = outcome.err().ok_or_else(|| Error::usage("it ran"))?;
    assert_eq!(error.exit_code(), 4);
    let words = error.to_string();
    assert!(
        words.contains("FractionalMaxPool is not supported"),
        "{words}"
    );
    assert!(
        words.contains("FractionalAvgPool is not supported"),
        "{words}"
    );
    Ok(())
}

#[test]
fn what_an_op_refuses_of_the_callers_values_is_the_callers_error() -> Result<()> {
    let nodes = ["x: Placeholder() dtype=float", "m: MatMul(x, x) T=float"];
    let model = model(&nodes, "")?;
    let outcome = Interpreter::new(&model).fetch(&[("x:0", scalar(1.0)?)], &["m:0"], &[]);
    assert_eq!(outcome.err().map(|error| error.exit_code()), Some(2));
    Ok(())
}

#[test]
fn what_an_op_refuses_of_the_models_own_values_is_the_models_error() -> Result<()> {
    let nodes = [
        "x: Placeholder() dtype=float",
        "t: Const() dtype=bool value=true",
        "m: Neg(t) T=bool",
        "y: Add(x, x) T=float",
    ];
    let model = model(&nodes, "")?;
    let outcome = Interpreter::new(&model).fetch(&[("x:0", scalar(1.0)?)], &["m:0", "y:0"], &[]);
    assert_eq!(outcome.err().map(|error| error.exit_code()), Some(3));
    Ok(())
}
