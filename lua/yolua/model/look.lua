-- yl.look(net): where a network's zeros are, layer by layer, at a glance: their share of each layer's weights, filters that are all
-- zero, and input channels that nothing reads. yl.look(a, b, "dog.jpg"): what two networks find on one picture, side by side: objects
-- of one class that overlap by half (IoU) stand in one line, then those that only one network finds; where the terminal shows pictures,
-- also as pictures. A fourth argument has the options of net:detect.
local callback = require "yolua.options.callback"
local core = require "yolua.core"
local overlap = require "yolua.data.overlap"
local picture = require "yolua.terminal.picture"
local terminal = require "yolua.terminal"

local look = {}

-- How many of a weight's filters (its first axis) are all zero, and how many of its input channels (its last).
local function dead(model, r)
  if #r.dims < 2 then return 0, 0 end
  local value = model.net:tensor(r.name, model.averaged and "ema" or "value")
  local rows = value:reshape(r.dims[1], -1):abs():max(2)
  local columns = value:reshape(-1, r.dims[#r.dims]):abs():max(1)
  return rows:eq(0):to("i64"):sum(), columns:eq(0):to("i64"):sum()
end

-- {{name (of the layer), parameter, count, zeros, filters, dead, inputs, deaf}, ...} of the weights; dead: filters that are all zero;
-- deaf: input channels that no weight reads.
function look.layers(model)
  local list = {}
  for _, r in ipairs(model.net:ranges()) do
    if r.kind == "weight" then
      local filters, inputs = dead(model, r)
      list[#list + 1] = { name = r.layer, parameter = r.name, count = r.count, zeros = r.count - core.nonzero(model.net, r.name),
        filters = r.dims[1],
        dead = filters, inputs = r.dims[#r.dims], deaf = inputs }
    end
  end
  return list
end

-- A weight as a picture: a row per filter, a column per input channel, as bright as the share of that kernel's numbers that are not zero;
-- at most 320 pixels a side. Returns a core.image.
function look.picture(model, name)
  local value = model.net:tensor(name, model.averaged and "ema" or "value")
  local dims = value:shape()
  local out, c = dims[1], #dims > 1 and dims[#dims] or 1
  local share = value:reshape(out, -1, c):ne(0):to("f32"):mean(2):mul_(255):round()
  local bytes = share:reshape(out, c, 1):expand(out, c, 3):to("u8"):tobytes()
  local whole <close> = core.image.new(c, out, bytes)
  return whole:fit(320, 320)
end

local Zeros = { __name = "zeros" }
local WIDTH = 24

local function bar(share)
  local full = math.floor(share * WIDTH + 0.5)
  return ("#"):rep(full) .. ("."):rep(WIDTH - full)
end

local function note(l)
  if l.dead == l.filters then return "all filters are zero" end
  local words = {}
  if l.dead > 0 then words[1] = ("%d of %d filters are zero"):format(l.dead, l.filters) end
  if l.deaf > 0 then words[#words + 1] = ("%d of %d inputs are not read"):format(l.deaf, l.inputs) end
  return table.concat(words, ", ")
end

function Zeros:__tostring()
  local rows, count, zeros = {}, 0, 0
  for i, l in ipairs(self) do
    rows[i] = { l.name, tostring(l.count), bar(l.zeros / l.count), ("%.1f %%"):format(100 * l.zeros / l.count), note(l) }
    count, zeros = count + l.count, zeros + l.zeros
  end
  local function sum(name, all, gone)
    rows[#rows + 1] = { name, tostring(all), bar(gone / math.max(1, all)), ("%.1f %%"):format(100 * gone / math.max(1, all)), "" }
  end
  sum("all", count, zeros)
  if self.prunable then sum("prunable", self.prunable.count, self.prunable.zeros) end -- of a cut by hand
  local columns = { { "layer" }, { "weights", right = true }, { "zeros" }, { "", right = true }, { "" } }
  return table.concat(terminal.columns(columns, rows), "\n") .. (self.note and "\n" .. self.note or "")
end

-- ---- two networks on one picture -----------------------------------------------------------------------------------------------

local Pair = { __name = "pair" }

local function lines_of(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

local function box_text(d) return ("%.0f,%.0f %.0fx%.0f"):format(d.box[1], d.box[2], d.box[3] - d.box[1], d.box[4] - d.box[2]) end

-- What both found (highest score of the first network first), then what only the first one did, then only the second: rows of class,
-- scores, IoU of the two boxes, box (its corner and size in pixels; of the first network where it has one). Second value: how many pairs.
local function paired(first, second)
  local both, alone, taken = {}, {}, {}
  local order = table.move(first, 1, #first, 1, {})
  table.sort(order, function(a, b) return a.score > b.score end)
  for _, d in ipairs(order) do
    local at, iou = overlap.best(d, second, taken)
    if at then
      taken[at] = true
      both[#both + 1] = { d.class, ("%.2f"):format(d.score), ("%.2f"):format(second[at].score), ("%.2f"):format(iou), box_text(d) }
    else alone[#alone + 1] = { d.class, ("%.2f"):format(d.score), "", "only first", box_text(d) } end
  end
  for i, d in ipairs(second) do
    if not taken[i] then alone[#alone + 1] = { d.class, "", ("%.2f"):format(d.score), "only second", box_text(d) } end
  end
  local pairs_ = #both
  return table.move(alone, 1, #alone, pairs_ + 1, both), pairs_
end

-- The picture with its boxes in so many columns, as lines.
local function drawn(pixels, found, columns)
  local h, w = picture.size(pixels)
  local image <close> = core.image.new(w, h, pixels:tobytes())
  local marks = {}
  for i, d in ipairs(found) do marks[i] = { box = d.box, role = "found", label = ("%s %.2f"):format(d.class, d.score), alpha = d.alpha } end
  image:draw(marks)
  return lines_of(picture.text(core.tensor.from_bytes(image:bytes(), { h, w, 3 }, "u8"), columns))
end

function Pair:__tostring()
  local first, second, out = self.found[1], self.found[2], {}
  if picture.possible() then
    local half = (terminal.width() - 2) // 2
    local a, b = drawn(self.pixels, first, half), drawn(self.pixels, second, half)
    for i = 1, #a do out[i] = a[i] .. "  " .. (b[i] or "") end
  end
  local rows, pairs_ = paired(first, second)
  out[#out + 1] = ("%d objects, and %d; %d of them are the same"):format(#first, #second, pairs_)
  local columns = { { "class" }, { "first", right = true }, { "second", right = true }, { "IoU", right = true }, { "box, x,y wxh" } }
  if #rows > 0 then table.move(terminal.columns(columns, rows), 1, #rows + 1, #out + 1, out) end
  return table.concat(out, "\n")
end

local function pair(first, second, pixels, o)
  callback.model("yl.look", second)
  if type(pixels) == "string" then pixels = require "yolua.data.image"(pixels) end
  callback.argument(picture.size(pixels) ~= nil, "yl.look", "a picture: a path, or a tensor u8 {h, w, 3}", pixels)
  return setmetatable({ pixels = pixels, found = { first:detect(pixels, o), second:detect(pixels, o) } }, Pair)
end

return setmetatable(look, { __call = function(_, model, other, pixels, ...)
  callback.model("yl.look", model)
  if other ~= nil then return pair(model, other, pixels, ...) end
  return setmetatable(look.layers(model), Zeros)
end })
