-- Adam (Kingma and Ba 2015); decay goes through the gradient.
return {
  help = "Adam (Kingma and Ba 2015); its decay goes through the gradient",
  rule = "adam",
  fields = require("yolua.options.structs").pick("step", "beta1", "beta2", "epsilon", "decay"),
}
