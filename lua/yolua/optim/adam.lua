-- Adam (Kingma and Ba 2015); decay goes through the gradient.
return {
  help = "Adam (Kingma and Ba 2015); its decay goes through the gradient",
  rule = "adam", slabs = { "adam_m", "adam_v" },
  fields = require("yolua.options.structs").pick("step", "beta1", "beta2", "epsilon", "decay"),
}
