-- check=true of an export: what the file computes in another program's runtime, where one is there.
local t = require "luaunit"
local check = require "yolua.model.export.check"
local core = require "yolua.core"
local program = require "support.program"

local top = program.new_folder()
core.files.make_folder(top)

TestCheck = {}

-- Without a runtime that is told, and the file is there.
function TestCheck.testNoRuntime()
  if not core.export.available "onnx" then return print "SKIP this build cannot write ONNX" end
  local path = top .. "/unchecked.onnx"
  local out, err = program.ok { "export", "model=street", "out=" .. path, "check=true", "python=/bin/false" }
  t.assertStrContains(err, "nothing was compared: /bin/false has none of the packages onnxruntime, openvino (with numpy)")
  t.assertStrContains(out, "written: " .. path)
  t.assertNotNil(core.files.kind(path))
  local words = { "export", "model=street", "out=" .. path, "check=true", "python=/bin/false", "json=true" }
  t.assertStrContains(program.ok(words), '"max_error":null')
end

-- A runtime that computes something else: a stand-in for Python writes ones.
function TestCheck.testADifference()
  if not core.export.available "onnx" then return print "SKIP this build cannot write ONNX" end
  local python, path = os.tmpname(), top .. "/wrong.onnx" -- where programs may be run
  core.system.write(python, [[#!/bin/sh
[ $# = 2 ] && exit 0
head -c 41600 /dev/zero >"$7/$8"
]])
  os.execute("chmod +x " .. python)
  local status, _, err = program.run { "export", "model=street", "out=" .. path, "check=true", "python=" .. python }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "an output of " .. path
    .. " in onnxruntime differs by 1 of its largest number (a score: of 1) (expected at most 0.0001)")
  core.system.write(python, "#!/bin/sh\n[ $# = 2 ] && exit 0\necho Traceback\necho it is broken\nexit 3\n")
  os.execute("chmod +x " .. python)
  status, _, err = program.run { "export", "model=street", "out=" .. path, "check=true", "python=" .. python }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "onnxruntime refuses " .. path .. ": it is broken")
  os.remove(python)
end

-- Probabilities are compared as they are, however small; other numbers relative to the largest.
function TestCheck.testScores()
  local python, wrong = os.tmpname(), top .. "/numbers"
  core.system.write(wrong, string.pack("<ff", 1.5e-3, 2e-3))
  core.system.write(python, ('#!/bin/sh\ncp %s "$7/$8"\n'):format(wrong))
  os.execute("chmod +x " .. python)
  local input, numbers = core.tensor.new { 1, 2 }, core.tensor.new { 1e-3, 2e-3 }
  local function off(name, square) return check.compare(python, "x", "x", input, { [name] = numbers }, square) end
  t.assertAlmostEquals(off "scores", 5e-4, 1e-8)
  t.assertAlmostEquals(off "boxes", 0.25, 1e-5)
  t.assertAlmostEquals(off("scores", true), 0.5 / 5 ^ 0.5, 1e-5)
  os.remove(python)
end

-- Every runtime that is there is asked.
function TestCheck.testEachRuntime()
  if not core.export.available "onnx" then return print "SKIP this build cannot write ONNX" end
  local python = os.tmpname()
  core.system.write(python, "#!/bin/sh\ncase \"$2\" in *openvino) exit 0;; *onnxruntime) exit 1;; esac\necho broken\nexit 3\n")
  os.execute("chmod +x " .. python)
  t.assertEquals(check.runtimes(python, { "onnxruntime", "openvino", "ncnn" }), { "openvino" })
  core.system.write(python, "#!/bin/sh\n[ $# = 2 ] && exit 0\nexit 3\n")
  os.execute("chmod +x " .. python)
  t.assertEquals(check.runtimes(python, { "onnxruntime", "openvino" }), { "onnxruntime", "openvino" })
  os.remove(python)
end

-- A real one (YOLUA_PYTHON names the interpreter).
function TestCheck.testRuntime()
  local python = os.getenv "YOLUA_PYTHON" or "python3"
  if not core.export.available "onnx" then return print "SKIP this build cannot write ONNX" end
  local runtimes = check.runtimes(python, { "onnxruntime", "openvino" })
  if #runtimes == 0 then
    return print(("SKIP %s has neither onnxruntime nor openvino; YOLUA_PYTHON names another interpreter"):format(python))
  end
  for _, heads in ipairs { "raw", "boxes" } do
    local r = program.json { "export", "model=street", "out=" .. top .. "/checked.onnx", "check=true", "heads=" .. heads,
      "python=" .. python }
    t.assertTrue(r.max_error > 0 and r.max_error < 1e-4, r.max_error)
    t.assertEquals(#r.checks, #runtimes)
  end
end

os.exit(t.LuaUnit.run())
