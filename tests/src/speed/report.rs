//! The table of medians.

use std::fmt::Write;

use serde::Serialize;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// The models, and training steps.
    pub columns: Vec<String>,
    /// The contestants, in order of their first appearance.
    pub rows: Vec<Row>,
    /// Who could not run, and why.
    pub notes: Vec<String>,
}

/// A contestant.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// For each column the median wall time in milliseconds.
    pub medians: Vec<Option<f64>>,
}

impl Report {
    pub(super) fn new(columns: Vec<String>) -> Report {
        Report {
            columns,
            ..Report::default()
        }
    }

    pub(super) fn put(&mut self, column: usize, name: &str, times: &[f64]) {
        let row = match self.rows.iter().position(|row| row.name == name) {
            Some(row) => row,
            None => {
                self.rows.push(Row {
                    name: name.to_owned(),
                    medians: vec![None; self.columns.len()],
                });
                self.rows.len() - 1
            }
        };
        self.rows[row].medians[column] = median(times);
    }

    pub(super) fn note(&mut self, name: &str, column: usize, why: &str) {
        let column = self.columns.get(column).map_or("", String::as_str);
        self.notes.push(format!("{name}, {column}: {why}"));
    }

    /// The table, for people.
    pub fn text(&self) -> String {
        let width = |name: &String| name.chars().count();
        let corner = "median ms";
        let names = self.rows.iter().map(|row| width(&row.name));
        let first = names.fold(corner.len(), usize::max);
        let mut text = format!("{corner:first$}");
        for column in &self.columns {
            let _ = write!(text, "  {column:>8}");
        }
        for row in &self.rows {
            let _ = write!(text, "\n{:first$}", row.name);
            for (column, median) in self.columns.iter().zip(&row.medians) {
                let cell = median.map_or("-".to_owned(), |median| format!("{median:.1}"));
                let _ = write!(text, "  {cell:>width$}", width = width(column).max(8));
            }
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }
}

fn median(times: &[f64]) -> Option<f64> {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    let half = times.len() / 2;
    match (times.get(half), times.len() % 2) {
        (Some(middle), 1) => Some(*middle),
        (Some(above), _) => Some((times[half - 1] + above) / 2.0),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_two() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_contestant_that_did_not_run_has_no_number() {
        let mut report = Report::new(vec!["a".into(), "resnet50".into()]);
        report.put(1, "burn", &[2.0]);
        assert_eq!(
            report.text(),
            "median ms         a  resnet50\nburn              -       2.0\n"
        );
    }
}
