//! The Philox 4x32-10 generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"), and the numbers that
//! TensorFlow makes of its bits.

/// A counter-based generator: each block of four words follows from the counter and the key alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Philox {
    /// The number of the next block.
    pub counter: u128,
    /// What tells one stream of numbers from another.
    pub key: u64,
}

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

impl Philox {
    /// Of the seeds of an op with state: the second one is in the counter's upper half.
    pub fn of_seeds(seed: u64, seed2: u64) -> Philox {
        Philox {
            counter: u128::from(seed2) << 64,
            key: seed,
        }
    }

    /// Of the seeds of an op without state, which are scrambled.
    pub fn of_stateless(seeds: [u64; 2]) -> Philox {
        let scrambler = Philox {
            counter: u128::from(seeds[0]) | u128::from(seeds[1]) << 64,
            key: 0x0246_1e29_3ec8_f720,
        };
        let [a, b, c, d] = scrambler.block().map(u64::from);
        Philox {
            counter: u128::from(c | d << 32) << 64,
            key: a | b << 32,
        }
    }

    /// The words at the counter.
    fn block(&self) -> [u32; 4] {
        let mut words = [0, 32, 64, 96].map(|shift| (self.counter >> shift) as u32);
        let mut key = [self.key as u32, (self.key >> 32) as u32];
        for _ in 0..10 {
            let products = [0, 2].map(|i| u64::from(MULTIPLIERS[i / 2]) * u64::from(words[i]));
            let high = products.map(|product| (product >> 32) as u32);
            let low = products.map(|product| product as u32);
            words = [
                high[1] ^ words[1] ^ key[0],
                low[1],
                high[0] ^ words[3] ^ key[1],
                low[0],
            ];
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        words
    }

    /// The next four words.
    pub fn draw(&mut self) -> [u32; 4] {
        let block = self.block();
        self.skip(1);
        block
    }

    /// Leaves out blocks.
    pub fn skip(&mut self, blocks: u64) {
        self.counter = self.counter.wrapping_add(u128::from(blocks));
    }

    /// The words one by one.
    pub fn words(mut self) -> impl FnMut() -> u32 {
        let (mut block, mut used) = ([0; 4], 4);
        move || {
            if used == 4 {
                (block, used) = (self.draw(), 0);
            }
            used += 1;
            block[used - 1]
        }
    }
}

/// Uniform in `0..1`, of 23 bits.
pub fn single(word: u32) -> f32 {
    f32::from_bits(127 << 23 | word & 0x007f_ffff) - 1.0
}

/// Uniform in `0..1`, of 52 bits.
pub fn double(high: u32, low: u32) -> f64 {
    let bits = u64::from(high & 0x000f_ffff) << 32 | u64::from(low);
    f64::from_bits(1023 << 52 | bits) - 1.0
}

/// The smallest number that a logarithm is taken of.
const EPSILON: f64 = 1.0e-7;

/// Two normal numbers of two uniform ones, by Box and Muller.
pub fn normal_single(a: u32, b: u32) -> [f32; 2] {
    let radius = (-2.0 * single(a).max(EPSILON as f32).ln()).sqrt();
    let angle = (2.0 * std::f64::consts::PI * f64::from(single(b))) as f32;
    [angle.sin() * radius, angle.cos() * radius]
}

/// Two normal numbers of two uniform ones, by Box and Muller.
pub fn normal_double(words: [u32; 4]) -> [f64; 2] {
    let radius = (-2.0 * double(words[0], words[1]).max(EPSILON).ln()).sqrt();
    let angle = 2.0 * std::f64::consts::PI * double(words[2], words[3]);
    [angle.sin() * radius, angle.cos() * radius]
}
