-- Prunings side by side: how far each got before its AP fell.
local callback = require "yolua.options.callback"
local finished = require "yolua.prune.finished"
local terminal = require "yolua.terminal"

local ablation = {}

local Table = { __name = "ablation" }

local function percent(x) return type(x) == "number" and ("%.1f %%"):format(100 * x) or "-" end

local HEAD = { "pruning", "asked", "zeros", "AP dense", "AP", "of dense", "nine tenths up to", "half from" }

local function body_of(rows)
  local body = {}
  for i, r in ipairs(rows) do
    body[i] = { r.name, percent(r.asked), percent(r.sparsity), ("%.3f"):format(r.ap_dense), ("%.3f"):format(r.ap), percent(r.share),
      percent(r.nine_tenths), percent(r.half) }
  end
  return body
end

function Table:__tostring()
  local columns = {}
  for i, name in ipairs(self.head) do columns[i] = { name, right = i > 1 } end
  return table.concat(terminal.columns(columns, self.body), "\n")
end

local function number(x) return type(x) == "number" and x or nil end

local WHO <const> = "yl.prune.ablation"

local function row(name, dir)
  local known = finished.rounds(dir, WHO)
  local dense = number(known.dense.ap) or 0
  local out = { name = name, dir = dir, nine_tenths = 0, sparsity = known.dense.sparsity, asked = known.dense.sparsity, ap = dense }
  for _, r in ipairs(known.rounds) do
    local asked, ap = number(r.asked) or r.sparsity, number(r.ap) or 0
    if ap >= 0.9 * dense then out.nine_tenths = math.max(out.nine_tenths, asked) end
    if ap <= 0.5 * dense and not out.half then out.half = asked end
    if not r.rolled_back then out.asked, out.sparsity, out.ap = asked, r.sparsity, ap end
  end
  out.ap_dense, out.share = dense, dense > 0 and out.ap / dense or nil
  return out
end

-- yl.prune.ablation(run, { { "literal", RUNDIR }, ... }): of each run of a pruning the last round that was not taken back (zeros asked
-- for, zeros that there were, AP), of all rounds the largest sparsity asked for at which AP was at least nine tenths of the dense
-- network's, and the smallest at which it was half or less. Prints as a table, and run:table(it) puts it into the run's report; {title,
-- head, body, rows = {{name, dir, asked, sparsity, ap, ap_dense, share, nine_tenths, half}, ...}}. Of a dry run without rows.
function ablation.ablation(run, list)
  callback.argument(type(list) == "table", WHO, "a list of {name, run directory}", list)
  local rows = {}
  for _, pair in ipairs(run.dry and {} or list) do
    local good = type(pair) == "table" and type(pair[1]) == "string" and type(pair[2]) == "string"
    callback.argument(good, WHO, "a list of {name, run directory}, each two texts", pair)
  end
  for i, pair in ipairs(run.dry and {} or list) do rows[i] = row(pair[1], pair[2]) end
  return setmetatable({ title = "Ablation", head = HEAD, body = body_of(rows), rows = rows }, Table)
end

return ablation
