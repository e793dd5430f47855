-- AdamW (Loshchilov and Hutter 2019); decay is decoupled.
return {
  help = "AdamW (Loshchilov and Hutter 2019); its decay is decoupled",
  rule = "adamw", slabs = { "adam_m", "adam_v" },
  fields = require("yolua.options.structs").pick("step", "beta1", "beta2", "epsilon", "decay"),
}
