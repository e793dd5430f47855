-- serve=: the live page of a training, asked over a loopback socket while it runs.
local t = require "luaunit"
local training = require "support.training"
local program = require "support.program"
local yl = require "yolua"
local core = yl.core

TestLive = {}

-- The answer to GET `path` of a server's address: status and body. Bash opens the socket.
local function get(address, path)
  local host, port = address:match "^http://([%d.]+):(%d+)/$"
  local script = ("exec 3<>/dev/tcp/%s/%s; printf 'GET %s HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"):format(host, port, path)
  local pipe <close> = io.popen(("timeout 60 bash -c %q"):format(script))
  local status, body = pipe:read "a":match "^HTTP/1.%d (%d+).-\r\n\r\n(.*)$"
  return tonumber(status), body
end

local function missing()
  if core.serve.available() then return false end
  print "skipped: this build lacks libmicrohttpd"
  return true
end

-- What a browser makes of the page: its text after some seconds, and what it complained of.
local function browsed(address)
  if not os.execute "command -v chromium >/dev/null 2>&1" then return end
  local log = training.top .. "/chromium.log"
  local pipe <close> = io.popen(("timeout 120 chromium --headless --no-sandbox --disable-gpu --enable-logging=stderr "
    .. "--virtual-time-budget=4000 --user-data-dir='%s/chromium' --dump-dom '%s' 2>'%s'"):format(training.top, address, log))
  return pipe:read "a", core.system.read(log)
end

local function trained(o, ...)
  local dir = training.top .. "/" .. o.out
  local options = yl.options { out = dir, serve = o.serve, epochs = 3, batch = 4, seed = 7 }
  local policies = { ... }
  training.quietly(function()
    local run <close> = yl.run(options)
    yl.train { net = training.model(), data = training.data(), run = run, options = options, table.unpack(policies) }
    return run
  end)
  return dir
end

local function files_without_time(dir)
  local out = {}
  for line in core.system.read(dir .. "/metrics.jsonl"):gmatch "[^\n]+" do
    local record = core.json.decode(line)
    out[#out + 1] = { record.epoch, record.train_loss, record.dev_loss, record.gradient_norm }
  end
  return out, core.files.hash(dir .. "/last.safetensors")
end

function TestLive.testATraining()
  if missing() then return end
  local seen, address = {}, nil
  local watch = { name = "watch", on = {
    start = function(_, tr)
      address = tr.run.live.server:address()
      tr.run.live.interval, tr.run.live.sections_interval, tr.run.live.pictures_interval = 0, 0, 0
      local status, page = get(address, "/")
      t.assertEquals(status, 200)
      t.assertStrContains(page, "<title>")
      t.assertNotStrContains(page, "http") -- nothing of another machine
      seen.starting = core.json.decode(select(2, get(address, "/state.json")))
    end,
    step = function(_, tr) -- of the steps before this one
      if tr.epoch == 2 then seen.training = seen.training or core.json.decode(select(2, get(address, "/state.json"))) end
    end,
    epoch_start = function(_, tr)
      if tr.epoch < 3 then return end
      seen.sections = select(2, get(address, "/sections.html"))
      seen.metrics = select(2, get(address, "/metrics.jsonl"))
      seen.dom, seen.complaints = browsed(address)
      seen.escaped = get(address, "/../config.yaml")
      seen.config, seen.last = get(address, "/config.yaml"), get(address, "/last.safetensors")
    end,
  } }
  local served = trained({ out = "served", serve = "0" }, watch)
  t.assertEquals(seen.starting.state, "starting")
  local s = seen.training
  t.assertEquals({ s.state, s.epoch, s.epochs, s.total > 0 }, { "training", 2, 3, true })
  t.assertTrue(s.loss > 0 and s.images_per_s > 0 and s.left_s > 0 and s.version >= 2)
  t.assertTrue(#s.losses >= 2 and s.losses[2][1] == 2)
  for _, words in ipairs { 'id="training"', "data:image/svg+xml", "Epoch by epoch", 'id="detections"', "After epoch 2", "data:image/jpeg",
    "config.yaml", "log.txt" } do t.assertStrContains(seen.sections, words) end
  t.assertNotStrContains(seen.sections, 'src="/')
  if seen.dom then
    t.assertStrContains(seen.dom, "Training: epoch 2 of 3")
    t.assertStrContains(seen.dom, "Epoch by epoch")
    t.assertStrMatches(seen.dom, '.*<path id="line" d="M.*')
    t.assertNotStrContains(seen.complaints, "CONSOLE")
  else
    print "SKIP chromium is not installed"
  end
  t.assertStrContains(seen.metrics, '"epoch":2')
  t.assertEquals({ seen.escaped, seen.config, seen.last }, { 404, 200, 404 })
  t.assertNil(get(address, "/"), "it ends with the run")
  t.assertStrContains(core.system.read(served .. "/log.txt"), "live page at http://127.0.0.1:")
  t.assertNotStrContains(core.system.read(served .. "/config.yaml"), "\nserve:") -- a resume may be looked at elsewhere, or not
  local a, hash = files_without_time(served)
  local b, other = files_without_time(trained { out = "plain" })
  t.assertEquals(a, b)
  t.assertEquals(hash, other) -- to be watched changes no bit
end

-- The rounds of a pruning, as they come.
function TestLive.testRounds()
  if missing() then return end
  local sections, state
  local options = yl.options { out = training.top .. "/pruned", serve = "0", batch = 4, seed = 7 }
  training.quietly(function()
    local run <close> = yl.run(options)
    yl.train { net = training.model(), data = training.data(), run = run, options = options, yl.prune { target = 0.5, rounds = 3 },
      { name = "watch", on = { epoch_start = function(_, tr)
        tr.run.live.sections_interval, tr.run.live.interval = 0, 0
        if tr.epoch == 3 then
          sections = select(2, get(tr.run.live.server:address(), "/sections.html"))
          state = core.json.decode(select(2, get(tr.run.live.server:address(), "/state.json")))
        end
      end } } }
  end)
  t.assertStrContains(sections, 'id="pruning"')
  t.assertStrContains(sections, "Sparsity by round")
  t.assertTrue(state.sparsity > 0.1 and state.sparsity < 0.5)
end

function TestLive.testLossesStayFew()
  local live = setmetatable({ losses = {}, stride = 1, steps = 0 }, { __index = require "yolua.report.live" })
  for i = 1, 5000 do live:keep_loss(i) end
  t.assertTrue(#live.losses <= 240 and #live.losses > 100)
  for _, pair in ipairs(live.losses) do t.assertEquals(pair[1], pair[2]) end
  t.assertTrue(live.losses[1][1] <= 64 and live.losses[#live.losses][1] > 4900)
  live:keep_loss(0 / 0)
end

local function fails(sentence, ...)
  local ok, e = pcall(...)
  t.assertFalse(ok)
  t.assertStrContains(tostring(e), sentence)
end

function TestLive.testErrors()
  if not core.serve.available() then
    fails("serve=8080: this build cannot serve a page: install libmicrohttpd-dev", yl.run, yl.options { serve = "8080" })
    return
  end
  local dir = training.top .. "/refused"
  fails("serve: expected [ADDRESS:]PORT with a port from 0 to 65535 and an address in numbers", yl.run,
    yl.options { serve = "localhost:80", out = dir })
  local taken <close> = core.serve.start "0"
  local port = taken:address():match ":(%d+)/"
  fails(("serve: http://127.0.0.1:%s/ is in use by another program"):format(port), yl.run, yl.options { serve = port, out = dir })
  t.assertNil(core.files.kind(dir)) -- nothing is left behind
  fails("serve: expected a run directory (yl.run) to show", yl.trainer, { net = training.model(), data = training.data(), serve = "0" })
  local status, _, err = program.run { "train", "serve=web", "data=kitti", "data.root=" .. training.top .. "/data" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "got 'web'")
end

training.run(t)
