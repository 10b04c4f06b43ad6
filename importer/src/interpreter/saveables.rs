//! Objects that restore themselves: a function of the model takes what the checkpoint has of them.

use super::Machine;
use super::value::Value;
use super::variables::of_checkpoint;
use crate::error::{Error, Result};
use crate::eval::Tensor;
use savedmodel_import_proto::saved_object::Kind;
use std::sync::Arc;

/// The name under which one function restores the whole of an object.
const WHOLE: &str = ".TENSORS";

/// An attribute that is restored by a function.
struct Saveable {
    name: String,
    save: usize,
    restore: usize,
}

impl Machine<'_> {
    /// Whether functions of the model restore this object.
    pub(super) fn restores_itself(&self, object: usize) -> bool {
        !self.saveables(object).is_empty()
    }

    /// Restores what restores itself and is no resource, once.
    pub(super) fn restore_objects(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.state.is_restored, true) {
            return Ok(());
        }
        let Some(objects) = self.model.objects() else {
            return Ok(());
        };
        let is_plain = |id: &usize| !matches!(objects.kind(*id), Some(Kind::Resource(_)));
        for id in (0..objects.len()).filter(is_plain) {
            self.restore_object(id)?;
        }
        Ok(())
    }

    /// Runs what restores the object, over the checkpoint's tensors. Without a checkpoint nothing is restored.
    pub(super) fn restore_object(&mut self, object: usize) -> Result<()> {
        let model = self.model;
        if model.bundle().is_none() || model.object_values(object).next().is_none() {
            return Ok(());
        }
        for saveable in self.saveables(object) {
            let tensors = match saveable.name.as_str() {
                WHOLE => self.all_tensors(object)?,
                name => self.named_tensors(object, name, saveable.save)?,
            };
            let restore = self.function_of(saveable.restore);
            let missing = || Error::malformed("what restores the object is not a function");
            self.concrete(&restore.ok_or_else(missing)?, tensors)?;
        }
        Ok(())
    }

    fn saveables(&self, object: usize) -> Vec<Saveable> {
        let node = self.model.objects().and_then(|objects| objects.get(object));
        let stored = node.into_iter().flat_map(|node| &node.saveable_objects);
        let id = |id: i32| usize::try_from(id).unwrap_or(usize::MAX);
        let saveable =
            |(name, ids): (&String, &savedmodel_import_proto::SaveableObject)| Saveable {
                name: name.clone(),
                save: id(ids.save_function),
                restore: id(ids.restore_function),
            };
        stored.map(saveable).collect()
    }

    /// The object's tensors, in the order of their names, as a function that takes them in a dict has them.
    fn all_tensors(&self, object: usize) -> Result<Vec<Value>> {
        let values = self.model.object_values(object);
        values
            .map(|(_, key)| Ok(of_checkpoint(self.model, key)?.into()))
            .collect()
    }

    /// The tensors of one attribute, in the order in which the function that saves it gives them.
    fn named_tensors(&mut self, object: usize, name: &str, save: usize) -> Result<Vec<Value>> {
        let model = self.model;
        let missing = || Error::malformed(format!("the checkpoint has no `{name}` of the object"));
        let (_, key) = model
            .object_values(object)
            .find(|(attribute, _)| *attribute == name)
            .ok_or_else(missing)?;
        let save = self
            .function_of(save)
            .ok_or_else(|| Error::malformed("what saves the object is not a function"))?;
        let nothing = Tensor::new(&[], vec![Vec::<u8>::new()])?;
        let saved = self.concrete(&save, vec![nothing.into()])?;
        // Each tensor comes as a dict: its name, its slice, itself.
        let suffixes = saved.chunks_exact(3).map(|parts| suffix(&parts[0]));
        suffixes
            .map(|suffix| Ok(of_checkpoint(model, &format!("{key}{}", suffix?))?.into()))
            .collect()
    }

    /// The concrete function that an object is.
    pub(super) fn function_of(&self, object: usize) -> Option<String> {
        match self.model.objects()?.kind(object)? {
            Kind::Function(function) => function.concrete_functions.first().cloned(),
            Kind::BareConcreteFunction(bare) => Some(bare.concrete_function_name.clone()),
            Kind::UserObject(_)
            | Kind::Asset(_)
            | Kind::Variable(_)
            | Kind::Constant(_)
            | Kind::Resource(_)
            | Kind::CapturedTensor(_) => None,
        }
    }
}

fn suffix(name: &Value) -> Result<String> {
    let tensor: &Arc<Tensor> = name.tensor()?;
    let text = tensor.elements::<Vec<u8>>().and_then(<[_]>::first);
    let text = text.ok_or_else(|| Error::malformed("the name of a saved tensor is no string"))?;
    Ok(String::from_utf8_lossy(text).into_owned())
}
