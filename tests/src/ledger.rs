//! A checked-in list of what passed, that `UPDATE=1` lengthens and never shortens.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Context, Result};

/// The names in the list at `path` that are among `seen` and not among `passed`. With `update`, adds those that passed.
pub fn check(
    path: &Path,
    seen: &BTreeSet<String>,
    passed: &BTreeSet<String>,
    update: bool,
) -> Result<Vec<String>> {
    let text = match path.exists() {
        true => fs::read_to_string(path).context(path)?,
        false => String::new(),
    };
    let (comments, names): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('#'));
    let held: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    if update {
        let all: Vec<&str> = held.union(passed).map(String::as_str).collect();
        let lines: Vec<&str> = comments.into_iter().chain(all).collect();
        fs::write(path, lines.join("\n") + "\n").context(path)?;
    }
    Ok(held
        .intersection(seen)
        .filter(|name| !passed.contains(*name))
        .cloned()
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_is_listed_must_pass_where_it_is_seen() {
        let path = std::env::temp_dir().join(format!("ledger-{}", std::process::id()));
        fs::write(&path, "# passed\na\nb\n").unwrap();
        let check =
            |passed: &[&str], update| check(&path, &names(&["a", "c"]), &names(passed), update);
        assert!(check(&["a", "c"], true).unwrap().is_empty());
        assert_eq!(fs::read_to_string(&path).unwrap(), "# passed\na\nb\nc\n");
        assert_eq!(check(&["a"], false).unwrap(), ["c"]);
        fs::remove_file(path).unwrap();
    }
}
