-- One training by several processes (ranks): mpirun -n 4 yolua RECIPE.lua key=value ..., also with `train` and `prune`. MPI is Open
-- MPI's, a plug-in that the build makes where it is installed; the ranks need the same data and run folder.
--
--   mpirun --bind-to none -n 2 yolua train data=kitti data.root=DIR batch=16
--
-- All ranks run the same program. batch= is that of all of them together: each takes its share of every batch, in as many parts as
-- subdivisions= says, and their gradients are summed, in a fixed order, while backward runs. Order, augmentation and dropout do not depend
-- on the number of ranks. Rank 0 evaluates, decides (stop, best, pruning), prints and writes files.
--
-- Batch-norm uses the statistics of each rank's own images, and the running ones are the mean over the ranks; statistics=sync takes those
-- of all images of the ranks, so that results agree up to rounding by any number of ranks, as they do with statistics=running.
-- deterministic=true gives the same bits by any number of ranks with the same threads each: a batch is computed in `subdivisions` parts,
-- a multiple of the ranks, each by itself (batch-norm too), and sums go in the order of the parts.
--
-- The first line tells the threads of each rank. mpirun binds one or two ranks to a core each; --bind-to none frees them, and the
-- processors are then divided. With device=cuda each rank of a machine has a GPU of its own, and gradients go by NCCL (libnccl.so.2)
-- where that is installed, else through the host's memory. A rank that fails or dies ends all. resume= continues from the last
-- checkpoint, also by another number of ranks.
--
-- In a recipe yl.ranks.rank is this process's number, from 0, and yl.ranks.size how many there are. What is different on each rank
-- (a clock, a folder's content) must not decide anything: yl.ranks.first(f) gives all ranks what f returns on rank 0.
local core = require "yolua.core"
local state = require "yolua.options.state"

local ranks = { rank = 0, size = 1 }

-- Whether a launcher started this process with others.
function ranks.launched() return core.ranks.launched() > 1 end

-- Of several processes on one machine that are free to use every processor each gets its share. Returns words about threads.
local function share_threads()
  local machine, local_size = core.machine(), select(3, core.ranks.launched())
  if machine.processors < machine.online and machine.processors < machine.online // local_size then
    return (" (the launcher bound this rank to %d of %d processors: mpirun --bind-to none frees them)"):format(machine.processors,
      machine.online)
  end
  if machine.processors == machine.online and not os.getenv "OMP_NUM_THREADS" then
    core.system.threads(math.max(1, machine.processors // local_size))
  end
  return ""
end

-- On the other ranks a file is opened to be written nowhere, and neither renamed nor removed.
local function write_nothing()
  local open = io.open
  local function done() return true end
  rawset(io, "open", function(path, mode, ...)
    if mode and mode:find "[wa+]" then path = "/dev/null" end
    return open(path, mode, ...)
  end)
  rawset(os, "rename", done)
  rawset(os, "remove", done)
  core.ranks.fall_silent()
end

-- Joins the others. Errors: no plug-in, or not the launcher's MPI.
function ranks.open()
  if ranks.size > 1 or not ranks.launched() then return end
  core.ranks.open()
  ranks.rank, ranks.size = core.ranks.here()
  local words = share_threads()
  if ranks.rank > 0 then return write_nothing() end
  print(("%d ranks, %d thread%s each%s"):format(ranks.size, core.system.threads(), core.system.threads() == 1 and "" or "s", words))
end

local function pack(ok, ...) return { ok = ok, n = select("#", ...), ... } end

-- What f returns on rank 0, given to all: plain data. Its error is thrown by all.
function ranks.first(f, ...)
  if ranks.size == 1 then return f(...) end
  local mine
  if ranks.rank == 0 then
    mine = pack(pcall(f, ...))
    local told = { ok = mine.ok, n = mine.n, values = mine.ok and table.move(mine, 1, mine.n, 1, {}) or { tostring(mine[1]) } }
    core.ranks.broadcast(core.json.encode(state.pack(told)))
  else
    local told = state.unpack(core.json.decode(core.ranks.broadcast()))
    mine = table.move(told.values, 1, told.n, 1, { ok = told.ok, n = told.n })
  end
  if not mine.ok then error(mine[1], 0) end
  return table.unpack(mine, 1, mine.n)
end

-- Every rank's value (plain data), a list in the order of ranks.
function ranks.all(value)
  if ranks.size == 1 then return { value } end
  local list = core.ranks.gather(core.json.encode(state.pack { value = value }))
  for i, text in ipairs(list) do list[i] = state.unpack(core.json.decode(text)).value end
  return list
end

-- The end of the program: where every rank failed in the same way, rank 0 says it; where only some did, they say it, and all end.
-- say(sentence): prints it. Returns the exit status.
function ranks.finish(status, sentence, say)
  if ranks.size == 1 then -- also where a launcher's processes were refused, before they had joined
    local first = select(2, core.ranks.launched()) == 0
    if sentence and first then say(sentence) end
    if sentence and not first then core.process.rest(1) end -- the launcher ends all when one ends
    return status
  end
  local failed = core.ranks.finish(sentence ~= nil, sentence and 2 or 0)
  if failed == ranks.size then
    if ranks.rank == 0 then say(sentence) end
  elseif sentence then say(("rank %d: %s"):format(ranks.rank, sentence)) end
  io.stdout:flush()
  if not failed then core.ranks.end_all(status ~= 0 and status or 1) end
  return status ~= 0 and status or failed > 0 and 1 or 0
end

return ranks
