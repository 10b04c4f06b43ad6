//! The modules that a conversion would make, and what each framework lacks.

use serde::Serialize;

use crate::codegen::device;
use crate::picture::{self, Picture};
use crate::pipeline::{self, Modules};
use crate::report::{Failure, failures};
use crate::saved_model::SavedModel;
use crate::{Framework, Options, SavedModel as Model};

/// More modules than this are not listed.
const MAX_ROWS: usize = 20_000;

/// What `import convert` would say for a framework.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Conversion {
    /// The framework.
    pub framework: Framework,
    /// The methods that the module would have; none if it cannot be made.
    pub methods: Vec<String>,
    /// Why there would be no module.
    pub failures: Vec<Failure>,
    /// Why functions that are no signatures would have no method.
    pub left_out: Vec<Failure>,
    /// The steps of the module that run on the host while the rest runs on a GPU, and why.
    pub host: Vec<Failure>,
    /// The functions that `--keep-going` would convert where there would be no module.
    pub convertible: Vec<String>,
}

/// A field of the generated module, or of a module in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModuleRow {
    /// The path of the field from the model, which is the prefix of its weights' keys. In a row of modules, the inside of
    /// one that has the most weights stands for all.
    pub path: String,
    /// The field's name.
    pub name: String,
    /// How many fields lead to it.
    pub depth: usize,
    /// The type: a generated struct, or a layer with its settings.
    pub what: String,
    /// How many modules it is, if it is a row of them.
    pub count: Option<usize>,
    /// How many numbers its weights have.
    pub parameters: u64,
}

/// What a conversion would give, for candle and for burn, and the modules that it would have.
pub fn conversions(model: &Model) -> (Vec<Conversion>, Vec<ModuleRow>) {
    let convert = |framework| {
        let options = Options::new(framework, "model");
        pipeline::compile(model, &options)
    };
    let (candle, burn) = rayon::join(|| convert(Framework::Candle), || convert(Framework::Burn));
    let mut rows = vec![];
    let mut conversions = vec![];
    for (framework, compiled) in [(Framework::Candle, candle), (Framework::Burn, burn)] {
        let mut conversion = Conversion {
            framework,
            methods: vec![],
            failures: vec![],
            left_out: vec![],
            host: vec![],
            convertible: vec![],
        };
        match compiled {
            Ok(compiled) => {
                conversion.methods = compiled.methods;
                conversion.left_out = compiled.left_out.iter().flat_map(failures).collect();
                conversion.host = on_host(&compiled.modules, framework);
                if rows.is_empty() {
                    rows = tree(model, &compiled.modules);
                }
            }
            Err(error) => {
                conversion.failures = failures(&error);
                conversion.convertible = error.convertible().to_vec();
            }
        }
        conversions.push(conversion);
    }
    (conversions, rows)
}

fn on_host(modules: &Modules, framework: Framework) -> Vec<Failure> {
    let steps = device::steps(&modules.plan, framework).into_iter();
    steps
        .map(|(reason, step)| Failure::new("host", reason.to_owned(), step.place()))
        .collect()
}

fn tree(model: &SavedModel, modules: &Modules) -> Vec<ModuleRow> {
    let picture = picture::of_modules(model, modules);
    let mut rows = vec![];
    add(&picture, 0, "", 0, &mut rows);
    rows
}

/// The module of a row that has the most weights.
fn fullest(picture: &Picture, row: &str, count: usize) -> String {
    let paths = (0..count.min(1_000)).map(|index| format!("{row}.{index}"));
    let weights = |path: &String| picture.weights_below(path).len();
    // Of equals, `max_by_key` takes the last.
    let fullest = paths.rev().max_by_key(weights);
    fullest.unwrap_or_else(|| format!("{row}.0"))
}

/// Adds the fields of a module, each before its own. Types nest only as deep as layer paths do.
fn add(picture: &Picture, module: usize, around: &str, depth: usize, rows: &mut Vec<ModuleRow>) {
    let Some(module) = picture.modules.get(module) else {
        return;
    };
    for field in &module.fields {
        if rows.len() >= MAX_ROWS {
            return;
        }
        let path = match around {
            "" => field.name.clone(),
            around => format!("{around}.{}", field.name),
        };
        let ty = field.module.and_then(|ty| picture.modules.get(ty));
        let weights = picture
            .weights_below(&path)
            .iter()
            .map(|weight| weight.parameters);
        rows.push(ModuleRow {
            path: path.clone(),
            name: field.name.clone(),
            depth,
            what: ty.map_or_else(|| field.what.clone(), |ty| ty.name.clone()),
            count: field.count,
            parameters: weights.fold(0, u64::saturating_add),
        });
        if let Some(ty) = field.module {
            let example = match field.count {
                Some(count) => fullest(picture, &path, count),
                None => path,
            };
            add(picture, ty, &example, depth + 1, rows);
        }
    }
}
