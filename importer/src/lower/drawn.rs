//! Random numbers: of seeds that are operands, of a state that a variable holds, and of ops that have a state of their own.

use super::cx::{Cx, Lowered};
use super::random::Range;
use super::{Lowering, emit, multi, op};
use crate::error::{Error, Result};
use crate::ir::host::{self, Attribute, Host, HostOp};
use crate::ir::{DType, Dim, Op, Value};

pub const OPS: &[Lowering] = &[
    multi("RandomUniform", |cx| {
        let (dims, dtype) = (cx.dims(0)?, cx.attr("dtype")?);
        let generator = cx.next_generator(&dims)?;
        let value = cx.draw(generator, Law::Uniform, dims.clone(), dtype)?;
        Ok(cx.add_range(Range {
            low: 0.0,
            high: 1.0,
            dims,
            dtype,
            value,
        }))
    }),
    op("RandomStandardNormal", |cx| stateful(cx, Law::Normal)),
    op("TruncatedNormal", |cx| stateful(cx, Law::Truncated)),
    op("RandomUniformInt", |cx| stateful(cx, Law::Between(1))),
    op("Multinomial", |cx| {
        let logits = cx.input(0)?;
        let rows = cx.shape(logits)?.first().cloned();
        let draws = cx.dim(1)?;
        // TensorFlow rounds the draws up to a multiple of four, and uses two words for each.
        let fours = (draws.clone() + Dim::known(3)).div_floor(&Dim::known(4));
        let fours = fours.ok_or_else(|| Error::internal("a division by four"))?;
        let dims = [rows.unwrap_or(Dim::known(0)), fours * Dim::known(8)];
        let generator = cx.next_generator(&dims)?;
        classes(cx, generator, draws)
    }),
    op("StatelessMultinomial", |cx| {
        let (draws, generator) = (cx.dim(1)?, cx.seeded_generator(2)?);
        classes(cx, generator, draws)
    }),
    op("RandomShuffle", |cx| {
        let x = cx.input(0)?;
        let rows = cx.shape(x)?.first().cloned().unwrap_or(Dim::known(1));
        let blocks = (rows + Dim::known(2)).div_floor(&Dim::known(4));
        let blocks = blocks.ok_or_else(|| Error::internal("a division by four"))?;
        let generator = cx.next_blocks(blocks)?;
        shuffled(cx, generator)
    }),
    op("StatelessShuffle", |cx| {
        let generator = cx.keyed_generator()?;
        shuffled(cx, generator)
    }),
    op("StatelessRandomUniform", |cx| stateless(cx, Law::Uniform)),
    op("StatelessRandomNormal", |cx| stateless(cx, Law::Normal)),
    op("StatelessTruncatedNormal", |cx| {
        stateless(cx, Law::Truncated)
    }),
    op("StatelessRandomUniformFullInt", |cx| {
        stateless(cx, Law::Bits)
    }),
    op("StatelessRandomUniformInt", |cx| {
        stateless(cx, Law::Between(2))
    }),
    op("StatelessRandomUniformV2", |cx| keyed(cx, Law::Uniform)),
    op("StatelessRandomNormalV2", |cx| keyed(cx, Law::Normal)),
    op("StatelessTruncatedNormalV2", |cx| keyed(cx, Law::Truncated)),
    op("StatelessRandomUniformFullIntV2", |cx| keyed(cx, Law::Bits)),
    op("StatelessRandomUniformIntV2", |cx| {
        keyed(cx, Law::Between(4))
    }),
    multi("StatelessRandomGetKeyCounter", key_counter),
    multi("StatelessRandomGetKeyCounterAlg", |cx| {
        let mut outputs = key_counter(cx)?;
        outputs.push(Lowered::Value(philox(cx)?));
        Ok(outputs)
    }),
    op("StatelessRandomGetAlg", philox),
    op("RngReadAndSkip", |cx| {
        let variable = cx.variable(0)?;
        let old = cx.read(variable)?;
        skip(cx, 2)?;
        Ok(old)
    }),
    multi("RngSkip", |cx| skip(cx, 2).map(|()| vec![])),
    op("StatefulUniform", |cx| of_variable(cx, Law::Uniform)),
    op("StatefulStandardNormalV2", |cx| {
        of_variable(cx, Law::Normal)
    }),
    op("StatefulTruncatedNormal", |cx| {
        of_variable(cx, Law::Truncated)
    }),
    op("StatefulUniformFullInt", |cx| of_variable(cx, Law::Bits)),
    op("StatefulUniformInt", |cx| of_variable(cx, Law::Between(3))),
    op("RandomGamma", |cx| rejected(cx, &host::GAMMA)),
    op("RandomPoisson", |cx| rejected(cx, &host::POISSON)),
    op("RandomPoissonV2", |cx| rejected(cx, &host::POISSON)),
    op("StatelessRandomGammaV2", |cx| {
        let generator = cx.seeded_generator(1)?;
        stateless_rejected(cx, &host::GAMMA, generator, 2)
    }),
    op("StatelessRandomGammaV3", |cx| {
        let generator = cx.keyed_generator()?;
        stateless_rejected(cx, &host::GAMMA, generator, 4)
    }),
    op("StatelessRandomPoisson", |cx| {
        let generator = cx.seeded_generator(1)?;
        stateless_rejected(cx, &host::POISSON, generator, 2)
    }),
];

/// TensorFlow's generators give each number so many blocks.
const BLOCKS: i64 = 256;

/// A generator: its key and its counter.
type Generator = [Value; 2];

/// How numbers are distributed.
#[derive(Clone, Copy)]
enum Law {
    Uniform,
    Normal,
    /// Normal numbers within two deviations.
    Truncated,
    /// Integers of any bits.
    Bits,
    /// Integers from this operand up to the next.
    Between(usize),
}

impl Cx<'_> {
    fn generator(
        &mut self,
        op: &'static HostOp,
        attributes: Vec<Attribute>,
        inputs: &[Value],
    ) -> Result<Generator> {
        let host = Op::Host(Host { op, attributes });
        let node = self.graph.push(host, inputs, self.origin)?;
        Ok([0, 1].map(|result| Value { node, result }))
    }

    /// The generator of an op with state, for numbers of this shape.
    fn next_generator(&mut self, dims: &[Dim]) -> Result<Generator> {
        self.next_blocks(emit::product(dims) * Dim::known(BLOCKS))
    }

    /// The generator of an op with state, which uses so many blocks.
    fn next_blocks(&mut self, blocks: Dim) -> Result<Generator> {
        if let Some(given) = self.drawn {
            return Ok(given);
        }
        let attributes = vec![
            Attribute::Text(self.origin.node.to_string()),
            self.integer_for("seed")?,
            self.integer_for("seed2")?,
            Attribute::Extent(blocks),
        ];
        self.generator(&host::NEXT, attributes, &[])
    }

    /// The generator of the two seeds that operand `i` holds.
    fn seeded_generator(&mut self, i: usize) -> Result<Generator> {
        let seeds = self.input(i)?;
        self.generator(&host::OF_SEEDS, vec![], &[seeds])
    }

    /// The generator of operands 1 to 3: key, counter, algorithm.
    fn keyed_generator(&mut self) -> Result<Generator> {
        self.check_algorithm(3)?;
        Ok([self.input(1)?, self.input(2)?])
    }

    fn check_algorithm(&mut self, i: usize) -> Result<()> {
        match matches!(self.integer(i)?, 1 | 3) {
            true => Ok(()),
            false => Err(Error::unsupported(
                "random numbers by another algorithm than Philox",
            )),
        }
    }

    /// Numbers of a law.
    fn draw(
        &mut self,
        generator: Generator,
        law: Law,
        dims: Vec<Dim>,
        dtype: DType,
    ) -> Result<Value> {
        let shape = Attribute::Extents(dims);
        if let (Law::Uniform, DType::F16 | DType::BF16) = (law, dtype) {
            let bits = if dtype == DType::F16 { 10 } else { 7 };
            let attributes = vec![shape, Attribute::Integer(bits)];
            return self.numbers(&host::COARSE, attributes, &generator, dtype);
        }
        let made = match dtype {
            DType::F16 | DType::BF16 => DType::F32,
            dtype => dtype,
        };
        let attributes = vec![shape, Attribute::Element(made)];
        let (op, mut inputs) = (law.row(), generator.to_vec());
        if let Law::Between(low) = law {
            inputs.extend([self.input(low)?, self.input(low + 1)?]);
        }
        self.numbers(op, attributes, &inputs, dtype)
    }

    /// The numbers of a row, as an element type that kernels may not have.
    fn numbers(
        &mut self,
        op: &'static HostOp,
        attributes: Vec<Attribute>,
        inputs: &[Value],
        dtype: DType,
    ) -> Result<Value> {
        let numbers = self.push(Op::Host(Host { op, attributes }), inputs)?;
        match self.dtype(numbers) == dtype {
            true => Ok(numbers),
            false => self.push(Op::Cast(dtype), &[numbers]),
        }
    }

    /// The element type of the numbers: `dtype`, or of integers `Tout`.
    fn drawn_type(&self) -> Result<DType> {
        match super::attr::stored(self.def, "dtype") {
            Some(_) => self.attr("dtype"),
            None => self.attr("Tout"),
        }
    }
}

impl Law {
    fn row(self) -> &'static HostOp {
        match self {
            Law::Uniform => &host::UNIFORM,
            Law::Normal => &host::NORMAL,
            Law::Truncated => &host::TRUNCATED_NORMAL,
            Law::Bits => &host::BITS,
            Law::Between(_) => &host::INTEGERS,
        }
    }
}

fn stateful(cx: &mut Cx<'_>, law: Law) -> Result<Value> {
    let dims = cx.dims(0)?;
    let generator = cx.next_generator(&dims)?;
    let dtype = cx.drawn_type()?;
    cx.draw(generator, law, dims, dtype)
}

fn stateless(cx: &mut Cx<'_>, law: Law) -> Result<Value> {
    let (dims, generator) = (cx.dims(0)?, cx.seeded_generator(1)?);
    let dtype = cx.drawn_type()?;
    cx.draw(generator, law, dims, dtype)
}

/// Operands: shape, key, counter, algorithm.
fn keyed(cx: &mut Cx<'_>, law: Law) -> Result<Value> {
    let (dims, generator) = (cx.dims(0)?, cx.keyed_generator()?);
    let dtype = cx.drawn_type()?;
    cx.draw(generator, law, dims, dtype)
}

/// Operands: the variable, the algorithm, the shape.
fn of_variable(cx: &mut Cx<'_>, law: Law) -> Result<Value> {
    cx.check_algorithm(1)?;
    let (dims, variable) = (cx.dims(2)?, cx.variable(0)?);
    let state = cx.read(variable)?;
    let generator = cx.generator(&host::OF_STATE, vec![], &[state])?;
    let blocks = emit::product(&dims) * Dim::known(BLOCKS);
    let blocks = cx.extents(vec![blocks], true, DType::I64)?;
    advance(cx, blocks)?;
    let dtype = cx.drawn_type()?;
    cx.draw(generator, law, dims, dtype)
}

/// The numbers that operand `i` counts are gone.
fn skip(cx: &mut Cx<'_>, i: usize) -> Result<()> {
    cx.check_algorithm(1)?;
    let count = cx.input(i)?;
    let count = cx.push(Op::Cast(DType::I64), &[count])?;
    let each = cx.integer_constant(DType::I64, &[BLOCKS], true)?;
    let blocks = cx.combine(crate::ir::Binary::Mul, count, each)?;
    advance(cx, blocks)
}

/// Moves the state in the variable that operand 0 names.
fn advance(cx: &mut Cx<'_>, blocks: Value) -> Result<()> {
    let variable = cx.variable(0)?;
    let state = cx.read(variable)?;
    let skipped = Op::Host(Host {
        op: &host::SKIPPED,
        attributes: vec![],
    });
    let new = cx.push(skipped, &[state, blocks])?;
    cx.assign(variable, new)
}

fn key_counter(cx: &mut Cx<'_>) -> Result<Vec<Lowered>> {
    let generator = cx.seeded_generator(0)?;
    Ok(generator.map(Lowered::Value).to_vec())
}

/// TensorFlow's number of Philox.
fn philox(cx: &mut Cx<'_>) -> Result<Value> {
    cx.integer_constant(DType::I32, &[1], true)
}

fn classes(cx: &mut Cx<'_>, [key, counter]: Generator, draws: Dim) -> Result<Value> {
    let logits = cx.input(0)?;
    let attributes = vec![Attribute::Extent(draws), cx.element("output_dtype")?];
    let op = &host::CLASSES;
    cx.push(Op::Host(Host { op, attributes }), &[logits, key, counter])
}

fn shuffled(cx: &mut Cx<'_>, [key, counter]: Generator) -> Result<Value> {
    let x = cx.input(0)?;
    let shuffled = Op::Host(Host {
        op: &host::SHUFFLED,
        attributes: vec![],
    });
    cx.push(shuffled, &[x, key, counter])
}

/// An op with state, whose results are of operand 0's shape followed by that of the parameters, operand 1.
fn rejected(cx: &mut Cx<'_>, op: &'static HostOp) -> Result<Value> {
    let parameters = cx.input(1)?;
    let dims = [cx.dims(0)?, cx.shape(parameters)?].concat();
    let generator = cx.next_generator(&dims)?;
    by_rejection(cx, op, parameters, generator, dims)
}

/// Results of operand 0's shape; the parameters are operand `at`.
fn stateless_rejected(
    cx: &mut Cx<'_>,
    op: &'static HostOp,
    generator: Generator,
    at: usize,
) -> Result<Value> {
    let (dims, parameters) = (cx.dims(0)?, cx.input(at)?);
    by_rejection(cx, op, parameters, generator, dims)
}

fn by_rejection(
    cx: &mut Cx<'_>,
    op: &'static HostOp,
    parameters: Value,
    [key, counter]: Generator,
    dims: Vec<Dim>,
) -> Result<Value> {
    let has_own = ["R", "Rtype"]
        .iter()
        .any(|name| super::attr::stored(cx.def, name).is_some());
    let dtype = match has_own {
        true => cx.attr("dtype")?,
        false => cx.dtype(parameters),
    };
    let made = match dtype {
        DType::F16 | DType::BF16 => DType::F32,
        dtype => dtype,
    };
    let attributes = vec![Attribute::Extents(dims), Attribute::Element(made)];
    cx.numbers(op, attributes, &[parameters, key, counter], dtype)
}
