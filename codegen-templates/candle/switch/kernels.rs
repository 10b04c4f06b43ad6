//! Stands in for `src/kernels.rs` in this crate, so that tests can take the path of a device without kernels.

use super::kernels_as_copied;
use candle_core::Device;
use std::cell::Cell;

thread_local! {
    static FOREIGN: Cell<bool> = const { Cell::new(false) };
}

/// Whether layers have kernels for a device: on a thread inside of `foreign`, for none.
pub fn exist_for(device: &Device) -> bool {
    !FOREIGN.get() && kernels_as_copied::exist_for(device)
}

/// Runs `f` as on a device without kernels, as far as this thread is concerned.
pub fn foreign<T>(f: impl FnOnce() -> T) -> T {
    let before = Restore(FOREIGN.replace(true));
    let value = f();
    drop(before);
    value
}

/// Sets the switch back when it is dropped, also by a panic.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        FOREIGN.set(self.0);
    }
}
