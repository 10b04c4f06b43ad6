//! What a weight of no layer is before it is trained: Keras' choice, by the field's name and shape.

/// The values of a weight that nothing is loaded into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// Biases, counters, and whatever is no matrix.
    Zeros,
    /// Scales and moving variances.
    Ones,
    /// Even in plus and minus this number.
    Uniform(f64),
}

/// Keras' bound for the rows of an embedding.
const EMBEDDING: f64 = 0.05;

impl Initial {
    /// Of the field with this name and shape.
    pub fn of(field: &str, shape: &[usize]) -> Self {
        let is = |words: &[&str]| {
            words
                .iter()
                .any(|word| field == *word || has_end(field, word))
        };
        if is(&["gamma", "scale", "running_var", "moving_variance"]) {
            return Initial::Ones;
        }
        if is(&["beta", "bias", "offset", "running_mean", "moving_mean"]) {
            return Initial::Zeros;
        }
        if field.contains("embedding") {
            return Initial::Uniform(EMBEDDING);
        }
        match is(&["kernel", "weight", "weights"]) {
            true => glorot(shape),
            false => Initial::Zeros,
        }
    }
}

/// Whether `field` ends in `word` after an underscore.
fn has_end(field: &str, word: &str) -> bool {
    let rest = field.strip_suffix(word);
    rest.is_some_and(|rest| rest.ends_with('_'))
}

/// Glorot's bound, `sqrt(6 / (inputs + outputs))`, of a kernel whose last axes are these.
fn glorot(shape: &[usize]) -> Initial {
    let [window @ .., inputs, outputs] = shape else {
        return Initial::Zeros;
    };
    let area: usize = window.iter().product();
    let fans = area.max(1).saturating_mul(inputs + outputs).max(1);
    let bound = (6.0 / fans as f64).sqrt();
    Initial::Uniform((bound * 1e4).round() / 1e4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_ones_and_biases_zeros() {
        assert_eq!(Initial::of("gamma", &[3]), Initial::Ones);
        assert_eq!(Initial::of("norm_scale", &[3]), Initial::Ones);
        assert_eq!(Initial::of("grayscale", &[3]), Initial::Zeros);
        assert_eq!(Initial::of("recurrent_bias", &[3]), Initial::Zeros);
    }

    #[test]
    fn a_kernel_has_glorots_bound() {
        assert_eq!(Initial::of("kernel", &[2, 4]), Initial::Uniform(1.0));
        assert_eq!(
            Initial::of("recurrent_kernel", &[10, 14]),
            Initial::Uniform(0.5)
        );
        assert_eq!(Initial::of("weight", &[3]), Initial::Zeros);
        assert_eq!(
            Initial::of("position_embedding", &[3, 2]),
            Initial::Uniform(0.05)
        );
    }
}
