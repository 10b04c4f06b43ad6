//! Images in files: PNG, JPEG and BMP.
//!
//! PNG and BMP give TensorFlow's bytes. A JPEG is decoded as TensorFlow does under `INTEGER_ACCURATE`; its own default is a
//! coarser transform, whose pixels are off by a few levels.

use super::super::cx::{Cx, count, elements};
use super::super::value::Value;
use super::{Row, many, one};
use crate::error::{Error, Result};
use crate::eval::Tensor;
use crate::ir::DType;
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

pub(super) const OPS: &[Row] = &[
    one("DecodePng", decode),
    one("DecodeJpeg", decode),
    one("DecodeBmp", decode),
    one("DecodeImage", decode),
    one("DecodeAndCropJpeg", crop),
    one("ExtractJpegShape", shape_of),
    many("EncodePng", encode),
];

/// Rows of pixels, all samples of a pixel together.
struct Picture {
    height: usize,
    width: usize,
    channels: usize,
    samples: Samples,
}

enum Samples {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

fn decode(cx: &mut Cx<'_>) -> Result<Tensor> {
    let picture = read(cx)?;
    let dtype = match cx.stored("dtype") {
        Some(_) => cx.attr("dtype")?,
        None => DType::U8,
    };
    picture.tensor(dtype)
}

fn read(cx: &mut Cx<'_>) -> Result<Picture> {
    let bytes = cx.string(0)?;
    let channels: usize = cx.attr("channels")?;
    if !matches!(channels, 0 | 1 | 3 | 4) {
        return Err(Error::malformed(format!("an image of {channels} channels")).of_model());
    }
    if cx.attr::<i64>("ratio").unwrap_or(1) != 1 {
        return Err(Error::unsupported(
            "decoding a JPEG at a fraction of its size",
        ));
    }
    match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => png(&bytes, channels),
        [0xff, 0xd8, 0xff, ..] => jpeg(&bytes, channels),
        [b'B', b'M', ..] => bmp(&bytes, channels),
        [b'G', b'I', b'F', b'8', ..] => Err(Error::unsupported("the op reads a GIF")),
        _ => Err(Error::usage(
            "Unknown image file format. One of JPEG, PNG, GIF, BMP required.",
        )),
    }
}

impl Picture {
    fn tensor(self, dtype: DType) -> Result<Tensor> {
        let shape = [self.height, self.width, self.channels];
        match (self.samples, dtype) {
            (Samples::Bytes(bytes), DType::U8) => Tensor::new(&shape, bytes),
            (Samples::Bytes(bytes), DType::U16) => Tensor::new(
                &shape,
                bytes.into_iter().map(|b| u16::from(b) * 257).collect(),
            ),
            (Samples::Words(words), DType::U16) => Tensor::new(&shape, words),
            (Samples::Words(words), DType::U8) => {
                Tensor::new(&shape, words.into_iter().map(|w| (w >> 8) as u8).collect())
            }
            (Samples::Bytes(bytes), DType::F32) => Tensor::new(
                &shape,
                bytes.into_iter().map(|b| f32::from(b) / 255.0).collect(),
            ),
            (Samples::Words(words), DType::F32) => Tensor::new(
                &shape,
                words.into_iter().map(|w| f32::from(w) / 65535.0).collect(),
            ),
            (Samples::Bytes(_) | Samples::Words(_), dtype) => {
                Err(Error::unsupported(format!("an image of {dtype:?}")))
            }
        }
    }

    /// The same picture with as many channels; alpha is opaque where there was none.
    fn with_channels(self, channels: usize) -> Picture {
        let own = self.channels;
        let samples = match self.samples {
            Samples::Bytes(all) => Samples::Bytes(converted(&all, own, channels, u8::MAX, grey)),
            Samples::Words(all) => Samples::Words(converted(&all, own, channels, u16::MAX, grey)),
        };
        Picture {
            channels,
            samples,
            ..self
        }
    }
}

/// Grey as libpng makes it of red, green and blue.
fn grey<T: Copy + Into<u64> + TryFrom<u64>>([red, green, blue]: [T; 3]) -> T {
    let sum = 9798 * red.into() + 19235 * green.into() + 3735 * blue.into();
    T::try_from(sum >> 15).unwrap_or(red)
}

fn converted<T: Copy>(
    all: &[T],
    own: usize,
    channels: usize,
    opaque: T,
    grey: fn([T; 3]) -> T,
) -> Vec<T> {
    let mut converted = Vec::with_capacity(all.len() / own.max(1) * channels);
    for pixel in all.chunks_exact(own.max(1)) {
        let (colour, alpha) = match *pixel {
            [v] => ([v; 3], opaque),
            [v, alpha] => ([v; 3], alpha),
            [r, g, b] => ([r, g, b], opaque),
            [r, g, b, alpha, ..] => ([r, g, b], alpha),
            [] => continue,
        };
        match channels {
            1 | 2 if own < 3 => converted.push(colour[0]),
            1 | 2 => converted.push(grey(colour)),
            _ => converted.extend(colour),
        }
        if matches!(channels, 2 | 4) {
            converted.push(alpha);
        }
    }
    converted
}

fn png(bytes: &[u8], channels: usize) -> Result<Picture> {
    let broken = |error: png::DecodingError| Error::usage(format!("Invalid PNG data: {error}"));
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(broken)?;
    let info = reader.info();
    let is_palette = info.color_type == png::ColorType::Indexed;
    let declared = match info.color_type {
        png::ColorType::Indexed if info.trns.is_some() => 4,
        png::ColorType::Indexed => 3,
        other => other.samples(),
    };
    let (height, width) = (info.height as usize, info.width as usize);
    count(&[height, width, 8])?;
    let size = reader.output_buffer_size();
    let size = size.ok_or_else(|| Error::unsupported("the image is too large"))?;
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(broken)?;
    buffer.truncate(frame.buffer_size());
    let samples = match frame.bit_depth {
        png::BitDepth::Sixteen => {
            let words = buffer.as_chunks().0.iter();
            Samples::Words(words.map(|&pair| u16::from_be_bytes(pair)).collect())
        }
        png::BitDepth::One | png::BitDepth::Two | png::BitDepth::Four | png::BitDepth::Eight => {
            Samples::Bytes(buffer)
        }
    };
    let picture = Picture {
        height,
        width,
        channels: frame.color_type.samples(),
        samples,
    };
    let wanted = if channels == 0 { declared } else { channels };
    match is_palette || wanted != picture.channels {
        true => Ok(picture.with_channels(wanted)),
        false => Ok(picture),
    }
}

fn jpeg(bytes: &[u8], channels: usize) -> Result<Picture> {
    let broken = |error| Error::usage(format!("Invalid JPEG data: {error:?}"));
    let (height, width, own) = jpeg_shape(bytes)?;
    count(&[height, width, 4])?;
    let wanted = match (channels, own) {
        (0, 1) | (1, _) => 1,
        (0 | 3, _) => 3,
        _ => return Err(Error::usage(format!("a JPEG has no {channels} channels"))),
    };
    let space = if wanted == 1 {
        ColorSpace::Luma
    } else {
        ColorSpace::RGB
    };
    let options = DecoderOptions::default()
        .set_max_width(1 << 16)
        .set_max_height(1 << 16)
        .jpeg_set_out_colorspace(space);
    let samples = JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode();
    let samples = samples.map_err(broken)?;
    Ok(Picture {
        height,
        width,
        channels: wanted,
        samples: Samples::Bytes(samples),
    })
}

/// Height, width and components.
fn jpeg_shape(bytes: &[u8]) -> Result<(usize, usize, usize)> {
    let options = DecoderOptions::default()
        .set_max_width(1 << 16)
        .set_max_height(1 << 16);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let read = decoder.decode_headers();
    read.map_err(|error| Error::usage(format!("Invalid JPEG data: {error:?}")))?;
    let info = decoder
        .info()
        .ok_or_else(|| Error::usage("Invalid JPEG data"))?;
    Ok((
        info.height.into(),
        info.width.into(),
        info.components.into(),
    ))
}

/// Rows from the bottom, unless the height is negative; samples in the order blue, green, red, alpha.
fn bmp(bytes: &[u8], channels: usize) -> Result<Picture> {
    let broken = || Error::usage("Incomplete bmp content");
    let number = |at: usize| -> Result<i32> {
        let four = bytes.get(at..at + 4).and_then(<[u8]>::first_chunk);
        four.map(|four| i32::from_le_bytes(*four))
            .ok_or_else(broken)
    };
    let (start, width, height) = (number(10)?, number(18)?, number(22)?);
    let own = usize::from(*bytes.get(28).ok_or_else(broken)?) / 8;
    if !matches!(own, 1 | 3 | 4) || (channels != 0 && channels != own) {
        return Err(Error::usage(format!(
            "a bmp of {own} channels, where {channels} are wanted"
        )));
    }
    let (start, columns) = (usize::try_from(start), usize::try_from(width));
    let (start, columns) = (start.map_err(|_| broken())?, columns.map_err(|_| broken())?);
    let rows = height.unsigned_abs() as usize;
    let stride = (count(&[columns, own])?).next_multiple_of(4);
    let mut samples = Vec::with_capacity(count(&[rows, columns, own])?);
    for row in 0..rows {
        let stored = if height < 0 { row } else { rows - 1 - row };
        let from = start.checked_add(stored * stride).ok_or_else(broken)?;
        let line = bytes.get(from..from + columns * own).ok_or_else(broken)?;
        for pixel in line.chunks_exact(own) {
            match *pixel {
                [b, g, r] => samples.extend([r, g, b]),
                [b, g, r, alpha] => samples.extend([r, g, b, alpha]),
                _ => samples.extend(pixel),
            }
        }
    }
    Ok(Picture {
        height: rows,
        width: columns,
        channels: own,
        samples: Samples::Bytes(samples),
    })
}

/// Operands: the file, and a window: row, column, height, width.
fn crop(cx: &mut Cx<'_>) -> Result<Tensor> {
    let whole = read(cx)?;
    let window = cx.extents(1)?;
    let &[top, left, height, width] = window.as_slice() else {
        return Err(Error::usage("a crop window is four numbers"));
    };
    let fits = |start: usize, size: usize, whole: usize| {
        size > 0 && start.checked_add(size).is_some_and(|end| end <= whole)
    };
    if !fits(top, height, whole.height) || !fits(left, width, whole.width) {
        return Err(Error::usage("Invalid JPEG data or crop window"));
    }
    let (columns, channels) = (whole.width, whole.channels);
    let image = whole.tensor(DType::U8)?;
    let row = |row: usize| {
        let start = ((top + row) * columns + left) * channels;
        start..start + width * channels
    };
    let places: Vec<usize> = (0..height).flat_map(row).collect();
    image.take(&[height, width, channels], &places)
}

fn shape_of(cx: &mut Cx<'_>) -> Result<Tensor> {
    let (height, width, channels) = jpeg_shape(&cx.string(0)?)?;
    let extents = [height, width, channels].map(|n| n as i64).to_vec();
    Tensor::from_integers(cx.attr("output_type")?, &[3], extents)
}

/// A file for each image; its bytes are another compression's than libpng's.
fn encode(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let images = cx.tensor(0)?;
    let (outer, inner) = images.shape().split_at(images.rank().saturating_sub(3));
    let &[height, width, channels] = inner else {
        return Err(Error::usage("an image has three dimensions"));
    };
    let colours = match channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        4 => png::ColorType::Rgba,
        _ => return Err(Error::usage("image must have 1, 2, 3, or 4 channels")),
    };
    let (depth, bytes) = match images.dtype() {
        DType::U16 => {
            let words = elements::<u16>(&images)?.iter();
            (
                png::BitDepth::Sixteen,
                words.flat_map(|w| w.to_be_bytes()).collect(),
            )
        }
        _ => (png::BitDepth::Eight, elements::<u8>(&images)?.to_vec()),
    };
    let size = bytes.len() / count(outer)?.max(1);
    let mut files = vec![];
    for image in bytes.chunks(size.max(1)) {
        let (wide, high) = (width as u32, height as u32);
        files.push(
            file(image, wide, high, colours, depth).map_err(|e| Error::usage(e.to_string()))?,
        );
    }
    Ok(vec![Tensor::new(outer, files)?.into()])
}

fn file(
    image: &[u8],
    width: u32,
    height: u32,
    colours: png::ColorType,
    depth: png::BitDepth,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = vec![];
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(colours);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(image)?;
    writer.finish()?;
    Ok(file)
}
