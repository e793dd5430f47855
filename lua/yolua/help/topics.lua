-- The topics of help: each is a kind of thing, with the names there are, a line on each, and a page.
local calls = require "yolua.help.calls"
local comments = require "yolua.help.comments"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local formats = require "yolua.help.formats"
local library = require "yolua.library"
local parts = require "yolua.help.parts"
local rows = require "yolua.help.rows"
local schema = require "yolua.options.schema"
local terminal = require "yolua.terminal"

local topics = {}

local function of_folder(folder)
  return function() return core.options.modules(folder) end
end

local function opening(folder)
  return function(name) return comments.opening(comments.file(folder .. name .. ".lua")) end
end

local function sentence(folder)
  local comment = opening(folder)
  return function(name) return comments.sentence(comment(name)) end
end

local function with_fields(text, list)
  return #list > 0 and text .. "\n\n" .. rows.text(list) or text
end

local function fit(text) return comments.fit(text, terminal.page_width()) end

-- ---- modules that list their fields ----------------------------------------------------------------------------------------

-- key: what chooses among them on the command line ("optim"); how: what stands before the text.
local function choices(name, title, key, folder, prefix)
  local ours, which = {}, { variants = prefix:sub(1, -2) }
  for _, item in ipairs(core.options.modules(folder)) do ours[item] = true end
  local function text(item) return ours[item] and opening(folder)(item) or require(prefix .. item).help or "" end
  local function line(item) return comments.sentence(text(item)) end
  return { name = name, title = title, names = function() return schema.variant_names(which) end, line = line, page = function(item)
    local module = require(prefix .. item)
    local list = {}
    for i, field in ipairs(module.fields or {}) do list[i] = setmetatable({ key .. "." .. field[1] }, { __index = field }) end
    return with_fields(("%s=%s\n%s"):format(key, item, fit(text(item))), list)
  end }
end

-- ---- verbs, layers ---------------------------------------------------------------------------------------------------------

-- A verb's fields: those of its own, then those that recipes have as well.
local function owned(list)
  local shared, own, general = {}, {}, {}
  for _, field in ipairs(fields.all()) do shared[field] = true end
  for _, field in ipairs(list) do table.insert(shared[field] and general or own, field) end
  return own, general
end

local function verb_page(name)
  local verb = require("yolua.verbs." .. name)
  local places, first = verb.positional, ""
  for _, key in ipairs(type(places) == "table" and places or { places }) do first = ("%s [%s]"):format(first, key:upper()) end
  local text = verb.text and "\n\n" .. fit(verb.text) or ""
  local page = ("yolua %s%s [key=value ...]\n%s%s"):format(name, first, fit(verb.help or ""), text)
  local own, general = owned(fields.get(verb.fields or {}))
  if #own == 0 or #general == 0 then return with_fields(with_fields(page, own), general) end
  return ("%s\n\nIts own options:\n%s\n\nOptions that recipes have as well:\n%s"):format(page, rows.text(own), rows.text(general))
end

local function layer_line(kind) return core.layers.kind(kind).help or "" end

local function layer_page(kind)
  local list, line = core.layers.fields(kind), layer_line(kind)
  local text = ("layer %s%s"):format(kind, line ~= "" and "\n" .. fit(line) or "")
  return #list > 0 and with_fields(text, list) or text .. "\nIt has no options."
end

-- ---- the library -----------------------------------------------------------------------------------------------------------

local function library_page(name)
  local text = comments.file(library.file(name))
  local list = comments.functions(text)
  for i, f in ipairs(list) do list[i] = { f.call, f.text } end
  local page, options = fit(comments.opening(text)), calls.fields(name)
  if #list > 0 then page = page .. "\n\n" .. rows.layout(list) end
  if name == "run" or name == "options" then return page .. "\n\nIts options: help \"keys\"." end
  return options and with_fields(page .. "\n\nOptions:", options):gsub("Options:\n\n", "Options:\n") or page
end

local function policy_page(name) return fit(opening "lua/yolua/policies/"(name)) end

-- The name of a policy that is loaded.
local function policy_of(value)
  for _, name in ipairs(core.options.modules "lua/yolua/policies/") do
    if package.loaded["yolua.policies." .. name] == value then return name end
  end
end

local function part_page(name)
  local part, list = parts.find(name), calls.fields("prune." .. name)
  local page = fit(part.call) .. "\n" .. fit((part.text:gsub("^%l", string.upper)))
  return list and page .. "\n\nOptions:\n" .. rows.text(list) or page
end

local function schedule_list()
  local list = {}
  for _, f in ipairs(comments.functions(comments.file "lua/yolua/train/schedule.lua")) do
    if f.name ~= "rate" then list[#list + 1] = f end
  end
  return list
end

local function schedule_line(name)
  for _, f in ipairs(schedule_list()) do
    if f.name == name then return f.text end
  end
end

local function names_of(list)
  for i, item in ipairs(list) do list[i] = item.name end
  return list
end

local protocol_lines = {
  coco = "AP over IoU .50:.95, and AR (pycocotools)", kitti = "AP at 40 and 11 recall points, by difficulty (the devkit's rules)",
  poster = "precision, recall and F1 at score .5", voc = "AP at IoU .5, area and 11 points",
}

local function protocol_page(name)
  local list = {}
  for _, field in ipairs(fields.groups.protocols) do
    if field[1] == name or name == "kitti" and field[1] == "curves" then list[#list + 1] = field end
  end
  return with_fields(("protocol=%s\n%s"):format(name, fit(protocol_lines[name])), list)
end

local prompt_text = [[
An expression prints its value, an unfinished chunk continues after >>, and names of earlier `local`s stay available. Pasted
text of several lines runs as one chunk. yl is the library; help explains it: help "conv2d", help(net), help "keys".

  Tab       completes names (yl.tr, net.layers.co), options inside a call's braces, and file names in quotes
  Ctrl-C    discards a half-typed line; stops a training after its step, and all values stay
  Ctrl-D    leaves
  Up, Down  earlier lines, kept in ~/.yolua_history ($YOLUA_HISTORY); Ctrl-R searches

`yolua -i FILE.lua` runs a file first and keeps its locals, even if it fails. `echo CODE | yolua` runs the code as if it were typed.]]

-- In the order of the overview. names() -> list; line(name): one line on it; page(name): all of it.
topics.list = {
  { name = "verbs", title = "one job each: yolua VERB [key=value ...]", names = of_folder "lua/yolua/verbs/",
    line = function(name) return require("yolua.verbs." .. name).help or "" end, page = verb_page },
  { name = "recipes", title = "experiments: yolua recipes/NAME.lua [key=value ...]", names = of_folder "recipes/",
    line = sentence "recipes/", page = function(name) return ("recipes/%s.lua\n%s"):format(name, fit(opening "recipes/"(name))) end },
  { name = "layers", title = "kinds of layers, for networks made in Lua", names = function()
    local list = table.move(core.layers.kinds(), 1, 1000, 1, {})
    table.sort(list)
    return list
  end, line = layer_line, page = layer_page },
  choices("optimizers", "optim=NAME", "optim", "lua/yolua/optim/", "yolua.optim."),
  { name = "schedules", title = "optim.schedule=NAME: how the learning rate changes",
    names = function() return names_of(schedule_list()) end, line = schedule_line,
    page = function(name) return ("optim.schedule=%s\n%s"):format(name, fit(schedule_line(name))) end },
  { name = "policies", title = "what reacts to a training's events: yl.train { ..., yl.NAME ... }", names = of_folder "lua/yolua/policies/",
    line = sentence "lua/yolua/policies/", page = policy_page, name_of = policy_of },
  { name = "pruning", title = "beside yl.prune: cuts by hand, schedules of schedules, rounds without training: help \"yl.prune.NAME\"",
    prefix = "yl.prune.", names = function() return names_of(parts.list()) end,
    line = function(name) return comments.sentence(parts.find(name).text) end, page = part_page, name_of = parts.name_of },
  choices("augmentations", "augment=NAME: random changes of the training images", "augment", "lua/yolua/augment/", "yolua.augment."),
  choices("datasets", "data=NAME data.root=FOLDER", "data", "datasets/", "yolua.datasets."),
  { name = "formats", title = "files of other programs: yolua export writes them, and those that can be read are read by cfg=, weights= "
    .. "and model= of every verb (help export, help weights)", names = formats.names, line = formats.line, page = formats.page },
  { name = "protocols", title = "protocol=NAME,...: how detections are scored",
    names = function() return { "coco", "kitti", "poster", "voc" } end, line = function(name) return protocol_lines[name] end,
    page = protocol_page },
  { name = "library", title = "the library, as `yl` at the prompt and in recipes: help \"yl.NAME\"", prefix = "yl.",
    names = function() return library.calls end, line = function(name)
      return comments.sentence(comments.opening(comments.file(library.file(name))))
    end, page = library_page },
}

-- What a pruning schedule sees: its fields with type, unit and range.
local function prune_state()
  local list = {}
  for i, f in ipairs(require("yolua.prune.state").fields) do
    local facts = { f[2] }
    if f[3] ~= "" then facts[#facts + 1] = "in " .. f[3] end
    if f[4] ~= "" then facts[#facts + 1] = f[4] end
    list[i] = { "s." .. f[1], ("%s (%s)"):format(f[5], table.concat(facts, "; ")) }
  end
  return fit("What a pruning schedule, a function of s, sees when a round begins. It returns a sparsity from 0 to below 1, {flops = n}, "
    .. "s:rollback{epochs =, target =} or s:stop().") .. "\n\n" .. rows.layout(list)
end

-- Pages that are no list of names.
topics.pages = {
  keys = function() return "every key=value of a recipe\n\n" .. rows.text(fields.all()) end,
  prompt = function() return fit(prompt_text) end,
  ["prune.state"] = prune_state,
  mpi = function() return fit(opening "lua/yolua/" "ranks") end,
}

for word, name in pairs(formats.meant) do
  topics.pages[word] = function() return formats.page(name) end
end

-- What is called `import` elsewhere is no verb here.
function topics.pages.import()
  for _, topic in ipairs(topics.list) do
    if topic.name == "formats" then return topics.page(topic) end
  end
end

-- The page of a kind of things: a line on each.
function topics.page(topic)
  local list = {}
  for i, name in ipairs(topic.names()) do list[i] = { (topic.prefix or "") .. name, topic.line(name) } end
  return fit(topic.title) .. "\n\n" .. rows.layout(list)
end

-- The page on a file of the library.
topics.library_page = library_page

return topics
