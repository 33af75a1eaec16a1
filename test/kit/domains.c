/*
 * What a program sees of its domains: it restricts itself by plain Landlock and asks landward by prctl, as any program can.
 * Run by test/live/domains.test.ts; prints a line "name value" for each thing that it saw.
 *
 *     domains MODE [ARGUMENT]
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LANDWARD = 0x4c445744, LAYERS = 5, OPEN, ID, SAME, RULESET };
enum { READ_FILE = 1 << 2, SCOPE_SIGNAL = 1 << 1 };

static long ask(long op, long a, long b, long c) {
  long result = prctl(LANDWARD, op, a, b, c);
  return result < 0 ? -errno : result;
}

static void say(const char *name, long long value) {
  printf("%s %lld\n", name, value);
  fflush(stdout);
}

/* The identifier of a domain, or a negative errno. */
static long long id_of(long fd, long flags) {
  uint64_t id = 0;
  long result = ask(ID, fd, (long)&id, flags);
  return result < 0 ? result : (long long)id;
}

static void say_name(const char *name, long fd) {
  long long id = id_of(fd, 0);
  if (id < 0) say(name, id);
  else printf("%s %lld.%lld\n", name, id >> 32, id & 0xffffffff);
  fflush(stdout);
}

/* One more layer, which grants reading below a directory only and may have a scope. */
static long restrict_to(const char *directory, uint64_t scoped) {
  uint64_t attr[3] = {READ_FILE, 0, scoped};
  struct { uint64_t access; int32_t parent; } __attribute__((packed)) rule = {READ_FILE, -1};
  long ruleset = syscall(444, attr, sizeof(attr), 0);
  if (ruleset < 0) return -errno;
  if (directory != NULL) {
    rule.parent = open(directory, O_PATH | O_CLOEXEC);
    if (syscall(445, ruleset, 1, &rule, 0)) return -errno;
    close(rule.parent);
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  long result = syscall(446, ruleset, 0);
  close(ruleset);
  return result < 0 ? -errno : 0;
}

static long reads(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  close(fd);
  return 0;
}

static long own(void) { return ask(OPEN, -1, 0, 0); }

/* A child that does something, tells that it has, and waits; its pidfd and both ends of its pipes. */
struct kid { pid_t pid; int pidfd, told, hold; };

static struct kid fork_kid(void (*before)(void)) {
  int told[2], hold[2];
  char byte;
  if (pipe2(told, O_CLOEXEC) || pipe2(hold, O_CLOEXEC)) exit(9);
  pid_t pid = fork();
  if (pid == 0) {
    close(hold[1]);
    if (before) before();
    if (write(told[1], "x", 1) != 1) _exit(8);
    if (read(hold[0], &byte, 1)) {}
    _exit(0);
  }
  close(hold[0]);
  if (read(told[0], &byte, 1) != 1) exit(7);
  return (struct kid){pid, syscall(434, pid, 0), told[0], hold[1]};
}

static void end_kid(struct kid kid) {
  /* Others that were forked later hold the pipe as well. */
  if (write(kid.hold, "x", 1)) {}
  close(kid.hold);
  waitpid(kid.pid, NULL, 0);
  close(kid.pidfd);
  close(kid.told);
}

static void once(void) { if (restrict_to("/usr", 0)) _exit(6); }

static void say_layers(const char *name) {
  uint32_t head[4];
  unsigned char bytes[1024];
  long size = ask(LAYERS, 0, 0, 0);
  printf("%s size %ld\n", name, size);
  if (size > 16) printf("%s short %ld\n", name, ask(LAYERS, (long)bytes, size - 1, 0));
  long written = ask(LAYERS, (long)bytes, sizeof(bytes), 0);
  if (written < 0) { printf("%s error %ld\n", name, written); return; }
  memcpy(head, bytes, sizeof(head));
  printf("%s flags %u\n", name, head[3]);
  for (uint32_t i = 0; i < head[2]; i++) {
    struct { uint32_t kind, change; uint64_t id; } record;
    memcpy(&record, bytes + head[0] + i * head[1], sizeof(record));
    printf("%s layer %u %u %llu.%llu\n", name, record.kind, record.change, (unsigned long long)record.id >> 32,
           (unsigned long long)record.id & 0xffffffff);
  }
  fflush(stdout);
}

static void mode_names(void) {
  say("tid", gettid());
  say("none", own());
  say("before", reads("/etc/passwd"));
  for (int i = 0; i < 3; i++) {
    if (restrict_to("/usr", 0)) exit(5);
    char name[8] = {'n', '0' + i, 0};
    say_name(name, own());
  }
  say("denied", reads("/etc/passwd"));
  printf("absolute %llx\n", (unsigned long long)id_of(own(), 1));
  struct kid kid = fork_kid(once);
  say("kid", kid.pid);
  long theirs = ask(OPEN, kid.pidfd, 0, 0);
  say_name("theirs", theirs);
  say("same", ask(SAME, own(), theirs, 0));
  say("again", ask(SAME, own(), own(), 0));
  end_kid(kid);
  say_name("after", theirs);
  say_layers("layers");
}

static void mode_siblings(void) {
  /* Both carry the one layer that their parent made, and one has a second of its own. */
  if (restrict_to("/usr", 0)) exit(5);
  struct kid one = fork_kid(NULL), other = fork_kid(NULL), deeper = fork_kid(once);
  long a = ask(OPEN, one.pidfd, 0, 0), b = ask(OPEN, other.pidfd, 0, 0), c = ask(OPEN, deeper.pidfd, 0, 0);
  say("same", ask(SAME, a, b, 0));
  say("deeper", ask(SAME, a, c, 0));
  say("equal", id_of(a, 0) == id_of(b, 0));
  say("distinct", id_of(a, 0) != id_of(c, 0));
  say("ordered", id_of(c, 1) > id_of(a, 1));
  end_kid(one), end_kid(other), end_kid(deeper);
}

static int asked_pidfd;
static void open_from_below(void) {
  once();
  say("parent", ask(OPEN, asked_pidfd, 0, 0));
  struct kid kid = fork_kid(NULL);
  say("same", ask(OPEN, kid.pidfd, 0, 0) >= 0);
  end_kid(kid);
  kid = fork_kid(once);
  say("child", ask(OPEN, kid.pidfd, 0, 0) >= 0);
  end_kid(kid);
}
static void open_sibling(void) { once(); say("sibling", ask(OPEN, asked_pidfd, 0, 0)); }

static void mode_relations(const char *outsider) {
  asked_pidfd = syscall(434, getpid(), 0);
  struct kid below = fork_kid(open_from_below);
  end_kid(below);
  struct kid kid = fork_kid(once);
  say("above", ask(OPEN, kid.pidfd, 0, 0) >= 0);
  asked_pidfd = kid.pidfd;
  struct kid sibling = fork_kid(open_sibling);
  end_kid(sibling), end_kid(kid);
  struct kid plain = fork_kid(NULL);
  say("unrestricted", ask(OPEN, plain.pidfd, 0, 0));
  end_kid(plain);
  if (outsider != NULL) say("outsider", ask(OPEN, syscall(434, atoi(outsider), 0), 0, 0));
  say("nofd", ask(OPEN, 999, 0, 0));
  say("notpidfd", ask(OPEN, 0, 0, 0));
  say("flags", ask(OPEN, -1, 1, 0));
  say("notdomain", ask(ID, 0, (long)&plain, 0));
  say("badbuffer", restrict_to("/usr", 0) == 0 ? ask(ID, own(), 8, 0) : 1);
  say("badflags", ask(ID, own(), (long)&plain, 2));
}

/* A pidfd whose process is gone and reaped means no domain, whatever its number means by now. */
static void mode_gone(void) {
  struct kid kid = fork_kid(once);
  long held = ask(OPEN, kid.pidfd, 0, 0);
  int zombie = dup(kid.pidfd);
  close(kid.hold);
  siginfo_t info;
  waitid(P_PID, kid.pid, &info, WEXITED | WNOWAIT);
  long dead = ask(OPEN, zombie, 0, 0);
  say("zombie", dead < 0 ? dead : ask(SAME, dead, held, 0));
  say("signalled", kill(kid.pid, 0) == 0 ? 0 : -errno);
  waitpid(kid.pid, NULL, 0);
  say("reaped", ask(OPEN, zombie, 0, 0));
  say_name("held", held);
  say("kid", kid.pid);
}

static void mode_many(void) {
  struct kid kid = fork_kid(once);
  long failed = 0;
  for (int i = 0; i < 11000 && !failed; i++) {
    long fd = ask(OPEN, kid.pidfd, 0, 0);
    if (fd < 0) failed = fd;
    else close(fd);
  }
  say("failed", failed);
  end_kid(kid);
}

static void mode_import(const char *directory) {
  char inside[300], both[300];
  snprintf(inside, sizeof(inside), "%s/a/file", directory);
  snprintf(both, sizeof(both), "%s/b/file", directory);
  /* Two layers: the whole directory, then a part of it. Neither alone says what both do. */
  int pair[2];
  char byte;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) exit(4);
  pid_t pid = fork();
  if (pid == 0) {
    char part[300];
    snprintf(part, sizeof(part), "%s/a", directory);
    if (restrict_to(directory, 0) || restrict_to(part, SCOPE_SIGNAL)) _exit(5);
    long fd = ask(RULESET, own(), 0, 0);
    struct iovec io = {"x", 1};
    char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET, head->cmsg_type = SCM_RIGHTS, head->cmsg_len = CMSG_LEN(sizeof(int));
    int number = fd;
    memcpy(CMSG_DATA(head), &number, sizeof(number));
    if (sendmsg(pair[1], &message, 0) != 1) _exit(6);
    if (read(pair[1], &byte, 1) != 1) _exit(7);
    _exit(0);
  }
  struct iovec io = {&byte, 1};
  char control[CMSG_SPACE(sizeof(int))];
  struct msghdr message = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
  if (recvmsg(pair[0], &message, 0) != 1) exit(6);
  int ruleset;
  memcpy(&ruleset, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(ruleset));
  struct { uint64_t access; int32_t parent; } __attribute__((packed)) rule = {READ_FILE, open("/", O_PATH)};
  say("grow", syscall(445, ruleset, 1, &rule, 0) == 0 ? 0 : -errno);
  say("before", reads(both));
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  say("import", syscall(446, ruleset, 0) == 0 ? 0 : -errno);
  say("inside", reads(inside));
  say("part", reads(both));
  say("outside", reads("/etc/passwd"));
  say("signal", kill(pid, 0) == 0 ? 0 : -errno);
  say_layers("layers");
  /* As many more as there is room for, and then all or nothing. */
  long room = 0;
  while (room < 20 && syscall(446, ruleset, 0) == 0) room++;
  say("rounds", room);
  say("full", -errno);
  if (write(pair[0], "x", 1) != 1) exit(3);
  waitpid(pid, NULL, 0);
}

/* Through an exec the descriptor stays unless it closes itself. */
static void mode_exec(char *self) {
  if (restrict_to("/", 0)) exit(5);
  long closes = own(), stays = own();
  fcntl(stays, F_SETFD, 0);
  char a[16], b[16];
  snprintf(a, sizeof(a), "%ld", closes), snprintf(b, sizeof(b), "%ld", stays);
  execl(self, self, "executed", a, b, NULL);
  say("exec", -errno);
}

static void mode_attr(void) {
  unsigned char bytes[512];
  uint32_t size;
  struct entry { uint64_t id, flags, len, ctx_len; char ctx[64]; } entry;
#define ATTR(attr, buffer, sizeptr, flags) (syscall(459, (attr), (buffer), (sizeptr), (flags)) == -1 ? -errno : 1)
  size = sizeof(bytes);
  if (restrict_to("/usr", 0)) exit(5);
  say("tid", gettid());
  long count = syscall(459, 100, bytes, &size, 0);
  say("count", count);
  uint32_t at = 0;
  for (long i = 0; i < count; i++) {
    memcpy(&entry, bytes + at, sizeof(entry));
    if (entry.id == 110) {
      printf("name %s\n", entry.ctx);
      say("flags", entry.flags), say("lengths", entry.ctx_len == strlen(entry.ctx) + 1);
      say("padded", entry.len % 8 == 0 && entry.len >= 32 + entry.ctx_len);
    }
    at += entry.len;
  }
  say("whole", at == size);
  uint32_t needed = size;
  size = 1;
  say("small", ATTR(100, bytes, &size, 0)), say("smallsize", size == needed);
  size = 0;
  say("null", ATTR(100, NULL, &size, 0));
  size = 4096;
  say("nullroom", ATTR(100, NULL, &size, 0)), say("nullsize", size == needed);
  memset(bytes, 0, sizeof(bytes)), bytes[0] = 110, size = sizeof(bytes);
  say("single", ATTR(100, bytes, &size, 1));
  memset(bytes, 0, sizeof(bytes)), bytes[0] = 100, size = sizeof(bytes);
  say("other", ATTR(100, bytes, &size, 1)), say("othersize", size);
  memset(bytes, 0, sizeof(bytes));
  say("undefined", ATTR(100, bytes, &size, 1));
  say("noflag", ATTR(100, bytes, &size, 2));
  say("nosize", ATTR(100, bytes, NULL, 0)), say("badsize", ATTR(100, bytes, (uint32_t *)8, 0));
  say("singlenull", ATTR(100, NULL, &size, 1));
  size = sizeof(bytes);
  say("badbuffer", ATTR(100, (void *)8, &size, 0));
  say("attribute", ATTR(101, bytes, &size, 0)), say("zero", ATTR(0, bytes, &size, 0));
}

/* Creators above, in the same and below a PID namespace, and readers in each. */
static void read_child(void) { say_name("inner own", own()); }
static void inner(void) {
  read_child();
  say("inner tid", gettid());
  unsigned char bytes[256];
  uint32_t size = sizeof(bytes);
  if (syscall(459, 100, bytes, &size, 0) == 1) printf("inner attribute %s\n", bytes + 32);
  once();
  say_name("inner made", own());
}

static void mode_namespaces(void) {
  if (restrict_to("/", 0)) exit(5);
  say_name("outer own", own());
  if (unshare(CLONE_NEWPID)) { say("unshare", -errno); return; }
  struct kid kid = fork_kid(inner);
  say_name("from above", ask(OPEN, kid.pidfd, 0, 0));
  say("kid", kid.pid);
  end_kid(kid);
}

/*
 * A reader without domain, in a namespace below the one where the maker of another's domain lives: what it is told of that
 * process is what it is told of one without domain.
 */
static void mode_hidden(void) {
  int go[2], done[2];
  char byte;
  if (pipe(go) || pipe(done)) exit(4);
  if (unshare(CLONE_NEWPID)) { say("unshare", -errno); return; }
  if (fork() == 0) {
    struct kid plain = fork_kid(NULL);
    say("plain", ask(OPEN, plain.pidfd, 0, 0));
    if (write(done[1], "x", 1) != 1 || read(go[0], &byte, 1) != 1) _exit(5);
    say("number", syscall(434, 3, 0) >= 0);
    say("sandboxed", ask(OPEN, syscall(434, 3, 0), 0, 0));
    end_kid(plain);
    if (write(done[1], "x", 1) != 1) _exit(6);
    _exit(0);
  }
  /* The third process of the namespace, after the reader and its child. */
  if (read(done[0], &byte, 1) != 1 || restrict_to("/", 0)) exit(5);
  struct kid below = fork_kid(NULL);
  say_name("above", ask(OPEN, below.pidfd, 0, 0));
  if (write(go[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1) exit(6);
  end_kid(below);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  const char *argument = argc > 2 ? argv[2] : NULL;
  /* The end of a PID namespace ends those who wait in it. */
  signal(SIGPIPE, SIG_IGN);
  if (!strcmp(mode, "names")) mode_names();
  else if (!strcmp(mode, "siblings")) mode_siblings();
  else if (!strcmp(mode, "relations")) mode_relations(argument);
  else if (!strcmp(mode, "gone")) mode_gone();
  else if (!strcmp(mode, "many")) mode_many();
  else if (!strcmp(mode, "import")) mode_import(argument);
  else if (!strcmp(mode, "exec")) mode_exec(argv[0]);
  else if (!strcmp(mode, "executed")) {
    say("closes", id_of(atoi(argv[2]), 0) < 0);
    say("stays", id_of(atoi(argv[3]), 0) > 0);
    say("same", ask(SAME, own(), atoi(argv[3]), 0));
  } else if (!strcmp(mode, "attr")) mode_attr();
  else if (!strcmp(mode, "namespaces")) mode_namespaces();
  else if (!strcmp(mode, "hidden")) mode_hidden();
  else if (!strcmp(mode, "policy")) {
    say_layers("layers");
    long fd = own();
    say_name("own", fd);
    printf("absolute %llx\n", (unsigned long long)id_of(fd, 1));
    struct kid kid = fork_kid(NULL);
    say("kid", ask(SAME, fd, ask(OPEN, kid.pidfd, 0, 0), 0));
    end_kid(kid);
    if (argument != NULL) say("outsider", ask(OPEN, syscall(434, atoi(argument), 0), 0, 0));
    say("ruleset", ask(RULESET, fd, 0, 0));
    say("present", ask(0, 0, 0, 0));
    say("unknown", ask(99, 0, 0, 0));
    say("denied", reads("/etc/passwd"));
  } else return 2;
  return 0;
}
