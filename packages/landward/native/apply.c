/* The one routine that applies an image. See apply.h. */

#include "apply.h"
#include "linux.h"

/* Whether `bytes` bytes at `offset` lie in [start, size) and are aligned. */
static int within(uint64_t offset, uint64_t bytes, uint64_t align, uint64_t start, uint64_t size) {
  return offset >= start && offset <= size && size - offset >= bytes && offset % align == 0;
}

static int step_is_sound(const struct step *step, uint64_t data, uint64_t size) {
  if (step->kinds >> 24 != 0) return 0;
  if (step->store != 0 && !within((uint64_t)step->store - 1, 4, 4, data, size)) return 0;
  for (unsigned int i = 0; i < 6; i++) {
    unsigned int kind = step->kinds >> (4 * i) & 0xf;
    if (kind == ARG_NUMBER) continue;
    if (kind == ARG_ADDRESS && within(step->args[i], 0, 1, data, size)) continue;
    if (kind == ARG_SLOT && within(step->args[i], 4, 4, data, size)) continue;
    return 0;
  }
  return 1;
}

int image_is_sound(const void *image, size_t length) {
  const struct image *header = image;
  if (length < sizeof *header || (uintptr_t)image % 8 != 0) return 0;
  if (header->magic != IMAGE_MAGIC || header->version != IMAGE_VERSION) return 0;
  if (header->reserved != 0 || header->size > length) return 0;

  uint64_t size = header->size;
  uint64_t steps_bytes = (uint64_t)header->step_count * sizeof(struct step);
  uint64_t relocs_bytes = (uint64_t)header->reloc_count * sizeof(uint32_t);
  if (!within(header->steps, steps_bytes, 8, sizeof *header, size)) return 0;
  if (!within(header->relocs, relocs_bytes, 4, sizeof *header, size)) return 0;

  uint64_t steps_end = header->steps + steps_bytes;
  uint64_t relocs_end = header->relocs + relocs_bytes;
  uint64_t data = steps_end > relocs_end ? steps_end : relocs_end;

  const char *bytes = image;
  const struct step *steps = (const struct step *)(bytes + header->steps);
  for (uint32_t i = 0; i < header->step_count; i++) {
    if (!step_is_sound(&steps[i], data, size)) return 0;
  }
  const uint32_t *relocs = (const uint32_t *)(bytes + header->relocs);
  for (uint32_t i = 0; i < header->reloc_count; i++) {
    if (!within(relocs[i], 8, 8, data, size)) return 0;
  }
  return 1;
}

int image_ends_in_exec(const void *image) {
  const struct image *header = image;
  if (header->step_count == 0) return 0;
  const struct step *steps = (const struct step *)((const char *)image + header->steps);
  uint32_t nr = steps[header->step_count - 1].nr;
  return nr == NR_execve || nr == NR_execveat;
}

/* Makes the addresses inside the image those of where it lies now. Does nothing the second time. */
static void relocate(char *bytes, struct image *header) {
  uint64_t moved = (uint64_t)(uintptr_t)bytes - header->base;
  if (moved == 0) return;
  const uint32_t *relocs = (const uint32_t *)(bytes + header->relocs);
  for (uint32_t i = 0; i < header->reloc_count; i++) *(uint64_t *)(bytes + relocs[i]) += moved;
  header->base += moved;
}

static long argument(const char *bytes, const struct step *step, unsigned int index) {
  uint64_t value = step->args[index];
  switch (step->kinds >> (4 * index) & 0xf) {
    case ARG_ADDRESS:
      return (long)(uintptr_t)(bytes + value);
    case ARG_SLOT:
      return *(const int32_t *)(bytes + value);
    default:
      return (long)value;
  }
}

struct applied image_apply(void *image) {
  char *bytes = image;
  struct image *header = image;
  relocate(bytes, header);

  const struct step *steps = (const struct step *)(bytes + header->steps);
  long result = 0;
  for (uint32_t i = 0; i < header->step_count; i++) {
    const struct step *step = &steps[i];
    result = sys((long)step->nr, argument(bytes, step, 0), argument(bytes, step, 1), argument(bytes, step, 2),
                 argument(bytes, step, 3), argument(bytes, step, 4), argument(bytes, step, 5));
    if (sys_failed(result)) {
      uint32_t error = (uint32_t)-result;
      if (step->ok_errno != ANY_ERRNO && step->ok_errno != error) {
        return (struct applied){.step = (int32_t)i, .error = (int32_t)error};
      }
    }
    if (step->store != 0) *(int32_t *)(bytes + step->store - 1) = (int32_t)result;
  }
  return (struct applied){.step = -1, .error = 0, .result = result};
}
