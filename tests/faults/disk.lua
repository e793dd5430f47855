-- Disks that are full, or cannot be written: training, and resuming it, end in one sentence, and what was there stays.
local t = require "luaunit"
local core = require "yolua.core"
local fault_jobs = require "support.fault_jobs"
local faults = require "support.faults"
local program = require "support.program"

local test = faults.test(t)
local list = test.jobs(fault_jobs, { train = true, resume = true })
local place = test.place

TestDisk = {}

-- The disk takes so many bytes and no more; the write that does not fit is cut short.
function TestDisk.testFull()
  for _, job in ipairs(list) do
    local seen, failed = test.undisturbed(job), 0
    for _, bytes in ipairs { 0, 1, 5000, 77777, 160000, 300001, 500000, 900000 } do
      faults.prepare(place, job)
      local status, out, err = faults.run(place, job, { YOLUA_FAULT = "space:" .. bytes })
      t.assertNil(faults.judge(seen, job, "write", { status = status, out = out, err = err, work = place.work }), job.name .. " " .. bytes)
      failed = failed + status
    end
    t.assertTrue(failed >= 6, "most of these disks are too small")
  end
end

-- A shell's lines with a folder that is a file system of its own; nil where that cannot be made.
local function mounted(options, lines)
  local _, _, status = os.execute(("unshare -m sh -c 'mkdir -p \"%s/small\" && mount -t tmpfs -o %s none \"%s/small\" && %s' 2>/dev/null")
    :format(place.top, options, place.top, lines))
  return status
end

-- The same with a file system of the kernel's.
function TestDisk.testSmallFileSystems()
  if mounted("size=1m", "true") ~= 0 then return print "SKIP: no file system can be mounted here" end
  local call = {}
  for i, word in ipairs(list[1].words) do call[i] = word:gsub("^out=.*", "out=" .. place.top .. "/small/run") end
  local line = ("%s %s >/dev/null 2>\"%s/said\"; echo $? >\"%s/status\"; ls -A \"%s/small\" >\"%s/left\""):format(program.path,
    table.concat(call, " "), place.top, place.top, place.top, place.top)
  for options, reason in pairs { ["size=60k"] = "No space left on device", ro = "Read%-only file system" } do
    t.assertEquals(mounted(options, line), 0)
    t.assertEquals(core.system.read(place.top .. "/status"), "1\n")
    t.assertStrMatches(core.system.read(place.top .. "/said"), "yolua: [^\n]*" .. reason .. "\n")
    t.assertNil(core.system.read(place.top .. "/left"):find "%.part")
  end
end

test.finish()
