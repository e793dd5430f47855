-- `yolua bench`: how long a forward pass, or a training step, takes on noise; or what it would launch on a GPU that is not there.
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local launches = require "yolua.report.launches"
local memory = require "yolua.train.memory"
local options = require "yolua.options.table"
local input = require "yolua.model.input"
local inputs = require "yolua.cli.inputs"
local schema = require "yolua.options.schema"
local structs = require "yolua.options.structs"

local function median(sorted)
  local n = #sorted
  return n % 2 == 1 and sorted[(n + 1) // 2] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

-- Four boxes an image, of classes in turn: {cx, cy, w, h, class from 0, kind}.
local function synthetic_truth(batch, classes)
  local truth = {}
  for i = 1, batch do
    truth[i] = {}
    for k = 0, 3 do
      local class = (i + k) % math.max(1, classes)
      truth[i][k + 1] = { 0.2 + 0.2 * k, 0.3 + 0.1 * ((i + k) % 5), 0.1 + 0.05 * k, 0.15 + 0.05 * (i % 3), class, 0 }
    end
  end
  return truth
end

local function inference(plan) return function() plan:forward() end end

local function training(model, plan, batch)
  local truth, count = synthetic_truth(batch, #model.names), 0
  return function()
    count = count + 1
    plan:forward { seed = 1, step = count }
    plan:loss(truth)
    plan:backward()
    core.step(model.net, { lr = 1e-6, images = batch })
  end
end

-- Runs `step` and returns the sorted times in milliseconds, from an idle device to an idle device; the first, unmeasured, run chooses
-- algorithms.
local function time(plan, step, runs)
  local times = {}
  step()
  for i = 1, runs do
    plan:wait()
    local started = core.system.clock()
    step()
    plan:wait()
    times[i] = 1e3 * (core.system.clock() - started)
  end
  table.sort(times)
  return times
end

local function layer_times(model, plan, step, runs)
  local layers, rows = model.net:layers(plan.h, plan.w), {}
  for i, layer in ipairs(layers) do rows[i] = { name = layer.name, kind = layer.kind, flops = layer.flops, ms = 0, times = {} } end
  plan.object:timing(true)
  for _ = 1, runs do
    step()
    for i, row in ipairs(rows) do
      local forward, backward = plan.object:seconds(i)
      table.insert(row.times, 1e3 * (forward + backward))
    end
  end
  plan.object:timing(false)
  for i, row in ipairs(rows) do
    table.sort(row.times)
    row.ms, row.times = median(row.times), nil
    row.algorithm = plan.object:algorithm(i, "forward") or core.null
  end
  return rows
end

-- What one pass or step launches; nothing is computed.
local function planned(o)
  local absent = { device = "cuda:none" }
  for _, field in ipairs(fields.get { "model" }) do absent[field[1]] = rawget(o, field[1]) end
  local model = inputs.network(absent)
  local size = input.of(model, o)
  local plan = model:plan { mode = o.mode, batch = o.batch, h = size.h, w = size.w, precision = o.precision, tf32 = o.tf32,
    algorithm = o.algorithm }
  core.noise(plan, 1)
  local gpu = o.gpu or "h200"
  local result = launches.of(gpu, o.precision, o.mode == "train" and training(model, plan, o.batch) or inference(plan))
  result.device, result.gpu, result.precision, result.batch, result.mode = o.device, gpu, o.precision, o.batch, o.mode
  result.imgsz = { size.w, size.h }
  return result
end

local function check_plan(o)
  if o.plan and not o.device:find "^cuda" then
    error(schema.usage(("plan=true is of a GPU's launches: expected device=cuda, got device=%s"):format(o.device)))
  end
  if o.plan and o.layers then error(schema.usage "plan=true measures nothing: expected no layers=true") end
  if o.gpu and not o.plan then error(schema.usage "gpu= says which GPU plan=true is about: expected plan=true") end
end

local function run(o)
  check_plan(o)
  if o.plan then return planned(o) end
  local model = inputs.network(o)
  local size = input.of(model, o)
  local w, h = size.w, size.h
  local spec = { mode = o.mode, batch = o.batch, h = h, w = w, precision = o.precision, tf32 = o.tf32,
    algorithm = o.algorithm }
  local others = memory.others(model, o.mode == "train" and { "grad", "momentum" } or {}, memory.now(model))
  local plan = memory.plan(model, spec, memory.check(o), others, options.origin(o, "recompute"))
  input.say(model, o)
  core.noise(plan, 1)
  local step = o.mode == "train" and training(model, plan, o.batch) or inference(plan)
  local times = time(plan, step, o.runs)
  local result = {
    device = o.device, threads = core.system.threads(), precision = o.precision, batch = o.batch, mode = o.mode, imgsz = { w, h },
    runs = o.runs, median_ms = median(times), min_ms = times[1], max_ms = times[#times], images_per_s = 1e3 * o.batch / median(times),
  }
  if o.layers then result.layers = layer_times(model, { object = plan, w = w, h = h }, step, o.runs) end
  result.peak_bytes = core.machine().peak_bytes
  return result
end

local function show(r)
  if r.gpu then
    print(("%s on %s, %s, %dx%d, batch %d"):format(r.mode == "train" and "training step" or "forward pass", r.gpu, r.precision, r.imgsz[1],
      r.imgsz[2], r.batch))
    print(launches.lines(r))
    return
  end
  print(("%s on %s, %d threads, %s, %dx%d, batch %d, %d runs"):format(r.mode == "train" and "training step" or "forward pass",
    r.device, r.threads, r.precision, r.imgsz[1], r.imgsz[2], r.batch, r.runs))
  print(("median %.2f ms (min %.2f, max %.2f), %.1f images/s, peak memory %.0f MiB"):format(r.median_ms, r.min_ms, r.max_ms,
    r.images_per_s, r.peak_bytes / 2 ^ 20))
  if not r.layers then return end
  local body = {}
  for i, l in ipairs(r.layers) do
    local algorithm = l.algorithm ~= core.null and l.algorithm or ""
    local rate = l.flops > 0 and l.ms > 0 and ("%.1f"):format(l.flops * r.batch / l.ms / 1e6) or ""
    body[i] = { l.name, algorithm, ("%.3f"):format(l.ms), rate }
  end
  print(table.concat(require("yolua.report.tables").align({ "layer", "algorithm", "ms", "GFLOP/s" }, body), "\n"))
end

return {
  help = "time a network: a forward pass or a training step, on noise",
  fields = {
    "model", "size",
    structs.field("plan", "batch"), structs.field("plan", "mode"),
    { "runs", "int", 10, "", "measured repetitions", min = 1, max = 1000000, aliases = { "n", "iterations", "repeat" } },
    structs.field("plan", "algorithm"), fields.pick("train", "recompute"),
    { "layers", "bool", false, "", "also each layer's time and algorithm" },
    { "plan", "bool", false, "", "with device=cuda: not the time, but what would be launched; needs no GPU" },
    { "gpu", "enum", nil, "", "which GPU plan=true is about (default: h200)", choices = launches.GPUS },
    fields.pick("run", "device"), fields.pick("run", "threads"), fields.pick("run", "precision"),
    fields.pick("run", "tf32"), fields.pick("run", "json"),
  },
  run = run, show = show,
}
