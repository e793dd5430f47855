-- dropout: which elements survive is Philox4x32-10 of (element, image, step, layer) under the seed; written here a second time.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function philox(counter, key)
  local c0, c1, c2, c3 = table.unpack(counter)
  local k0, k1 = table.unpack(key)
  for _ = 1, 10 do
    local p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
    c0, c1, c2, c3 = ((p1 >> 32) ~ c1 ~ k0) & 0xFFFFFFFF, p1 & 0xFFFFFFFF, ((p0 >> 32) ~ c3 ~ k1) & 0xFFFFFFFF, p0 & 0xFFFFFFFF
    k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
  end
  return { c0, c1, c2, c3 }
end

local function oracle(inputs, _, o, info)
  local x, y, p = inputs[1], {}, o.probability or 0.5
  if info.mode == "infer" then p = 0 end
  local count = x.h * x.w * x.c
  for i = 0, #x - 1 do
    local image, e = i // count, i % count
    local words = philox({ e // 4, image, info.step, info.index }, { info.seed, 0 })
    y[i + 1] = words[e % 4 + 1] >= p * 2 ^ 32 and x[i + 1] / (1 - p) or 0.0
  end
  return y, { x.n, x.h, x.w, x.c }
end

TestDropout = check.layer {
  kind = "dropout",
  oracle = oracle,
  tolerance = { forward = 1e-6, backward = 1e-5 },
  cases = {
    { input = { 2, 3, 5, 7 } },
    { options = { probability = 0.15 }, input = { 1, 9, 9, 5 } },
    { options = { probability = 0 }, input = { 1, 2, 3, 4 } },
    { mode = "infer", input = { 1, 2, 3, 4 } },
  },
}

function TestDropout.test_share_and_steps()
  local net = core.net { h = 50, w = 50, c = 16, layers = { { "dropout", probability = 0.3 } }, seed = 1 }
  local plan = net:plan { mode = "train", batch = 1, keep = true, whole_gradient = true }
  local ones = {}
  for i = 1, 40000 do ones[i] = 1 end
  plan:input(ones)
  local function zeros(step)
    plan:forward { seed = 4, step = step }
    local count, y = 0, plan:output(1)
    for i = 1, #y do count = count + (y[i] == 0 and 1 or 0) end
    return count, table.concat(y, " ")
  end
  local count, first = zeros(1)
  t.assertAlmostEquals(count / 40000, 0.3, 0.01)
  local _, second = zeros(2)
  local _, again = zeros(1)
  t.assertTrue(first ~= second)
  t.assertTrue(first == again)
end

-- Parts of a batch, and ranks, drop what the whole batch drops.
function TestDropout.test_parts_of_a_batch()
  local net = core.net { h = 5, w = 5, c = 3, layers = { { "dropout", probability = 0.3 } }, seed = 1 }
  local function kept(batch, first)
    local plan, ones = net:plan { mode = "train", batch = batch, keep = true, whole_gradient = true }, {}
    for i = 1, batch * 75 do ones[i] = 1 end
    plan:input(ones)
    plan:forward { seed = 4, step = 2, first_image = first }
    return table.concat((plan:output(1)), " ")
  end
  t.assertEquals(kept(2, 0) .. " " .. kept(1, 2), kept(3, 0))
  t.assertNotEquals(kept(1, 0), kept(1, 1))
end

os.exit(t.LuaUnit.run())
