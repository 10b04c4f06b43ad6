//! The skeletons of what is written: tera templates, the built-in ones or a user's in their place.
//!
//! Statements and drawings come to a template as text, laid out and escaped for their place; a template decides what stands
//! around them. What a model says reaches it in no other form.

use crate::{Error, Result};
use savedmodel_import_templates::TEMPLATES;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use tera::{Context, ErrorKind, Tera};

/// A set of templates.
pub struct Templates {
    tera: Tera,
    /// Where a user's are.
    overlay: Option<PathBuf>,
}

impl Templates {
    /// The built-in templates, and in their place those of a directory that [`write_templates`] could have written.
    ///
    /// # Errors
    /// When the directory has none of them, or one that is no template: its file and line.
    pub fn new(overlay: Option<&Path>) -> Result<Self> {
        let mut templates = Self {
            tera: Tera::new(),
            overlay: overlay.map(Path::to_owned),
        };
        // Text is escaped for its place before it comes to a template.
        templates.tera.autoescape_on(Vec::<&str>::new());
        let mut texts: Vec<(String, String)> = TEMPLATES
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        if let Some(dir) = overlay {
            texts.extend(overlaid(dir)?);
        }
        let added = templates.tera.add_raw_templates(texts);
        added.map_err(|error| templates.blamed(&error))?;
        Ok(templates)
    }

    /// The template of a name with what it is given.
    ///
    /// # Errors
    /// When the template asks for what there is not: its file and line.
    pub fn render(&self, name: &str, given: &impl Serialize) -> Result<String> {
        let context = Context::from_serialize(given).map_err(|error| self.blamed(&error))?;
        let text = self.tera.render(name, &context);
        text.map_err(|error| self.blamed(&error))
    }

    /// An error of a template, with its file and line.
    fn blamed(&self, error: &tera::Error) -> Error {
        let (ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report)) = error.kind()
        else {
            return Error::usage(format!("the templates do not hold: {error}"));
        };
        let overlay = self.overlay.as_deref().unwrap_or(Path::new(""));
        let file = overlay.join(report.filename());
        let line = report.span().start_line;
        Error::usage(format!("{}:{line}: {}", file.display(), report.message()))
    }
}

/// The templates of a directory that stand in for built-in ones.
fn overlaid(dir: &Path) -> Result<Vec<(String, String)>> {
    let mut texts = vec![];
    for (name, _) in TEMPLATES {
        let file = dir.join(name);
        if file.is_file() {
            let text = fs::read_to_string(&file);
            let text = text.map_err(|error| Error::from(error).in_file(&file))?;
            texts.push(((*name).to_owned(), text));
        }
    }
    match texts.is_empty() {
        false => Ok(texts),
        true => Err(Error::usage("there is no template in this directory")
            .in_file(dir)
            .help("write out the built-in ones with `import templates DIR`, and keep those that you change")),
    }
}

/// Writes the built-in templates into a directory, which is made if it is not there; gives their paths.
///
/// # Errors
/// When one of them is there already, or cannot be written.
pub fn write_templates(dir: &Path) -> Result<Vec<PathBuf>> {
    let files: Vec<(PathBuf, &str)> = TEMPLATES
        .iter()
        .map(|(name, text)| (dir.join(name), *text))
        .collect();
    if let Some((file, _)) = files.iter().find(|(file, _)| file.exists()) {
        return Err(Error::usage("a file is there already").in_file(file));
    }
    let write = |file: &Path, text: &str| {
        fs::create_dir_all(file.parent().unwrap_or(dir))?;
        fs::write(file, text)
    };
    for (file, text) in &files {
        write(file, text).map_err(|error| Error::from(error).in_file(file))?;
    }
    Ok(files.into_iter().map(|(file, _)| file).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Convert, Framework};

    const FRAMEWORKS: [(Framework, &str); 2] =
        [(Framework::Candle, "candle"), (Framework::Burn, "burn")];

    /// A directory of its own for a test, empty.
    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("templates-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory");
        dir
    }

    fn converted(framework: Framework, dir: &Path, templates: Option<&Path>) -> Result<String> {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
        let convert = Convert::new(models.join("k3_mlp"))
            .framework(framework)
            .name("mlp")
            .out_dir(dir.join("out"));
        let convert = templates.iter().fold(convert, |c, dir| c.templates(dir));
        let report = convert.run()?;
        Ok(fs::read_to_string(report.source).expect("a source"))
    }

    #[test]
    fn the_templates_that_are_written_out_draw_the_same() {
        let dir = scratch("same");
        let overlay = dir.join("templates");
        let files = write_templates(&overlay).expect("templates");
        assert_eq!(files.len(), TEMPLATES.len());
        assert!(
            write_templates(&overlay).is_err(),
            "they are not overwritten"
        );
        for (framework, _) in FRAMEWORKS {
            let built_in = converted(framework, &dir, None).expect("a source");
            let overlaid = converted(framework, &dir, Some(&overlay)).expect("a source");
            assert_eq!(overlaid, built_in);
        }
        let _ = fs::remove_dir_all(dir);
    }

    #[test]
    fn a_licence_a_visibility_and_a_derive_are_a_users_choice() {
        let dir = scratch("overlay");
        for (framework, name) in FRAMEWORKS {
            let overlay = dir.join(format!("templates-{name}"));
            write_templates(&overlay).expect("templates");
            let change = |file: &str, from: &str, to: &str| {
                let file = overlay.join(name).join(file);
                let text = fs::read_to_string(&file).expect("a template");
                assert!(text.contains(from), "{file:?} has {from:?}");
                fs::write(file, text.replacen(from, to, 1)).expect("a template");
            };
            change("file.rs.tera", "{{ header }}", "// Ours.\n{{ header }}");
            change(
                "struct.rs.tera",
                "pub struct",
                "#[derive(Hash)]\npub(crate) struct",
            );
            let source = converted(framework, &dir, Some(&overlay)).expect("a source");
            assert!(source.starts_with("// Ours.\n// `mlp`"), "{source}");
            assert!(
                source.contains("#[derive(Hash)]\npub(crate) struct Mlp {"),
                "{source}"
            );
        }
        let _ = fs::remove_dir_all(dir);
    }

    #[test]
    fn a_broken_template_is_told_by_file_and_line() {
        let dir = scratch("broken");
        let file = dir.join("candle/struct.rs.tera");
        fs::create_dir_all(dir.join("candle")).expect("a directory");
        for broken in ["\n\n{% if %}", "\n\n{{ nothing.at.all }}"] {
            fs::write(&file, broken).expect("a template");
            let error = converted(Framework::Candle, &dir, Some(&dir)).expect_err("a fault");
            let words = error.to_string();
            assert_eq!(error.exit_code(), 2, "{words}");
            assert!(
                words.contains(&format!("{}:3: ", file.display())),
                "{words}"
            );
        }
        let _ = fs::remove_dir_all(dir);
    }

    #[test]
    fn a_directory_without_templates_is_no_overlay() {
        let dir = scratch("none");
        let error = converted(Framework::Burn, &dir, Some(&dir)).expect_err("a fault");
        assert_eq!(error.exit_code(), 2, "{error}");
        let _ = fs::remove_dir_all(dir);
    }

    #[test]
    fn every_template_is_listed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../codegen-templates/templates");
        let dirs = fs::read_dir(&root).expect("templates");
        let files =
            dirs.flat_map(|dir| fs::read_dir(dir.expect("an entry").path()).expect("files"));
        let mut names: Vec<String> = files
            .map(|file| file.expect("an entry").path())
            .filter_map(|file| Some(file.strip_prefix(&root).ok()?.display().to_string()))
            .collect();
        names.sort();
        let listed: Vec<&str> = TEMPLATES.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names, listed,
            "list the templates in codegen-templates/src/lib.rs"
        );
    }
}
