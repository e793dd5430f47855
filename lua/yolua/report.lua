-- What a finished run leaves for readers: results.json (the contract), results.md (tables), plots/ and detections/.
local core = require "yolua.core"
local eval = require "yolua.eval"
local tables = require "yolua.tables"
local marks = require "yolua.marks"

local report = {}

local function null(value)
  if value == nil then return core.null end
  return value
end

local function median(values)
  if #values == 0 then return nil end
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local n = #sorted
  return n % 2 == 1 and sorted[(n + 1) // 2] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

local function column(records, key)
  local values = {}
  for _, record in ipairs(records) do
    if type(record[key]) == "number" then values[#values + 1] = record[key] end
  end
  return values
end

local function data_summary(data)
  if not data then return core.null end
  local function count(list) return list and #list.frames or core.null end
  return { name = null(data.name), train = count(data.train), dev = count(data.dev), split_hash = null(data.hash) }
end

-- The stem of the file that the options name, else of the one that was evaluated.
local function model_name(run)
  local path = rawget(run.options, "cfg") or rawget(run.options, "model") or run.model and run.model.path
  return path and (path:match "([^/]+)$":gsub("%.%w+$", "")) or nil
end

-- The number of training epochs and what they took are those of the whole run, also where it was continued.
function report.results(run)
  local o, model, made = run.options, run.model, run.made
  local counts = model and model.counts and model:counts() or {}
  local size = run.seen and run.seen.input or model and { w = model.w, h = model.h, resize = model.resize } or {}
  return {
    recipe = run.name, model = null(model_name(run)),
    params = null(counts.params), nonzero = null(counts.nonzero), flops = null(model and model.flops and model:flops(size.h, size.w)),
    imgsz = size.w and { size.w, size.h } or core.null, resize = null(size.resize),
    bytes = null(counts.bytes), seconds = run:seconds(), epochs = #run.epochs, seed = null(rawget(o, "seed")),
    data = data_summary(run.data), eval = run.rows,
    speed = { device = made.device, threads = made.threads, train_images_per_s = null(median(column(run.epochs, "images_per_s"))),
      infer_ms = null(run.seen and run.seen.infer_ms) },
  }
end

-- "416x128, stretch"; nil where no network was measured.
function report.input(results)
  local size = results.imgsz
  return type(size) == "table" and ("%dx%d, %s"):format(size[1], size[2], tostring(results.resize)) or nil
end

report.by_protocol = tables.by_protocol

local function markdown_table(head, body)
  local lines = { "| " .. table.concat(head, " | ") .. " |", "|" .. (" --- |"):rep(#head) }
  for _, cells in ipairs(body) do lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |" end
  return table.concat(lines, "\n")
end

local function shown(value) return value ~= nil and value ~= core.null and tostring(value) or "n/a" end

-- Of each stage: the score of the best F1 of each class, and which classes were taken for which.
local function beneath(run, parts)
  for _, stage in ipairs(run.curves or {}) do
    parts[#parts + 1] = ("## %s: best working points (voc, IoU 0.5)\n"):format(stage.stage)
    parts[#parts + 1] = markdown_table(eval.best_points(stage.classes)) .. "\n"
    if stage.confusion then
      parts[#parts + 1] = ("## %s: confusion at score %g and IoU %g\n"):format(stage.stage, stage.confusion.score, stage.confusion.iou)
      parts[#parts + 1] = markdown_table(eval.confusion_table(stage.confusion)) .. "\n"
    end
  end
end

-- results.md as text.
function report.markdown(run, results)
  local parts = { "# " .. results.recipe, "" }
  local made, data = run.made, results.data ~= core.null and results.data or {}
  local head = { "model", "parameters", "non-zero", "input", "FLOPs", "data", "train", "dev", "seed", "device", "threads" }
  local cells = { results.model, results.params, results.nonzero, report.input(results), results.flops, data.name, data.train,
    data.dev, results.seed, made.device, made.threads }
  for i = 1, #head do cells[i] = shown(cells[i]) end
  parts[#parts + 1] = markdown_table(head, { cells })
  parts[#parts + 1] = ""
  for _, pair in ipairs(report.by_protocol(run.rows)) do parts[#parts + 1] = tables.markdown(pair[1], pair[2]) end
  beneath(run, parts)
  if #run.epochs > 0 then
    parts[#parts + 1] = "## Training\n"
    parts[#parts + 1] = markdown_table(tables.epochs(run.epochs))
  end
  return table.concat(parts, "\n") .. "\n"
end

-- Where the i-th record stands on the axis: its epoch; where a run has several trainings, they follow each other.
local function place(epochs, i) return not epochs[#epochs].training and epochs[i].epoch or i end

local function over_epochs(epochs, key, name)
  local s = { name = name, x = {}, y = {} }
  for i, e in ipairs(epochs) do s.x[i], s.y[i] = place(epochs, i), type(e[key]) == "number" and e[key] or 0 / 0 end
  return #column(epochs, key) > 0 and s or nil
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
function report.plot_epochs(dir, epochs)
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
function report.plot_curves(run)
  plot_classes(run, { stem = "pr", x = "recall", y = "precision", xlabel = "recall", ylabel = "precision", ap = true })
end

-- plots/f1-CLASS.svg: the harmonic mean of precision and recall over the least score.
function report.plot_f1(run)
  plot_classes(run, { stem = "f1", x = "score", y = "f1", xlabel = "least score", ylabel = "F1" })
end

-- detections/ID.png: what the last evaluated model finds on the first dev images, against the truth; frames.json: the same in numbers.
function report.draw(run)
  local frames, list = run.seen and run.seen.frames or {}, {}
  if #frames == 0 then return end
  core.files.make_folder(run:path "detections")
  for i, frame in ipairs(frames) do
    local drawn, hits, misses, false_alarms = marks.of(frame.truths, frame.dets, 0.25)
    local file = frame.id:gsub("[^%w_.-]", "_") .. ".png"
    core.image.load(frame.image, frame.upright):draw(drawn):save(run:path("detections/" .. file))
    list[i] = { id = frame.id, file = file, hits = hits, misses = misses, false_alarms = false_alarms }
  end
  core.system.write(run:path "detections/frames.json", core.json.encode(list) .. "\n")
end

-- Writes everything; returns the results. Prints the stages side by side.
function report.write(run)
  local results = report.results(run)
  report.plot_epochs(run.dir, run.epochs)
  report.plot_curves(run)
  report.plot_f1(run)
  report.draw(run)
  core.system.write(run:path "results.md", report.markdown(run, results))
  core.system.write(run:path "results.json", core.json.encode(results, { pretty = true }) .. "\n")
  for _, pair in ipairs(report.by_protocol(run.rows)) do run:say("%s", tables.text(pair[1], pair[2])) end
  run:say("results in %s", run:path "results.md")
  require("yolua.html").write(run.dir) -- last: it shows the log
  return results
end

return setmetatable(report, { __call = function(_, run) return report.write(run) end })
