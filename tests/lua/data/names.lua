-- Class names from an option, a file, a description: every class has one of its own.
local t = require "luaunit"
local core = require "yolua.core"
local names = require "yolua.data.names"

local path = os.tmpname()

local function file(text)
  core.system.write(path, text)
  return names.file(path)
end

TestNames = {}

function TestNames:testFile()
  t.assertEquals(file "car\nvan\n", { "car", "van" })
  t.assertEquals(file "\239\187\191car\r\nlong name \r\n\r\n\n", { "car", "long name" }) -- a mark, Windows' ends, empty lines at the end
  t.assertEquals(file "car\rvan", { "car", "van" })
  t.assertErrorMsgContains(path .. ":2: expected a class name, got an empty line before 'van'", file, "car\n\n\nvan\n")
  t.assertErrorMsgContains(path .. ": expected one class name a line, got none", file, "\n \n")
  t.assertErrorMsgContains(path .. ": classes 0 and 2 have the same name 'car'", file, "car\nvan\n car\n")
  t.assertErrorMsgContains(path .. ": class 1: expected a name, got ", file, "car\nva\27n\n")
end

function TestNames:testOption()
  t.assertNil(names.option(nil))
  t.assertNil(names.option {})
  local given = { "car", " van " }
  t.assertEquals(names.option(given), { "car", "van" })
  t.assertEquals(given, { "car", " van " }) -- the user's own list stays
  t.assertEquals(names.option { "kitti" }, { "kitti" }) -- one class
  core.system.write(path, "a\nb\n")
  t.assertEquals(names.option { path }, { "a", "b" })
  t.assertErrorMsgContains("data.names: classes 0 and 1 have the same name 'x'", names.option, { "x", "x" })
end

function TestNames:testDescribed()
  t.assertEquals(names.described({ "car", 7 }, "d.yaml"), { "car", "7" }) -- a whole number is a name
  t.assertEquals(names.described({ [0] = "car", ["1"] = "van" }, "d.yaml"), { "car", "van" })
  local function refused(sentence, value) t.assertErrorMsgContains("d.yaml: names: " .. sentence, names.described, value, "d.yaml") end
  refused("expected a list of class names, got 7", 7)
  refused("expected a list of class names, got ", {})
  refused("expected numbers from 0, got 'car'", { car = 0 })
  refused("expected numbers from 0, got '-1'", { ["-1"] = "car" })
  refused("class 1 is missing among 2", { [0] = "car", [2] = "van" })
  refused("class 0 occurs twice", { [0] = "car", ["0"] = "van" })
  refused("class 1: expected a name, got ", { "car", "" })
  refused("class 0: expected a name, got ", { 1.5, "x" })
  refused("class 0: expected a name, got ", { { "car" } })
end

local status = t.LuaUnit.run()
os.remove(path)
os.exit(status)
