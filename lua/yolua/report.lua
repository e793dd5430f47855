-- What a finished run leaves for readers: results.json (the contract), results.md (tables), plots/ and detections/.
local boxes = require "yolua.report.boxes"
local compare = require "yolua.eval.compare"
local conf = require "yolua.report.conf"
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local html = require "yolua.report.html"
local matches = require "yolua.report.matches"
local plots = require "yolua.report.plots"
local pruning = require "yolua.report.pruning"
local tables = require "yolua.report.tables"
local worst = require "yolua.report.worst"

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
  return { name = null(data.name), train = count(data.train), dev = count(data.dev),
    pick = data.pick and #data.pick.frames, -- only where choices were made on frames of their own
    split_hash = null(data.hash) }
end

-- The stem of the file that the options name, else of the one that was evaluated.
local function model_name(run)
  local path = rawget(run.options, "cfg") or rawget(run.options, "model") or run.model and run.model.path
  return path and (path:match "([^/]+)$":gsub("%.%w+$", "")) or nil
end

-- What a pruning left in the run: its rounds, and the network as it was before them.
local function add_pruning(results, made)
  if not made then return results end
  for _, key in ipairs { "target", "rounds", "dense", "measure" } do results[key] = null(made[key]) end
  local last, best = made.rounds[#made.rounds], made.best or made -- what was evaluated is best.safetensors
  results.sparsity, results.flops = null(best.sparsity), null(best.flops)
  local speed = made.speed or {}
  results.speed.dense = speed.dense or { ms = null(made.dense.ms) }
  results.speed.masked, results.speed.compact = speed.masked or { ms = null(last and last.ms) }, null(speed.compact)
  return results
end

-- The number of training epochs and what they took are those of the whole run, also where it was continued.
function report.results(run)
  local o, model, made = run.options, run.model, run.made
  local counts = model and model.counts and model:counts() or {}
  local size = run.seen and run.seen.input or model and { w = model.w, h = model.h, resize = model.resize } or {}
  return add_pruning({
    recipe = run.name, model = null(model_name(run)),
    params = null(counts.params), nonzero = null(counts.nonzero), flops = null(model and model.flops and model:flops(size.h, size.w)),
    imgsz = size.w and { size.w, size.h } or core.null, resize = null(size.resize),
    bytes = null(counts.bytes), seconds = run:seconds(), epochs = #run.epochs, seed = null(rawget(o, "seed")),
    data = data_summary(run.data), eval = run.rows,
    conf = run.conf, tables = #run.tables > 0 and run.tables or nil,
    speed = { device = made.device, threads = made.threads, train_images_per_s = null(median(column(run.epochs, "images_per_s"))),
      infer_ms = null(run.seen and run.seen.infer_ms) },
  }, run.pruning)
end

-- "416x128, stretch"; nil where no network was measured.
function report.input(results)
  local size = results.imgsz
  return type(size) == "table" and ("%dx%d, %s"):format(size[1], size[2], tostring(results.resize)) or nil
end

report.by_protocol = tables.by_protocol

local function shown(value) return value ~= nil and value ~= core.null and tostring(value) or "n/a" end

-- Of each stage: the score of the best F1 of each class, and which classes were taken for which.
local function error_sections(run, parts)
  for _, stage in ipairs(run.curves or {}) do
    parts[#parts + 1] = ("## %s: best working points (voc, IoU 0.5)\n"):format(stage.stage)
    parts[#parts + 1] = tables.grid(eval.best_points(stage.classes)) .. "\n"
    if stage.confusion then
      parts[#parts + 1] = ("## %s: confusion at score %g and IoU %g\n"):format(stage.stage, stage.confusion.score, stage.confusion.iou)
      parts[#parts + 1] = tables.grid(eval.confusion_table(stage.confusion)) .. "\n"
    end
  end
end

-- Each stage against the first one that it can be compared with (the same frames and class map), and against the one that run:eval was
-- told: a list of comparisons. Errors: that one saw other frames, labels or classes.
local function comparisons(run)
  local list, out = run.stored or {}, {}
  for i, stage in ipairs(list) do
    stage.title = stage.stage
    local first
    for k = 1, i - 1 do
      local other, told = list[k], list[k].stage == stage.against
      local fits = not first and compare.fits(other, stage)
      if fits or told then out[#out + 1] = compare.run(other, stage, {}) end
      first = first or fits
    end
  end
  return out
end

local function comparison_sections(results, parts)
  for _, result in ipairs(results) do
    for _, protocol in ipairs(compare.protocols(result)) do
      parts[#parts + 1] = ("## Difference by %s\n"):format(compare.caption(result, protocol))
      parts[#parts + 1] = tables.grid(compare.table(result, protocol)) .. "\n"
    end
  end
end

-- A line for each comparison and protocol: the mean over the classes.
local function say_comparisons(run, results)
  for _, result in ipairs(results) do
    for _, row in ipairs(result.rows) do
      if row.class == "mean" and row.low ~= core.null then
        run:say("%s against %s, %s mean: %+.3f (95 %% interval %+.3f to %+.3f): %s", result.b, result.a, row.protocol, row.difference,
          row.low, row.high, row.verdict)
      end
    end
  end
end

-- results.md as text. compared: of the stages, see above.
function report.markdown(run, results, compared)
  local parts = { "# " .. results.recipe, "" }
  local made, data = run.made, results.data ~= core.null and results.data or {}
  local head = { "model", "parameters", "non-zero", "input", "FLOPs", "data", "train", "dev", "seed", "device", "threads" }
  local cells = { results.model, results.params, results.nonzero, report.input(results), results.flops, data.name, data.train,
    data.dev, results.seed, made.device, made.threads }
  for i = 1, #head do cells[i] = shown(cells[i]) end
  if tonumber(data.pick) then
    table.insert(head, 8, "pick")
    table.insert(cells, 8, shown(data.pick))
  end
  parts[#parts + 1] = tables.grid(head, { cells })
  parts[#parts + 1] = ""
  for _, pair in ipairs(report.by_protocol(run.rows)) do parts[#parts + 1] = tables.markdown(pair[1], pair[2]) end
  comparison_sections(compared or {}, parts)
  for _, own in ipairs(run.tables) do parts[#parts + 1] = ("## %s\n\n%s\n"):format(own.title, tables.grid(own.head, own.body)) end
  error_sections(run, parts)
  if #run.epochs > 0 then
    parts[#parts + 1] = "## Training\n"
    for _, line in ipairs(run.kept) do parts[#parts + 1] = line .. "\n" end
    parts[#parts + 1] = tables.grid(tables.epochs(run.epochs))
  end
  return table.concat(parts, "\n") .. "\n"
end

-- detections/ID.png: what the last evaluated model finds on the first dev images, against the truth; frames.json: the same in numbers.
function report.draw(run)
  local frames, list = run.seen and run.seen.frames or {}, {}
  if #frames == 0 then return end
  core.files.make_folder(run:path "detections")
  for i, frame in ipairs(frames) do
    local drawn, hits, misses, false_alarms = matches.of(frame.truths, frame.dets, 0.25)
    local file = frame.id:gsub("[^%w_.-]", "_") .. ".png"
    core.image.load(frame.image, frame.upright):draw(drawn):save(run:path("detections/" .. file))
    list[i] = { id = frame.id, file = file, hits = hits, misses = misses, false_alarms = false_alarms }
  end
  core.system.write(run:path "detections/frames.json", core.json.encode(list) .. "\n")
end

-- Writes everything; returns the results. Prints the stages side by side.
function report.write(run)
  run.conf = conf.choose(run)
  local results = report.results(run)
  local compared = comparisons(run)
  plots.epochs(run.dir, run.epochs)
  plots.curves(run)
  plots.f1(run)
  pruning.write(run)
  report.draw(run)
  worst.draw(run)
  boxes.write(run)
  core.system.write(run:path "results.md", report.markdown(run, results, compared))
  core.system.write(run:path "results.json", core.json.encode(results, { pretty = true }) .. "\n")
  for _, pair in ipairs(report.by_protocol(run.rows)) do run:say("%s", tables.text(pair[1], pair[2])) end
  say_comparisons(run, compared)
  run:say("results in %s", run:path "results.md")
  html.write(run.dir) -- last: it shows the log
  return results
end

return setmetatable(report, { __call = function(_, run) return report.write(run) end })
