-- A new head for other classes or attributes, with the rows of the old one moved over by class name. A head's last convolution has, for
-- every anchor, 5 rows for box and objectness, one per class, and those of the attributes; all other parameters stay as they are.
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local heads = require "yolua.model.heads"
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

-- Where the rows of each attribute begin, behind box, objectness and classes.
local function places(classes, list)
  local at, out = 5 + classes, {}
  for _, a in ipairs(list) do
    out[a.name], at = at, at + a.width
  end
  return out
end

-- new: what the new heads have, {count of classes, from (old class of each), attributes, size = numbers per anchor}.
-- {to_row, from_row} pairs of one head's convolution; `added` slots (see yolua.model.unpredicted) stand behind its own.
local function rows(head, new, added)
  local pairs_, old_at, new_at = {}, places(head.classes, head.attributes), places(new.count, new.attributes)
  for a = 0, head.anchors + #added - 1 do
    local old = a < head.anchors and a or added[a - head.anchors + 1].like - 1
    local to, source = a * new.size, old * head.size
    for k = 1, 5 do pairs_[#pairs_ + 1] = { to + k, source + k } end
    for k = 1, new.count do
      if new.from[k] then pairs_[#pairs_ + 1] = { to + 5 + k, source + 5 + new.from[k] } end
    end
    for _, e in ipairs(new.attributes) do
      for k = 1, old_at[e.name] and e.width or 0 do pairs_[#pairs_ + 1] = { to + new_at[e.name] + k, source + old_at[e.name] + k } end
    end
  end
  return pairs_
end

local function rebuilt(model, new, seed, size, added)
  local s = structure.of(model.net)
  if size then s.w, s.h = size[1], size[2] end
  for _, head in ipairs(structure.heads(s)) do
    local o, slots = structure.layer(s, head.name).options, added[head.name] or {}
    o.classes, o.attributes = tostring(new.count), attributes.text(new.attributes)
    for _, slot in ipairs(slots) do o.mask = ("%s,%d"):format(o.mask, slot.index) end
    structure.layer(s, head.conv).options.filters = tostring((head.anchors + #slots) * new.size)
  end
  return structure.build(s, model.device, seed)
end

local function copy_body(from, to, changed)
  for _, range in ipairs(from:ranges()) do
    if not changed[range.layer] then core.copy_values(from, to, range.name) end
  end
end

local function copy_heads(model, net, new, added)
  local changed = {}
  for _, head in ipairs(model.heads) do changed[head.conv] = head end
  for _, range in ipairs(model.net:ranges()) do
    local head = changed[range.layer]
    local slots = head and added[head.name] or {}
    if head then core.copy_rows(model.net, net, range.name, rows(head, new, slots)) end
  end
  for _, head in ipairs(model.heads) do
    for i, slot in ipairs(added[head.name] or {}) do
      heads.keep_box(net, model.structure, head, (head.anchors + i - 1) * new.size, slot.was, slot.shape)
    end
  end
  return changed
end

-- What happened, one line per class and attribute: moved from which old class, or initialized.
local function report(model, names, new, added)
  local lines, had = { ("head: %d classes become %d; boxes and objectness are kept"):format(#model.names, #names) }, {}
  for _, head in ipairs(model.heads) do
    if added[head.name] then lines[#lines + 1] = unpredicted.line(head, added[head.name]) end
  end
  for i, name in ipairs(names) do
    lines[#lines + 1] = new.from[i] and ("  %s: moved from %s"):format(name, model.names[new.from[i]]) or ("  %s: initialized"):format(name)
  end
  for _, a in ipairs(attributes.of_model(model)) do had[a.name] = true end
  for _, a in ipairs(new.attributes) do
    lines[#lines + 1], had[a.name] = ("  attribute %s: %s"):format(a.name, had[a.name] and "kept" or "initialized"), nil
  end
  for _, a in ipairs(attributes.list) do
    if had[a.name] then lines[#lines + 1] = ("  attribute %s: taken away"):format(a.name) end
  end
  return lines
end

local check = options.declare("yl.transplant", {
  { "like", "any", nil, "", "{new = old}: the old class whose rows a new one gets, if their names differ" },
  { "attributes", "flags", nil, "", "what it predicts beside box and class (default: what the old one does)",
    choices = attributes.names },
  structs.field("network", "seed", { help = "seed of randomly initialized rows" }),
  { "anchors", "enum", "cfg", "", "the training's option: with all, anchors that no head predicts get rows of their own in the head of the "
    .. "finest grid", choices = { "cfg", "predicted", "all", "auto" }, file = true },
  { "size", "size", nil, "px", "input size (default: the old one's)", min = 1, max = 65536 },
})

-- transplant(model, names, {like = {new = old}, attributes = {names}, seed = 1, size = {w, h}, anchors = "all"}) -> a model with these
-- classes and attributes (the old one stays as it is) and that input size (default: the old one's), and the lines that say what was kept,
-- moved and initialized.
return function(model, names, values)
  local o = check(values)
  if o.size then input.check(model, o.size, o, "size") end
  local extra = o.attributes and attributes.of(o.attributes) or attributes.of_model(model)
  if #extra > 0 and #model.heads == 0 then
    error(("%s: attributes=%s: %s has no detection head"):format(options.origin(o, "attributes"), attributes.text(extra), model.path), 0)
  end
  local new = { count = #names, from = sources(model.names, names, o.like or {}), attributes = extra,
    size = 5 + #names + attributes.width(extra) }
  local added = o.anchors == "all" and unpredicted.slots(model) or {}
  local net = rebuilt(model, new, o.seed, o.size, added)
  local changed = copy_heads(model, net, new, added)
  copy_body(model.net, net, changed)
  local same = table.concat(names, "\n") == table.concat(model.names, "\n") -- a class map is one towards these names
  return Model.new { net = net, names = names, path = model.path, device = model.device, pretrained = model.pretrained,
    map = same and model.map or nil, darknet = model.darknet },
    report(model, names, new, added)
end
