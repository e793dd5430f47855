/* Pictures as Lua objects: what bindings of other rooms use to take and give them. */
#ifndef YL_BIND_IMAGE_OBJECTS_H
#define YL_BIND_IMAGE_OBJECTS_H

#include "bind/bind.h"
#include "image/image.h"

#define YL_IMAGE_CLASS "yolua.image"

/* Pushes an empty picture, to be filled in by the callee. */
yl_image *yl__push_image(lua_State *L);
/* The picture at `index`, which must not be closed; NULL where there is no picture. */
yl_image *yl__test_image(lua_State *L, int index);

#endif
