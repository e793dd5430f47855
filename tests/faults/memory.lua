-- No memory: allocations fail in turn in a small job of each verb, those of the program and of Lua's library, and those of other
-- libraries. Two fail in a row, since Lua tries again when it has collected its garbage; or all that follow.
--
--   YOLUA_FAULTS=all ctest -R faults/memory    every allocation; without, some of each verb's
local t = require "luaunit"
local fault_jobs = require "support.fault_jobs"
local faults = require "support.faults"

local test = faults.test(t)

TestMemory = {}

for _, job in ipairs(test.jobs(fault_jobs)) do
  TestMemory["test_" .. job.name] = function()
    local seen, bad = test.undisturbed(job), {}
    for _, kind in ipairs { "memory", "memory.libraries" } do
      for _, burst in ipairs { 2, 0 } do test.each(job, seen, kind, burst, 15, bad) end
    end
    t.assertEquals(table.concat(bad, "\n"), "")
  end
end

test.finish()
