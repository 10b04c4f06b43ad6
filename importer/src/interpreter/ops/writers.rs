//! Writers of summaries, which write nothing here, and mutexes, which nobody else waits for.

use super::super::cx::Cx;
use super::super::state::Resource;
use super::super::value::{Value, Variant};
use super::arrange::nothing;
use super::{Row, many};
use crate::error::Result;

pub(super) const OPS: &[Row] = &[
    many("SummaryWriter", token),
    many("CreateSummaryFileWriter", nothing),
    many("CreateSummaryDbWriter", nothing),
    many("FlushSummaryWriter", nothing),
    many("CloseSummaryWriter", nothing),
    many("WriteSummary", nothing),
    many("WriteScalarSummary", nothing),
    many("WriteHistogramSummary", nothing),
    many("WriteImageSummary", nothing),
    many("WriteAudioSummary", nothing),
    many("WriteRawProtoSummary", nothing),
    many("WriteGraphSummary", nothing),
    many("ImportEvent", nothing),
    many("MutexV2", token),
    many("MutexLock", |_| Ok(vec![Value::variant(Variant::Empty)])),
    many("ConsumeMutexLock", nothing),
];

fn token(cx: &mut Cx<'_>) -> Result<Vec<Value>> {
    let name = cx.shared_name();
    let id = cx.machine.state.shared("token", &name, || Resource::Token);
    Ok(vec![Value::Resource(id)])
}
