-- Successive halving by itself: which trials continue, by a protocol's mean or an epoch's number, and every sentence that refuses a spec.
local t = require "luaunit"
local core = require "yolua.core"
local halving = require "yolua.sweep.halving"

local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

-- A trial of the first round with what its run left. epochs: of metrics.jsonl.
local function trial(number, mean, epochs)
  local dir = ("%s/%d"):format(top, number)
  core.files.make_folder(dir)
  local lines = {}
  for i, record in ipairs(epochs or {}) do
    record.epoch = i
    lines[i] = core.json.encode(record) .. "\n"
  end
  core.system.write(dir .. "/metrics.jsonl", table.concat(lines))
  return { number = number, recipe = "train", words = { "epochs=7", "seed=" .. number }, dir = dir, status = "waiting",
    result = { eval = { { protocol = "voc", map = 0.9 }, { protocol = "kitti", map = 0 }, { protocol = "voc", map = mean } } } }
end

local function numbers(list)
  local out = {}
  for i, one in ipairs(list) do out[i] = one.words[#one.words] end
  return out
end

-- The spec and its trials, all done.
local function begun(spec, ...)
  local h, made = halving.check(spec, "file.lua"), { ... }
  local list = table.move(made, 1, #made, 1, {})
  halving.begin(h, list)
  for i, one in ipairs(list) do one.dir, one.result, one.status = made[i].dir, made[i].result, "done" end
  return h, list
end

TestHalving = {}

-- By the last stage's mean; equally good ones in the list's order.
function TestHalving.testByProtocol()
  local h, list = begun({ epochs = { 2, 4 }, keep = 0.5, by = "voc" }, trial(1, 0.2), trial(2, 0.5), trial(3, 0.5), trial(4, 0.7))
  t.assertEquals(list[1].words, { "epochs=2", "seed=1" })
  local more = halving.next(h, list)
  t.assertEquals({ numbers(more), more[1].words[1], more[1].number, more[2].number }, { { "seed=4", "seed=2" }, "epochs=4", 5, 6 })
end

-- By an epoch's number: the best epoch counts, losses are better when smaller; a trial without one does not continue.
function TestHalving.testByEpochs()
  local function three()
    return trial(1, 0, { { dev_loss = 3, dev_ap = 0.1 }, { dev_loss = 1, dev_ap = 0.2 } }), trial(2, 0, { { dev_loss = 2, dev_ap = 0.4 } }),
      trial(3, 0, {})
  end
  local h, list = begun({ epochs = { 1, 2 }, keep = 0.9 }, three())
  t.assertEquals(numbers(halving.next(h, list)), { "seed=1", "seed=2" })
  h, list = begun({ epochs = { 1, 2 }, keep = 0.4, by = "dev_ap" }, three())
  t.assertEquals(numbers(halving.next(h, list)), { "seed=2" })
  h, list = begun({ epochs = { 1, 2 }, by = "dev_aps" }, three())
  t.assertErrorMsgContains("file.lua: halving: no trial has a 'dev_aps' to be judged by", halving.next, h, list)
end

-- Nothing follows the last round, nor one with a trial that has not ended; one that failed has.
function TestHalving.testWhenTheNextRoundIs()
  local h, list = begun({ epochs = { 1, 2 }, keep = 0.5, by = "voc" }, trial(1, 0.2), trial(2, 0.5))
  list[1].status = "waiting"
  t.assertNil(halving.next(h, list))
  list[1].failed_before = true
  t.assertNil(halving.next(h, list))
  t.assertEquals(numbers(halving.next(h, list, true)), { "seed=2" })
  list[1].status = "failed"
  local more = halving.next(h, list)
  t.assertEquals(#more, 1)
  more[1].status = "done"
  t.assertNil(halving.next(h, { list[1], list[2], more[1] }))
end

function TestHalving.testRefusals()
  local function refused(sentence, spec) t.assertErrorMsgContains("file.lua: halving" .. sentence, halving.check, spec, "file.lua") end
  refused(": expected { epochs = { 3, 9, 27 }", { epochs = { 3 } })
  refused(": expected { epochs = { 3, 9, 27 }", 3)
  refused(" has no 'epoch' (epochs, keep, by)", { epochs = { 1, 2 }, epoch = 3 })
  refused(": epochs: expected whole numbers that grow, got 2", { epochs = { 2, 2 } })
  refused(": epochs: expected whole numbers that grow, got 1.5", { epochs = { 1.5, 2 } })
  refused(": keep: expected a share between 0 and 1, got 1", { epochs = { 1, 2 }, keep = 1 })
  refused(": by: expected a protocol or a number of the epochs, got a number", { epochs = { 1, 2 }, by = 3 })
  t.assertNil(halving.check(nil, "file.lua"))
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
