-- Sparsities that the rounds of a pruning meet exactly (keep = {.5, .7, .9}), and whose networks are kept, at the end of the round that
-- reaches each, as sparsity-50.safetensors, ... in the run directory: the full state, from which a training continues.
local checkpoint = require "yolua.train.checkpoint"
local core = require "yolua.core"
local file_of = require("yolua.prune.finished").file
local options = require "yolua.options.table"

local marks = {}

local EPSILON <const> = 1e-9

-- Errors: marks that are no sparsities, or that the rounds never reach. o: keep; share: the sparsity at which the rounds end; nil where
-- that is not known beforehand.
function marks.check(o, share)
  local seen = {}
  local function refuse(format, ...) options.refuse(o, "keep", "prune: keep: " .. format, ...) end
  for _, mark in ipairs(rawget(o, "keep") or {}) do
    if not (mark > 0 and mark < 1) then refuse("expected sparsities above 0 and below 1 (.9 is 90 %%), got %g", mark) end
    if seen[mark] then refuse("expected each sparsity once, got %g twice", mark) end
    if share and mark > share + EPSILON then refuse("%g is never reached: expected at most the target, %g", mark, share) end
    seen[mark] = true
  end
end

-- The sparsity that the round goes to: the first mark on the way to `value`, or that. s: the state of a schedule.
function marks.reach(list, value, s)
  local next_one = value
  for _, mark in ipairs(list or {}) do
    if mark > s.sparsity + s.one and mark < next_one then next_one = mark end
  end
  if next_one < value - s.one and s.round >= s.rounds then
    core.system.warn(("prune: the last round stops at keep=%g on the way to %g: more rounds= would get there"):format(next_one, value))
  end
  return next_one
end

-- Keeps the network of a round that passed the gate under each mark that it has reached and no earlier one had.
function marks.keep(t, st, record, o, one)
  st.kept = st.kept or {}
  local have = {}
  for _, kept in ipairs(st.kept) do have[kept.mark] = true end
  for _, mark in ipairs(o.keep or {}) do
    if not have[mark] and record.sparsity > mark - one then
      st.kept[#st.kept + 1] = { mark = mark, sparsity = record.sparsity, round = record.round, epoch = record.epoch, file = file_of(mark) }
      checkpoint.save(t, file_of(mark))
      if t.run then t.run:say("%s is the network of round %d, %.2f %% zeros", file_of(mark), record.round, 100 * record.sparsity) end
    end
  end
end

-- Forgets what rounds after `round`, which were taken back, have kept.
function marks.forget(st, round)
  for i = #(st.kept or {}), 1, -1 do
    if st.kept[i].round > round then table.remove(st.kept, i) end
  end
end

-- The kept networks in the order of the option: {mark, sparsity, round, epoch, file}.
function marks.list(st, o)
  local out = {}
  for _, mark in ipairs(o.keep or {}) do
    for _, kept in ipairs(st.kept or {}) do
      if kept.mark == mark then out[#out + 1] = kept end
    end
  end
  return out
end

return marks
