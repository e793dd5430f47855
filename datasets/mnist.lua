-- MNIST: 28x28 pictures of digits with a class each, from the four idx files, plain or gzipped; without data.root, drawn digits.
--
--   ROOT/train-images-idx3-ubyte[.gz]  ROOT/train-labels-idx1-ubyte[.gz]  ROOT/t10k-images-...  ROOT/t10k-labels-...
--
-- Splits: train, test (t10k), all; a tenth of train is kept as dev. Pictures have one channel, and no boxes: networks end in [softmax], and
-- scores are the row top1, the share of pictures whose class is wrong.
local core = require "yolua.core"
local digits = require "yolua.data.digits"
local fail = require "yolua.data.fail"
local files = core.files

local mnist = {
  help = "handwritten digits (idx files), or drawn ones", rootless = true,
  classes = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" },
  fields = { { "digits", "int", 4000, "pictures", "how many are drawn if there is no data.root; a fifth is the split test", min = 20 } },
  protocols = { "top1" },
}

local Source = {}
Source.__index = Source

-- The file of that stem, whichever way it is spelt.
local function find(root, stem, kind)
  for _, name in ipairs { "%s-%s-ubyte", "%s-%s-ubyte.gz", "%s.%s-ubyte", "%s.%s-ubyte.gz" } do
    local path = root .. "/" .. name:format(stem, kind)
    if files.kind(path) == "file" then return path end
  end
  fail("data: %s contains no %s-%s-ubyte (or .gz)", root, stem, kind)
end

local function read_part(self, name, stem)
  local images, labels = find(self.root, stem .. "-images", "idx3"), find(self.root, stem .. "-labels", "idx1")
  local pixels, classes = core.idx(images), core.idx(labels)
  local n, h, w = table.unpack(pixels:shape())
  if #pixels:shape() ~= 3 or #classes:shape() ~= 1 then
    fail("%s: expected pictures {n, h, w} and labels {n}, got %d and %d sizes", images, #pixels:shape(), #classes:shape())
  end
  if classes:shape()[1] ~= n then fail("%s: expected a label for each of the %d pictures, got %d", labels, n, classes:shape()[1]) end
  return { name = name, label = labels, pixels = pixels:reshape(n, h, w, 1), classes = classes:totable(), n = n, h = h, w = w }
end

-- Puts the parts' pictures behind each other, and gives each its id.
local function join(self, parts)
  local total, first = 0, parts[1]
  for _, part in ipairs(parts) do
    if part.h ~= first.h or part.w ~= first.w then
      fail("%s: expected pictures of %dx%d like the others, got %dx%d", part.label, first.w, first.h, part.w, part.h)
    end
    total = total + part.n
  end
  self.w, self.h, self.pixels, self.items, self.frames = first.w, first.h, core.tensor.zeros({ total, first.h, first.w, 1 }, "u8"), {}, {}
  local at = 0
  for _, part in ipairs(parts) do
    self.pixels[{ { at + 1, at + part.n } }]:copy_(part.pixels)
    local items = {}
    for i = 1, part.n do
      local id = ("%s/%05d"):format(part.name, i - 1)
      if part.classes[i] > 9 then fail("%s: expected classes 0 to 9, got %d at place %d", part.label, part.classes[i], i) end
      items[i], self.frames[id] = id, { at = at + i, label = part.label, class = mnist.classes[part.classes[i] + 1], line = i }
    end
    self.items[part.name], at = items, at + part.n
  end
end

-- o: the options of data=mnist.
function mnist.open(o)
  local self = setmetatable({ root = o.root or "drawn digits" }, Source)
  if o.root then join(self, { read_part(self, "train", "train"), read_part(self, "test", "t10k") })
  else
    core.system.warn(("using %d drawn digits; for MNIST give data.root=DIR with its four files"):format(o.digits or 4000))
    join(self, digits.parts(o.digits or 4000, o.seed or 1))
  end
  return self
end

function Source:all()
  local list = table.move(self.items.train, 1, #self.items.train, 1, {})
  return table.move(self.items.test, 1, #self.items.test, #list + 1, list)
end

function Source:split(name)
  if self.items[name] then return self.items[name], nil end
end

function Source:split_names() return { "train", "test" } end

function Source:frame(item)
  local f = self.frames[item]
  if not f then return nil, "expected train/NNNNN or test/NNNNN, counted from 0" end
  return { id = item, label = f.label, width = self.w, height = self.h, at = f.at }
end

function Source:labels(frame)
  local f = self.frames[frame.id]
  return { { class = f.class, box = { 0, 0, self.w, self.h }, line = f.line } }
end

return mnist
