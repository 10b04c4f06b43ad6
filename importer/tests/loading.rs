//! Loading and calling, from a program's point of view.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use savedmodel_import::eval::Tensor;
use savedmodel_import::live::ObjectKind;
use savedmodel_import::{Arguments, LoadOptions, Names, Nest, Result, SavedModel};

fn model(name: &str) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/loader");
    fixtures.join(name).join("model")
}

fn scalar(value: f32) -> Result<Tensor> {
    Tensor::new(&[], vec![value])
}

fn number(nest: &Nest) -> Result<f32> {
    Ok(nest.elements::<f32>()?[0])
}

fn message<T>(result: Result<T>) -> String {
    result
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

#[test]
fn a_loaded_model_can_be_shared_by_threads() -> Result<()> {
    let model = SavedModel::load(model("shared_state"))?;
    let add = model.function("add")?;
    let one = scalar(1.0)?;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| add.call(&one));
        }
    });
    assert_eq!(
        model.variable("count")?.value()?.elements(),
        Some(&[4i64][..])
    );
    Ok(())
}

#[test]
fn loads_of_one_model_share_no_state() -> Result<()> {
    let (first, second) = (
        SavedModel::load(model("docstring"))?,
        SavedModel::load(model("docstring"))?,
    );
    first.variable("v")?.assign(10.0)?;
    assert_eq!(number(&first.function("f")?.call(2.0)?)?, 20.0);
    assert_eq!(number(&second.function("f")?.call(2.0)?)?, 6.0);
    Ok(())
}

#[test]
fn a_tf2_model_is_restored_from_a_checkpoint() -> Result<()> {
    let dir = model("docstring");
    let loaded = SavedModel::load(&dir)?;
    loaded.variable("v")?.assign(scalar(-1.0)?)?;
    loaded.restore(dir.join("variables/variables"))?;
    assert_eq!(number(&loaded.function("f")?.call(2.0)?)?, 6.0);
    assert!(message(loaded.restore(dir.join("nothing"))).contains("nothing.index: no such file"));
    Ok(())
}

#[test]
fn inputs_may_be_whatever_is_at_hand() -> Result<()> {
    let model = SavedModel::load(model("docstring"))?;
    let f = model.function("f")?;
    let x = scalar(2.0)?;
    let named = std::collections::BTreeMap::from([("x", scalar(2.0)?)]);
    for result in [
        f.call(2.0)?,
        f.call(&x)?,
        f.call([("x", &x)])?,
        f.call(&named)?,
        f.call(vec![x.clone()])?,
        f.call(Arguments::new().arg(&x))?,
    ] {
        assert_eq!(number(&result)?, 6.0);
    }
    let row = f.call(Nest::list([1.0, 2.0]))?;
    assert_eq!(row.elements::<f32>()?, [3.0, 6.0]);
    Ok(())
}

#[test]
fn what_is_not_there_is_answered_with_what_is() -> Result<()> {
    let model = SavedModel::load(model("docstring"))?;
    assert!(message(model.signature("train")).contains("its signatures are serving_default"));
    assert!(message(model.function("g")).contains("it has f, graph_debug_info"));
    assert!(message(model.function("v")).contains("`v` is not callable"));
    assert!(message(model.call(1.0)).contains("`__call__` is not callable"));
    assert!(message(model.function("f")?.call(true)).contains("Can not cast True"));
    assert!(message(model.variable("w")).contains("no variable `w`"));
    assert!(message(model.variable("v")?.assign("three")).contains("not"));
    Ok(())
}

#[test]
fn objects_are_walked_like_pythons() -> Result<()> {
    let model = SavedModel::load(model("cycles"))?;
    let parts = model.object("parts")?;
    assert_eq!((parts.kind(), parts.len()), (ObjectKind::List, 3));
    let there_and_back = model.object("a/other/other")?;
    assert!(there_and_back.is_same(&model.object("a")?));
    assert!(message(parts.item(3).map(drop)).contains("has 3 items"));
    Ok(())
}

#[test]
fn a_flat_graph_is_cut_where_it_is_asked() -> Result<()> {
    let model = LoadOptions::new().tags(["serve"]).load(model("prune"))?;
    let pruned = model.prune(
        ["x:0"],
        Names::dict([("x", Names::from("x:0")), ("op", "bump".into())]),
    )?;
    let outputs = pruned.call(&scalar(3.0)?)?;
    assert_eq!(number(outputs.get("x")?)?, 3.0);
    assert!(outputs.get("op")?.is_none());
    assert_eq!(number(&model.prune("x:0", "out:0")?.call(3.0)?)?, 9.0);
    assert!(message(model.prune("x", "out:0")).contains("must be tensors"));
    assert!(message(model.prune("x:0", "out:1")).contains("only has 1 outputs"));
    assert!(model.graph().node.iter().any(|node| node.name == "bump"));
    Ok(())
}

#[test]
fn part_of_a_model_needs_what_its_functions_capture() -> Result<()> {
    let load = |paths: &[&str]| {
        LoadOptions::new()
            .only(paths.iter().copied())
            .load(model("docstring"))
    };
    assert!(load(&["root.f", "root.v"]).is_ok());
    assert!(message(load(&["root.f"])).contains("include this path in the filter: (root).v"));
    assert!(message(load(&["root.w"])).contains("Unable to find node root.w."));
    Ok(())
}

#[test]
fn waiting_for_a_producer_comes_to_an_end() {
    let start = Instant::now();
    let dir = std::env::temp_dir();
    let wait = Duration::from_millis(150);
    let message = message(LoadOptions::new().wait(wait).load(dir));
    assert!(
        message.contains("not a SavedModel") && message.contains("waited for 0.15 s"),
        "{message}"
    );
    assert!(start.elapsed() >= wait);
}
