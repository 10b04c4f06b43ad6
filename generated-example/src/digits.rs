//! Images of handwritten digits, from scikit-learn: 8 x 8 pixels with values 0 to 16.

use std::path::Path;

use safetensors::SafeTensors;

use crate::Result;

/// The side of an image.
pub const SIDE: usize = 8;
/// The pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;

/// The data set, and what TensorFlow's model says about its test part.
pub struct Digits {
    /// The images that the model was trained on.
    pub train: Examples,
    /// The images that it has not seen.
    pub test: Examples,
    /// TensorFlow's logits for `test`: ten for each image.
    pub tensorflow_logits: Vec<f32>,
}

/// Images and their labels.
#[derive(Clone, Default)]
pub struct Examples {
    /// `[count, 8, 8, 1]`
    pub pixels: Vec<f32>,
    /// The digit in each image.
    pub labels: Vec<i64>,
}

impl Digits {
    /// The data set that is checked in.
    pub fn load() -> Result<Self> {
        Self::read(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/data/digits.safetensors"
        )))
    }

    /// Reads a safetensors file with `images`, `labels`, the index lists `train` and `test`, and `tensorflow_logits`.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)?;
        let file = SafeTensors::deserialize(&bytes)?;
        let all = Examples {
            pixels: file
                .tensor("images")?
                .data()
                .iter()
                .map(|&p| f32::from(p))
                .collect(),
            labels: integers(&file, "labels")?,
        };
        let part = |name| -> Result<Examples> {
            let indices = integers(&file, name)?.into_iter().map(usize::try_from);
            Ok(all.select(&indices.collect::<Result<Vec<_>, _>>()?))
        };
        let logits = file.tensor("tensorflow_logits")?;
        let (logits, _) = logits.data().as_chunks();
        Ok(Digits {
            train: part("train")?,
            test: part("test")?,
            tensorflow_logits: logits
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect(),
        })
    }
}

fn integers(file: &SafeTensors, name: &str) -> Result<Vec<i64>> {
    let tensor = file.tensor(name)?;
    let (chunks, _) = tensor.data().as_chunks();
    Ok(chunks
        .iter()
        .map(|&bytes| i64::from_le_bytes(bytes))
        .collect())
}

impl Examples {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The examples at these indices.
    pub fn select(&self, indices: &[usize]) -> Examples {
        let pixels = indices
            .iter()
            .flat_map(|&n| self.image(n))
            .copied()
            .collect();
        let labels = indices.iter().map(|&n| self.labels[n]).collect();
        Examples { pixels, labels }
    }

    /// All examples in batches of `size`, shuffled.
    pub fn shuffled(&self, size: usize, random: &mut fastrand::Rng) -> Vec<Examples> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        random.shuffle(&mut order);
        order.chunks(size).map(|batch| self.select(batch)).collect()
    }

    /// The same digits from another scanner: a pixel further right and down, dark on light, with half the contrast.
    pub fn shifted(&self) -> Examples {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for image in self.pixels.chunks(PIXELS) {
            for (row, column) in
                (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column)))
            {
                let moved = row.checked_sub(1).zip(column.checked_sub(1));
                let value = moved.map_or(0.0, |(row, column)| image[row * SIDE + column]);
                pixels.push(8.0 - value / 2.0);
            }
        }
        Examples {
            pixels,
            labels: self.labels.clone(),
        }
    }

    fn image(&self, n: usize) -> &[f32] {
        &self.pixels[n * PIXELS..(n + 1) * PIXELS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_is_whole() -> Result<()> {
        let digits = Digits::load()?;
        assert_eq!(digits.train.len() + digits.test.len(), 1797);
        assert_eq!(digits.train.pixels.len(), digits.train.len() * PIXELS);
        assert_eq!(digits.tensorflow_logits.len(), digits.test.len() * 10);
        Ok(())
    }

    #[test]
    fn a_shifted_image_moves_by_a_pixel() {
        let mut examples = Examples {
            pixels: vec![0.0; PIXELS],
            labels: vec![1],
        };
        examples.pixels[0] = 16.0;
        let shifted = examples.shifted();
        assert_eq!(shifted.pixels[SIDE + 1], 0.0);
        assert_eq!(shifted.pixels[0], 8.0);
    }
}
