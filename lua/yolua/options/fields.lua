-- The standard fields, in groups that recipes and verbs pick from, so that a key means the same everywhere.
-- What a C struct takes stands in its field table there (options/structs.lua).
local attributes = require "yolua.options.attributes"
local core = require "yolua.core"
local structs = require "yolua.options.structs"

-- groups: those of this file, and those that a folder has in a fields.lua of its own ("data": yolua/data/fields.lua).
local fields = { groups = setmetatable({}, { __index = function(groups, name)
  local found, list = pcall(require, "yolua." .. name .. ".fields")
  if not found and list:find("not found", 1, true) then list = "unknown group of fields " .. name end
  if not found then error(list, 0) end
  groups[name] = list
  return list
end }) }
local groups, struct = fields.groups, structs.field

-- fields.loss: options of the heads' loss that a training may set, the fields of [yolo] with the cfg's values as defaults.
local function loss_fields()
  local wanted, list = {}, {}
  for key in ("iou_loss iou_normalizer obj_normalizer cls_normalizer ignore_thresh iou_thresh truth_thresh label_smooth_eps "
    .. "box_gradient rescore"):gmatch "%S+" do
    wanted[key] = true
  end
  for _, name in ipairs(attributes.names) do wanted[name .. "_weight"] = true end
  for _, field in ipairs(core.layers.fields "yolo") do
    if wanted[field[1]] then
      list[#list + 1] = { field[1], field[2], nil, field[4], field[5], min = field.min, max = field.max, choices = field.choices,
        aliases = field.aliases }
    end
  end
  return list
end

fields.loss = loss_fields()

groups.model = {
  { "cfg", "string", nil, "", "the network, a Darknet cfg file", aliases = { "config_file", "network" } },
  { "weights", "string", nil, "", "its weights: a Darknet file, a PyTorch state dict (.safetensors, .npz), or Keras's weights (.h5)" },
  struct("weights", "partial"),
  { "names", "string", nil, "", "class names: a file with one a line, or coco, kitti, voc", aliases = { "labels_file", "classes" } },
  { "model", "string", nil, "", "a checkpoint, a YAD2K model (.h5), or a bundled network: street, lenet300, lenet5 (instead of cfg ...)",
    aliases = { "checkpoint", "ckpt" } },
  { "require", "list", nil, "", "Lua files to run first, with your own layers (yl.layer)",
    aliases = { "plugins", "plugin", "import", "layers" } },
  { "anchors", "string", nil, "", "with model=FILE.h5: the file of its anchors (default: FILE_anchors.txt)" }, -- training says more, below
}

groups.run = {
  { "config", "string", nil, "", "a YAML file with any of these keys" },
  { "out", "string", nil, "", "run directory (default: runs/NAME, numbered when taken)",
    aliases = { "project", "save_dir", "output", "outdir" } },
  struct("loader", "seed", { help = "seed of the run: new weights, order, augmentation, dropout (data.seed: which frames there are)" }),
  struct("network", "device"),
  { "threads", "int", 0, "", "threads of the CPU kernels; 0: all that the machine has", min = 0, max = 1024 },
  struct("plan", "precision"),
  struct("plan", "tf32"),
  { "json", "bool", false, "", "print one JSON document on standard output" },
}

groups.repeats = {
  { "folds", "list", "none", "", "repeat the run on each of these folds of the data: NAME trains on the split NAME_train, chooses on "
    .. "NAME_pick and is tested on NAME_test; the detections of all tests are pooled", empty = "none",
    aliases = { "kfold", "cv", "fold", "cross_validation" } },
  { "seeds", "int", 1, "runs", "repeat the run with so many seeds, from seed= on; mean and spread are reported", min = 1, max = 1000,
    aliases = { "n_seeds", "repeats" } },
  { "dry_run", "bool", false, "", "tell what the recipe would do, and what time, memory and disk that would take; train nothing",
    aliases = { "dry", "plan" } },
  { "jobs", "int", 1, "runs", "folds=, seeds=: how many run at a time", min = 1, max = 1024, aliases = { "n_jobs", "parallel" } },
}

-- A field that counts only with certain values of another option, needs = {key, value, ...} (without values: where that is given). Its
-- help begins with them, and where they are not there it is refused (prune/settings.lua).
local function only(needs, field)
  field.needs = needs
  field[5] = needs[1] .. "=" .. table.concat(needs, ", ", 2) .. ": " .. field[5]
  return field
end

groups.prune = {
  { "score", "string", "magnitude", "", "what is small goes: magnitude, lamp, taylor, movement, snip, random; of channels also filter_l1, "
    .. "filter_l2, bn_scale, taylor_channel, geometric_median (from Lua also your own)",
    lua = true, aliases = { "criterion", "importance" } },
  { "scope", "string", "global", "", "one threshold for all (global), each layer alike (layer), all but the first (uniform), by their "
    .. "sizes (erk), or as a scan of each says (sensitivity)" },
  { "pattern", "string", "none", "", "where zeros may stand: none (anywhere), N:M (2:4), block, kernel, channel (whole channels, which "
    .. "compact takes away)" },
  only({ "pattern", "channel" }, struct("compact", "round_to", { help = "a layer that loses channels keeps a multiple of it" })),
  only({ "pattern", "channel" }, struct("compact", "min_channels", { help = "and at least so many, or all that it has" })),
  { "bn_decay", "number", 0, "", "pull of batch-norm's scales towards zero while it trains (score=bn_scale): its subgradient, "
    .. "bn_decay * sign(scale), is added to theirs", min = 0, max = 1, aliases = { "sparsity_penalty", "slimming" } },
  { "recalibrate", "int", 0, "frames", "pictures over which batch-norm's statistics are estimated anew after each cut; 0: they stay",
    min = 0 },
  only({ "pattern", "block" }, { "block", "numbers", { 8, 1 }, "channels", "its size, OUT,IN", min = 1 }),
  only({ "pattern", "kernel" }, { "entries", "int", 3, "", "what stays of a 3x3 kernel", min = 2, max = 3 }),
  { "target", "table", main = "sparsity", help = "how far to prune", fields = {
    { "sparsity", "number", nil, "", "share of zeros among the prunable numbers, 0 to below 1 (default .9); with schedule=FILE.lua what "
      .. "it reads as s.target",
      aliases = { "amount", "ratio" } },
    { "flops", "number", nil, "FLOPs", "instead of a sparsity: of one image without zero weights; below 1: a share of the dense "
      .. "network's" },
    { "ms", "number", nil, "ms", "instead of a sparsity, with pattern=channel: of a forward pass over one image, as measured here, or by "
      .. "target.table", min = 0 },
    { "table", "string", nil, "", "another device's milliseconds of each layer of the dense network, a JSON file as `yolua bench "
      .. "layers=true json=true` prints it there" },
  } },
  { "schedule", "string", "cubic", "", "cubic, linear, poster, oneshot, sensitivity, or FILE.lua, which returns a function of the state "
    .. "(from Lua also the function)", lua = true },
  only({ "schedule", "poster", "FILE.lua" }, { "step", "number", 0.02, "", "the share of what is left that goes in each round "
    .. "(s.options.step in a file)", min = 0, max = 1 }),
  { "rounds", "int", 10, "rounds", "how many rounds of cutting and retraining", min = 1, max = 1000000 },
  { "hold", "int", 0, "rounds", "of these the last ones, which only retrain", min = 0 },
  { "keep", "numbers", nil, "", "sparsities that the rounds meet exactly; the network of each is kept as sparsity-PERCENT.safetensors",
    aliases = { "milestones", "snapshots" } },
  { "max_drop", "number", nil, "", "the gate: how far the mean AP may fall below the dense network's, judged on data.pick (else dev)",
    min = 0, max = 1 },
  only({ "max_drop" }, { "gate", "enum", "stop", "", "what a larger drop does, with the network before the cut: end there, cut half as "
    .. "much, or retrain twice as long", choices = { "stop", "halve", "backoff" } }),
  { "judge", "enum", "voc", "", "the protocol that rounds are scored by; none: the dev loss only", choices = { "voc", "kitti", "coco",
    "poster", "none" } },
  { "rewind", "enum", "none", "", "after each cut: lr: the learning-rate schedule begins again; weights: that, and what is left gets its "
    .. "values of rewind_epoch again", choices = { "none", "lr", "weights" } },
  only({ "rewind", "weights" }, { "rewind_epoch", "int", 0, "epochs", "after which epoch, which is before the first cut", min = 0 }),
  only({ "score", "taylor", "snip", "taylor_channel" }, { "probe", "int", 8, "batches", "how many batches its gradients are of", min = 1 }),
  { "masks", "enum", "hold", "", "hold: zeros stay zero; to see what goes wrong otherwise: gradient (only their gradients are masked, so "
    .. "that moments move them), once (they are set to zero and trained on)", choices = { "hold", "gradient", "once" } },
  { "only", "list", nil, "", "prune these: parameters or layers with globs, or head, bn, bias (default: all weights but heads')" },
  { "also", "list", nil, "", "prune these besides" },
  { "except", "list", nil, "", "but not these", aliases = { "ignore", "exclude" } },
  { "dense", "int", nil, "epochs", "training before the first cut (default 0; one round for score=movement, rewind=weights)", min = 0 },
  { "epochs", "number", 1, "epochs", "how long each round retrains; parts of an epoch too", min = 0,
    aliases = { "n_epochs", "num_epochs", "max_epochs" } },
}

groups.size = {
  { "imgsz", "size", nil, "px", "input size, width first: 416x128, [416,128] or 416 (default: what the checkpoint was "
    .. "trained at, or the cfg's)", min = 8, max = 8192,
    aliases = { "img_size", "imgsize", "image_size", "size", "img", "input_size" } },
}

groups.optim = {
  { "optim", "table", variants = "yolua.optim", help = "the optimizer and the learning-rate schedule", fields = {
    { "name", "string", "sgd", "", "which optimizer: sgd, adam, ...", aliases = { "optimizer" } },
    struct("step", "lr"),
    { "schedule", "enum", "constant", "", "learning-rate schedule (from Lua also a function)", lua = true,
      choices = { "constant", "steps", "cosine" },
      aliases = { "policy", "cos_lr", "scheduler", "lr_scheduler" } },
    { "warmup", "int", 0, "steps", "steps of warm-up: lr * (step / warmup)^power", min = 0,
      aliases = { "burn_in", "warmup_epochs", "warmup_steps" } },
    { "power", "number", 4, "", "exponent of the warm-up", min = 0, max = 16 },
    { "steps", "numbers", { 0.8, 0.9 }, "", "schedule=steps: shares of the run after which the rate drops", min = 0, max = 1 },
    { "gamma", "number", 0.1, "", "schedule=steps: factor of each drop", min = 0, max = 1 },
    { "final", "number", 0.01, "", "schedule=cosine: the last rate as a share of the first", min = 0, max = 1, aliases = { "lrf" } },
  } },
}

groups.augment = {
  { "augment", "table", variants = "yolua.augment", help = "random changes of the training images", fields = {
    { "name", "string", "none", "", "which augmentations: none, standard" },
  } },
}

groups.suppression = structs.pick("detect", "iou", "nms", "vote") -- how overlapping boxes become one

groups.distill = {
  { "distill", "table", help = "a teacher, another network whose answers are targets beside the labels", fields = {
    { "teacher", "string", nil, "", "its checkpoint: the same classes, anchors and cells", aliases = { "from" } },
    struct("distill", "heads", { key = "weight" }),
    struct("distill", "temperature"),
    { "features", "list", "none", "", "layers whose outputs are compared too: none, or names with globs (conv*.act)", empty = "none",
      aliases = { "hint", "hints" } },
    struct("distill", "features", { key = "feature_weight" }),
  } },
}

local BITS = "of a code in %s: 2^bits different weights in a layer, zero among them"

groups.sharing = {
  { "bits", "table", help = "how many different weights a layer keeps", fields = {
    struct("codebook", "bits", { key = "conv", default = 8, help = BITS:format "a convolution" }),
    struct("codebook", "bits", { key = "connected", default = 5, help = BITS:format "a connected layer" }),
  } },
  struct("codebook", "start"), struct("codebook", "iterations"), struct("codebook", "seed"),
  { "except", "list", nil, "", "layers or parameters, with globs, whose weights are not shared", aliases = { "ignore", "exclude" } },
}

groups.share = {
  { "share", "table", help = "weights that share their values", fields = groups.sharing },
}

groups.protocols = {
  struct("kitti", "curves"),
  { "voc", "table", help = "options of the voc protocol", fields = structs.fields "voc" },
  { "coco", "table", help = "options of the coco protocol", fields = structs.fields "coco" },
  { "poster", "table", help = "options of the poster's metric", fields = { struct("poster", "variant"), struct("classes", "classes") } },
}

fields.recipe = { "model", "data", "size", "train", "optim", "augment", "eval", "protocols", "run", "repeats", "sandbox" }

-- Which of them decide what a training gives.
fields.deciding = { "epochs", "batch", "subdivisions", "freeze", "anchors", "loss", "attributes", "regions", "statistics", "deterministic",
  "ema", "clip", "patience", "multiscale", "optim", "augment", "resize", "seed", "precision", "tf32", "loss_scale", "loss_scale_steps",
  "imgsz", "score", "scope", "pattern", "block", "entries", "target", "schedule", "step", "rounds", "hold", "keep", "max_drop", "gate",
  "judge", "rewind", "rewind_epoch", "probe", "masks", "only", "also", "except", "dense" }

-- A list of group names and fields (as a verb gives it) as one list of fields; a later one takes the place of one with its key.
function fields.get(list)
  local flat, place = {}, {}
  for _, item in ipairs(list) do
    for _, field in ipairs(type(item) == "string" and groups[item] or { item }) do
      place[field[1]] = place[field[1]] or #flat + 1
      flat[place[field[1]]] = field
    end
  end
  return flat
end

-- One field of a group, for a verb that takes no more of it.
function fields.pick(group, key)
  for _, known in ipairs(groups[group]) do
    if known[1] == key then return known end
  end
  error(("unknown field %s.%s"):format(group, key), 2)
end

function fields.all() return fields.get(fields.recipe) end

return fields
