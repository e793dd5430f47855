-- Stochastic gradient descent with momentum (Sutskever et al. 2013); decay is decoupled and acts on weights only.
return {
  help = "SGD with momentum",
  rule = "sgd",
  fields = {
    { "momentum", "number", 0.9, "", "share of the old velocity that is kept", min = 0, max = 0.9999 },
    { "decay", "number", 5e-4, "", "weight decay, decoupled; biases and batch-norm are not decayed", min = 0, max = 10,
      aliases = { "weight_decay", "weights_decay", "wd", "l2" } },
    { "nesterov", "bool", false, "", "look ahead along the velocity" },
  },
}
