-- Sweeps: every trial runs once, whatever interrupts it, and the table is the same as without; what is wrong in a sweep's file is said
-- before anything starts.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local wait = require "support.wait"
local files, process = core.files, core.process

local top = program.tiny()

-- A sweep's file; returns its path.
local function write(name, text)
  local path = ("%s/%s.lua"):format(top, name)
  core.system.write(path, (text:gsub("TOP", top):gsub("recipes/", program.source .. "/%0")))
  return path
end

local function read(path) return core.system.read(top .. "/" .. path) end

local function sweep(path, out, ...) return program.run { "sweep", path, "out=" .. top .. "/" .. out, ... } end

local SIX = [[
return {
  recipe = "recipes/coco_ft.lua", config = "TOP/config.yaml", epochs = 4, protocol = "voc", threads = 1, ["data.limit"] = 6,
  grid = { seed = { 1, 2, 3 }, optim = { "sgd", "adam" } },
}
]]

-- The table without the column of seconds.
local function table_of(out)
  local lines = {}
  for line in read(out .. "/sweep.csv"):gmatch "[^\n]+" do
    local cells = {}
    for cell in (line .. ","):gmatch "([^,]*)," do cells[#cells + 1] = cell end
    if #lines == 0 then for i, cell in ipairs(cells) do lines.seconds = cell == "seconds" and i or lines.seconds end end
    table.remove(cells, lines.seconds)
    lines[#lines + 1] = table.concat(cells, ",")
  end
  lines.seconds = nil
  return lines
end

-- What a result holds besides times.
local function untimed(result)
  result.seconds, result.speed = nil, nil
  return result
end

local function exists(path) return files.kind(top .. "/" .. path) == "file" end

-- The processes that one has started.
local function children(id)
  local list, file = {}, io.open(("/proc/%d/task/%d/children"):format(id, id))
  for child in (file and file:read "a" or ""):gmatch "%d+" do list[#list + 1] = child end
  if file then file:close() end
  return list
end

-- Starts a sweep, and ends it and its trial when `when()` says so. Returns whether it was still at work.
local function kill(path, out, signal, when)
  local id = process.start({ "sweep", path, "out=" .. top .. "/" .. out }, top .. "/killed.txt")
  local code
  wait(function()
    code = process.ended(id)
    return code or when()
  end, "the moment to kill")
  if code then return false end
  local below = signal == "KILL" and table.concat(children(id), " ") or ""
  os.execute(("kill -%s %d %s 2>/dev/null"):format(signal, id, below))
  wait(function()
    code = process.ended(id)
    return code
  end, "the end of the sweep")
  return true, code
end

TestSweep = {}

local HALVED = [[
return {
  recipe = "train", config = "TOP/config.yaml", protocol = "voc", threads = 1, ["data.limit"] = 6,
  random = { trials = 4, seed = 3, values = { ["optim.lr"] = { from = 1e-4, to = 1e-2, log = true }, batch = { 2, 3 } } },
  halving = { epochs = { 1, 2, 4 }, keep = .5 },
}
]]

local function rows_of(out)
  local lines = {}
  for line in read(out .. "/sweep.csv"):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

-- Four drawn trials of one epoch, the two best of two, the best of four: each what it would be alone.
function TestSweep.testRandomAndHalving()
  local path = write("halved", HALVED)
  local _, listed = sweep(path, "halved", "dry_run=true")
  local rates = {}
  for rate in listed:gmatch "optim.lr=(%S+)" do rates[#rates + 1] = tonumber(rate) end
  t.assertEquals(#rates, 4)
  for _, rate in ipairs(rates) do t.assertTrue(rate >= 1e-4 and rate <= 1e-2) end
  t.assertNotEquals(rates[1], rates[2])
  local status, out, complaint = sweep(path, "halved")
  t.assertEquals(status, 0, complaint)
  t.assertStrContains(out, "2 trials follow")
  local lines, best, by_epochs = rows_of "halved", nil, {}
  for i = 2, #lines do
    local hash = lines[i]:match "^%d+,[^,]*,(%x+),done,"
    local result = core.json.decode(read("halved/" .. hash .. "/results.json"))
    by_epochs[result.epochs] = (by_epochs[result.epochs] or 0) + 1
    if result.epochs == 4 then best = hash end
  end
  t.assertEquals(by_epochs, { 4, 2, [4] = 1 })
  status, out = sweep(path, "halved") -- nothing is run again
  t.assertEquals(status, 0)
  t.assertStrContains(out, "7 of them done")
  t.assertEquals(files.kind(top .. "/halved/" .. best .. "/best.safetensors"), "file")
end

-- A stand-in for Slurm: runs an array's jobs one after the other; the first ones are warned of their time limit after an epoch, and
-- requeued ones run again.
local function stand_in()
  local bin = top .. "/bin"
  files.make_folder(bin)
  core.system.write(bin .. "/sbatch", ([[
#!/bin/bash
script="${@: -1}"
last=$(sed -n 's/^#SBATCH --array=1-\([0-9]*\).*/\1/p' "$script")
id=$(( $(cat TOP/jobs 2>/dev/null || echo 100) + 1 )); echo $id >TOP/jobs
echo "$*" >>TOP/calls
echo $id
(
  sleep 1
  for task in $(seq "$last"); do
    while :; do
      export SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$task
      sh "$script" >>TOP/slurm.out 2>&1 &
      job=$!
      if [ ! -e TOP/warned-$task ]; then
        touch TOP/warned-$task
        for _ in $(seq 2400); do [ "$(ls TOP/array/*/metrics.jsonl 2>/dev/null | wc -l)" -ge "$task" ] && break; sleep .02; done
        kill -USR1 $job
      fi
      wait $job
      grep -qx "$id"_"$task" TOP/requeued 2>/dev/null || break
      sed -i "/^${id}_$task\$/d" TOP/requeued
    done
  done
) >/dev/null 2>&1 &
]]):gsub("TOP", top))
  core.system.write(bin .. "/scontrol", ("#!/bin/sh\necho \"$2\" >>%s/requeued\n"):format(top))
  core.system.write(bin .. "/squeue", "#!/bin/sh\n")
  os.execute(("chmod +x %s/sbatch %s/scontrol %s/squeue"):format(bin, bin, bin))
  return bin
end

function TestSweep.testSlurm()
  local path, bin = write("array", (HALVED:gsub("epochs = { 1, 2, 4 }", "epochs = { 20, 30 }"))), stand_in()
  local command = ("PATH=%s:$PATH '%s' sweep %s out=%s/array slurm=true sbatch=--time=10 2>&1"):format(bin, program.path, path, top)
  local pipe = io.popen(command)
  local said = pipe:read "a"
  t.assertTrue(pipe:close(), said)
  t.assertStrContains(said, "4 trials submitted as job array 101")
  wait(function()
    return files.kind(top .. "/array/sweep.md") and read "array/sweep.md":find "6 of 6 trials are done"
  end, "the array's end", 240)
  local log = read "array/log.txt"
  t.assertStrContains(log, "the time limit is near: saved, and requeued as 101_1")
  t.assertStrContains(log, "2 trials submitted as job array 102")
  t.assertStrContains(read "calls", "--time=10")
  local status, out, complaint = sweep(path, "array") -- without Slurm: everything is known
  t.assertEquals(status, 0, complaint)
  t.assertStrContains(out, "6 of them done")
  core.system.write(top .. "/array/slurm.json", '{"jobs":[101,102],"submitted":{}}')
  core.system.write(bin .. "/squeue", "#!/bin/sh\necho 102_1 running\n")
  os.execute(("chmod +x %s/squeue"):format(bin))
  pipe = io.popen(command)
  said = pipe:read "a"
  t.assertNil(pipe:close(), said)
  t.assertStrContains(said, ("sweep: jobs 101, 102 of %s/array are still queued or running; scancel ends them"):format(top))
end

function TestSweep.testKilledThreeTimes()
  local path = write("six", SIX)
  local status, out, err = sweep(path, "undisturbed")
  t.assertEquals({ status, err }, { 0, "" })
  t.assertEquals(#table_of "undisturbed", 1 + 2 * 6) -- two stages each
  local hashes = {}
  for hash in out:gmatch "trial %d of 6, (%x+): done" do hashes[#hashes + 1] = hash end
  t.assertEquals(#hashes, 6)
  local function epochs(i) return ("killed/%s/metrics.jsonl"):format(hashes[i]) end
  local moments = {
    function() return exists(epochs(1)) end, -- in the middle of the first trial
    function() return exists(("killed/%s/log.txt"):format(hashes[3])) end, -- as the third begins
    function() return exists(epochs(5)) and select(2, read(epochs(5)):gsub("\n", "")) >= 2 end,
  }
  local hit = 0
  for _, moment in ipairs(moments) do hit = hit + (kill(path, "killed", "KILL", moment) and 1 or 0) end
  t.assertEquals(hit, 3)
  status, out, err = sweep(path, "killed")
  t.assertEquals({ status, err }, { 0, "" }, out)
  t.assertEquals(table_of "killed", table_of "undisturbed")
  for _, hash in ipairs(hashes) do
    for _, name in ipairs { "last.safetensors", "best.safetensors" } do
      t.assertEquals(files.hash(("%s/killed/%s/%s"):format(top, hash, name)), files.hash(("%s/undisturbed/%s/%s"):format(top, hash, name)))
    end
    local function result(dir) return untimed(core.json.decode(read(("%s/%s/results.json"):format(dir, hash)))) end
    t.assertEquals(result "killed", result "undisturbed")
    t.assertEquals(select(2, read(("killed/%s/metrics.jsonl"):format(hash)):gsub("\n", "")), 4)
    local log = read "killed/log.txt"
    t.assertEquals(select(2, log:gsub(hash .. ": done", "")), 1)
    t.assertNil(log:match(hash .. ": done.*" .. hash), "no finished trial is touched")
    for epoch = 1, 4 do
      local _, times = read(("killed/%s/log.txt"):format(hash)):gsub(("epoch %d: train loss"):format(epoch), "")
      t.assertTrue(times <= 1, "no epoch is trained twice") -- 0: killed between its checkpoint and its line
    end
  end
end

-- What is done is not done again, and its results are given once more.
function TestSweep.testJson()
  local path = write("two", [[return { recipe = "recipes/coco_ft.lua", config = "TOP/config.yaml", epochs = 1, data = { limit = 4 },
    { name = "a" }, { seed = 2 } }]])
  local first = program.json { "sweep", path, "out=" .. top .. "/two" }
  t.assertEquals(#first.trials, 2)
  for _, trial in ipairs(first.trials) do
    t.assertEquals({ trial.status, #trial.hash, trial.options.epochs, trial.result.recipe }, { "done", 16, 1, "coco_ft" })
  end
  t.assertEquals({ first.trials[1].name, first.trials[2].options.seed }, { "a", 2 })
  local again, _, err = program.json { "sweep", path, "out=" .. top .. "/two" }
  t.assertEquals(again, first)
  t.assertNil(err)
  local status, out = sweep(path, "two")
  t.assertEquals(status, 0)
  t.assertStrContains(out, "2 trials in " .. top .. "/two, 2 of them done")
  t.assertNotStrContains(out, "starts")
end

function TestSweep.testDryRun()
  local path = write("three", [[return { recipe = "recipes/coco_ft.lua", config = "TOP/config.yaml", grid = { seed = { 1, 2, 3 } } }]])
  local status, out, err = sweep(path, "three", "dry_run=true")
  t.assertEquals({ status, err }, { 0, "" })
  t.assertEquals(select(2, out:gsub("\n", "")), 3)
  t.assertNotNil(out:find "^trial 1 of 3, %x+: waiting: yolua %S+coco_ft.lua config=%S+ seed=1\n", out)
  t.assertNil(files.kind(top .. "/three"))
end

-- The verb train is a recipe too; several trials at a time.
function TestSweep.testTrainAndJobs()
  local path = write("train", [[return { recipe = "train", config = "TOP/config.yaml", data = { limit = 4 }, epochs = 1,
    grid = { seed = { 1, 2 } } }]])
  local result = program.json { "sweep", path, "out=" .. top .. "/train", "jobs=2" }
  t.assertEquals({ result.trials[1].status, result.trials[2].status }, { "done", "done" })
  t.assertEquals(result.trials[1].result.recipe, "train")
  local log = read "train/log.txt"
  t.assertNotNil(log:find "starts.*starts.*done.*done")
end

-- A trial that fails is a row with its reason, and the others run.
function TestSweep.testFailure()
  local path = write("failing", [[return { recipe = "recipes/coco_ft.lua", config = "TOP/config.yaml", epochs = 1, data = { limit = 4 },
    { epochs = 9, optim = { name = "sgd", lr = 1e3 } }, { seed = 4 } }]])
  local status, _, err = sweep(path, "failing")
  t.assertEquals(status, 1)
  t.assertStrContains(err, "1 of 2 trials failed: see " .. top .. "/failing/sweep.md")
  local rows = read "failing/sweep.csv"
  t.assertNotNil(rows:find "\n1,,%x+,failed,[^\n]-NaN", rows)
  t.assertNotNil(rows:find "\n2,,%x+,done,,", rows)
  t.assertStrContains(read "failing/sweep.md", "1 of 2 trials are done.")
end

-- A trial that takes a checkpoint of an earlier one waits for it, is known by it, and is refused where that is another one now.
function TestSweep.testFromAnotherTrial()
  local text = [[return { config = "TOP/from.yaml", threads = 1, epochs = 1, data = { limit = 4 }, protocol = "voc",
    { name = "dense", recipe = "train", cfg = "TOP/tiny.cfg", names = "TOP/tiny.names", seed = SEED },
    { name = "pruned", recipe = "recipes/prune_gradual.lua", from = { model = "dense" }, rounds = 2, keep = .5, target = .5, tune = 1 },
    { name = "on", recipe = "train", from = { model = "pruned:sparsity-50.safetensors" } } }]]
  core.system.write(top .. "/from.yaml", (read("config.yaml"):gsub("cfg: [^\n]*\n", ""):gsub("names: [^\n]*\n", "")))
  local path = write("from", (text:gsub("SEED", "1")))
  local status, _, err = sweep(path, "from", "dry_run=true")
  t.assertEquals({ status, err }, { 0, "" })
  local result = program.json { "sweep", path, "out=" .. top .. "/from", "jobs=2" }
  for i = 1, 3 do t.assertEquals(result.trials[i].status, "done", result.trials[i].reason) end
  local log = read "from/log.txt"
  t.assertNotNil(log:find "1 of 3.-done.-2 of 3.-starts.-2 of 3.-done.-3 of 3.-starts")
  local dense = ("%s/from/%s/"):format(top, result.trials[1].hash)
  t.assertStrContains(read(("from/%s/config.yaml"):format(result.trials[2].hash)), dense .. "best.safetensors")
  local other = program.json { "sweep", write("from", (text:gsub("SEED", "2"))), "out=" .. top .. "/from2", "dry_run=true" }
  for i = 1, 3 do t.assertNotEquals(other.trials[i].hash, result.trials[i].hash) end -- another start, other trials
  write("from", (text:gsub("SEED", "1")))
  os.rename(dense .. "last.safetensors", dense .. "best.safetensors")
  core.system.write(dense .. "best.safetensors", "other")
  status, _, err = sweep(path, "from")
  t.assertEquals(status, 1)
  t.assertStrMatches(err, ".*trial 2 %(pruned%): the run in %S+ began with another %S+best.safetensors: its hash was %x+ and is now %x+.*")
end

-- What needs a trial that failed, or a file that it has not left, fails with that reason; the others run.
function TestSweep.testFromATrialThatFailed()
  local path = write("broken", [[return { recipe = "train", config = "TOP/config.yaml", threads = 1, epochs = 1, protocol = "voc",
    data = { limit = 4 },
    { name = "bad", epochs = 9, optim = { name = "sgd", lr = 1e3 } }, { name = "on", from = { ["distill.teacher"] = "bad:x.safetensors" } },
    { name = "good" }, { name = "far", from = { ["distill.teacher"] = "good:none.safetensors" } } }]])
  local status, _, err = sweep(path, "broken")
  t.assertEquals(status, 1, err)
  local rows = read "broken/sweep.csv"
  t.assertStrContains(rows, "it needs x.safetensors of trial 1 (bad), which failed")
  t.assertStrMatches(rows, ".*it needs %S+/none.safetensors, which trial 3 %(good%) has not left.*")
  t.assertNotNil(rows:find "\n3,good,%x+,done,")
end

-- SIGTERM reaches the trial, which saves inside its epoch; the same call continues.
function TestSweep.testTerminated()
  local path = write("long", [[return { recipe = "recipes/coco_ft.lua", config = "TOP/config.yaml", epochs = 20, protocol = "voc" }]])
  local begun, dir
  local stopped, code = kill(path, "long", "TERM", function()
    for _, name in ipairs(files.kind(top .. "/long") and files.list(top .. "/long") or {}) do
      dir = name:match "^%x+$" and #name == 16 and name or dir
    end
    begun = dir and exists("long/" .. dir .. "/metrics.jsonl")
    return begun
  end)
  t.assertEquals({ stopped, code }, { true, 1 })
  local said = read "killed.txt"
  t.assertStrContains(said, "stopped: stopped by the user ")
  t.assertStrContains(said, "stopped by the user: 1 of 1 trials are left; the same call continues")
  t.assertTrue(exists("long/" .. dir .. "/last.safetensors"))
  local status, out = sweep(path, "long")
  t.assertEquals(status, 0)
  t.assertStrContains(out, dir .. ": continues in")
  t.assertEquals(select(2, read("long/" .. dir .. "/metrics.jsonl"):gsub("\n", "")), 20)
end

-- One sweep at a time in a folder.
function TestSweep.testLocked()
  local path = write("six", SIX)
  files.make_folder(top .. "/locked")
  local lock <close> = assert(files.lock(top .. "/locked/log.txt"))
  local status, _, err = sweep(path, "locked")
  t.assertEquals({ status, err, lock ~= nil }, { 1, "yolua: another process is at work in " .. top .. "/locked\n", true })
  t.assertEquals(files.list(top .. "/locked"), { "log.txt" })
  files.make_folder(top .. "/of_a_run")
  core.system.write(top .. "/of_a_run/config.yaml", "")
  status, _, err = sweep(path, "of_a_run")
  t.assertEquals({ status, err }, { 1, ("yolua: out: %s/of_a_run is the folder of a run; expected one for several\n"):format(top) })
end

TestBadInput = {}

-- Each is one sentence, status 2, and nothing starts.
function TestBadInput.testFiles()
  local known = 'recipe = "recipes/coco_ft.lua", config = "TOP/config.yaml"'
  for i, case in ipairs {
    { "", "bad.lua returns nothing: expected a list of trials" },
    { "return 3", "bad.lua returns a number" },
    { "return {}", "bad.lua returns an empty table" },
    { "return { 3 }", "trial 1: expected a table of options, got a number" },
    { "return { { epochs = 3 } }", "trial 1: recipe is missing: expected recipe" },
    { "return { " .. known .. ", { seed = 1 }, { seed = 2, name = 'b' }, { seed = 1, threads = 3 } }",
      "trial 3 is the same as trial 1 (yolua " },
    { "return { " .. known .. ", { seed = 1 }, { epoch = 2, name = 'b' } }",
      "coco_ft.lua has no option 'epoch', did you mean 'epochs'?" },
    { "return { " .. known .. ", { epochs = -1 } }", "trial 1: option 'epochs': expected" },
    { "return { { recipe = 'recipes/coco_tf.lua' } }", "recipes/coco_ft.lua'?" },
    { "return { { recipe = 'val' } }", "trial 1: " },
    { "return { " .. known .. ", { data = { root = 'TOP/nowhere' } } }", "trial 1: data.root: no such folder TOP/nowhere" },
    { "return { " .. known .. ", { out = 'x' } }", "trial 1: 'out' cannot be set: the sweep names its trials' folders" },
    { "return { " .. known .. ", { seed = print } }", "trial 1: 'seed': expected a text, a number, true, false or a list, got a function" },
    { "return { " .. known .. ", grid = { seed = {} } }", "grid 'seed': expected a list of values, got an empty one" },
    { "return { " .. known .. ", { name = 'first' }, { from = { model = 'frist' } } }",
      "trial 2: from model: there is no earlier trial 'frist', did you mean 'first'?" },
    { "return { " .. known .. ", { name = 'a', grid = { seed = { 1, 2 } } }, { from = { model = 'a' } } }",
      "trial 2: from model: 2 trials have the name of 'a': expected one" },
    { "return { " .. known .. ", { from = 3 } }", "trial 1: 'from': expected trials' names by option, got a number" },
    { "return { " .. known .. ", grid = 3 }", "'grid': expected lists of values by option, got a number" },
  } do
    local status, out, err = sweep(write("bad", case[1]), "bad")
    t.assertEquals({ status, out }, { 2, "" }, i .. ": " .. err)
    t.assertStrContains(err, (case[2]:gsub("TOP", top)))
    t.assertEquals(select(2, err:gsub("\n", "")), 1, err)
    t.assertNil(files.kind(top .. "/bad"))
  end
  local status, _, err = program.run { "sweep" }
  t.assertEquals({ status, err }, { 2, "yolua: yolua sweep: expected a file of trials: yolua sweep FILE.lua\n" })
  t.assertEquals(program.run { "sweep", top .. "/none.lua" }, 2)
end

local code = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(code)
