-- Calls that open, read, write, sync, rename or close a file, make a folder or map memory fail in turn, in a small job of each verb: once,
-- or from then on. A write may also take half of what it was given.
--
--   YOLUA_FAULTS=all ctest -R faults/files    every call; without, some of each verb's, evenly spread
local t = require "luaunit"
local fault_jobs = require "support.fault_jobs"
local faults = require "support.faults"

local test = faults.test(t)

TestFiles = {}

for _, job in ipairs(test.jobs(fault_jobs)) do
  TestFiles["test_" .. job.name] = function()
    local seen, bad = test.undisturbed(job), {}
    for _, kind in ipairs { "open", "read", "write", "sync", "rename", "mkdir", "map", "close" } do
      for _, burst in ipairs { 1, 0 } do test.each(job, seen, kind, burst, 4, bad) end
    end
    test.each(job, seen, "short", 1, 4, bad)
    t.assertEquals(table.concat(bad, "\n"), "")
  end
end

test.finish()
