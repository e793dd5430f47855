-- Resampled frames: the figures are, to the last bit, those of the protocols on a set that holds each frame as often; and the bootstrap is
-- the one of the textbook, written out here with its random numbers.
local t = require "luaunit"
local core = require "yolua.core"
local evaluations = require "support.evaluations"

-- ---- replicates ------------------------------------------------------------------------------------------------------------

local calls = {
  kitti = { "kitti", "kitti_resampler", {}, function(row, class)
    local c = row.classes[class]
    return c ~= core.null and c.moderate.n_gt > 0 and c.moderate.ap_r40 or core.null
  end },
  voc = { "voc", "voc_resampler", { iou = 0.6 }, function(row, class) return row.classes[class].ap end },
  difficult = { "voc", "voc_resampler",
    { difficult = "hard", compare = "gt", plus1 = false, classes = { { name = "Car", "Cyclist" }, "Pedestrian" } },
    function(row, class) return row.classes[class].ap end },
  coco = { "coco", "coco_resampler", {}, function(row, class) return row.classes[class].ap end },
  drop = { "coco", "coco_resampler", { dontcare = "drop", neighbours = true }, function(row, class) return row.classes[class].ap end },
  poster = { "poster", "poster_resampler", { reduce = true }, function(row, class)
    local c = row.classes[class]
    return c.tp + c.fn > 0 and c.precision or core.null
  end },
}

local function set_of(frames, weights)
  local set = core.eval_set()
  for i, frame in ipairs(frames) do
    for copy = 1, weights[i] do set:add(frame.id .. "." .. copy, frame.truths, frame.dets) end
  end
  return set
end

local function ones(n)
  local list = {}
  for i = 1, n do list[i] = 1 end
  return list
end

local function draw(frames, seed)
  local weights, state = {}, seed
  for i = 1, #frames do weights[i] = 0 end
  for _ = 1, #frames do
    state = state * 48271 % 2147483647
    local i = 1 + state % #frames
    weights[i] = weights[i] + 1
  end
  return weights
end

local function null(x) return x == -1 and core.null or x end -- COCO's -1: there is no truth

-- How many figures of a protocol, on some resamples of the frames, differ from the evaluator's; and how many there were.
local function faults_of(call, frames, seeds)
  local whole = set_of(frames, ones(#frames))
  local resampler, names = whole[call[2]](whole, call[3])
  local faults, count = {}, 0
  for seed = 1, seeds do
    local weights = draw(frames, seed)
    local set = set_of(frames, weights)
    local row, figures = set[call[1]](set, call[3]), resampler:figures(weights)
    for i, class in ipairs(names) do
      local wanted = null(call[4](row, class))
      if figures[i] ~= wanted then faults[#faults + 1] = ("%d %s: %s, not %s"):format(seed, class, figures[i], wanted) end
      count = count + (wanted ~= core.null and 1 or 0)
    end
    local mean = figures[#names + 1]
    if mean ~= null(row.map) then faults[#faults + 1] = ("%d mean: %s, not %s"):format(seed, mean, row.map) end
  end
  return faults, count
end

TestReplicates = {}

for name, call in pairs(calls) do
  TestReplicates["test_" .. name] = function()
    local counted = 0
    for net = 1, 3 do
      local made = evaluations.make { frames = 25, net = net, seed = net, shake = 0.2 }
      local faults, count = faults_of(call, made.frames, 20)
      t.assertEquals(faults, {})
      counted = counted + count
    end
    t.assertTrue(counted >= 110, counted)
  end
end

-- ---- the bootstrap ---------------------------------------------------------------------------------------------------------

-- Philox4x32-10 (Salmon et al. 2011) with key {seed, 0}, counter {block, 0, a, 0}.
local function philox(seed, block, a)
  local c, k = { block, 0, a, 0 }, { seed, 0 }
  for _ = 1, 10 do
    local p, q = 0xD2511F53 * c[1], 0xCD9E8D57 * c[3]
    c = { (q >> 32) ~ c[2] ~ k[1], q & 0xffffffff, (p >> 32) ~ c[4] ~ k[2], p & 0xffffffff }
    k = { (k[1] + 0x9E3779B9) & 0xffffffff, (k[2] + 0xBB67AE85) & 0xffffffff }
  end
  return c
end

-- n numbers 0..n-1 of the stream (seed, a): two words each, whose bias the test can leave alone.
local function below(n, seed, a)
  local list = {}
  for i = 0, n - 1 do
    local four = philox(seed, i // 2, a)
    local word = four[1 + i % 2 * 2] << 32 | four[2 + i % 2 * 2]
    list[i + 1] = ((word >> 1) % n * 2 + (word & 1)) % n -- of an unsigned number
  end
  return list
end

local function percentile(sorted, share)
  local place = share * (#sorted - 1)
  local low = place // 1 | 0
  return sorted[low + 1] + (place - low) * ((sorted[low + 2] or sorted[low + 1]) - sorted[low + 1])
end

-- What resampler:compare does for the mean of voc. groups: of each frame, or nil.
local function by_hand(a, b, seed, replicates, groups)
  local units, differences, below_zero, above_zero = #a, {}, 0, 0
  if groups then units = math.max(table.unpack(groups)) end
  for r = 0, replicates - 1 do
    local times, weights = {}, {}
    for _, unit in ipairs(below(units, seed, r)) do times[unit + 1] = (times[unit + 1] or 0) + 1 end
    for i = 1, #a do weights[i] = times[groups and groups[i] or i] or 0 end
    differences[r + 1] = set_of(b, weights):voc().map - set_of(a, weights):voc().map
  end
  for _, d in ipairs(differences) do
    below_zero, above_zero = below_zero + (d <= 0 and 1 or 0), above_zero + (d >= 0 and 1 or 0)
  end
  table.sort(differences)
  return { percentile(differences, 0.025), percentile(differences, 0.975),
    math.min(1, 2 * (1 + math.min(below_zero, above_zero)) / (1 + replicates)) }
end

local function compared(a, b, o)
  local x, y = set_of(a, ones(#a)), set_of(b, ones(#b))
  o.with = y:voc_resampler()
  local list = x:voc_resampler():compare(o)
  return list[#list], x:voc().map, y:voc().map
end

TestBootstrap = {}

function TestBootstrap.testAgreesWithPlainLua()
  local a, b = evaluations.make({ frames = 20, missed = 0.3 }).frames, evaluations.make({ frames = 20, net = 2, missed = 0.2 }).frames
  local groups = {}
  for i = 1, 20 do groups[i] = 1 + i // 3 end
  for _, by in ipairs { false, groups } do
    local found, map_a, map_b = compared(a, b, { seed = 5, replicates = 150, groups = by or nil })
    t.assertEquals({ found.a, found.b, found.difference, found.replicates }, { map_a, map_b, map_b - map_a, 150 })
    local low, high, p = table.unpack(by_hand(a, b, 5, 150, by or nil))
    t.assertAlmostEquals({ found.low, found.high, found.p }, { low, high, p }, 1e-14)
    t.assertTrue(low < high and p > 0 and p <= 1)
  end
end

-- Of a set with itself everything is zero; of a far better detector the interval lies above zero.
function TestBootstrap.testItselfAndBetter()
  local a, b = evaluations.make({ missed = 0.6 }).frames, evaluations.make({ net = 2, missed = 0.05, shake = 0.05 }).frames
  local same = compared(a, a, {})
  t.assertEquals({ same.difference, same.low, same.high, same.p, same.replicates }, { 0.0, 0.0, 0.0, 1.0, 2000 })
  local better = compared(a, b, {})
  t.assertTrue(better.low > 0 and better.difference > better.low and better.difference < better.high)
  t.assertEquals(better.p, 2 / 2001)
end

-- Whatever the threads: a replicate's numbers come from its own stream.
function TestBootstrap.testThreads()
  local a, b = evaluations.make({}).frames, evaluations.make({ net = 2 }).frames
  local before = core.system.threads()
  local two = compared(a, b, { replicates = 300 })
  core.system.threads(1)
  local one = compared(a, b, { replicates = 300 })
  core.system.threads(before)
  t.assertEquals(one, two)
end

function TestBootstrap.testRefusals()
  local a, b = evaluations.make({ frames = 5 }).frames, evaluations.make({ frames = 6 }).frames
  local x, y = set_of(a, ones(5)):voc_resampler(), set_of(b, ones(6)):voc_resampler()
  t.assertErrorMsgContains("'with' is missing", x.compare, x, {})
  t.assertErrorMsgContains("expected the same frames and figures on both sides, got 5 and 6 frames", x.compare, x, { with = y })
  t.assertErrorMsgContains("got 5 and 5 frames, 9 and 4 figures", x.compare, x, { with = set_of(a, ones(5)):kitti_resampler() })
  t.assertErrorMsgContains("groups: expected a number for each of the 5 frames, got 2", x.compare, x, { with = x, groups = { 1, 1 } })
  t.assertErrorMsgContains("groups: frame 2: expected a whole number from 1 to 5, got 9", x.compare, x,
    { with = x, groups = { 1, 9, 1, 1, 1 } })
  t.assertErrorMsgContains("weights: frame 1: expected a whole number from 0 to 1000000, got -1", x.figures, x, { -1, 1, 1, 1, 1 })
  t.assertErrorMsgContains("option 'replicates': expected an integer in 1..1000000, got 0", x.compare, x, { with = x, replicates = 0 })
end

os.exit(t.LuaUnit.run())
