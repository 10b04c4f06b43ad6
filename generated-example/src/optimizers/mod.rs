//! Keras' optimizers, where the frameworks' differ from them.
//!
//! The same batches and learning rate then give the same parameters as in Keras, step for step.
//!
//! | Keras | candle | burn |
//! |---|---|---|
//! | `SGD(lr)` | `candle_nn::SGD` | `SgdConfig::new()` |
//! | `SGD(lr, momentum)` | [`candle::Momentum`]: candle has none | `MomentumConfig` with `dampening` 0 instead of 0.1 |
//! | `Adam(lr)` | [`candle::Adam`] | [`burn::Adam`] |
//! | `AdamW(lr, weight_decay)` | the same with a `weight_decay` | the same with a `weight_decay` |
//!
//! For a token that is several times in a batch, the `Adam` of Keras 3 takes other steps on an embedding: it seems to square
//! the gradients one by one. Legacy Keras, like these, squares their sum.
//!
//! Both frameworks' Adams add `epsilon` to the root of the *corrected* second moment, Keras to the root before it is
//! corrected: a parameter with small gradients moves differently in the first steps. Keras' defaults are an `epsilon` of
//! 1e-7 (candle 1e-8, burn 1e-5) and, for AdamW, a decay of 0.004 (candle 0.01, burn 1e-4).

pub mod burn;
pub mod candle;
