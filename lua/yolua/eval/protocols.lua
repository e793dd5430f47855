-- Scores after the four evaluation protocols: their options, the rows of a report, and the rows as text.
local core = require "yolua.core"
local terminal = require "yolua.terminal"

-- protocols: those that score boxes, with a mean; all: and labels beside box and class, of networks that predict them.
local eval = { protocols = { "kitti", "voc", "coco", "poster" }, all = { "kitti", "voc", "coco", "poster", "attributes" } }

-- Every class name that KITTI's files know.
eval.kitti_names = { "Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare" }

-- The class names that KITTI's files may hold: KITTI's own, or those that a user gives.
function eval.known_names(classes)
  if not classes then return eval.kitti_names end
  local names = table.move(classes, 1, #classes, 1, {})
  names[#names + 1] = "DontCare"
  return names
end

-- What a set's method of that name takes.
local arguments = {}

function arguments.kitti(o) return { curves = o.curves } end

-- A protocol's options with what only the caller knows.
local function with(o, more)
  for key, value in pairs(o or {}) do
    if more[key] == nil then more[key] = value end
  end
  return more
end

function arguments.voc(o, more) return with(o.voc, { classes = more.classes }) end

function arguments.coco(o, more)
  local neighbours = o.coco and o.coco.neighbours
  return with(o.coco, { classes = not neighbours and more.classes or nil })
end

function arguments.poster(o, more)
  return with(o.poster, { classes = more.classes, reduce = more.reduce })
end

function arguments.attributes(_, more) return { classes = more.classes } end

-- Errors: no such protocol, with the nearest.
local function arguments_of(name, o, more)
  if arguments[name] then return arguments[name](o, more) end
  local near = require("yolua.options.schema").did_you_mean(name, eval.all, "protocol")
  error(("protocol: expected some of %s, got '%s'%s"):format(table.concat(eval.all, ", "), name, near), 3)
end

-- The resampler of a protocol (core.eval_set) and its classes' names; o and more as below.
function eval.resampler(name, set, o, more)
  local given = arguments_of(name, o, more or {})
  given.curves = nil
  return set[name .. "_resampler"](set, given)
end

-- eval.rows(set, o, more): a row per protocol of o.protocol, in that order, each with "protocol", "split" and "stage".
-- o: protocol = {names}, and the group `protocols` of yolua.options.fields. more: split, stage; classes = the class list of voc, coco
-- and poster (see core.eval_set); reduce = true: the poster's metric first keeps one class per box and suppresses.
function eval.rows(set, o, more)
  local rows = {}
  more = more or {}
  for i, name in ipairs(o.protocol) do
    local row = set[name](set, arguments_of(name, o, more))
    row.split, row.stage = more.split or core.null, more.stage or core.null
    rows[i] = row
  end
  return rows
end

-- ---- as text ---------------------------------------------------------------------------------------------------------------

local function percent(value)
  if value == nil or value == core.null or value < 0 then return "-" end
  return ("%.2f"):format(100 * value)
end

local columns = {
  voc = { { "n_gt" }, { "n_det" }, { "tp" }, { "fp" }, { "ap07", percent }, { "ap", percent } },
  coco = { { "n_gt" }, { "ap", percent }, { "ap50", percent }, { "ap75", percent }, { "ap_small", percent },
    { "ap_medium", percent }, { "ap_large", percent }, { "ar100", percent } },
  poster = { { "tp" }, { "fp" }, { "fn" }, { "precision", percent }, { "recall", percent }, { "f1", percent } },
}

local function sorted(classes)
  local names = {}
  for name in pairs(classes) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function kitti_lines(row)
  local lines = { { "class", "level", "n_gt", "AP R40", "AP R11", "AOS R40" } }
  for _, name in ipairs(sorted(row.classes)) do
    local class = row.classes[name]
    if class == core.null then
      lines[#lines + 1] = { name, "not evaluated: no detection (0 in the mean where it has truth)", "", "", "", "" }
    else
      for _, level in ipairs { "easy", "moderate", "hard" } do
        local l = class[level]
        lines[#lines + 1] = { name, level, tostring(l.n_gt), percent(l.ap_r40), percent(l.ap_r11), percent(l.aos_r40) }
      end
    end
  end
  return lines
end

local ATTRIBUTES = { { "orientation", "similarity" }, { "occlusion", "accuracy" }, { "truncation", "error" } }

-- The columns of an attribute that some class has: {name, measure, ...}.
function eval.attributes_of(rows)
  local out = {}
  for _, a in ipairs(ATTRIBUTES) do
    local some = false
    for _, row in ipairs(rows) do some = some or row[a[1]].n > 0 end
    if some then out[#out + 1] = a end
  end
  return out
end

local function attribute_lines(row)
  local lines, has = { { "class", "n_gt", "matched" } }, eval.attributes_of { row }
  for _, a in ipairs(has) do table.move({ a[1] .. " " .. a[2], "baseline" }, 1, 2, #lines[1] + 1, lines[1]) end
  local function add(name, class)
    local line = { name, tostring(class.n_gt), tostring(class.matched) }
    for _, a in ipairs(has) do table.move({ percent(class[a[1]][a[2]]), percent(class[a[1]].baseline) }, 1, 2, #line + 1, line) end
    lines[#lines + 1] = line
  end
  for _, name in ipairs(sorted(row.classes)) do add(name, row.classes[name]) end
  add("all", row)
  return lines
end

local function class_lines(row, list)
  local head, lines = { "class" }, {}
  for i, column in ipairs(list) do head[i + 1] = column[1] end
  lines[1] = head
  for _, name in ipairs(sorted(row.classes)) do
    local line = { name }
    for i, column in ipairs(list) do line[i + 1] = (column[2] or tostring)(row.classes[name][column[1]]) end
    lines[#lines + 1] = line
  end
  return lines
end

local function title(row)
  local words = {}
  if row.protocol == "attributes" then
    return ("attributes of objects that a detection of score %g matches (IoU > %g), beside the best constant answer"):format(row.score,
      row.iou)
  end
  if row.protocol == "voc" then
    words = { "IoU " .. (row.compare == "gt" and "> " or ">= ") .. row.iou, row.plus1 and "+1" or "no +1" }
    if row.difficult == "hard" then words[#words + 1] = "hard truths forgive" end
  elseif row.protocol == "coco" then words = { "DontCare " .. row.dontcare }
  elseif row.protocol == "poster" then words = { row.variant, "its mAP is precision at score 0.5" } end
  local note = #words > 0 and " (" .. table.concat(words, ", ") .. ")" or ""
  return ("%s%s: mAP %s"):format(row.protocol, note, percent(row.map))
end

-- The row as lines of text, in percent; every number stands under its protocol's name.
function eval.text(row)
  if row.protocol == "top1" then return ("top1: error %s %% of %d pictures"):format(percent(row.error), row.n) end
  local lines = row.protocol == "kitti" and kitti_lines(row) or row.protocol == "attributes" and attribute_lines(row)
    or class_lines(row, columns[row.protocol])
  lines = terminal.align(lines, function(i) return i > 1 and lines[1][i] ~= "level" end)
  return title(row) .. "\n  " .. table.concat(lines, "\n  ")
end

-- ---- what lies behind the scores ------------------------------------------------------------------------------------------

local function fixed(value) return value ~= core.null and ("%.3f"):format(value) or "n/a" end

-- set:curves' result as a table of each class's best working point: its head and its lines, classes with truth only.
function eval.best_points(curves)
  local lines = {}
  for _, name in ipairs(sorted(curves)) do
    local best = curves[name].best
    if curves[name].n_gt > 0 then
      lines[#lines + 1] = { name, tostring(curves[name].n_gt), fixed(best.score), fixed(best.precision), fixed(best.recall),
        fixed(best.f1) }
    end
  end
  return { "class", "truths", "score", "precision", "recall", "F1" }, lines
end

-- set:confusion's result as a table, its head and its lines: a line per true class, a column per seen one. Classes that neither
-- occur nor are seen are left out.
function eval.confusion_table(confusion)
  local kept, head, lines, n = {}, { "true \\ seen" }, {}, #confusion.classes
  for i = 1, n do
    local sum = 0
    for k = 1, n do sum = sum + confusion.matrix[i][k] + confusion.matrix[k][i] end
    if sum > 0 then kept[#kept + 1] = i end
  end
  for _, i in ipairs(kept) do
    local line = { confusion.classes[i] }
    head[#head + 1] = confusion.classes[i]
    for _, k in ipairs(kept) do line[#line + 1] = tostring(confusion.matrix[i][k]) end
    lines[#lines + 1] = line
  end
  return head, lines
end

return eval
