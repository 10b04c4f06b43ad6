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
//! Keras 3 alone squares the gradients of a token that is several times in a batch one by one, for its `Adam` on an
//! embedding; legacy Keras, like these, squares their sum.
//!
//! Both frameworks' Adams add `epsilon` to the root of the *corrected* second moment, Keras to the root before it is
//! corrected: a parameter with small gradients moves differently in the first steps. Keras' defaults are an `epsilon` of
//! 1e-7 (candle 1e-8, burn 1e-5) and, for AdamW, a decay of 0.004 (candle 0.01, burn 1e-4).

pub mod burn;
pub mod candle;
