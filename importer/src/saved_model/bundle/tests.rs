use std::fs;

use savedmodel_import_proto::tensor_shape_proto::Dim;
use savedmodel_import_proto::tensor_slice_proto::Extent;
use savedmodel_import_proto::tensor_slice_proto::extent::HasLength;
use savedmodel_import_proto::{
    BundleEntryProto, SavedSlice, SavedSliceMeta, SavedTensorSliceMeta, SavedTensorSlices,
    TensorProto, TensorShapeProto, TensorSliceProto,
};

use super::super::table::mask;
use super::super::table::tests::table;
use super::*;

type TestResult = std::result::Result<(), Box<dyn std::error::Error>>;

struct Case {
    header: BundleHeaderProto,
    entries: Vec<(Vec<u8>, BundleEntryProto)>,
    data: Vec<u8>,
}

impl Case {
    fn new() -> Case {
        let header = BundleHeaderProto {
            num_shards: 1,
            ..BundleHeaderProto::default()
        };
        Case {
            header,
            entries: Vec::new(),
            data: Vec::new(),
        }
    }

    fn add(
        &mut self,
        key: &[u8],
        dtype: DataType,
        shape: &[i64],
        bytes: &[u8],
    ) -> &mut BundleEntryProto {
        let entry = BundleEntryProto {
            dtype: dtype as i32,
            shape: Some(shape_proto(shape)),
            shard_id: 0,
            offset: self.data.len() as i64,
            size: bytes.len() as i64,
            crc32c: mask(crc32c::crc32c(bytes)),
            slices: Vec::new(),
        };
        self.data.extend_from_slice(bytes);
        self.entries.push((key.to_vec(), entry));
        let last = self.entries.len() - 1;
        &mut self.entries[last].1
    }

    fn open(&mut self, name: &str) -> Result<Bundle> {
        let dir = std::env::temp_dir().join(format!("bundle-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir)?;
        self.entries.sort_by(|a, b| a.0.cmp(&b.0));
        let values: Vec<Vec<u8>> = self
            .entries
            .iter()
            .map(|(_, e)| e.encode_to_vec())
            .collect();
        let header = self.header.encode_to_vec();
        let mut rows: Vec<(&[u8], &[u8])> = vec![(b"", &header)];
        rows.extend(
            self.entries
                .iter()
                .zip(&values)
                .map(|((key, _), value)| (&key[..], &value[..])),
        );
        fs::write(dir.join("v.index"), table(&rows, true))?;
        fs::write(dir.join("v.data-00000-of-00001"), &self.data)?;
        let bundle = Bundle::open(&dir.join("v"));
        fs::remove_dir_all(&dir)?;
        bundle
    }
}

fn shape_proto(shape: &[i64]) -> TensorShapeProto {
    let dim = |&size: &i64| Dim {
        size,
        name: String::new(),
    };
    TensorShapeProto {
        dim: shape.iter().map(dim).collect(),
        unknown_rank: false,
    }
}

fn slice_proto(extents: &[(i64, i64)]) -> TensorSliceProto {
    let extent = |&(start, length): &(i64, i64)| Extent {
        start,
        has_length: Some(HasLength::Length(length)),
    };
    TensorSliceProto {
        extent: extents.iter().map(extent).collect(),
    }
}

fn rows(start: u64, length: u64) -> Slice {
    Slice {
        extents: vec![Some((start, length)), Some((0, 1))],
    }
}

#[test]
fn a_tensor_is_borrowed_from_its_shard() -> TestResult {
    let mut case = Case::new();
    case.add(b"b", DataType::DtInt32, &[2], &[1, 0, 0, 0, 2, 0, 0, 0]);
    let bundle = case.open("plain")?;
    let value = bundle.read("b")?;
    assert_eq!(value.shape, [2]);
    assert!(matches!(
        &value.data,
        TensorData::Bytes(Cow::Borrowed([1, 0, 0, 0, 2, 0, 0, 0]))
    ));
    Ok(())
}

#[test]
fn a_big_endian_bundle_is_swapped_number_by_number() -> TestResult {
    let mut case = Case::new();
    case.header.endianness = bundle_header_proto::Endianness::Big as i32;
    case.add(b"c", DataType::DtComplex64, &[], &[1, 2, 3, 4, 5, 6, 7, 8]);
    let bundle = case.open("big")?;
    assert_eq!(
        bundle.read("c")?.bytes(),
        Some(&[4, 3, 2, 1, 8, 7, 6, 5][..])
    );
    Ok(())
}

#[test]
fn slices_are_put_together() -> TestResult {
    let mut case = Case::new();
    let whole = case.add(b"a", DataType::DtInt8, &[3, 1], &[]);
    whole.size = 0;
    whole.slices = vec![
        slice_proto(&[(0, 2), (0, 1)]),
        slice_proto(&[(2, 1), (0, 1)]),
    ];
    case.add(
        &ordered_code::slice_key(b"a", &rows(0, 2)),
        DataType::DtInt8,
        &[2, 1],
        &[7, 8],
    );
    case.add(
        &ordered_code::slice_key(b"a", &rows(2, 1)),
        DataType::DtInt8,
        &[1, 1],
        &[9],
    );
    let bundle = case.open("slices")?;
    assert_eq!(bundle.entries().keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(bundle.read("a")?.bytes(), Some(&[7, 8, 9][..]));
    assert_eq!(
        bundle.read_slice("a", &rows(1, 2))?.bytes(),
        Some(&[8, 9][..])
    );
    assert_eq!(
        bundle.read_slice("a", &rows(0, 2))?.bytes(),
        Some(&[7, 8][..])
    );
    Ok(())
}

#[test]
fn slices_that_leave_a_gap_are_an_error() {
    let mut case = Case::new();
    case.add(b"a", DataType::DtInt8, &[3, 1], &[]).slices = vec![slice_proto(&[(0, 2), (0, 1)])];
    case.add(
        &ordered_code::slice_key(b"a", &rows(0, 2)),
        DataType::DtInt8,
        &[2, 1],
        &[7, 8],
    );
    let error = case
        .open("gap")
        .err()
        .map(|e| e.to_string())
        .unwrap_or_default();
    assert!(error.contains("do not cover"), "{error}");
}

#[test]
fn a_flipped_bit_in_a_shard_is_found_when_the_tensor_is_read() -> TestResult {
    let mut case = Case::new();
    case.add(b"a", DataType::DtInt8, &[2], &[1, 2]);
    case.data[1] = 3;
    let error = case.open("flip")?.read("a").err().map(|e| e.to_string());
    assert!(
        error
            .unwrap_or_default()
            .contains("Checksum does not match")
    );
    Ok(())
}

#[test]
fn strings_have_checksums_of_their_own() -> TestResult {
    let lengths_crc = crc32c::crc32c(&[2, 0, 0, 0, 0, 0, 0, 0]);
    let stored = mask(lengths_crc).to_le_bytes();
    let payload = [&[2, 0][..], &stored, b"hi"].concat();
    let whole = crc32c::crc32c_append(crc32c::crc32c_append(lengths_crc, &stored), b"hi");
    let mut case = Case::new();
    case.add(b"s", DataType::DtString, &[2], &payload).crc32c = mask(whole);
    let bundle = case.open("strings")?;
    let value = bundle.read("s")?;
    let strings = value.strings().map(|strings| strings.concat());
    assert_eq!(strings, Some(b"hi".to_vec()));
    Ok(())
}

#[test]
fn no_strings_are_a_checksum_of_nothing() -> TestResult {
    let stored = mask(crc32c::crc32c(&[])).to_le_bytes();
    let mut case = Case::new();
    case.add(b"s", DataType::DtString, &[0], &stored);
    assert_eq!(
        case.open("empty")?.read("s")?.strings().map(<[_]>::len),
        Some(0)
    );
    Ok(())
}

#[test]
fn an_entry_is_checked_before_anything_is_allocated() {
    type Change = fn(&mut BundleEntryProto);
    let broken: [(&str, Change, &str); 7] = [
        ("size", |e| e.size = 7, "stored size 7; expected size 8"),
        ("negative", |e| e.size = -8, "negative size -8"),
        ("offset", |e| e.offset = -1, "negative offset -1"),
        ("far", |e| e.offset = i64::MAX, "out of range"),
        ("shard", |e| e.shard_id = 3, "shard 3 of 1 does not exist"),
        (
            "huge",
            |e| e.shape = Some(shape_proto(&[1 << 60])),
            "expected size 4611686018427387904",
        ),
        ("dtype", |e| e.dtype = 200, "unknown dtype 200"),
    ];
    for (name, change, message) in broken {
        let mut case = Case::new();
        change(case.add(b"a", DataType::DtInt32, &[2], &[0; 8]));
        let error = case
            .open(name)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_checkpoint_of_the_first_format_is_read() -> TestResult {
    let part = |start, length, values: &[f32]| {
        let slice = slice_proto(&[(start, length), (0, 1)]);
        let data = SavedSlice {
            name: "a".to_owned(),
            slice: Some(slice.clone()),
            data: Some(TensorProto {
                float_val: values.to_vec(),
                ..TensorProto::default()
            }),
        };
        let value = SavedTensorSlices {
            meta: None,
            data: Some(data),
        };
        (slice, value.encode_to_vec())
    };
    let (first, second) = (part(0, 2, &[1.0, 2.0]), part(2, 1, &[3.0]));
    let tensor = SavedSliceMeta {
        name: "a".to_owned(),
        shape: Some(shape_proto(&[3, 1])),
        r#type: DataType::DtFloat as i32,
        slice: vec![first.0, second.0],
    };
    let meta = SavedTensorSlices {
        meta: Some(SavedTensorSliceMeta {
            tensor: vec![tensor],
            versions: None,
        }),
        data: None,
    };
    let keys = [(0, 2), (2, 1)].map(|(s, l)| ordered_code::slice_key(b"a", &rows(s, l)));
    let header = meta.encode_to_vec();
    let file = table(
        &[(b"", &header), (&keys[0], &first.1), (&keys[1], &second.1)],
        false,
    );
    let path = std::env::temp_dir().join(format!("first-format-{}", std::process::id()));
    fs::write(&path, file)?;
    let bundle = Bundle::open(&path);
    fs::remove_file(&path)?;
    let expected = [1.0f32, 2.0, 3.0].map(f32::to_le_bytes).concat();
    assert_eq!(bundle?.read("a")?.bytes(), Some(&expected[..]));
    Ok(())
}
