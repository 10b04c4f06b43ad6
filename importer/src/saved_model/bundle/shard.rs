//! The bytes of a shard.

use std::ops::Deref;

use memmap2::Mmap;

/// A file of tensors, or what was read from one.
#[derive(Debug)]
pub(super) enum Shard {
    Mapped(Mmap),
    Memory(Vec<u8>),
}

impl Deref for Shard {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Shard::Mapped(mapped) => mapped,
            Shard::Memory(bytes) => bytes,
        }
    }
}
