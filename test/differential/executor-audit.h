/*
 * The audit half of the executor, included by it: turns audit on, reads the records of a case from the multicast group, and
 * restores what was. One program on a machine does this at a time; a lock says so.
 */
/* The audit side: records are read from the multicast group, up to a marker that ends each case. */
static int audit_fd = -1;
static struct audit_status audit_before;

static int audit_send(int type, const void *data, size_t size)
{
	char buffer[512] __attribute__((aligned(NLMSG_ALIGNTO))) = { 0 };
	struct nlmsghdr *header = (struct nlmsghdr *)buffer;
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	header->nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	header->nlmsg_type = (uint16_t)type;
	header->nlmsg_flags = NLM_F_REQUEST;
	memcpy(NLMSG_DATA(header), data, size);
	return sendto(audit_fd, header, header->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -1 : 0;
}

static void audit_restore(void)
{
	audit_before.mask = AUDIT_STATUS_ENABLED | AUDIT_STATUS_BACKLOG_LIMIT;
	audit_send(AUDIT_SET, &audit_before, sizeof audit_before);
}

static void audit_stop(int number)
{
	audit_restore();
	_exit(128 + number);
}

static void audit_start(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 << (AUDIT_NLGRP_READLOG - 1) };
	struct audit_status status = { 0 };
	char buffer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	int size = 64 << 20, lock = open("/run/landward-audit.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0) {
		perror("audit lock");
		exit(1);
	}
	audit_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	setsockopt(audit_fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
	if (bind(audit_fd, (struct sockaddr *)&address, sizeof address) < 0 || audit_send(AUDIT_GET, &status, sizeof status) < 0) {
		perror("audit");
		exit(77);
	}
	for (;;) {
		if (recv(audit_fd, buffer, sizeof buffer, 0) < 0)
			exit(1);
		if (((struct nlmsghdr *)buffer)->nlmsg_type == AUDIT_GET)
			break;
	}
	memcpy(&audit_before, NLMSG_DATA((struct nlmsghdr *)buffer), sizeof audit_before);
	if (audit_before.enabled == 2) {
		fprintf(stderr, "audit is locked\n");
		exit(77);
	}
	atexit(audit_restore);
	signal(SIGINT, audit_stop);
	signal(SIGTERM, audit_stop);
	signal(SIGHUP, audit_stop);
	status.mask = AUDIT_STATUS_ENABLED | AUDIT_STATUS_BACKLOG_LIMIT;
	status.enabled = 1;
	audit_send(AUDIT_SET, &status, sizeof status);
}

/* Prints the records of one case, a line each with its type, then an empty line. */
static void audit_print(void)
{
	static unsigned long marks;
	char mark[64], buffer[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct pollfd poller = { .fd = audit_fd, .events = POLLIN };
	snprintf(mark, sizeof mark, "landward-mark-%d-%lu-", getpid(), ++marks);
	audit_send(AUDIT_USER, mark, strlen(mark) + 1);
	printf("P");
	for (int task = 0; task < MAX_TASKS; task++)
		printf(" %d", (int)pids[task]);
	printf("\n");
	for (;;) {
		ssize_t size;
		if (poll(&poller, 1, 20000) != 1) {
			printf("X timeout\n");
			break;
		}
		size = recv(audit_fd, buffer, sizeof buffer - 1, 0);
		if (size < 0) {
			printf("X %s\n", strerror(errno));
			break;
		}
		struct nlmsghdr *header = (struct nlmsghdr *)buffer;
		buffer[size] = 0;
		char *text = NLMSG_DATA(header);
		if (header->nlmsg_type == AUDIT_USER && strstr(text, mark))
			break;
		if (header->nlmsg_type == 1423 || header->nlmsg_type == AUDIT_SYSCALL || header->nlmsg_type == AUDIT_URINGOP)
			printf("A %d %s\n", header->nlmsg_type, text);
	}
	printf("\n");
}
