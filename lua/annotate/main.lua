-- Writes the library's annotations for editors (LuaLS, EmmyLua), made from what the program knows: field tables, the functions and
-- methods that there are, and the comments above them. The build runs it; what it writes is installed.
--
--   yolua lua/annotate/main.lua out=FOLDER [sources=runtime/bind]
local annotate = require "types"
local arguments = require "yolua.options.arguments"
local calls = require "yolua.help.calls"
local comments = require "yolua.help.comments"
local core = require "yolua.core"
local fields = require "yolua.options.fields"
local library = require "yolua.library"
local objects = require "objects"
local options = require "yolua.options.table"

arguments.taken = true
local o = arguments.resolve { who = arguments.program, list = arguments.given, fields = {
  { "out", "string", nil, "", "the folder to write to" },
  { "sources", "string", nil, "", "the folder with the C side's functions, whose comments tell what they take" },
} }
if not o.out then error("annotate: option 'out' is missing", 0) end

-- ---- options.lua: every table of options ---------------------------------------------------------------------------------------

local function option_classes()
  local file = annotate.file "Tables of options: key, type, meaning, unit, range, default."
  file:class("yolua.options", fields.all(), { settled = "yolua.options.given",
    what = "What yl.options returns: fields with defaults are there." })
  file:class("yolua.options.given", fields.all(), { what = "What yl.options takes." })
  for _, verb in ipairs(core.options.modules "lua/yolua/verbs/") do
    file:class("yolua.verb." .. verb, fields.get(require("yolua.verbs." .. verb).fields or {}), { what = "`yolua " .. verb .. "`" })
  end
  for _, kind in ipairs(core.layers.kinds()) do
    file:class("yolua.layer." .. kind, core.layers.fields(kind), { what = "A layer: { \"" .. kind .. "\", key = value, ... }" })
  end
  return file
end

-- ---- yolua.lua: the module, what it offers, its objects -------------------------------------------------------------------------

-- What calls give.
local gives = {
  load = "yolua.model", data = "yolua.data", run = "yolua.run", options = "yolua.options", train = "yolua.trainer",
  trainer = "yolua.trainer", image = "yolua.tensor", tensor = "yolua.tensor", transplant = "yolua.model, string[]",
  reuse = "yolua.model, yolua.data, string", layer = "string", optimizer = "string", dataset = "string",
  freeze = "yolua.policy", stop = "yolua.policy", evaluate = "yolua.policy", detect = "table", embedded = "yolua.options",
  zeros = "yolua.tensor", ones = "yolua.tensor", full = "yolua.tensor", rand = "yolua.tensor", randn = "yolua.tensor",
  arange = "yolua.tensor", gradcheck = "table",
}
-- The parameters of those that take more than a table of options, or another one.
local own = {
  detect = { { "model", "yolua.model" }, { "images", "any[]" }, { "o", "yolua.detect.options" }, { "callback", "function" } },
  options = { { "defaults", "yolua.options.given" }, { "extra?", "yolua.field[]" } },
  run = { { "o", "yolua.options.given" }, { "name?", "string" } },
  transplant = { { "model", "yolua.model" }, { "names", "string[]" }, { "o?", "yolua.transplant.options" } },
  reuse = { { "spec", "table" } }, image = { { "path", "string" } }, data = { { "o", "yolua.options.given.data" } },
  embedded = { { "o", "yolua.options" }, { "small?", "table" } },
  tensor = { { "values", "any" }, { "dtype?", "string" } },
  arange = { { "first", "number" }, { "last", "number" }, { "step?", "number" }, { "dtype?", "string" } },
}

local function parameters(name, list)
  if own[name] then return own[name] end
  if not list then return { { "...", "any" } } end
  local short = name == "freeze" and "|string|function" or ""
  for _, field in ipairs(list) do
    if field.positional and short == "" then short = "|string" end
  end
  if list.array and name ~= "train" then short = "|integer[]" end -- sizes
  return { { list.array and "o" or "o?", "yolua." .. name .. ".options" .. short } }
end

-- The names of the library's calls, and the files that they stand in.
local function homes()
  local list = {}
  for _, name in ipairs(library.names()) do list[name] = library.file(name) end
  return annotate.sorted(list), list
end

-- The text on a call: what its file opens with; of a constructor in the middle of a file, what stands above it.
local function text_on(name, path)
  local text = comments.file(path)
  for _, f in ipairs(comments.functions(text)) do
    if f.name == name then return f.text end
  end
  return comments.opening(text)
end

local function module_file()
  local file = annotate.file("The library: local yl = require \"yolua\".", "yolua")
  file:add("---@class yolua.field: table", "---@field [1] string key",
    '---@field [2] "bool"|"int"|"number"|"string"|"enum"|"numbers"|"size"|"flags"|"list"|"table"|"function"|"any" type',
    "---@field [3]? any default", "---@field [4]? string unit", "---@field [5]? string help", "")
  file:add("---@class yolua.policy: table", "---@field name string", "---@field state? table plain data that checkpoints keep",
    "---@field on? table<string, fun(self: yolua.policy, trainer: yolua.trainer)> by event", "")
  objects.lua(file)
  local names, list = homes()
  file:add("---@class yolua", "---@field core table what C gives", "---@field version string", "local yl = {}", "")
  for _, name in ipairs(names) do
    local known, text = calls.fields(name), text_on(name, list[name])
    local declared = known and not (own[name] and name ~= "detect" and name ~= "transplant")
    if declared then file:class("yolua." .. name .. ".options", known, { what = "What yl." .. name .. " takes." }) end
    if name == "keep" then
      file:doc(text)
      file:add("yl.keep = {}", "", "---@param metric string", "---@param file? string", "---@return yolua.policy",
        "function yl.keep.best(metric, file) end", "")
    else file:call("yl." .. name, parameters(name, known), gives[name], text) end
  end
  file:add "return yl"
  return file
end

-- ---- the files ---------------------------------------------------------------------------------------------------------------

core.files.make_folder(o.out)
local made = { options = option_classes(), yolua = module_file(), core = objects.core(o.sources) }
for _, name in ipairs(annotate.sorted(made)) do made[name]:write(o.out .. "/" .. name .. ".lua") end
if not next(options.declared) then error("annotate: the library declared no call", 0) end
