-- A new head for other classes, with the rows of the old one moved over by class name. A head's last convolution has, for every
-- anchor, 5 rows for box and objectness and one per class; all other parameters stay as they are.
local core = require "yolua.core"
local input = require "yolua.model.input"
local Model = require "yolua.model"
local structs = require "yolua.options.structs"
local options = require "yolua.options.table"
local structure = require "yolua.model.structure"
local unpredicted = require "yolua.model.unpredicted"

-- The old class that a new one takes its rows from: `like[new]` where the old head has it, else the same name but for case; nil: none.
local function sources(old, new, like)
  local by_name, from = {}, {}
  for i, name in ipairs(old) do by_name[name:lower()] = i end
  for i, name in ipairs(new) do from[i] = like[name] and by_name[like[name]:lower()] or by_name[name:lower()] end
  return from
end

-- {to_row, from_row} pairs of one head's convolution; `added` slots (see yolua.model.unpredicted) stand behind its own.
local function rows(head, old_count, new_count, from, added)
  local pairs_ = {}
  for a = 0, head.anchors + #added - 1 do
    local old = a < head.anchors and a or added[a - head.anchors + 1].like - 1
    local to, source = a * (5 + new_count), old * (5 + old_count)
    for k = 1, 5 do pairs_[#pairs_ + 1] = { to + k, source + k } end
    for k = 1, new_count do
      if from[k] then pairs_[#pairs_ + 1] = { to + 5 + k, source + 5 + from[k] } end
    end
  end
  return pairs_
end

local function rebuilt(model, names, seed, size, added)
  local s = structure.of(model.net)
  if size then s.w, s.h = size[1], size[2] end
  for _, head in ipairs(structure.heads(s)) do
    local o, slots = structure.layer(s, head.name).options, added[head.name] or {}
    o.classes = tostring(#names)
    for _, slot in ipairs(slots) do o.mask = ("%s,%d"):format(o.mask, slot.index) end
    structure.layer(s, head.conv).options.filters = tostring((head.anchors + #slots) * (5 + #names))
  end
  return structure.build(s, model.device, seed)
end

local function copy_body(from, to, changed)
  for _, range in ipairs(from:ranges()) do
    if not changed[range.layer] then core.copy_values(from, to, range.name) end
  end
end

local function copy_heads(model, net, names, from, added)
  local changed = {}
  for _, head in ipairs(model.heads) do changed[head.conv] = head end
  for _, range in ipairs(model.net:ranges()) do
    local head = changed[range.layer]
    local slots = head and added[head.name] or {}
    if head then core.copy_rows(model.net, net, range.name, rows(head, #model.names, #names, from, slots)) end
  end
  for _, head in ipairs(model.heads) do
    if added[head.name] then unpredicted.adapt(net, model.structure, head, added[head.name], 5 + #names) end
  end
  return changed
end

-- What happened, one line per class: moved from which old class, or initialized.
local function report(model, names, from, added)
  local lines = { ("head: %d classes become %d; boxes and objectness are kept"):format(#model.names, #names) }
  for _, head in ipairs(model.heads) do
    if added[head.name] then lines[#lines + 1] = unpredicted.line(head, added[head.name]) end
  end
  for i, name in ipairs(names) do
    lines[#lines + 1] = from[i] and ("  %s: moved from %s"):format(name, model.names[from[i]]) or ("  %s: initialized"):format(name)
  end
  return lines
end

local check = options.declare("yl.transplant", {
  { "like", "any", nil, "", "{new = old}: the old class whose rows a new one gets, if their names differ" },
  structs.field("network", "seed", { help = "seed of randomly initialized rows" }),
  { "anchors", "enum", "cfg", "", "the training's option: with all, anchors that no head predicts get rows of their own in the head of the "
    .. "finest grid", choices = { "cfg", "predicted", "all", "auto" } },
  { "size", "size", nil, "px", "input size (default: the old one's)", min = 1, max = 65536 },
})

-- transplant(model, names, {like = {new = old}, seed = 1, size = {w, h}, anchors = "all"}) -> a model with these classes (the old one
-- stays as it is) and that input size (default: the old one's), and the lines that say what was kept, moved and initialized.
return function(model, names, values)
  local o = check(values)
  if o.size then input.check(model, o.size, options.origin(o, "size") .. ": size") end
  local from = sources(model.names, names, o.like or {})
  local added = o.anchors == "all" and unpredicted.slots(model) or {}
  local net = rebuilt(model, names, o.seed, o.size, added)
  local changed = copy_heads(model, net, names, from, added)
  copy_body(model.net, net, changed)
  local same = table.concat(names, "\n") == table.concat(model.names, "\n") -- a class map is one towards these names
  return Model.new { net = net, names = names, path = model.path, device = model.device, pretrained = model.pretrained,
    map = same and model.map or nil, darknet = model.darknet },
    report(model, names, from, added)
end
