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
  return {
    recipe = run.name, model = null(model_name(run)),
    params = null(counts.params), nonzero = null(counts.nonzero), flops = null(model and model.flops and model:flops()),
    bytes = null(counts.bytes), seconds = run:seconds(), epochs = #run.epochs, seed = null(rawget(o, "seed")),
    data = data_summary(run.data), eval = run.rows,
    speed = { device = made.device, threads = made.threads, train_images_per_s = null(median(column(run.epochs, "images_per_s"))),
      infer_ms = null(run.seen and run.seen.infer_ms) },
  }
end

-- Rows by protocol, in the order of their first appearance.
function report.by_protocol(rows)
  local list, at = {}, {}
  for _, row in ipairs(rows) do
    if not at[row.protocol] then
      at[row.protocol] = {}
      list[#list + 1] = { row.protocol, at[row.protocol] }
    end
    table.insert(at[row.protocol], row)
  end
  return list
end

local function epochs_table(epochs)
  local head, body = { "epoch", "learning rate", "train loss", "dev loss", "images/s", "seconds" }, {}
  local function cell(format, value) return type(value) == "number" and value == value and format:format(value) or "n/a" end
  for i, e in ipairs(epochs) do
    body[i] = { cell("%g", e.epoch), cell("%g", e.lr), cell("%.4f", e.train_loss), cell("%.4f", e.dev_loss),
      cell("%.1f", e.images_per_s), cell("%.1f", e.seconds) }
  end
  return head, body
end

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
  local head = { "model", "parameters", "non-zero", "FLOPs", "data", "train", "dev", "seed", "device", "threads" }
  local cells = { results.model, results.params, results.nonzero, results.flops, data.name, data.train, data.dev, results.seed,
    made.device, made.threads }
  for i = 1, #head do cells[i] = shown(cells[i]) end
  parts[#parts + 1] = markdown_table(head, { cells })
  parts[#parts + 1] = ""
  for _, pair in ipairs(report.by_protocol(run.rows)) do parts[#parts + 1] = tables.markdown(pair[1], pair[2]) end
  beneath(run, parts)
  if #run.epochs > 0 then
    parts[#parts + 1] = "## Training\n"
    parts[#parts + 1] = markdown_table(epochs_table(run.epochs))
  end
  return table.concat(parts, "\n") .. "\n"
end

-- plots/loss.svg: training and dev loss over the epochs.
function report.plot_loss(run)
  if #run.epochs == 0 then return end
  core.files.make_folder(run:path "plots")
  local series = {}
  for _, key in ipairs { "train_loss", "dev_loss" } do
    local s = { name = key:gsub("_", " "), x = {}, y = {} }
    for i, e in ipairs(run.epochs) do s.x[i], s.y[i] = e.epoch or i, type(e[key]) == "number" and e[key] or 0 / 0 end
    if #column(run.epochs, key) > 0 then series[#series + 1] = s end
  end
  core.plot.lines { path = run:path "plots/loss.svg", title = run.name, xlabel = "epoch", ylabel = "loss per image", series = series }
end

-- plots/pr-CLASS.svg: precision over recall, one line per stage (voc's matching rule).
function report.plot_curves(run)
  local by_class, names = {}, {}
  for _, stage in ipairs(run.curves or {}) do
    for class, curve in pairs(stage.classes) do
      if #curve.recall > 0 and curve.n_gt > 0 then
        if not by_class[class] then by_class[class], names[#names + 1] = {}, class end
        table.insert(by_class[class], { name = stage.stage, x = curve.recall, y = curve.precision })
      end
    end
  end
  if #names == 0 then return end
  core.files.make_folder(run:path "plots")
  table.sort(names)
  for _, class in ipairs(names) do
    core.plot.lines { path = run:path(("plots/pr-%s.svg"):format(class:gsub("[^%w_-]", "_"))), title = class .. ", voc IoU 0.5",
      xlabel = "recall", ylabel = "precision", xlim = { 0, 1 }, ylim = { 0, 1 }, series = by_class[class] }
  end
end

-- detections/ID.png: what the last evaluated model finds on the first dev images, against the truth.
function report.draw(run)
  local frames = run.seen and run.seen.frames or {}
  if #frames == 0 then return end
  core.files.make_folder(run:path "detections")
  for _, frame in ipairs(frames) do
    local list = marks.of(frame.truths, frame.dets, 0.25)
    core.image.load(frame.image):draw(list):save(run:path(("detections/%s.png"):format(frame.id:gsub("[^%w_.-]", "_"))))
  end
end

-- plots/f1-CLASS.svg: the harmonic mean of precision and recall over the least score, one line per stage.
function report.plot_f1(run)
  local by_class = {}
  for _, stage in ipairs(run.curves or {}) do
    for class, curve in pairs(stage.classes) do
      by_class[class] = by_class[class] or {}
      if curve.n_gt > 0 and #curve.f1 > 0 then
        table.insert(by_class[class], { name = stage.stage, x = curve.score, y = curve.f1 })
      end
    end
  end
  for class, series in pairs(by_class) do
    if #series > 0 then
      core.files.make_folder(run:path "plots")
      core.plot.lines { path = run:path(("plots/f1-%s.svg"):format(class:gsub("[^%w_-]", "_"))), title = class .. ", voc IoU 0.5",
        xlabel = "least score", ylabel = "F1", xlim = { 0, 1 }, ylim = { 0, 1 }, series = series }
    end
  end
end

-- Writes everything; returns the results. Prints the stages side by side.
function report.write(run)
  local results = report.results(run)
  report.plot_loss(run)
  report.plot_curves(run)
  report.plot_f1(run)
  report.draw(run)
  core.system.write(run:path "results.md", report.markdown(run, results))
  core.system.write(run:path "results.json", core.json.encode(results, { pretty = true }) .. "\n")
  require("yolua.html").write(run.dir)
  for _, pair in ipairs(report.by_protocol(run.rows)) do run:say("%s", tables.text(pair[1], pair[2])) end
  run:say("results in %s", run:path "results.md")
  return results
end

return setmetatable(report, { __call = function(_, run) return report.write(run) end })
