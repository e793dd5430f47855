-- conv2d: every algorithm on many shapes, Darknet's keys, and what is fused into it in inference.
local t = require "luaunit"
local check = require "support.layercheck"
local core = require "yolua.core"

local function oracle(inputs, p, o)
  local x, y = inputs[1], {}
  local size, d, groups = o.size or 1, o.dilation or 1, o.groups or 1
  local sy, sx = o.stride_y or o.stride or 1, o.stride_x or o.stride or 1
  local pad = (o.pad and size // 2 or o.padding or 0) * d
  local oh, ow = (x.h + 2 * pad - d * (size - 1) - 1) // sy + 1, (x.w + 2 * pad - d * (size - 1) - 1) // sx + 1
  local filters, cg = o.filters or 1, x.c // groups
  for n = 0, x.n - 1 do
    for i = 0, oh - 1 do
      for j = 0, ow - 1 do
        for f = 0, filters - 1 do
          local sum, first = p.bias and p.bias[f + 1] or 0, f // (filters // groups) * cg
          for u = 0, size - 1 do
            local r = i * sy - pad + u * d
            for v = 0, r >= 0 and r < x.h and size - 1 or -1 do
              local s = j * sx - pad + v * d
              if s >= 0 and s < x.w then
                for k = 0, cg - 1 do
                  sum = sum + p.weight[((f * size + u) * size + v) * cg + k + 1] * x[check.at(x, n, r, s, first + k)]
                end
              end
            end
          end
          y[#y + 1] = sum
        end
      end
    end
  end
  return y, { x.n, oh, ow, filters }
end

local shapes = {
  { options = { filters = 4, size = 3, pad = true }, input = { 2, 3, 4, 3 } },
  { options = { filters = 5, size = 3, stride = 2, pad = true }, input = { 1, 5, 7, 3 } },
  { options = { filters = 6 }, input = { 2, 3, 5, 7 } },
  { options = { filters = 3, size = 3, dilation = 2, pad = true }, input = { 1, 6, 5, 2 } },
  { options = { filters = 6, size = 3, groups = 2, pad = true }, input = { 1, 3, 4, 4 } },
  { options = { filters = 5, size = 3, groups = 5, pad = true }, input = { 2, 3, 4, 5 } },
  { options = { filters = 6, size = 5, groups = 6, stride = 2, pad = true }, input = { 1, 5, 6, 6 } },
  { options = { filters = 3, size = 3, pad = true }, input = { 2, 1, 1, 5 } },
  { options = { filters = 2, size = 2, pad = true }, input = { 1, 4, 5, 3 } },
  { options = { filters = 3, size = 3, stride_x = 2, stride_y = 1, padding = 2 }, input = { 1, 5, 8, 2 } },
  { options = { filters = 4, size = 3, bias = false }, input = { 1, 4, 5, 3 } },
  { options = { filters = 18, size = 3, pad = true }, input = { 1, 2, 3, 17 } },
}

local cases = {} -- tests/kernels/conv2d.c runs every algorithm on many more shapes
for algorithm, step in pairs { auto = 1, direct = 3, gemm = 4, depthwise = 5, winograd = 3, winograd5 = 3, sparse = 3 } do
  for i = 1, #shapes, step do
    local s = shapes[i]
    cases[#cases + 1] = { name = algorithm .. " " .. i, algorithm = algorithm, options = s.options, input = s.input }
  end
end
table.sort(cases, function(a, b) return a.name < b.name end)
cases[#cases + 1] = { name = "infer", mode = "infer", options = shapes[1].options, input = shapes[1].input }

TestConv2d = check.layer { kind = "conv2d", oracle = oracle, cases = cases, tolerance = { forward = 2e-5, backward = 1e-3 } }

-- conv, bn and act as one layer in inference give what the three give one by one.
function TestConv2d.test_fused()
  local random = check.random(9)
  for _, bias in ipairs { true, false } do
    for _, algorithm in ipairs(check.on_cpu and { "direct", "gemm", "winograd", "winograd5", "sparse", "auto" } or { "gemm", "auto" }) do
      local net = core.net { h = 6, w = 7, c = 5, seed = 3, layers = {
        { "conv2d", name = "a", filters = 18, size = 3, pad = true, bias = bias },
        { "batchnorm", name = "a.bn" }, { "activation", name = "a.act", activation = "mish" } } }
      for _, range in ipairs(net:ranges()) do
        local values = {}
        for i = 1, range.count do values[i] = (range.name:match "var$" and 1.5 or 0) + random() end
        net:set(range.name, values)
      end
      local x, y = {}, {}
      for i = 1, 2 * 6 * 7 * 5 do x[i] = random() end
      for k, keep in ipairs { true, false } do -- every layer by itself, then fused
        local plan <close> = net:plan { mode = "infer", batch = 2, keep = keep, algorithm = algorithm }
        plan:input(x)
        plan:forward {}
        y[k] = plan:output "a.act"
      end
      check.compare(y[2], y[1], 1e-5, algorithm)
    end
  end
end

-- A changed weight is packed anew.
function TestConv2d.test_repacks()
  local net = core.net { h = 3, w = 3, c = 1, layers = { { "conv2d", name = "a", filters = 1 } }, seed = 1 }
  local plan = net:plan { mode = "infer", batch = 1 }
  for _, w in ipairs { 2, 3 } do
    net:set("a.weight", { w })
    plan:input { 1, 2, 3, 4, 5, 6, 7, 8, 9 }
    plan:forward {}
    t.assertEquals(plan:output(1), { w, 2 * w, 3 * w, 4 * w, 5 * w, 6 * w, 7 * w, 8 * w, 9 * w })
  end
end

local function refuses(sentence, options, h, w, c)
  options[1] = "conv2d"
  t.assertErrorMsgContains(sentence, core.net, { h = h, w = w, c = c, layers = { options } })
end

function TestConv2d.test_refusals()
  refuses("expected a divisor of both", { filters = 4, groups = 3 }, 4, 4, 6)
  refuses("expected a divisor of both", { filters = 6, groups = 3 }, 4, 4, 4)
  refuses("smaller than the kernel", { size = 5 }, 4, 9, 1)
  refuses("filters", { filters = 0 }, 4, 4, 1)
  local net = core.net { h = 3, w = 3, c = 1, layers = { { "conv2d" } }, seed = 1 }
  t.assertErrorMsgContains("algorithm 'fft' is unknown", net.plan, net, { mode = "infer", batch = 1, algorithm = "fft" })
end

-- A kernel of one tap has no distance between taps: dilation does not widen its padding (Darknet).
function TestConv2d.test_one_tap_is_not_dilated()
  local net = core.net { h = 3, w = 4, c = 1, layers = { { "conv2d", filters = 2, size = 1, dilation = 3, padding = 1 } } }
  t.assertEquals(net:layers()[1].shape, { 1, 5, 6, 2 })
end

os.exit(t.LuaUnit.run())
