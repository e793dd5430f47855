-- The second half of Deep Compression (Han et al. 2016) for a network that is pruned already: its weights are shared, the shared weights
-- trained on, and the result is written and scored. recipes/compress.lua does all of it; this takes what recipes/prune_lenet.lua left, so
-- that one pruning serves several numbers of bits. Results stand in recipes/RESULTS.md.
--
--   yolua tests/bench/lenet_small.lua model=RUN/last-2.safetensors data.root=DIR [share.bits.connected=3] [epochs=3]
local yl = require "yolua"

local o = yl.options({
  data = { name = "mnist" }, batch = 100, epochs = 3, optim = { name = "adam", lr = 1e-5, schedule = "cosine" },
  share = { bits = { conv = 6, connected = 4 } },
}, { "share" })
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load(o)

run:eval("Pruned", net, data:list "test")
yl.train { net = net, data = data, run = run, options = o, yl.share(o.share) }
run:eval("Shared", net, data:list "test")

local file = yl.compress(net, { out = run:path "compressed.safetensors", bits = o.share.bits })
run:say("%s", file)
run:eval("Compressed", yl.load { model = file.file }, data:list "test")
run:report()
