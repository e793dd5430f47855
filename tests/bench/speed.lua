-- yolua's side of speed.py: makes a plan, then, for each line that it reads, runs it for about that many seconds and prints the least
-- seconds per run, of the processor and by the clock. Not for use by hand: speed.py and sparse.py start it, and ask it and the peers in
-- turn.
--
--   yolua tests/bench/speed.lua cfg= weights= (or model=) precision=f32|bf16|int8 mode=infer|train batch= imgsz= threads= zeros= pattern=
--     onnx=
local core = require "yolua.core"
local yl = require "yolua"

local o = yl.options({ imgsz = { 320, 320 } }, {
  { "mode", "enum", "infer", "", "a forward pass, or a training step", choices = { "infer", "train" } },
  { "batch", "int", 1, "images", "images per run", min = 1 },
  { "zeros", "number", 0, "", "share of the weights to be set to zero, in convolutions of 64 input channels and more", min = 0, max = 1 },
  { "pattern", "enum", "random", "", "which of them", choices = { "random", "2:4" } },
  { "onnx", "string", nil, "", "write the network to this file, and nothing else" },
})

-- its network's keys alone: an older program, which sparse.py runs too, refuses others; it knows no int8
local model = yl.load { cfg = rawget(o, "cfg"), weights = rawget(o, "weights"), names = rawget(o, "names"), model = rawget(o, "model") }

-- A weight is kept or not; with 2:4 the second half of every four goes.
local function mask_of(count)
  local mask = {}
  for i = 1, count do
    if o.pattern == "2:4" then mask[i] = (i - 1) % 4 < 2 and 1 or 0 else mask[i] = math.random() < o.zeros and 0 or 1 end
  end
  return mask
end

math.randomseed(1)
for _, range in ipairs(model.net:ranges()) do
  local masked = o.zeros > 0 and range.kind == "weight" and #range.dims == 4 and range.dims[4] >= 64
  if masked then model.net:set(range.name, mask_of(range.count), "mask") end
end

if o.onnx then return model:export { out = o.onnx, imgsz = o.imgsz } end
local plan = model:plan { mode = o.mode, batch = o.batch, w = o.imgsz[1], h = o.imgsz[2],
  precision = o.precision ~= "f32" and o.precision or nil }
core.noise(plan, 1)

local truth, count = {}, 0
for i = 1, o.batch do truth[i] = { { 0.3, 0.4, 0.2, 0.3, 0, 0 }, { 0.6, 0.5, 0.1, 0.2, 1, 0 } } end

local function run()
  if o.mode == "infer" then return plan:forward() end
  count = count + 1
  plan:forward { seed = 1, step = count }
  plan:loss(truth)
  plan:backward()
  core.step(model.net, { lr = 1e-6, images = o.batch })
end

run() -- chooses the algorithms
print(("ready %d %s"):format(model:counts().params, core.version or ""))
io.stdout:flush()
for line in io.lines() do
  local until_, cpu, wall = core.system.clock() + tonumber(line), math.huge, math.huge
  repeat
    local clock, used = core.system.clock(), os.clock()
    run()
    cpu, wall = math.min(cpu, os.clock() - used), math.min(wall, core.system.clock() - clock)
  until core.system.clock() >= until_
  print(("%.9f %.9f"):format(cpu, wall))
  io.stdout:flush()
end
