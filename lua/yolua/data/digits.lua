-- Drawn digits, for who has no MNIST: seven strokes as on a display, moved, slanted and blurred at random, 28x28 bytes each.
local core = require "yolua.core"

local digits = {}

local SIDE = 28

-- The strokes of a display, from and to in units of its half width (x) and half height (y): top, upper left, ...
local STROKES = {
  { -1, -1, 1, -1 }, { -1, -1, -1, 0 }, { 1, -1, 1, 0 }, { -1, 0, 1, 0 }, { -1, 0, -1, 1 }, { 1, 0, 1, 1 }, { -1, 1, 1, 1 },
}
local ON = { [0] = "1110111", "0010010", "1011101", "1011011", "0111010", "1101011", "1101111", "1010010", "1111111", "1111011" }

-- How far the point is from the stroke between two points.
local function distance(x, y, a)
  local dx, dy = a[3] - a[1], a[4] - a[2]
  local t = ((x - a[1]) * dx + (y - a[2]) * dy) / (dx * dx + dy * dy)
  t = math.max(0, math.min(1, t))
  local ex, ey = a[1] + t * dx - x, a[2] + t * dy - y
  return math.sqrt(ex * ex + ey * ey)
end

-- The strokes of a digit in pixels; r: six random numbers of 0..1.
local function placed(class, r)
  local cx, cy = 14 + 5 * (r[1] - 0.5), 14 + 4 * (r[2] - 0.5)
  local w, h, slant = 4 + 2.5 * r[3], 7 + 2.5 * r[4], 0.5 * (r[5] - 0.3)
  local list = {}
  for i, s in ipairs(STROKES) do
    if ON[class]:sub(i, i) == "1" then
      list[#list + 1] = { cx + s[1] * w - s[2] * slant * h, cy + s[2] * h, cx + s[3] * w - s[4] * slant * h, cy + s[4] * h }
    end
  end
  return list
end

local function draw(class, r)
  local strokes, thick, out = placed(class, r), 0.8 + 1.2 * r[6], {}
  for y = 1, SIDE do
    for x = 1, SIDE do
      local nearest = math.huge
      for _, s in ipairs(strokes) do nearest = math.min(nearest, distance(x, y, s)) end
      out[#out + 1] = string.char(math.floor(255 * math.max(0, math.min(1, thick + 0.5 - nearest)) + 0.5))
    end
  end
  return table.concat(out)
end

local function part(name, n, seed)
  local random, bytes, classes = core.tensor.zeros({ n, 7 }, "f32"):uniform_(seed, 0, 1, 1):totable(), {}, {}
  for i = 1, n do
    classes[i] = math.min(9, math.floor(10 * random[i][7]))
    bytes[i] = draw(classes[i], random[i])
  end
  return { name = name, label = name .. " (drawn)", pixels = core.tensor.from_bytes(table.concat(bytes), { n, SIDE, SIDE, 1 }, "u8"),
    classes = classes, n = n, h = SIDE, w = SIDE }
end

-- Parts as datasets/mnist.lua joins them: four fifths train, a fifth test.
function digits.parts(count, seed)
  local test = math.max(4, count // 5)
  return { part("train", count - test, 2 * seed), part("test", test, 2 * seed + 1) }
end

return digits
