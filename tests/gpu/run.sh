#!/bin/bash
# Everything that wants a real GPU, as one call of at most 8 minutes.
#
#   tests/gpu/run.sh pack [BUILD [PACK]]        where yolua was built: makes PACK (BUILD/gpu/pack.tgz), at most 60 MB
#   tests/gpu/run.sh run PACK OUT [PART ...]    on the GPU machine, in a checkout of that revision
#
# The pack holds the program, the libraries that it needs (not those of glibc), the CUDA plug-in with what is needed to compile it
# anew, LuaUnit, and data (run/data.lua; YOLUA_DATA names the folder that they are taken from, and without it the parts that want data
# skip). The GPU machine needs a driver, and glibc as new as the builder's. With nvcc there, YOLUA_REBUILD=native compiles the checkout's
# .cu files for the GPU at hand, so that a kernel can be changed and tried without packing again.
#
# OUT gets `log`, with all that the parts printed, and RUNS.md, the tree's with a row per part: copy it over the tree's. A part that
# cannot run skips with one line. YOLUA_CUDA_PLUGIN names another plug-in; YOLUA_GPU_SECONDS changes the limit.
set -euo pipefail
tree=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PARTS="suite goldens curve sanitizer inference training recipe"
MOST=60000000 # bytes of a pack

usage() { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# ---- pack ------------------------------------------------------------------------------------------------------------------

pack() {
  local build=${1:-$tree/build} file bytes data=${YOLUA_DATA:-$tree/../shared/data}
  local pack=${2:-$build/gpu/pack.tgz}
  for file in "$build/yolua" "$build/libyolua_cuda.so" "$build/cuda/options"; do
    [ -f "$file" ] || { echo "run.sh: $file is missing: build first, where nvcc is found" >&2; exit 1; }
  done
  to=$(mktemp -d)
  trap 'rm -rf "$to"' EXIT
  mkdir -p "$to/pack/bin" "$to/pack/lib" "$to/pack/share/lua" "$(dirname "$pack")"
  strip -o "$to/pack/bin/yolua" "$build/yolua"
  ldd "$build/yolua" | awk '$3 ~ "/" { print $3 }' | grep -vE '/lib(c|m|dl|rt|pthread|resolv)\.so' | xargs cp -L -t "$to/pack/lib"
  cp "$build/libyolua_cuda.so" "$to/pack/bin"
  mkdir "$to/pack/cuda"
  cp "$build/cuda/options" "$build/cuda/link" "$build/cuda/usage.inc" "$to/pack/cuda"
  cp -R "$build/generated" "$to/pack"
  cp "$(LUA_PATH= "$build/yolua" -e 'io.write((assert(package.searchpath("luaunit", "/usr/share/lua/5.4/?.lua"))))')" "$to/pack/share/lua"
  git -C "$tree" describe --always --dirty >"$to/pack/revision" 2>/dev/null || echo unknown >"$to/pack/revision"
  if [ -d "$data/weights/yolov3-tiny" ]; then
    YOLUA_PATH=$tree "$build/yolua" "$tree/tests/gpu/run/data.lua" from="$data" to="$to/pack/data"
  else
    echo "SKIP data: $data is missing"
  fi
  tar czf "$pack" -C "$to" pack
  bytes=$(stat -c %s "$pack")
  echo "$pack: $bytes bytes, revision $(cat "$to/pack/revision")"
  [ "$bytes" -le "$MOST" ] || { echo "run.sh: the pack has $bytes bytes; expected at most $MOST" >&2; exit 1; }
}

# ---- the parts: each prints what it does, its result as the last line, and ends with 0, or 77 where it cannot run ------------------

skip() { echo "SKIP $*"; exit 77; }
needs_data() { [ -d "$YOLUA_DATA/weights" ] || skip "the pack holds no data"; }
on_gpu() { YOLUA_TEST_DEVICE=cuda YOLUA_TEST_FILE=$tree/tests/$1.lua "$YOLUA_PROGRAM" "$tree/tests/support/on_gpu.lua"; }
# bf16/layers/x: layers/x with activations of bf16; likewise f16. cudnn/...: with convolutions by that algorithm
in_precision() {
  case $1 in
    cudnn/*) YOLUA_TEST_ALGORITHM=cudnn in_precision "${1#*/}" ;;
    *f16/*) YOLUA_TEST_PRECISION=${1%%/*} on_gpu "${1#*/}" ;;
    *) on_gpu "$1" ;;
  esac
}
has_cudnn() { "$YOLUA_PROGRAM" -e 'os.exit(require("yolua.doctor.machine").look().cuda.cudnn and 0 or 1)'; }

one_test() {
  local log=$top/tests/${1//\//-}
  if in_precision "$1" >"$log" 2>&1; then echo "ok $1"; else echo "FAILED $1"; tail -15 "$log"; fi
}

# The layers' and networks' tests, device=cuda against the CPU and the formulas in Lua; the layers' in bf16 and f16 too, and convolutions
# through cuDNN as well.
part_suite() {
  local test with=
  mkdir -p "$top/tests"
  if has_cudnn; then with='s|^.*layers/conv2d$|&\ncudnn/&|'; else echo "SKIP cudnn: it is not installed"; fi
  sed 'p; s|^layers/.*|bf16/&\nf16/&|; t; d' "${YOLUA_SUITE:-$tree/tests/gpu/suite.txt}" | sed "$with" | xargs -P "$(nproc)" -I{} bash -c 'one_test {}' | tee "$top/suite"
  for test in forward mma loader; do
    "$YOLUA_PROGRAM" "$tree/tests/gpu/$test.lua" >"$top/tests/$test" 2>&1 && echo "ok gpu/$test" >>"$top/suite" ||
      { echo "FAILED gpu/$test" >>"$top/suite"; tail -15 "$top/tests/$test"; }
  done
  echo "$(grep -c ^ok "$top/suite") tests pass; failed: $(sed -n 's/^FAILED //p' "$top/suite" | xargs | sed 's/^$/none/')"
  ! grep -q ^FAILED "$top/suite"
}

part_goldens() { needs_data; on_gpu golden/detectors | tail -20; }
part_curve() { needs_data; "$YOLUA_PROGRAM" "$tree/tests/gpu/run/curve.lua" ${YOLUA_CURVE:-}; }

part_sanitizer() {
  command -v compute-sanitizer >/dev/null || skip "compute-sanitizer is not installed"
  local tool test done=""
  compute-sanitizer --tool memcheck "$YOLUA_PROGRAM" -e 'require("yolua.core").net { h = 1, w = 1, c = 1, device = "cuda", layers = { { "route", inputs = { 0 } } } }' \
    >"$top/start" 2>&1 || skip "compute-sanitizer does not start: $(grep -m1 -iE 'error|not supported' "$top/start")"
  for tool in memcheck racecheck initcheck; do
    for test in golden/curve layers/conv2d layers/batchnorm; do
      YOLUA_TEST_DEVICE=cuda YOLUA_TEST_FILE=$tree/tests/$test.lua timeout 60 compute-sanitizer --tool $tool --error-exitcode 9 \
        "$YOLUA_PROGRAM" "$tree/tests/support/on_gpu.lua" 2>&1 | tail -8 || { echo "$tool finds a fault in $test"; return 1; }
      done="$done $tool:$test"
    done
  done
  echo "no faults:$done"
}

# Ours and PyTorch's images per second for: MODE CFG SIZE BATCH, both in bf16.
compare() {
  needs_data
  local mode=$1 cfg=$YOLUA_DATA/$2 size=$3 batch=$4 ours theirs
  "$YOLUA_PROGRAM" bench device=cuda cfg="$cfg" imgsz="$size" mode="$mode" batch="$batch" runs=20 precision=bf16 json=true >"$top/ours"
  ours=$("$YOLUA_PROGRAM" -e "$RATE" "$top/ours")
  theirs="no comparison"
  if python3 "$tree/tests/gpu/run/peer.py" "$cfg" "$mode" "$batch" 5 --size "$size" ${YOLUA_PEER:-} >"$top/theirs"; then
    theirs=$("$YOLUA_PROGRAM" -e "$RATE" "$top/theirs")
  else
    cat "$top/theirs"
  fi
  echo "$mode $(basename "$2") at $size, batch $batch: yolua bf16 $ours images/s, PyTorch bf16 $theirs"
}
RATE='io.write(("%.1f"):format(require("yolua.core").json.decode(io.open(arg[1]):read "a").images_per_s))'

part_inference() { compare infer cfg/yolov2.cfg 416 1; }
part_training() { compare train "${YOLUA_TRAIN_CFG:-cfg/yolov2.cfg}" "${YOLUA_TRAIN_SIZE:-416}" "${YOLUA_TRAIN_BATCH:-64}"; }

part_recipe() {
  needs_data
  local w=$YOLUA_DATA/weights start=$SECONDS
  "$YOLUA_PROGRAM" "$tree/recipes/coco_full.lua" device=cuda cfg="$w/yolov3-tiny/yolov3-tiny.cfg" weights="$w/yolov3-tiny/yolov3-tiny.weights" \
    names="$w/coco.names" data=kitti data.root="$YOLUA_DATA/small" epochs=50 out="$top/run" | tail -30
  echo "coco_full.lua, YOLOv3-tiny at 416, 50 epochs: $((SECONDS - start)) s in all"
}

# ---- run -------------------------------------------------------------------------------------------------------------------

# The machine's own cuDNN, beside its PyTorch; without that the loader looks for it.
CUDNN='import nvidia.cudnn; print(list(nvidia.cudnn.__path__)[0] + "/lib/libcudnn.so.9")'

WHERE='local m = require("yolua.doctor.machine").look()
if m.cuda == require("yolua.core").null or not m.cuda.usable then print("SKIP " .. m.cuda_sentence) os.exit(0) end
print(("| %s | %s, CUDA %s |"):format(m.cuda.devices[1].chip, m.cuda.driver, m.cuda.runtime))'

rebuild() {
  local file
  mkdir -p "$top/cuda"
  (cd "$tree/runtime" && ls kernels/*.cu backend/*.cu backend/*.cc) | xargs -P "$(nproc)" -I{} bash -c \
    'nvcc --options-file "$top/pack/cuda/options" -I"$tree/runtime" -I"$top/pack/cuda" -I"$top/pack/generated" -arch="$YOLUA_REBUILD" -c "$tree/runtime/{}" \
      -o "$top/cuda/$(basename {}).o"'
  nvcc --options-file "$top/pack/cuda/link" -o "$YOLUA_CUDA_PLUGIN" "$top"/cuda/*.o
  echo "compiled the plug-in for $YOLUA_REBUILD"
}

run() {
  local pack=$1 out=$2 part status where limit deadline=$((SECONDS + ${YOLUA_GPU_SECONDS:-480}))
  shift 2
  export tree top RATE
  top=$(mktemp -d)
  trap 'rm -rf "$top"' EXIT
  tar xzf "$pack" -C "$top"
  mkdir -p "$out"
  export LD_LIBRARY_PATH=$top/pack/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} YOLUA_PROGRAM=$top/pack/bin/yolua YOLUA_SOURCE=$tree
  export YOLUA_PATH=$tree YOLUA_DATA=$top/pack/data XDG_CACHE_HOME=$top/cache LUA_PATH="$tree/tests/?.lua;$top/pack/share/lua/?.lua"
  export YOLUA_CUDA_PLUGIN=${YOLUA_CUDA_PLUGIN:-$top/pack/bin/libyolua_cuda.so}
  export YOLUA_CUDNN=${YOLUA_CUDNN:-$(python3 -c "$CUDNN" 2>/dev/null || true)}
  export -f skip needs_data on_gpu in_precision has_cudnn one_test compare
  for part in $PARTS; do export -f "part_$part"; done
  [ -z "${YOLUA_REBUILD:-}" ] || rebuild
  where=$("$YOLUA_PROGRAM" -e "$WHERE")
  echo "yolua $(cat "$top/pack/revision"): ${where#SKIP }"
  cp "$tree/tests/gpu/RUNS.md" "$out/RUNS.md"
  local failed=0
  for part in ${@:-$PARTS}; do
    [[ " $PARTS " == *" $part "* ]] || { echo "run.sh: there is no part '$part'; expected some of: $PARTS" >&2; exit 2; }
    if [[ $where == SKIP* ]]; then echo "SKIP $part: ${where#SKIP }"; continue; fi
    limit=$((deadline - SECONDS))
    [ "$limit" -ge 5 ] || { echo "SKIP $part: the time is used up"; continue; }
    status=0
    timeout -k 5 "$limit" bash -euo pipefail -c "part_$part" >"$top/part" 2>&1 || status=$?
    { echo "== $part: status $status, $SECONDS s"; cat "$top/part"; } >>"$out/log"
    local said
    said=$(grep -v '^ *$' "$top/part" | tail -1)
    case $status in
      0) ;;
      77) echo "SKIP $part: ${said#SKIP }"; continue ;;
      124 | 137) said="ran past the $limit s that were left" failed=1 ;;
      *) said="FAILED: $said" failed=1 ;;
    esac
    echo "$part: $said"
    echo "| $(date -u +%F) $where $(cat "$top/pack/revision") | $part | $said |" >>"$out/RUNS.md"
  done
  return $failed
}

case "${1:-}" in
  pack) pack "${@:2}" ;;
  run) [ $# -ge 3 ] || usage; run "${@:2}" ;;
  *) usage ;;
esac
