//! The table of a run: per subject, per family and per op.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use savedmodel_import::Framework;

use crate::plan::Goal;

/// Both frameworks, in the order of the table's columns.
pub const FRAMEWORKS: [Framework; 2] = [Framework::Candle, Framework::Burn];

/// A subject and how it fared.
#[derive(Clone, Debug)]
pub struct Row {
    /// The subject's id.
    pub id: String,
    /// Its family.
    pub family: String,
    /// The ops that it counts for.
    pub ops: Vec<String>,
    /// A score for each of [`FRAMEWORKS`].
    pub scores: [Score; 2],
}

impl Row {
    /// What the floor keeps of it, of the frameworks that were run.
    pub fn line(&self, run: &[Framework]) -> crate::floor::Line {
        let column = |(name, score): (&Framework, &Score)| {
            let letters = run.contains(name).then(|| score.letters());
            (name.to_string(), letters)
        };
        crate::floor::Line {
            id: self.id.clone(),
            columns: FRAMEWORKS.iter().zip(&self.scores).map(column).collect(),
        }
    }
}

/// How one subject fared with one framework.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Whether it was converted.
    pub converted: bool,
    /// Whether the module compiles.
    pub compiled: bool,
    /// Whether rustfmt would leave the module as it is.
    pub formatted: bool,
    /// Whether the compiler has no warnings.
    pub clean: bool,
    /// Whether clippy has none.
    pub lint_free: bool,
    /// Golden outputs and variables.
    pub matched: Tally,
    /// The same at twice the batch.
    pub batch: Tally,
    /// Golden gradients.
    pub gradient: Tally,
    /// Golden training.
    pub training: Tally,
    /// What went wrong.
    pub problems: Vec<String>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// That hold.
    pub passed: usize,
    /// That were tried.
    pub total: usize,
}

impl Tally {
    fn all(self) -> bool {
        self.total > 0 && self.passed == self.total
    }

    fn add(&mut self, passed: bool) {
        self.passed += usize::from(passed);
        self.total += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            0 => f.pad("-"),
            total => f.pad(&format!("{}/{total}", self.passed)),
        }
    }
}

impl Score {
    /// Counts a step.
    pub fn add(&mut self, goal: Goal, label: &str, problem: Option<String>) {
        let tally = match goal {
            Goal::Match => &mut self.matched,
            Goal::Batch => &mut self.batch,
            Goal::Gradient => &mut self.gradient,
            Goal::Training => &mut self.training,
        };
        tally.add(problem.is_none());
        self.problems
            .extend(problem.map(|problem| format!("{label}: {problem}")));
    }

    /// What holds, a letter each: `c`onverted, `f`ormatted, `b`uilt, `w`ithout warnings, without `l`ints,
    /// `m`atched, `2` at twice the batch, `g`radients, `t`raining.
    pub fn letters(&self) -> String {
        let held = [
            (self.converted, 'c'),
            (self.formatted, 'f'),
            (self.compiled, 'b'),
            (self.clean, 'w'),
            (self.lint_free, 'l'),
            (self.matched.all(), 'm'),
            (self.batch.all(), '2'),
            (self.gradient.all(), 'g'),
            (self.training.all(), 't'),
        ];
        held.into_iter()
            .filter(|(held, _)| *held)
            .map(|(_, letter)| letter)
            .collect()
    }
}

/// Everything that a run prints.
pub fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    let width = rows
        .iter()
        .filter(|row| row.ops.is_empty())
        .map(|row| row.id.len())
        .max()
        .unwrap_or(8);
    let heads = FRAMEWORKS.map(|framework| format!("{framework:<8} match batch grad train"));
    let _ = writeln!(text, "{:width$}  {}", "", heads.join("   "));
    for row in rows.iter().filter(|row| row.ops.is_empty()) {
        let cells = row.scores.each_ref().map(|score| {
            let Score {
                matched,
                batch,
                gradient,
                training,
                ..
            } = score;
            format!(
                "{:<8} {matched:>5} {batch:>5} {gradient:>4} {training:>5}",
                score.letters()
            )
        });
        let _ = writeln!(text, "{:width$}  {}", row.id, cells.join("   "));
    }
    sums(&mut text, "family", rows, |row| vec![&row.family]);
    sums(&mut text, "op", rows, |row| row.ops.iter().collect());
    sums(&mut text, "total", rows, |_| vec![]);
    text
}

/// Converted, compiled, matched of all, for each key that a row counts for, and for all.
fn sums<'r>(
    text: &mut String,
    title: &str,
    rows: &'r [Row],
    keys: impl Fn(&'r Row) -> Vec<&'r String>,
) {
    let all: BTreeSet<&String> = rows.iter().flat_map(&keys).collect();
    let mut groups: Vec<(String, Vec<&Row>)> = Vec::new();
    for key in all {
        groups.push((
            key.clone(),
            rows.iter().filter(|row| keys(row).contains(&key)).collect(),
        ));
    }
    if title == "total" {
        groups.push(("all".into(), rows.iter().collect()));
    }
    if groups.is_empty() {
        return;
    }
    let heads = FRAMEWORKS.map(|framework| format!("{framework:<7} conv comp match grad"));
    let _ = writeln!(text, "\n{title:<34} {:>5}   {}", "of", heads.join("   "));
    for (name, rows) in groups {
        let cells: Vec<String> = (0..FRAMEWORKS.len()).map(|i| cell(&rows, i)).collect();
        let _ = writeln!(text, "{name:<34} {:>5}   {}", rows.len(), cells.join("   "));
    }
}

fn cell(rows: &[&Row], framework: usize) -> String {
    let count = |held: fn(&Score) -> bool| {
        rows.iter()
            .filter(|row| held(&row.scores[framework]))
            .count()
    };
    format!(
        "        {:>4} {:>4} {:>5} {:>4}",
        count(|score| score.converted),
        count(|score| score.compiled),
        count(|score| score.matched.all()),
        count(|score| score.gradient.all())
    )
}

/// What went wrong, subject by subject, and the commonest first words of failed conversions.
pub fn problems(rows: &[Row]) -> String {
    let mut text = String::new();
    for (i, framework) in FRAMEWORKS.iter().enumerate() {
        let mut common: BTreeMap<&str, usize> = BTreeMap::new();
        for row in rows {
            for problem in &row.scores[i].problems {
                let _ = writeln!(
                    text,
                    "{framework} {}\n    {}",
                    row.id,
                    problem.replace('\n', "\n    ")
                );
                let first = problem.lines().next().unwrap_or_default();
                *common.entry(first).or_default() += 1;
            }
        }
        let mut common: Vec<(&str, usize)> = common.into_iter().collect();
        common.sort_by_key(|&(words, count)| (std::cmp::Reverse(count), words));
        let _ = writeln!(text, "\ncommonest with {framework}:");
        for (words, count) in common.iter().take(60) {
            let _ = writeln!(text, "{count:>5}  {words}");
        }
        text.push('\n');
    }
    text
}
