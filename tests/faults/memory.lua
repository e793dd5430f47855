-- No memory: allocations fail in turn in a small job of each verb, those of the program and of Lua's library, and those of other
-- libraries. Two fail in a row, since Lua tries again when it has collected its garbage; or all that follow.
--
--   YOLUA_FAULTS=all ctest -R faults/memory    every allocation; without, some of each verb's
--   YOLUA_FAULTS=6 ctest -R faults/memory      of those to which the same 6 functions led: number 1, 16, 256...
local t = require "luaunit"
local fault_jobs = require "support.fault_jobs"
local faults = require "support.faults"

local test = faults.test(t)

TestMemory = {}

local list = test.jobs(fault_jobs)

-- The ways that one function more tells apart are more, and each is tried.
function TestMemory.testWays()
  local job = list[1]
  t.skipIf(job.alone, job.name .. ": not every call is tried in a process of its own")
  local seen, injected = test.undisturbed(job), {}
  for depth = 1, 3 do
    local r = faults.each(test.place, job, seen, "memory", "@" .. depth, 0, 5)
    t.assertEquals(r.bad, {})
    injected[depth] = r.injected
  end
  t.assertTrue(0 < injected[1] and injected[1] < injected[2] and injected[2] < injected[3] and injected[3] < seen.counts.memory // 10,
    table.concat(injected, " "))
end

for _, job in ipairs(list) do
  TestMemory["test_" .. job.name] = function()
    local seen, bad = test.undisturbed(job), {}
    for _, kind in ipairs { "memory", "memory.libraries" } do
      for _, burst in ipairs { 2, 0 } do test.each(job, seen, kind, burst, 15, bad) end
    end
    t.assertEquals(table.concat(bad, "\n"), "")
  end
end

test.finish()
