//! Entry points for bytes that nobody vouches for. None of them may panic, hang, or take memory without bound.

use std::fs;
use std::path::{Path, PathBuf};

use savedmodel_import::eval::Tensor;
use savedmodel_import::inspect;
use savedmodel_import::interpreter::{Interpreter, Value};
use savedmodel_import::lower::element_type;
use savedmodel_import::saved_model::{Argument, Bundle, ExportedFunction, LoadOptions, SavedModel};

const MAGIC: [u8; 8] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
const INDEX: &str = "variables/variables.index";
const DATA: &str = "variables/variables.data-00000-of-00001";

/// How many nodes a call may run.
const STEPS: u64 = 20_000;
/// How many elements an argument may have.
const LARGEST: usize = 1 << 14;

/// A directory that is a SavedModel whose files are rewritten again and again.
#[derive(Debug)]
pub struct Place {
    dir: PathBuf,
}

/// The files of a small SavedModel.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// `saved_model.pb`.
    pub model: Vec<u8>,
    /// The checkpoint's index.
    pub index: Vec<u8>,
    /// The checkpoint's only shard.
    pub data: Vec<u8>,
}

impl Files {
    /// The files of a SavedModel; those that are missing are empty.
    pub fn read(dir: &Path) -> Files {
        let read = |name: &str| fs::read(dir.join(name)).unwrap_or_default();
        Files {
            model: read("saved_model.pb"),
            index: read(INDEX),
            data: read(DATA),
        }
    }

    /// All of it as one piece: two lengths, then the files.
    pub fn join(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for file in [&self.model, &self.index] {
            bytes.extend((file.len() as u32).to_le_bytes());
        }
        [
            bytes,
            self.model.clone(),
            self.index.clone(),
            self.data.clone(),
        ]
        .concat()
    }

    /// The reverse of [`Files::join`], for whatever bytes.
    pub fn split(bytes: &[u8]) -> Files {
        let Some((lengths, rest)) = bytes.split_first_chunk::<8>() else {
            return Files::default();
        };
        let length = |at: usize| {
            let bytes = [
                lengths[at],
                lengths[at + 1],
                lengths[at + 2],
                lengths[at + 3],
            ];
            u32::from_le_bytes(bytes) as usize
        };
        let (model, rest) = rest.split_at(length(0).min(rest.len()));
        let (index, data) = rest.split_at(length(4).min(rest.len()));
        Files {
            model: model.to_vec(),
            index: index.to_vec(),
            data: data.to_vec(),
        }
    }
}

impl Place {
    /// A fresh directory, in memory where the system has such.
    pub fn new(name: &str) -> std::io::Result<Place> {
        let memory = Path::new("/dev/shm");
        let base = match memory.is_dir() {
            true => memory.to_owned(),
            false => std::env::temp_dir(),
        };
        let dir = base.join(format!("hostile-{name}-{}", std::process::id()));
        fs::create_dir_all(dir.join("variables"))?;
        Ok(Place { dir })
    }

    /// Loads and inspects a model of these bytes, without a checkpoint.
    pub fn protobuf(&self, bytes: &[u8]) {
        self.write("saved_model.pb", bytes);
        let options = LoadOptions::new().skip_checkpoint(true);
        look(options.load(&self.dir).ok());
    }

    /// Opens a checkpoint and reads all of it; the checksums of the index are made to agree.
    pub fn bundle(&self, files: &Files) {
        self.write(INDEX, &sealed(&files.index));
        self.write(DATA, &files.data);
        let Ok(bundle) = Bundle::open(&self.dir.join("variables/variables")) else {
            return;
        };
        for key in bundle.entries().keys() {
            let _ = bundle.read(key);
        }
    }

    /// Loads and inspects a whole model, and reads its variables.
    pub fn whole(&self, files: &Files) {
        self.write("saved_model.pb", &files.model);
        self.write(INDEX, &sealed(&files.index));
        self.write(DATA, &files.data);
        let model = SavedModel::load(&self.dir).ok();
        for variable in model.iter().flat_map(|model| model.variables()) {
            let _ = model
                .as_ref()
                .map(|model| model.read_variable(variable).is_ok());
        }
        look(model);
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.dir.join(name), bytes).expect("the scratch directory takes files");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn look(model: Option<SavedModel>) {
    if let Some(model) = model {
        let _ = inspect::inspect(&model).to_string();
        let _ = model.root().names();
        for key in model.meta_graph().signature_def.keys() {
            let _ = model.signature(key).map(|function| function.call(()));
        }
        for function in model.functions() {
            let mut interpreter = Interpreter::new(&model);
            interpreter.set_step_limit(STEPS);
            let _ = arguments(function).map(|values| interpreter.call(function, values));
        }
    }
}

/// Something of the right types for each argument, if that is small.
fn arguments(function: &ExportedFunction) -> Option<Vec<Value>> {
    let value = |argument: &Argument| -> Option<Value> {
        let dims = argument.shape.clone().unwrap_or_default();
        let shape: Vec<usize> = dims.iter().map(|dim| dim.unwrap_or(2) as usize).collect();
        let count = shape.iter().try_fold(1usize, |n, &dim| n.checked_mul(dim));
        let count = count.filter(|&count| count <= LARGEST)?;
        let dtype = element_type(argument.dtype).ok()?;
        let tensor = match dtype.width() {
            Some(width) => Tensor::from_bytes(dtype, &shape, &vec![0; count * width]),
            None => Tensor::new(&shape, vec![b"a".to_vec(); count]),
        };
        tensor.ok().map(Value::from)
    };
    function.inputs.iter().map(value).collect()
}

/// A table with the checksums that its blocks should have, as far as its blocks can be found.
fn sealed(table: &[u8]) -> Vec<u8> {
    let mut table = table.to_vec();
    let Some(footer) = table.len().checked_sub(48) else {
        return table;
    };
    let end = table.len();
    table[end - 8..].copy_from_slice(&MAGIC);
    let mut at = footer;
    let handle = |table: &[u8], at: &mut usize| Some((varint(table, at)?, varint(table, at)?));
    let metaindex = handle(&table, &mut at);
    let index = handle(&table, &mut at);
    let blocks: Vec<(usize, usize)> = index
        .map(|index| data_blocks(&table, index))
        .unwrap_or_default();
    for (offset, size) in blocks.into_iter().chain(metaindex).chain(index) {
        let end = offset.saturating_add(size).saturating_add(5);
        if end <= footer {
            let crc = crc32c::crc32c(&table[offset..end - 4]);
            let masked = crc.rotate_right(15).wrapping_add(0xa282_ead8);
            table[end - 4..end].copy_from_slice(&masked.to_le_bytes());
        }
    }
    table
}

/// The blocks that an index block which is not packed names.
fn data_blocks(table: &[u8], (offset, size): (usize, usize)) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let end = offset.saturating_add(size).min(table.len());
    let mut at = offset;
    while at < end {
        let lengths = (
            varint(table, &mut at),
            varint(table, &mut at),
            varint(table, &mut at),
        );
        let (Some(_), Some(fresh), Some(value)) = lengths else {
            break;
        };
        let mut from = at.saturating_add(fresh);
        at = from.saturating_add(value);
        match (varint(table, &mut from), varint(table, &mut from)) {
            (Some(offset), Some(size)) if blocks.len() < 64 => blocks.push((offset, size)),
            _ => break,
        }
    }
    blocks
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..35).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
