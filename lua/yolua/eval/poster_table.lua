-- yl.poster_table(run): the poster's table of precision and recall beside what the stages of a run reached, in its own metric and in AP.
--
-- The poster's frames are not known, so an interval is that of our figure alone, over frames drawn with replacement (percentiles of the
-- bootstrap; Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13). "no difference seen": the poster's number lies
-- within it.
local callback = require "yolua.options.callback"
local stages = require "yolua.eval.stages"
local stored = require "yolua.eval.stored"
local structs = require "yolua.options.structs"
local tensor = require "yolua.tensor"
local terminal = require "yolua.terminal"

local poster = {}

-- What the poster printed: precision ("mAP") and recall at score 0.5.
poster.published = {
  { "Original", Person = { .37, .47 }, Cyclist = { 0, 0 }, Car = { .44, .60 }, Train = { 0, 0 }, Truck = { .21, 1 } },
  { "Coco-FT", Person = { .70, .53 }, Cyclist = { .20, .11 }, Car = { .65, .82 }, Train = { 1, .11 }, Truck = { 1, .67 } },
  { "Coco-Full", Person = { .47, .33 }, Cyclist = { 1, .23 }, Car = { .70, .83 }, Train = { 0, 0 }, Truck = { 1, .23 } },
  { "KITTI-FT", Person = { .67, .18 }, Cyclist = { 0, 0 }, Car = { .97, .53 }, Train = { 0, 0 }, Truck = { .83, .36 } },
}
local COLUMNS = { "Person", "Cyclist", "Car", "Train", "Truck" }
-- What COCO and KITTI call them.
local NAMES = { Person = { "person", "Pedestrian" }, Cyclist = { "bicycle", "Cyclist" }, Car = { "car", "Car" },
  Train = { "train", "Tram" }, Truck = { "truck", "Truck" } }
local FIGURES = { "precision", "recall", "f1" }

local function rates(tp, fp, fn)
  return { precision = tp + fp > 0 and tp / (tp + fp) or nil, recall = tp + fn > 0 and tp / (tp + fn) or nil,
    f1 = tp + fn > 0 and 2 * tp / (2 * tp + fp + fn) or nil }
end

-- tp, fp and fn of each frame in the poster's metric: {{[class] = row}, ...}
local function by_frame(self)
  local out = {}
  for i, frame in ipairs(self.frames) do out[i] = stored.with_frames(self, { frame }):rows({ "poster" })[1].classes end
  return out
end

local function percentile(sorted, share)
  local place = 1 + share * (#sorted - 1)
  local low = math.floor(place)
  local high = math.min(low + 1, #sorted)
  return sorted[low] + (place - low) * (sorted[high] - sorted[low])
end

-- The figures of a class, each {value, low, high}, over `draws`: lists of frames.
local function figures(frames, class, draws)
  local tp, fp, fn = {}, {}, {}
  for i, classes in ipairs(frames) do
    local row = classes[class] or { tp = 0, fp = 0, fn = 0 }
    tp[i], fp[i], fn[i] = row.tp, row.fp, row.fn
  end
  local function of(list)
    local a, b, c = 0, 0, 0
    for _, i in ipairs(list) do a, b, c = a + tp[i], b + fp[i], c + fn[i] end
    return rates(a, b, c), a + c
  end
  local all = {}
  for i = 1, #frames do all[i] = i end
  local value, truths = of(all)
  local seen = { precision = {}, recall = {}, f1 = {} }
  for _, list in ipairs(draws) do
    local drawn = of(list)
    for _, key in ipairs(FIGURES) do table.insert(seen[key], drawn[key]) end
  end
  local out = { truths = truths }
  for _, key in ipairs(FIGURES) do
    table.sort(seen[key])
    out[key] = { value = value[key] }
    if value[key] and #seen[key] > 0 then
      out[key].low, out[key].high = percentile(seen[key], .025), percentile(seen[key], .975)
    end
  end
  return out
end

local function draws_of(count, replicates, seed)
  local uniform, draws = tensor.rand({ replicates * count, seed = seed }):totable(), {}
  for r = 1, replicates do
    local list = {}
    for i = 1, count do list[i] = 1 + math.min(count - 1, math.floor(uniform[(r - 1) * count + i] * count)) end
    draws[r] = list
  end
  return draws
end

local function verdict(theirs, ours)
  if not ours.low then return "n/a" end
  if theirs < ours.low then return "ours" end
  return theirs > ours.high and "the poster's" or "no difference seen"
end

local function shown(figure)
  if not figure.value then return "n/a" end
  return figure.low and ("%.2f (%.2f to %.2f)"):format(figure.value, figure.low, figure.high) or ("%.2f"):format(figure.value)
end

-- The name by which a stage's classes know a column; nil where they do not.
local function class_of(self, column)
  for _, name in ipairs(NAMES[column]) do
    for _, class in ipairs(self.classes or {}) do
      if (type(class) == "table" and class.name or class) == name then return name end
    end
  end
end

local function rows_of(theirs, self, draws)
  local frames, ap, rows = by_frame(self), self:rows({ "voc" })[1].classes, {}
  for _, column in ipairs(COLUMNS) do
    local class = class_of(self, column)
    if class then
      local row = figures(frames, class, draws)
      row.stage, row.class, row.published = theirs[1], column, { precision = theirs[column][1], recall = theirs[column][2] }
      row.ap = type(ap[class]) == "table" and tonumber(ap[class].ap) or nil
      rows[#rows + 1] = row
    end
  end
  return rows
end

local function f1(p, r) return p + r > 0 and 2 * p * r / (p + r) or 0 end

-- The poster's best F1 of a class.
function poster.best_f1(column)
  local best = 0
  for _, way in ipairs(poster.published) do best = math.max(best, f1(way[column][1], way[column][2])) end
  return best
end

local Table = { __name = "poster table" }

local HEAD = { "network", "class", "figure", "poster", "ours", "higher" }

function Table:__tostring()
  local columns = {}
  for i, name in ipairs(self.head) do columns[i] = { name, right = i == 4 or i == 5 } end
  return self.title .. "\n" .. table.concat(terminal.columns(columns, self.body), "\n")
end

-- Four lines of each row: precision, recall, F1 beside the best of the poster's ways, and AP of how many objects.
local function body_of(rows)
  local body = {}
  for _, r in ipairs(rows) do
    local best = poster.best_f1(r.class)
    local function line(figure, theirs, ours)
      body[#body + 1] = { r.stage, r.class, figure, ("%.2f"):format(theirs), shown(ours), verdict(theirs, ours) }
    end
    line("precision", r.published.precision, r.precision)
    line("recall", r.published.recall, r.recall)
    line("best F1", best, r.f1)
    body[#body + 1] = { r.stage, r.class, ("AP of %d"):format(r.truths), "", r.ap and ("%.2f"):format(r.ap) or "n/a", "" }
  end
  return body
end

-- Of a run whose stages bear the poster's names (Original, Coco-FT, Coco-Full, KITTI-FT; those that it has): {title, head, body, rows =
-- {{stage, class, truths, published = {precision, recall}, precision, recall, f1 = {value, low, high}, ap}, ...}}. Prints as a table, and
-- run:table(it) puts it into the run's report. Of a dry run without rows. Errors: a run that has none of these stages.
return setmetatable(poster, { __call = function(_, run)
  callback.argument(type(run) == "table" and run.dir, "yl.poster_table", "a run", run)
  local rows, known = {}, {}
  for _, name in ipairs(run.dry and {} or stages.list(run.dir)) do known[name] = true end
  for _, theirs in ipairs(poster.published) do
    local self = known[theirs[1]] and stages.read(run.dir, theirs[1])
    if self then
      local draws = draws_of(#self.frames, structs.field("compare", "replicates")[3], run.options.seed)
      table.move(rows_of(theirs, self, draws), 1, #COLUMNS, #rows + 1, rows)
    end
  end
  if #rows == 0 and not run.dry then error(("yl.poster_table: %s has none of the poster's stages"):format(run.dir), 2) end
  return setmetatable({ title = "The poster's table, and ours (precision and recall at score 0.5; the poster's frames are not known)",
    head = HEAD, body = body_of(rows), rows = rows }, Table)
end })
