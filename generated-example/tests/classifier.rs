//! The generated modules against TensorFlow, and under an optimizer.

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use generated_example::{DeviceKind, Digits, Framework, Part, Result, candle, export, load};
use savedmodel_import::SavedModel;
use savedmodel_import::eval;

const FRAMEWORKS: [Framework; 2] = [Framework::Candle, Framework::Burn];

#[test]
fn logits_are_tensorflows() -> Result<()> {
    let digits = Digits::load()?;
    for framework in FRAMEWORKS {
        let logits = load(framework, DeviceKind::Cpu, None)?.logits(&digits.test)?;
        let pairs = logits.iter().zip(&digits.tensorflow_logits);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{framework:?} differs by {worst}");
    }
    Ok(())
}

#[test]
fn a_device_that_was_not_built_in_names_the_missing_feature() {
    let missing = [
        (Framework::Candle, DeviceKind::Cuda, "candle-cuda"),
        (Framework::Burn, DeviceKind::Cuda, "burn-cuda"),
        (Framework::Burn, DeviceKind::Wgpu, "burn-wgpu"),
    ];
    let built = [
        ("candle-cuda", cfg!(feature = "candle-cuda")),
        ("burn-cuda", cfg!(feature = "burn-cuda")),
        ("burn-wgpu", cfg!(feature = "burn-wgpu")),
    ];
    for (framework, device, feature) in missing {
        if built.contains(&(feature, true)) {
            continue;
        }
        let error = load(framework, device, None).err().map(|e| e.to_string());
        let words = error.unwrap_or_default();
        assert!(words.contains(&format!("--features {feature}")), "{words}");
    }
}

#[test]
fn the_head_learns_while_the_backbone_is_frozen() -> Result<()> {
    check_learning(Part::Head)
}

#[test]
fn every_layer_learns() -> Result<()> {
    check_learning(Part::Everything)
}

fn check_learning(part: Part) -> Result<()> {
    let digits = Digits::load()?;
    let batch = digits.train.shifted().select(&Vec::from_iter(0..64));
    for framework in FRAMEWORKS {
        let mut classifier = load(framework, DeviceKind::Cpu, None)?;
        classifier.learn(part, 1e-2)?;
        let first = classifier.step(&batch)?;
        let later = (0..20).try_fold(first, |_, _| classifier.step(&batch))?;
        assert!(later < first / 2.0, "{framework:?}: {first} to {later}");
    }
    Ok(())
}

#[test]
fn saved_weights_give_the_same_logits() -> Result<()> {
    let digits = Digits::load()?;
    let batch = digits.train.shifted().select(&Vec::from_iter(0..32));
    for framework in FRAMEWORKS {
        let mut classifier = load(framework, DeviceKind::Cpu, None)?;
        classifier.learn(Part::Everything, 1e-3)?;
        classifier.step(&batch)?;
        let path =
            std::env::temp_dir().join(format!("digits-{framework:?}-{}", std::process::id()));
        classifier.save(&path)?;
        let again = load(framework, DeviceKind::Cpu, Some(&path))?;
        let same = again.logits(&digits.test)? == classifier.logits(&digits.test)?;
        std::fs::remove_file(&path)?;
        assert!(same, "{framework:?}");
    }
    Ok(())
}

#[test]
fn wrong_weights_are_refused_with_all_that_is_wrong() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("digits-wrong-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    for framework in FRAMEWORKS {
        let path = folder.join(format!("{framework:?}.safetensors"));
        load(framework, DeviceKind::Cpu, None)?.save(&path)?;
        let bytes = std::fs::read(&path)?;
        let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu)?;
        tensors.remove("bn_1.running_var");
        let kernel = tensors["conv_1.weight"].flatten_all()?;
        tensors.insert("conv_1.weight".to_owned(), kernel);
        let mean = tensors["bn_1.running_mean"].to_dtype(DType::I64)?;
        tensors.insert("bn_1.running_mean".to_owned(), mean);
        tensors.insert(
            "other".to_owned(),
            Tensor::zeros(1, DType::F32, &Device::Cpu)?,
        );
        candle_core::safetensors::save(&tensors, &path)?;
        let text = refusal(framework, &path)?;
        for name in [
            "bn_1.running_var",
            "conv_1.weight",
            "bn_1.running_mean",
            "other",
        ] {
            assert!(text.contains(name), "{framework:?} {name}: {text}");
        }
        std::fs::write(&path, &bytes[..bytes.len() - 1])?;
        refusal(framework, &path)?;
    }
    Ok(std::fs::remove_dir_all(&folder)?)
}

fn refusal(framework: Framework, path: &Path) -> Result<String> {
    let loaded = match framework {
        Framework::Candle => candle::Digits::load(path, &Device::Cpu)
            .err()
            .map(|error| error.to_string()),
        Framework::Burn => load(framework, DeviceKind::Cpu, Some(path))
            .err()
            .map(|error| error.to_string()),
    };
    loaded.ok_or_else(|| format!("{framework:?} takes it").into())
}

#[test]
fn the_exported_model_gives_the_tuned_logits() -> Result<()> {
    let digits = Digits::load()?;
    let images = eval::Tensor::new(&[digits.test.len(), 8, 8, 1], digits.test.pixels.clone())?;
    for framework in FRAMEWORKS {
        let mut classifier = load(framework, DeviceKind::Cpu, None)?;
        classifier.learn(Part::Everything, 1e-3)?;
        classifier.step(&digits.train.select(&Vec::from_iter(0..32)))?;
        let folder = format!("digits-export-{framework:?}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder)?;
        let (weights, model) = (folder.join("tuned.safetensors"), folder.join("model"));
        classifier.save(&weights)?;
        export(framework, &weights, &model)?;
        let loaded = SavedModel::load(&model)?;
        let signature = loaded.signature("serving_default")?;
        let outputs = signature.call([("image", &images)])?;
        let exported = outputs.get("logits")?.elements::<f32>()?;
        let tuned = classifier.logits(&digits.test)?;
        std::fs::remove_dir_all(&folder)?;
        let pairs = exported.iter().zip(&tuned);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-4, "{framework:?} differs by {worst}");
        let moved = tuned.iter().zip(&digits.tensorflow_logits);
        assert!(moved.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) > 1e-2);
    }
    Ok(())
}

#[test]
fn a_candle_program_carries_its_weights() -> Result<()> {
    let digits = Digits::load()?;
    let images = (digits.test.len(), 8, 8, 1);
    let images = Tensor::from_slice(&digits.test.pixels, images, &Device::Cpu)?;
    let logits = candle::Digits::embedded(&Device::Cpu)?.forward(&images)?;
    let logits = logits.flatten_all()?.to_vec1::<f32>()?;
    let pairs = logits.iter().zip(&digits.tensorflow_logits);
    let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-4, "differs by {worst}");
    Ok(())
}
