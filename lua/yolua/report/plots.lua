-- The plots of a run directory (plots/*.svg): losses and AP over the epochs, precision over recall and F1 of each class.
local core = require "yolua.core"

local plots = {}

-- Where the i-th record stands on the axis: its epoch; where a run has several trainings, they follow each other.
local function place(epochs, i) return not epochs[#epochs].training and epochs[i].epoch or i end

local function over_epochs(epochs, key, name)
  local s, any = { name = name, x = {}, y = {} }, false
  for i, e in ipairs(epochs) do
    local known = type(e[key]) == "number"
    s.x[i], s.y[i], any = place(epochs, i), known and e[key] or 0 / 0, any or known
  end
  return any and s or nil
end

-- dev_ap by the protocol that it was scored with: an epoch that was not scored is passed over, not a gap.
local function scored(epochs)
  local series, at = {}, {}
  for i, e in ipairs(epochs) do
    local protocol = e.dev_protocol or "AP"
    if type(e.dev_ap) == "number" then
      if not at[protocol] then
        at[protocol] = { name = protocol, x = {}, y = {} }
        series[#series + 1] = at[protocol]
      end
      table.insert(at[protocol].x, place(epochs, i))
      table.insert(at[protocol].y, e.dev_ap)
    end
  end
  return series
end

-- plots/loss.svg: training and dev loss over the epochs; plots/ap.svg: the dev split's mean AP, where it was scored between epochs.
function plots.epochs(dir, epochs)
  if #epochs == 0 then return end
  core.files.make_folder(dir .. "/plots")
  local series = {}
  for _, pair in ipairs { { "train_loss", "training" }, { "dev_loss", "dev" } } do
    series[#series + 1] = over_epochs(epochs, pair[1], pair[2])
  end
  core.plot.lines { path = dir .. "/plots/loss.svg", title = "Loss", xlabel = "epoch", ylabel = "loss per image", series = series }
  local ap = scored(epochs)
  if #ap == 0 then return end
  core.plot.lines { path = dir .. "/plots/ap.svg", title = "AP on the dev split", xlabel = "epoch", ylabel = "mean over classes",
    series = ap }
end

-- The AP of a class at a stage by voc, for a legend; "" where voc was not asked for.
local function ap_of(run, stage, class)
  for _, row in ipairs(run.rows) do
    local found = row.protocol == "voc" and row.stage == stage and row.classes[class]
    if found and type(found.ap) == "number" then return (", AP %.3f"):format(found.ap) end
  end
  return ""
end

-- One plot for each class that occurs, a line per stage. about: stem, x, y (fields of a curve), words for axes and title.
local function plot_classes(run, about)
  local by_class, names = {}, {}
  for _, stage in ipairs(run.curves or {}) do
    for class, curve in pairs(stage.classes) do
      if curve[about.x] and #curve[about.x] > 0 and curve.n_gt > 0 then
        if not by_class[class] then by_class[class], names[#names + 1] = {}, class end
        local note = about.ap and ap_of(run, stage.stage, class) or ""
        table.insert(by_class[class], { name = stage.stage .. note, x = curve[about.x], y = curve[about.y] })
      end
    end
  end
  if #names == 0 then return end
  core.files.make_folder(run:path "plots")
  for _, class in ipairs(names) do
    local stem = class:gsub("[^%w_-]", "_")
    core.plot.lines { path = run:path(("plots/%s-%s.svg"):format(about.stem, stem)), title = class .. " (voc, IoU 0.5)",
      xlabel = about.xlabel, ylabel = about.ylabel, xlim = { 0, 1 }, ylim = { 0, 1 }, series = by_class[class] }
  end
end

-- plots/pr-CLASS.svg: precision over recall, one line per stage (voc's matching rule).
function plots.curves(run)
  plot_classes(run, { stem = "pr", x = "recall", y = "precision", xlabel = "recall", ylabel = "precision", ap = true })
end

-- plots/f1-CLASS.svg: the harmonic mean of precision and recall over the least score.
function plots.f1(run)
  plot_classes(run, { stem = "f1", x = "score", y = "f1", xlabel = "score threshold", ylabel = "F1" })
end

return plots
