-- Import held against an independent reading of the same two files: a naive forward pass in Darknet's own layout (channels, rows,
-- columns), in double precision, compared section by section. Small networks made here always run, real ones where they are at hand.
local t = require "luaunit"
local core = require "yolua.core"
local check = require "support.layercheck"
local darknet = core.darknet

local DATA = os.getenv "YOLUA_DATA" or ((os.getenv "YOLUA_SOURCE" or ".") .. "/../shared/data")

-- ---- the two files, read anew ----

local function sections(text)
  local list = {}
  for line in text:gmatch "[^\r\n]+" do
    line = line:gsub("%s", ""):gsub("^[#;].*", "")
    local kind = line:match "^%[(.-)%]$"
    local key, value = line:match "^(.-)=(.*)$"
    if kind then list[#list + 1] = { kind = kind }
    elseif key then list[#list][key] = value end
  end
  return list
end

local function number(section, key, default) return tonumber(section[key] or default) end

local function list_of(text)
  local out = {}
  for n in text:gmatch "[^,]+" do out[#out + 1] = tonumber(n) end
  return out
end

local function reader(bytes)
  local major, minor = string.unpack("<i4i4", bytes)
  local at = (major * 10 + minor >= 2 and 20 or 16) + 1
  return {
    floats = function(count)
      local out = {}
      for i = 1, count do out[i], at = string.unpack("<f", bytes, at) end
      return out
    end,
    left = function() return #bytes - at + 1 end,
  }
end

-- ---- Darknet's arithmetic; an activation is {c, h, w, [1 + (k*h + i)*w + j]} ----

local activate = {
  linear = function(x) return x end,
  leaky = function(x) return x > 0 and x or 0.1 * x end,
  relu = function(x) return math.max(x, 0) end,
  logistic = function(x) return 1 / (1 + math.exp(-x)) end,
  swish = function(x) return x / (1 + math.exp(-x)) end,
  mish = function(x) return x * (1 - 2 / ((1 + math.exp(x)) ^ 2 + 1)) end,
  relu6 = function(x) return math.min(math.max(x, 0), 6) end,
  tanh = function(x) return 2 / (1 + math.exp(-2 * x)) - 1 end,
  ramp = function(x) return x * (x > 0 and 1 or 0) + 0.1 * x end,
  elu = function(x) return x >= 0 and x or math.exp(x) - 1 end,
}

local function finish(y, s, bias, norm, default)
  local f, plane = activate[s.activation or default], y.h * y.w
  for k = 0, y.c - 1 do
    local scale = norm and norm.scale[k + 1] / math.sqrt(norm.var[k + 1] + 1e-5) or 1
    local mean, shift = norm and norm.mean[k + 1] or 0, bias[k + 1]
    for p = k * plane + 1, (k + 1) * plane do y[p] = f((y[p] - mean) * scale + shift) end
  end
  return y
end

local function read_norm(r, n) return { scale = r.floats(n), mean = r.floats(n), var = r.floats(n) } end

local run = {}

function run.convolutional(s, x, r)
  local n, size, stride, groups = number(s, "filters", 1), number(s, "size", 1), number(s, "stride", 1), number(s, "groups", 1)
  local pad = number(s, "pad", 0) ~= 0 and size // 2 or number(s, "padding", 0)
  local bias, norm = r.floats(n), number(s, "batch_normalize", 0) == 1 and read_norm(r, n) or nil
  local part = x.c // groups
  local weights = r.floats(n * part * size * size)
  local y = { c = n, h = (x.h + 2 * pad - size) // stride + 1, w = (x.w + 2 * pad - size) // stride + 1 }
  for o = 0, n - 1 do
    local first = o // (n // groups) * part
    for i = 0, y.h - 1 do
      for j = 0, y.w - 1 do
        local sum = 0.0
        for k = 0, part - 1 do
          for u = 0, size - 1 do
            local row = i * stride + u - pad
            for v = 0, size - 1 do
              local column = j * stride + v - pad
              if row >= 0 and row < x.h and column >= 0 and column < x.w then
                sum = sum + weights[((o * part + k) * size + u) * size + v + 1] * x[((first + k) * x.h + row) * x.w + column + 1]
              end
            end
          end
        end
        y[(o * y.h + i) * y.w + j + 1] = sum
      end
    end
  end
  return finish(y, s, bias, norm, "logistic")
end

function run.connected(s, x, r)
  local n, inputs = number(s, "output", 1), x.c * x.h * x.w
  local bias, weights = r.floats(n), r.floats(n * inputs)
  local norm = number(s, "batch_normalize", 0) == 1 and read_norm(r, n) or nil
  local y = { c = n, h = 1, w = 1 }
  for o = 0, n - 1 do
    local sum = 0.0
    for k = 1, inputs do sum = sum + weights[o * inputs + k] * x[k] end
    y[o + 1] = sum
  end
  return finish(y, s, bias, norm, "logistic")
end

function run.maxpool(s, x)
  local stride = number(s, "stride", 1)
  local right, down = number(s, "stride_x", stride), number(s, "stride_y", stride)
  local size = number(s, "size", stride)
  local padding = number(s, "padding", size - 1)
  local y = { c = x.c, h = (x.h + padding - size) // down + 1, w = (x.w + padding - size) // right + 1 }
  for k = 0, x.c - 1 do
    for i = 0, y.h - 1 do
      for j = 0, y.w - 1 do
        local most = -math.huge
        for u = 0, size - 1 do
          for v = 0, size - 1 do
            local row, column = i * down + u - padding // 2, j * right + v - padding // 2
            if row >= 0 and row < x.h and column >= 0 and column < x.w then
              most = math.max(most, x[(k * x.h + row) * x.w + column + 1])
            end
          end
        end
        y[(k * y.h + i) * y.w + j + 1] = most
      end
    end
  end
  return y
end

function run.avgpool(_, x)
  local y, plane = { c = x.c, h = 1, w = 1 }, x.h * x.w
  for k = 0, x.c - 1 do
    local sum = 0.0
    for p = k * plane + 1, (k + 1) * plane do sum = sum + x[p] end
    y[k + 1] = sum / plane
  end
  return y
end

function run.upsample(s, x)
  local stride = number(s, "stride", 2)
  local y = { c = x.c, h = x.h * stride, w = x.w * stride }
  for k = 0, y.c - 1 do
    for i = 0, y.h - 1 do
      for j = 0, y.w - 1 do y[(k * y.h + i) * y.w + j + 1] = x[(k * x.h + i // stride) * x.w + j // stride + 1] end
    end
  end
  return y
end

-- The memory of x is read as {C/s², H·s, W·s}, and the result's as {C·s², H/s, W/s}: not a space-to-depth.
function run.reorg(s, x)
  local stride = number(s, "stride", 1)
  local part, h, w = x.c // (stride * stride), x.h, x.w
  local z = { c = x.c * stride * stride, h = h // stride, w = w // stride }
  for k = 0, x.c - 1 do
    local q = k // part
    for j = 0, h - 1 do
      for i = 0, w - 1 do
        local row, column = j * stride + q // stride, i * stride + q % stride
        z[(k * h + j) * w + i + 1] = x[(k % part * h * stride + row) * w * stride + column + 1]
      end
    end
  end
  return z
end

function run.route(s, _, _, outputs, index)
  local y, groups, id = { c = 0 }, number(s, "groups", 1), number(s, "group_id", 0)
  for _, layer in ipairs(list_of(s.layers)) do
    local x = outputs[layer < 0 and index + layer or layer]
    local part, plane = x.c // groups, x.h * x.w
    for p = id * part * plane + 1, (id + 1) * part * plane do y[#y + 1] = x[p] end
    y.c, y.h, y.w = y.c + part, x.h, x.w
  end
  return y
end

function run.shortcut(s, x, _, outputs, index)
  local from = number(s, "from")
  local other, f = outputs[from < 0 and index + from or from], activate[s.activation or "linear"]
  local stride, sample = math.max(1, other.h // x.h), math.max(1, x.h // other.h)
  local y = table.move(x, 1, #x, 1, { c = x.c, h = x.h, w = x.w })
  for k = 0, math.min(x.c, other.c) - 1 do
    for i = 0, x.h - 1, sample do
      for j = 0, x.w - 1, sample do
        local at = (k * x.h + i) * x.w + j + 1
        y[at] = y[at] + other[(k * other.h + i // sample * stride) * other.w + j // sample * stride + 1]
      end
    end
  end
  for p = 1, #y do y[p] = f(y[p]) end
  return y
end

-- The section before holds the factors: one per channel, or with scale_wh one per pixel.
function run.scale_channels(s, x, _, outputs, index)
  local from = number(s, "from")
  local other, f = outputs[from < 0 and index + from or from], activate[s.activation or "linear"]
  local y, plane = { c = other.c, h = other.h, w = other.w }, other.h * other.w
  for p = 1, #other do y[p] = f(other[p] * x[s.scale_wh == "1" and (p - 1) % plane + 1 or (p - 1) // plane + 1]) end
  return y
end

function run.sam(s, x, _, outputs, index)
  local from = number(s, "from")
  local other, f = outputs[from < 0 and index + from or from], activate[s.activation or "linear"]
  local y = { c = x.c, h = x.h, w = x.w }
  for p = 1, #x do y[p] = f(x[p] * other[p]) end
  return y
end

function run.batchnorm(_, x, r)
  local bias, norm = r.floats(x.c), read_norm(r, x.c)
  return finish({ c = x.c, h = x.h, w = x.w, table.unpack(x) }, {}, bias, norm, "linear")
end

function run.activation(s, x)
  local y = { c = x.c, h = x.h, w = x.w }
  for p = 1, #x do y[p] = activate[s.activation](x[p]) end
  return y
end

function run.softmax(_, x)
  local y, sum = { c = x.c, h = x.h, w = x.w }, 0.0
  for p = 1, #x do sum = sum + math.exp(x[p]) end
  for p = 1, #x do y[p] = math.exp(x[p]) / sum end
  return y
end

function run.dropout(_, x) return x end

-- ---- the comparison ----

-- Feeds random pixels of size {h, w} to both; heads (region, yolo) are left to their own tests.
local function compare(cfg, weights, h, w)
  local list, r = sections(cfg), reader(weights)
  local path = os.tmpname()
  core.system.write(path, weights)
  local net = darknet.parse_cfg(cfg, "compare.cfg")
  darknet.load_weights(net, path)
  os.remove(path)
  local c = number(list[1], "channels", 3)
  local random, x, pixels = check.random(7), { c = c, h = h, w = w }, {}
  for i = 1, h * w * c do
    local k, p = (i - 1) % c, (i - 1) // c
    pixels[i] = string.unpack("f", string.pack("f", random()))
    x[k * h * w + p + 1] = pixels[i]
  end
  local plan = net:plan { mode = "infer", h = h, w = w, keep = true }
  plan:input(pixels)
  plan:forward {}
  local last, outputs, worst = {}, {}, 0
  for i, layer in ipairs(net:layers()) do last[layer.section] = i end
  for index = 0, #list - 2 do
    local s = list[index + 2]
    if not run[s.kind] then
      outputs[index] = x
    else
      x = run[s.kind](s, x, r, outputs, index)
      outputs[index] = x
      local got, shape = plan:output(last[index])
      t.assertEquals(shape, { 1, x.h, x.w, x.c }, "section " .. index)
      local most, off = 0, 0
      for p = 1, #x do
        local k, place = (p - 1) // (x.h * x.w), (p - 1) % (x.h * x.w)
        most, off = math.max(most, math.abs(x[p])), math.max(off, math.abs(got[place * x.c + k + 1] - x[p]))
      end
      if off > 1e-4 * most + 1e-6 then error(("section %d, [%s]: off by %g of %g"):format(index, s.kind, off, most)) end
      worst = math.max(worst, off / (most + 1e-9))
    end
  end
  t.assertEquals(r.left(), 0)
  return worst
end

-- Random weights of the right number; variances positive.
local function random_weights(cfg)
  local net, random = darknet.parse_cfg(cfg, "x.cfg"), check.random(3)
  for _, range in ipairs(net:ranges()) do
    local values = {}
    for i = 1, range.count do values[i] = range.name:find "var$" and 1 + 0.5 * random() or 0.5 * random() end
    net:set(range.name, values)
  end
  local path = os.tmpname() .. ".weights"
  darknet.save_weights(net, path)
  local bytes = core.system.read(path)
  os.remove(path)
  return bytes
end

local function read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local bytes = f:read "a"
  f:close()
  return bytes
end

TestForward = {}

local NET = "[net]\nwidth=8\nheight=8\nchannels=4\n"

function TestForward.testSmall()
  local cfg = NET .. [[
[convolutional]
batch_normalize=1
filters=6
size=3
stride=2
pad=1
groups=2
activation=swish
[convolutional]
filters=6
size=1
activation=mish
[shortcut]
from=-2
activation=leaky
[maxpool]
size=2
stride=1
[maxpool]
size=3
stride=1
stride_x=1
stride_y=1
[upsample]
[route]
layers=-1
groups=3
group_id=2
[route]
layers=-1,5
[dropout]
[convolutional]
filters=3
size=2
padding=1
]]
  compare(cfg, random_weights(cfg), 8, 8)
  compare(cfg, random_weights(cfg), 12, 20)
end

local function small(sections_text, h, w)
  local cfg = NET .. sections_text
  compare(cfg, random_weights(cfg), h, w)
end

function TestForward.testShortcutOfUnequalChannels()
  small("[convolutional]\nfilters=7\nsize=1\nactivation=leaky\n[convolutional]\nfilters=3\nsize=1\nactivation=leaky\n"
    .. "[shortcut]\nfrom=-2\nactivation=leaky\n[convolutional]\nfilters=6\nsize=1\nactivation=linear\n"
    .. "[shortcut]\nfrom=-2\nactivation=linear\n", 8, 4)
end

-- The residual of ResNet's first block in a stage, and the same upside down.
function TestForward.testShortcutOfUnequalSizes()
  small("[convolutional]\nfilters=5\nsize=3\npad=1\nactivation=leaky\n[convolutional]\nfilters=3\nsize=3\npad=1\nstride=2\n"
    .. "activation=leaky\n[shortcut]\nfrom=-2\nactivation=leaky\n[upsample]\n[convolutional]\nfilters=4\nsize=1\n"
    .. "activation=linear\n[shortcut]\nfrom=-3\nactivation=linear\n", 8, 12)
end

function TestForward.testAttention()
  small("[convolutional]\nfilters=6\nsize=3\npad=1\nbatch_normalize=1\nactivation=relu6\n[avgpool]\n[convolutional]\nfilters=2\n"
    .. "activation=swish\n[convolutional]\nfilters=6\n[scale_channels]\nfrom=-4\nactivation=tanh\n[convolutional]\nfilters=6\n"
    .. "[sam]\nfrom=-2\nactivation=leaky\n[convolutional]\nfilters=1\n[scale_channels]\nfrom=-2\nscale_wh=1\n[batchnorm]\n"
    .. "[activation]\nactivation=ramp\n[convolutional]\nfilters=3\nactivation=elu\n", 8, 12)
end

-- `layers` names both sections, as in the section of a layer of your own; what is saved says `from`.
function TestForward.testBothSectionsByNumber()
  local function net(section)
    local cfg = NET .. "[convolutional]\nfilters=6\n[avgpool]\n[convolutional]\nfilters=6\n[scale_channels]\n" .. section
    local name = os.tmpname()
    local path = name .. ".cfg"
    darknet.save_cfg(darknet.parse_cfg(cfg, "x.cfg"), path)
    local text = core.system.read(path)
    os.remove(path)
    os.remove(name)
    return text
  end
  t.assertEquals(net "layers=-1,-3", net "from=-3")
end

function TestForward.testTwoStrides() small("[maxpool]\nsize=2\nstride=2\nstride_x=1\nstride_y=3\n", 9, 8) end

function TestForward.testReorg() small("[reorg]\nstride=2\n[convolutional]\nfilters=2\nactivation=linear\n", 8, 4) end

function TestForward.testClassifier()
  small("[convolutional]\nfilters=3\nsize=3\nactivation=relu\n[connected]\noutput=5\nbatch_normalize=1\nactivation=leaky\n"
    .. "[connected]\noutput=4\nactivation=linear\n[softmax]\n", 8, 8)
  small("[convolutional]\nfilters=3\nsize=3\nactivation=relu\n[avgpool]\n[connected]\noutput=4\n", 8, 8)
end

local function real(stem, h, w)
  local cfg, weights = read(stem .. ".cfg"), read(stem .. ".weights")
  if not cfg or not weights then return print("SKIP: no " .. stem) end
  compare(cfg, weights, h, w)
end

function TestForward.testYoloLite() real(DATA .. "/weights/yolo-lite/coco", 64, 32) end
function TestForward.testYoloFastest() real(DATA .. "/weights/yolo-fastest/yolo-fastest-1.1", 64, 32) end

os.exit(t.LuaUnit.run())
