-- What a training shows: an epoch as a sentence, also where numbers are missing, and a bar that makes way for what is said.
local t = require "luaunit"
local Screen = require "yolua.terminal.screen"

TestScreen = {}

function TestScreen.testEpoch()
  local record = { epoch = 3, train_loss = 1.25, dev_loss = 2, lr = 1e-3, images_per_s = 12.34, seconds = 5, wait_share = 0.071 }
  t.assertEquals(Screen.epoch_text(record),
    "epoch 3: train loss 1.2500, dev loss 2.0000, learning rate 0.001, 12.3 images/s, 5.0 s (7 % waiting for images)")
  t.assertStrContains(Screen.epoch_text { epoch = 1, train_loss = 0 / 0 }, "train loss n/a, dev loss n/a")
end

function TestScreen.testTheBarMakesWay()
  local screen, order, real = Screen.new(), {}, print
  screen.bar = { clear = function() order[#order + 1] = "clear" end, close = function() order[#order + 1] = "close" end }
  print = function(text) order[#order + 1] = text end -- luacheck: ignore
  screen:say("%d %%", 5)
  screen:say "100 %"
  screen:log_epoch { epoch = 1 }
  print = real -- luacheck: ignore
  t.assertEquals({ order[1], order[2], order[3], order[4], order[5] }, { "clear", "5 %", "clear", "100 %", "close" })
  t.assertStrContains(order[6], "epoch 1:")
  t.assertNil(screen.bar)
end

os.exit(t.LuaUnit.run())
