-- Where zeros may stand: pattern=none, N:M (2:4), block, kernel, ... (prune/patterns/NAME.lua).
--
-- A pattern has, all optional: fits(range, how) (others stay as they are), prepare(entries, how) -> shared,
-- keep(range, score, mask, how, shared), which writes +infinity over the scores of what stays, and for units of several numbers
-- rules(o, scope) (of a pattern that makes its own cuts, as channel does),
-- unit(how) -> their size, fold(range, score, mask, how) -> the units' scores and masks, unfold(range, mask, how) -> the numbers' mask.
local core = require "yolua.core"
local options = require "yolua.options.table"
local schema = require "yolua.options.schema"

local pattern = {}

local function names()
  local list = core.options.modules "lua/yolua/prune/patterns/"
  for i, name in ipairs(list) do list[i] = name == "nm" and "N:M" or name end
  return list
end

-- o: pattern, entries, block. Returns the pattern's module and what it is told: {n, m, entries, block}.
function pattern.of(o)
  local text = o.pattern or "none"
  local function refuse(key, format, ...) options.refuse(o, key, "prune: pattern: " .. format, ...) end
  local n, m = text:match "^(%d+):(%d+)$"
  if n then
    n, m = math.tointeger(tonumber(n)), math.tointeger(tonumber(m))
    if n < 1 or n >= m or m > 1024 then refuse("pattern", "expected N:M with 1 <= N < M <= 1024, got '%s'", text) end
    return require "yolua.prune.patterns.nm", { n = n, m = m }
  end
  local known = names()
  for _, name in ipairs(known) do
    if name == text then
      local block = o.block or { 8, 1 }
      for _, size in ipairs(block) do
        if size % 1 ~= 0 or size < 1 then refuse("block", "block: expected two whole numbers of at least 1, got %g", size) end
      end
      if #block ~= 2 then refuse("block", "block: expected two numbers, OUT,IN, got %d", #block) end
      return require("yolua.prune.patterns." .. name),
        { entries = o.entries or 3, block = { math.tointeger(block[1]), math.tointeger(block[2]) } }
    end
  end
  refuse("pattern", "unknown pattern '%s'%s (%s)", text, schema.did_you_mean(text, known), table.concat(known, ", "))
end

-- Writes into the scores what the pattern keeps. entries: of score.all.
function pattern.apply(module, how, entries)
  local fitting = {}
  for _, entry in ipairs(entries) do
    if not module.fits or module.fits(entry.range, how) then fitting[#fitting + 1] = entry
    else
      entry.stays = true
      entry.score:fill_(math.huge)
    end
  end
  local shared = module.prepare and module.prepare(fitting, how)
  for _, entry in ipairs(module.keep and fitting or {}) do module.keep(entry.range, entry.score, entry.mask, how, shared) end
  for _, entry in ipairs(module.fold and fitting or {}) do
    entry.unit_score, entry.unit_mask = module.fold(entry.range, entry.score, entry.mask, how)
  end
end

return pattern
