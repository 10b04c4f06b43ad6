//! The support code that generated modules carry, as text. The crates `candle` and `burn` beside this one compile and
//! test the same files.

use std::collections::BTreeSet;
use std::sync::OnceLock;

/// A file of support code: it becomes a module of `mod support`.
#[derive(Clone, Copy, Debug)]
pub struct Support {
    /// The name of the module.
    pub name: &'static str,
    /// Its text.
    pub source: &'static str,
}

#[path = "../shared/matrix_kernel.rs"]
pub mod matrix_kernel;
#[path = "../shared/special_kernel.rs"]
pub mod special_kernel;

macro_rules! files {
    ($framework:literal: $($name:literal)* $(; $($shared:literal)*)?) => {
        &[
            $(Support { name: $name, source: include_str!(concat!("../", $framework, "/src/", $name, ".rs")) },)*
            $($(Support { name: $shared, source: include_str!(concat!("../shared/", $shared, ".rs")) },)*)?
        ]
    };
}

include!("files.rs");

/// The support code for candle.
pub fn candle() -> &'static [Support] {
    static FILES: OnceLock<Vec<Support>> = OnceLock::new();
    FILES.get_or_init(|| [CANDLE, HOST].concat())
}

/// The support code for burn.
pub fn burn() -> &'static [Support] {
    static FILES: OnceLock<Vec<Support>> = OnceLock::new();
    FILES.get_or_init(|| [BURN, HOST].concat())
}

/// The named files, and all that they use of one another.
pub fn closure<'a>(
    files: &'static [Support],
    names: impl Iterator<Item = &'a str>,
) -> BTreeSet<&'static str> {
    let find = |name: &str| files.iter().find(|file| file.name == name);
    let mut stack: Vec<&Support> = names.filter_map(find).collect();
    let mut used = BTreeSet::new();
    while let Some(file) = stack.pop() {
        if used.insert(file.name) {
            stack.extend(siblings(file.source).filter_map(find));
        }
    }
    used
}

/// The modules that a file names as `super::NAME`, alone or in a list.
fn siblings(source: &str) -> impl Iterator<Item = &str> {
    let listed = source.split("super::{").skip(1).flat_map(|rest| {
        let list = rest.split('}').next().unwrap_or_default();
        list.split(',')
            .map(|part| part.trim().split("::").next().unwrap_or_default())
    });
    let single = source.split("super::").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        &rest[..end]
    });
    listed.chain(single)
}

/// Crates beside the framework that files use, as `name version`.
pub fn crates(files: &[Support], used: &BTreeSet<&str>) -> Vec<String> {
    let known = [
        ("gemm", "gemm 0.19"),
        ("rayon", "rayon 1"),
        ("regex", "regex 1"),
        ("rustfft", "rustfft 6"),
    ];
    let uses = |name: &str| {
        let path = format!("{name}::");
        files
            .iter()
            .any(|file| used.contains(file.name) && file.source.contains(&path))
    };
    known
        .iter()
        .filter(|(name, _)| uses(name))
        .map(|(_, text)| (*text).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_brings_those_it_names() {
        let used = closure(CANDLE, ["conv"].into_iter());
        assert!(
            used.contains("conv_kernel") && used.contains("padding"),
            "{used:?}"
        );
    }

    #[test]
    fn every_support_file_is_listed() {
        for (framework, files) in [("candle", CANDLE), ("burn", BURN), ("host", HOST)] {
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
            let mut dirs = vec![root.join(framework).join("src")];
            if framework != "host" {
                dirs.push(root.join("shared"));
            }
            let on_disk = dirs
                .into_iter()
                .flat_map(|dir| std::fs::read_dir(dir).unwrap())
                .map(|entry| entry.unwrap().path());
            let mut names: Vec<String> = on_disk
                .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
                .collect();
            // The type of strings is every framework's own.
            names.retain(|name| {
                name != "lib" && (framework, name.as_str()) != ("host", "string_tensor")
            });
            names.sort();
            let mut listed: Vec<&str> = files.iter().map(|file| file.name).collect();
            listed.sort_unstable();
            assert_eq!(
                listed, names,
                "{framework}: list the files in codegen-templates/src/files.rs"
            );
        }
    }

    /// The functions in which candle's support code reads a tensor on the host: where it has kernels, and where `import
    /// inspect --device cuda` says so.
    #[test]
    fn tensors_are_read_on_the_host_only_where_it_is_known() {
        let mut found = Vec::new();
        for file in CANDLE {
            let source = file.source.split("#[cfg(test)]").next().unwrap_or_default();
            let mut function = "";
            for line in source.lines() {
                if let Some((_, rest)) = line.split_once("fn ") {
                    function = rest.split(['(', '<']).next().unwrap_or_default();
                }
                let reads = ["to_vec1", "to_vec2", "to_scalar", "to_device(&", "on_cpu("];
                if reads.iter().any(|call| line.contains(call)) {
                    found.push(format!("{}::{function}", file.name));
                }
            }
        }
        found.dedup();
        let known = [
            "binary::apply",
            "binary::integers",
            "binary::bwd",
            "cumulative::apply",
            "extents::extents",
            "extents::bound",
            "flow::choice",
            "fourier::transform",
            "gather::checked",
            "gather::scatter",
            "gather::joined",
            "gather::sorted",
            "host::host",
            "linalg::matrices",
            "math::on_cpu",
            "math::apply",
            "math::bwd",
            "math::of_integers",
            "reduce::argmax",
            "reduce::argmin",
            "reduce::extreme",
            "special::apply",
        ];
        assert_eq!(found, known);
    }
}
