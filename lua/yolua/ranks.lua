-- The processes that train one network together: `mpirun -n 4 yolua RECIPE.lua ...`. All run the same program; each computes its share of
-- every batch, and their gradients are summed. What only one can decide or do (clocks, files, folders) is rank 0's: the others are given
-- its answer. They write no file and print nothing.
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
