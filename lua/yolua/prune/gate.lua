-- Judges a round that has ended: the network is kept, or the cut is taken back.
local checkpoint = require "yolua.train.checkpoint"
local marks = require "yolua.prune.marks"

local gate = { least = 0.002, tries = 3 } -- the smallest step that halving leaves; how often backing off retrains a round

-- Takes the last round back: the network as it was before its cut; the next round is that one again. again: {target, epochs} of it; nil:
-- the schedule is asked. why: the reason, for the line that says so and the epoch's record (`rollbacks`).
function gate.undo(rounds, t, st, again, why)
  local last = st.rounds[#st.rounds]
  rounds.snapshots:restore(t, st.prior)
  last.rolled_back, last.repeated = true, again and true or nil
  st.round, st.try, st.again, st.prior = st.round - 1, last.try + 1, again, nil
  marks.forget(st, st.round)
  rounds:tell(t, st)
  local note = { round = last.round, try = last.try, from = last.sparsity, to = rounds.now, why = why }
  st.rollbacks = st.rollbacks or {}
  table.insert(st.rollbacks, note)
  if not t.run then return end
  local try = note.try > 1 and (", try %d,"):format(note.try) or ""
  t.run:say("round %d%s is rolled back, from %.2f %% zeros to %.2f %%: %s", note.round, try, 100 * note.from, 100 * note.to, why)
end

local function of_try(st) return st.try > 1 and (", try %d,"):format(st.try) or "" end

-- Takes back a cut that the end of the training leaves no time to judge; where the training continues, its round begins again.
function gate.abandon(rounds, t, st)
  rounds.snapshots:restore(t, st.prior)
  local from = rounds.now
  st.again, st.prior, st.open, st.round = { target = st.asked, epochs = st.epochs }, nil, false, st.round - 1
  rounds:tell(t, st)
  if not t.run then return end
  t.run:say("round %d%s is taken back, from %.2f %% zeros to %.2f %%: the training of %d epochs ends before it could be judged",
    st.round + 1, of_try(st), 100 * from, 100 * rounds.now, t.epochs)
end

-- The rollbacks since the last epoch's record go into this one.
function gate.tell(st, record)
  record.rollbacks, st.rollbacks = st.rollbacks, nil
end

-- The sparsest network that passed, and of equally sparse ones the better: best.safetensors.
local function keep(t, st, record)
  local best, value = st.best, record.ap or record.dev_loss and -record.dev_loss or 0
  if best and (record.sparsity < best.sparsity or record.sparsity == best.sparsity and value <= best.value) then return end
  st.best = { round = record.round, sparsity = record.sparsity, flops = record.flops, value = value }
  checkpoint.save(t, "best.safetensors")
end

local function stop(t, st, why)
  st.done, t.stop = true, true
  if t.run then t.run:say("the gate ends the training%s, with this epoch; best.safetensors is the network before that cut", why) end
end

local ways = {}

function ways.stop(rounds, t, st, record, why)
  gate.undo(rounds, t, st, nil, why)
  stop(t, st, "")
  return record
end

function ways.halve(rounds, t, st, record, why)
  gate.undo(rounds, t, st, nil, why)
  st.gap = (rounds:gone(record, st.dense) - rounds:gone(rounds.base(st), st.dense)) / 2
  if st.gap < gate.least then return stop(t, st, (" at a step of %.2g %%"):format(200 * st.gap)) end
  if t.run then t.run:say("the gate: the next round goes at most %.2f %% further", 100 * st.gap) end
end

function ways.backoff(rounds, t, st, record, why)
  gate.undo(rounds, t, st, { target = st.asked, epochs = 2 * record.epochs }, why)
  if record.try >= gate.tries then return stop(t, st, (" after %d tries"):format(record.try)) end
  if t.run then t.run:say("the gate: the round is repeated with %g epochs", 2 * record.epochs) end
end

-- record: of the round that has ended.
function gate.judge(rounds, t, st, record)
  local most = rounds.o.max_drop
  local drop = most and record.ap and st.dense.ap - record.ap
  if not drop or drop <= most then
    keep(t, st, record)
    return marks.keep(t, st, record, rounds.o, 1 / rounds.count)
  end
  local why = ("%s fell by %.3f, more than %g, at %.2f %% zeros"):format(st.measure, drop, most, 100 * record.sparsity)
  ways[rounds.o.gate](rounds, t, st, record, why)
end

-- Before the first cut: where a gate may end everything, the dense network is the best so far.
function gate.start(rounds, t, st)
  if rounds.o.max_drop and not st.best then
    keep(t, st, { round = 0, sparsity = rounds.now, flops = st.dense.flops, ap = st.dense.ap, dev_loss = st.dense.dev_loss })
  end
end

return gate
