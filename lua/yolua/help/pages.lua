-- `yolua help [topic]` and help "topic" at the prompt: pages made from the field tables and from what the files say of themselves.
local comments = require "yolua.help.comments"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local rows = require "yolua.help.rows"
local schema = require "yolua.options.schema"
local terminal = require "yolua.terminal"
local topics = require "yolua.help.topics"

local help = { table = rows.text }

local calls = {
  { "yolua RECIPE.lua [key=value ...]", "run an experiment" },
  { "yolua VERB [key=value ...]", "one job; dots reach inside: optim.lr=1e-4" },
  { "yolua -e CODE", "run Lua code" },
  { "yolua -i RECIPE.lua [key=value ...]", "run it, then stay at the prompt" },
  { "yolua", "the prompt" },
  { "yolua help TOPIC [require=FILE.lua]", "more on a word below, a key, a recipe.lua" },
  { "yolua help keys", "every key=value of a recipe" },
  { "yolua help prompt", "what the prompt understands" },
  { "yolua help mpi", "one training by several processes" },
}

local function call_lines(width)
  local lines = {}
  for i, call in ipairs(calls) do
    local line = ("  %-35s  %s"):format(call[1], call[2])
    lines[i] = #line <= width and line
      or ("  %s\n      %s"):format(call[1], table.concat(terminal.wrap(call[2], width - 6), "\n      "))
  end
  return table.concat(lines, "\n")
end

local function overview()
  local width, list = terminal.page_width(), {}
  for _, topic in ipairs(topics.list) do list[#list + 1] = { topic.name, table.concat(topic.names(), " ") } end
  local title = table.concat(terminal.wrap("yolua trains and measures YOLO detectors.", width), "\n")
  return title .. "\n\n" .. call_lines(width) .. "\n\n" .. rows.layout(list, width)
end

-- The recipe is run up to its yl.options, whose values are its own defaults.
local function recipe_page(path)
  local width = terminal.page_width()
  local page = path .. "\n" .. comments.fit(comments.opening(core.system.read(path)), width)
  local o = require("yolua.cli.recipe").options(path)
  if not o then return page end
  local lines = {}
  for line in tostring(o):gmatch "[^\n]+" do lines[#lines + 1] = terminal.cut(line, width) end
  return page .. "\n\nkey, value here, set at\n" .. table.concat(lines, "\n")
end

-- Every field of the recipes and the verbs with that key or dotted path.
local function key_page(key)
  local lines, seen = {}, {}
  local function visit(field, path)
    if (path == key or field[1] == key) and not seen[path] then
      lines[#lines + 1] = rows.text { setmetatable({ path }, { __index = field }) }
      seen[path] = true
    end
  end
  schema.each(fields.all(), visit)
  for _, verb in ipairs(core.options.modules "lua/yolua/verbs/") do
    schema.each(fields.get(require("yolua.verbs." .. verb).fields or {}), visit)
  end
  return #lines > 0 and table.concat(lines, "\n") or nil
end

-- What the overview lists as `load` has its page as `yl.load`, and as `load` where nothing else is called that.
local function prefixed_page(name)
  for _, topic in ipairs(topics.list) do
    for _, item in ipairs(topic.prefix and topic.names() or {}) do
      if item == name then return topic.page(item) end
    end
  end
end

-- Everything that bears the name: the pages of all topics, then the key.
local function pages_of(name)
  local pages = {}
  for _, topic in ipairs(topics.list) do
    for _, item in ipairs(topic.names()) do
      local whole = (topic.prefix or "") .. item
      if name == whole or topic.prefix and "yl." .. name == whole and name:find("%.") then pages[#pages + 1] = topic.page(item) end
    end
    if topic.name == name then pages[#pages + 1] = topics.page(topic) end
  end
  if topics.pages[name] then pages[#pages + 1] = topics.pages[name]() end
  pages[#pages + 1] = key_page(name)
  if #pages == 0 then pages[1] = prefixed_page(name) end
  return pages
end

-- All words that help knows, sorted; for completion and suggestions.
function help.words()
  local known, list = {}, {}
  local function add(word)
    if not known[word] then known[word], list[#list + 1] = true, word end
  end
  for _, topic in ipairs(topics.list) do
    add(topic.name)
    for _, name in ipairs(topic.names()) do
      local whole = (topic.prefix or "") .. name
      add(whole)
      if whole:find "%..*%." then add((whole:gsub("^yl%.", ""))) end
      add(name)
    end
  end
  for name in pairs(topics.pages) do add(name) end
  for _, row in ipairs(rows.add(fields.all(), "", {})) do add(row.key) end
  table.sort(list)
  return list
end

-- What an object of the library is described by.
local objects = { ["yolua.model"] = "model", ["yolua.trainer"] = "trainer", run = "run", data = "data", detections = "detect" }

-- The names of a value's methods.
local function methods_page(value, name)
  local names = {}
  for key in pairs(debug.getmetatable(value)) do
    if type(key) == "string" and not key:find "^__" then names[#names + 1] = key end
  end
  table.sort(names)
  return rows.layout { { name, table.concat(names, " ") } }
end

local function object_page(value)
  local yl = require "yolua"
  for _, topic in ipairs(topics.list) do
    local item = topic.name_of and topic.name_of(value)
    if item then return topic.page(item) end
  end
  for name, known in pairs(yl) do
    if known == value and type(name) == "string" and #pages_of("yl." .. name) > 0 then return help.page("yl." .. name) end
  end
  local meta = debug.getmetatable(value)
  local name = type(meta) == "table" and meta.__name
  if name and objects[name] then return topics.library_page(objects[name]) end
  if name and type(value) == "userdata" then return methods_page(value, (name:gsub("^yolua%.", ""))) end
  error(schema.usage(("no help on this %s: help takes a word in quotes (help \"train\") or a thing of the library")
    :format(type(value))))
end

-- What is known of a word without a page: that it is a name of another program, or planned; else the nearest word with one.
local function what_else(topic)
  for _, kind in ipairs { "verb", "section", "layer", "activation", "optim", "data", "protocol", "schedule", "precision", "key" } do
    local text = core.options.foreign(kind, topic)
    local ours = text and text:match "'(.*)'"
    if text and (not ours or #pages_of(ours) > 0) then return text end
  end
  return schema.did_you_mean(topic, help.words())
end

-- The page on that topic (a word, or a thing of the library) as text; throws where there is none.
function help.page(topic)
  if topic == nil or topic == "help" then return overview() end
  if type(topic) ~= "string" then return object_page(topic) end
  if topic:find "%.lua$" then return recipe_page(topic) end
  local pages = pages_of(topic)
  if #pages > 0 then return table.concat(pages, "\n\n") end
  error(schema.usage(("no help on '%s'%s"):format(topic, what_else(topic))))
end

function help.show(topic) print(help.page(topic)) end

return setmetatable(help, {
  __call = function(_, topic) help.show(topic) end,
  __tostring = function() return help.page() end, -- `help` alone at the prompt
})
