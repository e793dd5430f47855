-- What is told and kept of a pruning's rounds: a line for each, rounds.json, and the part of results.json. Timings lie there and not in the
-- policy's state, since equal runs leave equal checkpoints.
local core = require "yolua.core"
local document = require "yolua.report.document"
local marks = require "yolua.prune.marks"
local options = require "yolua.options.table"
local target = require "yolua.prune.target"

local record = {}

-- A round as a line. goal: what the rounds go to; o: the options.
function record.text(r, st, goal, o)
  local function number(format, value) return type(value) == "number" and format:format(value) or "n/a" end
  local round = r.try > 1 and ("round %d, try %d"):format(r.round, r.try) or ("round %d"):format(r.round)
  local left = goal == "flops" and ("%.2f %% of the FLOPs, "):format(100 * r.flops / st.dense.flops) or ""
  local dense = o.dense == 0 and "dense" or ("dense after %d epoch%s"):format(o.dense, o.dense == 1 and "" or "s")
  return ("%s: %s%.2f %% zeros, dev loss %s (%s %s), %s %s (%s %s)"):format(round, left, 100 * r.sparsity, number("%.4f", r.dev_loss),
    dense, number("%.4f", st.dense.dev_loss), st.measure or "AP", number("%.3f", r.ap), dense, number("%.3f", st.dense.ap))
end

local SHOWN <const> = 5e-5 -- what percentages do not show

-- Whether the schedule goes to the target: one of the user's own may go elsewhere, and the poster's takes the same part in each round.
function record.has_target(self)
  return options.explicit(self.o, "target." .. self.goal.key) or not self.own and rawget(self.o, "schedule") ~= "poster"
end

-- How a pruning ended that went otherwise than its rounds and its target say; nil where all went so.
function record.ending(self, t, st)
  local goal, back, dense = self.goal, 0, { flops = st.dense.flops, ms = st.device_ms or self.times.dense }
  local gone, wanted = self:gone(self.base(st), st.dense), (goal.key == "sparsity" or dense[goal.key]) and target.share(goal, dense) or 0
  local of, now = goal.key == "flops" and "FLOPs" or "milliseconds", goal.key == "sparsity" and self.now or gone
  local below = record.has_target(self) and now < wanted - math.max(self.one, SHOWN)
  for _, r in ipairs(st.rounds) do back = back + (r.rolled_back and 1 or 0) end
  if back == 0 and not below and not st.open then return nil end
  return ("the pruning ends with %.2f %% zeros%s%s%s%s"):format(100 * self.now,
    goal.key ~= "sparsity" and (", %.2f %% of the dense network's %s gone"):format(100 * gone, of) or "",
    below and (", below its target of %.2f %%"):format(100 * wanted) or "",
    back > 0 and ("; %d of its %d rounds %s rolled back"):format(back, #st.rounds, back == 1 and "was" or "were") or "",
    st.open and ("; round %d%s did not come to its end in %d epochs, so nothing has judged its cut (last.safetensors has it)"):format(
      st.round, st.try > 1 and (", try %d,"):format(st.try) or "", t.epochs) or "")
end

-- The rounds with what was timed, for results.json and rounds.json.
function record.publish(self, t, st, known_by)
  local known = not self.worked and t.run and document(t.run:path "rounds.json")
  if known then -- no round and no epoch was made: what the run was asked for stands
    t.run.pruning = known
    return known
  end
  local rounds, now = {}, self:size(t.model)
  for i, r in ipairs(st.rounds) do
    rounds[i] = { ms = self.times[i] or core.null }
    for key, value in pairs(r) do rounds[i][key] = value end
    if r.compact then
      rounds[i].compact = { ms = self.compact_times[i] or core.null }
      for key, value in pairs(r.compact) do rounds[i].compact[key] = value end
    end
    for _, key in ipairs { "dev_loss", "ap" } do rounds[i][key] = rounds[i][key] or core.null end
  end
  local dense = { ms = self.times.dense or core.null, device_ms = st.device_ms }
  for key, value in pairs(st.dense or {}) do dense[key] = value end
  local goal = self.goal.key == "sparsity" and self.goal.value or { [self.goal.key] = self.goal.value }
  local result = { target = goal, measure = st.measure, sparsity = now.sparsity, params = now.params,
    nonzero = now.nonzero, flops = now.flops, rounds = rounds, dense = dense, speed = self.speed, prunable = self.count,
    best = st.best and { round = st.best.round, sparsity = st.best.sparsity, flops = st.best.flops }, options = known_by,
    ramp = self.o.rounds - self.o.hold, of = self.o.rounds, kept = marks.list(st, self.o),
    settings = options.plain(self.o) }
  if not t.run then return result end
  t.run.pruning = result
  core.system.write(t.run:path "rounds.json", core.json.encode(result) .. "\n")
  return result
end

-- What an earlier part of the run timed.
function record.read_times(self, t, st)
  local known = document(t.run:path "rounds.json")
  if not known then return end
  local function number(value) return type(value) == "number" and value or nil end
  self.times.dense = number(known.dense and known.dense.ms)
  for i in ipairs(st.rounds) do
    local round = known.rounds and known.rounds[i] or {}
    self.times[i], self.compact_times[i] = number(round.ms), type(round.compact) == "table" and number(round.compact.ms) or nil
  end
end

return record
