/* What keeps a network from being freed or remade, and a plan's input lent, until it is closed. */
#include "bind/net_objects.h"
#include "core/memory.h"

#define HOLD_CLASS "yolua.hold"

/* Its user value is the plan whose input is lent, where it is. */
typedef struct hold {
    yl_net *net;
    yl_tensor *lent; /* or NULL */
} hold;

/* The numbers go back into the plan, whatever other plans have done to the arena in between. */
static yl_status give_back(yl_plan *plan, yl_tensor *lent)
{
    void *numbers;
    YL_TRY(yl_tensor_data(lent, &numbers));
    return yl_plan_feed(plan, numbers);
}

static yl_status end_hold(lua_State *L, bool closed)
{
    void **box = yl__check_object(L, 1, HOLD_CLASS);
    hold *h = *box;
    yl_status status = YL_OK;
    if (!h) return YL_OK;
    *box = NULL;
    if (h->lent) {
        lua_getiuservalue(L, 1, 1);
        yl__working(L, -1, -1);
        if (closed) status = give_back(yl__check_plan(L, lua_gettop(L)), h->lent);
        yl_tensor_kill(h->lent);
        yl_tensor_release(h->lent);
    }
    yl__net_hold(h->net, -1);
    yl_net_free(h->net);
    yl__free(h);
    return status;
}

static int hold_end(lua_State *L)
{
    yl__check(L, end_hold(L, true));
    return 0;
}

/* One that nobody closed ends without effect. */
static int hold_gone(lua_State *L)
{
    end_hold(L, false);
    return 0;
}

void yl__hold_net(lua_State *L, yl_net *net, yl_tensor *lent)
{
    hold *h;
    void **box = yl__new_object(L, HOLD_CLASS);
    yl__check(L, yl__alloc(1, sizeof *h, &h));
    *h = (hold){net, lent ? yl_tensor_retain(lent) : NULL};
    net->references++;
    yl__net_hold(net, 1);
    *box = h;
}

void yl__bind_hold(lua_State *L)
{
    static const luaL_Reg ends[] = {{"__gc", hold_gone}, {"__close", hold_end}, {"close", hold_end}, {NULL, NULL}};
    yl__class(L, HOLD_CLASS, ends);
}
