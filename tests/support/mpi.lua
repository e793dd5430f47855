-- Runs the program as several ranks, where Open MPI is installed and the plug-in was built.
local program = require "support.program"
local sanitizer = require "support.sanitizer"

local mpi = {}

local function exists(path)
  local f = io.open(path)
  if f then f:close() end
  return f ~= nil
end

-- The line that says why nothing can be tested, or nil.
function mpi.missing()
  if not os.execute "command -v mpirun >/dev/null 2>&1" then return "SKIP: mpirun is not installed (openmpi-bin)" end
  local plugin = program.path:match "^(.*)/[^/]*$" .. "/libyolua_mpi.so"
  if not exists(plugin) then return "SKIP: the MPI plug-in was not built (libopenmpi-dev)" end
end

-- The words of a shell that start n ranks of one thread each; `more`: other words for it.
function mpi.launcher(n, more)
  return ("%s OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 timeout %d "
    .. "mpirun --oversubscribe --bind-to none -n %d %s"):format(sanitizer.ranks, sanitizer.patience(120), n, more or "")
end

local function quoted(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

-- mpi.run(n, words, environment) -> status, what was printed, what was complained about. One rank needs no launcher.
function mpi.run(n, words, environment)
  local list = {}
  for i, word in ipairs(words) do list[i] = quoted(word) end
  local err = os.tmpname()
  local start = n == 1 and "OMP_NUM_THREADS=1" or mpi.launcher(n)
  local pipe = io.popen(("cd %s && %s %s %s %s 2>%s </dev/null"):format(quoted(program.source), environment or "", start,
    quoted(program.path), table.concat(list, " "), err))
  local out = pipe:read "a"
  local _, _, status = pipe:close()
  local f = assert(io.open(err))
  local complaint = f:read "a"
  f:close()
  os.remove(err)
  return status, out, complaint
end

return mpi
