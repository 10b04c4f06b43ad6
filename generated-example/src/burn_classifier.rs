//! The generated burn module under an AdamW optimizer.

use std::path::Path;

use burn::module::{Module, ParamGroup};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::store::{ModuleSnapshot, SafetensorsStore};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::burn::Digits;
use crate::classifier::{BACKBONE, Classifier, DeviceKind, Part, missing_feature};
use crate::{Examples, Result};

/// The classifier and its optimizer.
pub struct BurnClassifier {
    model: Digits,
    device: Device,
    learning: Option<Learning>,
}

struct Learning {
    part: Part,
    rate: f64,
    optimizer: ModuleOptimizer,
}

impl BurnClassifier {
    /// With the weights in `path`, or TensorFlow's.
    pub fn load(kind: DeviceKind, path: Option<&Path>) -> Result<Self> {
        let device = device(kind)?.autodiff();
        let model = match path {
            Some(path) => Digits::load(path, &device)?,
            None => Digits::embedded(&device)?,
        };
        Ok(BurnClassifier {
            model,
            device,
            learning: None,
        })
    }

    fn images(&self, examples: &Examples, device: &Device) -> Tensor<4> {
        let shape = [examples.len(), 8, 8, 1];
        Tensor::from_data(TensorData::new(examples.pixels.clone(), shape), device)
    }
}

fn device(kind: DeviceKind) -> Result<Device> {
    match kind {
        DeviceKind::Cpu => Ok(Device::flex()),
        #[cfg(feature = "burn-cuda")]
        DeviceKind::Cuda => Ok(Device::cuda(0)),
        #[cfg(not(feature = "burn-cuda"))]
        DeviceKind::Cuda => Err(missing_feature("burn-cuda")),
        #[cfg(feature = "burn-wgpu")]
        DeviceKind::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(not(feature = "burn-wgpu"))]
        DeviceKind::Wgpu => Err(missing_feature("burn-wgpu")),
    }
}

fn backbone() -> ParamGroup {
    ParamGroup::from_any_predicates(BACKBONE.to_vec())
}

impl Classifier for BurnClassifier {
    fn logits(&self, images: &Examples) -> Result<Vec<f32>> {
        let model = self.model.valid();
        let logits = model.forward(self.images(images, &self.device).without_autodiff());
        Ok(logits.into_data().try_to_vec()?)
    }

    fn learn(&mut self, part: Part, learning_rate: f64) -> Result<()> {
        let model = self.model.clone();
        self.model = match part {
            Part::Head => model.freeze_group(backbone()),
            Part::Everything => model.unfreeze_group(backbone()),
        };
        self.learning = Some(Learning {
            part,
            rate: learning_rate,
            optimizer: AdamWConfig::new().with_weight_decay(0.0).init(),
        });
        Ok(())
    }

    fn step(&mut self, batch: &Examples) -> Result<f32> {
        let images = self.images(batch, &self.device);
        let labels = TensorData::new(batch.labels.clone(), [batch.len()]);
        let labels = Tensor::<1, Int>::from_data(labels, &self.device);
        let learning = self
            .learning
            .as_mut()
            .ok_or("`learn` comes before `step`")?;
        let logits = self
            .model
            .forward_t(images, learning.part == Part::Everything);
        let loss = CrossEntropyLossConfig::new().init(&self.device);
        let loss = loss.forward(logits, labels);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let model = self.model.clone();
        self.model = learning.optimizer.step(learning.rate, model, gradients);
        Ok(loss.into_scalar())
    }

    fn save(&self, path: &Path) -> Result<()> {
        let mut store = SafetensorsStore::from_file(path).overwrite(true);
        Ok(self.model.save_into(&mut store)?)
    }
}
