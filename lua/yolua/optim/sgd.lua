-- Stochastic gradient descent with momentum (Sutskever et al. 2013); decay is decoupled and acts on weights only.
return {
  help = "SGD with momentum; its decay is decoupled",
  rule = "sgd", slabs = { "momentum" },
  fields = require("yolua.options.structs").pick("step", "momentum", "decay", "nesterov"),
}
