//! Numbers that are joined with others at indices.

use burn::tensor::{IndexingUpdateOp, Int, Tensor};

/// `TensorScatterMax` and `TensorScatterMin`: the extreme of `x` and the updates of each place, whose gradient goes to equal
/// ones in equal shares. `join` is `Max` or `Min`.
pub fn extremes<const D: usize, const DI: usize, const DV: usize>(
    x: Tensor<D>,
    indices: Tensor<DI, Int>,
    updates: Tensor<DV>,
    join: IndexingUpdateOp,
) -> Tensor<D> {
    let extreme = x.clone().detach();
    let extreme = extreme.scatter_nd(indices.clone(), updates.clone().detach(), join);
    let of_updates: Tensor<DV> = extreme.clone().gather_nd(indices.clone());
    let (ours, theirs) = (x.clone().equal(extreme), updates.clone().equal(of_updates));
    let add = |x: Tensor<D>, updates: Tensor<DV>| {
        x.scatter_nd(indices.clone(), updates, IndexingUpdateOp::Add)
    };
    let count = add(ours.clone().float(), theirs.clone().float());
    let sum = add(
        x.mask_fill(ours.bool_not(), 0.0),
        updates.mask_fill(theirs.bool_not(), 0.0),
    );
    sum / count
}
