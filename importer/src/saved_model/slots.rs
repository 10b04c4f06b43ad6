//! The values that optimizers keep beside variables, and a model without them.

use std::collections::{BTreeMap, BTreeSet};

use savedmodel_import_proto::prost::Message;
use savedmodel_import_proto::saved_object::Kind;
use savedmodel_import_proto::{SavedUserObject, VersionDef};

use super::objects::{CHECKPOINT_GRAPH, ObjectGraph, checkpoint_graph};
use super::splice::{edit, fields, write_message};
use super::{SavedModel, file};
use crate::{Error, Result};

/// `meta_graphs`, `object_graph_def`, `nodes` of a SavedModel.
const OBJECTS: [u32; 3] = [2, 7, 1];
/// `slot_variables`, `user_object` and `variable` of an object.
const SLOT_VARIABLES: u32 = 3;
const USER_OBJECT: u32 = 4;
const VARIABLE: u32 = 7;

/// The slots of a model's optimizers.
pub(crate) struct Slots {
    /// The ids of their objects.
    objects: BTreeSet<usize>,
    /// Their keys in the checkpoint.
    pub(crate) keys: BTreeSet<String>,
}

impl SavedModel {
    /// The slots of the model's optimizers.
    ///
    /// # Errors
    /// When the model cannot do without them: a function captures them, or a TF1 graph restores all that it has.
    pub(crate) fn slots(&self) -> Result<Slots> {
        let Some(objects) = self.objects() else {
            return Err(Error::usage(
                "the slots of a TF1 model cannot be dropped: its graph restores them by name",
            )
            .help("leave --drop-slots out"));
        };
        let found = slot_objects(objects);
        check_captures(objects, &found)?;
        let variables = self.variables().iter();
        let slots = variables.filter(|v| v.object_id.is_some_and(|id| found.contains(&id)));
        Ok(Slots {
            keys: slots.filter_map(|v| v.checkpoint_key.clone()).collect(),
            objects: found,
        })
    }

    /// The checkpoint's object graph without `slots`, as the strings of its tensor.
    pub(crate) fn checkpoint_graph_without(
        &self,
        slots: &Slots,
    ) -> Result<BTreeMap<String, Vec<Vec<u8>>>> {
        let Some(bundle) = self.bundle().filter(|_| !slots.keys.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let mut graph = checkpoint_graph(bundle)?;
        let mut gone = BTreeSet::new();
        for (id, node) in graph.nodes.iter_mut().enumerate() {
            let dropped = |key: &str| slots.keys.contains(key);
            if node.attributes.iter().any(|a| dropped(&a.checkpoint_key)) {
                node.attributes.clear();
                gone.insert(id as i32);
            }
        }
        for node in &mut graph.nodes {
            node.slot_variables
                .retain(|slot| !gone.contains(&slot.slot_variable_node_id));
        }
        let text = vec![graph.encode_to_vec()];
        Ok(BTreeMap::from([(CHECKPOINT_GRAPH.to_owned(), text)]))
    }

    /// The bytes of `saved_model.pb` with plain objects where the slots were.
    pub(crate) fn message_without(&self, slots: &Slots) -> Result<Vec<u8>> {
        let path = self.dir.join("saved_model.pb");
        let bytes = file::map(&path)?;
        edit(&bytes, &OBJECTS, &mut |id, object| {
            without_slots(object, slots.objects.contains(&id))
        })
        .ok_or_else(|| Error::malformed("cannot parse the file").in_file(&path))
    }
}

fn slot_objects(objects: &ObjectGraph) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for (id, object) in objects.nodes() {
        let slots = object.slot_variables.iter();
        found.extend(slots.map(|slot| slot.slot_variable_node_id as usize));
        // Keras' optimizers since 2.11 hold their slots as a list of variables, with the two of their own.
        let named = |name| objects.child(id, name);
        if let (Some(step), Some(list)) = (named("_iterations"), named("_variables")) {
            let own = [Some(step), named("_learning_rate")];
            let held = objects.children(list).map(|(child, _)| child);
            found.extend(held.filter(|child| !own.contains(&Some(*child))));
        }
    }
    found.retain(|&id| matches!(objects.kind(id), Some(Kind::Variable(_))));
    found
}

fn check_captures(objects: &ObjectGraph, slots: &BTreeSet<usize>) -> Result<()> {
    let is_slot = |id: &i32| usize::try_from(*id).is_ok_and(|id| slots.contains(&id));
    let functions = objects.concrete_functions().iter();
    let mut capturing = functions.filter(|(_, f)| f.bound_inputs.iter().any(is_slot));
    match capturing.next() {
        None => Ok(()),
        Some((name, _)) => Err(Error::usage(format!(
            "the slots cannot be dropped: function `{name}` uses them"
        ))
        .help("leave --drop-slots out")),
    }
}

/// An object's new bytes, if it has slots or is one.
fn without_slots(object: &[u8], is_slot: bool) -> Option<Vec<u8>> {
    let fields = fields(object)?;
    if !is_slot && !fields.iter().any(|field| field.number == SLOT_VARIABLES) {
        return None;
    }
    let mut out = Vec::with_capacity(object.len());
    for field in fields {
        match field.number {
            SLOT_VARIABLES => {}
            VARIABLE if is_slot => {
                write_message(&mut out, USER_OBJECT, &plain_object().encode_to_vec());
            }
            _ => out.extend_from_slice(field.raw),
        }
    }
    Some(out)
}

fn plain_object() -> SavedUserObject {
    SavedUserObject {
        identifier: "_generic_user_object".to_owned(),
        version: Some(VersionDef {
            producer: 1,
            min_consumer: 1,
            ..VersionDef::default()
        }),
        ..SavedUserObject::default()
    }
}
