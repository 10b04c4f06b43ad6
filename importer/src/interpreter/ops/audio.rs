//! Sound: WAV files, spectrograms, mel-frequency cepstral coefficients.

use super::super::cx::{Cx, count};
use super::super::value::Value;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use std::f64::consts::PI;

pub(super) const OPS: &[Row] = &[
    many("DecodeWav", decode),
    one("EncodeWav", encode),
    one("AudioSpectrogram", spectrogram),
    one("Mfcc", mfcc),
];

/// What a WAV file of 16-bit samples holds.
struct Wav<'b> {
    channels: usize,
    rate: u32,
    /// Samples of all channels in turn, two bytes each.
    data: &'b [u8],
}

fn word(bytes: &[u8], at: usize, width: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(
        bytes
            .iter()
            .rev()
            .fold(0, |sum, &b| sum << 8 | u32::from(b)),
    )
}

impl<'b> Wav<'b> {
    fn read(bytes: &'b [u8]) -> Result<Wav<'b>> {
        Wav::parse(bytes)
            .ok_or_else(|| Error::usage("the string is not a WAV file of 16-bit samples"))
    }

    fn parse(bytes: &'b [u8]) -> Option<Wav<'b>> {
        if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WAVE" {
            return None;
        }
        let (mut at, mut format) = (12, None);
        loop {
            let (name, size) = (bytes.get(at..at + 4)?, word(bytes, at + 4, 4)? as usize);
            let start = at + 8;
            match name {
                b"fmt " => format = Some(start),
                b"data" => {
                    let format = format?;
                    let channels = word(bytes, format + 2, 2)? as usize;
                    let is_known = word(bytes, format, 2)? == 1
                        && word(bytes, format + 14, 2)? == 16
                        && channels > 0;
                    let data = bytes.get(start..start.checked_add(size)?)?;
                    let rate = word(bytes, format + 4, 4)?;
                    return is_known.then_some(Wav {
                        channels,
                        rate,
                        data,
                    });
                }
                _ => {}
            }
            at = start.checked_add(size)?;
        }
    }

    fn sample(&self, frame: usize, channel: usize) -> f32 {
        let at = 2 * (frame * self.channels + channel);
        let bits = word(self.data, at, 2).unwrap_or(0);
        f32::from(bits as u16 as i16) / 32768.0
    }
}

fn decode(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let bytes = cx.string(0)?;
    let wav = Wav::read(&bytes)?;
    let wanted = |name: &str, own: usize| -> Result<usize> {
        let wanted: i64 = cx.attr(name)?;
        Ok(usize::try_from(wanted)
            .ok()
            .filter(|_| wanted >= 0)
            .unwrap_or(own))
    };
    let frames = wav.data.len() / 2 / wav.channels;
    let (channels, length) = (
        wanted("desired_channels", wav.channels)?,
        wanted("desired_samples", frames)?,
    );
    let mut samples = Vec::with_capacity(count(&[length, channels])?);
    for frame in 0..length {
        for channel in 0..channels {
            // A channel that is missing repeats the last one that there is.
            let own = channel.min(wav.channels - 1);
            samples.push(if frame < frames {
                wav.sample(frame, own)
            } else {
                0.0
            });
        }
    }
    Ok(vec![
        Tensor::new(&[length, channels], samples)?.into(),
        Tensor::new(&[], vec![wav.rate as i32])?.into(),
    ])
}

fn encode(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (audio, rate) = (cx.tensor(0)?, cx.integer(1)?);
    let &[_, channels] = audio.shape() else {
        return Err(Error::usage("audio must be 2-dimensional"));
    };
    let mut data = vec![];
    for sample in audio.to_floats()? {
        let sample = (sample as f32 * 32768.0).round().clamp(-32768.0, 32767.0);
        data.extend((sample as i16).to_le_bytes());
    }
    let (size, rate, width) = (data.len() as u32, rate as u32, 2 * channels as u32);
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16u32.to_le_bytes());
    file.extend(1u16.to_le_bytes());
    file.extend((channels as u16).to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.wrapping_mul(width).to_le_bytes());
    file.extend((width as u16).to_le_bytes());
    file.extend(16u16.to_le_bytes());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(data);
    Tensor::new(&[], vec![file])
}

/// Short-time spectra under a periodic Hann window, of the next power of two.
fn spectrogram(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (window, stride): (usize, usize) = (cx.attr("window_size")?, cx.attr("stride")?);
    let squared: bool = cx.attr("magnitude_squared")?;
    let audio = cx.tensor(0)?;
    let &[length, channels] = audio.shape() else {
        return Err(Error::usage("audio must be 2-dimensional"));
    };
    if window < 2 || stride == 0 || window > 1 << 24 {
        return Err(Error::usage(
            "a spectrogram needs a window of two samples and a stride",
        ));
    }
    let size = window.next_power_of_two();
    let frames = (length + stride).saturating_sub(window) / stride;
    let frames = if length < window { 0 } else { frames };
    let bins = 1 + size / 2;
    let samples = audio.to_floats()?;
    let hann = |i: usize| 0.5 - 0.5 * (2.0 * PI * i as f64 / window as f64).cos();
    let hann: Vec<f64> = (0..window).map(hann).collect();
    let mut spectra = Vec::with_capacity(count(&[channels, frames, bins])?);
    for channel in 0..channels {
        for frame in 0..frames {
            let at = |i: usize| samples[(frame * stride + i) * channels + channel] * hann[i];
            let mut wave: Vec<[f64; 2]> = (0..window).map(|i| [at(i), 0.0]).collect();
            wave.resize(size, [0.0; 2]);
            transform(&mut wave);
            let power = |[re, im]: &[f64; 2]| re * re + im * im;
            let power = wave.iter().take(bins).map(power);
            spectra.extend(power.map(|power| if squared { power } else { power.sqrt() } as f32));
        }
    }
    Tensor::new(&[channels, frames, bins], spectra)
}

/// The discrete Fourier transform of a power of two of complex numbers, in place.
fn transform(wave: &mut [[f64; 2]]) {
    let size = wave.len();
    let bits = size.trailing_zeros();
    for i in 0..size {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            wave.swap(i, j);
        }
    }
    let mut half = 1;
    while half < size {
        for block in wave.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                let (sin, cos) = (-PI * k as f64 / half as f64).sin_cos();
                let turned = [b[0] * cos - b[1] * sin, b[0] * sin + b[1] * cos];
                (*a, *b) = (
                    [a[0] + turned[0], a[1] + turned[1]],
                    [a[0] - turned[0], a[1] - turned[1]],
                );
            }
        }
        half *= 2;
    }
}

/// Triangular filters, equally spaced on the mel scale.
struct Filters {
    channels: usize,
    /// The first and the last bin that counts.
    range: (usize, usize),
    /// For each bin, the channel below it, one more than its number, and its share.
    bins: Vec<(usize, f64)>,
}

fn mel(hertz: f64) -> f64 {
    1127.0 * (hertz / 700.0).ln_1p()
}

impl Filters {
    fn new(bins: usize, rate: f64, channels: usize, lower: f64, upper: f64) -> Filters {
        let (low, high) = (mel(lower), mel(upper));
        let spacing = (high - low) / (channels as f64 + 1.0);
        let centre = |i: usize| low + spacing * (i as f64 + 1.0);
        let width = 0.5 * rate / (bins as f64 - 1.0);
        let range = ((1.5 + lower / width) as usize, (upper / width) as usize);
        let mut channel = 0;
        let weigh = |bin: usize| {
            let at = mel(bin as f64 * width);
            if bin < range.0 || bin > range.1 {
                return (0, 0.0);
            }
            while channel < channels && centre(channel) < at {
                channel += 1;
            }
            let (below, above) = match channel {
                0 => (low, centre(0)),
                channel => (centre(channel - 1), centre(channel)),
            };
            (channel, (above - at) / (above - below))
        };
        Filters {
            channels,
            range,
            bins: (0..bins).map(weigh).collect(),
        }
    }

    fn apply(&self, spectrum: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels];
        let bins = self.bins.iter().zip(spectrum).enumerate();
        for (bin, (&(channel, weight), power)) in bins {
            if bin < self.range.0 || bin > self.range.1 {
                continue;
            }
            let value = power.sqrt();
            if let Some(sum) = channel.checked_sub(1).and_then(|below| sums.get_mut(below)) {
                *sum += value * weight;
            }
            if let Some(sum) = sums.get_mut(channel) {
                *sum += value - value * weight;
            }
        }
        sums
    }
}

fn mfcc(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (lower, upper): (f64, f64) = (
        cx.attr("lower_frequency_limit")?,
        cx.attr("upper_frequency_limit")?,
    );
    let (channels, wanted): (usize, usize) = (
        cx.attr("filterbank_channel_count")?,
        cx.attr("dct_coefficient_count")?,
    );
    let rate = cx.float(1)?;
    let spectra = cx.tensor(0)?;
    let &[outer, frames, bins] = spectra.shape() else {
        return Err(Error::usage("a spectrogram has three dimensions"));
    };
    if bins < 2 || channels == 0 || channels > 1 << 16 || wanted > channels || lower >= upper {
        return Err(Error::usage("no such filter bank can be made"));
    }
    let filters = Filters::new(bins, rate, channels, lower, upper);
    let numbers = spectra.to_floats()?;
    let scale = (2.0 / channels as f64).sqrt();
    let mut coefficients = Vec::with_capacity(count(&[outer, frames, wanted])?);
    for spectrum in numbers.chunks(bins) {
        let logs: Vec<f64> = filters
            .apply(spectrum)
            .into_iter()
            .map(|sum| sum.max(1e-12).ln())
            .collect();
        for i in 0..wanted {
            let cosine = |j: usize| (i as f64 * PI / channels as f64 * (j as f64 + 0.5)).cos();
            let sum: f64 = logs
                .iter()
                .enumerate()
                .map(|(j, log)| scale * cosine(j) * log)
                .sum();
            coefficients.push(sum as f32);
        }
    }
    Tensor::new(&[outer, frames, wanted], coefficients)
}
