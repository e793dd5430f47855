-- A step that a GPU launches as graphs is, bit for bit, one whose kernels are launched one by one: with dropout, whose masks differ from
-- step to step, a loss that changes after some images, clipping, other learning rates, another size, what is frozen, and masks.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

-- Prints the loss of each step, how much of it was launched as graphs, and in the end a fingerprint of every range.
local SCRIPT = [[
local core = require "yolua.core"
local layers = {
  { "conv2d", name = "one", filters = 6, size = 3, stride = 2, pad = true, bias = false, inputs = { 0 } }, { "batchnorm", name = "bn" },
  { "activation", activation = "leaky" }, { "dropout", name = "drop", probability = 0.4 },
  { "conv2d", name = "two", filters = 14, size = 1 },
  { "region", name = "head", anchors = { 1, 1.5, 2, 1 }, num = 2, classes = 2, prior_images = 10, inputs = { "two" } },
}
local net = core.net { h = 8, w = 12, c = 3, seed = 2, device = "cuda", layers = layers }
local truth = { { { 0.3, 0.4, 0.3, 0.5, 1, 0 } }, { { 0.6, 0.2, 0.5, 0.3, 0, 0 }, { 0.2, 0.7, 0.2, 0.2, 1, 0 } } }
local step = 0

local function plan_of(h, w)
  local plan = net:plan { mode = "train", batch = 2, h = h, w = w, keep = true }
  core.noise(plan, 3)
  return plan
end

local function fingerprint(values)
  local list = {}
  for i, value in ipairs(values) do list[i] = string.pack("f", value) end
  return core.files.hash_text(table.concat(list))
end

local function train(plan, steps, o)
  for _ = 1, steps do
    step = step + 1
    plan:forward { seed = 7, step = step, hold_statistics = o.hold, statistics_share = o.share and 1 / step or 0 }
    local parts, dropped = plan:loss(truth).head, fingerprint(plan:output "drop")
    plan:backward()
    core.step(net, { rule = "adam", lr = 1e-2 / step, clip = 0.5, images = 2, ema = 0.9 })
    print(step, ("%a %a %s"):format(parts.box, parts.object + parts.noobject + parts.class, dropped), "graphs", plan:captured())
  end
end

local plan = plan_of(8, 12)
train(plan, 7, {})
train(plan, 4, { share = true })
train(plan, 3, { hold = true })
local wide <close> = plan_of(8, 24)
train(wide, 4, {})
core.noise(plan, 3)
train(plan, 4, {})
plan:close()
net:freeze "one"
plan = plan_of(8, 12)
train(plan, 4, {})
net:set("two.weight", (function()
  local mask = {}
  for i = 1, 14 * 6 do mask[i] = i % 3 == 0 and 0 or 1 end
  return mask
end)(), "mask")
train(plan, 4, {})
for _, range in ipairs(net:ranges()) do print(range.name, fingerprint(net:get(range.name)), fingerprint(net:get(range.name, "ema"))) end
]]

-- What the script prints, without what it says about graphs; and that.
local function run(graphs)
  local file = os.tmpname()
  core.system.write(file, SCRIPT)
  local words = { "-c", 'YOLUA_CUDA_GRAPHS=$0 exec "$@"', graphs, program.path, file }
  local path = program.path
  program.path = "sh"
  local status, out, err = program.run(words)
  program.path = path
  os.remove(file)
  t.assertEquals(status, 0, err)
  local counts = {}
  for passes, steps in out:gmatch "graphs%s+(%d)%s+(%d)" do counts[#counts + 1] = passes .. "+" .. steps end
  return (out:gsub("graphs%s+%d%s+%d", "")), counts
end

TestGraphs = {}

function TestGraphs.testTheSameBits()
  local plain, none = run "0"
  local got, counts = run "1"
  t.assertEquals(got, plain)
  t.assertEquals(none, (function()
    local list = {}
    for i = 1, #none do list[i] = "0+0" end
    return list
  end)())
  t.assertEquals(#counts, 30)
  -- what runs first as it is, then is captured: everything; forward again where statistics are held; the other size's plan; after
  -- freezing a new plan and the optimizer; after the mask the optimizer
  t.assertEquals({ table.unpack(counts, 1, 7) }, { "0+0", "3+2", "3+2", "3+2", "3+2", "3+2", "3+2" })
  t.assertEquals({ table.unpack(counts, 8, 14) }, { "3+2", "3+2", "3+2", "3+2", "2+2", "3+2", "3+2" })
  t.assertEquals({ table.unpack(counts, 15, 18) }, { "0+2", "3+2", "3+2", "3+2" })
  t.assertEquals({ table.unpack(counts, 23, 30) }, { "0+0", "3+2", "3+2", "3+2", "3+0", "3+2", "3+2", "3+2" })
end

-- The masks of dropout differ from step to step.
function TestGraphs.testMasksDiffer()
  local seen, count = {}, 0
  for fingerprint in run("1"):gmatch "p[-+]%d+ (%S+)" do
    t.assertNil(seen[fingerprint])
    seen[fingerprint], count = true, count + 1
  end
  t.assertEquals(count, 30)
end

-- With times of each layer, calls are made one by one.
function TestGraphs.testTiming()
  local net = core.net { h = 4, w = 4, c = 3, seed = 2, device = "cuda", layers = { { "conv2d", filters = 2, size = 1 } } }
  local plan <close> = net:plan { mode = "infer", batch = 1 }
  core.noise(plan, 1)
  plan:timing(true)
  for _ = 1, 3 do plan:forward {} end
  t.assertEquals({ plan:captured() }, { 0, 0 })
  t.assertTrue(plan:seconds(1) > 0)
  plan:timing(false)
  for _ = 1, 2 do plan:forward {} end
  t.assertEquals({ plan:captured() }, { 1, 0 })
end

os.exit(t.LuaUnit.run())
