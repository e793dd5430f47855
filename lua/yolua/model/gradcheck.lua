-- yl.gradcheck{...}: is what a layer's backward (or a loss) says the slope of what its forward does? Its gradients are held against
-- central differences of the network itself, of two step sizes: places where those disagree have no slope (a kink) and are passed
-- over. The layer stands twice behind one input, so that adding to a gradient that is there is checked as well; and what a layer may
-- not count on is tried out: no input gradient wanted, parameters frozen, inference.
local core = require "yolua.core"
local structs = require "yolua.options.structs"
local options = require "yolua.options.table"

local checked = options.declare("yl.gradcheck", {
  { "layer", "string", nil, "", "kind of the layer", positional = true },
  { "options", "any", {}, "", "its options" },
  { "input", "numbers", { 2, 4, 4, 6 }, "", "sizes {n, h, w, c} of the input", min = 1 },
  { "inputs", "int", 1, "", "how many inputs the layer reads: the input's channels in as many parts", min = 1, max = 16 },
  { "truth", "any", nil, "", "for a loss: a list of rows {cx, cy, w, h, class from 0, kind} for each image" },
  { "range", "number", 1, "", "inputs are drawn from -range..range", min = 0 },
  structs.field("network", "seed", { help = "seed of inputs and parameters" }),
  { "step", "number", 1e-2, "", "step of the differences, times the value if that is above 1", min = 0 },
  { "tolerance", "number", 1e-2, "", "largest error, as a share of the largest slope", min = 0 },
})

local PLACES, KINKS = 60, 0.25 -- looked at in each array, and the share of them that may have no slope
local TIME = { seed = 7, step = 3, hold_statistics = true }

local function draw(count, range, stream)
  return core.tensor.zeros({ count }, "f32"):uniform_(stream[1], -range, range, stream[2]):totable()
end

local function of_kind(o, name, inputs)
  local spec = { o.layer, name = name, inputs = inputs }
  for key, value in pairs(o.options) do spec[key] = value end
  return spec
end

-- input -> stem [-> parts] -> a and b [-> both side by side]
local function build(o)
  local layers, inputs = { { "route", name = "stem", inputs = { 0 } } }, { "stem" }
  for i = 1, o.inputs > 1 and o.inputs or 0 do
    inputs[i] = "part" .. i
    layers[#layers + 1] = { "route", name = inputs[i], inputs = { "stem" }, groups = o.inputs, group_id = i - 1 }
  end
  layers[#layers + 1] = of_kind(o, "a", inputs)
  layers[#layers + 1] = of_kind(o, "b", inputs)
  if not o.truth then layers[#layers + 1] = { "route", name = "both", inputs = { "a", "b" } } end
  return core.net { h = o.input[2], w = o.input[3], c = o.input[4], seed = o.seed, layers = layers }
end

-- Parameters as they are drawn, moved a little, so that none sits at a special value.
local function shake(net, seed)
  for i, r in ipairs(net:ranges()) do
    local values, noise = net:get(r.name), draw(r.count, 0.25, { seed, i })
    for k = 1, #values do values[k] = values[k] + noise[k] end
    net:set(r.name, values)
  end
end

-- The number whose slope is looked for: the loss, or the output weighted by dy.
local function objective(o, plan, dy)
  plan:forward(TIME)
  local sum = 0
  if o.truth then
    for _, parts in pairs(plan:loss(o.truth)) do
      for _, value in pairs(parts) do sum = sum + value end
    end
    return sum
  end
  for i, y in ipairs((plan:output "both")) do sum = sum + y * dy[i] end
  return sum
end

local function spread(count)
  local list, step = {}, math.max(1, count // PLACES)
  if step > 1 and step % 2 == 0 then step = step + 1 end -- so that every channel has its turn
  for i = 1, count, step do list[#list + 1] = i end
  return list
end

-- Slopes by differences at some places of `values`; nil if there is none.
local function slopes(o, values, put, f)
  local found, top = {}, 0
  for _, i in ipairs(spread(#values)) do
    local old, h = values[i], o.step * math.max(1, math.abs(values[i]))
    local function at(x)
      values[i] = x
      put(values)
      return f()
    end
    local wide, narrow = (at(old + h) - at(old - h)) / (2 * h), (at(old + h / 2) - at(old - h / 2)) / h
    at(old)
    found[#found + 1] = { place = i, wide = wide, slope = (4 * narrow - wide) / 3 }
    top = math.max(top, math.abs(narrow))
  end
  return found, math.max(top, 1e-3)
end

local function compare(o, report, what, got, found, top)
  local kinks = 0
  for _, s in ipairs(found) do
    if math.abs(s.slope - s.wide) > 0.5 * o.tolerance * top then kinks = kinks + 1
    else
      local wrong = math.abs(got[s.place] - s.slope) / top
      report.places, report.worst = report.places + 1, math.max(report.worst, wrong)
      if wrong > o.tolerance or wrong ~= wrong then
        error(("gradcheck: %s: %s: element %d is %.6g, but differences give %.6g (largest %.3g, tolerance %g)"):format(o.layer, what,
          s.place, got[s.place], s.slope, top, o.tolerance), 0)
      end
    end
  end
  report.kinks = report.kinks + kinks
  if kinks > KINKS * #found then
    error(("gradcheck: %s: %s: no slope at %d of %d places; expected a smoother function, or another 'step'"):format(o.layer, what,
      kinks, #found), 0)
  end
end

-- One step of a plan with these settings, in which nothing may fail.
local function try(o, net, x, dy, what, spec)
  spec.batch = o.input[1]
  local plan <close> = net:plan(spec)
  local ok, message = pcall(function()
    plan:input(x)
    plan:forward(TIME)
    if o.truth then plan:loss(o.truth) end
    if spec.mode == "train" then plan:backward(not o.truth and dy or nil) end
  end)
  if not ok then error(("gradcheck: %s: %s: %s"):format(o.layer, what, message), 0) end
end

local function gradients(o, net, plan, x, dy)
  plan:input(x)
  plan:forward(TIME)
  if o.truth then plan:loss(o.truth) end
  net:zero "grad"
  plan:backward(not o.truth and dy or nil)
  local got = { input = plan:gradient(0) }
  for _, r in ipairs(net:ranges()) do
    if r.kind ~= "statistic" then got[r.name] = net:get(r.name, "grad") end
  end
  return got
end

local function check(o)
  local net <close> = build(o)
  shake(net, o.seed)
  local s = o.input
  local x = draw(s[1] * s[2] * s[3] * s[4], o.range, { o.seed, 1000 })
  local plan <close> = net:plan { mode = "train", batch = s[1], keep = true, whole_gradient = true }
  local shape = plan:shape(#net:layers())
  local dy = draw(shape[1] * shape[2] * shape[3] * shape[4], 1, { o.seed, 1001 })
  local got, report = gradients(o, net, plan, x, dy), { places = 0, kinks = 0, worst = 0 }
  local function f() return objective(o, plan, dy) end
  compare(o, report, "dx", got.input, slopes(o, x, function(values) plan:input(values) end, f))
  for _, r in ipairs(net:ranges()) do
    if got[r.name] then
      local what = "d" .. r.name:match "%.([^.]+)$"
      compare(o, report, what, got[r.name], slopes(o, net:get(r.name), function(values) net:set(r.name, values) end, f))
    end
  end
  if #net:ranges() > 0 then
    if not o.truth then try(o, net, x, dy, "without an input gradient", { mode = "train" }) end
    net:freeze "all"
    try(o, net, x, dy, "with frozen parameters", { mode = "train", whole_gradient = true })
  end
  try(o, net, x, dy, "inference", { mode = "infer" })
  return report
end

-- yl.gradcheck { "gelu", options = {...}, input = {2, 4, 4, 6} } -> {places =, kinks =, worst =}: how many slopes were compared, how
-- many places were passed over, the largest error as a share of the largest slope. Errors: one sentence with the element that is off.
return function(values)
  local o = checked(values)
  if not o.layer or not core.layers.fields(o.layer) then
    error(("yl.gradcheck: unknown layer '%s'%s"):format(tostring(o.layer),
      require("yolua.options.schema").did_you_mean(tostring(o.layer), core.layers.kinds())), 2)
  end
  return check(o)
end
