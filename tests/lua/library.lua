-- What yl offers: every name leads to a file and a value, policies by their folder; anything else is an error with the nearest name.
local t = require "luaunit"
local core = require "yolua.core"
local library = require "yolua.library"
local tree = require "support.tree"
local yl = require "yolua"

TestLibrary = {}

function TestLibrary.testNames()
  local names = library.names()
  t.assertTrue(#names > 20)
  for _, name in ipairs(names) do
    t.assertStrContains(tree.read(library.file(name)), name)
    t.assertNotNil(yl[name], name)
  end
  t.assertEquals(library.calls[1], "load")
end

function TestLibrary.testPoliciesAreFoundByTheirFolder()
  local policies = core.options.modules "lua/yolua/policies/"
  t.assertTrue(#policies >= 4)
  for _, name in ipairs(policies) do t.assertEquals(library.module(name), "yolua.policies." .. name) end
end

function TestLibrary.testParts()
  t.assertEquals({ library.module "zeros" }, { "yolua.tensor", true })
  t.assertEquals({ library.module "tensor" }, { "yolua.tensor", false })
  t.assertNil(library.module "schema")
end

function TestLibrary.testUnknownNames()
  t.assertErrorMsgContains("yl has no 'trian', did you mean 'train'?", function() return yl.trian end)
  t.assertErrorMsgContains("yl has no 'schema'", function() return yl.schema end) -- modules of the library alone are not part of it
  t.assertNil(yl[1])
end

-- The library's own names cannot be assigned, whether they were used before or not.
function TestLibrary.testAssignments()
  for _, name in ipairs { "train", "load", "zeros", "keep", "core", "version" } do
    local ok, message = pcall(function() yl[name] = 3 end)
    t.assertFalse(ok, name)
    t.assertStrMatches(message, ".*library%.lua:%d+: yl%." .. name .. " cannot be assigned")
    t.assertNotEquals(yl[name], 3)
  end
  yl.mine = 3
  t.assertEquals(yl.mine, 3)
end

os.exit(t.LuaUnit.run())
