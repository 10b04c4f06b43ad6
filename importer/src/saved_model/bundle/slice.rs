//! Boxes inside tensors, and copying between them.

use savedmodel_import_proto::TensorSliceProto;
use savedmodel_import_proto::tensor_slice_proto::extent::HasLength;

use super::super::shape::volume;
use crate::{Error, Result};

/// A part of a tensor: start and length per dimension, or `None` for a whole dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// One per dimension.
    pub extents: Vec<Option<(u64, u64)>>,
}

/// A slice of a tensor of known shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) start: Vec<u64>,
    pub(super) size: Vec<u64>,
}

impl Slice {
    pub(super) fn from_proto(proto: &TensorSliceProto) -> Result<Slice> {
        let extents: Result<Vec<_>> = proto
            .extent
            .iter()
            .map(|extent| match extent.has_length {
                None => Ok(None),
                Some(HasLength::Length(length)) => signed_pair(extent.start, length).map(Some),
            })
            .collect();
        Ok(Slice { extents: extents? })
    }

    /// Parses what RestoreV2 takes: `6 2 0,3:-` is rows 0 to 3 of a `[6, 2]` tensor; an empty text is `None`, the whole.
    pub fn parse(text: &str) -> Result<Option<(Vec<u64>, Slice)>> {
        if text.is_empty() {
            return Ok(None);
        }
        parse_spec(text)
            .map(Some)
            .ok_or_else(|| Error::malformed(format!("`{text}` is not a shape and a slice")))
    }

    /// Whether a tensor of that shape has this slice.
    pub(in super::super) fn fits(&self, shape: &[u64]) -> bool {
        self.region(shape).is_some()
    }

    /// The region of a tensor of that shape; `None` where it does not fit into it.
    pub(super) fn region(&self, shape: &[u64]) -> Option<Region> {
        if self.extents.len() != shape.len() {
            return None;
        }
        let mut region = Region {
            start: Vec::with_capacity(shape.len()),
            size: Vec::with_capacity(shape.len()),
        };
        for (extent, &dim) in self.extents.iter().zip(shape) {
            let (start, size) = extent.unwrap_or((0, dim));
            if start.checked_add(size)? > dim {
                return None;
            }
            region.start.push(start);
            region.size.push(size);
        }
        Some(region)
    }
}

fn signed_pair(start: i64, length: i64) -> Result<(u64, u64)> {
    match (u64::try_from(start), u64::try_from(length)) {
        (Ok(start), Ok(length)) => Ok((start, length)),
        _ => Err(Error::malformed(format!(
            "a slice from {start} of length {length}"
        ))),
    }
}

fn parse_spec(text: &str) -> Option<(Vec<u64>, Slice)> {
    let (dims, spec) = text.rsplit_once(' ')?;
    let shape: Vec<u64> = dims
        .split(' ')
        .map(|dim| dim.parse().ok())
        .collect::<Option<_>>()?;
    let extents: Vec<_> = spec
        .split(':')
        .map(|extent| match extent {
            "-" => Some(None),
            extent => {
                let (start, length) = extent.split_once(',')?;
                Some(Some((start.parse().ok()?, length.parse().ok()?)))
            }
        })
        .collect::<Option<_>>()?;
    (shape.len() == extents.len()).then_some((shape, Slice { extents }))
}

impl Region {
    /// All of a tensor of that shape.
    pub(super) fn whole(shape: &[u64]) -> Region {
        Region {
            start: vec![0; shape.len()],
            size: shape.to_vec(),
        }
    }

    pub(super) fn volume(&self) -> Result<u64> {
        volume(&self.size)
    }

    /// What both regions have; `None` if that is nothing. Both are of the same rank.
    pub(super) fn intersect(&self, other: &Region) -> Option<Region> {
        let mut start = Vec::with_capacity(self.start.len());
        let mut size = Vec::with_capacity(self.start.len());
        for axis in 0..self.start.len() {
            let from = self.start[axis].max(other.start[axis]);
            let to = (self.start[axis] + self.size[axis]).min(other.start[axis] + other.size[axis]);
            if from >= to {
                return None;
            }
            start.push(from);
            size.push(to - from);
        }
        Some(Region { start, size })
    }

    /// Calls `copy(source, target, count)` with the element ranges, in the two regions' own storage, of what they share.
    pub(super) fn copy_shared(
        source: &Region,
        target: &Region,
        mut copy: impl FnMut(usize, usize, usize),
    ) {
        let Some(shared) = source.intersect(target) else {
            return;
        };
        let rank = shared.start.len();
        let run = shared.size.last().copied().unwrap_or(1) as usize;
        let mut at = shared.start.clone();
        loop {
            copy(source.offset_of(&at), target.offset_of(&at), run);
            let mut axis = rank.saturating_sub(1);
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                at[axis] += 1;
                if at[axis] < shared.start[axis] + shared.size[axis] {
                    break;
                }
                at[axis] = shared.start[axis];
            }
        }
    }

    fn offset_of(&self, at: &[u64]) -> usize {
        let flat = at
            .iter()
            .zip(&self.start)
            .zip(&self.size)
            .fold(0, |flat, ((at, start), size)| flat * size + (at - start));
        flat as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_text_has_the_shape_and_the_extents() -> Result<()> {
        let (shape, slice) = Slice::parse("6 2 0,3:-")?.unwrap_or_default();
        assert_eq!(shape, [6, 2]);
        assert_eq!(slice.extents, [Some((0, 3)), None]);
        assert_eq!(Slice::parse("")?, None);
        assert!(Slice::parse("6 0,3:-").is_err());
        Ok(())
    }

    #[test]
    fn a_region_outside_its_tensor_is_none() {
        let slice = |start, length| Slice {
            extents: vec![Some((start, length))],
        };
        assert!(slice(2, 2).region(&[3]).is_none());
        assert!(slice(u64::MAX, 2).region(&[3]).is_none());
        assert!(slice(1, 2).region(&[3]).is_some());
    }

    #[test]
    fn the_shared_box_is_copied_row_by_row() {
        let source = Region {
            start: vec![1, 0],
            size: vec![2, 3],
        };
        let target = Region {
            start: vec![0, 1],
            size: vec![3, 2],
        };
        let mut copies = Vec::new();
        Region::copy_shared(&source, &target, |from, to, count| {
            copies.push((from, to, count))
        });
        assert_eq!(copies, [(1, 2, 2), (4, 4, 2)]);
    }

    #[test]
    fn a_scalar_is_one_element() {
        let scalar = Region {
            start: vec![],
            size: vec![],
        };
        let mut copies = Vec::new();
        Region::copy_shared(&scalar, &scalar, |from, to, count| {
            copies.push((from, to, count))
        });
        assert_eq!(copies, [(0, 0, 1)]);
    }
}
