-- No augmentation: the images as they are. A frozen body's output can then be computed once and cached.
return { help = "no augmentation", fields = {} }
