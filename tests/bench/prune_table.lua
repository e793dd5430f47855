-- The results of tests/bench/prune.lua and decompose.lua as a table: AP (voc) over car, person and bicycle of each row and of its control,
-- their difference with its paired 95 % interval, and sizes. Folds whose trials have come that far are pooled; it can run while the sweep
-- does.
--
--   yolua tests/bench/prune_table.lua runs=runs/prune [replicates=2000]
local yl = require "yolua"
local core = yl.core
local compare = require "yolua.eval.compare"
local stages = require "yolua.eval.stages"
local stored = require "yolua.eval.stored"

local o = yl.options({}, {
  { "runs", "string", nil, "", "the sweep's folder", required = true },
  { "replicates", "int", 2000, "", "resamples of the frames", min = 1 },
})
local CLASSES, FOLDS = { "car", "person", "bicycle" }, { "fold1", "fold2", "fold3" }

-- Of the classes of an evaluation these three.
local function chosen(classes)
  local out = {}
  for _, class in ipairs(classes) do
    local name = type(class) == "table" and class.name or class
    for _, wanted in ipairs(CLASSES) do out[#out + 1] = name == wanted and class or nil end
  end
  return out
end

-- Trials' folders by name. Those that have not ended are known by what the sweep's log says of them.
local dirs = {}
for name, hash in core.system.read(o.runs .. "/log.txt"):gmatch "trial %d+ of %d+ %(([^)]*)%), (%x+): %a+ in" do
  dirs[name] = o.runs .. "/" .. hash
end

-- The stage of a trial; nil where it has not come that far.
local function stage_of(trial, stage)
  local dir = dirs[trial]
  for _, name in ipairs(dir and core.files.kind(dir .. "/stages") == "folder" and stages.list(dir) or {}) do
    if name == stage then return stages.read(dir, stage) end
  end
end

-- Both stages on the folds on which both exist, {trial, stage} each with FOLD in the trial's name.
local function pooled(a, b, folds)
  local parts, used = { {}, {} }, {}
  for _, fold in ipairs(folds) do
    local first, second = stage_of(a[1] .. fold, a[2]), stage_of(b[1] .. fold, b[2])
    if first and second then
      table.insert(parts[1], first)
      table.insert(parts[2], second)
      used[#used + 1] = fold:match "%d"
    end
  end
  if #used == 0 then return nil end
  local out = {}
  for i, list in ipairs(parts) do
    out[i] = #list > 1 and stored.pool(list) or list[1]
    out[i].title, out[i].classes = i == 1 and "control" or "row", chosen(out[i].classes)
  end
  return out, table.concat(used, "+")
end

local function percent(x) return type(x) == "number" and ("%.1f"):format(100 * x) or "n/a" end

local function line(name, a, b, folds)
  local both, used = pooled(a, b, folds)
  if not both then return end
  local found = compare.run(both[1], both[2], { protocols = { "voc" }, replicates = o.replicates })
  local by = {}
  for _, row in ipairs(found.rows) do by[row.class] = row end
  local m, cells = by.mean, { name, used, tostring(found.frames) }
  for _, class in ipairs(CLASSES) do cells[#cells + 1] = by[class] and percent(by[class].b) or "n/a" end
  for _, value in ipairs { percent(m.b), percent(m.a), ("%+.1f"):format(100 * m.difference) } do cells[#cells + 1] = value end
  cells[#cells + 1] = ("%+.1f to %+.1f"):format(100 * m.low, 100 * m.high)
  print("| " .. table.concat(cells, " | ") .. " |")
end

print "| row | folds | frames | car | person | bicycle | mean | control | difference | 95 % interval |"
print "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"

line("dense, against untrained", { "dense ", "Original" }, { "dense ", "KITTI" }, FOLDS)

local MARKS = { 50, 70, 80, 90, 95 }
for _, mark in ipairs(MARKS) do
  local name = ("%d %%"):format(mark)
  line(name .. ", four epochs on", { "gradual ", name .. ", control" }, { "gradual ", name .. ", tuned" }, FOLDS)
  line(name .. ", against the start", { "gradual ", "Start" }, { "gradual ", name .. ", tuned" }, FOLDS)
end
line("90 %, taught by the dense network, against 90 %", { "gradual ", "90 %, tuned" }, { "distilled ", "90 %, tuned" }, { "fold1" })
for _, mark in ipairs { 50, 70, 80, 90 } do
  line(("%d %% by the poster's rounds, against the cubic schedule, neither tuned"):format(mark), { "gradual ", ("%d %%"):format(mark) },
    { "poster ", ("%d %%"):format(mark) }, { "fold1" })
end
line("channels taught", { "gradual ", "95 %, control" }, { "channels taught ", "Compact" }, FOLDS)
line("channels taught, against the start", { "channels taught ", "Start" }, { "channels taught ", "Compact" }, FOLDS)
line("channels taught, against dense taught", { "dense taught ", "Taught" }, { "channels taught ", "Compact" }, { "fold1" })
line("channels by norm", { "gradual ", "95 %, control" }, { "channels ", "Compact" }, FOLDS)
line("channels by norm, against the start", { "channels ", "Start" }, { "channels ", "Compact" }, FOLDS)
line("Yolo-Fastest dense, against untrained", { "dense fastest ", "Original" }, { "dense fastest ", "KITTI" }, { "fold1" })
for _, mark in ipairs(MARKS) do
  local name = ("%d %%"):format(mark)
  line("Yolo-Fastest, " .. name, { "gradual fastest ", name .. ", control" }, { "gradual fastest ", name .. ", tuned" }, { "fold1" })
end
for _, method in ipairs { "tucker2", "tt" } do
  line(method .. ", not trained", { method .. " ", "Start" }, { method .. " ", "Decomposed" }, FOLDS)
  line(method, { method .. " ", "Control" }, { method .. " ", "Decomposed, trained" }, FOLDS)
end
