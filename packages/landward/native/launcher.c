/*
 * The compiled launcher: applies the image that it carries and becomes the program. A static executable without libc,
 * because all it does is system calls. Owns the start alone; what is applied was decided when it was written.
 *
 * Exits with 125 when it could not set up, 126 when the program could not be executed, 127 when it was not found.
 */

#include "apply.h"
#include "environment.h"
#include "freestanding.h"
#include "launch.h"
#include "linux.h"

#define EXIT_SETUP 125
#define EXIT_NOT_EXECUTABLE 126
#define EXIT_NOT_FOUND 127
#define PATH_BYTES 4096
#define STANDARD_PATH "/usr/local/bin:/usr/bin:/bin"
#define SHELL "/bin/sh"

static size_t length_of(const char *text) { return (size_t)(next_text(text) - text) - 1; }

struct message {
  char text[512];
  size_t used;
};

/* Control characters become question marks: the text may come from whoever starts the launcher. */
static void say(struct message *message, const char *text) {
  for (; *text && message->used < sizeof message->text - 1; text++) {
    unsigned char c = (unsigned char)*text;
    message->text[message->used++] = (char)(c < 32 || c >= 127 ? '?' : c);
  }
}

static void say_number(struct message *message, uint32_t value) {
  char digits[12];
  size_t at = sizeof digits - 1;
  digits[at] = 0;
  do digits[--at] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  say(message, digits + at);
}

static void __attribute__((noreturn)) stop(int status, const char *what, const char *part, uint32_t error) {
  struct message message = {.used = 0};
  say(&message, "landward: ");
  say(&message, what);
  say(&message, part);
  if (error != 0) {
    say(&message, ": errno ");
    say_number(&message, error);
  }
  message.text[message.used++] = '\n';
  sys(NR_write, 2, (long)message.text, (long)message.used, 0, 0, 0);
  sys(NR_exit_group, status, 0, 0, 0, 0, 0);
  __builtin_unreachable();
}

static void __attribute__((noreturn)) stop_at_exec(const char *program, uint32_t error) {
  if (error == E_NOENT || error == E_NOTDIR) stop(EXIT_NOT_FOUND, "not found: ", program, 0);
  stop(EXIT_NOT_EXECUTABLE, "cannot be executed: ", program, error);
}

/*
 * Becomes the file, or returns an errno. A script without an interpreter line runs in the shell, as execvp has it, for
 * which there is a free place before the arguments.
 */
static uint32_t execute(const char *path, const char **arguments, const char **environment) {
  uint32_t error = (uint32_t)-sys(NR_execve, (long)path, (long)arguments, (long)environment, 0, 0, 0);
  if (error != E_NOEXEC || !arguments[0]) return error;
  arguments[-1] = SHELL;
  arguments[0] = path;
  sys(NR_execve, (long)SHELL, (long)(arguments - 1), (long)environment, 0, 0, 0);
  return error;
}

/* Tries the directories of PATH, as execvp does: what is not there or not executable does not end the search. */
static void __attribute__((noreturn)) search(const char *name, const char *path, const char **arguments,
                                             const char **environment) {
  uint32_t error = E_NOENT;
  size_t name_length = length_of(name);
  char candidate[PATH_BYTES];
  for (; name_length > 0; path++) {
    const char *end = path;
    while (*end && *end != ':') end++;
    size_t length = (size_t)(end - path);
    if (length + name_length + 2 <= sizeof candidate) {
      memcpy(candidate, path, length);
      size_t at = length;
      if (length > 0) candidate[at++] = '/'; /* an empty directory is the current one */
      memcpy(candidate + at, name, name_length + 1);
      uint32_t now = execute(candidate, arguments, environment);
      if (now != E_NOENT && now != E_NOTDIR) error = now;
      if (now != E_NOENT && now != E_NOTDIR && now != E_ACCES) break;
    }
    path = end;
    if (*path == 0) break;
  }
  stop_at_exec(name, error);
}

static int has_slash(const char *text) {
  while (*text && *text != '/') text++;
  return *text == '/';
}

static const char *step_name(const struct launch *launch, uint32_t step) {
  const char *name = (const char *)launch + launch->steps.offset;
  if (step >= launch->steps.count) return "set-up";
  while (step-- > 0) name = next_text(name);
  return name;
}

/*
 * Whether memory can be read, asked of the kernel: a file that is cut short has pages that kill whoever touches them. The
 * call copies its set first and then refuses the question.
 */
static int is_readable(const void *word) {
  return sys(NR_rt_sigprocmask, -1, (long)(uintptr_t)word, 0, SIGSET_BYTES, 0, 0) != -E_FAULT;
}

/* Finds accidents, such as a copy that ended early or blocks that a crash left empty; not people. */
static int is_whole(const struct launch *launch) {
  if (launch->size % 8 != 0 || launch->size < sizeof *launch + 8) return 0;
  const uint64_t *words = (const uint64_t *)launch;
  size_t count = launch->size / 8 - 1;
  if (!is_readable(words + count)) return 0;
  uint64_t sum = LAUNCH_SEED;
  for (size_t i = 0; i < count; i++) {
    sum = (sum ^ words[i]) * LAUNCH_FACTOR;
    sum ^= sum >> 32;
  }
  return sum == words[count];
}

static int is_sound(const struct launch *launch) {
  if (!is_readable(launch)) return 0;
  if (launch->magic != LAUNCH_MAGIC || launch->version != LAUNCH_VERSION || !is_whole(launch)) return 0;
  if (launch->image < sizeof *launch || launch->image > launch->size) return 0;
  return image_is_sound((const char *)launch + launch->image, launch->size - launch->image);
}

/* What is opened from here on must never become a standard descriptor of the program. */
static void open_standard(void) {
  for (long fd = 0; fd < 3; fd++) {
    if (sys(NR_fcntl, fd, GET_FD_FLAGS, 0, 0, 0, 0) != -E_BADF) continue;
    long opened = sys(NR_openat, AT_CWD, (long)"/dev/null", OPEN_READ_WRITE, 0, 0, 0);
    if (opened != fd) stop(EXIT_SETUP, "a standard descriptor is closed, and /dev/null cannot be opened", "", 0);
  }
}

/* Called by the entry point with the stack as the kernel has laid it out: argc, argv, a null pointer, envp. */
void __attribute__((noreturn, used)) launcher(uintptr_t *stack);

void launcher(uintptr_t *stack) {
  struct launch *launch = (struct launch *)LAUNCH_ADDRESS;
  size_t argc = stack[0];
  char **argv = (char **)(stack + 1);
  char **envp = argv + argc + 1;
  if (!is_sound(launch)) stop(EXIT_SETUP, "this file is damaged", "", 0);
  open_standard();
  /* Without a name of its own an executable was called in a way that nobody does by chance. */
  if (argc == 0) stop(EXIT_SETUP, "called without arguments", "", 0);

  size_t passed = launch->program ? launch->arguments.count : 0;
  if (!launch->program && argc < 2) stop(EXIT_SETUP, "no command given", "", 0);
  size_t words = 1 + passed + argc + 1 + count_texts(envp) + launch->set.count + 1;
  long memory = sys(NR_mmap, 0, (long)(words * sizeof(char *)), PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (sys_failed(memory)) stop(EXIT_SETUP, "no memory", "", (uint32_t)-memory);

  const char **arguments = (const char **)memory + 1; /* see execute() */
  const char **to = arguments;
  const char *text = (const char *)launch + launch->arguments.offset;
  for (size_t i = 0; i < passed; i++, text = next_text(text)) *to++ = text;
  for (size_t i = 1; i < argc; i++) *to++ = argv[i];
  *to++ = 0;
  const char **environment = to;
  filter_environment(launch, envp, environment);

  struct applied applied = image_apply((char *)launch + launch->image);
  if (applied.error != 0) {
    stop(EXIT_SETUP, step_name(launch, (uint32_t)applied.step), "", (uint32_t)applied.error);
  }
  if (launch->program) {
    const char *program = (const char *)launch + launch->program;
    stop_at_exec(program, execute(program, arguments, environment));
  }
  const char *command = argv[1];
  if (has_slash(command)) stop_at_exec(command, execute(command, arguments, environment));
  const char *path = variable((char *const *)environment, "PATH");
  search(command, path ? path : STANDARD_PATH, arguments, environment);
}

ENTRY_POINT(launcher);

/* Becomes the program header that the writer turns into the mapping of what is carried. */
__asm__(
    ".pushsection .note.landward, \"a\", %note\n"
    ".balign 4\n .long 9, 4, 1\n .asciz \"landward\"\n .balign 4\n .long 0\n"
    ".popsection\n");
