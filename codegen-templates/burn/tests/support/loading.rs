//! Keys, freezing and dtypes through a safetensors file.

use crate::goldens::device;
use burn::module::{Module, Param};
use burn::store::{ModuleSnapshot, ModuleStore, SafetensorsStore};
use burn::tensor::{DType, Device, Int, Tensor};
use savedmodel_import_burn_support::batch_norm::{BatchNorm, BatchNormConfig};
use savedmodel_import_burn_support::conv_transpose::{ConvTranspose2d, ConvTranspose2dConfig};
use savedmodel_import_burn_support::dropout::Dropout;

#[derive(Module, Debug)]
struct Block {
    up: ConvTranspose2d,
    norm: Option<BatchNorm>,
    dropout: Dropout,
    table: Param<Tensor<1, Int>>,
}

#[derive(Module, Debug)]
struct Model {
    blocks: Vec<Block>,
}

impl Model {
    fn new(device: &Device) -> Self {
        let block = || Block {
            up: ConvTranspose2dConfig::new([2, 3], [3, 3]).init(device),
            norm: Some(BatchNormConfig::new(3).init(device)),
            dropout: Dropout::new(0.1),
            table: Param::initialized(
                burn::module::ParamId::new(),
                Tensor::from_data([1i64, 2], (device, DType::I64)),
            ),
        };
        Self {
            blocks: vec![block(), block()],
        }
    }
}

#[test]
fn keys_are_field_paths_and_a_save_loads_again() {
    let mut model = Model::new(&device());
    let mut gamma = model.blocks[0].norm.take();
    if let Some(norm) = &mut gamma {
        norm.gamma = norm.gamma.take().map(|p| p.set_require_grad(false));
        let x = Tensor::<2>::from_data([[1.0, 2.0, 3.0], [3.0, 2.0, 9.0]], &device());
        norm.forward_t(x, true);
    }
    model.blocks[0].norm = gamma;

    let mut store = SafetensorsStore::from_bytes(None);
    model.save_into(&mut store).expect("saved");
    let bytes = store.get_bytes().expect("bytes");
    let mut store = SafetensorsStore::from_bytes(Some(bytes));
    let keys = store.keys().expect("keys");
    let block = [
        "norm.beta",
        "norm.gamma",
        "norm.running_mean",
        "norm.running_var",
    ];
    let block = block.into_iter().chain(["table", "up.bias", "up.weight"]);
    let expected = |i: usize| block.clone().map(move |key| format!("blocks.{i}.{key}"));
    assert_eq!(keys, expected(0).chain(expected(1)).collect::<Vec<_>>());

    let mut other = Model::new(&device());
    let frozen = other.blocks[0].norm.take().map(|mut norm| {
        norm.gamma = norm.gamma.take().map(|p| p.set_require_grad(false));
        norm
    });
    other.blocks[0].norm = frozen;
    let result = other.load_from(&mut store).expect("loaded");
    assert!(result.missing.is_empty() && result.unused.is_empty());
    let norm = other.blocks[0].norm.as_ref().expect("norm");
    let saved = model.blocks[0].norm.as_ref().expect("norm");
    assert_eq!(
        norm.running_mean.value().to_data(),
        saved.running_mean.value().to_data()
    );
    assert!(
        norm.gamma
            .as_ref()
            .is_some_and(|gamma| !gamma.is_require_grad())
    );
    assert!(
        norm.beta
            .as_ref()
            .is_some_and(|beta| beta.is_require_grad())
    );
    assert_eq!(other.blocks[1].table.val().dtype(), DType::I64);
}
