"""Times generated modules beside TensorFlow, ONNX Runtime, tract and burn's ONNX import, on this machine.

    python -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0 tf_keras==2.21.0 onnxruntime==1.32.0 \\
        tf2onnx==1.17.0 tract==0.23.9
    venv/bin/python tests/benches/compare.py                             MobileNetV2, ResNet50 and a BERT, seeded
    venv/bin/python tests/benches/compare.py --model nmp=models/nmp      a SavedModel of one's own

Models are made in `bench-models` where they are not there. Everything is run by `cargo bench`, which compares every
output with TensorFlow's before it times anything, and gives the contestants turns. Prints medians in milliseconds, with
their ratio to TensorFlow's; then how long loading takes, and how much memory.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORKSPACE = os.path.abspath(os.path.join(HERE, "..", ".."))
ENGINES = {"TensorFlow": "tensorflow", "ONNX Runtime": "onnxruntime", "tract": "tract"}
LOAD = "import time, tensorflow as tf\nt = time.time()\ntf.saved_model.load({!r})\nprint(time.time() - t)"


def main():
    arguments = parsed()
    folder = os.path.abspath(arguments.models)
    names = made(folder, arguments)
    if arguments.make_only:
        return
    programs = contestants(folder, names, arguments)
    report = bench(folder, names, programs, arguments)
    print(f"\nMedian wall ms at batch 1 (x TensorFlow), {arguments.threads} threads\n")
    print(table(report))
    for note in report["notes"]:
        print(note)
    print(f"\nLoading {names[-1] if len(names) == 1 else arguments.load}\n")
    print(loading(folder, names[-1] if len(names) == 1 else arguments.load))


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=os.path.join(WORKSPACE, "bench-models"), help="where models are")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=DIR", help="a SavedModel to time instead")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=10, help="how many turns each contestant has")
    parser.add_argument("--train", default="mobilenet", help="whose training step is timed")
    parser.add_argument("--load", default="resnet50", help="whose loading is timed")
    parser.add_argument("--skip-burn-onnx", action="store_true", help="spare the build of burn-onnx")
    parser.add_argument("--make-only", action="store_true", help="make the models, and time nothing")
    return parser.parse_args()


def made(folder, arguments):
    """Makes what is missing; in a process of its own, so that TensorFlow's threads are gone before anything is timed."""
    own = [spec.split("=", 1) for spec in arguments.model]
    program = [
        "import bench_models as b, contestants as c, sys, json",
        "folder, own, onnx = json.loads(sys.argv[1])",
        "for name, source in own: b.take(folder, name, source)",
        "names = [name for name, _ in own] or b.MADE",
        "for name in () if own else names: b.make(folder, name)",
        "for name in names if onnx else (): b.make_onnx(folder, name, c.golden(folder, name))",
        "print(json.dumps(names))",
    ]
    given = json.dumps([folder, own, not arguments.make_only])
    env = {**os.environ, "PYTHONPATH": HERE, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-c", "\n".join(program), given]
    done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def contestants(folder, names, arguments):
    script = os.path.join(HERE, "contestants.py")
    command = lambda engine, name: [sys.executable, script, engine, folder, name, str(arguments.threads)]
    programs = [
        {"name": label, "model": name, "command": command(engine, name)}
        for label, engine in ENGINES.items()
        for name in names
    ]
    for name in names:
        if "mobilenet_v2" in name and arguments.train in name:
            training = command("tensorflow-training", name)
            programs.append({"name": "TensorFlow", "model": name, "train": True, "command": training})
    if not arguments.skip_burn_onnx:
        programs += burn_onnx(folder, names)
    return programs


def burn_onnx(folder, names):
    """What a burn user does today: SavedModel → ONNX → burn-onnx in a build script."""
    crate = os.path.join(HERE, "onnx_burn")
    env = {**os.environ, "ONNX_MODELS": os.path.join(folder, "onnx")}
    build = ["cargo", "build", "--release", "--manifest-path", os.path.join(crate, "Cargo.toml")]
    messages = subprocess.run(
        [*build, "--message-format=json-render-diagnostics"], env=env, stdout=subprocess.PIPE, text=True
    )
    if messages.returncode != 0:
        print("burn-onnx does not build; it is left out")
        return []
    built = [json.loads(line) for line in messages.stdout.splitlines()]
    binary = next(message["executable"] for message in built if message.get("executable"))
    command = lambda name: [binary, name, folder]
    return [{"name": "ONNX → burn", "model": name, "command": command(name)} for name in names]


def bench(folder, names, programs, arguments):
    with tempfile.TemporaryDirectory() as scratch:
        others, report = os.path.join(scratch, "contestants.json"), os.path.join(scratch, "report.json")
        with open(others, "w", encoding="utf-8") as file:
            json.dump(programs, file)
        env = {
            **os.environ,
            "MODELS": folder,
            "BENCH": ",".join(f"={name}" for name in names),
            "CONTESTANTS": others,
            "REPORT": report,
            "ROUNDS": str(arguments.rounds),
            "TRAIN": arguments.train,
            "RAYON_NUM_THREADS": str(arguments.threads),
        }
        subprocess.run(["cargo", "bench"], cwd=WORKSPACE, env=env, check=True)
        with open(report, encoding="utf-8") as file:
            return json.load(file)


def table(report):
    reference = next((row["medians"] for row in report["rows"] if row["name"] == "TensorFlow"), None)
    lines = ["| | " + " | ".join(report["columns"]) + " |", "|---" * (len(report["columns"]) + 1) + "|"]
    for row in report["rows"]:
        cells = [cell(ms, reference and reference[i]) for i, ms in enumerate(row["medians"])]
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(ms, reference):
    if ms is None:
        return "–"
    ratio = f" ({ms / reference:.2f})" if reference else ""
    return (f"{ms:.1f}" if ms < 100 else f"{ms:.0f}") + ratio


def loading(folder, name):
    """Seconds and peak memory of TensorFlow's load, of our conversion, and of a mere copy."""
    model = os.path.join(folder, "models", name)
    subprocess.run(["cargo", "build", "--release", "-p", "savedmodel-import"], cwd=WORKSPACE, check=True)
    converter = os.path.join(target(), "release", "import")
    lines = [f"| {megabytes(model):.0f} MB | seconds | peak memory |", "|---|---|---|"]
    with tempfile.TemporaryDirectory(dir=target()) as scratch:
        out = os.path.join(scratch, "out")
        convert = lambda framework: [converter, "convert", model, "--framework", framework, "--out", out]
        rows = {
            "`cp -r`": ["cp", "-rL", model, out],
            "`import convert --framework candle`": convert("candle"),
            "`import convert --framework burn`": convert("burn"),
            "`tf.saved_model.load`, its imports not counted": [sys.executable, "-c", LOAD.format(model)],
        }
        for label, command in rows.items():
            seconds, memory = zip(*(measured(command, out) for _ in range(5)))
            lines.append(f"| {label} | {statistics.median(seconds):.2f} | {statistics.median(memory):.0f} MB |")
    return "\n".join(lines)


def measured(command, out):
    """Wall seconds, or those that the command prints, and its peak memory in MB."""
    shutil.rmtree(out, ignore_errors=True)
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        words = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if child.returncode != 0:
        sys.exit(f"{command[0]} failed")
    printed = re.fullmatch(r"[\d.]+\s*", words)
    return float(words) if printed else seconds, usage.ru_maxrss / 1024


def megabytes(model):
    walk = os.walk(model)
    return sum(os.path.getsize(os.path.join(at, file)) for at, _, files in walk for file in files) / 1e6


def target():
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    done = subprocess.run(command, cwd=WORKSPACE, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)["target_directory"]


if __name__ == "__main__":
    main()
