-- Jobs whose calls of the system fail, one after the other (tests/faults/preload.c), and whether each failure is borne: one sentence
-- that says the reason, an exit status, earlier files as they were, nothing left behind; or the same result as without.
local core = require "yolua.core"
local program = require "support.program"
local files = core.files

local faults = { library = os.getenv "YOLUA_FAULTS_LIBRARY" }

-- What the sentence has to name, by the kind of the call: the reason that the system gave.
faults.reasons = { open = "Too many open files", read = "Input/output error", write = "No space left on device",
  sync = "Input/output error", rename = "Permission denied", mkdir = "Disk quota exceeded", map = "memory", close = "Input/output error",
  thread = "Resource temporarily unavailable", memory = "memory", ["memory.libraries"] = "memory" }

local function quoted(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

local function words_of(list)
  local words = {}
  for i, word in ipairs(list) do words[i] = quoted(word) end
  return table.concat(words, " ")
end

local function slurp(path)
  local f <close> = io.open(path, "rb")
  return f and f:read "a" or nil
end

-- Every file below a folder: path below it -> hash.
local function tree(folder, below, into)
  into = into or {}
  for _, name in ipairs(files.list(folder)) do
    local path, full = below and below .. "/" .. name or name, folder .. "/" .. name
    if files.kind(full) == "folder" then tree(full, path, into) else into[path] = files.hash(full) end
  end
  return into
end

-- A test's own folder: work/ is where jobs run, branches/ what failing ones left.
function faults.open(top, base) return { top = top, base = base, work = top .. "/work", branches = top .. "/branches" } end

-- The work folder as the job finds it; no branches.
function faults.prepare(place, job)
  local list = {}
  for i, name in ipairs(job.files) do list[i] = quoted(place.base .. "/" .. name) end
  os.execute(("rm -rf %s %s && mkdir %s %s"):format(quoted(place.work), quoted(place.branches), quoted(place.work), quoted(place.branches)))
  if #list > 0 then os.execute(("cp -a %s %s"):format(table.concat(list, " "), quoted(place.work))) end
end

-- Timeout's options: it waits until the program has ended, which holds the run's lock until then, and its status is the program's.
local TIMEOUT = "timeout --foreground --preserve-status -s KILL"

-- Runs the program with its list of words in a folder. Without a home there is no cache, and geometry alone chooses the
-- convolutions' algorithms, so that equal runs give equal bytes. Returns the status; 137 after that many seconds.
local function execute(folder, seconds, set, words, out, err)
  local _, _, status = os.execute(("cd %s && %s %.3f env -u XDG_CACHE_HOME -u HOME %s %s %s >%s 2>%s </dev/null")
    :format(quoted(folder), TIMEOUT, seconds, table.concat(set, " "), quoted(program.path), words_of(words), quoted(out), quoted(err)))
  return status
end

-- Runs the job with variables of the library's. Returns status, standard output, standard error.
function faults.run(place, job, variables)
  local out, err, set = place.top .. "/out.txt", place.top .. "/err.txt", {}
  for name, value in pairs(variables or {}) do set[#set + 1] = name .. "=" .. quoted(value) end
  set[#set + 1] = "LD_PRELOAD=" .. quoted(faults.library)
  return execute(place.work, 3600, set, job.words, out, err), slurp(out), slurp(err)
end

-- What the job leaves if nothing fails, and how many calls of each kind it makes: {counts, files, before, volatile, out}.
function faults.undisturbed(place, job)
  local seen
  for _ = 1, 2 do
    faults.prepare(place, job)
    local before = tree(place.work)
    local status, out, err = faults.run(place, job, { YOLUA_FAULT_COUNTS = place.top .. "/counts" })
    if status ~= 0 then error(("%s: status %d: %s"):format(job.name, status, err)) end
    local left = tree(place.work)
    if not seen then seen = { counts = {}, files = left, before = before, volatile = {}, out = job.prints and out }
    else
      for path, hash in pairs(left) do
        if seen.files[path] ~= hash then seen.volatile[path] = true end
      end
      if seen.out and seen.out ~= out then error(job.name .. ": equal runs print different results") end
    end
  end
  for _, path in ipairs(job.times or {}) do seen.volatile[path] = true end
  for kind, count in slurp(place.top .. "/counts"):gmatch "(%S+) (%d+)\n" do seen.counts[kind] = math.tointeger(count) end
  return seen
end

-- The sentence among the lines on standard error, and what is wrong with them.
local function complaint(err, status, reason)
  local sentences = {}
  for line in err:gmatch "[^\n]+" do
    if not line:find "^yolua: warning: " then sentences[#sentences + 1] = line end
  end
  if status == 0 then return #sentences > 0 and "it succeeds and complains" or nil end
  if status > 2 then return ("status %d"):format(status) end
  if #sentences ~= 1 then return ("expected one sentence, got %d"):format(#sentences) end
  if not sentences[1]:find "^yolua: ." then return "expected 'yolua: ' and a sentence" end
  if sentences[1] == "yolua: cannot write standard output" and reason == faults.reasons.write then return end -- a stream forgets why
  if not sentences[1]:find(reason, 1, true) then return ("the sentence does not say '%s'"):format(reason) end
end

-- What is wrong with the files that a failed, or successful, job left.
local function litter(seen, left, status, job)
  for path, hash in pairs(seen.before) do
    local may_change = seen.volatile[path] or job.may_change and path:find(job.may_change)
    local good = left[path] == hash or left[path] and (left[path] == seen.files[path] or may_change)
    if not good then return path .. (left[path] and " was damaged" or " is gone") end
  end
  for path, hash in pairs(left) do
    if path:find "%.part$" then return path .. " stays behind" end
    if not seen.files[path] and not seen.before[path] and not (status ~= 0 and job.may_leave and path:find(job.may_leave)) then
      return path .. " stays behind"
    end
    if status == 0 and hash ~= seen.files[path] and not seen.volatile[path] then return path .. " is another than without the failure" end
  end
  for path in pairs(status == 0 and seen.files or {}) do
    if not left[path] then return path .. " is missing" end
  end
end

-- What is wrong with what a job left and said: {status, out, err, work = folder}; nil if nothing is.
function faults.judge(seen, job, kind, made)
  local reason = faults.reasons[kind]
  local reported = job.reports and made.status < 2 and reason and made.out:find(reason, 1, true)
  local wrong = not reported and complaint(made.err, made.status, reason) or litter(seen, tree(made.work), made.status, job)
  local out = made.out or "" -- a copy lacks what was printed before it was made
  local same = not seen.out or #out <= #seen.out and seen.out:sub(#seen.out - #out + 1) == out
  if not wrong and not reported and made.status == 0 and not same then wrong = "it prints something else" end
  return wrong and ("%s: %s"):format(wrong, made.err:gsub("\n+$", ""):gsub("\n", " | ")) or nil
end

-- Runs the job with a fault for each call in turn, each in a copy of the process; returns the branches {n, status (nil: the process had
-- several threads, or the job is one that cannot be copied), first (of the same outcome), folder}, and how the job itself ended.
local function branches(place, job, fault, volatile)
  faults.prepare(place, job)
  local status, _, err = faults.run(place, job,
    { YOLUA_FAULT = fault, YOLUA_FAULT_BRANCHES = place.branches, YOLUA_FAULT_VOLATILE = volatile or "",
      YOLUA_FAULT_ALONE = job.alone and "1" })
  local list = {}
  for n, code, first in (slurp(place.branches .. "/outcomes") or ""):gmatch "(%d+) (%w+) (%d+)\n" do
    list[#list + 1] = { n = math.tointeger(n), status = math.tointeger(tonumber(code)), first = math.tointeger(first),
      folder = place.branches .. "/" .. first }
  end
  return list, status, err
end

-- The same where the copies are killed: the branches, whose folder's work/ is as the call would have found it.
function faults.branches(place, job, fault)
  local list, status, err = branches(place, job, fault)
  if status ~= 0 then error(("%s: the job itself ended with status %d: %s"):format(job.name, status, err)) end
  for _, branch in ipairs(list) do branch.folder = branch.folder .. "/work" end
  return list
end

-- Runs a call in the work folder, and kills it after so many seconds unless it is done. Returns the status (137: killed).
function faults.killed(place, call, seconds)
  return execute(place.work, seconds, {}, call, "/dev/null", "/dev/null")
end

-- Runs a call in a folder with the same algorithms as the jobs. Returns status and standard error.
function faults.call(place, folder, words)
  local err = place.top .. "/err.txt"
  return execute(folder, 3600, {}, words, "/dev/null", err), slurp(err)
end

local function count(result, status)
  local side = status == 0 and "done" or "refused"
  result.injected, result[side] = result.injected + 1, result[side] + 1
end

-- The same call again, where the last one failed: what is wrong with what both have made.
local function continued(place, job, seen)
  local status, _, err = faults.run(place, job)
  local wrong = status ~= 0 and ("status %d: %s"):format(status, err) or litter(seen, tree(place.work), status, job)
  return wrong and "the same call again: " .. wrong
end

-- Runs the job anew for call n.
local function alone(place, job, seen, kind, n, burst, result)
  faults.prepare(place, job)
  local fault = ("%s:%d:%d"):format(kind, n, burst)
  local status, out, err = faults.run(place, job, { YOLUA_FAULT = fault })
  local wrong = faults.judge(seen, job, kind, { status = status, out = out, err = err, work = place.work })
  count(result, status)
  if not wrong and job.continues and status ~= 0 then wrong = continued(place, job, seen) end
  if wrong then result.bad[#result.bad + 1] = ("%s %s: %s"):format(job.name, fault, wrong) end
end

-- Fails the chosen calls of that kind in turn ("/S": each S-th; "@D": number 1, 16, 256... of those to which the same D functions led),
-- `burst` calls in a row (0: all that follow): in a copy of the process; in a process of its own where it cannot be copied, `most` of
-- these at most, evenly spread. Returns {injected, refused, done, left_out, bad = {sentences}}.
function faults.each(place, job, seen, kind, choice, burst, most)
  local volatile, fault = {}, ("%s:%s:%d"):format(kind, choice, burst)
  for path in pairs(seen.volatile) do volatile[#volatile + 1] = path:match "[^/]*$" .. "," end
  local list, status, err = branches(place, job, fault, table.concat(volatile))
  local result, own = { injected = 0, refused = 0, done = 0, left_out = 0, bad = {} }, {}
  if status ~= 0 then result.bad[1] = ("%s %s: the job itself ended with status %d: %s"):format(job.name, fault, status, err) end
  for _, branch in ipairs(list) do
    if not branch.status then own[#own + 1] = branch.n
    else
      count(result, branch.status)
      local folder = branch.folder
      local wrong = branch.n == branch.first and faults.judge(seen, job, kind, { status = branch.status, out = slurp(folder .. "/out"),
        err = slurp(folder .. "/err"), work = folder .. "/work" })
      if wrong then result.bad[#result.bad + 1] = ("%s %s:%d:%d: %s"):format(job.name, kind, branch.n, burst, wrong) end
    end
  end
  local step = math.max(1, math.ceil(#own / most))
  for i = step, #own, step do alone(place, job, seen, kind, own[i], burst, result) end
  result.left_out = #own - #own // step
  return result
end

-- "a,b" -> a set; nil -> nil.
local function names(text)
  local set = text and {}
  for name in (text or ""):gmatch "[^,]+" do set[name] = true end
  return set
end

-- What the tests of tests/faults/ share. YOLUA_FAULTS=all: every call fails; YOLUA_FAULTS=D: number 1, 16, 256... of those to which the
-- same D functions led; YOLUA_FAULTS_JOB and YOLUA_FAULTS_KIND: only those (a,b).
function faults.test(t)
  if not faults.library then
    print "SKIP: this build has no library that makes calls fail"
    os.exit(0)
  end
  local test, wanted = {}, os.getenv "YOLUA_FAULTS"
  local depth = math.tointeger(tonumber(wanted))
  if wanted and wanted ~= "all" and not (depth and depth > 0) then
    error(("YOLUA_FAULTS=%s: expected all, or how many functions tell calls apart"):format(wanted))
  end
  local only, only_kind = names(os.getenv "YOLUA_FAULTS_JOB"), names(os.getenv "YOLUA_FAULTS_KIND")
  local top = program.tiny()

  -- The jobs; `chosen`: a set of names.
  function test.jobs(make, chosen)
    local list, base = make(top, chosen or only)
    test.place = faults.open(top, base)
    return list
  end

  function test.undisturbed(job) return faults.undisturbed(test.place, job) end

  -- About `some` failing calls, evenly spread, or those that YOLUA_FAULTS asks for; a line that tells of them; adds what is wrong to the
  -- list `bad`.
  function test.each(job, seen, kind, burst, some, bad)
    local calls = seen.counts[kind]
    if calls == 0 or only_kind and not only_kind[kind] then return end
    local choice = wanted == "all" and "/1" or depth and "@" .. depth or "/" .. math.max(1, calls // some)
    local r = faults.each(test.place, job, seen, kind, choice, burst, wanted and math.huge or 5)
    local how = burst == 0 and "from then on" or burst == 1 and "once" or burst .. " in a row"
    print(("%-12s %-16s %-12s %6d calls, %6d failed: %6d refused, %6d done all the same, %d not borne; %d left out"):format(job.name,
      kind, how, calls, r.injected, r.refused, r.done, #r.bad, r.left_out))
    if #r.bad > 0 then print("  " .. table.concat(r.bad, "\n  ")) end
    io.stdout:flush()
    table.move(r.bad, 1, #r.bad, #bad + 1, bad)
  end

  function test.finish()
    local status = t.LuaUnit.run()
    os.execute("rm -r " .. quoted(top))
    os.exit(status)
  end

  return test
end

return faults
