/* Reading arguments from JavaScript, and the two errors that a wrong one or a lack of memory becomes. */
#ifndef LANDWARD_ARGS_H
#define LANDWARD_ARGS_H

#include <node_api.h>
#include <stddef.h>
#include <stdint.h>

/* Fills `values` with `count` arguments, missing ones undefined. */
int get_args(napi_env env, napi_callback_info info, napi_value *values, size_t count);

/* The word that a system call takes: a safe integer, a 64-bit integer, the address of memory, 0 for null and undefined. */
int get_word(napi_env env, napi_value value, long *word);

/* The memory of a typed array or DataView. */
int get_bytes(napi_env env, napi_value value, void **data, size_t *length);

napi_value throw_type(napi_env env, const char *message);
napi_value throw_error(napi_env env, const char *message);

#endif
