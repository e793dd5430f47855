-- Where what the library was given comes from: the line of its caller, in a recipe or at the prompt; without one, the command line.
local debug = debug -- whole, also in a sandbox
local place = {}

-- Calls a user's function. Where it ends with a call (`return s:rollback { ... }`), Lua forgets which of its lines that was: the place of
-- a fault in that call is then the line on which the function begins.
function place.call(f, ...)
  local results = table.pack(f(...)) -- f: the first local, which place.caller reads
  return table.unpack(results, 1, results.n)
end

-- The function that place.call is calling at that level of its caller's stack, at its first line.
local function called(level)
  local _, f = debug.getlocal(level + 1, 1)
  local at = debug.getinfo(type(f) == "function" and f or getmetatable(f).__call, "S")
  at.currentline = at.linedefined
  return at
end

-- The nearest caller outside the library's own files: what debug.getinfo tells of it, or nil.
function place.caller()
  for level = 2, 1e6 do
    local at = debug.getinfo(level, "Slf")
    if at and at.func == place.call then at = called(level) end
    if not at or at.currentline > 0 and at.source:sub(1, 7) ~= "@yolua/" then return at end
  end
end

-- {where = "recipe.lua:12"}; or, in what a verb calls, {where = "command line", verb = true}: its faults are those of the call.
function place.from()
  local at = place.caller()
  return at and { where = ("%s:%d"):format(at.short_src, at.currentline) } or { where = "command line", verb = true }
end

-- The place as text.
function place.position() return place.from().where end

return place
