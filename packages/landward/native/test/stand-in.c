/*
 * A stand-in for Node: loads the addon as Node does, gives it the part of Node-API that its functions use, and calls
 * them. Shows that the one binary of an architecture loads and works under another libc, and under emulation, where
 * no Node is at hand. Prints one line for each thing that worked; exits with 1 at the first that did not.
 *
 *   stand-in ADDON [emulated]     `emulated` leaves out what qemu-user cannot do: starting processes, all threads
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <node_api.h>

#include "../apply.h"
#include "../linux.h"

struct property {
  char name[24];
  napi_value value;
};

/* A JavaScript value. Never freed: the process is short. */
struct napi_value__ {
  napi_valuetype type;
  double number;
  void *bytes;
  size_t length;
  napi_callback function;
  size_t count;
  struct property properties[64];
};

struct napi_callback_info__ {
  size_t count;
  napi_value args[8];
};

static const char *thrown;

static napi_value make(napi_valuetype type) {
  napi_value value = calloc(1, sizeof *value);
  if (!value) abort();
  value->type = type;
  return value;
}

static napi_value number(double value) {
  napi_value made = make(napi_number);
  made->number = value;
  return made;
}

#define ENV(name) napi_status name(napi_env env
#define USED (void)env

ENV(napi_get_cb_info), napi_callback_info info, size_t *count, napi_value *args, napi_value *receiver, void **data) {
  USED, (void)receiver, (void)data;
  for (size_t i = 0; i < *count; i++) args[i] = i < info->count ? info->args[i] : make(napi_undefined);
  return napi_ok;
}
ENV(napi_typeof), napi_value value, napi_valuetype *type) { return USED, *type = value->type, napi_ok; }
ENV(napi_get_value_double), napi_value value, double *to) { return USED, *to = value->number, napi_ok; }
ENV(napi_get_value_int32), napi_value value, int32_t *to) { return USED, *to = (int32_t)value->number, napi_ok; }
ENV(napi_get_value_uint32), napi_value value, uint32_t *to) { return USED, *to = (uint32_t)value->number, napi_ok; }
ENV(napi_create_int64), int64_t value, napi_value *to) { return USED, *to = number((double)value), napi_ok; }
ENV(napi_create_object), napi_value *to) { return USED, *to = make(napi_object), napi_ok; }
ENV(napi_create_array), napi_value *to) { return USED, *to = make(napi_object), napi_ok; }
ENV(napi_is_typedarray), napi_value value, bool *is) { return USED, *is = value->bytes != 0, napi_ok; }
ENV(napi_is_dataview), napi_value value, bool *is) { return USED, (void)value, *is = false, napi_ok; }
ENV(napi_get_typedarray_info), napi_value value, napi_typedarray_type *type, size_t *length, void **data,
    napi_value *buffer, size_t *offset) {
  USED, (void)buffer, (void)offset;
  *type = napi_uint8_array;
  *length = value->length;
  *data = value->bytes;
  return napi_ok;
}
ENV(napi_create_function), const char *name, size_t length, napi_callback function, void *data, napi_value *to) {
  USED, (void)name, (void)length, (void)data;
  *to = make(napi_function);
  (*to)->function = function;
  return napi_ok;
}
ENV(napi_set_named_property), napi_value object, const char *name, napi_value value) {
  USED;
  struct property *property = &object->properties[object->count++];
  snprintf(property->name, sizeof property->name, "%s", name);
  property->value = value;
  return napi_ok;
}
ENV(napi_set_element), napi_value object, uint32_t index, napi_value value) {
  char name[24];
  snprintf(name, sizeof name, "%u", index);
  return napi_set_named_property(env, object, name, value);
}
ENV(napi_throw_type_error), const char *code, const char *message) {
  return USED, (void)code, thrown = message, napi_ok;
}

/* What the addon links to and this stand-in does not reach. */
#define UNREACHED(name) \
  __asm__(".globl " #name "\n.type " #name ", %function\n.set " #name ", unreached\n");
void unreached(void);
void unreached(void) { fprintf(stderr, "a function was called that the stand-in does not have\n"), abort(); }
UNREACHED(napi_add_async_cleanup_hook) UNREACHED(napi_add_env_cleanup_hook)
UNREACHED(napi_remove_env_cleanup_hook) UNREACHED(napi_async_destroy)
UNREACHED(napi_async_init) UNREACHED(napi_check_object_type_tag)
UNREACHED(napi_close_handle_scope) UNREACHED(napi_create_reference)
UNREACHED(napi_create_string_utf8) UNREACHED(napi_delete_reference)
UNREACHED(napi_fatal_exception) UNREACHED(napi_get_and_clear_last_exception)
UNREACHED(napi_get_dataview_info) UNREACHED(napi_get_global)
UNREACHED(napi_get_reference_value) UNREACHED(napi_get_undefined)
UNREACHED(napi_get_uv_event_loop) UNREACHED(napi_get_value_bigint_int64)
UNREACHED(napi_get_value_bigint_uint64) UNREACHED(napi_get_value_bool)
UNREACHED(napi_make_callback) UNREACHED(napi_open_handle_scope)
UNREACHED(napi_remove_async_cleanup_hook) UNREACHED(napi_throw_error)
UNREACHED(napi_type_tag_object) UNREACHED(napi_unwrap)
UNREACHED(napi_wrap) UNREACHED(uv_handle_size)
UNREACHED(uv_poll_init) UNREACHED(uv_poll_start)
UNREACHED(uv_close) UNREACHED(uv_ref)
UNREACHED(uv_unref) UNREACHED(uv_handle_set_data)
UNREACHED(uv_handle_get_data)

static napi_value property(napi_value object, const char *name) {
  for (size_t i = 0; i < object->count; i++) {
    if (strcmp(object->properties[i].name, name) == 0) return object->properties[i].value;
  }
  fprintf(stderr, "there is no %s\n", name);
  exit(1);
}

static double field(napi_value object, const char *name) { return property(object, name)->number; }

static napi_value call(napi_value module, const char *name, size_t count, napi_value *args) {
  struct napi_callback_info__ info = {.count = count};
  memcpy(info.args, args, count * sizeof *args);
  return property(module, name)->function(0, &info);
}

static void expect(int held, const char *what) {
  if (!held) {
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
  }
  puts(what);
}

/* An image of one step, and room for data behind it. */
struct one {
  struct image header;
  struct step step;
  uint64_t data[8];
};

static napi_value image_of(struct one *one, struct step step) {
  one->header = (struct image){.magic = IMAGE_MAGIC, .version = IMAGE_VERSION, .size = sizeof *one,
                               .steps = offsetof(struct one, step), .step_count = 1,
                               .relocs = offsetof(struct one, data)};
  one->step = step;
  napi_value value = make(napi_object);
  value->bytes = one;
  value->length = sizeof *one;
  return value;
}

static atomic_int waiting;
static atomic_int go;
static atomic_int restricted;

static void *thread(void *unused) {
  (void)unused;
  waiting++;
  while (!go) usleep(1000);
  restricted += prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  return 0;
}

int main(int argc, char **argv) {
  void *addon = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW | RTLD_LOCAL);
  if (!addon) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  napi_value (*init)(napi_env, napi_value) = (napi_value(*)(napi_env, napi_value))dlsym(addon, "napi_register_module_v1");
  int32_t (*version)(void) = (int32_t(*)(void))dlsym(addon, "node_api_module_get_api_version_v1");
  expect(init && version && version() == 8, "loads, for version 8 of Node-API");
  napi_value module = init(0, make(napi_object));
  expect(module && module->count == 18, "has its functions");

  napi_value getpid_args[] = {number(SYS_getpid)};
  expect(call(module, "sys", 1, getpid_args)->number == getpid(), "sys calls the kernel");
  napi_value close_args[] = {number(SYS_close), number(-1)};
  expect(call(module, "sys", 2, close_args)->number == -9, "sys returns -errno");

  static struct one one;
  napi_value getppid = image_of(&one, (struct step){.nr = SYS_getppid, .store = offsetof(struct one, data) + 1});
  expect(field(call(module, "apply", 1, &getppid), "errno") == 0 && *(int32_t *)one.data == (int32_t)syscall(SYS_getppid),
         "apply runs an image and stores its result");
  one.header.magic = 0;
  expect(!call(module, "apply", 1, &getppid) && thrown, "apply refuses what is no image");

  /* An emulator turns vfork into fork and keeps these signals for itself. */
  if (argc > 2 && strcmp(argv[2], "emulated") == 0) return 0;

  char *path = (char *)one.data;
  size_t at = offsetof(struct one, data);
  napi_value start = image_of(&one, (struct step){.nr = SYS_execve, .kinds = 0x111, .args = {at, at + 48, at + 56}});
  memset(one.data, 0, sizeof one.data);
  strcpy(path, "/bin/true");
  napi_value started = call(module, "spawn", 1, &start);
  int status = -1;
  int pid = (int)field(started, "pid");
  expect(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
         "spawn starts a process");
  strcpy(path, "/bin/no-such");
  started = call(module, "spawn", 1, &start);
  expect(field(started, "pid") == -1 && field(started, "step") == 0 && field(started, "errno") == 2,
         "spawn names the step that failed");

  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, thread, 0);
  while (waiting < 4) usleep(1000);
  napi_value nnp[] = {image_of(&one, (struct step){.nr = SYS_prctl, .args = {PR_SET_NO_NEW_PRIVS, 1}}), number(5000)};
  napi_value results = call(module, "applyThreads", 2, nnp);
  expect(results->count == 5, "applyThreads tells of every thread");
  for (size_t i = 0; i < 5; i++) {
    expect(field(results->properties[i].value, "errno") == 0, "applyThreads applies");
  }
  go = 1;
  for (int i = 0; i < 4; i++) pthread_join(threads[i], 0);
  expect(restricted == 4 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "every thread is changed");
  return 0;
}
