//! Weights on their way back: every tensor of every fixture bit for bit, and what is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use savedmodel_import::manifest::Manifest;
use savedmodel_import::saved_model::SavedModel;
use savedmodel_import::{Convert, Error, Export, ExportReport, Framework, Result};

const FRAMEWORKS: [Framework; 2] = [Framework::Candle, Framework::Burn];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

/// A directory of one test, which goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("export-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir)?;
        Ok(Scratch(dir))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = fs::read_dir(&self.0)?;
        let mut names: Vec<String> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        names.sort();
        Ok(names)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn convert(model: &Path, framework: Framework, scratch: &Scratch) -> Result<PathBuf> {
    let report = Convert::new(model)
        .framework(framework)
        .name("m")
        .out_dir(scratch.at("converted"))
        .run()?;
    Ok(report.weights)
}

fn models(folder: &Path, inner: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path().join(inner)).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

/// Every model that converts, unchanged there and back: the count of those, and what differs.
fn round_trips(
    models: &[PathBuf],
    frameworks: &[Framework],
    scratch: &Scratch,
) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for model in models {
        for &framework in frameworks {
            let Ok(weights) = convert(model, framework, scratch) else {
                continue;
            };
            count += 1;
            if let Err(error) = round_trip(model, &weights, &scratch.at("new")) {
                wrong.push(format!("{} {framework}: {error}", model.display()));
            }
            let _ = fs::remove_dir_all(scratch.at("new"));
        }
    }
    (count, wrong)
}

fn round_trip(model: &Path, weights: &Path, new: &Path) -> Result<()> {
    Export::new(model).weights(weights).out(new).run()?;
    let differs = |what: &str| Error::usage(format!("{what} differs"));
    let (old, new) = (SavedModel::load(model)?, SavedModel::load(new)?);
    if fs::read(old.dir.join("saved_model.pb")).ok()
        != fs::read(new.dir.join("saved_model.pb")).ok()
    {
        return Err(differs("saved_model.pb"));
    }
    let (Some(before), Some(after)) = (old.bundle(), new.bundle()) else {
        return Ok(());
    };
    if !before.entries().keys().eq(after.entries().keys()) {
        return Err(differs("the list of keys"));
    }
    for key in before.entries().keys() {
        if before.read(key)? != after.read(key)? {
            return Err(differs(key));
        }
    }
    Ok(())
}

#[test]
fn untuned_weights_give_every_tensor_bit_for_bit() -> Result<()> {
    let scratch = Scratch::new("untuned")?;
    let folders = [("models", ""), ("loader", "model")];
    let all = folders.map(|(folder, inner)| models(&fixtures().join(folder), inner));
    let (count, wrong) = round_trips(&all.concat(), &FRAMEWORKS, &scratch);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "only {count} conversions");
    Ok(())
}

#[test]
fn untuned_weights_give_every_tensor_of_the_corpus() -> Result<()> {
    let Some(corpus) = std::env::var_os("CORPUS") else {
        return Ok(());
    };
    let scratch = Scratch::new("corpus")?;
    let models = models(&Path::new(&corpus).join("models"), "");
    let (count, wrong) = round_trips(&models, &FRAMEWORKS[..1], &scratch);
    eprintln!("{count} conversions went there and back");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn read(path: &Path) -> Result<Tensors> {
    let bytes = fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| Error::malformed(e.to_string()))?;
    let tensors = file.iter().map(|(name, tensor)| {
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        (name.to_owned(), (dtype, shape, tensor.data().to_vec()))
    });
    Ok(tensors.collect())
}

fn write(path: &Path, tensors: &Tensors) -> Result<()> {
    let views: Vec<(&String, TensorView<'_>)> = tensors
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            let view = TensorView::new(*dtype, shape.clone(), bytes);
            Ok((name, view.map_err(|e| Error::malformed(e.to_string()))?))
        })
        .collect::<Result<_>>()?;
    safetensors::serialize_to_file(views, None, path).map_err(|e| Error::malformed(e.to_string()))
}

/// Converts a fixture, changes its weights, and exports it.
fn tuned(
    model: &Path,
    framework: Framework,
    scratch: &Scratch,
    change: impl FnOnce(&mut Tensors),
) -> Result<ExportReport> {
    let converted = convert(model, framework, scratch)?;
    let mut tensors = read(&converted)?;
    change(&mut tensors);
    let path = scratch.at("tuned.safetensors");
    write(&path, &tensors)?;
    Export::new(model)
        .weights(path)
        .manifest(converted.with_extension("json"))
        .out(scratch.at("new"))
        .run()
}

fn negate(tensors: &mut Tensors) {
    for (dtype, _, bytes) in tensors.values_mut() {
        if *dtype == Dtype::F32 {
            bytes.chunks_exact_mut(4).for_each(|value| value[3] ^= 0x80);
        }
    }
}

#[test]
fn tuned_values_stand_where_the_old_ones_stood() -> Result<()> {
    for name in [
        "k3_convnet",
        "k3_mobilenet",
        "tfk_convnet",
        "tf1_convnet",
        "sharded",
    ] {
        for framework in FRAMEWORKS {
            let scratch = Scratch::new(&format!("negated-{name}-{framework}"))?;
            let model = fixtures().join("models").join(name);
            let report = tuned(&model, framework, &scratch, negate)?;
            let (old, new) = (SavedModel::load(&model)?, SavedModel::load(&report.out)?);
            let manifest = fs::read_to_string(scratch.at("converted/m.json"))?;
            let manifest = Manifest::from_json(&manifest)?;
            let held = |key: &str| manifest.variables.iter().any(|v| v.checkpoint_key == key);
            let (before, after) = (old.bundle().unwrap(), new.bundle().unwrap());
            for key in before.entries().keys() {
                let (a, b) = (before.read(key)?, after.read(key)?);
                let mut want = a.bytes().unwrap_or_default().to_vec();
                if held(key) || report.copies.contains(key) {
                    want.chunks_exact_mut(4).for_each(|value| value[3] ^= 0x80);
                }
                assert_eq!(
                    b.bytes().unwrap_or_default(),
                    want,
                    "{name} {framework} {key}"
                );
                assert_eq!((a.dtype, a.shape), (b.dtype, b.shape));
            }
        }
    }
    Ok(())
}

#[test]
fn an_export_of_keras_3_keeps_its_second_copies_equal() -> Result<()> {
    let scratch = Scratch::new("copies")?;
    let report = tuned(
        &fixtures().join("models/k3_mlp"),
        Framework::Candle,
        &scratch,
        negate,
    )?;
    assert_eq!(report.copies.len(), report.taken);
    assert!(
        report
            .copies
            .iter()
            .all(|key| key.starts_with("_all_variables/"))
    );
    Ok(())
}

#[test]
fn without_a_manifest_the_model_is_converted_again() -> Result<()> {
    for framework in FRAMEWORKS {
        let scratch = Scratch::new(&format!("again-{framework}"))?;
        let model = fixtures().join("models/k3_convnet");
        let weights = scratch.at("tuned.safetensors");
        fs::rename(convert(&model, framework, &scratch)?, &weights)?;
        let report = Export::new(&model)
            .weights(weights)
            .out(scratch.at("new"))
            .run()?;
        assert_eq!(report.framework, framework);
    }
    Ok(())
}

#[test]
fn all_that_is_wrong_with_weights_is_said_at_once() -> Result<()> {
    let scratch = Scratch::new("wrong")?;
    let model = fixtures().join("models/k3_mlp");
    let spoil = |tensors: &mut Tensors| {
        let names: Vec<String> = tensors.keys().cloned().collect();
        tensors.remove(&names[0]);
        if let Some((_, shape, _)) = tensors.get_mut(&names[1]) {
            shape.push(1);
        }
        if let Some((dtype, _, _)) = tensors.get_mut(&names[2]) {
            *dtype = Dtype::I32;
        }
        tensors.insert("other".to_owned(), (Dtype::U8, vec![1], vec![7]));
    };
    let error = tuned(&model, Framework::Candle, &scratch, spoil).unwrap_err();
    let text = error.to_string();
    for part in [
        "is missing",
        "has the shape",
        "holds I32 and not F32",
        "no tensor `other`",
        "--manifest",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(error.exit_code(), 2);
    assert_eq!(scratch.names()?, ["converted", "tuned.safetensors"]);
    Ok(())
}

#[test]
fn a_truncated_file_and_an_occupied_place_are_refused() -> Result<()> {
    let scratch = Scratch::new("truncated")?;
    let model = fixtures().join("models/k3_mlp");
    let weights = convert(&model, Framework::Burn, &scratch)?;
    let export = || Export::new(&model).weights(&weights);
    let error = export().out(scratch.at("converted")).run().unwrap_err();
    assert!(
        error.to_string().starts_with("something is there already"),
        "{error}"
    );
    let bytes = fs::read(&weights)?;
    fs::write(&weights, &bytes[..bytes.len() - 1])?;
    let error = export().out(scratch.at("new")).run().unwrap_err();
    assert!(
        error.to_string().starts_with("not a safetensors file"),
        "{error}"
    );
    assert_eq!(
        (error.exit_code(), scratch.names()?),
        (3, vec!["converted".to_owned()])
    );
    Ok(())
}

#[test]
fn slots_are_dropped_where_no_function_needs_them() -> Result<()> {
    let scratch = Scratch::new("slots")?;
    let model = fixtures().join("loader/slots_idle/model");
    let weights = convert(&model, Framework::Candle, &scratch)?;
    let report = Export::new(&model)
        .weights(weights)
        .out(scratch.at("new"))
        .drop_slots(true)
        .run()?;
    assert!(!report.dropped.is_empty());
    let (old, new) = (SavedModel::load(&model)?, SavedModel::load(&report.out)?);
    assert_eq!(
        new.variables().len() + report.dropped.len(),
        old.variables().len()
    );
    let tf1 = fixtures().join("models/tf1_convnet");
    let weights = convert(&tf1, Framework::Candle, &scratch)?;
    let export = Export::new(&tf1).weights(weights).out(scratch.at("tf1"));
    let error = export.drop_slots(true).run().unwrap_err();
    assert!(
        error.to_string().contains("restores them by name"),
        "{error}"
    );
    Ok(())
}
