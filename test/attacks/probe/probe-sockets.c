/*
 * Attacks through sockets. Same form as probe-files.c: tries, prints, decides nothing.
 */
#include "probe.h"

static struct sockaddr_in loopback(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port)) };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static int made(int family, int type, int protocol)
{
	int fd = socket(family, type, protocol);

	if (fd < 0)
		fail("socket");
	return fd;
}

static void connect_tcp(char **args)
{
	struct sockaddr_in address = loopback(args[0]);

	if (connect(made(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	done("connected");
}

/* The IPv4 address in its IPv6 spelling. */
static void connect_mapped(char **args)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_port = htons((unsigned short)atoi(args[0])) };

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &address.sin6_addr);
	if (connect(made(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	done("connected");
}

static void connect_mptcp(char **args)
{
	struct sockaddr_in address = loopback(args[0]);

	if (connect(made(AF_INET, SOCK_STREAM, 262), (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	done("connected");
}

/* TCP Fast Open: sendto() that connects by itself. */
static void connect_fastopen(char **args)
{
	struct sockaddr_in address = loopback(args[0]);

	if (sendto(made(AF_INET, SOCK_STREAM, 0), "x", 1, MSG_FASTOPEN, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("sendto");
	done("connected");
}

static void bind_tcp(char **args)
{
	struct sockaddr_in address = loopback(args[0]);
	int fd = made(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("bind");
	if (listen(fd, 1) != 0)
		fail("listen");
	done("listening");
}

/* listen() without bind() lets the kernel choose a port. */
static void listen_unbound(char **args)
{
	(void)args;
	if (listen(made(AF_INET, SOCK_STREAM, 0), 1) != 0)
		fail("listen");
	done("listening");
}

static void send_udp(char **args)
{
	struct sockaddr_in address = loopback(args[0]);

	if (sendto(made(AF_INET, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("sendto");
	done("sent");
}

static void open_socket(char **args)
{
	made(atoi(args[0]), atoi(args[1]), atoi(args[2]));
	done("made");
}

static void connect_unix(char **args)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strncpy(address.sun_path, args[0], sizeof(address.sun_path) - 1);
	if (connect(made(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	done("connected");
}

static void connect_abstract(char **args)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(args[0]));

	strncpy(address.sun_path + 1, args[0], sizeof(address.sun_path) - 2);
	if (connect(made(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, size) != 0)
		fail("connect");
	done("connected");
}

/* A datagram to a path, from a socket that socketpair() made. */
static void send_unix_pair(char **args)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int pair[2];

	strncpy(address.sun_path, args[0], sizeof(address.sun_path) - 1);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
		fail("socketpair");
	if (sendto(pair[0], "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) != 1)
		fail("sendto");
	done("sent");
}

/* The benign twin: a stream pair reaches nobody else and shells, Node and git need it. */
static void stream_pair(char **args)
{
	int pair[2];

	(void)args;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		fail("socketpair");
	done("made");
}

const struct action socket_actions[] = {
	{ "connect-tcp", 1, connect_tcp },
	{ "connect-mapped", 1, connect_mapped },
	{ "connect-mptcp", 1, connect_mptcp },
	{ "connect-fastopen", 1, connect_fastopen },
	{ "bind-tcp", 1, bind_tcp },
	{ "listen-unbound", 0, listen_unbound },
	{ "send-udp", 1, send_udp },
	{ "socket", 3, open_socket },
	{ "connect-unix", 1, connect_unix },
	{ "connect-abstract", 1, connect_abstract },
	{ "send-unix-pair", 1, send_unix_pair },
	{ "stream-pair", 0, stream_pair },
	{ NULL, 0, NULL },
};
