/*
 * Attacks on other processes and on the kernel's interfaces. Same form as probe-files.c: tries, prints, decides nothing.
 */
#include "probe.h"

static void signal_pid(char **args)
{
	if (kill(atoi(args[0]), SIGUSR1) != 0)
		fail("kill");
	done("sent");
}

static void signal_thread(char **args)
{
	if (syscall(SYS_tgkill, atoi(args[0]), atoi(args[0]), SIGUSR1) != 0)
		fail("tgkill");
	done("sent");
}

static void signal_pidfd(char **args)
{
	int fd = (int)syscall(SYS_pidfd_open, atoi(args[0]), 0);

	if (fd < 0)
		fail("pidfd_open");
	if (syscall(SYS_pidfd_send_signal, fd, SIGUSR1, NULL, 0) != 0)
		fail("pidfd_send_signal");
	done("sent");
}

static void signal_queue(char **args)
{
	union sigval value = { .sival_int = 1 };

	if (sigqueue(atoi(args[0]), SIGUSR1, value) != 0)
		fail("sigqueue");
	done("sent");
}

/* Makes another process the owner of a pipe, so that the kernel sends the signal. */
static void signal_owner(char **args)
{
	int pipes[2];

	if (pipe(pipes) != 0)
		fail("pipe");
	if (fcntl(pipes[0], F_SETSIG, SIGUSR1) != 0)
		fail("F_SETSIG");
	if (fcntl(pipes[0], F_SETOWN, atoi(args[0])) != 0)
		fail("F_SETOWN");
	if (fcntl(pipes[0], F_SETFL, O_ASYNC | O_NONBLOCK) != 0)
		fail("F_SETFL");
	if (write(pipes[1], "x", 1) != 1)
		fail("write");
	done("written");
}

/* The benign twin: a program must be able to end its own children. */
static void signal_child(char **args)
{
	pid_t child = fork();
	int status;

	(void)args;
	if (child == 0) {
		pause();
		_exit(0);
	}
	if (kill(child, SIGTERM) != 0)
		fail("kill");
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		fail("waitpid");
	done("ended");
}

static void attach(char **args)
{
	if (ptrace(PTRACE_SEIZE, atoi(args[0]), NULL, NULL) != 0)
		fail("ptrace");
	done("attached");
}

static void read_memory(char **args)
{
	char here[16];
	struct iovec local = { here, sizeof(here) };
	struct iovec remote = { (void *)strtoul(args[1], NULL, 16), sizeof(here) };

	if (syscall(SYS_process_vm_readv, atoi(args[0]), &local, 1, &remote, 1, 0) < 0)
		fail("process_vm_readv");
	done("read");
}

static void steal_fd(char **args)
{
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(args[0]), 0);
	int fd;

	if (pidfd < 0)
		fail("pidfd_open");
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(args[1]), 0);
	if (fd < 0)
		fail("pidfd_getfd");
	done("taken");
}

static void unshare_user(char **args)
{
	(void)args;
	if (unshare(CLONE_NEWUSER) != 0)
		fail("unshare");
	done("unshared");
}

static void clone3_user(char **args)
{
	struct {
		unsigned long flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} clone_args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &clone_args, sizeof(clone_args));

	(void)args;
	if (pid < 0)
		fail("clone3");
	if (pid == 0)
		_exit(0);
	waitpid((pid_t)pid, NULL, 0);
	done("cloned");
}

static void clone_user(char **args)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	(void)args;
	if (pid < 0)
		fail("clone");
	if (pid == 0)
		_exit(0);
	waitpid((pid_t)pid, NULL, 0);
	done("cloned");
}

static void join_namespace(char **args)
{
	int fd = open(args[0], O_RDONLY);

	if (fd < 0)
		fail("open");
	if (setns(fd, 0) != 0)
		fail("setns");
	done("joined");
}

/* In a mount namespace of its own, so that the machine keeps its mounts when the attack succeeds. */
static void mount_tmpfs(char **args)
{
	if (unshare(CLONE_NEWNS) != 0)
		fail("unshare");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		fail("mount private");
	if (mount("none", args[0], "tmpfs", 0, NULL) != 0)
		fail("mount");
	done("mounted");
}

static void change_root(char **args)
{
	if (chroot(args[0]) != 0)
		fail("chroot");
	done("changed");
}

/* Loads a filter that allows everything, which must not undo an older one. */
static void allow_all_filter(char **args)
{
	struct sock_filter allow[] = { { 0x06, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog program = { 1, allow };

	(void)args;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		fail("seccomp");
}

static void call_x32(char **args)
{
	(void)args;
	if (syscall(0x40000000 | SYS_getpid) < 0)
		fail("x32 getpid");
	done("answered");
}

#ifdef __x86_64__
/* The i386 table through its own gate: 20 is getpid there. */
static void call_i386(char **args)
{
	long answer;

	(void)args;
	__asm__ volatile("int $0x80" : "=a"(answer) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	if (answer < 0) {
		errno = (int)-answer;
		fail("int 0x80");
	}
	done("answered");
}
#endif

/* `ioctl REQUEST`: on the terminal, with whatever bits the caller puts above the low 32. */
static void push_terminal(char **args)
{
	char c = '!';
	int fd = open("/dev/tty", O_RDWR);

	if (fd < 0)
		fd = 0;
	if (syscall(SYS_ioctl, fd, strtoul(args[0], NULL, 16), &c) != 0)
		fail("ioctl");
	done("pushed");
}

static void call_number(char **args)
{
	if (syscall(atol(args[0]), 0L, 0L, 0L, 0L, 0L, 0L) < 0)
		fail("call");
	done("answered");
}

static void show_euid(char **args)
{
	(void)args;
	printf("DONE euid %d\n", (int)geteuid());
}

static void show_variable(char **args)
{
	const char *value = getenv(args[0]);

	printf("DONE %s=%s\n", args[0], value == NULL ? "(unset)" : value);
}

static void fill_descriptors(char **args)
{
	int count = 0;

	(void)args;
	while (count < 5000 && open("/dev/null", O_RDONLY) >= 0)
		count++;
	printf("DONE opened %d\n", count);
}

static void fill_memory(char **args)
{
	size_t size = strtoul(args[0], NULL, 10) << 20;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		fail("mmap");
	for (size_t at = 0; at < size; at += 4096)
		map[at] = 1;
	done("filled");
}

static void fill_disk(char **args)
{
	int fd = open(args[0], O_CREAT | O_WRONLY, 0600);

	signal(SIGXFSZ, SIG_IGN);
	if (fd < 0)
		fail("open");
	if (pwrite(fd, "x", 1, (off_t)strtol(args[1], NULL, 10)) != 1)
		fail("write");
	done("written");
}

static void fill_processes(char **args)
{
	int want = atoi(args[0]), made = 0;
	pid_t pids[1024];

	while (made < want && made < 1024) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		pids[made++] = pid;
	}
	for (int i = 0; i < made; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	printf("DONE started %d\n", made);
}

/* Writes its process number to a file and stays. */
static void stay(char **args)
{
	int fd = open(args[0], O_CREAT | O_WRONLY | O_TRUNC, 0600);

	if (fd < 0)
		fail("open");
	dprintf(fd, "%d\n", (int)getpid());
	close(fd);
	sleep(60);
	done("stayed");
}

const struct action process_actions[] = {
	{ "signal", 1, signal_pid },
	{ "signal-thread", 1, signal_thread },
	{ "signal-pidfd", 1, signal_pidfd },
	{ "signal-queue", 1, signal_queue },
	{ "signal-owner", 1, signal_owner },
	{ "signal-child", 0, signal_child },
	{ "attach", 1, attach },
	{ "read-memory", 2, read_memory },
	{ "steal-fd", 2, steal_fd },
	{ "unshare-user", 0, unshare_user },
	{ "clone3-user", 0, clone3_user },
	{ "clone-user", 0, clone_user },
	{ "join-namespace", 1, join_namespace },
	{ "mount", 1, mount_tmpfs },
	{ "chroot", 1, change_root },
	{ "allow-all-filter", 0, allow_all_filter },
	{ "call-x32", 0, call_x32 },
#ifdef __x86_64__
	{ "call-i386", 0, call_i386 },
#endif
	{ "push-terminal", 1, push_terminal },
	{ "call", 1, call_number },
	{ "euid", 0, show_euid },
	{ "variable", 1, show_variable },
	{ "fill-descriptors", 0, fill_descriptors },
	{ "fill-memory", 1, fill_memory },
	{ "fill-disk", 2, fill_disk },
	{ "fill-processes", 1, fill_processes },
	{ "stay", 1, stay },
	{ NULL, 0, NULL },
};
