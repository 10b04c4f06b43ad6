//! Is this TensorFlow's number?

use savedmodel_import_tests_value::{Data, Value, Values};

use crate::corpus::Tolerance;
use crate::plan::{Expectation, Expected, Goal, LOSSES};

/// Why an output is not what TensorFlow gives; `None` if all are.
pub fn check(
    expectation: &Expectation,
    got: &Values,
    tolerance: &Tolerance,
    scalar_is_1d: bool,
) -> Option<String> {
    let floor = match expectation.goal {
        Goal::Gradient => gradient_floor(expectation, tolerance),
        Goal::Match | Goal::Batch => 0.0,
        Goal::Training => return training(expectation, got),
    };
    let judge = Judge {
        tolerance,
        floor,
        scalar_is_1d,
    };
    expectation
        .values
        .iter()
        .find_map(|expected| judge.one(expected, got).err())
}

/// How far a loss of training may be off, relative to it.
const LOSS: f64 = 1e-5;
/// How far a variable may be off after it, relative to its norm.
const TUNED: f64 = 1e-4;

/// Every loss and every variable; the worst is named.
fn training(expectation: &Expectation, got: &Values) -> Option<String> {
    let judged = expectation.values.iter().map(|expected| {
        let (error, allowed) = match expected.name == LOSSES {
            true => (largest_relative(expected, got), LOSS),
            false => (relative_norm(expected, got), TUNED),
        };
        (error.unwrap_or(f64::INFINITY), allowed, &expected.name)
    });
    let times = |&(error, allowed, _): &(f64, f64, &String)| error / allowed;
    let (error, allowed, name) = judged.max_by(|a, b| times(a).total_cmp(&times(b)))?;
    (error.is_nan() || error > allowed).then(|| {
        format!(
            "{name} is the worst: off by {error:.1e}, {:.1} times the tolerance",
            error / allowed
        )
    })
}

fn pairs(expected: &Expected, got: &Values) -> Option<Vec<(f64, f64)>> {
    let got = got.get(&expected.name)?.data.to_floats()?;
    let want = expected.value.data.to_floats()?;
    (got.len() == want.len()).then(|| got.into_iter().zip(want).collect())
}

fn largest_relative(expected: &Expected, got: &Values) -> Option<f64> {
    let errors = pairs(expected, got)?.into_iter();
    let errors = errors.map(|(got, want)| (got - want).abs() / want.abs());
    Some(errors.fold(0.0, |a, b| if b > a || b.is_nan() { b } else { a }))
}

fn relative_norm(expected: &Expected, got: &Values) -> Option<f64> {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let pairs = pairs(expected, got)?;
    let difference = norm(&mut pairs.iter().map(|(got, want)| got - want));
    let whole = norm(&mut pairs.iter().map(|(_, want)| *want));
    Some(if difference == 0.0 {
        0.0
    } else {
        difference / whole
    })
}

/// Gradients that are zero but for rounding are judged by the scale of all gradients together.
fn gradient_floor(expectation: &Expectation, tolerance: &Tolerance) -> f64 {
    let scales = expectation
        .values
        .iter()
        .filter(|e| e.name != "loss" && !e.sum_of_squares);
    let largest = scales
        .filter_map(|e| e.value.data.to_floats())
        .map(|v| root_mean_square(&v))
        .fold(0.0, f64::max);
    largest * tolerance.relative * 1e-2
}

struct Judge<'a> {
    tolerance: &'a Tolerance,
    floor: f64,
    scalar_is_1d: bool,
}

impl Judge<'_> {
    fn one(&self, expected: &Expected, got: &Values) -> Result<(), String> {
        let name = &expected.name;
        let missing = match got.get(name) {
            Some(value) => {
                return self
                    .value(expected, value)
                    .map_err(|why| format!("{name}: {why}"));
            }
            None => &expected.value.data,
        };
        // A gradient that no path leads to is none in Rust and may be zeros in TensorFlow.
        match missing.to_floats() {
            Some(zeros) if expected.native.is_none() && zeros.iter().all(|&v| v == 0.0) => Ok(()),
            Some(_) | None => Err(format!("{name}: it is not there")),
        }
    }

    fn value(&self, expected: &Expected, got: &Value) -> Result<(), String> {
        if let Some(native) = expected
            .native
            .as_deref()
            .filter(|native| !same_type(native, &got.dtype))
        {
            return Err(format!(
                "the manifest says {native}, the tensor is {}",
                got.dtype
            ));
        }
        if expected.sum_of_squares {
            let squares = got
                .data
                .to_floats()
                .ok_or("it is no float")?
                .iter()
                .map(|v| v * v)
                .sum();
            return self.floats(
                &[squares],
                &expected.value.data.to_floats().ok_or("it is no float")?,
            );
        }
        let want = &expected.value;
        if self.shape(&got.shape) != self.shape(&want.shape) {
            return Err(format!(
                "shape {:?}, TensorFlow has {:?}",
                got.shape, want.shape
            ));
        }
        match self.tolerance.values {
            true => self.data(&got.data, &want.data),
            false => Ok(()),
        }
    }

    fn shape<'s>(&self, shape: &'s [usize]) -> &'s [usize] {
        // Not a guarded slice pattern: rustc 1.95 reads past the empty slice when it optimises one in a comparison.
        let is_scalar = self.scalar_is_1d && shape.len() == 1 && shape[0] == 1;
        if is_scalar { &[] } else { shape }
    }

    fn data(&self, got: &Data, want: &Data) -> Result<(), String> {
        let flat = |pairs: &[[f64; 2]]| pairs.as_flattened().to_vec();
        match (got, want) {
            (Data::Bytes(got), Data::Bytes(want)) => exact(got, want),
            (Data::Complex(got), Data::Complex(want)) => self.floats(&flat(got), &flat(want)),
            (got, Data::Float(want)) => {
                self.floats(&got.to_floats().ok_or("it is no float")?, want)
            }
            (got, want) => match (got.to_ints(), want.to_ints()) {
                (Some(got), Some(want)) => exact(&got, &want),
                (_, _) => Err("it is of another kind".into()),
            },
        }
    }

    fn floats(&self, got: &[f64], want: &[f64]) -> Result<(), String> {
        let clip = self.tolerance.clip.unwrap_or(f64::INFINITY);
        let scale = match self.tolerance.scaled {
            true => root_mean_square(want),
            false => 0.0,
        };
        let Tolerance {
            relative, absolute, ..
        } = self.tolerance;
        let excess = |(i, (&got, &want)): (usize, (&f64, &f64))| {
            let (got, want) = (got.clamp(-clip, clip), want.clamp(-clip, clip));
            let same = got == want || (got.is_nan() && want.is_nan());
            let finite = got.is_finite() && want.is_finite();
            let allowed = absolute + self.floor + relative * (want.abs() + scale);
            let error = (got - want).abs();
            match same || (finite && error <= allowed) {
                true => None,
                false => Some((
                    if finite {
                        error / allowed
                    } else {
                        f64::INFINITY
                    },
                    i,
                    got,
                    want,
                )),
            }
        };
        let wrong: Vec<_> = got
            .iter()
            .zip(want)
            .enumerate()
            .filter_map(excess)
            .collect();
        match wrong.iter().max_by(|a, b| a.0.total_cmp(&b.0)) {
            None => Ok(()),
            Some((times, i, got, want_at)) => Err(format!(
                "{} of {} elements differ, the worst [{i}]: {got:e}, TensorFlow has {want_at:e} ({times:.1} times the tolerance)",
                wrong.len(),
                want.len()
            )),
        }
    }
}

/// candle has no bool: it is an U8 there; burn prints its bool with its store.
fn same_type(native: &str, got: &str) -> bool {
    native == got || (native == "Bool" && (got == "U8" || got.starts_with("Bool")))
}

fn exact<T: PartialEq + std::fmt::Debug>(got: &[T], want: &[T]) -> Result<(), String> {
    let wrong = got
        .iter()
        .zip(want)
        .filter(|(got, want)| got != want)
        .count();
    match got.iter().zip(want).position(|(got, want)| got != want) {
        None if got.len() == want.len() => Ok(()),
        None => Err(format!(
            "{} elements, TensorFlow has {}",
            got.len(),
            want.len()
        )),
        Some(i) => Err(format!(
            "{wrong} of {} elements differ, the first [{i}]: {:?}, TensorFlow has {:?}",
            want.len(),
            got[i],
            want[i]
        )),
    }
}

fn root_mean_square(values: &[f64]) -> f64 {
    let finite = values.iter().filter(|v| v.is_finite());
    let (count, sum) = finite.fold((0usize, 0.0), |(count, sum), v| (count + 1, sum + v * v));
    (sum / count.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(got: &[f64], want: &[f64], scaled: bool) -> Option<String> {
        let value = |values: &[f64]| Value {
            dtype: "F32".into(),
            shape: vec![values.len()],
            data: Data::Float(values.to_vec()),
        };
        let tolerance = Tolerance {
            relative: 1e-3,
            absolute: 0.0,
            clip: None,
            values: true,
            scaled,
        };
        let expectation = Expectation {
            goal: Goal::Match,
            label: String::new(),
            values: vec![Expected {
                name: "y".into(),
                dtype: "float32".into(),
                value: value(want),
                sum_of_squares: false,
                native: Some("F32".into()),
            }],
        };
        check(
            &expectation,
            &Values::from([("y".to_owned(), value(got))]),
            &tolerance,
            false,
        )
    }

    #[test]
    fn a_small_element_is_judged_by_the_tensors_scale_if_asked() {
        assert_eq!(judged(&[1e-4, 1.0], &[0.0, 1.0], true), None);
        let words = judged(&[1e-4, 1.0], &[0.0, 1.0], false).unwrap();
        assert!(
            words.starts_with("y: 1 of 2 elements differ, the worst [0]: 1e-4, TensorFlow has 0e0"),
            "{words}"
        );
    }

    #[test]
    fn nan_and_infinity_equal_themselves_only() {
        assert_eq!(
            judged(&[f64::NAN, f64::INFINITY], &[f64::NAN, f64::INFINITY], true),
            None
        );
        assert!(judged(&[f64::NAN], &[1.0], true).is_some());
        assert!(judged(&[f64::NEG_INFINITY], &[f64::INFINITY], true).is_some());
    }
}
