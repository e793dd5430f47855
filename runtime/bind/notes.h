/* A checkpoint's notes from a Lua table (bind/checkpoint.c). */
#ifndef YL_BIND_NOTES_H
#define YL_BIND_NOTES_H

#include "bind/bind.h"
#include "formats/safetensors.h"

enum { YL__NOTES = 32 };

/* The notes {key = text, ...} of the table at `index`, in the order of their keys; returns how many. The texts are the table's. */
int64_t yl__check_notes(lua_State *L, int index, yl_safetensors_note notes[YL__NOTES]);

#endif
