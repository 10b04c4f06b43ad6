//! Reading the golden file and comparing with it.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use safetensors::SafeTensors;
use std::sync::LazyLock;

static GOLDENS: LazyLock<SafeTensors<'static>> = LazyLock::new(|| {
    SafeTensors::deserialize(include_bytes!("../goldens.safetensors")).expect("golden file")
});

pub struct Case(pub &'static str);

impl Case {
    fn view(&self, name: &str) -> safetensors::tensor::TensorView<'static> {
        let key = format!("{}/{name}", self.0);
        GOLDENS
            .tensor(&key)
            .unwrap_or_else(|_| panic!("no golden {key}"))
    }

    pub fn has(&self, name: &str) -> bool {
        GOLDENS.tensor(&format!("{}/{name}", self.0)).is_ok()
    }

    fn values(&self, name: &str) -> (Vec<f32>, Vec<usize>) {
        let view = self.view(name);
        let words = view.data().chunks_exact(4);
        let values = words.map(|word| f32::from_le_bytes(word.try_into().expect("four bytes")));
        (values.collect(), view.shape().to_vec())
    }

    /// A leaf that gathers a gradient.
    pub fn float<const D: usize>(&self, name: &str) -> Tensor<D> {
        let (values, shape) = self.values(name);
        Tensor::from_data(TensorData::new(values, shape), &device()).require_grad()
    }

    pub fn int<const D: usize>(&self, name: &str) -> Tensor<D, Int> {
        let view = self.view(name);
        let words = view.data().chunks_exact(8);
        let values = words.map(|word| i64::from_le_bytes(word.try_into().expect("eight bytes")));
        let data = TensorData::new(values.collect::<Vec<_>>(), view.shape().to_vec());
        Tensor::from_data(data, (&device(), DType::I64))
    }

    /// Compares within `tolerance`, absolute and relative, and prints the worst element.
    pub fn check<const D: usize>(&self, name: &str, actual: Tensor<D>, tolerance: f32) {
        let (expected, shape) = self.values(name);
        assert_eq!(actual.dims().to_vec(), shape, "shape of {}/{name}", self.0);
        let actual = actual.try_into_vec_as::<f32>().expect("floats");
        let error = |i: &usize| (actual[*i] - expected[*i]).abs() / (1.0 + expected[*i].abs());
        let worst = (0..expected.len()).max_by(|a, b| error(a).total_cmp(&error(b)));
        let worst = worst.expect("not empty");
        assert!(
            error(&worst) <= tolerance,
            "{}/{name}[{worst}] is {}, not {}",
            self.0,
            actual[worst],
            expected[worst]
        );
    }

    pub fn check_int<const D: usize>(&self, name: &str, actual: Tensor<D, Int>) {
        let expected = self.int::<D>(name);
        assert_eq!(actual.dims(), expected.dims(), "shape of {}/{name}", self.0);
        let read = |x: Tensor<D, Int>| x.try_into_vec_as::<i64>().expect("integers");
        assert_eq!(read(actual), read(expected), "{}/{name}", self.0);
    }

    /// Compares `out`, and the gradients of `leaves` under the loss of the script.
    pub fn check_all<const D: usize>(&self, out: Tensor<D>, leaves: &[&dyn Leaf], tolerance: f32) {
        self.check("out", out.clone(), tolerance);
        let count = out.shape().num_elements();
        let weights = Tensor::<1, Int>::arange(0..count as i64, &out.device())
            .float()
            .cos();
        let loss = (out.reshape([count]) * weights).sum();
        let gradients = loss.backward();
        for leaf in leaves {
            leaf.check(self, &gradients, tolerance);
        }
    }
}

/// A tensor whose gradient has a golden.
pub trait Leaf {
    fn check(&self, case: &Case, gradients: &burn::tensor::Gradients, tolerance: f32);
}

impl<const D: usize> Leaf for (&str, &Tensor<D>) {
    fn check(&self, case: &Case, gradients: &burn::tensor::Gradients, tolerance: f32) {
        let gradient = self
            .1
            .grad(gradients)
            .unwrap_or_else(|| panic!("no gradient of {}", self.0));
        case.check(&format!("d_{}", self.0), gradient, tolerance);
    }
}

pub fn device() -> Device {
    Device::flex().autodiff()
}

/// `[batch, ..., channels]` as `[batch, channels, ...]`.
pub fn channels_first<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.movedim(D as i32 - 1, 1)
}

/// `[batch, channels, ...]` as `[batch, ..., channels]`.
pub fn channels_last<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.movedim(1, D as i32 - 1)
}
