-- The networks that a pruning has kept (its option keep), as recipes go through them:
--
--   rows:each(f)      calls f(row) for each
--   rows:ends(4)      the epochs that each has by its end, if it is trained on for four
local callback = require "yolua.options.callback"
local finished = require "yolua.prune.finished"
local options = require "yolua.options.table"

local kept, Rows = {}, {}
Rows.__index = Rows

function Rows:each(f)
  for _, row in ipairs(self) do f(row) end
end

function Rows:ends(more)
  local out = {}
  for i, row in ipairs(self) do out[i] = row.epoch + more end
  return out
end

local function named(list)
  local rows, most = {}, 0
  for i, item in ipairs(list) do
    rows[i] = { name = ("%g %%"):format(100 * item.mark), tuned = finished.file(item.mark):gsub("%.safetensors$", "-tuned%0") }
    for key, value in pairs(item) do rows[i][key] = value end
    most = math.max(most, item.mark)
  end
  for _, row in ipairs(rows) do row.sparsest = row.mark == most end
  return setmetatable(rows, Rows)
end

-- yl.prune.kept(run): the networks that a pruning has kept (its option keep), in that order. run: of yl.run, or the path of its directory.
-- Returns a list of {mark = the sparsity named in keep, name = "90 %", sparsity, round, epoch, file = its checkpoint in the run directory,
-- tuned = the name for what it becomes when it is trained on, sparsest = true of one}. Of a dry run, those that its rounds would reach.
-- Errors: nothing was pruned in this run, or none was kept.
function kept.kept(run)
  if type(run) == "string" then return named(finished.rounds(run, "yl.prune.kept").kept or {}) end
  callback.argument(type(run) == "table", "yl.prune.kept", "a run (of yl.run) or the path of its directory", run)
  if run.dry then return named(run.dry.kept or {}) end
  if not run.pruning then error(options.position() .. ": yl.prune.kept: nothing was pruned in this run", 0) end
  if #run.pruning.kept == 0 then
    error(("%s: yl.prune.kept: none of the sparsities in keep= was reached: the last round had %.1f %% zeros"):format(options.position(),
      100 * run.pruning.sparsity), 0)
  end
  return named(run.pruning.kept)
end

return kept
