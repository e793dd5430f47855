-- Steps: what they allocate, and that memory stays flat however many there are.
--
--   YOLUA_STEPS=10000 ctest -R lua/train/steps    as many steps as that, instead of 1200
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local sanitizer = require "support.sanitizer"
local training = require "support.training"

local wanted = math.tointeger(tonumber(os.getenv "YOLUA_STEPS" or 1200))

TestSteps = {}

-- Bytes of the process that are in memory; nil where the system does not say.
local function resident()
  local f <close> = io.open "/proc/self/statm"
  local pages = f and f:read "a":match "^%d+ (%d+)"
  return pages and math.tointeger(pages) * 4096
end

-- The training, once: at the end of each epoch what Lua holds, the allocations of the epoch's steps but the first, what is resident.
local epochs
function TestSteps.setUp()
  if epochs then return end
  epochs = {}
  local before, in_steps = nil, 0
  local ears = { name = "ears", on = {
    epoch_start = function() before, in_steps = nil, 0 end,
    step = function()
      local now = core.alloc_count()
      if before then in_steps = in_steps + now - before end
      before = core.alloc_count()
    end,
    epoch_end = function()
      collectgarbage()
      epochs[#epochs + 1] = { lua = collectgarbage "count" * 1024, in_steps = in_steps, resident = resident() }
    end,
  } }
  local data = training.data { workers = 1, limit = 24 }
  local o = training.options({ epochs = wanted // 24, batch = 1, imgsz = { 32, 32 }, optim = { name = "sgd", lr = 1e-4 } }, {})
  o.data = { features = 0, workers = 1 }
  local trainer = yl.train { net = training.model(), data = data, options = o, ears }
  t.assertEquals(trainer.step, wanted // 24 * 24)
end

function TestSteps.testNothingIsAllocated()
  local early, last = epochs[10], epochs[#epochs]
  for i = 2, #epochs do t.assertEquals(epochs[i].in_steps, 0, "epoch " .. i) end
  t.assertTrue(last.lua - early.lua < 1000 * (#epochs - 10), ("Lua holds %d bytes, and held %d"):format(last.lua, early.lua))
end

function TestSteps.testMemoryIsFlat()
  sanitizer.skip(t, "keeps what is freed")
  local early, last = epochs[10], epochs[#epochs]
  t.assertTrue(last.resident - early.resident < 2 ^ 20, ("%d bytes are resident, and %d were"):format(last.resident, early.resident))
  print(("%d steps: Lua %+d bytes, resident %+d bytes since epoch 10"):format(wanted // 24 * 24, last.lua - early.lua,
    last.resident - early.resident))
end

training.run(t)
