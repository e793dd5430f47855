-- A small job of each verb, for the tests that make calls of the system fail. A job is {name, words of the call, files (of the fixture:
-- what lies in its folder before it begins), may_leave (a pattern of names that a failed job may leave), may_change (likewise those of
-- files that it may change), alone (its process cannot be copied: it writes elsewhere too, where copies would meet, or has started
-- others, which are not a copy's), continues (the same call completes what a failed one left), times (files with whole seconds, in which
-- two runs may agree by chance), reports (what went wrong may stand in its report, on standard output), prints (its result, without
-- times, is its output)}.
local core = require "yolua.core"
local program = require "support.program"

local function quoted(word) return "'" .. word .. "'" end

local function words(...)
  local list = {}
  for _, part in ipairs { ... } do
    if type(part) == "table" then table.move(part, 1, #part, #list + 1, list) else list[#list + 1] = part end
  end
  return list
end

-- Two trials, the second of which is stopped by SIGTERM after its first step, unless it continues.
local TRIALS = [[
return { recipe = "trial.lua", epochs = 1, batch = 4, threads = 1, protocol = "voc", cfg = "TOP/tiny.cfg", names = "TOP/tiny.names",
  data = { name = "kitti", root = "TOP/data", workers = 0, limit = 8, map = "identity" }, grid = { seed = { 1, 2 } } }
]]
local TRIAL = [[
local yl = require "yolua"
local o = yl.options {}
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load { cfg = o.cfg, names = o.names, seed = 3 }
local stop = { name = "stop", on = { step = function(_, t)
  if o.seed == 2 and t.step == 1 and not run.resumed then os.execute "kill -TERM $PPID" end
end } }
yl.train { net = net, data = data, run = run, options = o, stop, yl.keep.best "dev_loss" }
run:eval("trained", run:best(), data.dev)
run:report()
]]

-- fault_jobs(top) -> jobs, folder of the fixture. top: a folder with the tiny data set (support/tiny.lua). `only`: a set of names.
return function(top, only)
  local base = top .. "/fixture"
  core.files.make_folder(base)
  local picture = top .. "/data/training/image_2/000001.png"
  local labels = { "data=kitti", "data.root=" .. top .. "/data", "data.workers=0", "data.limit=8", "data.map=identity" }
  local data = words(labels, "threads=1")
  local training = { "epochs=1", "batch=4", "freeze=none", "seed=3", "protocol=voc" }
  local new = words("cfg=" .. top .. "/tiny.cfg", "names=" .. top .. "/tiny.names", data, training)
  local dense = { "model=dense.safetensors", "threads=1" }

  -- How each file or folder of the fixture is made, by calls that jobs repeat; each once, and where some job needs it.
  local calls, made = {
    run = words("train", new, "out=run"),
    other = words("train", new, "seed=4", "out=other"),
    pruned = words("prune", "model=dense.safetensors", data, training, "pattern=channel", "target=.4", "rounds=1", "judge=none",
      "out=pruned"),
    small = { "compact", "model=pruned.safetensors", "threads=1", "out=small" },
    ["out.onnx"] = words("export", dense, "out=out.onnx"),
    ["out.param"] = words("export", dense, "out=out.param"),
    darknet = words("export", dense, "out=darknet/"),
    ["state.safetensors"] = words("export", dense, "out=state.safetensors"),
    ["out.h"] = words("export", dense, "out=out.h"),
    ["packed.safetensors"] = words("compress", dense, "out=packed.safetensors"),
    factors = words("decompose", dense, "error=.5", "out=factors"),
    ["scaled.safetensors"] = words("calibrate", "model=dense.safetensors", data, "frames=4", "out=scaled.safetensors"),
    dets = words("val", "model=dense.safetensors", data, "protocol=voc", "dets=dets", "conf=.001"),
    seen = words("predict", dense, "source=" .. picture, "out=seen", "conf=.01", "json=true"),
  }, {}

  local need
  local copies = { ["dense.safetensors"] = "run", ["pruned.safetensors"] = "pruned" }
  local function make(name)
    if copies[name] then
      need(copies[name])
      os.execute(("cp %s %s"):format(quoted(base .. "/" .. copies[name] .. "/best.safetensors"), quoted(base .. "/" .. name)))
    elseif name == "out.bin" then need "out.param"
    elseif name == "trials.lua" then core.system.write(base .. "/trials.lua", (TRIALS:gsub("TOP", top)))
    elseif name == "trial.lua" then core.system.write(base .. "/trial.lua", TRIAL)
    elseif name == "swept" then
      need "trials.lua"
      need "trial.lua"
      local status, _, err = program.run { "sweep", "trials.lua", "out=swept", cwd = base }
      if not err:find "1 of 2 trials failed" then error(("swept: status %d: expected one stopped trial: %s"):format(status, err)) end
    elseif name == "frames.txt" then
      need "dets"
      os.execute(("cd %s && ls dets | sed 's/[.]txt$//' >frames.txt"):format(quoted(base)))
    else
      for _, word in ipairs(calls[name]) do
        local file = word:match "^model=(.*)"
        if file then need(file) end
      end
      local call = words(calls[name])
      call.cwd = base
      program.ok(call)
    end
  end
  function need(name)
    if not made[name] then make(name) end
    made[name] = true
  end

  local list = {}
  local function job(name, before, call, more)
    if only and not only[name] then return end
    for _, file in ipairs(before) do need(file) end
    local one = { name = name, files = before, words = call }
    for key, value in pairs(more or {}) do one[key] = value end
    list[#list + 1] = one
  end
  -- A run that fails in its course leaves its folder, with what it has done so far.
  local function again(name, before, file, more) job(name, words(before, file), calls[file], more) end

  job("help", {}, { "help", "eval" }, { prints = true })
  job("version", {}, { "version" }, { prints = true })
  job("code", {}, { "-e", "print(yl.load { model = 'street' })" }, { prints = true })
  job("train", {}, calls.run, { may_leave = "^run/" })
  job("resume", { "run" }, { "train", "resume=run", "epochs=2" }, { may_leave = "^run/", may_change = "^run/[bc]" })
  job("prune", { "dense.safetensors" }, words("prune", dense, data, training, "target=.5", "rounds=1", "judge=none", "out=run"),
    { may_leave = "^run/" })
  again("compact", { "pruned.safetensors" }, "small")
  again("onnx", { "dense.safetensors" }, "out.onnx")
  again("ncnn", { "dense.safetensors", "out.bin" }, "out.param")
  again("darknet", { "dense.safetensors" }, "darknet")
  again("state", { "dense.safetensors" }, "state.safetensors")
  again("header", { "dense.safetensors" }, "out.h", { alone = true }) -- by way of a temporary folder
  again("compress", { "dense.safetensors" }, "packed.safetensors")
  again("decompose", { "dense.safetensors" }, "factors")
  again("calibrate", { "dense.safetensors" }, "scaled.safetensors")
  again("predict", { "dense.safetensors" }, "seen")
  again("val", { "dense.safetensors" }, "dets")
  job("eval", { "dets", "frames.txt" },
    { "eval", "labels=" .. top .. "/data/training/label_2", "dets=dets", "split=frames.txt", "protocol=voc,coco", "json=true" },
    { prints = true })
  job("doctor", { "dense.safetensors" }, words("doctor", "model=dense.safetensors", data),
    { may_leave = "^runs/", reports = true })
  job("anchors", {}, words("anchors", labels, "k=3"), { prints = true })
  job("sensitivity", { "dense.safetensors" }, words("sensitivity", "model=dense.safetensors", data),
    { may_leave = "^%.?%a+/" })
  job("bench", { "dense.safetensors" }, words("bench", dense, "runs=1"))
  job("compare", { "run", "other" }, { "compare", "run", "other", "protocol=voc", "threads=1" }, { prints = true })
  job("sweep", { "trials.lua", "trial.lua", "swept" }, { "sweep", "trials.lua", "out=swept" },
    { alone = true, continues = true, may_leave = "^swept/", may_change = "^swept/",
      times = { "swept/log.txt", "swept/sweep.csv", "swept/sweep.md" } })
  job("report", { "run" }, { "report", "run" })
  return list, base
end
