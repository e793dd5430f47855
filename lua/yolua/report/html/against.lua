-- The sections of report.html that compare a run with others (`yolua report RUN against=RUN,...`): dev loss and AP over the epochs side by
-- side, and the last stages by each protocol, with paired intervals.
local compare = require "yolua.eval.compare"
local core = require "yolua.core"
local parts = require "yolua.report.html.parts"
local rundir = require "yolua.report.rundir"
local stages = require "yolua.eval.stages"

local function name_of(dir) return dir:match "([^/]+)/*$" end

-- plots/against-KEY.svg: one line for each run that knows the number; nil where fewer than two do.
local function plot(dir, dirs, key, title, vertical)
  local series = {}
  for _, other in ipairs(dirs) do
    local s = { name = name_of(other), x = {}, y = {} }
    for i, record in ipairs(rundir.metrics(other)) do
      if type(record[key]) == "number" then table.insert(s.x, i) table.insert(s.y, record[key]) end
    end
    series[#series + 1] = #s.x > 0 and s or nil
  end
  if #series < 2 then return "" end
  core.files.make_folder(dir .. "/plots")
  local path = ("%s/plots/against-%s.svg"):format(dir, key)
  core.plot.lines { path = path, title = title, xlabel = "epoch", ylabel = vertical, series = series }
  return parts.plot(path, title .. " of the runs")
end

-- The difference to one other run as markup.
local function difference(dir, other)
  local a, b, out = stages.read(other), stages.read(dir), {}
  a.title, b.title = ("%s:%s"):format(name_of(other), a.stage), ("%s:%s"):format(name_of(dir), b.stage)
  local result = compare.run(a, b, {})
  for i, protocol in ipairs(compare.protocols(result)) do
    local head, body = compare.table(result, protocol)
    local caption = compare.caption(result, protocol)
    out[i] = ("<h3>%s</h3>\n%s"):format(parts.escape(caption), parts.table(head, body, { name = caption }))
  end
  return table.concat(out, "\n")
end

-- Markup for the run in `dir` against those in `others`. Errors: a run without stages, or with other frames, labels or classes.
return function(dir, others)
  local all, out = { dir }, {}
  for i, other in ipairs(others) do all[i + 1] = other end
  local plots = plot(dir, all, "dev_loss", "Dev loss", "loss per image")
    .. plot(dir, all, "dev_ap", "AP on the dev split", "mean over classes")
  if plots ~= "" then out[1] = '<div class="plots">\n' .. plots .. "\n</div>" end
  for _, other in ipairs(others) do out[#out + 1] = difference(dir, other) end
  return table.concat(out, "\n")
end
