/*
 * Attacks on files: each action tries one thing by system calls and prints "DONE" (with what it got) or
 * "ERRNO n step". It decides nothing: what counts as held is said by the case that runs it.
 */
#include "probe.h"

static void show(int fd)
{
	char buffer[256];
	ssize_t got = read(fd, buffer, sizeof(buffer) - 1);

	if (got < 0)
		fail("read");
	buffer[got] = 0;
	printf("DONE %s\n", buffer);
}

static void read_path(char **args)
{
	int fd = open(args[0], O_RDONLY);

	if (fd < 0)
		fail("open");
	show(fd);
}

/* Opens the last path below a directory that is opened first. */
static void read_at(char **args)
{
	int dir = open(args[0], O_PATH | O_DIRECTORY);
	int fd;

	if (dir < 0)
		fail("open directory");
	fd = openat(dir, args[1], O_RDONLY);
	if (fd < 0)
		fail("openat");
	show(fd);
}

/* An inherited descriptor: read as it is. */
static void read_fd(char **args)
{
	show(atoi(args[0]));
}

/* An inherited descriptor: opened again through /proc. */
static void reopen_fd(char **args)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", atoi(args[0]));
	fd = open(path, O_RDONLY);
	if (fd < 0)
		fail("open");
	show(fd);
}

/* An inherited directory: a file below it. */
static void read_below_fd(char **args)
{
	int fd = openat(atoi(args[0]), args[1], O_RDONLY);

	if (fd < 0)
		fail("openat");
	show(fd);
}

static void link_path(char **args)
{
	if (link(args[0], args[1]) != 0)
		fail("link");
	done("linked");
}

static void rename_path(char **args)
{
	if (rename(args[0], args[1]) != 0)
		fail("rename");
	done("renamed");
}

static void exchange(char **args)
{
	if (syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1], 2) != 0)
		fail("renameat2");
	done("exchanged");
}

static void truncate_path(char **args)
{
	if (truncate(args[0], 0) != 0)
		fail("truncate");
	done("truncated");
}

static void open_truncate(char **args)
{
	if (open(args[0], O_RDONLY | O_TRUNC) < 0)
		fail("open");
	done("truncated");
}

static void punch(char **args)
{
	int fd = open(args[0], O_RDWR);

	if (fd < 0)
		fail("open");
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0)
		fail("fallocate");
	done("punched");
}

static void map_write(char **args)
{
	int fd = open(args[0], O_RDONLY);
	char *map;

	if (fd < 0)
		fail("open");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		/* A read-only descriptor cannot be mapped for writing at all, so the honest attack opens it again. */
		fd = open(args[0], O_RDWR);
		if (fd < 0)
			fail("open for writing");
		map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map == MAP_FAILED)
			fail("mmap");
	}
	map[0] = 'X';
	done("written");
}

static void copy_range(char **args)
{
	int from = open(args[0], O_RDONLY);
	int to = open(args[1], O_WRONLY);

	if (from < 0)
		fail("open source");
	if (to < 0)
		fail("open target");
	if (copy_file_range(from, NULL, to, NULL, 16, 0) < 0)
		fail("copy_file_range");
	done("copied");
}

static void make_fifo(char **args)
{
	if (mkfifo(args[0], 0600) != 0)
		fail("mkfifo");
	done("made");
}

static void make_device(char **args)
{
	if (mknod(args[0], S_IFCHR | 0600, makedev(1, 5)) != 0)
		fail("mknod");
	done("made");
}

static void make_socket(char **args)
{
	if (mknod(args[0], S_IFSOCK | 0600, 0) != 0)
		fail("mknod");
	done("made");
}

static void unlink_path(char **args)
{
	if (unlink(args[0]) != 0)
		fail("unlink");
	done("removed");
}

static void symlink_path(char **args)
{
	if (symlink(args[0], args[1]) != 0)
		fail("symlink");
	done("made");
}

static void chmod_path(char **args)
{
	if (chmod(args[0], 0777) != 0)
		fail("chmod");
	done("changed");
}

/* Waits until a file exists (the test has done its part), then reads another. */
static void wait_read(char **args)
{
	for (int i = 0; i < 1000 && access(args[0], F_OK) != 0; i++)
		usleep(10000);
	read_path(args + 1);
}

static void execute(char **args)
{
	execv(args[0], args);
	fail("execve");
}

/* Copies a program into anonymous memory and executes that. */
static void execute_memory(char **args)
{
	static char *const empty[] = { NULL };
	char buffer[65536];
	ssize_t got;
	int from = open(args[0], O_RDONLY);
	int fd = (int)syscall(SYS_memfd_create, "x", 0);

	if (from < 0)
		fail("open");
	if (fd < 0)
		fail("memfd_create");
	while ((got = read(from, buffer, sizeof(buffer))) > 0)
		if (write(fd, buffer, (size_t)got) != got)
			fail("write");
	syscall(SYS_execveat, fd, "", args, empty, AT_EMPTY_PATH);
	fail("execveat");
}

static void read_with_uring(char **args);

const struct action file_actions[] = {
	{ "read", 1, read_path },
	{ "read-at", 2, read_at },
	{ "read-fd", 1, read_fd },
	{ "reopen-fd", 1, reopen_fd },
	{ "read-below-fd", 2, read_below_fd },
	{ "link", 2, link_path },
	{ "rename", 2, rename_path },
	{ "exchange", 2, exchange },
	{ "truncate", 1, truncate_path },
	{ "open-truncate", 1, open_truncate },
	{ "punch", 1, punch },
	{ "map-write", 1, map_write },
	{ "copy-range", 2, copy_range },
	{ "make-fifo", 1, make_fifo },
	{ "make-device", 1, make_device },
	{ "make-socket", 1, make_socket },
	{ "unlink", 1, unlink_path },
	{ "symlink", 2, symlink_path },
	{ "chmod", 1, chmod_path },
	{ "wait-read", 2, wait_read },
	{ "execute", 1, execute },
	{ "execute-memory", 1, execute_memory },
	{ "read-with-uring", 1, read_with_uring },
	{ NULL, 0, NULL },
};

/* Opens and reads through an io_uring, so that no openat and no read passes a filter. */
static void read_with_uring(char **args)
{
	struct io_uring_params p;
	struct io_uring_sqe *sqes;
	char *ring, buffer[256] = "";
	unsigned *tail, *array, *cq_head, mask;
	struct io_uring_cqe *cqes;
	int fd, file = -1;

	memset(&p, 0, sizeof(p));
	fd = (int)syscall(SYS_io_uring_setup, 4, &p);
	if (fd < 0)
		fail("io_uring_setup");
	ring = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		    IORING_OFF_SQES);
	if (ring == MAP_FAILED || sqes == MAP_FAILED)
		fail("mmap");
	tail = (unsigned *)(ring + p.sq_off.tail);
	array = (unsigned *)(ring + p.sq_off.array);
	mask = *(unsigned *)(ring + p.sq_off.ring_mask);
	cq_head = (unsigned *)(ring + p.cq_off.head);
	cqes = (struct io_uring_cqe *)(ring + p.cq_off.cqes);
	for (int step = 0; step < 2; step++) {
		struct io_uring_sqe *sqe = &sqes[*tail & mask];
		int result;

		memset(sqe, 0, sizeof(*sqe));
		if (step == 0) {
			sqe->opcode = IORING_OP_OPENAT;
			sqe->fd = AT_FDCWD;
			sqe->addr = (unsigned long)args[0];
		} else {
			sqe->opcode = IORING_OP_READ;
			sqe->fd = file;
			sqe->addr = (unsigned long)buffer;
			sqe->len = sizeof(buffer) - 1;
		}
		array[*tail & mask] = *tail & mask;
		__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			fail("io_uring_enter");
		result = cqes[*cq_head & *(unsigned *)(ring + p.cq_off.ring_mask)].res;
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
		if (result < 0) {
			errno = -result;
			fail(step == 0 ? "uring openat" : "uring read");
		}
		if (step == 0)
			file = result;
	}
	printf("DONE %s\n", buffer);
}
