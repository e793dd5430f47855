-- Layers written in Lua that tests (and a training under test, require=tests/support/own_layers.lua) use: an activation, one factor per
-- channel, squeeze and excitation, a layer of two inputs, and a loss.
local yl = require "yolua"

-- y = x sigmoid(k x), k = 1.702: Hendrycks and Gimpel 2016, section 2
yl.layer {
  name = "gelu", help = "Gaussian error linear unit, by the logistic function",
  fields = { { "k", "number", 1.702, "", "steepness", min = 0, max = 100, aliases = { "beta" } } },
  reads = "x", channels = "each",
  flops = function(_, x) return 4 * x.n * x.h * x.w * x.c end,
  forward = function(l, x, y) x:mul(l.options.k, y):sigmoid_():mul_(x) end,
  backward = function(l, x, _, dy, dx) -- s (1 + k x (1 - s)) dy
    local k = l.options.k
    local s = (x * k):sigmoid()
    s:neg(dx):add_(1):mul_(x):mul_(k):add_(1):mul_(s):mul_(dy)
  end,
}

-- y = scale x, one factor per channel
yl.layer {
  name = "scale", help = "one learned factor per channel",
  fields = { { "start", "number", 1, "", "the factor before training" } },
  reads = "x",
  parameters = function(o, x) return { { "scale", "scale", { x.c }, init = o.start, role = "factor", per_out = true } } end,
  channels = "each",
  forward = function(l, x, y) x:mul(l.parameters.scale, y) end,
  backward = function(l, x, _, dy, dx)
    if dx then dy:mul(l.parameters.scale, dx) end
    if l.gradients.scale then (x * dy):sum({ 1, 2, 3 }, l.gradients.scale) end
  end,
}

-- y = x sigmoid(W2 relu(W1 mean(x))), mean over the picture: Hu et al. 2018, eq. 2 to 4. l.state carries what backward needs again.
yl.layer {
  name = "squeeze", help = "squeeze and excitation",
  fields = { { "ratio", "int", 2, "", "channels per channel of the squeeze", min = 1, max = 1024 } },
  reads = "x",
  parameters = function(o, x)
    local s = math.max(1, x.c // o.ratio)
    return { { "w1", "weight", { s, x.c } }, { "b1", "bias", { s } }, { "w2", "weight", { x.c, s } }, { "b2", "bias", { x.c } } }
  end,
  forward = function(l, x, y)
    local n, h, w, c = table.unpack(x:shape())
    local p, s = l.parameters, l.state
    s.mean = x:reshape(n, h * w, c):mean(2)
    s.hidden = (s.mean:matmul(p.w1:transpose()) + p.b1):maximum(0)
    s.gate = (s.hidden:matmul(p.w2:transpose()) + p.b2):sigmoid()
    x:mul(s.gate:reshape(n, 1, 1, c), y)
  end,
  backward = function(l, x, _, dy, dx)
    local n, h, w, c = table.unpack(x:shape())
    local p, s, g = l.parameters, l.state, l.gradients
    local dgate = (x * dy):reshape(n, h * w, c):sum(2) * s.gate * (1 - s.gate)
    local dhidden = dgate:matmul(p.w2) * s.hidden:gt(0)
    if g.w1 then
      dgate:transpose():matmul(s.hidden, g.w2)
      dgate:sum(1, g.b2)
      dhidden:transpose():matmul(s.mean, g.w1)
      dhidden:sum(1, g.b1)
    end
    if dx then
      local dmean = dhidden:matmul(p.w1) / (h * w)
      dy:mul(s.gate:reshape(n, 1, 1, c), dx):add_(dmean:reshape(n, 1, 1, c))
    end
  end,
}

-- y = a b: two inputs of one size
yl.layer {
  name = "product", inputs = { 2, 2 }, reads = "x",
  channels = function(_, _, _, channel) return { { 1, channel, channel }, { 2, channel, channel }, uniform = true, zero = "product" } end,
  shape = function(_, x, inputs)
    if inputs[2].c ~= x.c then error(("expected inputs of equal channels, got %d and %d"):format(x.c, inputs[2].c)) end
  end,
  forward = function(l, x, y) x:mul(l.inputs[2], y) end,
  backward = function(l, x, _, dy, dx)
    if dx then dy:mul(l.inputs[2], dx) end
    if l.input_gradients[2] then dy:mul(x, l.input_gradients[2]) end
  end,
}

-- How many objects an image has, guessed as the sum of everything: sum of log cosh(guess - count), smooth and linear far away
yl.layer {
  name = "count", stem = "counter", parts = { "count" },
  fields = { { "weight", "number", 1, "", "factor of the loss", min = 0 } },
  shape = function() return { h = 1, w = 1, c = 1 } end,
  forward = function(_, x, y)
    local n = #x
    y:copy_(x:reshape(n, -1):sum(2):reshape(n, 1, 1, 1))
  end,
  loss = function(l, y, truth, dx)
    local n = #y
    local d = y:reshape(n) - yl.tensor(truth.counts)
    local a = d:abs() -- log cosh d = |d| + log(1 + exp(-2 |d|)) - log 2, whatever its size
    dx:copy_(d:tanh():mul(l.options.weight):reshape(n, 1, 1, 1))
    return { count = l.options.weight * (a + ((a * -2):exp() + 1):log() - math.log(2)):sum() }
  end,
}
