-- Where what the library was given comes from: the line of its caller, in a recipe or at the prompt; without one, the command line.
local debug = debug -- whole, also in a sandbox
local place = {}

-- The nearest caller outside the library's own files: what debug.getinfo tells of it, or nil.
function place.caller()
  for level = 2, 1e6 do
    local at = debug.getinfo(level, "Sl")
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
