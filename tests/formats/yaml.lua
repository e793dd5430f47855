-- core.yaml: the core schema's types, lines for later complaints, refusals with their place, and an exact round trip.
local t = require "luaunit"
local core = require "yolua.core"
local yaml, null, same = core.yaml, core.null, core.json.encode

TestYaml = {}

local function fails(text, ...)
  local ok, message = pcall(yaml.decode, text, "c.yaml")
  t.assertFalse(ok, text)
  for _, word in ipairs { "c.yaml:", ... } do t.assertStrContains(message, word) end
  t.assertNil(message:find "\n")
end

function TestYaml.testTypes()
  local v = yaml.decode [[
a: 1
b: -2.5e-3
c: .5
d: 1e3
e: true
f: yes
g: "1"
h: '~'
i: ~
j:
k: 0x1F
l: 0o17
m: .inf
n: -.inf
o: .nan
p: 1.2.3
q: 99999999999999999999
r: +7
s: e5
t: "."
u: 0x
]]
  t.assertEquals({ v.a, math.type(v.a), v.b, v.c, v.d, math.type(v.d) }, { 1, "integer", -2.5e-3, .5, 1000.0, "float" })
  t.assertEquals({ v.e, v.f, v.g, v.h }, { true, "yes", "1", "~" })
  t.assertTrue(v.i == null and v.j == null)
  t.assertEquals({ v.k, v.l, v.m, v.n, v.r }, { 31, 15, math.huge, -math.huge, 7 })
  t.assertTrue(v.o ~= v.o)
  t.assertEquals({ v.p, v.q, v.s, v.t, v.u }, { "1.2.3", 1e20, "e5", ".", "0x" })
end

function TestYaml.testNestingAndLines()
  local v, lines = yaml.decode "# head\nepochs: 3\noptim:\n  lr: 1e-4\n  steps: [1,\n    2]\nlist:\n- a: 1\n  b: 2\n- []\n"
  t.assertEquals(same(v), '{"epochs":3,"list":[{"a":1,"b":2},[]],"optim":{"lr":0.0001,"steps":[1,2]}}')
  t.assertEquals({ lines.epochs, lines.optim, lines["optim.lr"], lines["optim.steps[2]"] }, { 2, 3, 4, 6 })
  t.assertEquals({ lines["list[1].b"], lines["list[2]"] }, { 9, 10 })
end

function TestYaml.testEmptyIsAnEmptyMap()
  for _, text in ipairs { "", "# nothing\n", "---\n" } do t.assertEquals(same((yaml.decode(text))), "{}") end
end

function TestYaml.testRefusals()
  fails("epochs: [1, 2", "c.yaml:2:1", "did not find expected ',' or ']'")
  fails("a: 1\na: 2\n", "c.yaml:2:1", "'a' occurs twice")
  fails("a: &x 1\nb: *x\n", "c.yaml:1:4", "anchors")
  fails("b: *x\n", "c.yaml:1:4", "aliases")
  fails("b: !!int 3\n", "c.yaml:1:4", "tags")
  fails("--- 1\n--- 2\n", "c.yaml:2:1", "second")
  fails("? [1]\n: 2\n", "key must be text")
  fails("a: b: c\n", "c.yaml:1:5", "mapping values")
  fails("a:\n\t- 1\n", "c.yaml:2")
  fails("a: \0", "not YAML")
  fails("\xff\xff\xff", "not YAML")
  fails(("["):rep(65) .. ("]"):rep(65), "64 levels")
  fails(("a"):rep(5000) .. "\n:", "c.yaml")
end

function TestYaml.testRoundTrip()
  local object = function(x) return setmetatable(x, { __jsontype = "object" }) end
  local values = {
    { a = 1, b = 2.0, c = 0.1, d = 1e300, e = -math.huge, f = math.mininteger, g = 1 / 3 },
    { s = "plain", q = "two words", n = "null", y = "true", num = "1e5", empty = "", colon = "a: b", hash = "#x", dash = "- a" },
    { text = "line\nbreak\ttab \0 nul \u{85}\u{feff}\u{2028} é 😀 \"quoted\" \\", [" key: "] = true, ["1"] = false },
    { 1, { 2, { 3, "x" } }, { { a = { { b = 1, c = { 1, 2 } }, "z" } } }, object {}, {}, null },
    { object { a = object { b = { { { 1 }, { object { c = 1, d = { { 2 } } } } } } } } },
    5, "x", true, object {},
  }
  for i, value in ipairs(values) do
    local text = yaml.encode(value)
    local back = yaml.decode(text, "round")
    t.assertEquals(same(back), same(value), text)
    t.assertEquals(yaml.encode(back), text, i)
  end
  t.assertEquals(math.type(yaml.decode(yaml.encode { x = 3.0 }).x), "float")
  t.assertEquals(yaml.encode { b = { 1, 2 }, a = { c = { x = {} } } }, "a:\n  c:\n    x: []\nb: [1, 2]\n")
  t.assertEquals(yaml.encode { { a = 1, b = 2 }, { { 1 }, { { 2 } } } }, "- a: 1\n  b: 2\n- - [1]\n  - - [2]\n")
end

function TestYaml.testKeysTooLong()
  t.assertErrorMsgContains("too long", yaml.encode, { [("k"):rep(1001)] = 1 })
  t.assertEquals(yaml.decode(yaml.encode { [("k"):rep(990)] = 1 })[("k"):rep(990)], 1)
end

os.exit(t.LuaUnit.run())
