-- Where what the library was given comes from: the user's line, the first line of a function that ended in a call, or the command line.
local t = require "luaunit"
local place = require "yolua.options.place"

local function line(level) return debug.getinfo(level + 1, "l").currentline end

local here = debug.getinfo(1, "S").short_src

-- What a file of the library sees.
local library = load("return { at = function(f, ...) local p = f(...) return p end }", "@yolua/lua/yolua/x.lua", "t")()

TestPlace = {}

function TestPlace.testTheCallersLine()
  t.assertEquals({ library.at(place.position), line(1) }, { ("%s:%d"):format(here, line(1)), line(1) })
  t.assertEquals(library.at(place.from), { where = ("%s:%d"):format(here, line(1)) })
end

-- A function that ends in a call of the library is no longer on the stack.
function TestPlace.testATailCall()
  local function asked()
    return library.at(place.position)
  end
  t.assertEquals(library.at(place.call, asked), ("%s:%d"):format(here, debug.getinfo(asked, "S").linedefined))
  local object = setmetatable({}, { __call = asked })
  t.assertEquals(library.at(place.call, object), ("%s:%d"):format(here, debug.getinfo(asked, "S").linedefined))
  local function exact()
    local where = library.at(place.position)
    return where
  end
  t.assertEquals(library.at(place.call, exact), ("%s:%d"):format(here, debug.getinfo(exact, "S").linedefined + 1))
  t.assertEquals(library.at(place.call, library.at, place.position), ("%s:%d"):format(here, line(1)))
end

function TestPlace.testValues()
  t.assertEquals(table.pack(place.call(function(...) return ... end, nil, 2, nil)), { nil, 2, nil, n = 3 })
end

os.exit(t.LuaUnit.run())
