-- What this program runs on, whether it can write where it has to, and what could be better.
local core = require "yolua.core"
local files = core.files

local machine = {}

-- A file of /proc or /etc; such files have no size to go by.
local function slurp(path)
  local file = io.open(path, "r")
  if not file then return "" end
  local text = file:read "a"
  file:close()
  return text or ""
end

-- The GPUs: {driver, runtime, devices, usable}, or null; and a sentence where none can be used. What the plug-in cannot see, the
-- driver's own files may tell.
local function gpus()
  local found, sentence = core.gpus()
  if found then
    for _, gpu in ipairs(found.devices) do found.usable = found.usable or gpu.usable end
    found.usable = found.usable or false
    return found, not found.usable and "its architecture is older than sm_80" or nil
  end
  local version = slurp("/proc/driver/nvidia/version"):match "Module%s+([%d.]+)"
  if not version then return core.null, sentence end
  local devices, folder = {}, "/proc/driver/nvidia/gpus"
  for _, gpu in ipairs(files.kind(folder) == "folder" and files.list(folder) or {}) do
    devices[#devices + 1] = { chip = slurp(("%s/%s/information"):format(folder, gpu)):match "Model:%s*([^\n]+)", usable = false }
  end
  return { driver = version, devices = devices, usable = false }, sentence
end

-- Whether files can be made in the folder, or in the nearest one above it that is there; a sentence where not.
local function writable(folder)
  local path = folder
  while files.kind(path) == nil and path:find "/" do path = path:match "^(.*)/[^/]*$" end
  if path == "" then path = "/" end
  if files.kind(path) == nil then path = "." end
  local probe = path .. "/.yolua-doctor"
  local ok, sentence = pcall(core.system.write, probe, "")
  os.remove(probe)
  return ok or tostring(sentence)
end

local function places()
  local list = {}
  for i, pair in ipairs { { "runs", "runs" }, { "cache", files.cache_folder() } } do
    local ok = pair[2] and writable(pair[2]) or "neither XDG_CACHE_HOME nor HOME is set"
    list[i] = { name = pair[1], path = pair[2] or "the cache folder", writable = ok == true, sentence = ok ~= true and ok or nil }
  end
  return list
end

local function environment()
  local found = {}
  for _, name in ipairs { "OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE",
    "YOLUA_PATH", "YOLUA_CUDA_PLUGIN", "YOLUA_CUDNN", "CUDA_VISIBLE_DEVICES" } do
    found[name] = os.getenv(name)
  end
  return found
end

-- What core.machine() tells, and: version, lua, cpu, system, kernel, cuda (see gpus) and cuda_sentence, places, environment.
function machine.look()
  local m = core.machine()
  m.version, m.lua = core.version, _VERSION:match "[%d.]+"
  m.cpu = slurp("/proc/cpuinfo"):match "model name%s*:%s*([^\n]+)" or core.null
  m.system = slurp("/etc/os-release"):match 'PRETTY_NAME="?([^"\n]+)' or core.null
  m.kernel = slurp("/proc/sys/kernel/osrelease"):match "%S+" or core.null
  m.cuda, m.cuda_sentence = gpus()
  m.places, m.environment = places(), environment()
  return m
end

local GIB = 2 ^ 30

-- One sentence for each thing that could be better.
function machine.advice(m)
  local list = {}
  local function say(format, ...) list[#list + 1] = format:format(...) end
  if m.blas_parallel ~= "openmp" then
    say("OpenBLAS's %s build is loaded: its threads compete with yolua's for the cores (install libopenblas0-openmp)", m.blas_parallel)
  end
  if m.threads > m.processors then say("%d threads are requested, but the machine has %d processors", m.threads, m.processors) end
  if m.threads < m.processors and m.environment.OMP_NUM_THREADS then
    say("OMP_NUM_THREADS=%s leaves %d of %d processors idle", m.environment.OMP_NUM_THREADS, m.processors - m.threads, m.processors)
  end
  if m.available_bytes < 2 * GIB then
    say("%.1f GiB of memory are free: smaller batches (batch=4), data.cache=256 and data.features=0 need less", m.available_bytes / GIB)
  end
  if m.cuda ~= core.null and not m.cuda.usable then
    local chips = {}
    for i, gpu in ipairs(m.cuda.devices) do chips[i] = gpu.chip end
    say("found a GPU (%s), but it cannot be used: %s", table.concat(chips, ", "), m.cuda_sentence)
  end
  for _, place in ipairs(m.places) do
    if not place.writable then
      say("%s cannot be written to (%s): %s", place.path, place.sentence,
        place.name == "runs" and "give out=DIR, or start from another folder" or "XDG_CACHE_HOME names another folder")
    end
  end
  return list
end

-- The lines for a person.
function machine.lines(m)
  local function known(value) return value ~= core.null and value or "unknown" end
  local lines = {
    ("yolua %s, Lua %s, on %s, Linux %s"):format(m.version, m.lua, known(m.system), known(m.kernel)),
    ("processor %s: %d processors, %d threads, instruction set %s, %s"):format(known(m.cpu), m.processors, m.threads, m.isa,
      m.bf16 and "precision=bf16 can be used" or "no precision=bf16, which takes AVX512-BF16"),
    ("memory %.1f GiB, %.1f GiB free"):format(m.memory_bytes / GIB, m.available_bytes / GIB),
    ("BLAS %s, kernels for %s, threads by %s"):format((m.blas:gsub("%s+$", "")), m.blas_core, m.blas_parallel),
    m.cuda == core.null and "CUDA cannot be used: " .. m.cuda_sentence
      or ("CUDA driver %s%s"):format(m.cuda.driver, m.cuda.runtime and ", plug-in " .. m.cuda.runtime or ""),
  }
  if m.cuda ~= core.null and m.cuda.runtime then
    lines[#lines + 1] = m.cuda.cudnn and ("cuDNN %s: convolutions are measured with it and without"):format(m.cuda.cudnn)
      or m.cuda.cudnn_sentence .. "; convolutions run with yolua's own kernels"
  end
  for _, gpu in ipairs(m.cuda ~= core.null and m.cuda.devices or {}) do
    lines[#lines + 1] = gpu.isa and ("%s %s, %s, %d multiprocessors, memory %.1f GiB, %.1f GiB free%s"):format(gpu.name, gpu.chip, gpu.isa,
      gpu.multiprocessors, gpu.memory_bytes / GIB, gpu.free_bytes / GIB, gpu.usable and "" or "; cannot be used") or "GPU " .. gpu.chip
  end
  for _, place in ipairs(m.places) do
    lines[#lines + 1] = ("%s in %s: %s"):format(place.name, place.path, place.writable and "can be written" or "cannot be written")
  end
  return lines
end

return machine
