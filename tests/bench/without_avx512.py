"""Hides AVX-512 from the peers of speed.py, so that a machine that has it shows how they run on one that has not.

    python3 -m venv --copies avx2 && avx2/bin/pip install torch onnx onnxruntime openvino ncnn pnnx
    avx2/bin/python tests/bench/without_avx512.py avx2      once; prints the line to put in front of speed.py

Runtimes choose their kernels by what the CPUID instruction says, and ONNX Runtime and ncnn have no setting that overrides it. So each CPUID
in the libraries of that environment becomes UD2, an instruction that raises SIGILL, and a preloaded handler answers it: as the processor
does, but for AVX-512, AVX-VNNI and AMX. PyTorch has settings of its own. The environment is of no other use afterwards.
yolua itself is built with -DYOLUA_ISAS=v3. Needs gcc and objdump.
"""
import os
import re
import subprocess
import sys
import tempfile

HANDLER = """
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <ucontext.h>

static void answer(int sig, siginfo_t *info, void *context) {
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *at = (const unsigned char *)r[REG_RIP];
  unsigned a, b, c, d;
  if (at[0] != 0x0f || at[1] != 0x0b) {
    signal(sig, SIG_DFL);
    return;
  }
  __cpuid_count((unsigned)r[REG_RAX], (unsigned)r[REG_RCX], a, b, c, d);
  if ((unsigned)r[REG_RAX] == 7 && (unsigned)r[REG_RCX] == 0) {
    b &= ~0xdc230000u; /* AVX-512 F, DQ, IFMA, PF, ER, CD, BW, VL */
    c &= ~0x00005842u; /* AVX-512 VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
    d &= ~0x03c0010cu; /* AVX-512 4VNNIW, 4FMAPS, VP2INTERSECT, FP16; AMX */
  } else if ((unsigned)r[REG_RAX] == 7 && (unsigned)r[REG_RCX] == 1) {
    a &= ~0x00000030u; /* AVX-VNNI, AVX-512 BF16 */
  }
  r[REG_RAX] = a, r[REG_RBX] = b, r[REG_RCX] = c, r[REG_RDX] = d, r[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
  struct sigaction action = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGILL, &action, 0);
}
"""
PACKAGES = ("onnxruntime", "openvino", "ncnn")
SETTINGS = "ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 DNNL_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sections(path):
    """The (address, offset, size) of the sections that are loaded."""
    row = r"^\s*\[\s*\d+\]\s+\S+\s+\S+\s+([0-9a-f]+)\s+([0-9a-f]+)\s+([0-9a-f]+)"
    found = re.findall(row, output("readelf", "-SW", path), re.M)
    return [s for s in (tuple(int(n, 16) for n in numbers) for numbers in found) if s[0]]


def patch(path):
    """Replaces each CPUID of a library; returns how many there were."""
    addresses = re.findall(r"^\s*([0-9a-f]+):\s+cpuid\b", output("objdump", "-d", "--no-show-raw-insn", path), re.M)
    if not addresses:
        return 0
    with open(path, "rb") as file:
        data = bytearray(file.read())
    for address in (int(a, 16) for a in addresses):
        at = next(address - start + offset for start, offset, size in sections(path) if start <= address < start + size)
        if data[at : at + 2] != b"\x0f\xa2":
            sys.exit(f"without_avx512.py: {path}: expected CPUID at byte {at}")
        data[at + 1] = 0x0B
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
        file.write(data)
    os.chmod(file.name, os.stat(path).st_mode)
    os.replace(file.name, path)
    return len(addresses)


def libraries(environment):
    for folder, _, files in os.walk(os.path.join(environment, "lib")):
        if any(f"/site-packages/{p}" in folder for p in PACKAGES):
            yield from (os.path.join(folder, f) for f in files if ".so" in f and not os.path.islink(os.path.join(folder, f)))


if len(sys.argv) != 2 or not os.path.exists(os.path.join(sys.argv[1], "pyvenv.cfg")):
    sys.exit("without_avx512.py: expected a virtual environment of Python, whose libraries are changed")
top = os.path.abspath(sys.argv[1])
for library in libraries(top):
    count = patch(library)
    if count:
        print(f"{count:4d} CPUID in {os.path.relpath(library, top)}", file=sys.stderr)
handler = os.path.join(top, "without_avx512.so")
subprocess.run(["gcc", "-O1", "-shared", "-fPIC", "-x", "c", "-", "-o", handler], input=HANDLER, text=True, check=True)
print(f"env LD_PRELOAD={handler} {SETTINGS}")
