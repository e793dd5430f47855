-- The parts of report.html that say what was run: the heading, the facts, the network's layers, timings, configuration, log.
local core = require "yolua.core"
local document = require "yolua.report.document"
local parts = require "yolua.report.html.parts"

local about = {}

local function is(value) return value ~= nil and value ~= core.null end

local function duration(seconds)
  if seconds < 60 then return ("%.1f s"):format(seconds) end
  seconds = math.floor(seconds)
  if seconds < 3600 then return ("%d min %d s"):format(seconds // 60, seconds % 60) end
  return ("%d h %d min"):format(seconds // 3600, seconds % 3600 // 60)
end

-- A run that wrote the results of all its epochs is done; another may still be running.
function about.header(run)
  local last = run.epochs[#run.epochs] -- of several trainings the options of the first say little
  local wanted = not (last and last.training) and tonumber(run.config.epochs)
  local state = run.finished and '<span class="state">finished</span>' or '<span class="state open">unfinished</span>'
  local epochs = ("%d%s epochs"):format(#run.epochs, not run.finished and wanted and (" of %d"):format(wanted) or "")
  local data = type(run.config.data) == "table" and run.config.data.name
  local lede = { data and "data " .. data, #run.epochs > 0 and epochs, run.dir:match "([^/]+)$" }
  local words = {}
  for i = 1, 3 do words[#words + 1] = lede[i] or nil end
  return ('<header><h1>%s%s</h1>\n<p class="lede">%s</p></header>'):format(parts.escape(run.name), state,
    parts.escape(table.concat(words, " · ")))
end

function about.facts(run)
  local r, made, list = run.results or {}, run.made, {}
  local data = type(r.data) == "table" and r.data or {}
  local function fact(name, value, format)
    if is(value) then list[#list + 1] = { name, format and format(value) or tostring(value) } end
  end
  fact("Model", r.model)
  fact("Parameters", r.params, parts.short)
  fact("Non-zero", r.params and r.nonzero, function(n) return r.params > 0 and ("%.1f %%"):format(100 * n / r.params) or "n/a" end)
  fact("Input", type(r.imgsz) == "table" and ("%d x %d, %s"):format(r.imgsz[1], r.imgsz[2], tostring(r.resize)) or nil)
  fact("FLOPs for an image", r.flops, parts.short)
  fact("Data", data.name)
  fact("Training frames", data.train)
  fact("Frames for selection (data.pick)", data.pick)
  fact("Dev frames", data.dev)
  fact("Epochs", run.results and r.epochs)
  fact("Learning", type(run.config.optim) == "table" and run.config.optim.name)
  fact("Batch", run.config.batch)
  fact("Seed", r.seed or run.config.seed)
  fact("Time", r.seconds, duration)
  fact("Device", made.device)
  fact("Threads", made.threads)
  fact("yolua", made.yolua)
  fact("Data's hash", made.data_hash)
  return parts.facts(list)
end

-- The checkpoint's model, frozen as it was when it was written; nil where the run keeps none that can be read.
local function load(run)
  for _, name in ipairs { "best.safetensors", "last.safetensors" } do
    local path = run.dir .. "/" .. name
    local found, model = core.system.attempt(function()
      if core.files.kind(path) ~= "file" then return nil end
      local m = require "yolua.model.load" { model = path, require = run.config.require } -- the user's own layers
      return m:freeze(m.notes.frozen or "none")
    end)
    if found and model then return model, name end
  end
end

local function layer_rows(model)
  local body, sums = {}, { params = 0, flops = 0, frozen = 0 }
  for i, l in ipairs(model.net:layers()) do
    body[i] = { l.name, l.kind, ("%d x %d x %d"):format(l.shape[2], l.shape[3], l.shape[4]), l.params > 0 and ("%d"):format(l.params) or "",
      l.flops > 0 and parts.short(l.flops) or "", l.params > 0 and (l.frozen and "frozen" or "trained") or "" }
    sums.params, sums.flops = sums.params + l.params, sums.flops + l.flops
    sums.frozen = sums.frozen + (l.frozen and l.params or 0)
  end
  body[#body + 1] = { "total", "", "", ("%d"):format(sums.params), parts.short(sums.flops), "" }
  return body, sums
end

function about.network(run)
  local model, file = load(run)
  if not model then return end
  local body, sums = layer_rows(model)
  local note = ("%d layers, %s parameters, %.1f %% of them frozen"):format(#body - 1, parts.short(sums.params),
    sums.params > 0 and 100 * sums.frozen / sums.params or 0)
  local text = parts.table({ "layer", "kind", "output h x w x c", "parameters", "FLOPs", "state" }, body,
    { name = "Layers of the network", total = true, tall = true })
  local size = ("input %d x %d x %d"):format(model.h, model.w, model.c)
  model:close()
  return parts.fold("Layers of " .. file .. ", " .. size, note, text)
end

local function median(epochs, key)
  local values = {}
  for _, e in ipairs(epochs) do values[#values + 1] = type(e[key]) == "number" and e[key] or nil end
  table.sort(values)
  return values[(#values + 1) // 2]
end

function about.timings(run)
  local r, body = run.results or {}, {}
  local speed = type(r.speed) == "table" and r.speed or {}
  local waits = median(run.epochs, "wait_share")
  for _, row in ipairs { { "whole run, seconds", r.seconds }, { "an epoch, seconds (median)", median(run.epochs, "seconds") },
    { "training, images per second (median)", speed.train_images_per_s or median(run.epochs, "images_per_s") },
    { "waiting for images, share of an epoch in % (median)", waits and 100 * waits },
    { "network and boxes, ms per image", speed.infer_ms }, { "threads", speed.threads or run.made.threads } } do
    if type(row[2]) == "number" then body[#body + 1] = { row[1], ("%.4g"):format(row[2]) } end
  end
  return #body > 0 and parts.table({ "timing", "value" }, body, { name = "Timings" }) or nil
end

function about.configuration(run)
  return parts.fold("config.yaml", "all options of the run, and how it was made; config=FILE repeats it",
    parts.pre(core.system.read(run.dir .. "/config.yaml")))
end

local LINES = 400

function about.log(run)
  local text, lines = document.text(run.dir .. "/log.txt"), {}
  if text == "" then return end
  for line in text:gmatch "([^\n]*)\n?" do lines[#lines + 1] = line end
  local from = math.max(1, #lines - LINES)
  return parts.fold("log.txt", ("%d lines"):format(#lines), parts.pre((from > 1 and "...\n" or "") .. table.concat(lines, "\n", from)))
end

return about
