//! The tensors of the weights file, in the order of their fields.

use super::body::Held;
use super::emit::Emitter;
use super::layers::letters;
use super::paths::Path;
use crate::error::Result;
use crate::plan::Weight;
use crate::plan::target::WeightLayout;

impl Emitter<'_> {
    /// All of them.
    pub(super) fn weights(&self, target: &dyn WeightLayout) -> Result<Vec<Weight>> {
        let mut weights = vec![];
        self.module_weights(&vec![], "", target, &mut weights)?;
        Ok(weights)
    }

    fn module_weights(
        &self,
        path: &Path,
        prefix: &str,
        target: &dyn WeightLayout,
        out: &mut Vec<Weight>,
    ) -> Result<()> {
        let index = self.types.of[path];
        let ty = &self.types.types[index];
        let Some(instance) = ty.instances.iter().find(|instance| &instance.path == path) else {
            return Ok(());
        };
        for (field, held) in instance.fields.iter().enumerate() {
            let Some(held) = held else { continue };
            let key = format!("{prefix}{}", self.fields[index][field]);
            let below = |name: &str| [path.as_slice(), &[name.to_owned()]].concat();
            // A merged type's field may be called otherwise in this instance only by its row's number.
            match held {
                Held::Layer(layer) => self.layer_weights(*layer, &key, target, out)?,
                Held::Module => self.module_weights(
                    &below(&ty.module.fields[field].0),
                    &format!("{key}."),
                    target,
                    out,
                )?,
                Held::Modules(names) => {
                    for (i, name) in names.iter().enumerate() {
                        self.module_weights(&below(name), &format!("{key}.{i}."), target, out)?;
                    }
                }
                Held::Param(param) => {
                    let rank = self.program.params[param.0 as usize].ty.rank().unwrap_or(0);
                    out.push(Weight {
                        param: *param,
                        key,
                        layout: target.parameter(rank)?,
                    });
                }
                Held::Flag(_) => {}
            }
        }
        Ok(())
    }

    fn layer_weights(
        &self,
        layer: usize,
        key: &str,
        target: &dyn WeightLayout,
        out: &mut Vec<Weight>,
    ) -> Result<()> {
        let info = &self.items.layers[layer];
        for slot in target.slots(&info.layer) {
            let Some((_, view)) = info.weights.iter().find(|(role, _)| *role == slot.role) else {
                continue;
            };
            let layout = view.layout(
                &slot.axes,
                letters(&info.layer, slot.role, view.shape.len()),
            )?;
            out.push(Weight {
                param: view.param,
                key: format!("{key}.{}", slot.key),
                layout,
            });
        }
        Ok(())
    }
}
