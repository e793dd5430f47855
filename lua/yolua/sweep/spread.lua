-- The rows of several seeds as one: means, standard deviations, and a table of them.
local core = require "yolua.core"
local grid = require("yolua.report.tables").grid
local tables = require "yolua.sweep.tables"
local align = require("yolua.report.tables").align

local spread = {}

local function mean_of(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return sum / #values
end

-- The standard deviation of a sample.
local function deviation_of(values)
  local mean, sum = mean_of(values), 0
  for _, value in ipairs(values) do sum = sum + (value - mean) ^ 2 end
  return math.sqrt(sum / (#values - 1))
end

-- Values of one place in several rows, combined: numbers by `how`, tables key by key; texts that agree stay. Lists, whose lengths differ
-- from seed to seed, and what some row lacks, are null.
local function combine(values, how)
  local first, numbers = values[1], true
  for _, value in ipairs(values) do
    if type(value) ~= type(first) or value == core.null then return core.null end
    numbers = numbers and type(value) == "number"
  end
  if numbers then return how(values) end
  if type(first) ~= "table" then
    for _, value in ipairs(values) do
      if value ~= first then return core.null end
    end
    return first
  end
  if #first > 0 then return core.null end
  local out = {}
  for key in pairs(first) do
    local parts = {}
    for i, value in ipairs(values) do
      parts[i] = value[key]
      if parts[i] == nil then parts[i] = core.null end
    end
    out[key] = combine(parts, how)
  end
  return out
end

local FACTS = { "iou", "images", "n_gt" } -- of a row: what is no measurement

local function over(all, how)
  local rows = {}
  for i, row in ipairs(all[1]) do
    local values = {}
    for k, list in ipairs(all) do values[k] = list[i] end
    rows[i] = combine(values, how)
    rows[i].seeds = #all
    for _, key in ipairs(FACTS) do rows[i][key] = row[key] end
  end
  return rows
end

-- all: for each seed its rows, in the same order. Returns rows whose numbers are the means, or the sample's standard deviations.
function spread.mean(all) return over(all, mean_of) end
function spread.deviation(all) return over(all, deviation_of) end

-- ---- as a table --------------------------------------------------------------------------------------------------------

local function shown(value)
  return type(value) == "number" and value == value and ("%.3f"):format(value) or "n/a"
end

local function label(t)
  return t.fold and t.fold .. (t.seeds and (", seed %d"):format(t.seed) or "") or ("seed %d"):format(t.seed)
end

-- Of one stage: a line a figure; a column for each repeat, then the pooled or mean figure, then its spread.
local function stage_table(results, stage)
  local pooled, several = #results.folds > 0, results.seeds > 1
  local head, body = { "figure" }, {}
  for i, t in ipairs(results.trials) do head[i + 1] = label { fold = t.fold, seed = t.seed, seeds = several } end
  head[#head + 1] = pooled and (several and "pooled, mean" or "pooled") or "mean"
  if several then head[#head + 1] = "standard deviation" end
  local function figures(rows)
    local out = {}
    for _, row in ipairs(rows) do
      if row.stage == stage then
        for _, pair in ipairs(tables.figures(row)) do out[#out + 1], out[pair[1]] = pair[1], pair[2] end
      end
    end
    return out
  end
  local whole, single = figures(results.eval), {}
  for i, t in ipairs(results.trials) do single[i] = figures(t.eval) end
  local deviations = several and figures(results.spread)
  for i, name in ipairs(whole) do
    body[i] = { name }
    for _, list in ipairs(single) do table.insert(body[i], shown(list[name])) end
    table.insert(body[i], shown(whole[name]))
    if several then table.insert(body[i], shown(deviations[name])) end
  end
  return head, body
end

local function each_stage(results, visit)
  local seen = {}
  for _, row in ipairs(results.eval) do
    if not seen[row.stage] then
      seen[row.stage] = true
      visit(row.stage, stage_table(results, row.stage))
    end
  end
end

-- results.md of the repeats.
function spread.markdown(title, results)
  local parts = { "# " .. title, "", ("%d runs, %d epochs, %.0f s in all."):format(#results.trials, results.epochs, results.seconds), "" }
  each_stage(results, function(stage, head, body)
    parts[#parts + 1] = ("## %s\n\n%s\n"):format(stage, grid(head, body))
  end)
  return table.concat(parts, "\n")
end

-- The same for the terminal.
function spread.text(results)
  local parts = {}
  each_stage(results, function(stage, head, body)
    parts[#parts + 1] = stage .. "\n  " .. table.concat(align(head, body), "\n  ")
  end)
  return table.concat(parts, "\n")
end

return spread
