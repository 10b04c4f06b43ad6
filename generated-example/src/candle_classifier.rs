//! The generated candle module under an AdamW optimizer.

use std::path::Path;

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::loss::cross_entropy;
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarBuilder, VarMap};

use crate::candle::Digits;
use crate::classifier::{BACKBONE, Classifier, DeviceKind, Part, missing_feature};
use crate::{Examples, Result};

const WEIGHTS: &str = concat!(env!("OUT_DIR"), "/candle/digits.safetensors");

/// The classifier and its variables.
pub struct CandleClassifier {
    model: Digits,
    variables: VarMap,
    device: Device,
    learning: Option<(Part, AdamW)>,
}

impl CandleClassifier {
    /// With the weights in `path`, or TensorFlow's.
    pub fn load(device: DeviceKind, path: Option<&Path>) -> Result<Self> {
        let device = self::device(device)?;
        let mut variables = VarMap::new();
        let model = Digits::new(VarBuilder::from_varmap(&variables, DType::F32, &device))?;
        variables.load(path.unwrap_or(Path::new(WEIGHTS)))?;
        Ok(CandleClassifier {
            model,
            variables,
            device,
            learning: None,
        })
    }

    fn images(&self, examples: &Examples) -> Result<Tensor> {
        let shape = (examples.len(), 8, 8, 1);
        Ok(Tensor::from_slice(&examples.pixels, shape, &self.device)?)
    }

    /// The trainable variables of a part.
    fn variables_of(&self, part: Part) -> Result<Vec<Var>> {
        let mut learning = Digits::trainable(&self.variables);
        if part == Part::Head {
            let variables = self.variables.data().lock().map_err(|e| e.to_string())?;
            let frozen = |name: &str| BACKBONE.iter().any(|layer| name.contains(layer));
            let frozen = variables.iter().filter(|(name, _)| frozen(name));
            let frozen: Vec<_> = frozen.map(|(_, variable)| variable.id()).collect();
            learning.retain(|variable| !frozen.contains(&variable.id()));
        }
        Ok(learning)
    }
}

fn device(kind: DeviceKind) -> Result<Device> {
    match kind {
        DeviceKind::Cpu => Ok(Device::Cpu),
        DeviceKind::Cuda if cfg!(feature = "candle-cuda") => Ok(Device::new_cuda(0)?),
        DeviceKind::Cuda => Err(missing_feature("candle-cuda")),
        DeviceKind::Wgpu => Err("candle has no wgpu device; use --framework burn".into()),
    }
}

impl Classifier for CandleClassifier {
    fn logits(&self, images: &Examples) -> Result<Vec<f32>> {
        let logits = self.model.forward(&self.images(images)?)?;
        Ok(logits.flatten_all()?.to_vec1()?)
    }

    fn learn(&mut self, part: Part, learning_rate: f64) -> Result<()> {
        let params = ParamsAdamW {
            lr: learning_rate,
            weight_decay: 0.0,
            ..ParamsAdamW::default()
        };
        let optimizer = AdamW::new(self.variables_of(part)?, params)?;
        self.learning = Some((part, optimizer));
        Ok(())
    }

    fn step(&mut self, batch: &Examples) -> Result<f32> {
        let images = self.images(batch)?;
        let labels = Tensor::from_slice(&batch.labels, batch.len(), &self.device)?;
        let (part, optimizer) = self
            .learning
            .as_mut()
            .ok_or("`learn` comes before `step`")?;
        let logits = self.model.forward_t(&images, *part == Part::Everything)?;
        let loss = cross_entropy(&logits, &labels)?;
        optimizer.backward_step(&loss)?;
        Ok(loss.to_scalar()?)
    }

    fn save(&self, path: &Path) -> Result<()> {
        Ok(self.variables.save(path)?)
    }
}
