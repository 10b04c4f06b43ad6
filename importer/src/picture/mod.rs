//! Pictures of models: the module tree and its dataflow.
//!
//! What one sees is what the generated code is: `from_plan` draws the structs and methods that a conversion prints. A
//! function that cannot be converted is drawn from TensorFlow's graph (`from_flat`), with its name scopes as modules
//! and the ops marked that are not supported. `group` cuts what is too large for one drawing, `layers` finds rows.
//! A page for a browser lays them out itself; for SVG and DOT, `unfold` chooses what is drawn inside what, and
//! `place` gives coordinates.

mod block;
mod caption;
mod dot;
mod from_flat;
mod from_plan;
mod group;
mod html;
mod instances;
mod layers;
mod model;
mod place;
mod scopes;
mod svg;
mod text;
mod unfold;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

pub(crate) use text::thousands;

pub use model::{Edge, Field, Instance, Kind, Method, Module, Node, Picture, Slot, Weight};

use crate::options::module_name;
use crate::pipeline::{Modules, Recovered, recover};
use crate::plan::ident::camel;
use crate::saved_model::SavedModel;
use crate::staging::Staging;
use crate::{Error, Framework, Options, Result, failures};

/// The kinds of file that a picture can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Graphviz's language.
    Dot,
    /// A standalone SVG.
    Svg,
    /// A page for a browser, on which modules fold and unfold.
    Html,
}

impl Format {
    /// The format of a file, by its extension.
    ///
    /// # Errors
    /// For any but `.dot`, `.svg` and `.html`.
    pub fn of(file: &Path) -> Result<Self> {
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        extension
            .parse()
            .map_err(|error: Error| error.in_file(file))
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "dot" | "gv" => Ok(Format::Dot),
            "svg" => Ok(Format::Svg),
            "html" => Ok(Format::Html),
            other => Err(Error::usage(format!("`{other}` is no kind of picture"))
                .help("name a file that ends in .svg, .dot or .html")),
        }
    }
}

/// Draws signatures and functions of `model`, by their keys and paths; everything that is public if none is named.
///
/// ```
/// # fn main() -> savedmodel_import::Result<()> {
/// # let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/loader");
/// # let dir = folder.join("docstring/model");
/// use savedmodel_import::SavedModel;
/// use savedmodel_import::picture::{Format, draw};
///
/// let picture = draw(&SavedModel::load(dir)?, &[], &[])?;
/// assert!(picture.render(Format::Svg)?.starts_with("<svg"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When there is no such signature or function, or the model is too broken to be drawn at all.
pub fn draw(model: &SavedModel, signatures: &[String], functions: &[String]) -> Result<Picture> {
    let stem = model.dir.file_name().unwrap_or_default().to_string_lossy();
    let name = module_name(&stem);
    let mut options = Options::new(Framework::Candle, &name);
    options.signatures = signatures.to_vec();
    options.functions = functions.to_vec();
    let recovered = recover(model, &options)?;
    let mut picture = Picture {
        tensorflow: model.tensorflow_version.clone(),
        tags: model.tags.clone(),
        ..Picture::default()
    };
    fill(&mut picture, model, &recovered, &name);
    picture.name = name;
    finish(&mut picture);
    Ok(picture)
}

/// Cuts what is too large for one drawing, and finds the rows of all.
fn finish(picture: &mut Picture) {
    group::cut_large(picture);
    let modules = picture.modules.iter_mut();
    for method in modules.flat_map(|module| &mut module.methods) {
        method.rows = layers::rows(method);
    }
}

/// The modules that generated code has, without their drawings' rows.
pub(crate) fn of_modules(model: &SavedModel, modules: &Modules) -> Picture {
    let mut picture = Picture::default();
    let params = &modules.lowered.program.params;
    let exported = &modules.lowered.exported;
    from_plan::add(&mut picture, model, params, &modules.plan, exported);
    picture
}

fn fill(picture: &mut Picture, model: &SavedModel, recovered: &Recovered, name: &str) {
    match &recovered.modules {
        Some(modules) => {
            let params = &modules.lowered.program.params;
            from_plan::add(
                picture,
                model,
                params,
                &modules.plan,
                &modules.lowered.exported,
            );
        }
        None => picture.modules.push(Module {
            name: camel(name),
            note: "The model, from TensorFlow's graph.".to_owned(),
            is_scope: true,
            instances: vec![Instance::default()],
            ..Module::default()
        }),
    }
    let first = picture.modules.len();
    let methods = picture.modules[0].methods.len();
    for rest in &recovered.rest {
        picture.failures.extend(rest.why.iter().flat_map(failures));
        from_flat::add(picture, rest, &recovered.params);
    }
    place_weights(picture, model, recovered, first, methods);
}

/// Replaces the variables of flat drawings by their places among the picture's weights.
fn place_weights(
    picture: &mut Picture,
    model: &SavedModel,
    recovered: &Recovered,
    first: usize,
    methods: usize,
) {
    let mut known: BTreeMap<(String, String), Weight> = std::mem::take(&mut picture.weights)
        .into_iter()
        .map(|weight| ((weight.name.clone(), weight.checkpoint_key.clone()), weight))
        .collect();
    let name = |param: usize| {
        let weight = from_plan::named_weight(model, recovered.params.get(param)?, "");
        Some(((weight.name.clone(), weight.checkpoint_key.clone()), weight))
    };
    let (root, scopes) = picture.modules.split_at_mut(first);
    let own = root.first_mut().into_iter();
    let own = own.flat_map(|root| root.methods.iter_mut().skip(methods));
    let all = own.chain(scopes.iter_mut().flat_map(|module| &mut module.methods));
    let mut nodes: Vec<&mut Node> = all.flat_map(|method| &mut method.boxes).collect();
    for (id, weight) in nodes
        .iter()
        .flat_map(|node| &node.weights)
        .filter_map(|&p| name(p))
    {
        let key = weight.name.clone();
        known.entry(id).or_insert(Weight { key, ..weight });
    }
    let mut sorted: Vec<((String, String), Weight)> = known.into_iter().collect();
    sorted.sort_by(|a, b| a.1.key.cmp(&b.1.key));
    let place: BTreeMap<&(String, String), usize> =
        sorted.iter().map(|(id, _)| id).zip(0..).collect();
    for node in &mut nodes {
        let index = |&param: &usize| place.get(&name(param)?.0).copied();
        node.weights = node.weights.iter().filter_map(index).collect();
    }
    picture.weights = sorted.into_iter().map(|(_, weight)| weight).collect();
}

impl Picture {
    /// The picture as a file of this kind. Equal pictures give equal text.
    ///
    /// # Errors
    /// None for pictures that [`draw`] made.
    pub fn render(&self, format: Format) -> Result<String> {
        match format {
            Format::Dot => Ok(dot::dot(self)),
            Format::Svg => svg::svg(self),
            Format::Html => html::html(self),
        }
    }

    /// Writes the picture to a file, whole or not at all; its extension says of what kind it is.
    ///
    /// # Errors
    /// When the extension is unknown or the file cannot be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        let text = self.render(Format::of(file)?)?;
        let folder = file.parent().filter(|dir| !dir.as_os_str().is_empty());
        let mut staging = Staging::new(folder.unwrap_or(Path::new(".")))?;
        staging.write_elsewhere(file, &text)?;
        staging.publish()
    }
}
