//! What held before must hold: a checked-in line for each subject, that `UPDATE=1` raises and never lowers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::{Context, Result};

/// For each subject and column the letters of what held.
type Floor = BTreeMap<String, Vec<BTreeSet<char>>>;

/// What a subject holds now.
#[derive(Clone, Debug)]
pub struct Line {
    /// The subject.
    pub id: String,
    /// By what it is run, and a letter for each thing that holds; none where it was not run.
    pub columns: Vec<(String, Option<String>)>,
}

/// What `lines` fall short of in the floor at `path`, but for the letters that this run did not read. With
/// `update`, raises the floor to what they hold. `header` says what the letters mean.
pub fn check(
    path: &Path,
    header: &str,
    lines: &[Line],
    unread: &[char],
    update: bool,
) -> Result<Vec<String>> {
    let mut floor = match path.exists() {
        true => parse(&fs::read_to_string(path).context(path)?),
        false => Floor::new(),
    };
    let mut short = Vec::new();
    for line in lines {
        let old = floor
            .entry(line.id.clone())
            .or_insert_with(|| vec![BTreeSet::new(); line.columns.len()]);
        for ((by, letters), old) in line.columns.iter().zip(old) {
            let Some(letters) = letters else { continue };
            let now: BTreeSet<char> = letters.chars().collect();
            let lost: String = old
                .difference(&now)
                .filter(|letter| !unread.contains(letter))
                .collect();
            if !lost.is_empty() {
                short.push(format!("{} with {by} has lost `{lost}`", line.id));
            }
            old.extend(now);
        }
    }
    if update {
        fs::write(path, render(header, &floor)).context(path)?;
    }
    Ok(short)
}

fn parse(text: &str) -> Floor {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let id = words.next()?.to_owned();
        let letters = |word: &str| word.chars().filter(|&c| c != '-').collect();
        Some((id, words.map(letters).collect()))
    };
    text.lines()
        .filter(|text| !text.starts_with('#'))
        .filter_map(line)
        .collect()
}

fn render(header: &str, floor: &Floor) -> String {
    let mut text = header.to_owned();
    for (id, scores) in floor
        .iter()
        .filter(|(_, scores)| scores.iter().any(|letters| !letters.is_empty()))
    {
        let words = scores.iter().map(|letters| match letters.is_empty() {
            true => "-".to_owned(),
            false => "cfbwlm2g"
                .chars()
                .filter(|letter| letters.contains(letter))
                .collect(),
        });
        let _ = writeln!(text, "{id} {}", words.collect::<Vec<String>>().join(" "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(letters: &str) -> Line {
        Line {
            id: "models/x".into(),
            columns: vec![
                ("candle".into(), Some(letters.into())),
                ("burn".into(), None),
            ],
        }
    }

    #[test]
    fn the_floor_rises_and_then_holds() {
        let path = std::env::temp_dir().join(format!("floor-{}", std::process::id()));
        assert!(
            check(&path, "# x\n", &[line("cbm")], &[], true)
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            check(&path, "# x\n", &[line("cb")], &[], true).unwrap(),
            ["models/x with candle has lost `m`"]
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("\nmodels/x cbm -\n"), "{text}");
        fs::remove_file(path).unwrap();
    }
}
