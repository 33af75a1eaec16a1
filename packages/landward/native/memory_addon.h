/* The memory of other processes as functions of src/kernel/native.ts. */
#ifndef LANDWARD_MEMORY_ADDON_H
#define LANDWARD_MEMORY_ADDON_H

#include <node_api.h>

napi_value read_memory_js(napi_env env, napi_callback_info info);
napi_value read_string_js(napi_env env, napi_callback_info info);
napi_value write_memory_js(napi_env env, napi_callback_info info);

#endif
