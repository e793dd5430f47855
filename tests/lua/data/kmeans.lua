-- Anchors: clusters that are obvious, an independent check of optimality, determinism, refusals.
local t = require "luaunit"
local kmeans = require "yolua.data.kmeans"

TestKmeans = {}

local function boxes()
  local list, state = {}, 7
  local function noise()
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  end
  for _, c in ipairs { { 10, 12 }, { 40, 90 }, { 200, 60 } } do
    for _ = 1, 50 do list[#list + 1] = { c[1] * (0.95 + 0.1 * noise()), c[2] * (0.95 + 0.1 * noise()) } end
  end
  return list
end

function TestKmeans.testFindsClusters()
  local centres, mean = kmeans.run(boxes(), 3)
  local want = { { 10, 12 }, { 40, 90 }, { 200, 60 } }
  for i, c in ipairs(want) do
    t.assertAlmostEquals(centres[i][1], c[1], 0.03 * c[1])
    t.assertAlmostEquals(centres[i][2], c[2], 0.03 * c[2])
  end
  t.assertTrue(mean > 0.93 and mean <= 1)
end

local function oracle(sizes, anchors)
  local total = 0
  for _, s in ipairs(sizes) do
    local best = 0
    for _, a in ipairs(anchors) do
      local inter = math.min(s[1], a[1]) * math.min(s[2], a[2])
      best = math.max(best, inter / (s[1] * s[2] + a[1] * a[2] - inter))
    end
    total = total + best
  end
  return total / #sizes
end

function TestKmeans.testMeanAndDeterminism()
  local sizes = boxes()
  local a, mean = kmeans.run(sizes, 5)
  local b, again = kmeans.run(sizes, 5)
  t.assertEquals(a, b)
  t.assertEquals(mean, again)
  t.assertAlmostEquals(mean, oracle(sizes, a), 1e-12)
  local _, fewer = kmeans.run(sizes, 2)
  t.assertTrue(fewer < mean)
end

function TestKmeans.testRefusals()
  t.assertErrorMsgContains("no boxes", kmeans.run, {}, 3)
  t.assertErrorMsgContains("2 different sizes", kmeans.run, { { 1, 2 }, { 1, 2 }, { 3, 4 } }, 3)
  t.assertEquals(kmeans.run({ { 1, 2 }, { 1, 2 }, { 3, 4 } }, 2), { { 1, 2 }, { 3, 4 } })
end

os.exit(t.LuaUnit.run())
