-- core.json: exact numbers, sorted keys, marked empties, and one sentence for whatever is not JSON.
local t = require "luaunit"
local core = require "yolua.core"
local json, null = core.json, core.null

TestJson = {}

local function fails(text, ...)
  local ok, message = pcall(json.decode, text, "x.json")
  t.assertFalse(ok, text)
  t.assertStrContains(message, "x.json: line ")
  for _, word in ipairs { ... } do t.assertStrContains(message, word) end
end

function TestJson.testEncodeScalars()
  t.assertEquals(json.encode(true), "true")
  t.assertEquals(json.encode(null), "null")
  t.assertEquals(json.encode(nil), "null")
  t.assertEquals(json.encode(0 / 0), "null")
  t.assertEquals(json.encode(math.huge), "null")
  t.assertEquals(json.encode(-math.huge), "null")
  t.assertEquals(json.encode(3), "3")
  t.assertEquals(json.encode(math.mininteger), "-9223372036854775808")
  t.assertEquals(json.encode(0.1), "0.1")
  t.assertEquals(json.encode(1 / 3), "0.3333333333333333")
  t.assertEquals(json.encode("a\"\\\n\t\0\u{7f}é"), [["a\"\\\n\t\u0000\u007fé"]])
  t.assertEquals(json.encode("bad \xff\xc0\x80"), [["bad \ufffd\ufffd\ufffd"]])
end

function TestJson.testEncodeTables()
  t.assertEquals(json.encode {}, "[]")
  t.assertEquals(json.encode(setmetatable({}, { __jsontype = "object" })), "{}")
  t.assertEquals(json.encode { 1, 2, { 3 } }, "[1,2,[3]]")
  t.assertEquals(json.encode { b = 1, a = { z = null, y = false } }, [[{"a":{"y":false,"z":null},"b":1}]])
  t.assertEquals(json.encode { [0] = "person", [2] = "car" }, [[{"0":"person","2":"car"}]])
  t.assertEquals(json.encode(setmetatable({ 5 }, { __jsontype = "object" })), [[{"1":5}]])
  t.assertEquals(json.encode({ a = { 1, 2 }, b = { { c = 1 } } }, { pretty = true }),
    '{\n  "a": [1,2],\n  "b": [\n    {\n      "c": 1\n    }\n  ]\n}')
end

function TestJson.testEncodeRefuses()
  t.assertErrorMsgContains("got a function", json.encode, { print })
  t.assertErrorMsgContains("key must be a string", json.encode, { [1.5] = 1 })
  t.assertErrorMsgContains("both as a number and as a string", json.encode, { [2] = 1, ["2"] = 1 })
  local loop = {}
  loop.loop = loop
  t.assertErrorMsgContains("contain itself", json.encode, loop)
end

function TestJson.testNumbersSurvive()
  local state = 12345
  for _ = 1, 20000 do
    state = (state * 6364136223846793005 + 1442695040888963407)
    local x = (state >> 11) * 2.0 ^ -53
    t.assertTrue(json.decode(json.encode(x)) == x)
  end
  for _, x in ipairs { 5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 1e22, -0.0, 123456789012345678 } do
    t.assertTrue(json.decode(json.encode(x)) == x)
  end
  t.assertEquals(1 / json.decode(json.encode(-0.0)), -math.huge)
end

function TestJson.testDecode()
  local v = json.decode ' {"a" : [1, -2.5e1, true, null, "x\\u00e9\\ud83d\\ude00\\n"], "b" : {}, "c":[]} '
  t.assertEquals(math.type(v.a[1]), "integer")
  t.assertEquals(v.a[2], -25.0)
  t.assertTrue(v.a[4] == null)
  t.assertEquals(v.a[5], "xé😀\n")
  t.assertEquals(json.encode(v), [[{"a":[1,-25,true,null,"xé😀\n"],"b":{},"c":[]}]])
  t.assertEquals(json.decode '"a\\u0000b"', "a\0b")
  t.assertEquals(math.type(json.decode "12345678901234567890"), "float")
end

function TestJson.testErrorsNameThePlace()
  fails("", "byte 0", "the end")
  fails("{\n \"a\": 1,\n}", "line 3", "byte 11", "a key in double quotes")
  fails("[1, 2", "',' or ']'", "the end")
  fails("[1] x", "nothing after the value", "'x'")
  fails('{"a":1,"a":2}', "key 'a' occurs twice")
  fails("01", "nothing after")
  fails("1.", "a digit after the point")
  fails("1e+", "exponent")
  fails("-", "a digit")
  fails("1e999", "fits a double")
  fails(("1"):rep(600), "512 characters")
  fails("nul", "a value")
  fails("[1\0]", "byte 0x00")
  fails('"\1"', "control character")
  fails('"\xff"', "UTF-8")
  fails('"\\x"', "an escape")
  fails('"\\u12g4"', "hexadecimal")
  fails('"\\ud800x"', "surrogate")
  fails('"\\udc00"', "surrogate")
  fails('"abc', "'\"'")
  fails(("["):rep(65), "64 levels")
  t.assertNotNil(json.decode(("["):rep(64) .. ("]"):rep(64)))
end

os.exit(t.LuaUnit.run())
