//! Conversions among the float types, and of integers to wider ones and back.

use half::{bf16, f16};
use safetensors::Dtype;

use crate::{Error, Result};

/// `bytes` of type `from` as type `to`. Values keep their number, rounded to the nearest; a bool is a byte.
pub(crate) fn cast(bytes: &[u8], from: Dtype, to: Dtype) -> Result<Vec<u8>> {
    match (from, to) {
        (Dtype::I8, Dtype::I16) => {
            return Ok(bytes
                .iter()
                .flat_map(|&b| i16::from(b as i8).to_le_bytes())
                .collect());
        }
        (Dtype::I16, Dtype::I8) => return Ok(bytes.iter().copied().step_by(2).collect()),
        (Dtype::U16, Dtype::I32) => {
            let pairs = bytes.as_chunks::<2>().0.iter();
            return Ok(pairs.flat_map(|&[low, high]| [low, high, 0, 0]).collect());
        }
        (Dtype::I32, Dtype::U16) => {
            let words = bytes.as_chunks::<4>().0.iter();
            return Ok(words.flat_map(|&[low, high, _, _]| [low, high]).collect());
        }
        (_, _) => {}
    }
    let wide = widen(bytes, from).ok_or_else(|| no_cast(from, to))?;
    narrow(wide, to).ok_or_else(|| no_cast(from, to))
}

/// Whether a tensor of type `from` is one of type `to` without a change of its bytes.
pub(crate) fn same_bytes(from: Dtype, to: Dtype) -> bool {
    let alike = [
        (Dtype::BOOL, Dtype::U8),
        (Dtype::U64, Dtype::I64),
        (Dtype::I64, Dtype::U64),
    ];
    from == to || alike.contains(&(from, to))
}

fn no_cast(from: Dtype, to: Dtype) -> Error {
    Error::unsupported(format!("weights of type {from:?} as {to:?}"))
}

fn widen(bytes: &[u8], from: Dtype) -> Option<Vec<f64>> {
    let floats = match from {
        Dtype::F64 => each(bytes, f64::from_le_bytes),
        Dtype::F32 => each(bytes, |b| f32::from_le_bytes(b).into()),
        Dtype::F16 => each(bytes, |b| f16::from_le_bytes(b).into()),
        Dtype::BF16 => each(bytes, |b| bf16::from_le_bytes(b).into()),
        Dtype::I64 => each(bytes, |b| i64::from_le_bytes(b) as f64),
        Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b).into()),
        _ => return None,
    };
    Some(floats)
}

fn narrow(values: Vec<f64>, to: Dtype) -> Option<Vec<u8>> {
    let values = values.into_iter();
    let bytes = match to {
        Dtype::F64 => values.flat_map(f64::to_le_bytes).collect(),
        Dtype::F32 => values.flat_map(|v| (v as f32).to_le_bytes()).collect(),
        Dtype::F16 => values
            .flat_map(|v| f16::from_f64(v).to_le_bytes())
            .collect(),
        Dtype::BF16 => values
            .flat_map(|v| bf16::from_f64(v).to_le_bytes())
            .collect(),
        _ => return None,
    };
    Some(bytes)
}

fn each<const N: usize>(bytes: &[u8], read: fn([u8; N]) -> f64) -> Vec<f64> {
    bytes
        .as_chunks::<N>()
        .0
        .iter()
        .map(|&chunk| read(chunk))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_become_wider_and_come_back() {
        for (narrow, wide, bytes) in [
            (Dtype::I8, Dtype::I16, vec![0x80, 0xff, 0x7f]),
            (Dtype::U16, Dtype::I32, vec![0xff, 0xff, 0x01, 0x00]),
        ] {
            let widened = cast(&bytes, narrow, wide).unwrap();
            assert_eq!(widened.len(), 2 * bytes.len());
            assert_eq!(cast(&widened, wide, narrow).unwrap(), bytes);
        }
        let minus_one = cast(&[0xff], Dtype::I8, Dtype::I16).unwrap();
        assert_eq!(minus_one, (-1i16).to_le_bytes());
    }

    #[test]
    fn floats_round_to_the_nearest() {
        let bytes = [1.0f32, -2.5, 1e-9].map(f32::to_le_bytes).concat();
        let half = cast(&bytes, Dtype::F32, Dtype::F16).unwrap();
        let want = [1.0f32, -2.5, 0.0]
            .map(|v| f16::from_f32(v).to_le_bytes())
            .concat();
        assert_eq!(half, want);
        assert_eq!(
            cast(&half, Dtype::F16, Dtype::F32).unwrap()[..8],
            bytes[..8]
        );
    }

    #[test]
    fn strings_have_no_cast() {
        assert!(cast(&[0], Dtype::U8, Dtype::F32).is_err());
    }
}
