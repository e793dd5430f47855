-- The training loop on a tiny data set: that its shortcuts change nothing, that a killed run continues bit for bit, that what
-- goes wrong is named, and that policies are heard.
local t = require "luaunit"
local yl = require "yolua"
local core = yl.core

local training = require "support.training"
local top, data, model = training.top, training.data, training.model

local function options(o) return training.options({ epochs = 2, optim = { name = "sgd", lr = 0.01 }, data = { features = 0 } }, o) end

-- Trains and returns the trainer and the records of its epochs.
local function train(m, o, ...)
  local records = {}
  local listen = { name = "records", on = { epoch_end = function(_, tr) records[#records + 1] = tr.record end } }
  local trainer = yl.train { net = m, data = data(), options = options(o), listen, ... }
  return trainer, records
end

TestLoop = {}

function TestLoop.test_loss_falls_and_everything_unfrozen_moves()
  local m = model()
  local before = {}
  for _, r in ipairs(m.net:ranges()) do before[r.name] = m.net:checksum(r.name) end
  local _, records = train(m, { epochs = 6 })
  t.assertTrue(records[6].train_loss < 0.8 * records[1].train_loss)
  t.assertTrue(records[6].dev_loss < records[1].dev_loss)
  for _, r in ipairs(m.net:ranges()) do t.assertNotEquals(m.net:checksum(r.name), before[r.name], r.name) end
end

function TestLoop.test_same_seed_same_bits_other_seed_other_bits()
  local a, b, c = model(), model(), model()
  train(a)
  train(b)
  train(c, { seed = 8 })
  t.assertEquals(a:checksum(), b:checksum())
  t.assertNotEquals(a:checksum(), c:checksum())
end

-- The cached output of a frozen body is what the body would have given.
function TestLoop.test_cached_body_equals_computed_body()
  local a, b = model "body", model "body"
  local frozen = function(r) return r.frozen end
  local before = a:checksum(frozen)
  local _, computed = train(a)
  local _, cached = train(b, { data = {} })
  t.assertFalse(computed[1].cached_body)
  t.assertTrue(cached[2].cached_body)
  for e = 1, 2 do
    t.assertAlmostEquals(cached[e].train_loss, computed[e].train_loss, 1e-4 * computed[e].train_loss)
    t.assertAlmostEquals(cached[e].dev_loss, computed[e].dev_loss, 1e-4 * computed[e].dev_loss)
  end
  t.assertEquals(a:checksum(frozen), before)
  t.assertEquals(b:checksum(frozen), before)
end

-- Boxes out of the cached output of a frozen body are those of the whole network, whatever the pictures' sizes.
function TestLoop.test_detections_of_cached_features()
  local batches, detect = require "yolua.data.batches", require "yolua.model.detect"
  local m, frames = model "body", {}
  for i, frame in ipairs(data().dev.frames) do
    frames[i] = { image = ("%s/picture%d.png"):format(top, i) }
    core.image.load(frame.image):fit(160 - 10 * i, 96):save(frames[i].image)
  end
  local unlabelled = { options = {}, truth = function() return {} end }
  for _, resize in ipairs { "letterbox", "stretch" } do
    local images <close> = batches.images { data = unlabelled, list = { frames = frames }, names = m.names, batch = 3, w = 128, h = 96,
      resize = resize }
    local features = batches.features { model = m, source = images, seed = 1, batch = 3, body_batch = 3, w = 128, h = 96 }
    local lists, count = { {}, {} }, 0
    for k, from in ipairs { images, features } do
      detect.source(m, from, { views = { { conf = 0.01, iou = 0.45 } }, w = 128, h = 96 }, function(i, found) lists[k][i] = found end)
    end
    local tail = m:plan { mode = "infer", part = "tail", batch = 1, w = 128, h = 96 }
    t.assertErrorMsgContains("image 1: expected the six numbers of batch:places()", tail.detect, tail, { { 1, 2 } }, {})
    features:close()
    for i, found in ipairs(lists[1]) do
      t.assertEquals(#lists[2][i], #found)
      for k, det in ipairs(found) do
        t.assertAlmostEquals(lists[2][i][k].score, det.score, 1e-5)
        for c = 1, 4 do t.assertAlmostEquals(lists[2][i][k].box[c], det.box[c], 1e-2) end
      end
      count = count + #found
    end
    t.assertEquals(#lists[1], #frames)
    t.assertTrue(count > 0)
  end
end

function TestLoop.test_augmentation_forbids_the_cache()
  local _, records = train(model "body", { data = {}, augment = { name = "standard" }, epochs = 1 })
  t.assertFalse(records[1].cached_body)
end

-- A handler of `batch` that runs the network on another picture changes neither the step's input nor its gradient.
function TestLoop.test_detecting_in_a_batch_changes_nothing()
  local a, b = model(), model()
  local picture, pixels = yl.zeros { 96, 160, 3, dtype = "u8" }, {}
  local function sees(m, detects)
    return { name = "looks", on = { batch = function(_, tr)
      tr.pixels:mul_(0.5)
      if detects then
        m:detect(picture, { conf = 0.01 })
        m:plan { mode = "train", batch = 2, keep = true } -- one that makes the arena grow
        m:detect(picture, { conf = 0.01, imgsz = { 320, 192 } })
      end
      pixels[#pixels + 1] = tr.pixels:sum()
    end } }
  end
  local _, one = train(a, { epochs = 1 }, sees(a, false))
  local _, two = train(b, { epochs = 1 }, sees(b, true))
  t.assertEquals(two[1].train_loss, one[1].train_loss)
  t.assertEquals(a:checksum(), b:checksum())
  t.assertTrue(#pixels == 12 and pixels[1] > 0)
  t.assertEquals(table.move(pixels, 7, 12, 1, {}), table.move(pixels, 1, 6, 1, {}))
end

-- Two halves of a batch give the gradient of the whole, since batch-norm is frozen here.
function TestLoop.test_subdivisions_equal_the_whole_batch()
  local a, b = model "body", model "body"
  train(a, { epochs = 1 })
  local trainer = train(b, { epochs = 1, subdivisions = 2 })
  t.assertEquals(trainer.step, 6) -- 24 images in batches of 4
  local x, y = a.net:get "conv5.weight", b.net:get "conv5.weight"
  for i = 1, #x do t.assertAlmostEquals(x[i], y[i], 1e-5) end
end

-- So it is where the list does not fill its last batch: that is completed whole, not a part of it. Features in memory and images alike.
function TestLoop.test_subdivisions_of_a_short_last_batch()
  for _, o in ipairs { {}, { data = {} } } do
    local a, b, images = model "body", model "body", 0
    local function step(m, subdivisions, ...)
      return yl.train { net = m, data = data { limit = 20 }, options = options { epochs = 1, batch = 8, subdivisions = subdivisions,
        data = o.data }, ... }
    end
    local whole, parts = step(a, 1), step(b, 4, { name = "count", on = { step = function(_, tr) images = tr.seen end } })
    t.assertEquals({ whole.step, parts.step, whole.seen, images }, { 3, 3, 24, 24 })
    local x, y = a.net:get "conv5.weight", b.net:get "conv5.weight"
    for i = 1, #x do t.assertAlmostEquals(x[i], y[i], 1e-5) end
  end
end

function TestLoop.test_subdivisions_that_do_not_divide_the_batch()
  local function refused(batch, subdivisions, sentence)
    local ok, message = pcall(train, model(), { batch = batch, subdivisions = subdivisions })
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*train%.lua:%d+: option 'subdivisions': " .. sentence)
  end
  refused(8, 3, "a batch of 8 cannot be divided into 3 equal parts; the nearest counts that work are 2 and 4")
  refused(8, 5, "a batch of 8 cannot be divided into 5 equal parts; the nearest counts that work are 4 and 8")
  refused(2, 4, "a batch of 2 cannot be divided into 4 equal parts; the nearest counts that work are 2")
end

-- A list without a frame or an object that the network knows trains nothing.
function TestLoop.test_nothing_to_learn()
  local function refused(sentence, change)
    local d = data()
    change(d)
    local ok, message = pcall(function() yl.train { net = model(), data = d, options = options() } end)
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*train%.lua:%d+: yl.train: " .. sentence)
  end
  local function empty(list)
    for _, frame in ipairs(list.frames) do frame.objects = {} end
  end
  refused("the training list has no frames", function(d) d.train.frames = {} end)
  refused("the 24 frames of the list 'train' contain no objects", function(d) empty(d.train) end)
  refused("the 8 frames of the list 'dev' contain no objects", function(d) empty(d.dev) end)
  refused("the 24 frames of the list 'train' contain no objects of the network's classes %(data.map: 72 .*", function(d)
    for _, frame in ipairs(d.train.frames) do
      for _, row in ipairs(frame.objects) do row.class = "Tram" end
    end
  end)
end

-- With an average that hardly moves, dev loss and the best checkpoint are those of the untrained weights.
function TestLoop.test_averaged_weights_are_what_dev_loss_and_best_use()
  local m, untouched = model(), model()
  local trainer, records = train(m, { ema = 0.999999, epochs = 3 })
  t.assertTrue(records[3].train_loss < records[1].train_loss)
  t.assertAlmostEquals(records[3].dev_loss, records[1].dev_loss, 1e-3 * records[1].dev_loss)
  local path = top .. "/averaged.safetensors"
  trainer.model:save(path, require("yolua.train.checkpoint").notes(trainer), true)
  local loaded = yl.load { model = path }
  local got, want = loaded.net:get "conv2.weight", untouched.net:get "conv2.weight"
  for i = 1, #want do t.assertAlmostEquals(got[i], want[i], 1e-4) end
  t.assertNotEquals(m.net:get "conv2.weight", want)
end

function TestLoop.test_multiscale_draws_sizes_in_whole_cells()
  local setup = require "yolua.train.setup"
  t.assertEquals(setup.sizes(model(), 160, 96), { { 112, 64 }, { 128, 80 }, { 160, 96 }, { 176, 96 }, { 192, 112 } })
  local _, records = train(model(), { multiscale = true, epochs = 2 })
  t.assertTrue(records[2].train_loss < records[1].train_loss)
end

TestPolicies = {}

function TestPolicies.test_events_come_in_order()
  local heard = {}
  local function note(event) return function() heard[#heard + 1] = event end end
  local on = {}
  for _, event in ipairs { "start", "epoch_start", "step", "epoch_end", "finish" } do on[event] = note(event) end
  train(model "body", { epochs = 1, batch = 12 }, { name = "ears", on = on })
  t.assertEquals(heard, { "start", "epoch_start", "step", "step", "epoch_end", "finish" })
end

-- Body frozen in the first epoch, free in the second.
function TestPolicies.test_freeze_schedule()
  local m, sums = model(), {}
  local function body(r) return r.name:find "^conv[1-4]" end
  local watch = { name = "watch", on = { epoch_end = function(_, tr) sums[tr.epoch] = m:checksum(body) end } }
  local before = m:checksum(body)
  train(m, { data = {} }, yl.freeze { "body", until_epoch = 1 }, watch)
  t.assertEquals(sums[1], before)
  t.assertNotEquals(sums[2], before)
end

function TestPolicies.test_early_stop_counts_epochs_without_improvement()
  local stop, heard = yl.stop { "dev_loss", patience = 2 }, {}
  for i, loss in ipairs { 5, 4, 4.5, 3.9, 4, 3.95 } do
    local trainer = { record = { dev_loss = loss } }
    stop.on.epoch_end(stop, trainer)
    heard[i] = trainer.stop or false
  end
  t.assertEquals(heard, { false, false, false, false, false, true })
end

function TestPolicies.test_best_keeps_the_lowest_loss_and_the_highest_ap()
  local checkpoint = require "yolua.train.checkpoint"
  local saved
  local save <close> = setmetatable({ real = checkpoint.save }, { __close = function(self) checkpoint.save = self.real end })
  checkpoint.save = function(_, name) saved = name end
  t.assertEquals(type(save.real), "function")
  for metric, values in pairs { dev_loss = { 5, 4, 4, 3 }, dev_ap = { 0.1, 0.2, 0.2, 0.3 } } do
    local best, kept = yl.keep.best(metric), {}
    for i, value in ipairs(values) do
      saved = nil
      best.on.epoch_end(best, { epoch = i, record = { [metric] = value } })
      kept[i] = saved or "-"
    end
    t.assertEquals(kept, { "best.safetensors", "best.safetensors", "-", "best.safetensors" })
  end
end

function TestPolicies.test_a_policy_without_a_name_is_refused()
  t.assertErrorMsgContains("policy 1: expected a table with a name", function()
    yl.train { net = model(), data = data(), options = options(), { on = {} } }
  end)
end

-- What a handler assigns has its effect or is an error with the place.
function TestPolicies.test_assignments()
  local function refused(sentence, event, handler)
    t.assertErrorMsgContains(sentence, function() train(model "body", { epochs = 1 }, { name = "x", on = { [event] = handler } }) end)
  end
  refused("the trainer's lr comes from the schedule; change it with optim.schedule", "step", function(_, tr) tr.lr = 0 end)
  refused("a trainer has no field 'stpo', did you mean 'stop'?", "epoch_end", function(_, tr) tr.stpo = true end)
  refused("t.pixels cannot be assigned: it is a tensor to be changed in place: t.pixels:copy_(x)", "batch",
    function(_, tr) tr.pixels = tr.pixels * 0 end)
  refused("train.lua:", "step", function(_, tr) tr.mine = 1 end)
  for _, key in ipairs { "epoch", "step", "loss", "model", "policies", "options", "data" } do
    refused(("t.%s cannot be assigned"):format(key), "step", function(_, tr) tr[key] = 7 end)
  end
  refused("t.record cannot be assigned: numbers are added to it: t.record.mine = x", "epoch_end", function(_, tr) tr.record = {} end)
  refused("t.record: record.mine is a function; a checkpoint can hold", "epoch_end", function(_, tr) tr.record.mine = print end)
  refused("t:freeze: expected a pattern or a list of patterns, got nothing", "step", function(_, tr) tr:freeze() end)
  refused("the training is in the middle of its event 'step' here", "step", function(_, tr) tr:one_step() end)
  refused("s.lr cannot be assigned: the schedule returns the rate", "start", function(_, tr)
    tr.options.optim.schedule = function(s) s.lr = 0 return 0.1 end
  end)
end

-- Of the options a handler changes what each step reads; what was settled at the start has its value back.
function TestPolicies.test_options_that_change()
  local held, lr
  local function changing(key, value, inner)
    local change = { name = "x", on = { step = function(_, tr)
      held = inner and tr.options[inner] or tr.options
      if tr.step == 1 then held[key] = value end
      lr = tr.lr
    end } }
    local ok, message = pcall(yl.train, { net = model "body", data = data(), options = options(), change })
    return ok, message, rawget(held, key)
  end
  local ok, _, after = changing("lr", "0.5", "optim")
  t.assertEquals({ ok, after, lr }, { true, 0.5, 0.5 })
  for _, case in ipairs { { "batch", 2 }, { "epochs", 9 }, { "freeze", "none" }, { "augment", "none" }, { "optim", "adam" },
    { "name", "adam", "optim" } } do
    local good, message, now = changing(table.unpack(case))
    t.assertFalse(good)
    t.assertStrMatches(message, (".*train%%.lua:%%d+: t%%.options%%.%s cannot be assigned: it was settled when .*"):format(
      case[3] and case[3] .. "%." .. case[1] or case[1]))
    t.assertNotEquals(now, case[2])
  end
  local _, message = changing("momentum", -5, "optim")
  t.assertStrMatches(message, ".*train%.lua:%d+: option 'optim%.momentum': expected a number in 0..0.9999, got %-5")
end

-- What a handler returns would be lost.
function TestPolicies.test_returned_values()
  local function returning(value)
    return pcall(train, model "body", { epochs = 1 }, { name = "x", on = { epoch_end = function() return value end } })
  end
  t.assertTrue((returning(nil)))
  for _, value in ipairs { false, true, 3, "stop" } do
    local ok, message = returning(value)
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*train%.lua:%d+: what the handler of 'epoch_end' returned is not used, got .*; t%.stop = true ends .*")
  end
end

function TestPolicies.test_a_number_that_nobody_writes()
  local function refused(sentence, ...)
    local more = { ... }
    local ok, message = pcall(function() yl.train { net = model(), data = data(), options = options(), table.unpack(more) } end)
    t.assertFalse(ok)
    t.assertStrMatches(message, ".*train%.lua:%d+: " .. sentence)
  end
  local steps = 0
  local count = { name = "count", on = { step = function() steps = steps + 1 end } }
  refused("keep%.best: the epoch's record has no 'dev_los', did you mean 'dev_loss'%?.*", count, yl.keep.best "dev_los")
  refused("keep%.best: the epoch's record has no 'dev_ap'; 'evaluate%.voc' writes it and must stand before 'keep%.best%.dev_ap' .*",
    yl.keep.best "dev_ap", yl.evaluate "voc", count)
  refused("stop: the epoch's record has no 'dev_ap'; yl%.evaluate, before it in the list, writes it", yl.stop "dev_ap", count)
  refused("keep%.best: 'keep%.best%.dev_loss' keeps best%.safetensors already.*", yl.keep.best "dev_loss", yl.keep.best "lr", count)
  t.assertEquals(steps, 0)
  refused("keep%.best: expected a number as the record's 'word', got a string", { name = "own",
    on = { epoch_end = function(_, tr) tr.record.word = "x" end } }, yl.keep.best "word")
  t.assertErrorMsgContains("yl.keep.best: expected the name of a number", yl.keep.best, { "dev_loss" })
end

-- A freeze schedule that gives no pattern, or one that matches nothing.
function TestPolicies.test_freeze_functions()
  local function refused(sentence, f)
    local where = ("train.lua:%d: freeze"):format(debug.getinfo(f, "S").linedefined)
    local ok, message = pcall(train, model(), { epochs = 1 }, yl.freeze(f))
    t.assertFalse(ok)
    t.assertStrContains(message, where)
    t.assertStrContains(message, sentence)
  end
  refused("expected a string or a list of strings for epoch 1, but this function returned nothing", function() end)
  refused("expected a list of strings for epoch 1, but this function returned 3", function() return { "conv1", 3 } end)
  refused("for epoch 1: ", function() return "convolution9" end)
end

function TestPolicies.test_evaluation_writes_the_record()
  local _, records = train(model(), { epochs = 3 }, yl.evaluate { "voc", every = 2 }, yl.keep.best "dev_ap", yl.stop { "dev_ap" })
  -- the listener stands before the policy in the list, but the record is one table
  t.assertEquals(records[1].dev_ap, core.null)
  t.assertEquals(type(records[2].dev_ap), "number")
  t.assertEquals(type(records[3].dev_ap), "number") -- the last epoch always
  t.assertErrorMsgContains("option 'every': expected an integer of at least 1", function() yl.evaluate { "voc", every = 0 } end)
end

-- With a frozen body it scores the cached features: the same number, and no image is looked at again.
function TestPolicies.test_evaluation_of_a_cached_body()
  local streamed, detect = 0, require "yolua.model.detect"
  local meta = getmetatable(detect)
  local call = meta.__call
  meta.__call = function(...)
    streamed = streamed + 1
    return call(...)
  end
  local _, cached = train(model "body", { data = {} }, yl.evaluate "voc")
  t.assertEquals(streamed, 0)
  local _, computed = train(model "body", {}, yl.evaluate "voc")
  meta.__call = call
  t.assertEquals(streamed, 2)
  for e = 1, 2 do t.assertAlmostEquals(cached[e].dev_ap, computed[e].dev_ap, 1e-6) end
end

TestSchedules = {}

-- A schedule that gives no rate: the sentence has its place and the step, and no step is made.
function TestSchedules.test_what_is_no_rate()
  for _, case in ipairs { { nil, "nothing (is a return missing?)" }, { "0.1", "'0.1'" }, { -1, "-1" }, { 0 / 0, "nan" },
    { math.huge, "inf" } } do
    local m = model()
    local before = m:checksum(function(r) return r.kind ~= "statistic" end)
    local function rate(s) if s.step < 3 then return 0 end return case[1] end
    local ok, message = pcall(train, m, { optim = { name = "sgd", lr = 0.01, schedule = rate } })
    t.assertFalse(ok)
    t.assertStrContains(message, ("train.lua:%d: the learning rate (optim.schedule): expected a number of at least 0 for step 4 "
      .. "(epoch 1), but this function returned %s"):format(debug.getinfo(rate, "S").linedefined, case[2]))
    t.assertEquals(m:checksum(function(r) return r.kind ~= "statistic" end), before)
  end
end

TestTrouble = {}

function TestTrouble.test_not_finite_names_layer_image_and_iteration()
  local m = model()
  local w = m.net:get "conv2.weight"
  w[5] = 0 / 0
  m.net:set("conv2.weight", w)
  t.assertErrorMsgContains("stopped in epoch 1, iteration 0", function() train(m) end)
  local _, message = pcall(train, m)
  t.assertStrContains(message, "conv2 gives NaN or infinity for image")
  t.assertStrContains(message, "image_2/")
end

TestResume = {}

local function run_options(o)
  local all = yl.options { epochs = 3, batch = 4, seed = 7, optim = { name = "adam", lr = 1e-3 }, freeze = "none" }
  for key, value in pairs(o) do all[key] = value end
  return all
end

local function whole_run(o, ...)
  local run <close> = yl.run(o, "train")
  return yl.train { net = model(), data = data(), run = run, options = o, yl.keep.best "dev_loss", ... }
end

local function bytes(path) return core.system.read(path) end

-- A run that breaks off in the middle of its third epoch and is resumed leaves the files of an undisturbed one.
function TestResume.test_broken_and_resumed_equals_undisturbed()
  whole_run(run_options { out = top .. "/a" })
  local steps = 0
  local bomb = { name = "bomb", on = { step = function()
    steps = steps + 1
    if steps == 15 then error("the lights went out", 0) end
  end } }
  t.assertErrorMsgContains("the lights went out", function() whole_run(run_options { out = top .. "/b" }, bomb) end)
  whole_run(run_options { resume = top .. "/b" })
  for _, name in ipairs { "last.safetensors", "best.safetensors" } do
    t.assertTrue(bytes(top .. "/a/" .. name) == bytes(top .. "/b/" .. name), name)
  end
  local _, lines = bytes(top .. "/b/metrics.jsonl"):gsub("\n", "")
  t.assertEquals(lines, 3)
end

-- Death between an epoch's checkpoint and its line in metrics.jsonl: the line is found again.
function TestResume.test_no_line_is_lost_between_checkpoint_and_log()
  local o = run_options { out = top .. "/c", epochs = 2 }
  local run <close> = yl.run(o, "train")
  local log = getmetatable(run).__index.log_epoch
  run.log_epoch = function(self, record)
    if record.epoch == 2 then error("the lights went out", 0) end
    return log(self, record)
  end
  t.assertErrorMsgContains("the lights went out", function() yl.train { net = model(), data = data(), run = run, options = o } end)
  whole_run(run_options { resume = top .. "/c", epochs = 2 })
  local text = bytes(top .. "/c/metrics.jsonl")
  t.assertEquals(select(2, text:gsub("\n", "")), 2)
  t.assertStrContains(text, '"epoch":2')
end

training.run(t)
