-- The tables that a sweep leaves: sweep.csv with every figure of every stage, sweep.md with the last stage's for people. They are written
-- anew after each trial.
local core = require "yolua.core"
local eval = require "yolua.eval.protocols"
local grid = require("yolua.report.tables").grid

local tables = {}

local function exists(value) return value ~= nil and value ~= core.null and value == value end

-- The options by which the trials differ, sorted: their dotted keys, and a map of them per trial.
local function varied(trials)
  local maps, values, keys = {}, {}, {}
  for i, t in ipairs(trials) do
    maps[i] = {}
    for _, word in ipairs(t.words) do
      local key, value = word:match "^([^=]*)=(.*)$"
      maps[i][key], values[key] = value, values[key] or {}
    end
    maps[i].recipe, values.recipe = t.recipe, values.recipe or {}
  end
  for key, seen in pairs(values) do
    local count = 0
    for _, map in ipairs(maps) do
      local value = map[key] or ""
      if not seen[value] then seen[value], count = true, count + 1 end
    end
    if count > 1 then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys, maps
end

local function attribute_figures(row)
  local list = {}
  for _, a in ipairs(eval.attributes_of { row }) do list[#list + 1] = { ("%s %s"):format(a[1], a[2]), row[a[1]][a[2]] } end
  return list
end

-- The figures of a row that a table shows: {name, value} of the mean and of each class with truth.
function tables.figures(row)
  local list, names = {}, {}
  for name in pairs(type(row.classes) == "table" and row.classes or {}) do names[#names + 1] = name end
  table.sort(names)
  if row.protocol == "attributes" then return attribute_figures(row) end
  list[1] = { row.protocol .. " mean", row.map }
  if row.protocol == "coco" then
    for _, key in ipairs { "ap50", "ap75" } do list[#list + 1] = { "coco " .. key, row[key] } end
  end
  for _, name in ipairs(names) do
    local class = row.classes[name]
    if row.protocol == "kitti" then
      local level = exists(class) and class.moderate or nil
      list[#list + 1] = { ("kitti %s"):format(name), exists(level) and level.ap_r40 or core.null }
      if exists(level) and exists(level.aos_r40) then list[#list + 1] = { ("kitti %s AOS"):format(name), level.aos_r40 } end
    elseif row.protocol == "voc" then list[#list + 1] = { ("voc %s"):format(name), class.ap }
    elseif row.protocol == "poster" then list[#list + 1] = { ("poster %s F1"):format(name), class.f1 } end
  end
  return list
end

-- {stage = , figures = {name = value}} in the order of a result's stages; `order` collects the names.
local function stages(result, order)
  local list, by_name = {}, {}
  for _, row in ipairs(result and result.eval or {}) do
    local name = tostring(row.stage)
    if not by_name[name] then
      by_name[name] = { stage = name, figures = {} }
      list[#list + 1] = by_name[name]
    end
    for _, pair in ipairs(tables.figures(row)) do
      by_name[name].figures[pair[1]] = pair[2]
      if not order[pair[1]] then order[#order + 1], order[pair[1]] = pair[1], true end
    end
  end
  return list
end

local function number(value, format)
  if type(value) ~= "number" or value ~= value then return "" end
  return math.type(value) == "integer" and tostring(value) or format:format(value)
end

local function cell(text)
  text = tostring(text)
  return text:find '[,"\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

local function lead(t, keys, map)
  local cells = { t.number, t.name or "", t.hash, t.status, t.reason or "" }
  for _, key in ipairs(keys) do cells[#cells + 1] = map[key] or "" end
  return cells
end

-- One line a stage of a trial; a trial without a result has one line.
function tables.csv(trials)
  local keys, maps = varied(trials)
  local order, lines, all = {}, {}, {}
  for i, t in ipairs(trials) do all[i] = stages(t.result, order) end
  local head = { "trial", "name", "hash", "status", "reason" }
  table.move(keys, 1, #keys, #head + 1, head)
  table.move({ "epochs trained", "seconds", "stage" }, 1, 3, #head + 1, head)
  table.move(order, 1, #order, #head + 1, head)
  for i, t in ipairs(trials) do
    for _, stage in ipairs(#all[i] > 0 and all[i] or { { stage = "", figures = {} } }) do
      local cells = lead(t, keys, maps[i])
      cells[#cells + 1] = number(t.result and t.result.epochs, "%.17g")
      cells[#cells + 1] = number(t.result and t.result.seconds, "%.1f")
      cells[#cells + 1] = stage.stage
      for _, name in ipairs(order) do cells[#cells + 1] = number(stage.figures[name], "%.17g") end
      lines[#lines + 1] = cells
    end
  end
  table.insert(lines, 1, head)
  for i, cells in ipairs(lines) do
    for k, text in ipairs(cells) do cells[k] = cell(text) end
    lines[i] = table.concat(cells, ",")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function count(trials, status)
  local n = 0
  for _, t in ipairs(trials) do n = n + (t.status == status and 1 or 0) end
  return n
end

-- The same for people: the last stage of each trial, what failed below.
function tables.markdown(title, trials)
  local keys, maps = varied(trials)
  local order, body, failures = {}, {}, {}
  local head = { "trial", "name", table.unpack(keys) }
  local all = {}
  for i, t in ipairs(trials) do all[i] = stages(t.result, order) end
  table.move({ "status", "epochs trained", "seconds", "stage" }, 1, 4, #head + 1, head)
  table.move(order, 1, #order, #head + 1, head)
  for i, t in ipairs(trials) do
    local last, cells = all[i][#all[i]] or { stage = "", figures = {} }, { t.number, t.name or "" }
    for _, key in ipairs(keys) do cells[#cells + 1] = maps[i][key] or "" end
    table.move({ t.status, number(t.result and t.result.epochs, "%d"), number(t.result and t.result.seconds, "%.0f"), last.stage }, 1, 4,
      #cells + 1, cells)
    for _, name in ipairs(order) do cells[#cells + 1] = number(last.figures[name], "%.3f") end
    body[i] = cells
    if t.reason then failures[#failures + 1] = ("- trial %d (%s): %s"):format(t.number, t.hash, t.reason) end
  end
  local parts = { "# " .. title, "", ("%d of %d trials are done."):format(count(trials, "done"), #trials), "", grid(head, body) }
  if #failures > 0 then
    parts[#parts + 1] = "\n" .. table.concat(failures, "\n")
  end
  return table.concat(parts, "\n") .. "\n"
end

return tables
