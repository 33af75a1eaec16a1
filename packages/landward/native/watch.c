/*
 * A watch on a pidfd. See watch.h.
 *
 * Uses the poll handle of the libuv that Node exports, declared here because its headers are not part of Node-API; what
 * is used has been the same in all of libuv 1. A watch is freed when libuv has closed it and JavaScript has
 * dropped it, whichever is later.
 */

#include "watch.h"

#include <stdlib.h>

#include "args.h"

typedef struct uv_poll_s uv_poll_t;
typedef struct uv_handle_s uv_handle_t;
extern size_t uv_handle_size(int type);
extern int uv_poll_init(void *loop, uv_poll_t *poll, int fd);
extern int uv_poll_start(uv_poll_t *poll, int events, void (*ready)(uv_poll_t *poll, int status, int events));
extern void uv_close(uv_handle_t *handle, void (*closed)(uv_handle_t *handle));
extern void uv_ref(uv_handle_t *handle);
extern void uv_unref(uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void *uv_handle_get_data(const uv_handle_t *handle);
#define UV_POLL_HANDLE 8
#define UV_READABLE_EVENT 1

struct watch {
  napi_env env;
  uv_poll_t *poll;
  napi_ref callback;
  napi_async_context context;
  napi_async_cleanup_hook_handle cleanup;
  int closing;
  int closed;
  int dropped;
};

/* Makes sure that what comes back as a handle is one. */
static const napi_type_tag TAG = {0x6c616e6477617264u, 0x7761746368000001u};

static void free_when_over(struct watch *watch) {
  if (!watch->closed || !watch->dropped) return;
  free(watch->poll);
  free(watch);
}

static void on_closed(uv_handle_t *handle) {
  struct watch *watch = uv_handle_get_data(handle);
  watch->closed = 1;
  if (watch->cleanup) napi_remove_async_cleanup_hook(watch->cleanup);
  free_when_over(watch);
}

static void close_watch(struct watch *watch) {
  if (watch->closing) return;
  watch->closing = 1;
  napi_delete_reference(watch->env, watch->callback);
  napi_async_destroy(watch->env, watch->context);
  uv_close((uv_handle_t *)watch->poll, on_closed);
}

/* The environment (a worker, say) ends: waits for libuv through `on_closed`. */
static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  struct watch *watch = data;
  close_watch(watch);
}

static void on_dropped(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  struct watch *watch = data;
  watch->dropped = 1;
  free_when_over(watch);
}

static void on_ready(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  struct watch *watch = uv_handle_get_data((uv_handle_t *)poll);
  napi_env env = watch->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback;
  napi_value receiver;
  napi_get_reference_value(env, watch->callback, &callback);
  napi_get_undefined(env, &receiver);
  napi_async_context context = watch->context;
  /* Once only: the handle is closed before JavaScript runs, but its context lives on through the call. */
  watch->closing = 1;
  napi_delete_reference(env, watch->callback);
  uv_close((uv_handle_t *)poll, on_closed);
  napi_get_global(env, &receiver);
  if (napi_make_callback(env, context, receiver, callback, 0, 0, 0) == napi_pending_exception) {
    napi_value thrown;
    napi_get_and_clear_last_exception(env, &thrown);
    napi_fatal_exception(env, thrown);
  }
  napi_async_destroy(env, context);
  napi_close_handle_scope(env, scope);
}

static napi_value fail(napi_env env, struct watch *watch, const char *message) {
  if (watch) {
    if (watch->callback) napi_delete_reference(env, watch->callback);
    if (watch->context) napi_async_destroy(env, watch->context);
    free(watch->poll);
    free(watch);
  }
  return throw_error(env, message);
}

napi_value watch_start(napi_env env, napi_callback_info info) {
  napi_value args[2];
  int32_t fd;
  napi_valuetype type = napi_undefined;
  if (!get_args(env, info, args, 2) || napi_get_value_int32(env, args[0], &fd) != napi_ok ||
      napi_typeof(env, args[1], &type) != napi_ok || type != napi_function) {
    return throw_type(env, "watch takes a descriptor and a function");
  }
  void *loop;
  if (napi_get_uv_event_loop(env, (struct uv_loop_s **)&loop) != napi_ok) return throw_error(env, "no event loop");

  struct watch *watch = calloc(1, sizeof *watch);
  if (!watch) return throw_error(env, "out of memory");
  watch->env = env;
  watch->poll = calloc(1, uv_handle_size(UV_POLL_HANDLE));
  if (!watch->poll) return fail(env, watch, "out of memory");

  napi_value name;
  napi_value handle;
  if (napi_create_string_utf8(env, "landward.watch", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_object(env, &handle) != napi_ok ||
      napi_async_init(env, 0, name, &watch->context) != napi_ok ||
      napi_create_reference(env, args[1], 1, &watch->callback) != napi_ok ||
      napi_type_tag_object(env, handle, &TAG) != napi_ok) {
    return fail(env, watch, "watch cannot be made");
  }
  if (uv_poll_init(loop, watch->poll, fd) != 0) return fail(env, watch, "descriptor cannot be watched");
  uv_handle_set_data((uv_handle_t *)watch->poll, watch);
  int started = uv_poll_start(watch->poll, UV_READABLE_EVENT, on_ready) == 0;
  if (!started || napi_wrap(env, handle, watch, on_dropped, 0, 0) != napi_ok) {
    watch->dropped = 1;
    close_watch(watch);
    return throw_error(env, "descriptor cannot be watched");
  }
  napi_add_async_cleanup_hook(env, on_cleanup, watch, &watch->cleanup);
  return handle;
}

static struct watch *watch_of(napi_env env, napi_value handle) {
  bool is_watch = false;
  void *watch = 0;
  if (napi_check_object_type_tag(env, handle, &TAG, &is_watch) != napi_ok || !is_watch) return 0;
  return napi_unwrap(env, handle, &watch) == napi_ok ? watch : 0;
}

napi_value watch_ref(napi_env env, napi_callback_info info) {
  napi_value args[2];
  bool ref;
  struct watch *watch = get_args(env, info, args, 2) ? watch_of(env, args[0]) : 0;
  if (!watch || napi_get_value_bool(env, args[1], &ref) != napi_ok) {
    return throw_type(env, "watchRef takes a watch and a boolean");
  }
  if (!watch->closing) (ref ? uv_ref : uv_unref)((uv_handle_t *)watch->poll);
  return 0;
}

napi_value watch_stop(napi_env env, napi_callback_info info) {
  napi_value args[1];
  struct watch *watch = get_args(env, info, args, 1) ? watch_of(env, args[0]) : 0;
  if (!watch) return throw_type(env, "unwatch takes a watch");
  close_watch(watch);
  return 0;
}
