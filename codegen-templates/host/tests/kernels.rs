//! Kernels against TensorFlow's numbers.

use savedmodel_import_kernels::array::{Array, Element, Numbers, Result};
use savedmodel_import_kernels::string_tensor::StringTensor;
use savedmodel_import_kernels::{
    boxes, ctc, example, hashes, moves, number_text, ragged, regexes, search, sparse, split,
    strings, table,
};

fn words(words: &[&str]) -> StringTensor {
    let data = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    StringTensor::of(&[words.len()], data)
}

fn texts(words: &StringTensor) -> Vec<String> {
    let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
    words.data().iter().map(text).collect()
}

fn floats(numbers: &[f64]) -> Result<Array> {
    Array::new(&[numbers.len()], Numbers::F64(numbers.to_vec()))
}

#[test]
fn classes_are_of_ascii_as_in_re2() -> Result<()> {
    let replaced = regexes::replace(&words(&["a1é-b", "[x]"]), r"[\w[]", ".", true)?;
    assert_eq!(texts(&replaced), ["..é-.", "..]"]);
    assert_eq!(
        regexes::full_match(&words(&["]", "a", "b"]), "[]a]")?.truths(),
        [true, true, false]
    );
    Ok(())
}

#[test]
fn a_rewrite_names_groups_by_a_backslash() -> Result<()> {
    let swapped = regexes::replace(&words(&["ab ab"]), "(a)(b)", r"\2-\1\\", false)?;
    assert_eq!(texts(&swapped), [r"b-a\ ab"]);
    Ok(())
}

#[test]
fn a_pattern_that_is_none_is_an_error() {
    assert!(regexes::replace(&words(&["a"]), "(", "", true).is_err());
}

#[test]
fn floats_are_printed_as_in_c() -> Result<()> {
    let x = floats(&[0.1, 1e10, 123456.0, 1e-5])?;
    let general = number_text::as_string(&x, -1, false, true, -1, "")?;
    assert_eq!(texts(&general), ["0.1", "1e+10", "123456", "1e-05"]);
    let scientific = number_text::as_string(&floats(&[1234.5])?, 2, true, false, -1, "")?;
    assert_eq!(texts(&scientific), ["1.23e+03"]);
    Ok(())
}

#[test]
fn base64_goes_both_ways() -> Result<()> {
    let bytes = StringTensor::of(&[2], vec![b"ab".to_vec(), b"\xff\xfe\xfd\xfc".to_vec()]);
    for pad in [true, false] {
        let encoded = number_text::encode_base64(&bytes, pad);
        assert_eq!(number_text::decode_base64(&encoded)?, bytes);
    }
    Ok(())
}

#[test]
fn parts_are_a_sparse_matrix() -> Result<()> {
    let (indices, values, shape) = split::split(&words(&["a  b", "", "c"]), "", -1)?;
    assert_eq!(indices.to_i64(), [0, 0, 0, 1, 2, 0]);
    assert_eq!(texts(&values), ["a", "b", "c"]);
    assert_eq!(shape.to_i64(), [3, 2]);
    Ok(())
}

#[test]
fn buckets_are_tensorflows() -> Result<()> {
    let buckets = hashes::bucket_fast(&words(&["Hello", "TensorFlow", "2.x"]), 3)?;
    assert_eq!(buckets.to_i64(), [0, 2, 2]);
    let strong = hashes::bucket_strong(&words(&["Hello", "TF"]), 3, &[1, 2])?;
    assert_eq!(strong.to_i64(), [2, 0]);
    assert!(hashes::bucket_fast(&words(&["a"]), 0).is_err());
    Ok(())
}

#[test]
fn distinct_elements_keep_their_order() -> Result<()> {
    let (values, which, counts) =
        search::unique_with_counts(&words(&["b", "a", "b"]), Element::I32)?;
    assert_eq!(texts(&values), ["b", "a"]);
    assert_eq!(
        (which.to_i64(), counts.to_i64()),
        (vec![0, 1, 0], vec![2, 1])
    );
    assert_eq!(which.element(), Element::I32);
    Ok(())
}

#[test]
fn rows_go_to_their_parts() -> Result<()> {
    let numbers = Array::integers(&[3], vec![1, 0, 1])?;
    let [first, second] = search::partition(&floats(&[1.0, 2.0, 3.0])?, &numbers)?;
    assert_eq!(
        (first.to_f64(), second.to_f64()),
        (vec![2.0], vec![1.0, 3.0])
    );
    let outside = Array::integers(&[1], vec![2])?;
    assert!(search::partition::<_, 2>(&floats(&[1.0])?, &outside).is_err());
    Ok(())
}

#[test]
fn places_of_what_is_not_zero_are_rows() -> Result<()> {
    let x = Array::new(&[2, 2], Numbers::Bool(vec![true, false, false, true]))?;
    let places = search::non_zero(&x)?;
    assert_eq!(
        (places.shape(), places.to_i64()),
        (&[2, 2][..], vec![0, 0, 1, 1])
    );
    Ok(())
}

#[test]
fn parts_of_strings_count_characters_or_bytes() -> Result<()> {
    let text = words(&["äbc"]);
    let [start, length] = [-2, 2].map(|n| Array::integers(&[], vec![n]));
    let (start, length) = (start?, length?);
    assert_eq!(
        texts(&strings::substring_utf8(&text, &start, &length)?),
        ["bc"]
    );
    assert_eq!(strings::length(&text).to_i64(), [4]);
    assert_eq!(strings::length_utf8(&text).to_i64(), [3]);
    let outside = Array::integers(&[], vec![9])?;
    assert!(strings::substring(&text, &outside, &length).is_err());
    Ok(())
}

#[test]
fn strings_move_as_tensors_do() -> Result<()> {
    let square = moves::reshape(&words(&["a", "b", "c", "d"]), &[2, 2])?;
    assert_eq!(
        texts(&moves::transpose(&square, &[1, 0])?),
        ["a", "c", "b", "d"]
    );
    let column = moves::slice(&square, &[(0, 2, 1), (1, 1, 1)])?;
    assert_eq!(
        (column.shape(), texts(&column)),
        (&[2, 1][..], vec!["b".into(), "d".into()])
    );
    assert_eq!(moves::concat(&[&square, &column], 1)?.shape(), [2, 3]);
    let picked = moves::gather(&square, &Array::integers(&[1], vec![1])?, 0, 0)?;
    assert_eq!(texts(&picked), ["c", "d"]);
    assert!(moves::gather(&square, &Array::integers(&[1], vec![2])?, 0, 0).is_err());
    let flag = Array::new(&[2, 1], Numbers::Bool(vec![true, false]))?;
    let chosen = moves::select(&flag, &square, &words(&["x", "y"]))?;
    assert_eq!(texts(&chosen), ["a", "b", "x", "y"]);
    assert_eq!(
        texts(&moves::tile(&words(&["a", "b"]), &[2])?),
        ["a", "b", "a", "b"]
    );
    Ok(())
}

fn integers(shape: &[usize], numbers: &[i64]) -> Result<Array> {
    Array::integers(shape, numbers.to_vec())
}

/// Two examples: `a` is `[1.5, 2]`, `w` is `["x", "yz"]` and `n` is `[7]` in the first, and `n` alone `[-3]` in the second.
fn examples() -> StringTensor {
    let bytes = |text: &str| {
        let pairs = text.as_bytes().chunks(2);
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        pairs.map(byte).collect()
    };
    let first = "0a2f0a0a0a016e12051a030a01070a0e0a017712090a070a01780a02797a0a110a0161120c120a0a080000c03f00000040";
    let second = "0a150a130a016e120e1a0c0a0afdffffffffffffffff01";
    StringTensor::of(&[2], vec![bytes(first), bytes(second)])
}

#[test]
fn dense_features_have_defaults() -> Result<()> {
    let a = example::dense(&examples(), &Array::from([9f32, 8.0]), "a", &[2])?;
    assert_eq!(
        (a.shape(), a.to_f64()),
        (&[2, 2][..], vec![1.5, 2.0, 9.0, 8.0])
    );
    let none = Array::empty();
    assert_eq!(
        example::dense(&examples(), &none, "n", &[])?.to_i64(),
        [7, -3]
    );
    let filled = example::dense(&examples(), &Array::from(4f32), "a", &[-1])?;
    assert_eq!(filled.to_f64(), [1.5, 2.0, 4.0, 4.0]);
    assert!(example::dense(&examples(), &none, "a", &[2]).is_err());
    let lacking = example::dense_words(&examples(), &words(&[]), "w", &[2]);
    assert!(lacking.is_err());
    Ok(())
}

#[test]
fn features_of_any_length_are_sparse_or_ragged() -> Result<()> {
    let (indices, values, shape) = example::sparse_words(&examples(), "w")?;
    assert_eq!(
        (indices.to_i64(), texts(&values)),
        (vec![0, 0, 0, 1], vec!["x".into(), "yz".into()])
    );
    assert_eq!(shape.to_i64(), [2, 2]);
    let (values, splits) = example::ragged(&examples(), "n", Element::I64, Element::I32)?;
    assert_eq!(
        (values.to_i64(), splits.to_i64()),
        (vec![7, -3], vec![0, 1, 2])
    );
    assert!(example::sparse_words(&words(&["no example"]), "w").is_err());
    Ok(())
}

#[test]
fn a_table_gives_its_default_to_others() -> Result<()> {
    let keys = table::words(&Array::from([97i32, 98, 99]), &Array::from([0i64, 2, 3]))?;
    assert_eq!(texts(&keys), ["ab", "c"]);
    let found = table::find(
        &keys,
        &Array::from([5i64, 6]),
        &words(&["c", "x", "ab"]),
        &Array::from(-1i64),
    )?;
    assert_eq!(found.to_i64(), [6, -1, 5]);
    let back = table::find(
        &Array::from([5i64, 6]),
        &keys,
        &Array::from([6i64, 9]),
        &words(&["?"]),
    )?;
    assert_eq!(texts(&back), ["c", "?"]);
    assert!(table::words(&Array::from([97i32]), &Array::from([0i64, 2])).is_err());
    Ok(())
}

#[test]
fn sparse_rows_are_filled_and_reshaped() -> Result<()> {
    let (indices, values) = (integers(&[2, 2], &[0, 1, 2, 0])?, Array::from([3i64, 4]));
    let dense = sparse::to_dense(&indices, &values, &Array::from(0i64), &[3, 2])?;
    assert_eq!(dense.to_i64(), [0, 3, 0, 0, 4, 0]);
    let shape = Array::from([3i64, 2]);
    let (filled, values, empty, moved) =
        sparse::fill_empty_rows(&indices, &values, &shape, &Array::from(-1i64))?;
    assert_eq!(filled.to_i64(), [0, 1, 1, 0, 2, 0]);
    assert_eq!(
        (values.to_i64(), moved.to_i64()),
        (vec![3, -1, 4], vec![0, 2])
    );
    assert_eq!(empty.truths(), [false, true, false]);
    let (indices, shape) = sparse::reshape(&indices, &shape, &Array::from([2i64, -1]))?;
    assert_eq!(
        (indices.to_i64(), shape.to_i64()),
        (vec![0, 1, 1, 1], vec![2, 3])
    );
    Ok(())
}

#[test]
fn ragged_rows_become_dense() -> Result<()> {
    let (values, splits) = (Array::from([1i64, 2, 3]), Array::from([0i64, 2, 2, 3]));
    let dense = ragged::to_tensor(
        &values,
        &Array::from(0i64),
        &[&splits],
        &["ROW_SPLITS"],
        &[-1, -1],
    )?;
    assert_eq!(
        (dense.shape(), dense.to_i64()),
        (&[3, 2][..], vec![1, 2, 0, 0, 3, 0])
    );
    let (splits, values) = ragged::range(
        &Array::from([0i64, 5]),
        &Array::from([3i64, 3]),
        &Array::from([1i64, -1]),
        Element::I64,
    )?;
    assert_eq!(
        (splits.to_i64(), values.to_i64()),
        (vec![0, 3, 5], vec![0, 1, 2, 5, 4])
    );
    let (splits, values) = ragged::gather(&splits, &values, &Array::from([1i64, 1]))?;
    assert_eq!(
        (splits.to_i64(), values.to_i64()),
        (vec![0, 2, 4], vec![5, 4, 5, 4])
    );
    Ok(())
}

#[test]
fn places_in_sorted_rows_are_before_or_behind_equals() -> Result<()> {
    let (sorted, values) = (floats(&[1.0, 3.0, 3.0, 5.0])?, floats(&[3.0, 0.0, 6.0])?);
    assert_eq!(
        search::lower_bound(&sorted, &values, Element::I32)?.to_i64(),
        [1, 0, 4]
    );
    assert_eq!(
        search::upper_bound(&sorted, &values, Element::I32)?.to_i64(),
        [3, 0, 4]
    );
    Ok(())
}

#[test]
fn the_best_classes_lose_blanks_and_repeats() -> Result<()> {
    let logits = [0.1, 0.9, 0.0, 0.2, 0.8, 0.0, 0.7, 0.1, 0.3, 0.0, 0.0, 5.0];
    let logits = Array::new(&[4, 1, 3], Numbers::F64(logits.to_vec()))?;
    let (indices, values, shape, odds) = ctc::greedy(&logits, &Array::from([4i64]), true, -1)?;
    assert_eq!(
        (indices.to_i64(), values.to_i64()),
        (vec![0, 0, 0, 1], vec![1, 0])
    );
    assert_eq!(shape.to_i64(), [1, 2]);
    assert!((odds.to_f64()[0] + 7.4).abs() < 1e-9);
    assert!(ctc::greedy(&logits, &Array::from([5i64]), true, -1).is_err());
    Ok(())
}

#[test]
fn overlapping_boxes_are_suppressed() -> Result<()> {
    let corners = vec![0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.9, 2.0, 2.0, 3.0, 3.0];
    let corners = Array::new(&[3, 4], Numbers::F64(corners))?;
    let scores = floats(&[0.5, 0.9, 0.7])?;
    let least = f64::NEG_INFINITY;
    let (places, _, count) = boxes::suppressed(&corners, &scores, 3, 0.5, least, 0.0, false)?;
    assert_eq!((places.to_i64(), count.to_i64()), (vec![1, 2], vec![2]));
    let (places, ..) = boxes::suppressed(&corners, &scores, 3, 0.5, least, 0.0, true)?;
    assert_eq!(places.to_i64(), [1, 2, 0]);
    Ok(())
}

#[test]
fn stitched_rows_are_of_the_last_that_names_them() -> Result<()> {
    let (first, second) = (Array::from([0i64, 2]), Array::from([2i64, 3]));
    let (a, b) = (Array::from([1i64, 2]), Array::from([3i64, 4]));
    let stitched = search::stitch(&[&first, &second], &[&a, &b])?;
    assert_eq!(stitched.to_i64(), [1, 0, 3, 4]);
    Ok(())
}
