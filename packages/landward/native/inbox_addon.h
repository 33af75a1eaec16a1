/* The inbox as functions of src/kernel/native.ts. */
#ifndef LANDWARD_INBOX_ADDON_H
#define LANDWARD_INBOX_ADDON_H

#include <node_api.h>

napi_value inbox_open_js(napi_env env, napi_callback_info info);
napi_value inbox_add_js(napi_env env, napi_callback_info info);
napi_value inbox_next_js(napi_env env, napi_callback_info info);
napi_value inbox_submit_js(napi_env env, napi_callback_info info);
napi_value inbox_peek_js(napi_env env, napi_callback_info info);
napi_value inbox_forget_js(napi_env env, napi_callback_info info);
napi_value inbox_cancel_js(napi_env env, napi_callback_info info);
napi_value inbox_close_js(napi_env env, napi_callback_info info);

#endif
