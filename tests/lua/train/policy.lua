-- What is wrong with a policy is said before anything is trained, with the user's file and line, and the right name.
local t = require "luaunit"
local yl = require "yolua"
local policy = require "yolua.train.policy"

TestPolicy = {}

local function handler() end
local line = debug.getinfo(handler, "S").linedefined
local here = debug.getinfo(1, "S").short_src

local function refused(sentence, ...)
  local ok, message = pcall(policy.list, "yl.train", { ... })
  t.assertFalse(ok, sentence)
  t.assertStrContains(message, sentence)
  return message
end

function TestPolicy.testNames()
  refused("yl.train: policy 1: expected a table with a name, got one without", { on = {} })
  refused("policy 2: expected a table with a name, got a function", { name = "x" }, print)
  refused("policy 1: expected a table with a name, got false", false)
  refused("policies 1 and 3 have this name", { name = "x", state = {} }, { name = "y" }, { name = "x", state = {} })
  refused("policies 1 and 2 have this name", yl.freeze "body", yl.freeze "none")
end

function TestPolicy.testEvents()
  local message = refused("policy 'x': unknown event 'epoch_ends', did you mean 'epoch_end'?", { name = "x",
    on = { epoch_ends = handler } })
  t.assertEquals(message:match "^(.-): policy", ("%s:%d"):format(here, line)) -- where the handler stands
  refused("on.step: expected a function(policy, trainer), got 'handler'", { name = "x", on = { step = "handler" } })
  refused("on: expected a table of handlers, got a function", { name = "x", on = handler })
  refused("unknown event '1'", { name = "x", on = { handler } })
end

function TestPolicy.testKeys()
  refused("'epoch_end' is an event: put its handler into on = { epoch_end = function(policy, trainer) ... end }", { name = "x",
    epoch_end = handler })
  refused("unknown key 'stat', did you mean 'state'? (name, state, on, epochs); store what it remembers in state",
    { name = "x", stat = {} })
  refused("unknown key '1'", { name = "x", handler })
end

function TestPolicy.testStates()
  local message = refused("policy 'x': state.by[2] is a function", { name = "x", state = { by = { 1, print } }, on = { step = handler } })
  t.assertStrContains(message, ("%s:%d"):format(here, line))
  refused("state is a number, expected a table", { name = "x", state = 3 })
end

-- Nothing stands for a policy that a condition left out.
function TestPolicy.testHoles()
  local a, b = { name = "a" }, { name = "b" }
  t.assertEquals(policy.list("yl.train", { nil, a, nil, b, net = 1 }), { a, b })
  t.assertEquals(policy.list("yl.train", {}), {})
end

-- A policy may say how long the training is; two cannot.
function TestPolicy.testLength()
  t.assertEquals(policy.length { { name = "a" }, { name = "b", epochs = 7 } }, 7)
  t.assertNil(policy.length { { name = "a" } })
  t.assertErrorMsgContains("policy 'b': epochs: expected a whole number of at least 1, got 0", policy.length,
    { { name = "b", epochs = 0 } })
  t.assertErrorMsgContains("policy 'b': it decides how long the training is (epochs = 2), and so does 'a'", policy.length,
    { { name = "a", epochs = 1 }, { name = "b", epochs = 2 } })
  t.assertNotEquals(policy.hash { name = "a", epochs = 1 }, policy.hash { name = "a", epochs = 2 })
end

-- Equal policies have equal hashes: code and plain values count, where they were made does not.
function TestPolicy.testHashes()
  local a = policy.hash(yl.stop { "dev_loss", patience = 2 })
  local b = policy.hash(yl.stop { "dev_loss", patience = 2 })
  t.assertEquals(a, b)
  t.assertNotEquals(policy.hash(yl.stop { "dev_loss", patience = 3 }), a)
  t.assertNotEquals(policy.hash(yl.freeze { "body", until_epoch = 1 }), policy.hash(yl.freeze { "body", until_epoch = 2 }))
end

os.exit(t.LuaUnit.run())
