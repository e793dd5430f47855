-- Options of a training.
local attributes = require "yolua.options.attributes"
local fields = require "yolua.options.fields"
local structs = require "yolua.options.structs"

return {
  { "epochs", "int", 5, "epochs", "how long to train", min = 0, max = 1000000, aliases = { "n_epochs", "num_epochs", "max_epochs" } },
  structs.field("loader", "batch", { help = "images per optimizer step" }),
  structs.field("loader", "parts", { key = "subdivisions" }),
  { "freeze", "list", "none", "", "none, body, or layer names with globs (conv1*); thaw: also train what stopbackward in the cfg freezes",
    empty = "none", aliases = { "frozen", "freeze_layers" } },
  { "anchors", "enum", "cfg", "", "of the heads, while training: cfg: as they are; predicted: the same without those that no head "
    .. "predicts, whose objects are background otherwise; all: these get rows of their own, where a recipe makes a new head; auto: fitted "
    .. "to the training boxes at the input's size; with model=FILE.h5 also the file of its anchors, which stay as they are",
    choices = { "cfg", "predicted", "all", "auto" }, file = true,
    aliases = { "autoanchor", "auto_anchor", "noautoanchor" } },
  { "attributes", "flags", nil, "", "what a new head predicts beside box and class, from labels that the data must have "
    .. "(default: what the old one does)", choices = attributes.names, aliases = { "extra_labels" } },
  { "loss", "table", help = "options of the heads' loss (default: what the cfg says)", fields = fields.loss },
  { "regions", "bool", true, "", "regions that the class map calls ignore forgive what is found in them; false: they are background",
    aliases = { "ignore_regions", "dontcare" } },
  { "statistics", "enum", "batch", "", "what batch-norm uses while it trains: the batch's own statistics (of several ranks each its "
    .. "share's), those of all ranks' images (sync), or the running ones that were loaded, which stay",
    choices = { "batch", "running", "sync" }, aliases = { "bn", "batchnorm", "freeze_bn", "bn_eval", "norm_eval", "sync_bn" } },
  { "deterministic", "bool", false, "", "the same bits by any number of ranks, which share the parts of a batch (yolua help mpi)" },
  structs.field("plan", "recompute", { help = "activations that backward computes once more instead of keeping them, with the same "
    .. "result: off, elementwise (batch-norms with their activations: the default on the CPU), auto (all that cost little), or the "
    .. "most MiB that the training may take: then as few as that needs" }),
  structs.field("step", "ema"), structs.field("step", "clip"),
  structs.field("forward", "loss_scale", { default = structs.NONE, help = "precision=f16: what the gradient is multiplied by at first, a "
    .. "power of two; a step whose gradient is not finite is left out and halves it (default: 65536)" }),
  { "loss_scale_steps", "int", nil, "steps", "so many good ones in a row double it (default: 2000)", min = 1,
    aliases = { "growth_interval" } },
  { "patience", "int", 0, "epochs", "stop after so many epochs without improvement; 0: never", min = 0, aliases = { "early_stop" } },
  { "multiscale", "bool", false, "", "choose a new random input size every few batches", aliases = { "multi_scale", "random" } },
  { "tensorboard", "bool", false, "", "also write each epoch's numbers as a TensorBoard event file", aliases = { "tb" } },
  { "serve", "string", nil, "[ADDRESS:]PORT", "show the training on a page while it runs: 8080 is http://127.0.0.1:8080/" },
  { "resume", "string", nil, "", "continue the run in this directory (yolua help mpi: also by another number of ranks)" },
}
