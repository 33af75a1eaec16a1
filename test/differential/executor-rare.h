/*
 * The steps of the executor that few programs take, included by it: what is guarded like ptrace, the end of a parent, other
 * ways to open and to mount, old credentials in io_uring, exec, threads, and the life of a TCP socket.
 */

enum rare {
	GUARDED = PENDING + 1, TRACEME, DEATHSIG, END, PIVOT, GRAFT, QUEUE, HANDLE, RING, RINGOPEN, REOPEN, EXECKILL, SIBLING,
	TCP_, STREAM
};

/* Sees a task without stopping it for longer than a moment. */
static int do_seize(pid_t pid)
{
	int status;
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
		return errno;
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0 || waitpid(pid, &status, __WALL) != pid)
		return LOST;
	return code(ptrace(PTRACE_DETACH, pid, 0, 0));
}

static int do_guarded(pid_t pid, long by)
{
	static const char *const links[] = { "exe", "cwd", "ns/net" };
	char path[64], buffer[512];
	int result, fd;
	switch (by) {
	case 0: return do_seize(pid);
	case 1:
		result = code(syscall(SYS_kcmp, getpid(), pid, 0, 0, 0));
		return result == ENOSYS ? NOT_HERE : result;
	case 2:
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		result = code(syscall(SYS_pidfd_getfd, fd, 0, 0));
		close(fd);
		return result;
	default:
		snprintf(path, sizeof path, "/proc/%d/%s", pid, links[by - 3]);
		return code(readlink(path, buffer, sizeof buffer));
	}
}

/* Kills a task and waits until its children know. */
static int do_end(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	int result = code(kill(pid, SIGKILL));
	if (fd < 0 || poll(&poller, 1, 10000) != 1)
		result = LOST;
	close(fd);
	return result;
}

static int do_graft(const struct step *s)
{
	int fd = (int)syscall(SYS_open_tree, base_fd(s->base[0]), s->path[0], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return errno;
	int result = code(syscall(SYS_move_mount, fd, "", base_fd(s->base[1]), s->path[1], MOVE_MOUNT_F_EMPTY_PATH));
	close(fd);
	return result;
}

static int do_handle(const struct step *s)
{
	char space[sizeof(struct file_handle) + 128];
	struct file_handle *handle = (struct file_handle *)space;
	int mount, fd;
	handle->handle_bytes = 128;
	if (name_to_handle_at(base_fd(s->base[0]), s->path[0], handle, &mount, 0) < 0)
		return errno == EOPNOTSUPP ? NOT_HERE : errno;
	fd = open_by_handle_at(root_fd, handle, open_flags(s->n[0]));
	return keep(fd, s->n[1]);
}

static struct {
	int personality;
	struct io_uring_params params;
	char *submission, *completion;
	struct io_uring_sqe *entries;
} ring;

static int do_ring(long slot)
{
	int fd = (int)syscall(SYS_io_uring_setup, 4, &ring.params);
	if (fd < 0)
		return NOT_HERE;
	int share = PROT_READ | PROT_WRITE;
	ring.submission = mmap(NULL, 4096, share, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	ring.completion = mmap(NULL, 4096, share, MAP_SHARED, fd, IORING_OFF_CQ_RING);
	ring.entries = mmap(NULL, 4096, share, MAP_SHARED, fd, IORING_OFF_SQES);
	ring.personality = (int)syscall(SYS_io_uring_register, fd, IORING_REGISTER_PERSONALITY, NULL, 0);
	if (ring.personality < 0)
		return errno;
	return keep(fd, slot);
}

static int do_ringopen(const struct step *s)
{
	unsigned *tail = (unsigned *)(ring.submission + ring.params.sq_off.tail);
	unsigned *indexes = (unsigned *)(ring.submission + ring.params.sq_off.array);
	unsigned *head = (unsigned *)(ring.completion + ring.params.cq_off.head);
	unsigned *mask = (unsigned *)(ring.completion + ring.params.cq_off.ring_mask);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(ring.completion + ring.params.cq_off.cqes);
	unsigned at = *tail & (ring.params.sq_entries - 1);
	memset(&ring.entries[at], 0, sizeof ring.entries[at]);
	ring.entries[at].opcode = IORING_OP_OPENAT;
	ring.entries[at].fd = base_fd(s->base[0]);
	ring.entries[at].addr = (uint64_t)(uintptr_t)s->path[0];
	ring.entries[at].len = 0755;
	ring.entries[at].open_flags = (unsigned)open_flags(s->n[0]);
	ring.entries[at].flags = s->n[2] & 2 ? IOSQE_ASYNC : 0;
	ring.entries[at].personality = s->n[2] & 1 ? (uint16_t)ring.personality : 0;
	indexes[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, slot_fd(s->n[1]), 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return LOST;
	int result = done[__atomic_load_n(head, __ATOMIC_ACQUIRE) & *mask].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (result < 0)
		return -result;
	close(result);
	return 0;
}

/* Opens through /proc what no rule can name. */
static int do_reopen(long what, long slot)
{
	int ends[2] = { -1, -1 };
	char path[64];
	if (what == 2)
		return keep(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), slot);
	if (what == 0)
		ends[0] = memfd_create("x", MFD_CLOEXEC);
	else if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	int fd = open(path, what == 0 ? O_RDWR | O_TRUNC | O_CLOEXEC : O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int result = fd < 0 ? errno : keep(fd, slot);
	close(ends[0]);
	close(ends[1]);
	return result;
}

/* Becomes this program anew, which signals, answers, and waits for its end; see once(). */
static int do_execkill(pid_t pid)
{
	char target[16], to[16];
	snprintf(target, sizeof target, "%d", pid);
	snprintf(to, sizeof to, "%d", dup(answer[1]));
	char *argv[] = { "executor", "once", target, to, NULL }, *envp[] = { NULL };
	execve("/proc/self/exe", argv, envp);
	return errno;
}

static void once(pid_t pid, int to)
{
	int result = code(kill(pid, 0));
	if (write(to, &result, sizeof result) != sizeof result)
		_exit(1);
	for (;;)
		pause();
}

struct sibling {
	const struct step *step;
	int ready[2], go[2], result;
};

static void *sibling_main(void *data)
{
	struct sibling *self = data;
	char byte = 0;
	if (self->step->n[0] >= 0)
		self->result = code(syscall(446, slot_fd(self->step->n[0]), 0));
	if (write(self->ready[1], &byte, 1) != 1 || read(self->go[0], &byte, 1) != 1)
		self->result = LOST;
	if (self->result == 0)
		self->result = code(mkdirat(base_fd(self->step->base[0]), self->step->path[0], 0755));
	return NULL;
}

/* A second thread restricts itself, the first restricts all, and the second makes a directory. */
static int do_sibling(const struct step *s)
{
	struct sibling other = { .step = s };
	pthread_t thread;
	char byte = 0;
	if (pipe2(other.ready, O_CLOEXEC) < 0 || pipe2(other.go, O_CLOEXEC) < 0 ||
	    pthread_create(&thread, NULL, sibling_main, &other) != 0)
		return LOST;
	int result = read(other.ready[0], &byte, 1) == 1 ? 0 : LOST;
	if (result == 0)
		result = code(syscall(446, slot_fd(s->n[1]), (unsigned)s->n[2]));
	if (write(other.go[1], &byte, 1) != 1)
		result = LOST;
	pthread_join(thread, NULL);
	for (int end = 0; end < 2; end++) {
		close(other.ready[end]);
		close(other.go[end]);
	}
	return result ? result : other.result;
}

static int do_stream(int fd, long call, long port, long slot)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	const struct sockaddr *to = (struct sockaddr *)&address;
	int result;
	switch (call) {
	case 0: return code(bind(fd, to, sizeof address));
	case 1: return code(connect(fd, to, sizeof address));
	case 2:
		address.sin_family = AF_UNSPEC;
		return code(connect(fd, to, sizeof address));
	case 3: return code(listen(fd, 8));
	case 4: return keep(accept4(fd, NULL, NULL, SOCK_CLOEXEC), slot);
	case 5: return code(shutdown(fd, SHUT_RD));
	case 6: return code(shutdown(fd, SHUT_WR));
	case 7: return code(shutdown(fd, SHUT_RDWR));
	case 8: return code(listen(fd, 0));
	default:
		fcntl(fd, F_SETFL, O_NONBLOCK);
		result = code(connect(fd, to, sizeof address));
		fcntl(fd, F_SETFL, 0);
		return result;
	}
}

static int run_rare(const struct step *s)
{
	const long *n = s->n;
	int fd, one = 1;
	switch ((enum rare)s->op) {
	case GUARDED: return do_guarded(pids[n[0]], n[1]);
	case TRACEME: return code(ptrace(PTRACE_TRACEME, 0, 0, 0));
	case DEATHSIG: return code(prctl(PR_SET_PDEATHSIG, SIGIO));
	case END: return do_end(pids[n[0]]);
	case PIVOT: return code(syscall(SYS_pivot_root, s->path[0], "/"));
	case GRAFT: return do_graft(s);
	case QUEUE: {
		int flags = open_flags(n[0]);
		fd = (int)syscall(SYS_mq_open, "landward", flags, 0600, NULL);
		return errno == ENOSYS && fd < 0 ? NOT_HERE : keep(fd, n[1]);
	}
	case HANDLE: return do_handle(s);
	case RING: return do_ring(n[0]);
	case RINGOPEN: return do_ringopen(s);
	case REOPEN: return do_reopen(n[0], n[1]);
	case EXECKILL: return do_execkill(pids[n[0]]);
	case SIBLING: return do_sibling(s);
	case TCP_:
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		return keep(fd, n[0]);
	case STREAM: return do_stream(slot_fd(n[0]), n[1], n[2], n[3]);
	}
	return NOT_HERE;
}
