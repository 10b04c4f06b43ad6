//! Hash buckets of strings: FarmHash's 64-bit fingerprint, SipHash-2-4 and MurmurHash64A.

use super::array::{Array, Error, Result};
use super::string_tensor::StringTensor;

/// The bucket of each string by FarmHash's fingerprint.
///
/// # Errors
/// There are no buckets.
pub fn bucket_fast(words: &StringTensor, buckets: i64) -> Result<Array> {
    hashed(words, buckets, fingerprint)
}

/// The bucket of each string by MurmurHash64A.
///
/// # Errors
/// There are no buckets.
pub fn bucket(words: &StringTensor, buckets: i64) -> Result<Array> {
    hashed(words, buckets, murmur)
}

/// The bucket of each string by SipHash-2-4 under a key of two words.
///
/// # Errors
/// There are no buckets, or the key has another length.
pub fn bucket_strong(words: &StringTensor, buckets: i64, key: &[i64]) -> Result<Array> {
    let &[first, second] = key else {
        return Err(Error::new("a key of two integers is needed"));
    };
    hashed(words, buckets, |word| {
        sip(word, first as u64, second as u64)
    })
}

fn hashed(words: &StringTensor, buckets: i64, hash: impl Fn(&[u8]) -> u64) -> Result<Array> {
    let count = u64::try_from(buckets).ok().filter(|&count| count > 0);
    let count = count.ok_or_else(|| Error::new("there are no buckets"))?;
    let places = words.data().iter().map(|word| (hash(word) % count) as i64);
    Array::integers(words.shape(), places.collect())
}

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// Eight bytes from `at`, little-endian; what is missing is zero.
fn long(bytes: &[u8], at: usize) -> u64 {
    let part = bytes.get(at..).unwrap_or_default().iter().take(8).rev();
    part.fold(0, |sum, &byte| sum << 8 | u64::from(byte))
}

fn short(bytes: &[u8], at: usize) -> u64 {
    long(bytes, at) & 0xffff_ffff
}

fn shift_mix(x: u64) -> u64 {
    x ^ (x >> 47)
}

/// Two words into one.
fn mix(u: u64, v: u64, factor: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(factor));
    shift_mix((v ^ a).wrapping_mul(factor)).wrapping_mul(factor)
}

/// FarmHash's fingerprint of 64 bits.
pub fn fingerprint(s: &[u8]) -> u64 {
    match s.len() {
        0..=16 => up_to_16(s),
        17..=32 => up_to_32(s),
        33..=64 => up_to_64(s),
        _ => longer(s),
    }
}

fn up_to_16(s: &[u8]) -> u64 {
    let n = s.len();
    let factor = K2.wrapping_add(2 * n as u64);
    match n {
        8.. => {
            let a = long(s, 0).wrapping_add(K2);
            let b = long(s, n - 8);
            let c = b.rotate_right(37).wrapping_mul(factor).wrapping_add(a);
            let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(factor);
            mix(c, d, factor)
        }
        4.. => mix(
            (n as u64).wrapping_add(short(s, 0) << 3),
            short(s, n - 4),
            factor,
        ),
        1.. => {
            let y = u64::from(s[0]) + (u64::from(s[n >> 1]) << 8);
            let z = n as u64 + (u64::from(s[n - 1]) << 2);
            shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
        }
        0 => K2,
    }
}

fn up_to_32(s: &[u8]) -> u64 {
    let n = s.len();
    let factor = K2.wrapping_add(2 * n as u64);
    let a = long(s, 0).wrapping_mul(K1);
    let b = long(s, 8);
    let c = long(s, n - 8).wrapping_mul(factor);
    let d = long(s, n - 16).wrapping_mul(K2);
    let u = a.wrapping_add(b).rotate_right(43);
    let u = u.wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let v = b
        .wrapping_add(K2)
        .rotate_right(18)
        .wrapping_add(a)
        .wrapping_add(c);
    mix(u, v, factor)
}

fn up_to_64(s: &[u8]) -> u64 {
    let n = s.len();
    let factor = K2.wrapping_add(2 * n as u64);
    let a = long(s, 0).wrapping_mul(K2);
    let b = long(s, 8);
    let c = long(s, n - 8).wrapping_mul(factor);
    let d = long(s, n - 16).wrapping_mul(K2);
    let y = a.wrapping_add(b).rotate_right(43);
    let y = y.wrapping_add(c.rotate_right(30)).wrapping_add(d);
    let v = b
        .wrapping_add(K2)
        .rotate_right(18)
        .wrapping_add(a)
        .wrapping_add(c);
    let z = mix(y, v, factor);
    let e = long(s, 16).wrapping_mul(factor);
    let f = long(s, 24);
    let g = y.wrapping_add(long(s, n - 32)).wrapping_mul(factor);
    let h = z.wrapping_add(long(s, n - 24)).wrapping_mul(factor);
    let u = e.wrapping_add(f).rotate_right(43);
    let u = u.wrapping_add(g.rotate_right(30)).wrapping_add(h);
    let v = f
        .wrapping_add(a)
        .rotate_right(18)
        .wrapping_add(e)
        .wrapping_add(g);
    mix(u, v, factor)
}

/// Thirty-two bytes from `at` into a pair of words.
fn weak(s: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let [w, x, y, z] = [0, 8, 16, 24].map(|offset| long(s, at + offset));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let sum = a.wrapping_add(x).wrapping_add(y);
    (
        sum.wrapping_add(z),
        b.wrapping_add(sum.rotate_right(44)).wrapping_add(a),
    )
}

/// The state while a long string goes by, 64 bytes at a time.
struct Long {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

impl Long {
    fn take(&mut self, s: &[u8], at: usize, factor: u64, twist: u64) {
        let Long { x, y, z, v, w } = self;
        *x = x
            .wrapping_add(*y)
            .wrapping_add(v.0)
            .wrapping_add(long(s, at + 8));
        *x = x.rotate_right(37).wrapping_mul(factor);
        *y = y.wrapping_add(v.1).wrapping_add(long(s, at + 48));
        *y = y.rotate_right(42).wrapping_mul(factor);
        *x ^= w.1.wrapping_mul(twist);
        *y = y
            .wrapping_add(v.0.wrapping_mul(twist))
            .wrapping_add(long(s, at + 40));
        *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(factor);
        *v = weak(s, at, v.1.wrapping_mul(factor), x.wrapping_add(w.0));
        *w = weak(
            s,
            at + 32,
            z.wrapping_add(w.1),
            y.wrapping_add(long(s, at + 16)),
        );
        std::mem::swap(z, x);
    }
}

fn longer(s: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let n = s.len();
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let x = SEED.wrapping_mul(K2).wrapping_add(long(s, 0));
    let mut state = Long {
        x,
        y,
        z,
        v: (0, 0),
        w: (0, 0),
    };
    for chunk in 0..(n - 1) / 64 {
        state.take(s, chunk * 64, K1, 1);
    }
    let factor = K1.wrapping_add((state.z & 0xff) << 1);
    state.w.0 = state.w.0.wrapping_add((n as u64 - 1) & 63);
    state.v.0 = state.v.0.wrapping_add(state.w.0);
    state.w.0 = state.w.0.wrapping_add(state.v.0);
    state.take(s, n - 64, factor, 9);
    let Long { x, y, z, v, w } = state;
    let first = mix(v.0, w.0, factor);
    let first = first
        .wrapping_add(shift_mix(y).wrapping_mul(K0))
        .wrapping_add(z);
    mix(first, mix(v.1, w.1, factor).wrapping_add(x), factor)
}

/// MurmurHash64A with TensorFlow's seed.
fn murmur(s: &[u8]) -> u64 {
    const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
    const SEED: u64 = 0x00de_cafc_affe;
    let mut hash = SEED ^ (s.len() as u64).wrapping_mul(FACTOR);
    let (words, tail) = s.as_chunks::<8>();
    for word in words {
        let mixed = shift_mix(u64::from_le_bytes(*word).wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
        hash = (hash ^ mixed).wrapping_mul(FACTOR);
    }
    if !tail.is_empty() {
        hash = (hash ^ long(tail, 0)).wrapping_mul(FACTOR);
    }
    shift_mix(shift_mix(hash).wrapping_mul(FACTOR))
}

/// SipHash-2-4.
fn sip(s: &[u8], k0: u64, k1: u64) -> u64 {
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, tail) = s.as_chunks::<8>();
    let last = long(tail, 0) | (s.len() as u64) << 56;
    for word in words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .chain([last])
    {
        v[3] ^= word;
        (0..2).for_each(|_| sip_round(&mut v));
        v[0] ^= word;
    }
    v[2] ^= 0xff;
    (0..4).for_each(|_| sip_round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn sip_round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}
