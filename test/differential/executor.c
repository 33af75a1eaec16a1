/*
 * Runs differential cases on the running kernel: reads steps as lines, has each done by the task that it names, and
 * prints the errno of every step. Owns no opinion of what is right.
 *
 * Everything happens in a private mount, network and IPC namespace with a fresh tmpfs over /tmp for each case, so nothing
 * is left behind. The coordinator hands one step at a time to one task, so a case is deterministic.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_STEPS 512
#define MAX_TASKS 8
#define MAX_SLOTS 16
#define NOT_HERE 9999
#define LOST 9998
#define FIRST_FD 100

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum op {
	MKDIR, RMDIR, UNLINK, TRUNCATE, EXEC, UMOUNT, TMPFS, REMOUNT, SYMLINK, SCRIPT, MKNOD, RENAME, LINK, LINKFD, OPEN,
	CLOSE, FTRUNCATE, GIVE, TAKE, IOCTL, BIND, MOVE, OVERLAY, RULESET, ADDPATH, ADDPORT, RESTRICT, FORK, SIGNAL_, PTRACE_,
	SOCKET, NAME, REACH, NAMEPATH, REACHPATH, INET, SIGIO_, PENDING
};

struct step {
	int op, task, base[2];
	long n[6];
	char path[3][256];
};

static struct step steps[MAX_STEPS];
static int step_count;
static int command[MAX_TASKS][2], answer[2], channel[2];
/* The root of the tmpfs, opened before anyone is restricted. */
static int root_fd;
static volatile pid_t *pids;
static char probe = 42;

struct ruleset_attr { uint64_t fs, net, scoped, quiet_fs, quiet_net, quiet_scoped; };
struct __attribute__((packed)) path_attr { uint64_t access; int32_t fd; };
struct port_attr { uint64_t access, port; };

static int slot_fd(long slot) { return FIRST_FD + (int)slot; }

static int base_fd(int slot) { return slot < 0 ? AT_FDCWD : slot_fd(slot); }

static int keep(int fd, long slot)
{
	if (fd < 0)
		return errno;
	if (slot < 0) {
		close(fd);
		return 0;
	}
	dup3(fd, slot_fd(slot), O_CLOEXEC);
	close(fd);
	return 0;
}

static int code(long result) { return result < 0 ? errno : 0; }

static const char *full(int base, const char *path, char *out, size_t size)
{
	if (base < 0)
		return path;
	snprintf(out, size, "/proc/self/fd/%d/%s", slot_fd(base), path);
	return out;
}

static int open_flags(long bits)
{
	int flags = (bits & 3) == 1 ? O_RDONLY : (bits & 3) == 2 ? O_WRONLY : (bits & 3) == 3 ? O_RDWR : 3;
	if (bits & 4) flags |= O_CREAT;
	if (bits & 8) flags |= O_EXCL;
	if (bits & 16) flags |= O_TRUNC;
	if (bits & 32) flags |= O_DIRECTORY;
	if (bits & 64) flags |= O_NOFOLLOW;
	if (bits & 128) flags = O_PATH | (flags & (O_DIRECTORY | O_NOFOLLOW));
	if (bits & 256) flags |= O_TMPFILE;
	return flags | O_CLOEXEC | O_NONBLOCK;
}

static int do_give(long slot)
{
	char byte = 0, space[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int fd = slot_fd(slot);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return code(sendmsg(channel[0], &msg, MSG_DONTWAIT));
}

static int do_take(long slot)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	int fd;
	if (recvmsg(channel[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return errno;
	if (!CMSG_FIRSTHDR(&msg))
		return EBADF;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof fd);
	return keep(fd, slot);
}

static int do_script(const struct step *s)
{
	char text[300];
	int fd = openat(base_fd(s->base[0]), s->path[0], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0755);
	if (fd < 0)
		return errno;
	int length = snprintf(text, sizeof text, "#!%s\n", s->path[1]);
	int result = write(fd, text, (size_t)length) == length ? 0 : errno;
	close(fd);
	return result;
}

static int do_addpath(const struct step *s)
{
	int fd = openat(base_fd(s->base[0]), s->path[0], O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno;
	struct path_attr attr = { (uint64_t)s->n[1], fd };
	int result = code(syscall(445, slot_fd(s->n[0]), 1, &attr, (unsigned)s->n[2]));
	close(fd);
	return result;
}

static socklen_t abstract(struct sockaddr_un *address, long name)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	int length = snprintf(address->sun_path + 1, 32, "landward-%ld", name);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static int unix_type(long type) { return type == 0 ? SOCK_STREAM : SOCK_DGRAM; }

static int do_name(int fd, const struct sockaddr *address, socklen_t length)
{
	int type;
	socklen_t size = sizeof type;
	if (bind(fd, address, length) < 0)
		return errno;
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	return type == SOCK_STREAM ? code(listen(fd, 4096)) : 0;
}

static int do_reach(long type, const struct sockaddr *address, socklen_t length)
{
	int fd = socket(AF_UNIX, unix_type(type) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int result = code(connect(fd, address, length));
	close(fd);
	return result;
}

static int do_inet(const struct step *s)
{
	long call = s->n[0] % 10, type = s->n[0] / 10, length = s->n[4];
	int domain = s->n[1] == 4 ? AF_INET : AF_INET6;
	int fd = socket(domain, (type == 1 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
			type == 0 ? IPPROTO_TCP : type == 1 ? IPPROTO_UDP : IPPROTO_MPTCP);
	struct sockaddr_storage storage = { 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
	int result;
	if (fd < 0)
		return NOT_HERE;
	storage.ss_family = (sa_family_t)s->n[2];
	if (s->n[2] == AF_INET6) {
		v6->sin6_port = htons((uint16_t)s->n[3]);
		if (!s->n[5])
			v6->sin6_addr = in6addr_loopback;
	} else {
		v4->sin_port = htons((uint16_t)s->n[3]);
		v4->sin_addr.s_addr = htonl(s->n[5] ? INADDR_ANY : INADDR_LOOPBACK);
	}
	if (call == 0)
		result = code(bind(fd, (struct sockaddr *)&storage, (socklen_t)length));
	else if (call == 1)
		result = code(connect(fd, (struct sockaddr *)&storage, (socklen_t)length));
	else
		result = code(sendto(fd, "x", 1, MSG_NOSIGNAL | (call == 3 ? MSG_FASTOPEN : 0), (struct sockaddr *)&storage,
				     (socklen_t)length));
	close(fd);
	return result;
}

static void serve(int task);

#include "executor-rare.h"

static int run(const struct step *s)
{
	char buffer[2][512];
	const char *a = s->path[0], *b = s->path[1];
	int at = base_fd(s->base[0]), to = base_fd(s->base[1]);
	const long *n = s->n;
	struct sockaddr_un address;
	socklen_t length;

	switch ((enum op)s->op) {
	case MKDIR: return code(mkdirat(at, a, 0755));
	case RMDIR: return code(unlinkat(at, a, AT_REMOVEDIR));
	case UNLINK: return code(unlinkat(at, a, 0));
	case TRUNCATE: return code(truncate(full(s->base[0], a, buffer[0], 512), 0));
	case EXEC: {
		char *argv[] = { "x", NULL }, *envp[] = { NULL };
		return code(syscall(SYS_execveat, at, a, argv, envp, 0));
	}
	case UMOUNT: return code(umount2(full(s->base[0], a, buffer[0], 512), MNT_DETACH));
	case TMPFS: return code(mount("tmpfs", full(s->base[0], a, buffer[0], 512), "tmpfs", 0, "mode=755"));
	case REMOUNT: return code(mount(NULL, full(s->base[0], a, buffer[0], 512), NULL, MS_REMOUNT | MS_BIND, NULL));
	case SYMLINK: return code(symlinkat(b, at, a));
	case SCRIPT: return do_script(s);
	case MKNOD: return code(mknodat(at, a, (mode_t)n[0] | 0755, (dev_t)n[1]));
	case RENAME: return code(syscall(SYS_renameat2, at, a, to, b, (unsigned)n[0]));
	case LINK: return code(linkat(at, a, to, b, n[0] ? AT_SYMLINK_FOLLOW : 0));
	case LINKFD: return code(linkat(slot_fd(n[0]), "", to, b, AT_EMPTY_PATH));
	case OPEN: return keep(openat(at, a, open_flags(n[0]), 0755), n[1]);
	case CLOSE: return code(close(slot_fd(n[0])));
	case FTRUNCATE: return code(ftruncate(slot_fd(n[0]), 0));
	case GIVE: return do_give(n[0]);
	case TAKE: return do_take(n[0]);
	case IOCTL: return code(ioctl(slot_fd(n[0]), (unsigned long)(unsigned)n[1], buffer[0]));
	case BIND:
		return code(mount(full(s->base[0], a, buffer[0], 512), full(s->base[1], b, buffer[1], 512), NULL, MS_BIND, NULL));
	case MOVE:
		return code(mount(full(s->base[0], a, buffer[0], 512), full(s->base[1], b, buffer[1], 512), NULL, MS_MOVE, NULL));
	case OVERLAY: return code(mount("overlay", a, "overlay", 0, b));
	case RULESET: {
		struct ruleset_attr attr = {
			(uint64_t)n[1], (uint64_t)n[2], (uint64_t)n[3], (uint64_t)n[4], (uint64_t)n[5] & 0xff, (uint64_t)n[5] >> 8
		};
		return keep((int)syscall(444, &attr, sizeof attr, 0), n[0]);
	}
	case ADDPATH: return do_addpath(s);
	case ADDPORT: {
		struct port_attr attr = { (uint64_t)n[1], (uint64_t)n[2] };
		return code(syscall(445, slot_fd(n[0]), 2, &attr, (unsigned)n[3]));
	}
	case RESTRICT: return code(syscall(446, n[0] < 0 ? -1 : slot_fd(n[0]), (unsigned)n[1]));
	case FORK: {
		pid_t pid = fork();
		if (pid == 0)
			serve((int)n[0]);
		if (pid > 0)
			pids[n[0]] = pid;
		return code(pid);
	}
	case SIGNAL_: return code(kill(pids[n[0]], 0));
	case PTRACE_: {
		char byte;
		struct iovec local = { &byte, 1 }, remote = { &probe, 1 };
		return code(process_vm_readv(pids[n[0]], &local, 1, &remote, 1, 0));
	}
	case SOCKET: return keep(socket(AF_UNIX, unix_type(n[1]) | SOCK_CLOEXEC, 0), n[0]);
	case NAME:
		length = abstract(&address, n[1]);
		return do_name(slot_fd(n[0]), (struct sockaddr *)&address, length);
	case REACH:
		length = abstract(&address, n[0]);
		return do_reach(n[1], (struct sockaddr *)&address, length);
	case NAMEPATH:
	case REACHPATH:
		memset(&address, 0, sizeof address);
		address.sun_family = AF_UNIX;
		snprintf(address.sun_path, sizeof address.sun_path, "%s", full(s->base[0], a, buffer[0], 512));
		return s->op == NAMEPATH ? do_name(slot_fd(n[0]), (struct sockaddr *)&address, sizeof address)
					 : do_reach(n[1], (struct sockaddr *)&address, sizeof address);
	case INET: return do_inet(s);
	case SIGIO_: {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
			return errno;
		int result = code(fcntl(ends[0], F_SETOWN, n[0] < 0 ? -getpgrp() : pids[n[0]]));
		fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
		if (write(ends[1], "x", 1) != 1)
			result = errno;
		close(ends[0]);
		close(ends[1]);
		return result;
	}
	case PENDING: {
		struct timespec now = { 0 };
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGIO);
		return code(sigtimedwait(&set, NULL, &now));
	}
	}
	return run_rare(s);
}

static void serve(int task)
{
	int index;
	if (task == 0)
		pids[0] = getpid();
	while (read(command[task][0], &index, sizeof index) == sizeof index) {
		int result = run(&steps[index]);
		if (steps[index].op == FORK && steps[index].n[0] == task)
			continue;
		if (write(answer[1], &result, sizeof result) != sizeof result)
			break;
	}
	_exit(0);
}

#include "executor-audit.h"

static int ask(int index)
{
	int result;
	struct pollfd poller = { .fd = answer[0], .events = POLLIN };
	if (write(command[steps[index].task][1], &index, sizeof index) != sizeof index)
		return LOST;
	if (poll(&poller, 1, 20000) != 1 || read(answer[0], &result, sizeof result) != sizeof result)
		return LOST;
	return result;
}

static void play(void)
{
	memset((void *)pids, 0, MAX_TASKS * sizeof *pids);
	syscall(SYS_mq_unlink, "landward");
	if (mount("tmpfs", "/tmp", "tmpfs", 0, "mode=755") < 0) {
		perror("mount");
		exit(1);
	}
	for (int task = 0; task < MAX_TASKS; task++)
		if (pipe2(command[task], O_CLOEXEC) < 0)
			exit(1);
	if (pipe2(answer, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, channel) < 0)
		exit(1);
	root_fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fflush(stdout);
	pid_t first = fork();
	if (first == 0)
		serve(0);
	pids[0] = first;
	int lost = 0;
	for (int index = 0; index < step_count; index++) {
		int result = lost ? LOST : ask(index);
		lost = lost || result == LOST;
		printf(index ? " %d" : "%d", result);
	}
	printf("\n");
	if (audit_fd >= 0)
		audit_print();
	for (int task = 0; task < MAX_TASKS; task++)
		if (pids[task] > 0)
			kill(pids[task], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	for (int task = 0; task < MAX_TASKS; task++) {
		close(command[task][0]);
		close(command[task][1]);
	}
	close(answer[0]);
	close(answer[1]);
	close(channel[0]);
	close(channel[1]);
	close(root_fd);
	umount2("/tmp", MNT_DETACH);
}

static void isolate(void)
{
	struct ifreq request = { 0 };
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		perror("unshare");
		exit(77);
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strcpy(request.ifr_name, "lo");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
}

int main(int argc, char **argv)
{
	char line[2048];
	if (argc > 1 && strcmp(argv[1], "abi") == 0) {
		printf("%ld %ld\n", syscall(444, NULL, 0, 1), syscall(444, NULL, 0, 2));
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "once") == 0)
		once(atoi(argv[2]), atoi(argv[3]));
	if (argc > 1 && strcmp(argv[1], "audit") == 0)
		audit_start();
	isolate();
	umask(0);
	/* SIGIO goes to the process group: it must not reach whoever started this. */
	setpgid(0, 0);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while (fgets(line, sizeof line, stdin)) {
		if (strncmp(line, "run", 3) == 0) {
			play();
			step_count = 0;
			continue;
		}
		struct step *s = &steps[step_count];
		if (step_count < MAX_STEPS &&
		    sscanf(line, "%d %d %d %d %ld %ld %ld %ld %ld %ld %255s %255s %255s", &s->op, &s->task, &s->base[0], &s->base[1],
			   &s->n[0], &s->n[1], &s->n[2], &s->n[3], &s->n[4], &s->n[5], s->path[0], s->path[1], s->path[2]) == 13)
			step_count++;
		else {
			fprintf(stderr, "bad line: %s", line);
			return 1;
		}
	}
	return 0;
}
