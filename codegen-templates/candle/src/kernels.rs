//! Which devices the kernels of this support code are for.

use candle_core::Device;

/// Whether layers have kernels for a device, beside candle's own operations.
pub fn exist_for(device: &Device) -> bool {
    device.is_cpu()
}
