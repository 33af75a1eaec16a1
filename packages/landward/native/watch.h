/* Telling JavaScript, on the event loop of its thread, that a pidfd became readable. */
#ifndef LANDWARD_WATCH_H
#define LANDWARD_WATCH_H

#include <node_api.h>

/* The functions `watch`, `watchRef` and `unwatch` of src/kernel/native.ts. */
napi_value watch_start(napi_env env, napi_callback_info info);
napi_value watch_ref(napi_env env, napi_callback_info info);
napi_value watch_stop(napi_env env, napi_callback_info info);

#endif
