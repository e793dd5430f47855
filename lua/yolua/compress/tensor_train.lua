-- Tensor trains of matrices (Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33, 2011, algorithm 1; Novikov et al.,
-- "Tensorizing neural networks", NIPS 2015): a weight {out, in} whose outputs and inputs are counted by modes, as the cores of a layer
-- `tensor_train`. Each of the truncations gets error / sqrt(cores - 1), so that the whole error is within the one prescribed (theorem 2.2).
local factors = require "yolua.compress.factors"

local train = {}

local function primes(n)
  local list, p = {}, 2
  while n > 1 do
    if n % p == 0 then
      list[#list + 1] = p
      n = n // p
    else p = p * p > n and n or p + 1 end
  end
  return list
end

-- `count` as a product of so many modes, as alike as its prime factors allow; some are 1 where it has too few.
function train.modes(count, cores)
  local modes, list = {}, primes(count)
  for k = 1, cores do modes[k] = 1 end
  for i = #list, 1, -1 do
    local least = 1
    for k = 2, cores do
      if modes[k] < modes[least] then least = k end
    end
    modes[least] = modes[least] * list[i]
  end
  return modes
end

-- Counts the weight's inputs and outputs by modes, whose number it returns. cores: so many; default: as many as there are prime factors, at
-- most 4.
local function count_by_modes(w, cores)
  cores = cores or math.max(2, math.min(4, math.max(#primes(w.inner), #primes(w.out))))
  w.in_modes, w.out_modes = train.modes(w.inner, cores), train.modes(w.out, cores)
  return cores
end

function train.prepare(w, cores)
  cores = count_by_modes(w, cores)
  return { w = w, cores = cores, widest = (cores - 1) ^ 0.5 } -- an error at which all ranks are 1
end

local function product(list, from)
  local all = 1
  for k = from, #list do all = all * list[k] end
  return all
end

-- Takes one core after the other off the weight. choose(k, s): the rank behind core k, by the singular values there. Returns the ranks, and
-- the cores as {before, m, n, behind}.
local function take_apart(state, choose)
  local w, ranks, cores = state.w, {}, {}
  local left, before = w.value:reshape(1, w.out, w.inner), 1
  for k = 1, state.cores - 1 do
    local m, n, outs, ins = w.out_modes[k], w.in_modes[k], product(w.out_modes, k + 1), product(w.in_modes, k + 1)
    local matrix = left:reshape(before, m, outs, n, ins):permute(1, 2, 4, 3, 5):clone():reshape(before * m * n, outs * ins)
    local svd = k == 1 and state.first or { matrix:svd() }
    if k == 1 then state.first = svd end
    local u, s, v = table.unpack(svd)
    local rank = choose(k, s:totable())
    ranks[k], cores[k] = rank, factors.columns(u, rank):reshape(before, m, n, rank)
    left, before = (factors.rows(v, rank) * s[{ { 1, rank } }]:reshape(rank, 1)):reshape(rank, outs, ins), rank
  end
  cores[state.cores] = left:reshape(before, w.out_modes[state.cores], w.in_modes[state.cores], 1)
  return ranks, cores
end

function train.ranks(state, most)
  return (take_apart(state, function(_, s) return factors.rank(s, most / (state.cores - 1) ^ 0.5) end))
end

-- The largest ranks, given those before.
function train.full(state, ranks)
  local w, list, before = state.w, {}, 1
  for k = 1, state.cores - 1 do
    list[k] = math.min(before * w.out_modes[k] * w.in_modes[k], product(w.out_modes, k + 1) * product(w.in_modes, k + 1))
    before = ranks and ranks[k] or list[k]
  end
  return list
end

function train.count(w, ranks)
  local count = 0
  for k, n in ipairs(w.in_modes) do count = count + (ranks[k - 1] or 1) * w.out_modes[k] * n * (ranks[k] or 1) end
  return count
end

-- With all ranks 1.
function train.fewest(w, cores)
  count_by_modes(w, cores)
  return train.count(w, {})
end

-- One layer, and the weight that its cores make.
function train.parts(state, ranks)
  local w, numbers = state.w, {}
  local _, cores = take_apart(state, function(k) return ranks[k] end)
  local made = cores[1]:reshape(w.out_modes[1], w.in_modes[1], -1) -- {outs, ins, behind}
  for k, core in ipairs(cores) do
    local before, m, n, behind = table.unpack(core:shape())
    numbers["core" .. k] = core:permute(2, 4, 1, 3):clone()
    if k > 1 then
      local outs, ins = made:shape()[1], made:shape()[2]
      made = made:reshape(outs * ins, before):matmul(core:reshape(before, m * n * behind)):reshape(outs, ins, m, n, behind)
      made = made:permute(1, 3, 2, 4, 5):clone():reshape(outs * m, ins * n, behind)
    end
  end
  return { { kind = "tensor_train", numbers = numbers, product = made:reshape(w.out, 1, w.inner), options = {
    in_modes = table.concat(w.in_modes, ","), out_modes = table.concat(w.out_modes, ","), ranks = table.concat(ranks, ",") } } }
end

return train
