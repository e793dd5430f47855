-- Evaluation rows as tables for people: plain text for the terminal, Markdown for results.md. No number stands without its
-- protocol's name; fractions have three digits, and what does not exist is "n/a".
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local terminal = require "yolua.terminal"

local tables = {}

local function exists(value) return value ~= nil and value ~= core.null and value == value end

local function fraction(value)
  if not exists(value) then return "n/a" end
  return type(value) == "number" and ("%.3f"):format(value) or tostring(value)
end

-- What a cell holds: a number as it is, or a text.
local function cell(value) return exists(value) and value or "n/a" end

-- COCO's -1 is "there is no truth".
local function coco_cell(value) return exists(value) and value >= 0 and value or "n/a" end

-- Numbers inside names count as numbers: class2 before class10.
function tables.by_name(a, b)
  local function key(name) return (name:gsub("%d+", function(digits) return ("%010d"):format(tonumber(digits) or 0) end)) end
  local x, y = key(a), key(b)
  return x < y or x == y and a < b
end

-- Every class that some row names, sorted.
local function class_names(rows)
  local names, known = {}, {}
  for _, row in ipairs(rows) do
    for name in pairs(row.classes) do
      if not known[name] then known[name], names[#names + 1] = true, name end
    end
  end
  table.sort(names, tables.by_name)
  return names
end

local function heads(first, names)
  for _, name in ipairs(names) do first[#first + 1] = terminal.name(name) end
  return first
end

local function class_of(row, name)
  local class = row.classes[name]
  return exists(class) and class or nil
end

local layouts = {}

function layouts.kitti(rows)
  local levels, head, body = { "easy", "moderate", "hard" }, { "stage", "mean moderate" }, {}
  local names = class_names(rows)
  for _, name in ipairs(names) do
    for _, level in ipairs(levels) do head[#head + 1] = terminal.name(name) .. " " .. level end
  end
  for i, row in ipairs(rows) do
    body[i] = { row.stage, cell(row.map) }
    for _, name in ipairs(names) do
      for _, level in ipairs(levels) do
        local class = class_of(row, name)
        table.insert(body[i], cell(class and exists(class[level]) and class[level].ap_r40 or nil))
      end
    end
  end
  return head, body
end

function layouts.voc(rows)
  local names, body = class_names(rows), {}
  for i, row in ipairs(rows) do
    body[i] = { row.stage, cell(row.map) }
    for _, name in ipairs(names) do table.insert(body[i], cell((class_of(row, name) or {}).ap)) end
  end
  return heads({ "stage", "mean" }, names), body
end

function layouts.coco(rows)
  local keys, body = { "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large", "ar1", "ar10", "ar100" }, {}
  for i, row in ipairs(rows) do
    body[i] = { row.stage }
    for _, key in ipairs(keys) do table.insert(body[i], coco_cell(row[key])) end
  end
  return { "stage", table.unpack(keys) }, body
end

function layouts.poster(rows)
  local names, body = class_names(rows), {}
  for i, row in ipairs(rows) do
    body[i] = { row.stage, cell(row.map) }
    for _, name in ipairs(names) do
      local class = class_of(row, name) or {}
      table.insert(body[i], ("%s/%s/%s"):format(fraction(class.precision), fraction(class.recall), fraction(class.f1)))
    end
  end
  return heads({ "stage", "mean precision" }, names), body
end

function layouts.attributes(rows)
  local names, has, head, body = class_names(rows), eval.attributes_of(rows), { "stage", "matched" }, {}
  for _, a in ipairs(has) do
    for _, name in ipairs(names) do head[#head + 1] = ("%s: %s"):format(a[1], terminal.name(name)) end
    head[#head + 1] = a[1] .. ": all"
  end
  for i, row in ipairs(rows) do
    body[i] = { row.stage, ("%d of %d"):format(row.matched, row.n_gt) }
    for _, a in ipairs(has) do
      for _, name in ipairs(names) do table.insert(body[i], cell(((class_of(row, name) or {})[a[1]] or {})[a[2]])) end
      table.insert(body[i], ("%s (%s)"):format(fraction(row[a[1]][a[2]]), fraction(row[a[1]].baseline)))
    end
  end
  return head, body
end

function layouts.top1(rows)
  local body = {}
  for i, row in ipairs(rows) do body[i] = { row.stage, row.error, tostring(row.n) } end
  return { "stage", "error", "pictures" }, body, "%.4f"
end

local captions = {
  kitti = "kitti: AP at 40 recall points", voc = "voc: AP, area under the curve, IoU 0.5", coco = "coco: AP over IoU .50:.95, and AR",
  attributes = "attributes: mean similarity of orientation, accuracy of occlusion, error of truncation, of matched objects (in brackets: "
    .. "the best constant answer)",
  poster = "poster (clean): precision/recall/F1 at score 0.5", top1 = "top1: share of pictures whose class is wrong",
}

-- What stands above the table: the protocol's name, the measure, and what it was measured on.
function tables.caption(protocol, rows)
  local row, text = rows[1], captions[protocol] or protocol
  if row and row.variant then text = text:gsub("%(clean%)", "(" .. row.variant .. ")") end
  if row and row.split then text = ("%s; split %s"):format(text, row.split) end
  if row and row.images then text = ("%s, %d images"):format(text, row.images) end
  return text
end

-- head, body: texts in columns, a line for each stage; and the lines with numbers as they are. Errors: a protocol that has no layout.
function tables.layout(protocol, rows)
  local layout = layouts[protocol] or error(("protocol '%s' has no table"):format(tostring(protocol)), 2)
  local head, exact, format = layout(rows)
  local body = {}
  for i, line in ipairs(exact) do
    body[i] = {}
    for k, value in ipairs(line) do body[i][k] = type(value) == "number" and (format or "%.3f"):format(value) or tostring(value) end
  end
  return head, body, exact
end

-- The same with a line for each class and a column for each stage. Classes of which no stage tells anything are left out and counted
-- in the corner.
function tables.turned(protocol, rows)
  local head, body, exact = tables.layout(protocol, rows)
  local lines, exact_lines, empty = {}, {}, 0
  for column = 2, #head do
    local line, numbers, told = { head[column] }, { head[column] }, false
    for i, row in ipairs(body) do
      line[i + 1], numbers[i + 1] = row[column], exact[i][column]
      told = told or row[column]:gsub("n/a", ""):find "%w" ~= nil
    end
    if told then lines[#lines + 1], exact_lines[#lines + 1] = line, numbers else empty = empty + 1 end
  end
  local corner = protocol == "coco" and "measure" or "class"
  local names = { empty == 0 and corner or ("%s (%d without truth left out)"):format(corner, empty) }
  for i, row in ipairs(body) do names[i + 1] = row[1] end
  return names, lines, exact_lines
end

local MOST_COLUMNS = 16 -- of a table for the terminal; with more classes it is turned

local function fitting(protocol, rows)
  local head, body = tables.layout(protocol, rows)
  if #head > MOST_COLUMNS then return tables.turned(protocol, rows) end
  return head, body
end

-- Rows by protocol, in the order of their first appearance: {{protocol, rows}, ...}.
function tables.by_protocol(rows)
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

-- The records of metrics.jsonl as head and body; a column of AP names its protocol, and is there where some epoch was scored.
function tables.epochs(epochs)
  local columns, protocol = { { "epoch", "epoch", "%g" }, { "learning rate", "lr", "%g" }, { "train loss", "train_loss", "%.4f" },
    { "dev loss", "dev_loss", "%.4f" }, { "images/s", "images_per_s", "%.1f" }, { "seconds", "seconds", "%.1f" } }, nil
  for _, e in ipairs(epochs) do protocol = protocol or exists(e.dev_ap) and (e.dev_protocol or "AP") end
  if protocol then table.insert(columns, 5, { "dev mean (" .. protocol .. ")", "dev_ap", "%.4f" }) end
  if #epochs > 0 and epochs[#epochs].training then table.insert(columns, 1, { "training", "training", "%g" }) end
  local head, body = {}, {}
  for i, c in ipairs(columns) do head[i] = c[1] end
  for i, e in ipairs(epochs) do
    local line = {}
    for k, c in ipairs(columns) do
      local value = e[c[2]]
      if c[2] == "training" then value = value or 1 end
      line[k] = type(value) == "number" and exists(value) and c[3]:format(value) or "n/a"
    end
    body[i] = line
  end
  return head, body
end

-- Aligned columns under their heads; returns lines.
function tables.align(head, body)
  return terminal.align({ head, table.unpack(body) }, function(i) return i > 1 end)
end

-- The rows of one protocol as plain text.
function tables.text(protocol, rows)
  local head, body = fitting(protocol, rows)
  return tables.caption(protocol, rows) .. "\n  " .. table.concat(tables.align(head, body), "\n  ")
end

-- A table in Markdown.
function tables.grid(head, body)
  local lines = { "| " .. table.concat(head, " | ") .. " |", "|" .. (" --- |"):rep(#head) }
  for _, cells in ipairs(body) do lines[#lines + 1] = "| " .. table.concat(cells, " | ") .. " |" end
  return table.concat(lines, "\n")
end

-- The rows of one protocol as a Markdown section.
function tables.markdown(protocol, rows)
  return "## " .. tables.caption(protocol, rows) .. "\n\n" .. tables.grid(fitting(protocol, rows)) .. "\n"
end

return tables
