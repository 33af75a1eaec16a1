/* The memory of other processes for JavaScript: a thread, an address, memory of ours and how much of it. */

#include "memory_addon.h"

#include "args.h"
#include "memory.h"

typedef long transfer(int32_t pid, uint64_t address, void *memory, size_t bytes);

static napi_value with_memory(napi_env env, napi_callback_info info, transfer *function) {
  napi_value args[4];
  int32_t pid;
  long address;
  long wanted;
  void *memory = 0;
  size_t bytes = 0;
  if (!get_args(env, info, args, 4) || napi_get_value_int32(env, args[0], &pid) != napi_ok ||
      !get_word(env, args[1], &address) || !get_bytes(env, args[2], &memory, &bytes) ||
      !get_word(env, args[3], &wanted) || wanted < 0 || (size_t)wanted > bytes) {
    return throw_type(env, "memory is asked for by a thread, an address, a typed array and a count within it");
  }
  napi_value result = 0;
  napi_create_int64(env, function(pid, (uint64_t)address, memory, (size_t)wanted), &result);
  return result;
}

static long write_memory(int32_t pid, uint64_t address, void *from, size_t bytes) {
  return memory_write(pid, address, from, bytes);
}

napi_value read_memory_js(napi_env env, napi_callback_info info) { return with_memory(env, info, memory_read); }

napi_value read_string_js(napi_env env, napi_callback_info info) { return with_memory(env, info, memory_read_string); }

napi_value write_memory_js(napi_env env, napi_callback_info info) { return with_memory(env, info, write_memory); }
