//! What `tf.saved_model.load` must do, case by case: each folder has a model and an `expect.json` with the steps to take
//! and what TensorFlow gave.

mod check;
mod facts;
mod values;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use savedmodel_import::eval::Tensor;
use savedmodel_import::saved_model::VariablePolicy;
use savedmodel_import::{Arguments, LoadOptions, Names, Nest, Object, SavedModel};
use serde_json::Value as Json;

use crate::{Context, Result, npz};

/// What Rust cannot mean anything by, with the reason. Part of a case may still be checked.
pub const MEANINGLESS: [(&str, &str); 1] = [(
    "captured_dataset",
    "a tf.data iterator: the case is optional, and a clear refusal to call counts",
)];

/// A case.
#[derive(Debug)]
pub struct Case {
    /// Its name.
    pub name: String,
    dir: PathBuf,
}

/// The cases of a folder, by name.
pub fn find(folder: &Path, filters: &[String]) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).context(folder)? {
        let dir = entry?.path();
        let name = dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let wanted = filters.is_empty() || filters.iter().any(|filter| name.contains(filter));
        if wanted && dir.join("expect.json").is_file() {
            cases.push(Case { name, dir });
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// Why the case does not hold; `None` if it does.
pub fn judge(case: &Case) -> Option<String> {
    let run = || Replay::new(&case.dir).and_then(|replay| replay.run());
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("a panic".to_owned()),
    }
}

/// A case with its numbers.
pub(crate) struct Replay {
    dir: PathBuf,
    expect: Json,
    golden: BTreeMap<String, Tensor>,
}

impl Replay {
    fn new(dir: &Path) -> Result<Replay> {
        let expect = dir.join("expect.json");
        let golden = dir.join("golden.npz");
        Ok(Replay {
            dir: dir.to_owned(),
            expect: serde_json::from_str(&fs::read_to_string(&expect).context(&expect)?)?,
            golden: match golden.exists() {
                true => npz::tensors(&golden)?,
                false => BTreeMap::new(),
            },
        })
    }

    fn run(&self) -> Result<()> {
        for wanted in list(&self.expect["load_errors"]) {
            self.check_load_error(wanted)?;
        }
        if self.expect["load"].is_null() {
            return Ok(());
        }
        for also in list(&self.expect["loads_also"]) {
            self.load(also)?;
        }
        let model = self.load(&self.expect["load"])?;
        let root = match self.expect["load"]["then_root_is"].as_str() {
            Some(path) => model.object(&path.trim_start_matches("root.").replace('.', "/"))?,
            None => model.root(),
        };
        check::objects(self, &root)?;
        facts::check(self, &model)?;
        for (index, step) in list(&self.expect["steps"]).iter().enumerate() {
            let op = text(&step["op"]);
            self.step(&model, &root, op, step)
                .map_err(|why| format!("step {index} {op} {}: {why}", text(&step["target"])))?;
        }
        Ok(())
    }

    fn check_load_error(&self, wanted: &Json) -> Result<()> {
        if list(&wanted["partial"])
            .iter()
            .any(|path| !path.is_string())
        {
            return Ok(());
        }
        match self.load(wanted) {
            Ok(_) => Err("the load should have failed".into()),
            Err(error) => contains(&error.to_string(), text(&wanted["contains"])),
        }
    }

    fn load(&self, spec: &Json) -> Result<SavedModel> {
        let mut options = LoadOptions::new();
        if let Some(tag) = spec["tags"].as_str() {
            options = options.tags([tag]);
        }
        if let Some(tags) = spec["tags"].as_array() {
            options = options.tags(tags.iter().filter_map(Json::as_str));
        }
        if let Some(paths) = spec["partial"].as_array() {
            options = options.only(paths.iter().filter_map(Json::as_str));
        }
        for (name, value) in spec["options"].as_object().into_iter().flatten() {
            let flag = value.as_bool().unwrap_or(false);
            options = match name.as_str() {
                "allow_partial_checkpoint" => options.allow_partial_checkpoint(flag),
                "experimental_skip_checkpoint" => options.skip_checkpoint(flag),
                "experimental_load_function_aliases" => options.function_aliases(flag),
                "experimental_io_device" => options.io_device(text(value)),
                "experimental_variable_policy" => {
                    options.variable_policy(text(value).parse::<VariablePolicy>()?)
                }
                other => return Err(format!("the option {other} is not known").into()),
            };
        }
        Ok(options.load(self.dir.join("model"))?)
    }

    fn step(&self, model: &SavedModel, root: &Object<'_>, op: &str, step: &Json) -> Result<()> {
        let target = || check::get(root, text(&step["target"]));
        match op {
            "check_variables" => check::variables(self, root, list(&step["paths"])),
            "value" => self.check(&target()?.value()?, &step["equals"]),
            "assign" => {
                let value = self.make(model, &step["value"])?;
                Ok(target()?.variable()?.assign(value)?)
            }
            "restore" => Ok(model.restore(self.dir.join(text(&step["prefix"])))?),
            "prune" | "call" => {
                let call = || -> Result<Nest> {
                    let function = match op {
                        "prune" => model.prune(names(&step["feeds"]), names(&step["fetches"]))?,
                        _ => target()?.function()?,
                    };
                    Ok(function.call(self.arguments(model, step)?)?)
                };
                self.check_call(call(), step)
            }
            other => Err(format!("the step {other} is not known").into()),
        }
    }

    fn check_call(&self, result: Result<Nest>, step: &Json) -> Result<()> {
        match (result, &step["error"]) {
            (Ok(result), Json::Null) => self.check(&result, &step["returns"]),
            (Ok(_), _) => Err("the call should have failed".into()),
            (Err(error), Json::Null) if self.expect["optional"] == true => {
                contains(&error.to_string(), "not supported")
            }
            (Err(error), Json::Null) => Err(error),
            (Err(error), wanted) => contains(&error.to_string(), text(&wanted["contains"])),
        }
    }

    fn arguments(&self, model: &SavedModel, step: &Json) -> Result<Arguments> {
        let mut arguments = Arguments::new();
        for argument in list(&step["args"]) {
            arguments = arguments.arg(self.make(model, argument)?);
        }
        for (name, argument) in step["kwargs"].as_object().into_iter().flatten() {
            arguments = arguments.kwarg(name.as_str(), self.make(model, argument)?);
        }
        Ok(arguments)
    }
}

fn contains(error: &str, words: &str) -> Result<()> {
    match error.contains(words) {
        true => Ok(()),
        false => Err(format!("the error should say `{words}`: {error}").into()),
    }
}

fn names(json: &Json) -> Names {
    match json {
        Json::Array(items) => Names::list(items.iter().map(names)),
        Json::Object(items) => Names::dict(items.iter().map(|(k, v)| (k.as_str(), names(v)))),
        other => Names::from(text(other)),
    }
}

pub(crate) fn text(json: &Json) -> &str {
    json.as_str().unwrap_or_default()
}

pub(crate) fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}
