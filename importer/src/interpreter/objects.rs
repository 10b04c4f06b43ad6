//! Captures: variables, constants, assets, and resources, which are made by functions of the model.

use super::state::Resource;
use super::value::Value;
use super::{Machine, ops};
use crate::error::{Error, ErrorKind, Place, Result};
use crate::saved_model::Capture;
use savedmodel_import_proto::attr_value;
use savedmodel_import_proto::saved_object::Kind;

impl Machine<'_> {
    /// What an argument beyond the inputs is bound to.
    pub(super) fn captured(&mut self, capture: &Capture) -> Result<Value> {
        match capture {
            Capture::Variable(index) => Ok(Value::Resource(self.variable(*index)?)),
            Capture::Constant(node) => self.constant_node(node),
            Capture::Asset(index) => self.asset(*index),
            Capture::Resource(object) => self.object(*object),
            Capture::Tensor { function, tensor } => Err(Error::unsupported(format!(
                "the capture of `{tensor}` inside `{function}`"
            ))),
        }
    }

    fn constant_node(&self, name: &str) -> Result<Value> {
        let missing = || Error::malformed(format!("there is no constant `{name}`"));
        let node = self.model.main_node(name).ok_or_else(missing)?;
        let value = node.attr.get("value").and_then(|attr| attr.value.as_ref());
        match value {
            Some(attr_value::Value::Tensor(proto)) => Ok(crate::lower::tensor(proto)?.into()),
            _ => Err(missing()),
        }
    }

    /// The handle of a resource object: made by its `_create_resource`, filled by its `_initialize`, and where it is in
    /// the checkpoint from there.
    pub(super) fn object(&mut self, object: usize) -> Result<Value> {
        if let Some(handle) = self.state.objects.get(&object) {
            return Ok(handle.clone());
        }
        let place = Place {
            object: Some(format!("object {object}")),
            ..Place::default()
        };
        let handle = self.create(object).map_err(|error| error.at(&place))?;
        self.state.objects.insert(object, handle.clone());
        let ready = self.fill(object, &handle).map_err(|error| error.at(&place));
        if ready.is_err() {
            self.state.objects.remove(&object);
        }
        ready.map(|()| handle)
    }

    fn create(&mut self, object: usize) -> Result<Value> {
        let Some(function) = self.method(object, "_create_resource") else {
            return Ok(Value::Resource(self.state.add(Resource::Token)));
        };
        let handle = self.concrete(&function, vec![])?.into_iter().next();
        handle.ok_or_else(|| Error::malformed("`_create_resource` gives nothing"))
    }

    fn fill(&mut self, object: usize, handle: &Value) -> Result<()> {
        if self.restores_itself(object) {
            self.restore_object(object)?;
        } else if let Some((keys, values)) = self.table_keys(object) {
            ops::table::restore(self, handle, &keys, &values)?;
        }
        if let Some(function) = self.method(object, "_initialize") {
            self.concrete(&function, vec![])?;
        }
        Ok(())
    }

    /// The checkpoint's keys of a table's keys and values.
    fn table_keys(&self, object: usize) -> Option<(String, String)> {
        let bundle = self.model.bundle()?;
        let pairs = self.model.object_values(object).map(|(_, key)| {
            let stem = key.strip_suffix("-keys").unwrap_or(key);
            (format!("{stem}-keys"), format!("{stem}-values"))
        });
        let mut stored = pairs.into_iter().filter(|(keys, values)| {
            bundle.entries().contains_key(keys) && bundle.entries().contains_key(values)
        });
        stored.next()
    }

    /// Makes and fills every resource object, in stored order, or runs what initialises a TF1 model. What is not
    /// supported is left until it is used.
    pub(super) fn prepare(&mut self) -> Result<()> {
        let prepared = match self.model.objects() {
            None => vec![self.initialise()],
            Some(objects) => {
                let is_resource = |id: &usize| matches!(objects.kind(*id), Some(Kind::Resource(_)));
                let restored = self.restore_objects();
                let resources = (0..objects.len()).filter(is_resource);
                let made = resources.map(|id| self.object(id).map(drop));
                std::iter::once(restored).chain(made).collect()
            }
        };
        let broken = prepared
            .into_iter()
            .filter_map(Result::err)
            .find(|error| matches!(error.kind(), ErrorKind::Malformed(_) | ErrorKind::Io(_)));
        broken.map_or(Ok(()), Err)
    }

    /// The function that an object's method runs.
    fn method(&self, object: usize, name: &str) -> Option<String> {
        self.function_of(self.model.objects()?.child(object, name)?)
    }
}
