-- What a network launches on a GPU, whether or not there is one: per kernel the bytes that it moves at least, what it computes, and the
-- time that a GPU's memory and arithmetic allow for that (the roofline); per CUDA kernel what the compiler reports, and its occupancy.
local core = require "yolua.core"
local tables = require "yolua.report.tables"

local launches = {}

-- From the makers' data sheets (the SXM boards): memory in byte/s; arithmetic in FLOP/s, f32 outside the tensor cores and dense TF32, bf16
-- and f16 inside. Per multiprocessor, from the programming guide's table of compute capabilities: bytes of shared memory.
local GPUS = {
  a100 = { arch = 80, memory = 2.039e12, f32 = 19.5e12, tf32 = 156e12, bf16 = 312e12, f16 = 312e12, shared = 164 * 1024 },
  h100 = { arch = 90, memory = 3.35e12, f32 = 67e12, tf32 = 494.5e12, bf16 = 989e12, f16 = 989e12, shared = 228 * 1024 },
  h200 = { arch = 90, memory = 4.8e12, f32 = 67e12, tf32 = 494.5e12, bf16 = 989e12, f16 = 989e12, shared = 228 * 1024 },
  b200 = { arch = 100, memory = 8e12, f32 = 75e12, tf32 = 1125e12, bf16 = 2250e12, f16 = 2250e12, shared = 228 * 1024 },
}
launches.GPUS = { "a100", "h100", "h200", "b200" }

-- The same on all of them: 64 warps, 32 blocks and 65536 registers per multiprocessor; the registers are in four equal parts and are
-- given to warps by 256; a block's shared memory is given by 128 bytes, and 1 KiB of it is the system's.
local WARPS, BLOCKS, PART, UNIT = 64, 32, 16384, 256

-- The share of a multiprocessor's warps that can be resident at once.
function launches.occupancy(gpu, threads, registers, shared)
  local warps = (threads + 31) // 32
  local per_warp = math.max(1, (registers * 32 + UNIT - 1) // UNIT) * UNIT
  local by_registers = PART // per_warp * 4 // warps
  local by_shared = GPUS[gpu].shared // ((shared + 1024 + 127) // 128 * 128)
  return math.min(BLOCKS, WARPS // warps, by_registers, by_shared) * warps / WARPS
end

-- The name at the front of a mangled text, with its template's arguments, and what is behind it; nil for other things than names and
-- float.
local function named(text)
  local length, rest = text:match "^(%d+)(.*)$"
  if not length then return text:match "^f" and "float", text:sub(2) end
  local name, arguments = rest:sub(1, tonumber(length)), {}
  rest = rest:sub(tonumber(length) + 1)
  if not rest:find "^I" then return name, rest end
  local argument, behind = named(rest:sub(2))
  while argument do
    arguments[#arguments + 1], rest = argument, behind
    argument, behind = named(rest)
  end
  rest = rest:find "^E" and rest:sub(2) or "" -- the others are neither
  return #arguments > 0 and ("%s<%s>"):format(name, table.concat(arguments, ", ")) or name, rest
end

-- "_Z15yl__gemm_kernelI12conv_forwardIfEEv..." is yl__gemm_kernel<conv_forward<float>>, "_Z7forwardIfEv12yl_pool_geomPKf..."
-- forward<float>(yl_pool_geom).
local function readable(entry)
  local name, rest = named(entry:match "^_Z(.*)$" or "")
  if not name then return entry end
  local argument = named(name:find ">$" and rest:gsub("^v", "") or rest)
  return argument and argument ~= "float" and ("%s(%s)"):format(name, argument) or name
end

local function row_of(rows, key, make)
  if not rows[key] then
    rows[key] = make
    rows[#rows + 1] = make
  end
  return rows[key]
end

local function add_entry(entries, gpu, launch)
  local e = row_of(entries, ("%s %d"):format(launch.entry, launch.threads), { entry = readable(launch.entry), launches = 0, blocks = 0,
    threads = launch.threads, registers = launch.registers, shared = launch.shared, stack = launch.stack, spills = launch.spills,
    occupancy = launch.registers and launches.occupancy(gpu, launch.threads, launch.registers, launch.shared) })
  e.launches, e.blocks = e.launches + 1, e.blocks + launch.blocks
end

-- What a kernel multiplies in: f32 goes through the tensor cores as TF32 where the algorithm is theirs.
local function inside(kernel, precision) return precision == "f32" and kernel:find " mma$" and "tf32" or precision end

-- `step` runs the network once. Returns {launches, bytes, flops, least_ms, kernels, entries}, sorted by least time and by launches.
function launches.of(gpu, precision, step)
  local spec, total, kernels, entries = GPUS[gpu], { launches = 0, bytes = 0, flops = 0, least_ms = 0 }, {}, {}
  for _, call in ipairs(core.launches(spec.arch, step)) do
    local k = row_of(kernels, call.kernel, { kernel = call.kernel, launches = 0, bytes = 0, flops = 0, least_ms = 0, memory_ms = 0 })
    local memory_ms, flops_ms = 1e3 * call.bytes / spec.memory, 1e3 * call.flops / spec[inside(call.kernel, precision)]
    local least_ms = math.max(memory_ms, flops_ms)
    for _, row in ipairs { k, total } do
      row.launches, row.bytes, row.flops = row.launches + #call, row.bytes + call.bytes, row.flops + call.flops
      row.least_ms = row.least_ms + least_ms
    end
    if memory_ms >= flops_ms then k.memory_ms = k.memory_ms + least_ms end
    for _, launch in ipairs(call) do add_entry(entries, gpu, launch) end
  end
  for _, k in ipairs(kernels) do
    k.bound = k.memory_ms >= 0.5 * k.least_ms and "memory" or "arithmetic"
    k.memory_ms = nil
  end
  table.sort(kernels, function(a, b) return a.least_ms > b.least_ms or a.least_ms == b.least_ms and a.kernel < b.kernel end)
  table.sort(entries, function(a, b) return a.launches > b.launches or a.launches == b.launches and a.entry < b.entry end)
  total.kernels, total.entries = table.move(kernels, 1, #kernels, 1, {}), table.move(entries, 1, #entries, 1, {})
  return total
end

local function number(value) return value and ("%d"):format(value) or "?" end

-- The two tables, for a person.
function launches.lines(r)
  local kernels, entries = {}, {}
  for i, k in ipairs(r.kernels) do
    kernels[i] = { k.kernel, number(k.launches), ("%.2f"):format(k.bytes / 1e6), ("%.3f"):format(k.flops / 1e9),
      ("%.4f"):format(k.least_ms), k.bound }
  end
  for i, e in ipairs(r.entries) do
    entries[i] = { e.entry, number(e.launches), number(e.blocks), number(e.threads), number(e.registers), number(e.shared),
      number(e.spills), e.occupancy and ("%.0f %%"):format(100 * e.occupancy) or "?" }
  end
  local function aligned(heads, body) return "\n" .. table.concat(tables.align(heads, body), "\n") end
  return table.concat({
    ("%d launches, %.1f MB moved at least, %.2f GFLOP: at least %.3f ms"):format(r.launches, r.bytes / 1e6, r.flops / 1e9, r.least_ms),
    aligned({ "kernel", "launches", "MB", "GFLOP", "least ms", "bound by" }, kernels),
    aligned({ "CUDA kernel", "launches", "blocks", "threads", "registers", "shared", "spills", "occupancy" }, entries),
  }, "\n")
end

return launches
