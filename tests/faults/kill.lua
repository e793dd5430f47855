-- SIGKILL in the middle of a training, then resume: every checkpoint that is there loads, and the run ends in the same bytes as one that
-- nobody disturbed.
--
--   YOLUA_FAULTS=all ctest -R faults/kill     at every call that concerns a file, and at 200 random moments; without, at a few
local t = require "luaunit"
local core = require "yolua.core"
local fault_jobs = require "support.fault_jobs"
local faults = require "support.faults"
local yl = require "yolua"
local files = core.files

local test = faults.test(t)
local all = os.getenv "YOLUA_FAULTS" == "all"
local job = test.jobs(fault_jobs, { train = true })[1]
job.words[#job.words + 1] = "epochs=3"
local NAMES = { "last.safetensors", "best.safetensors" }

TestKill = {}

-- What the undisturbed run ends with.
local whole
function TestKill:setUp()
  if whole then return end
  faults.prepare(test.place, job)
  local started = core.system.clock()
  t.assertEquals(faults.run(test.place, job), 0)
  whole = { seconds = core.system.clock() - started }
  for _, name in ipairs(NAMES) do whole[name] = files.hash(test.place.work .. "/run/" .. name) end
end

-- Checkpoints load, whatever moment the folder is of. Returns whether there is one to resume from.
local function check_checkpoints(folder, moment)
  for _, name in ipairs(NAMES) do
    local path = folder .. "/run/" .. name
    if files.kind(path) then t.assertTrue(pcall(yl.load, { model = path }), moment .. ": " .. path .. " does not load") end
  end
  return files.kind(folder .. "/run/last.safetensors") ~= nil
end

local function check_end(folder, moment)
  for _, name in ipairs(NAMES) do t.assertEquals(files.hash(folder .. "/run/" .. name), whole[name], moment .. ": " .. name) end
  t.assertEquals(select(2, core.system.read(folder .. "/run/metrics.jsonl"):gsub("\n", "")), 3, moment)
end

-- What lies in a folder when its run was killed, and how it continues. A run that had no time to say what it is begins anew.
local function resume(folder, moment)
  local has_checkpoint = check_checkpoints(folder, moment)
  if not files.kind(folder .. "/run/config.yaml") then return t.assertFalse(has_checkpoint, moment) end
  local status, err = faults.call(test.place, folder, { "train", "resume=run" })
  t.assertEquals(status, 0, moment .. ": " .. err)
  check_end(folder, moment)
  return true
end

-- At a call that opens, reads, writes, syncs, renames or closes a file, or makes a folder: what the call was to do is not done.
function TestKill:testAtCalls()
  local states, killed = faults.branches(test.place, job, "kill:/1"), 0
  t.assertTrue(#states > 40)
  local step = all and 1 or #states // 6
  local resumed, folders = 0, 0
  for i = step, #states, step do
    local state = states[i]
    t.assertEquals(state.status, 128 + 9)
    killed, folders = killed + 1, folders + (state.n == state.first and 1 or 0)
    if state.n == state.first or not all then -- the others left the same files
      resumed = resumed + (resume(state.folder, "call " .. state.n) and 1 or 0)
    end
  end
  print(("killed at %d of %d calls, %d resumed"):format(killed, #states, resumed))
  t.assertTrue(resumed > 0)
end

-- At random moments, a run again and again until it is done.
function TestKill:testAtRandomMoments()
  local kills, runs, wanted = 0, 0, all and 200 or 5
  local random = math.random
  math.randomseed(17)
  while kills < wanted do
    faults.prepare(test.place, job)
    runs = runs + 1
    local call, done = job.words, false
    for _ = 1, 50 do
      local moment = ("kill %d"):format(kills + 1)
      local status = faults.killed(test.place, call, random() * 1.2 * whole.seconds)
      done = status == 0
      if done then break end
      t.assertEquals(status, 128 + 9, moment)
      kills = kills + 1
      check_checkpoints(test.place.work, moment)
      local begun = files.kind(test.place.work .. "/run/config.yaml")
      call = begun and { "train", "resume=run" } or job.words
      if not begun then os.execute(("rm -rf '%s/run'"):format(test.place.work)) end
    end
    if not done then t.assertEquals((faults.call(test.place, test.place.work, { "train", "resume=run" })), 0) end
    check_end(test.place.work, ("run %d"):format(runs))
  end
  print(("killed at %d random moments of %d runs"):format(kills, runs))
end

test.finish()
