-- What a training takes: told before its first step, kept below recompute=, and the same results whatever is computed once more.
local t = require "luaunit"
local program = require "support.program"
local sanitizer = require "support.sanitizer"
local training = require "support.training"
local yl = require "yolua"

TestMemory = {}

local DEFAULTS = { epochs = 1, augment = { name = "none" }, imgsz = { 640, 384 }, batch = 8,
  deterministic = true } -- algorithms, whose memory differs, are chosen by sizes

-- Trains for an epoch; returns the values, what was said, and the training.
local function train(o, ...)
  local policies = { ... }
  local model = training.model()
  local run <close> = yl.run { out = os.tmpname() .. ".run" }
  local made, said = training.quietly(function()
    return yl.train { net = model, data = training.data(), run = run, options = training.options(DEFAULTS, o), table.unpack(policies) }
  end)
  local values = {}
  for _, range in ipairs(model.net:ranges()) do values[range.name] = model.net:get(range.name) end
  local file <close> = assert(io.open(run.dir .. "/log.txt"))
  said = said .. file:read "a"
  os.execute(("rm -r '%s' '%s'"):format(run.dir, (run.dir:gsub("%.run$", ""))))
  return values, said, made
end

local function told(said)
  return tonumber(said:match "takes ([%d.]+) MiB"), tonumber(said:match "about (%d+) MiB with the program")
end

-- In a process of its own, whose peak is known.
function TestMemory.test_told_before_the_first_step_and_right()
  sanitizer.skip(t, "takes memory of its own")
  local out = program.ok { training.top .. "/child.lua", "config=" .. training.top .. "/config.yaml", "epochs=1", "batch=8",
    "imgsz=640x384", "out=" .. training.top .. "/told" }
  local step, all = told(out)
  local peak = tonumber(out:match "peak (%d+)") / 2 ^ 20
  t.assertTrue(step > 50, out)
  t.assertTrue(math.abs(all - peak) <= 0.1 * peak, ("%g told, %g taken"):format(all, peak))
end

function TestMemory.test_recompute_gives_the_same_bits_in_less()
  local kept, said = train { ema = 0.9, recompute = "off" }
  local again, less = train { ema = 0.9, recompute = "auto" }
  t.assertEquals(again, kept)
  t.assertTrue(told(less) < told(said), ("%g, %g"):format(told(less), told(said)))
end

function TestMemory.test_a_limit_holds_for_the_process()
  sanitizer.skip(t, "takes memory of its own")
  local function peak(recompute)
    local result = program.json { "bench", "model=street", "mode=train", "batch=8", "imgsz=416x416", "runs=1", "algorithm=predicted",
      "recompute=" .. recompute }
    return result.peak_bytes / 2 ^ 20
  end
  local limit = math.floor(0.85 * peak "off")
  local taken = peak(limit)
  t.assertTrue(taken <= 1.05 * limit, ("%g MiB, at most %d"):format(taken, limit))
end

function TestMemory.test_refused()
  t.assertErrorMsgContains("option 'recompute': expected off, elementwise, auto or a whole number of MiB, got 'some'", train,
    { recompute = "some" })
  local ok, message = pcall(train, { recompute = "1" })
  t.assertFalse(ok)
  t.assertStrMatches(message, ".*recompute=1: %d+ MiB are taken by the program, parameters and pictures; a step of 8 images at 640x384 "
    .. "takes at least about %d+ MiB, and 1 are left: expected a higher limit, or fewer images at a time")
end

do -- a training, and what the process took
  local file <close> = assert(io.open(training.top .. "/child.lua", "w"))
  file:write [[
local yl = require "yolua"
local o = yl.options { protocol = "voc" }
local run <close> = yl.run(o)
yl.train { net = yl.load { cfg = o.cfg, names = o.names, seed = 1 }, data = yl.data(o.data), run = run, options = o }
print(("peak %d"):format(yl.core.machine().peak_bytes))
]]
end

training.run(t)
