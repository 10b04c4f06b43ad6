//! What held before must hold: a checked-in line for each subject, that `UPDATE=1` raises and never lowers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::table::{FRAMEWORKS, Row};
use crate::{Context, Result};

/// For each subject and framework the letters of [`crate::table::Score::letters`].
type Floor = BTreeMap<String, Vec<BTreeSet<char>>>;

/// What `rows` fall short of in the floor at `path`, but for the letters that this run did not read. With
/// `update`, raises the floor to what they hold.
pub fn check(path: &Path, rows: &[Row], unread: &[char], update: bool) -> Result<Vec<String>> {
    let mut floor = match path.exists() {
        true => parse(&fs::read_to_string(path).context(path)?),
        false => Floor::new(),
    };
    let mut short = Vec::new();
    for row in rows {
        let old = floor
            .entry(row.id.clone())
            .or_insert_with(|| vec![BTreeSet::new(); FRAMEWORKS.len()]);
        for ((framework, score), old) in FRAMEWORKS.iter().zip(&row.scores).zip(old) {
            let now: BTreeSet<char> = score.letters().chars().collect();
            let lost: String = old
                .difference(&now)
                .filter(|letter| !unread.contains(letter))
                .collect();
            if !lost.is_empty() {
                short.push(format!("{} with {framework} has lost `{lost}`", row.id));
            }
            old.extend(now);
        }
    }
    if update {
        fs::write(path, render(&floor)).context(path)?;
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

fn render(floor: &Floor) -> String {
    let mut text = String::from(
        "# What the conformance run must hold, for candle and for burn: c converted, f formatted,\n\
         # b built, w without warnings, l without lints (read where LINT=1), m matched, 2 at twice the batch, g gradients.\n\
         # UPDATE=1 raises it; nothing lowers it.\n",
    );
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
    use crate::table::{Score, Tally};

    fn row(passed: usize) -> Row {
        let score = Score {
            converted: true,
            compiled: true,
            matched: Tally { passed, total: 2 },
            ..Score::default()
        };
        Row {
            id: "models/x".into(),
            family: String::new(),
            ops: Vec::new(),
            scores: [score, Score::default()],
        }
    }

    #[test]
    fn the_floor_rises_and_then_holds() {
        let path = std::env::temp_dir().join(format!("floor-{}", std::process::id()));
        assert!(check(&path, &[row(2)], &[], true).unwrap().is_empty());
        assert_eq!(
            check(&path, &[row(1)], &[], true).unwrap(),
            ["models/x with candle has lost `m`"]
        );
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.ends_with("\nmodels/x cbm -\n"), "{text}");
        fs::remove_file(path).unwrap();
    }
}
