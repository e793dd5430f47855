-- AdamW (Loshchilov and Hutter 2019); decay is decoupled.
return {
  help = "AdamW (Loshchilov and Hutter 2019)",
  rule = "adamw",
  fields = {
    { "beta1", "number", 0.9, "", "share of the old first moment that is kept", min = 0, max = 0.99999 },
    { "beta2", "number", 0.999, "", "share of the old second moment that is kept", min = 0, max = 0.999999 },
    { "epsilon", "number", 1e-8, "", "added to the root of the second moment", min = 0, max = 1 },
    { "decay", "number", 5e-4, "", "weight decay; biases and batch-norm are not decayed", min = 0, max = 10,
      aliases = { "weight_decay", "weights_decay", "wd", "l2" } },
  },
}
