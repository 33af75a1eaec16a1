/*
 * The addon: src/kernel/native.ts in C. One job a function; no policy, no defaults, no messages beyond a wrong type.
 * What the kernel refuses is returned, never thrown.
 */

#include <node_api.h>

#include "apply.h"
#include "args.h"
#include "inbox_addon.h"
#include "linux.h"
#include "memory_addon.h"
#include "spawn.h"
#include "threads.h"
#include "watch.h"

static napi_value number(napi_env env, int64_t value) {
  napi_value result = 0;
  napi_create_int64(env, value, &result);
  return result;
}

static void put(napi_env env, napi_value object, const char *name, int32_t value) {
  napi_set_named_property(env, object, name, number(env, value));
}

static napi_value call(napi_env env, napi_callback_info info) {
  napi_value args[7];
  long words[7];
  if (!get_args(env, info, args, 7)) return throw_type(env, "sys takes a number and up to six arguments");
  for (unsigned int i = 0; i < 7; i++) {
    if (get_word(env, args[i], &words[i])) continue;
    return throw_type(env, "a system call takes integers, bigints of 64 bits, typed arrays and null");
  }
  return number(env, sys(words[0], words[1], words[2], words[3], words[4], words[5], words[6]));
}

/* The image that is the first argument, or 0 with a TypeError thrown. */
static void *get_image(napi_env env, napi_value value) {
  void *image = 0;
  size_t length = 0;
  if (get_bytes(env, value, &image, &length) && image_is_sound(image, length)) return image;
  throw_type(env, "the first argument is not a sound image");
  return 0;
}

static napi_value applied_object(napi_env env, struct applied applied) {
  napi_value result = 0;
  napi_create_object(env, &result);
  put(env, result, "step", applied.step);
  put(env, result, "errno", applied.error);
  return result;
}

static napi_value apply(napi_env env, napi_callback_info info) {
  napi_value args[1];
  void *image = get_args(env, info, args, 1) ? get_image(env, args[0]) : 0;
  return image ? applied_object(env, image_apply(image)) : 0;
}

static napi_value spawn(napi_env env, napi_callback_info info) {
  napi_value args[1];
  void *image = get_args(env, info, args, 1) ? get_image(env, args[0]) : 0;
  if (!image) return 0;
  if (!image_ends_in_exec(image)) return throw_type(env, "an image to spawn ends in execve");
  struct spawned spawned = spawn_image(image);
  napi_value result = applied_object(env, (struct applied){.step = spawned.step, .error = spawned.error});
  put(env, result, "pid", spawned.pid);
  put(env, result, "pidfd", spawned.pidfd);
  return result;
}

struct receiver {
  napi_env env;
  napi_value array;
};

static void receive(void *context, const struct thread_result *results, uint32_t count) {
  struct receiver *receiver = context;
  for (uint32_t i = 0; i < count; i++) {
    struct applied applied = {.step = results[i].step, .error = results[i].error};
    napi_value result = applied_object(receiver->env, applied);
    put(receiver->env, result, "tid", results[i].tid);
    napi_set_element(receiver->env, receiver->array, i, result);
  }
}

static napi_value apply_threads(napi_env env, napi_callback_info info) {
  napi_value args[2];
  uint32_t timeout_ms;
  if (!get_args(env, info, args, 2)) return 0;
  const void *image = get_image(env, args[0]);
  if (!image) return 0;
  if (napi_get_value_uint32(env, args[1], &timeout_ms) != napi_ok) {
    return throw_type(env, "the second argument is not a number of milliseconds");
  }
  struct receiver receiver = {.env = env};
  if (napi_create_array(env, &receiver.array) != napi_ok) return 0;
  threads_apply(image, timeout_ms, receive, &receiver);
  return receiver.array;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback function;
  } functions[] = {
      {"sys", call},         {"apply", apply},        {"spawn", spawn},        {"applyThreads", apply_threads},
      {"watch", watch_start}, {"watchRef", watch_ref}, {"unwatch", watch_stop},
      {"readMemory", read_memory_js}, {"readString", read_string_js}, {"writeMemory", write_memory_js},
      {"inboxOpen", inbox_open_js}, {"inboxAdd", inbox_add_js}, {"inboxNext", inbox_next_js},
      {"inboxSubmit", inbox_submit_js}, {"inboxPeek", inbox_peek_js}, {"inboxForget", inbox_forget_js},
      {"inboxCancel", inbox_cancel_js}, {"inboxClose", inbox_close_js},
  };
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, 0, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok) {
      return 0;
    }
  }
  return exports;
}
