/* Reading arguments from JavaScript. See args.h. */

#include "args.h"

#define LAST_SAFE_INTEGER 9007199254740991.0

int get_args(napi_env env, napi_callback_info info, napi_value *values, size_t count) {
  size_t filled = count;
  return napi_get_cb_info(env, info, &filled, values, 0, 0) == napi_ok;
}

static int get_number(napi_env env, napi_value value, long *word) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return 0;
  if (!(number >= -LAST_SAFE_INTEGER && number <= LAST_SAFE_INTEGER)) return 0;
  *word = (long)number;
  return (double)*word >= number && (double)*word <= number;
}

/* Takes -2^63 to 2^64 - 1: a mask may have its highest bit set. */
static int get_bigint(napi_env env, napi_value value, long *word) {
  int64_t narrow;
  uint64_t wide;
  bool exact = false;
  if (napi_get_value_bigint_int64(env, value, &narrow, &exact) == napi_ok && exact) {
    *word = (long)narrow;
    return 1;
  }
  if (napi_get_value_bigint_uint64(env, value, &wide, &exact) == napi_ok && exact) {
    *word = (long)wide;
    return 1;
  }
  return 0;
}

int get_bytes(napi_env env, napi_value value, void **data, size_t *length) {
  static const uint8_t widths[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};
  bool is = false;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) {
    napi_typedarray_type type;
    size_t count;
    if (napi_get_typedarray_info(env, value, &type, &count, data, 0, 0) != napi_ok) return 0;
    if ((size_t)type >= sizeof widths) return 0;
    *length = count * widths[type];
    return 1;
  }
  if (napi_is_dataview(env, value, &is) == napi_ok && is) {
    return napi_get_dataview_info(env, value, length, data, 0, 0) == napi_ok;
  }
  return 0;
}

int get_word(napi_env env, napi_value value, long *word) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok) return 0;
  if (type == napi_number) return get_number(env, value, word);
  if (type == napi_bigint) return get_bigint(env, value, word);
  if (type == napi_undefined || type == napi_null) {
    *word = 0;
    return 1;
  }
  void *data = 0;
  size_t length = 0;
  if (type != napi_object || !get_bytes(env, value, &data, &length)) return 0;
  *word = (long)(uintptr_t)data;
  return 1;
}

napi_value throw_type(napi_env env, const char *message) {
  napi_throw_type_error(env, 0, message);
  return 0;
}

napi_value throw_error(napi_env env, const char *message) {
  napi_throw_error(env, 0, message);
  return 0;
}
