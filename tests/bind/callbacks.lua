-- Whatever calls back into Lua keeps what it is working on: every callback against every call that frees or remakes something, generated.
-- Each is refused in one sentence with the place of the user's line (or is harmless), and what was worked on is usable afterwards.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

-- What may be called at the wrong moment, on w = {net, plan, other, loader, features, tensor}: true where it has to be refused while
-- the network is at work, false where it is harmless, a callback's name where it is refused in that one and ends a batch otherwise.
local calls = {
  net_close = { true, function(w) w.net:close() end },
  net_freeze = { true, function(w) w.net:freeze "all" end },
  net_drop = { true, function(w) w.net:drop "grad" end },
  net_plan = { true, function(w) w.net:plan { mode = "train", batch = 7 } end },
  net_step = { true, function(w) core.step(w.net, { rule = "sgd", lr = 0 }) end },
  plan_close = { true, function(w) w.plan:close() end },
  other_close = { true, function(w) w.other:close() end },
  plan_forward = { true, function(w) w.plan:forward() end },
  other_forward = { true, function(w) w.other:forward() end },
  plan_backward = { true, function(w) w.plan:backward(w.numbers) end },
  plan_loss = { true, function(w) w.plan:loss(w.truth) end },
  plan_input = { true, function(w) w.plan:input(w.numbers) end },
  plan_lend = { true, function(w) w.plan:lend_input() end },
  plan_load = { true, function(w) w.plan:load(w.batch) end },
  plan_noise = { true, function(w) core.noise(w.plan, 1) end },
  plan_predict = { true, function(w) w.plan:predict(core.tensor.zeros({ 4, 4, 3 }, "u8"), {}) end },
  loader_close = { "loss", function(w) w.loader:close() end },
  loader_next = { "loss", function(w) w.loader:next() end },
  loader_epoch = { "loss", function(w) w.loader:epoch(2) end },
  tensor_close = { false, function(w) w.tensor:close() end },
  collect = { false, function() collectgarbage() collectgarbage() end },
  layers = { false, function(w) w.net:layers() end },
  set = { false, function(w) w.net:set("mine1.w", { 2 }) end },
  memory = { false, function(w) w.plan:memory() end },
}

local now, world -- what the layer's function named `now.where` does, to which world

local function at(where)
  if world and now and now.where == where and not now.done then
    now.done = true
    now.call(world)
  end
end

yl.layer {
  name = "mine", reads = "x",
  shape = function() at "shape" end,
  parameters = function() at "parameters" return { { "w", "weight", { 1 }, init = 1 } } end,
  flops = function() at "flops" return 1 end,
  forward = function(_, x, y) y:copy_(x) at "forward" y:mul_(1) end,
  backward = function(l, x, _, dy, dx)
    at "backward"
    if dx then dx:copy_(dy) end
    if l.gradients.w then l.gradients.w:add_((x * dy):sum()) end
  end,
}
yl.layer { name = "judge", parts = { "sum" },
  loss = function(_, y, truth, dx)
    at "loss"
    if dx then dx:fill_(1) end
    return { sum = y:sum() + truth.rows:sum() * 0 }
  end }

local folder = os.tmpname()
os.remove(folder)
core.files.make_folder(folder)
local picture = folder .. "/x.png"
core.image.new(4, 4, ("abc"):rep(16)):save(picture)

local function make_world()
  local w = { net = core.net { h = 4, w = 4, c = 3, seed = 1, layers = { { "mine", inputs = { 0 } }, { "judge" } } } }
  w.plan, w.other = w.net:plan { mode = "train" }, w.net:plan { mode = "infer" }
  w.loader = core.loader { samples = { { image = picture, truth = { { 0, 0, 2, 2, 0, 0 } } } }, width = 4, height = 4, workers = 0 }
  w.loader:epoch(1)
  w.batch, w.numbers, w.truth = w.loader:next(), core.tensor.zeros({ 48 }):fill_(.5):totable(), { {} }
  w.tensor = w.net:tensor "mine1.w"
  w.plan:load(w.batch)
  w.plan:forward()
  w.other:input(w.numbers)
  w.other:forward()
  return w
end

-- The step that runs every callback but `shape` and the like.
local function step(w)
  w.plan:load(w.batch)
  w.plan:forward()
  local parts = w.plan:loss(w.batch)
  w.plan:backward()
  return parts.judge1.sum
end

local triggers = {
  shape = function(w) w.net:plan { batch = 2 } end,
  flops = function(w) w.net:layers() end,
  forward = step, loss = step, backward = step,
}

TestLayer = {}

for where, trigger in pairs(triggers) do
  for name, entry in pairs(calls) do
    if type(entry[1]) == "boolean" or entry[1] == where then TestLayer[("test_%s_%s"):format(where, name)] = function()
      local refused, call = entry[1], entry[2]
      world = make_world()
      now = { where = where, call = call }
      local ok, message = pcall(trigger, world)
      t.assertTrue(now.done)
      t.assertEquals(ok, not refused)
      if refused then
        t.assertStrMatches(message, ".*%l+1 " .. where .. ": .*callbacks%.lua:%d+: .*") -- in which layer, and from where
      end
      now = nil
      t.assertTrue(step(world) > 0) -- everything is still there
    end end
  end
end
os.exit(t.LuaUnit.run())
