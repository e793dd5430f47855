-- Snapshots: what a network holds, put aside and back; and the check that masks hold.
local t = require "luaunit"
local core = require "yolua.core"

local SLABS = { "value", "momentum", "adam_m", "adam_v", "ema" }

local function network(filters)
  return core.net { h = 1, w = 1, c = 3, seed = 1,
    layers = { { "conv2d", filters = filters or 2, size = 1 }, { "batchnorm", name = "conv1.bn" } } }
end

local function step(net, rule)
  for i, name in ipairs { "conv1.weight", "conv1.bias" } do net:tensor(name, "grad"):fill_(i) end
  core.step(net, { rule = rule, lr = 0.1, momentum = 0.9, ema = 0.5 })
end

-- All numbers of the slabs that there are, as one text, with the ranges' counts of steps.
local function all(net)
  local parts = {}
  for _, slab in ipairs { "mask", table.unpack(SLABS) } do
    for _, r in ipairs(core.has_slab(net, slab) and net:ranges() or {}) do
      local ok, numbers = pcall(net.get, net, r.name, slab)
      parts[#parts + 1] = ok and ("%s %s %s %d"):format(slab, r.name, table.concat(numbers, ","), r.steps) or nil
    end
  end
  return table.concat(parts, "\n")
end

TestSnapshot = {}

function TestSnapshot.testEverythingComesBack()
  for _, rule in ipairs { "sgd", "adam" } do
    local net = network()
    net:set("conv1.weight", { 0, 1, 1, 1, 1, 1 }, "mask")
    step(net, rule)
    local before, versions = all(net), net:ranges()
    local s <close> = core.snapshot(net)
    net:set("conv1.weight", { 0, 0, 1, 0, 1, 1 }, "mask")
    step(net, rule)
    step(net, rule)
    t.assertNotEquals(all(net), before)
    s:restore(net)
    t.assertEquals(all(net), before, rule)
    for i, r in ipairs(net:ranges()) do t.assertTrue(r.version > versions[i].version) end -- plans pack anew
    s:restore(net) -- more than once
    t.assertEquals(all(net), before)
    core.prune.check(net)
  end
end

-- A slab that was made since is as a new one: no old moments, nothing masked, an average that starts from the values.
function TestSnapshot.testWhatWasMadeSince()
  local net = network()
  local s <close> = core.snapshot(net)
  local before = net:get "conv1.weight"
  net:set("conv1.weight", { 0, 0, 1, 0, 1, 1 }, "mask")
  step(net, "adam")
  local held = net:tensor("conv1.weight", "ema")
  s:restore(net)
  t.assertEquals(net:get "conv1.weight", before)
  t.assertEquals(net:get("conv1.weight", "mask"), { 1, 1, 1, 1, 1, 1 })
  t.assertEquals(net:get("conv1.weight", "adam_m"), { 0, 0, 0, 0, 0, 0 })
  t.assertEquals(held:reshape(-1):totable(), before)
  t.assertEquals(net:ranges()[1].steps, 0)
end

function TestSnapshot.testRefusals()
  local s = core.snapshot(network())
  t.assertErrorMsgContains("the snapshot is of another network", s.restore, s, network(3))
  s:close()
  t.assertErrorMsgContains("closed", s.restore, s, network())
end

TestCheck = {}

function TestCheck.testEverySlabIsLookedAt()
  local net = network()
  core.prune.check(net) -- without masks
  net:set("conv1.weight", { 1, 1, 1, 0, 1, 1 }, "mask")
  step(net, "adam")
  core.prune.check(net)
  t.assertEquals(core.nonzero(net, "conv1.weight"), 5)
  t.assertErrorMsgContains("no parameter 'conv9.weight'", core.nonzero, net, "conv9.weight")
end

os.exit(t.LuaUnit.run())
