//! Which tensor of the weights is which variable of the model.

use crate::manifest::Manifest;
use crate::pipeline::{self, is_complex, own_dtype, weight_dtype};
use crate::saved_model::{SavedModel, Variable, dtype_name};
use crate::weights::{Dtype, Layout};
use crate::{Error, Framework, Options, Place, Result, manifest};

/// All tensors of a module's weights, and what they are in the model.
pub(super) struct Correspondence {
    pub(super) framework: Framework,
    pub(super) rows: Vec<Row>,
}

/// A tensor of the weights.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) tensor: String,
    pub(super) home: Home,
    /// The shape in the model.
    pub(super) shape: Vec<usize>,
    /// The element type in the weights.
    pub(super) dtype: Dtype,
    /// The element type in the model.
    pub(super) own: Dtype,
    /// From the model's axes to those of the weights.
    pub(super) layout: Layout,
}

/// Where a tensor's values are in the model.
#[derive(Debug, PartialEq)]
pub(super) enum Home {
    /// In the checkpoint: the variable of this index.
    Checkpoint(usize),
    /// In the graph, which stays as it is: constants, and variables that the model sets itself when it is loaded.
    Graph,
}

impl Correspondence {
    /// As a manifest says it.
    ///
    /// # Errors
    /// When the manifest is of another model.
    pub(super) fn new(model: &SavedModel, manifest: &Manifest) -> Result<Self> {
        let framework = manifest.framework;
        let variables = manifest.variables.iter();
        let variables = variables.map(|row| variable(model, row, framework));
        let constants = manifest.constants.iter().map(constant);
        let mut rows = Vec::new();
        let mut errors = Vec::new();
        for row in variables.chain(constants) {
            match row {
                Ok(row) => rows.push(row),
                Err(error) => errors.push(error),
            }
        }
        match errors.is_empty() {
            true => Ok(Correspondence {
                framework: manifest.framework,
                rows,
            }),
            false => Err(Error::several(errors)),
        }
    }

    /// As a conversion of everything in the model for `framework` says it.
    pub(super) fn converted(
        model: &SavedModel,
        options: &Options,
        framework: Framework,
    ) -> Result<Self> {
        let options = Options {
            framework,
            ..options.clone()
        };
        let compiled = pipeline::compile(model, &options).map_err(|error| {
            error.help("name the manifest of the module that was tuned with --manifest")
        })?;
        Correspondence::new(model, &compiled.manifest)
    }

    /// The tensors that are variables, with the variables' indices.
    pub(super) fn variables(&self) -> impl Iterator<Item = (usize, &Row)> {
        self.rows.iter().filter_map(|row| match row.home {
            Home::Checkpoint(index) => Some((index, row)),
            Home::Graph => None,
        })
    }
}

fn variable(model: &SavedModel, row: &manifest::Variable, framework: Framework) -> Result<Row> {
    let same = |variable: &&Variable| {
        variable.name == row.name
            && variable.checkpoint_key.as_deref().unwrap_or_default() == row.checkpoint_key
    };
    let found = model.variables().iter().enumerate();
    let (index, variable) = found.into_iter().find(|(_, v)| same(v)).ok_or_else(|| {
        Error::usage(format!(
            "the model's checkpoint has no variable `{}` under `{}`",
            row.name, row.checkpoint_key
        ))
        .help("name the SavedModel that the module was converted from")
    })?;
    let place = |error: Error| {
        error.at(&Place {
            object: Some(row.tensor.clone()),
            ..Place::default()
        })
    };
    let unknown = || {
        let dtype = dtype_name(variable.dtype);
        place(Error::unsupported(format!("weights of {dtype}")))
    };
    let dtype = weight_dtype(variable.dtype, framework).ok_or_else(unknown)?;
    let own = own_dtype(variable.dtype).ok_or_else(unknown)?;
    let shape = variable.shape.iter().flatten();
    let shape = shape.map(|dim| dim.and_then(|dim| usize::try_from(dim).ok()));
    let shape = shape.chain(is_complex(variable.dtype).then_some(Some(2)));
    let shape: Option<Vec<usize>> = shape.collect();
    Ok(Row {
        tensor: row.tensor.clone(),
        home: match variable.checkpoint_key {
            Some(_) => Home::Checkpoint(index),
            None => Home::Graph,
        },
        shape: shape.unwrap_or_default(),
        dtype,
        own,
        layout: Layout::parse(&row.layout).map_err(place)?,
    })
}

fn constant(row: &manifest::Constant) -> Result<Row> {
    Ok(Row {
        tensor: row.tensor.clone(),
        home: Home::Graph,
        shape: row.shape.clone(),
        dtype: row.dtype,
        own: row.dtype,
        layout: Layout::parse(&row.layout)?,
    })
}
