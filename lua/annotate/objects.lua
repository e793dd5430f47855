-- Annotations of the objects: those written in Lua after their source, those of C after the methods that there are and the comments
-- above their functions ("/* plan:output(layer) -> numbers, {n, h, w, c}; ... */"). For main.lua.
local annotate = require "types"
local comments = require "yolua.help.comments"
local core = require "yolua.core"
local library = require "yolua.library"

local objects = {}

-- ---- Lua ---------------------------------------------------------------------------------------------------------------------

-- class, file, the table that its methods stand in, what it holds
local written = {
  { "yolua.model", "model", "Model", { "net yolua.net", "names string[] class names", "path string", "w integer", "h integer", "c integer",
    "layers table layers.conv3.weight is a tensor over the weights themselves", "frozen? string the pattern of model:freeze" } },
  { "yolua.run", "run", "Run", { "dir string", "name string", "resumed boolean", "epochs table[] a record each", "rows table[]",
    "options yolua.options" } },
  { "yolua.data", "data", "methods", { "name string", "root string", "classes? string[]", "train table", "dev table", "hash string" } },
  { "yolua.trainer", "trainer", "methods", { "net yolua.model", "data yolua.data", "options yolua.options", "epoch integer", "loss number",
    "lr number", "record table", "policies yolua.policy[]", "stop boolean" } },
}
local gives = { freeze = "yolua.model", plan = "yolua.plan", best = "yolua.model", path = "string", flops = "integer", counts = "table",
  checksum = "string, integer, integer", detect = "table", eval = "table", rows = "table[]", mapped = "table[]", truth = "table[]",
  seconds = "number", run = "yolua.trainer", step = "table", steps = "function", list = "table" }

local types = { model = "yolua.model", names = "string[]", picture = "string|yolua.tensor", stage = "string", epochs = "integer",
  format = "string", count = "integer", o = "yolua.detect.options", name = "string", pattern = "string|string[]" }

-- The parameters of "name(a, b)".
local function parameters(call)
  local list = {}
  for word in call:match "%((.*)%)$":gmatch "[%w_.]+" do
    list[#list + 1] = { word == "..." and word or word .. "?", types[word] or "any" }
  end
  return list
end

function objects.lua(file)
  for _, class in ipairs(written) do
    local name, source, holder, held = table.unpack(class)
    local text = comments.file(library.file(source))
    file:doc(comments.opening(text))
    file:add("---@class " .. name)
    for _, field in ipairs(held) do file:add("---@field " .. field) end
    local variable = name:match "%w+$"
    file:add(("local %s = {}"):format(variable), "")
    for _, f in ipairs(comments.functions(text)) do
      if text:find(("function %s:%s("):format(holder, f.name), 1, true) then
        file:call(variable .. ":" .. f.name, parameters(f.call), gives[f.name], f.text)
      end
    end
  end
end

-- ---- C -----------------------------------------------------------------------------------------------------------------------

-- Metatables in Lua's registry, and what the objects are called in the comments.
local classes = { { "yolua.tensor", "t" }, { "yolua.net", "net" }, { "yolua.plan", "plan" }, { "yolua.loader", "loader" },
  { "yolua.batch", "batch" }, { "yolua.image", "image" }, { "yolua.eval_set", "set" }, { "yolua.features", "features" } }

-- Comments of C that begin with a call: "plan:output(layer) -> numbers" -> by "plan:output".
local function read_comments(folder)
  local by_call = {}
  for _, name in ipairs(folder and core.files.list(folder) or {}) do
    for comment in name:find "%.c$" and core.system.read(folder .. "/" .. name):gmatch "/%*%s*(.-)%s*%*/" or function() end do
      comment = comment:gsub("\n%s*%*%s?", " ")
      for call in comment:gmatch "[%a_][%w_]*[:.][%a_][%w_]*" do by_call[call] = by_call[call] or comment end
    end
  end
  return by_call
end

local results = { { "^batch", "yolua.batch?" }, { "^a tensor", "yolua.tensor" }, { "^image", "yolua.image" }, { "^name or nil", "string?" },
  { "^numbers, {", "number[], integer[]" }, { "^list of numbers", "number[]" }, { "^list", "table[]" }, { "^rows", "table[]" },
  { "^{", "table" }, { "^16 hexadecimal", "string" }, { "^the bytes", "string" }, { "^the text", "string?" },
  { "^r, g, b", "integer, integer, integer" } }

-- Tensor methods that give no tensor.
local asked = { close = false, alive = "boolean", is_contiguous = "boolean", equal = "boolean", dtype = "string", count = "integer",
  item = "number", totable = "table", tobytes = "string", shape = "integer[]", sum = "number|yolua.tensor", mean = "number|yolua.tensor",
  max = "number|yolua.tensor", min = "number|yolua.tensor", argmax = "integer|yolua.tensor", argmin = "integer|yolua.tensor" }

local function result_of(comment, class, method)
  if class == "yolua.tensor" then return asked[method] == nil and class or asked[method] end
  local after = comment and comment:match "%->%s*(.*)"
  for _, pair in ipairs(results) do
    if after and after:find(pair[1]) then return pair[2] end
  end
  return after and "any"
end

-- What the comment shows between the call's brackets: "(axis, first [, last])" -> axis, first, last?; anything goes where that is prose.
local function parameters_of(comment, call)
  local shown = comment and comment:match(call:gsub("%p", "%%%0") .. "(%b())")
  if not shown then return { comment and comment:find(call .. " ?{") and { "o?", "table" } or { "...", "any" } } end
  local list, inside = {}, shown:sub(2, -2)
  for start, part in inside:gmatch "()([^,]+)" do
    local optional = inside:sub(1, start):find("[", 1, true)
    local word = part:gsub("[%[%]]", ""):gsub("=.*", ""):match "^%s*([%a_][%w_]*)%s*$"
    if not word then return { { "...", "any" } } end
    list[#list + 1] = { word .. (optional and "?" or ""), "any" }
  end
  return list
end

local function methods_of(class)
  local meta, list = debug.getregistry()[class], {}
  for name, value in pairs(rawget(meta, "methods") or meta) do
    if type(value) == "function" and not name:find "^__" then list[name] = value end
  end
  return annotate.sorted(list)
end

local fields = {
  ["yolua.batch"] = { "n integer images that the batch holds room for", "count integer real images", "w integer", "h integer" },
  ["yolua.tensor"] = { "[integer] any rows count from 1" },
}

-- Arithmetic works on tensors and numbers alike.
local function operators(file)
  for _, name in ipairs { "add", "sub", "mul", "div", "idiv", "mod", "pow" } do
    file:add(("---@operator %s(yolua.tensor|number): yolua.tensor"):format(name))
  end
  file:add "---@operator unm: yolua.tensor"
end

function objects.core(folder)
  local file, known = annotate.file "Objects of the C side: tensors, networks, plans, loaders, pictures.", read_comments(folder)
  for _, entry in ipairs(classes) do
    local class, called = table.unpack(entry)
    local variable = class:match "[%w_]+$"
    file:add("---@class " .. class)
    for _, field in ipairs(fields[class] or {}) do file:add("---@field " .. field) end
    if class == "yolua.tensor" then operators(file) end
    file:add(("local %s = {}"):format(variable), "")
    for _, name in ipairs(methods_of(class)) do
      local call = called .. ":" .. name
      local comment = known[call]
      file:call(variable .. ":" .. name, parameters_of(comment, call), result_of(comment, class, name), comment)
    end
  end
  return file
end

return objects
