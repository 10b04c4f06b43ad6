//! Where in the Python program a node was made.

use savedmodel_import_proto::GraphDebugInfo;
use savedmodel_import_proto::graph_debug_info::{FileLineCol, StackTrace};

/// Files that are part of a library are not where the user looks.
const LIBRARIES: [&str; 3] = ["/site-packages/", "/dist-packages/", "/runpy.py"];

/// The line that made `node` of `function` (or of the main graph): `model.py:88`.
pub(super) fn python_line(
    info: &GraphDebugInfo,
    node: &str,
    function: Option<&str>,
) -> Option<String> {
    let key = format!("{node}@{}", function.unwrap_or_default());
    let frames = frames(info, trace(info, &key)?);
    let name = |frame: &FileLineCol| {
        let index = usize::try_from(frame.file_index).ok()?;
        info.files.get(index).map(String::as_str)
    };
    let own = |frame: &&&FileLineCol| {
        name(frame).is_some_and(|file| !LIBRARIES.iter().any(|part| file.contains(part)))
    };
    let innermost = frames.iter().rev();
    let frame = innermost.clone().find(own).or_else(|| frames.last())?;
    let file = name(frame)?.rsplit('/').next()?;
    Some(format!("{file}:{}", frame.line))
}

fn trace<'a>(info: &'a GraphDebugInfo, key: &str) -> Option<&'a StackTrace> {
    info.traces.get(key).or_else(|| {
        let id = info.name_to_trace_id.get(key)?;
        info.traces_by_id.get(id)
    })
}

fn frames<'a>(info: &'a GraphDebugInfo, trace: &'a StackTrace) -> Vec<&'a FileLineCol> {
    let by_id = trace
        .frame_id
        .iter()
        .filter_map(|id| info.frames_by_id.get(id));
    trace.file_line_cols.iter().chain(by_id).collect()
}
