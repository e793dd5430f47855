-- How long pruning itself takes: the exact threshold over 50 million scores, a training step with masks against one without, and a
-- compaction. Each is the median of runs in turn; wall and CPU time differ on a machine that also does other work.
--
--   yolua tests/bench/pruning.lua cfg=FILE.cfg weights=FILE.weights imgsz=416x128 [threads=2] [millions=50]
local yl = require "yolua"
local core = yl.core

local o = yl.options({ batch = 8, imgsz = { 416, 128 } }, {
  { "millions", "int", 50, "scores", "how many millions of scores the threshold is over", min = 1 },
  { "runs", "int", 9, "", "runs of each", min = 1 },
})
if o.threads > 0 then core.system.threads(o.threads) end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Wall and CPU milliseconds of f.
local function timed(f)
  local wall, cpu = core.system.clock(), os.clock()
  f()
  return 1e3 * (core.system.clock() - wall), 1e3 * (os.clock() - cpu)
end

local function say(format, ...)
  print(format:format(...))
  io.stdout:flush()
end

-- ---- the threshold -----------------------------------------------------------------------------------------------------------

local function threshold()
  local n = o.millions * 1000000
  local score = yl.randn { n, seed = 1 }:abs()
  for _, share in ipairs { 0.5, 0.9, 0.98 } do
    local walls, cpus = {}, {}
    for i = 1, o.runs do
      local mask = yl.full { n, dtype = "u8", value = 1 }
      walls[i], cpus[i] = timed(function() core.prune.select({ "all" }, { score }, { mask }, math.floor(share * n)) end)
      assert(n - mask:to("i64"):sum() == math.floor(share * n))
    end
    say("threshold of %d million scores, %g %% go: %.0f ms wall, %.0f ms CPU", o.millions, 100 * share, median(walls), median(cpus))
  end
end

-- ---- steps -------------------------------------------------------------------------------------------------------------------

local streets = os.tmpname() .. "-streets"

local function trainer(masked)
  local net = yl.load(o)
  if masked then yl.prune.cut(net, { target = 0.9 }) end
  local data = yl.data { name = "synthetic", root = streets, frames = 32, picture = o.imgsz, map = "poster" }
  return yl.trainer { net = net, data = data, batch = o.batch, imgsz = o.imgsz, optim = { name = "adamw", lr = 1e-6 }, epochs = 1000 }
end

local function steps()
  local dense, masked = trainer(false), trainer(true)
  local times = { dense = {}, masked = {}, dense_cpu = {}, masked_cpu = {} }
  for i = -1, 2 * o.runs do
    for name, t in pairs { dense = dense, masked = masked } do
      local wall, cpu = timed(function() t:step() end)
      if i > 0 then times[name][i], times[name .. "_cpu"][i] = wall, cpu end
    end
  end
  local a, b, c, d = median(times.dense), median(times.masked), median(times.dense_cpu), median(times.masked_cpu)
  say("a step of %d: dense %.1f ms, masked %.1f ms (%+.1f %%); CPU %.1f and %.1f ms (%+.1f %%)", o.batch, a, b, 100 * (b / a - 1), c, d,
    100 * (d / c - 1))
end

-- ---- compaction --------------------------------------------------------------------------------------------------------------

local function compaction()
  local net, walls, cpus = yl.load(o), {}, {}
  yl.prune.cut(net, { target = 0.6, pattern = "channel", score = "filter_l2" })
  for i = 1, math.max(3, o.runs // 3) do
    walls[i], cpus[i] = timed(function() yl.compact(net):close() end)
  end
  say("a compaction: %.0f ms wall, %.0f ms CPU", median(walls), median(cpus))
end

threshold()
steps()
compaction()
