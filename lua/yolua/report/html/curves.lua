-- The plots of report.html and of the live page: what lies in plots/ of the run directory.
local core = require "yolua.core"
local parts = require "yolua.report.html.parts"
local tables = require "yolua.report.tables"
local files = core.files

local curves = {}

local function grid(run, list, name)
  local out = {}
  for i, file in ipairs(list) do
    out[i] = parts.plot(run.dir .. "/plots/" .. file, name:format(file:match "^%l%w%-(.*)%.svg$" or file:match "^(.*)%.svg$"))
  end
  return #out > 0 and '<div class="plots">\n' .. table.concat(out, "\n") .. "\n</div>" or nil
end

local function plot_files(run, pattern)
  local list = {}
  for _, file in ipairs(files.kind(run.dir .. "/plots") == "folder" and files.list(run.dir .. "/plots") or {}) do
    if file:find("^" .. pattern .. "%.svg$") then list[#list + 1] = file end
  end
  return list
end

-- How many objects of each class were asked for, by the stem of its plots' names.
local function truths(run)
  local count = {}
  for _, row in ipairs(run.results and run.results.eval or {}) do
    for class, r in pairs(row.protocol == "voc" and row.classes or {}) do
      if type(r) == "table" then count[class:gsub("[^%w_-]", "_")] = r.n_gt end
    end
  end
  return count
end

local SHOWN = 12 -- classes whose curves are on the page at once: the most frequent ones

local function by_class(run, stem, count)
  local list = plot_files(run, stem .. "%-.*")
  local function rank(file) return count[file:match("^" .. stem .. "%-(.*)%.svg$")] or 0 end
  table.sort(list, function(x, y) return rank(x) > rank(y) or rank(x) == rank(y) and x < y end)
  return table.move(list, 1, math.min(SHOWN, #list), 1, {}), table.move(list, SHOWN + 1, #list, 1, {})
end

-- Precision over recall and F1 over the threshold, of the most frequent classes; the others are folded. Three texts.
function curves.classes(run)
  local count = truths(run)
  local first, others = by_class(run, "pr", count)
  local f1, left_out = by_class(run, "f1", count)
  local shown, more, folded = grid(run, first, "Precision over recall: %s"), grid(run, others, "Precision over recall: %s"),
    grid(run, f1, "F1 over the score threshold: %s")
  local note = ("%d classes%s"):format(#f1, #left_out > 0 and ("; those of %d more are in plots/"):format(#left_out) or "")
  return shown, more and parts.fold("Precision over recall of the other classes", ("%d classes"):format(#others), more) or "",
    folded and parts.fold("F1 over the score threshold", note, folded) or ""
end

-- Losses and AP over the epochs, and the epochs as a table; nil where there are none.
function curves.training(run)
  local head, body = tables.epochs(run.epochs)
  if #body == 0 then return end
  local list = parts.table(head, body, { name = "Epochs", tall = true })
  local shown = grid(run, plot_files(run, "%l+"), "Over the epochs: %s") or ""
  if #body > 12 then return shown .. "\n" .. parts.fold("Epoch by epoch", ("%d epochs"):format(#body), list) end
  return shown .. "\n<h3>Epoch by epoch</h3>\n" .. list
end

return curves
