//! Kernels against TensorFlow's numbers.

use savedmodel_import_kernels::array::{Array, Element, Numbers, Result};
use savedmodel_import_kernels::string_tensor::StringTensor;
use savedmodel_import_kernels::{hashes, moves, number_text, regexes, search, split, strings};

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
