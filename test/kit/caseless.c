/*
 * A file system whose names have no case, as FAT and the shares of other systems: /project with the files `secret` and
 * `plain`. Serves it by FUSE at a directory until it is unmounted.
 *
 *     caseless DIRECTORY
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROOT = 1, PROJECT, SECRET, PLAIN };
static const char CONTENT[] = "content\n";

static void attributes(struct fuse_attr *attr, unsigned long node) {
  memset(attr, 0, sizeof(*attr));
  attr->ino = node;
  attr->mode = node <= PROJECT ? S_IFDIR | 0755 : S_IFREG | 0644;
  attr->nlink = 1;
  attr->size = node <= PROJECT ? 0 : sizeof(CONTENT) - 1;
  attr->blksize = 4096;
}

static unsigned long find(unsigned long parent, const char *name) {
  if (parent == ROOT && !strcasecmp(name, "project")) return PROJECT;
  if (parent == PROJECT && !strcasecmp(name, "secret")) return SECRET;
  if (parent == PROJECT && !strcasecmp(name, "plain")) return PLAIN;
  return 0;
}

static char request[135168], answer[8192];

static int reply(int fd, unsigned long unique, int error, size_t size) {
  struct fuse_out_header *out = (void *)answer;
  *out = (struct fuse_out_header){sizeof(*out) + (error ? 0 : size), error, unique};
  return write(fd, answer, out->len) == (ssize_t)out->len || errno == ENOENT ? 0 : 1;
}

static int serve(int fd, struct fuse_in_header *in) {
  void *body = in + 1, *out = answer + sizeof(struct fuse_out_header);
  memset(answer, 0, sizeof(answer));
  switch (in->opcode) {
    case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT:
      return 0;
    case FUSE_INIT: {
      struct fuse_init_out *init = out;
      *init = (struct fuse_init_out){.major = 7, .minor = 31, .max_write = 4096, .max_background = 8, .time_gran = 1};
      return reply(fd, in->unique, 0, sizeof(*init));
    }
    case FUSE_LOOKUP: {
      struct fuse_entry_out *entry = out;
      entry->nodeid = find(in->nodeid, body);
      if (entry->nodeid == 0) return reply(fd, in->unique, -ENOENT, 0);
      attributes(&entry->attr, entry->nodeid);
      return reply(fd, in->unique, 0, sizeof(*entry));
    }
    case FUSE_GETATTR: {
      struct fuse_attr_out *attr = out;
      attributes(&attr->attr, in->nodeid);
      return reply(fd, in->unique, 0, sizeof(*attr));
    }
    case FUSE_OPEN: case FUSE_OPENDIR:
      return reply(fd, in->unique, 0, sizeof(struct fuse_open_out));
    case FUSE_READ: {
      const struct fuse_read_in *read = body;
      size_t left = read->offset < sizeof(CONTENT) - 1 ? sizeof(CONTENT) - 1 - read->offset : 0;
      memcpy(out, CONTENT + sizeof(CONTENT) - 1 - left, left);
      return reply(fd, in->unique, 0, left);
    }
    case FUSE_READDIR: case FUSE_RELEASE: case FUSE_RELEASEDIR: case FUSE_FLUSH: case FUSE_ACCESS:
      return reply(fd, in->unique, 0, 0);
    case FUSE_STATFS:
      return reply(fd, in->unique, 0, sizeof(struct fuse_statfs_out));
    default:
      return reply(fd, in->unique, -ENOSYS, 0);
  }
}

int main(int argc, char **argv) {
  char options[128];
  int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (argc != 2 || fd < 0) return 2;
  snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fd);
  if (mount("caseless", argv[1], "fuse.caseless", MS_NOSUID | MS_NODEV, options)) return perror("mount"), 3;
  puts("ready");
  fflush(stdout);
  while (read(fd, request, sizeof(request)) > 0)
    if (serve(fd, (void *)request)) return 4;
  return 0;
}
