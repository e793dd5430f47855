-- The parts of report.html about pruning: the rounds, where the zeros are, what died, and how sensitive the layers are.
local core = require "yolua.core"
local document = require "yolua.report.document"
local parts = require "yolua.report.html.parts"

local pruning = {}

local function number(format, value, scale)
  return type(value) == "number" and format:format(value * (scale or 1)) or "n/a"
end

local function short(value) return type(value) == "number" and parts.short(value) or "n/a" end

-- What the rounds were judged by: AP, or the accuracy of pictures with one class each.
local function measure_of(run)
  local measure = run.results and run.results.measure
  return type(measure) == "string" and measure or "AP"
end

local function rounds_table(run)
  local list, body = run.results and run.results.rounds, {}
  if type(list) ~= "table" or #list == 0 then return "" end
  local dense = type(run.results.dense) == "table" and run.results.dense or {}
  local all = { dense }
  table.move(list, 1, #list, 2, all)
  for i, r in ipairs(all) do
    body[i] = { i == 1 and "dense" or tostring(r.round), number("%.2f %%", r.sparsity, 100), number("%d", r.nonzero),
      short(r.flops), number("%.2f", r.ms), number("%.4f", r.dev_loss), number("%.3f", r.ap) }
  end
  local head = { "round", "zeros", "non-zero", "FLOPs without zeros", "ms", "dev loss", measure_of(run) }
  return parts.table(head, body, { name = "Rounds", tall = #body > 20 }) .. "\n<p>The ms of the rounds were taken one after the other, "
    .. "minutes or hours apart, on whatever else the machine did then: they do not compare. Those of the next table do.</p>"
end

-- "1.30 (0.95 to 1.62)": how many times as fast as dense, and the spread over the turns.
local function speedup(s)
  local known = type(s) == "table" and type(s.median) == "number"
  return known and ("%.2f (%.2f to %.2f)"):format(s.median, s.low, s.high) or ""
end

-- Dense, masked and compacted networks side by side, with their times.
local function speeds(run)
  local speed, body = run.results and run.results.speed, {}
  for _, name in ipairs(type(speed) == "table" and { "dense", "masked", "compact" } or {}) do
    local s = speed[name]
    if type(s) == "table" and s.params then
      body[#body + 1] = { name, number("%d", s.params), number("%d", s.nonzero), short(s.flops), number("%.2f", s.bytes, 1e-6),
        number("%.2f", s.ms), number("%.1f", s.images_per_s), speedup(s.speedup) }
    end
  end
  if #body == 0 then return "" end
  local head = { "network", "numbers", "non-zero", "FLOPs with zeros", "MB", "ms, one image", "images/s", "times as fast as dense" }
  return "<h3>Dense, masked, compacted</h3>\n" .. parts.table(head, body, { name = "Dense, masked, compacted" })
    .. "\n<p>The networks were timed in turn, pass by pass: medians, and in brackets what the middle 80 % of the turns span. Where that "
    .. "holds 1, no difference was seen. A compacted network from which nothing was removed is the masked one, with its times. "
    .. "FLOPs here are those that run, zeros too; the rounds' leave out multiply-adds with a zero weight.</p>"
end

local function plots(run, names)
  local out = {}
  for _, pair in ipairs(names) do
    local path = ("%s/plots/prune-%s.svg"):format(run.dir, pair[1])
    if core.files.kind(path) == "file" then out[#out + 1] = parts.plot(path, pair[2]) end
  end
  return #out > 0 and '<div class="plots">\n' .. table.concat(out, "\n") .. "\n</div>" or ""
end

-- A bar for each layer: the share of its weights that are zero.
local function bars(zeros)
  local out = {}
  for i, l in ipairs(zeros) do
    local share = ("%.1f %%"):format(100 * l.zeros / l.count)
    out[i] = ('<div><dt>%s</dt><dd><span style="width:%.1f%%"></span></dd><dd>%s of %d</dd></div>'):format(parts.escape(l.name),
      100 * l.zeros / l.count, share, l.count)
  end
  return "<h3>Zeros, layer by layer</h3>\n" .. '<dl class="bars">\n' .. table.concat(out, "\n") .. "\n</dl>"
end

local function died(zeros)
  local body = {}
  for _, l in ipairs(zeros) do
    if l.dead > 0 or l.deaf > 0 then
      body[#body + 1] = { l.name, ("%d"):format(l.dead), ("%d"):format(l.filters), ("%d"):format(l.deaf), ("%d"):format(l.inputs) }
    end
  end
  local heading = "<h3>Dead filters and channels</h3>\n"
  if #body == 0 then return heading .. "<p>Every filter has a non-zero weight, and every input channel is read.</p>" end
  return heading .. parts.table({ "layer", "filters all zero", "of", "inputs never read", "of" }, body,
    { name = "Dead filters and channels" })
end

local SHOWN = 24 -- layers whose weights are drawn on the page: the first ones

local function weights(run, zeros)
  local out = {}
  for i, l in ipairs(zeros) do
    local path = ("%s/weights/%s.png"):format(run.dir, l.name)
    if i <= SHOWN and core.files.kind(path) == "file" then
      out[#out + 1] = (parts.picture(path, "Weights that are left in " .. l.name, l.name))
    end
  end
  if #out == 0 then return "" end
  return parts.fold("Remaining weights", "a row per filter, a column per input channel; black: all zero",
    '<div class="plots">\n' .. table.concat(out, "\n") .. "\n</div>")
end

-- The section on pruning as markup; nil for a run without zeros.
function pruning.section(run)
  local zeros = document(run.dir .. "/zeros.json")
  local rounds = rounds_table(run)
  if not zeros and rounds == "" then return nil end
  local shown = plots(run, { { "ap", measure_of(run):gsub("^a", "A") .. " over the sparsity" }, { "loss", "Dev loss over the sparsity" },
    { "sparsity", "Sparsity by round" }, { "size", "Non-zero parameters by round" },
    { "time", "Milliseconds by round" } })
  return table.concat({ shown, rounds, speeds(run), zeros and bars(zeros) or "", zeros and died(zeros) or "",
    zeros and weights(run, zeros) or "" }, "\n")
end

local function change(layer, i, dense)
  if not layer.ap[i] then return "n/a" end
  return ("%+.3f%s"):format(layer.ap[i] - dense, layer.error and (" (%.2f)"):format(layer.error[i]) or "")
end

-- The section on a scan of sensitivity; nil without one.
function pruning.sensitivity(run)
  local scan, body = document(run.dir .. "/sensitivity.json"), {}
  if not scan or type(scan.layers) ~= "table" or #scan.layers == 0 then return nil end
  local axis, head = scan.axis or "sparsity", { "layer", "numbers" }
  local longest = scan.layers[1][axis] -- some layers cannot reach the last levels
  for _, layer in ipairs(scan.layers) do longest = #layer[axis] > #longest and layer[axis] or longest end
  for i, level in ipairs(longest) do head[i + 2] = ("%g %%"):format(100 * level) end
  for k, layer in ipairs(scan.layers) do
    body[k] = { layer.name, tostring(layer.params) }
    for i in ipairs(longest) do body[k][i + 2] = change(layer, i, scan.dense) end
  end
  local what = axis == "ratio" and ("keeps that share of its numbers, decomposed by %s (in brackets the error, relative to the "
    .. "weight's norm)"):format(scan.method) or "has that share of zeros"
  local words = ("The AP is %.3f (%s, %d frames of %s). The table shows how it changes if one layer alone %s."):format(scan.dense,
    scan.protocol, scan.images, scan.split, what)
  return plots(run, { { "sensitivity", axis == "ratio" and "AP over the numbers left in one layer" or "AP over the zeros of one layer" } })
    .. "\n<p>" .. parts.escape(words) .. "</p>\n" .. parts.table(head, body, { name = "Sensitivity" })
end

return pruning
