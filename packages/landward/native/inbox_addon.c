/*
 * The inbox for JavaScript. An inbox is an object that is closed with the environment that
 * made it, at the latest; what its threads still use then is freed by the last of them.
 */

#include "inbox_addon.h"

#include <stdlib.h>

#include "args.h"
#include "inbox.h"
#include "linux.h"

/* Makes sure that what comes back as a handle is one. */
static const napi_type_tag TAG = {0x6c616e6477617264u, 0x696e626f78000001u};

static napi_value number(napi_env env, int64_t value) {
  napi_value result = 0;
  napi_create_int64(env, value, &result);
  return result;
}

/* What a handle wraps. Outlives the inbox, so that closing twice is harmless. */
struct handle {
  napi_env env;
  struct inbox *inbox;
};

static void close_handle(void *data) {
  struct handle *handle = data;
  if (handle->inbox) inbox_close(handle->inbox);
  handle->inbox = 0;
}

static void on_dropped(napi_env env, void *data, void *hint) {
  (void)hint;
  napi_remove_env_cleanup_hook(env, close_handle, data);
  close_handle(data);
  free(data);
}

static struct handle *handle_of(napi_env env, napi_value value) {
  bool is_inbox = false;
  void *handle = 0;
  if (napi_check_object_type_tag(env, value, &TAG, &is_inbox) != napi_ok || !is_inbox) return 0;
  return napi_unwrap(env, value, &handle) == napi_ok ? handle : 0;
}

/* The open inbox that is the first of `count` arguments; 0 with a TypeError thrown. */
static struct inbox *inbox_of(napi_env env, napi_callback_info info, napi_value *args, size_t count) {
  struct handle *handle = get_args(env, info, args, count) ? handle_of(env, args[0]) : 0;
  if (handle && handle->inbox) return handle->inbox;
  throw_type(env, "the first argument is not an open inbox");
  return 0;
}

static int get_words(napi_env env, const napi_value *args, long *words, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!get_word(env, args[i], &words[i])) return 0;
  }
  return 1;
}

napi_value inbox_open_js(napi_env env, napi_callback_info info) {
  napi_value args[3];
  long words[3];
  if (!get_args(env, info, args, 3) || !get_words(env, args, words, 3) || words[0] < 2 || words[0] > 1 << 20 ||
      (words[0] & (words[0] - 1)) != 0 || words[1] < 1 || words[1] > 1 << 20) {
    return throw_type(env, "inboxOpen takes a power of two, a number of threads and a descriptor");
  }
  struct handle *handle = calloc(1, sizeof *handle);
  napi_value object;
  if (!handle || napi_create_object(env, &object) != napi_ok || napi_type_tag_object(env, object, &TAG) != napi_ok) {
    free(handle);
    return throw_error(env, "out of memory");
  }
  long error = inbox_open(&handle->inbox, (uint32_t)words[0], (uint32_t)words[1], (int32_t)words[2]);
  if (error < 0) {
    free(handle);
    return number(env, error);
  }
  if (napi_wrap(env, object, handle, on_dropped, 0, 0) != napi_ok) {
    close_handle(handle);
    free(handle);
    return throw_error(env, "out of memory");
  }
  napi_add_env_cleanup_hook(env, close_handle, handle);
  return object;
}

napi_value inbox_add_js(napi_env env, napi_callback_info info) {
  napi_value args[3];
  long words[2];
  struct inbox *inbox = inbox_of(env, info, args, 3);
  if (!inbox) return 0;
  if (!get_words(env, args + 1, words, 2)) return throw_type(env, "inboxAdd takes a descriptor and a number");
  return number(env, inbox_add(inbox, (int32_t)words[0], (uint32_t)words[1]));
}

napi_value inbox_next_js(napi_env env, napi_callback_info info) {
  napi_value args[3];
  void *to = 0;
  size_t bytes = 0;
  int32_t timeout;
  struct inbox *inbox = inbox_of(env, info, args, 3);
  if (!inbox) return 0;
  if (!get_bytes(env, args[1], &to, &bytes) || (uintptr_t)to % 8 != 0 ||
      napi_get_value_int32(env, args[2], &timeout) != napi_ok) {
    return throw_type(env, "inboxNext takes aligned memory and a number of milliseconds");
  }
  return number(env, inbox_next(inbox, to, (uint32_t)(bytes / sizeof(struct entry)), timeout));
}

napi_value inbox_submit_js(napi_env env, napi_callback_info info) {
  napi_value args[3];
  void *image = 0;
  size_t bytes = 0;
  long flags;
  struct inbox *inbox = inbox_of(env, info, args, 3);
  if (!inbox) return 0;
  if (!get_bytes(env, args[1], &image, &bytes) || !get_word(env, args[2], &flags)) {
    return throw_type(env, "inboxSubmit takes an image and flags");
  }
  long job = jobs_submit(&inbox->jobs, image, bytes, (uint32_t)flags);
  return job == -E_INVAL ? throw_type(env, "the second argument is not a sound image") : number(env, job);
}

napi_value inbox_peek_js(napi_env env, napi_callback_info info) {
  napi_value args[3];
  void *image = 0;
  size_t bytes = 0;
  long job;
  struct inbox *inbox = inbox_of(env, info, args, 3);
  if (!inbox) return 0;
  if (!get_word(env, args[1], &job) || !get_bytes(env, args[2], &image, &bytes)) {
    return throw_type(env, "inboxPeek takes a job and memory");
  }
  return number(env, jobs_peek(&inbox->jobs, (uint32_t)job, image, bytes));
}

/* For the calls that take an inbox and a job. */
static napi_value with_job(napi_env env, napi_callback_info info, long (*function)(struct inbox *inbox, uint32_t job)) {
  napi_value args[2];
  long job;
  struct inbox *inbox = inbox_of(env, info, args, 2);
  if (!inbox) return 0;
  if (!get_word(env, args[1], &job)) return throw_type(env, "the second argument is not a job");
  return number(env, function(inbox, (uint32_t)job));
}

static long forget(struct inbox *inbox, uint32_t job) { return jobs_forget(&inbox->jobs, job); }

napi_value inbox_forget_js(napi_env env, napi_callback_info info) { return with_job(env, info, forget); }

napi_value inbox_cancel_js(napi_env env, napi_callback_info info) { return with_job(env, info, inbox_cancel); }

napi_value inbox_close_js(napi_env env, napi_callback_info info) {
  napi_value args[1];
  struct handle *handle = get_args(env, info, args, 1) ? handle_of(env, args[0]) : 0;
  if (!handle) return throw_type(env, "the first argument is not an inbox");
  close_handle(handle);
  return 0;
}
