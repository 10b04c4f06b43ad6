//! The support code that generated modules carry, as text. The crates `candle` and `burn` beside this one compile and
//! test the same files.

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

macro_rules! templates {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../templates/", $name)))),*]
    };
}

/// The skeletons of what is written, as tera templates: their names, and their texts.
pub const TEMPLATES: &[(&str, &str)] = templates!(
    "burn/file.rs.tera"
    "burn/struct.rs.tera"
    "candle/file.rs.tera"
    "candle/struct.rs.tera"
    "graph/page.html.tera"
    "graph/picture.svg.tera"
);

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

/// Crates beside the framework that support code names, with their versions.
pub const CRATES: &[(&str, &str)] = &[
    ("gemm", "0.19"),
    ("rayon", "1"),
    ("regex", "1"),
    ("rustfft", "6"),
];

/// Imports that stand for the sake of methods, which nothing else in a file names, and those methods.
pub const EXTENSIONS: &[(&str, &[&str])] = &[
    ("candle_core::IndexOp", &["i"]),
    ("candle_core::Module", &["forward"]),
    ("candle_core::ModuleT", &["forward_t"]),
    (
        "candle_core::backend::BackendStorage",
        &[
            "const_set",
            "copy_strided_src",
            "to_cpu_storage",
            "to_dtype",
            "try_clone",
        ],
    ),
    (
        "rayon::prelude::*",
        &[
            "into_par_iter",
            "par_chunks",
            "par_chunks_mut",
            "par_iter",
            "par_iter_mut",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

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
            "recurrent::run_at_once",
            "reduce::argmax",
            "reduce::argmin",
            "reduce::extreme",
            "special::apply",
        ];
        assert_eq!(found, known);
    }
}
