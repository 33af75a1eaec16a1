/* Prints the layouts of the headers as JSON, for the test that compares them with those of TypeScript. */

#include <stdio.h>

#include "../apply.h"
#include "../jobs.h"
#include "../launch.h"
#include "../ring.h"

int main(void) {
  printf("{\"image\":{\"magic\":%u,\"header\":{\"magic\":%zu,\"version\":%zu,\"size\":%zu,\"steps\":%zu,\"stepCount\":%zu,"
         "\"relocs\":%zu,\"relocCount\":%zu,\"reserved\":%zu,\"base\":%zu,\"bytes\":%zu},",
         IMAGE_MAGIC, offsetof(struct image, magic), offsetof(struct image, version), offsetof(struct image, size),
         offsetof(struct image, steps), offsetof(struct image, step_count), offsetof(struct image, relocs),
         offsetof(struct image, reloc_count), offsetof(struct image, reserved), offsetof(struct image, base),
         sizeof(struct image));
  printf("\"step\":{\"nr\":%zu,\"kinds\":%zu,\"store\":%zu,\"okErrno\":%zu,\"args\":%zu,\"bytes\":%zu},\"anyErrno\":%u},",
         offsetof(struct step, nr), offsetof(struct step, kinds), offsetof(struct step, store),
         offsetof(struct step, ok_errno), offsetof(struct step, args), sizeof(struct step), ANY_ERRNO);
  printf("\"arg\":{\"NUMBER\":%d,\"ADDRESS\":%d,\"SLOT\":%d},", ARG_NUMBER, ARG_ADDRESS, ARG_SLOT);
  printf("\"job\":{\"SPAWN\":%d,\"KEEP\":%d,\"ONCE\":%d},", JOB_SPAWN, JOB_KEEP, JOB_ONCE);
  size_t outcome = offsetof(struct entry, outcome);
  printf("\"entry\":{\"kind\":%zu,\"key\":%zu,\"notification\":%zu,\"outcome\":{\"step\":%zu,\"error\":%zu,\"pid\":%zu,"
         "\"pidfd\":%zu,\"result\":%zu},\"error\":%zu,\"bytes\":%zu,",
         offsetof(struct entry, kind), offsetof(struct entry, key), offsetof(struct entry, notification),
         outcome + offsetof(struct outcome, step), outcome + offsetof(struct outcome, error),
         outcome + offsetof(struct outcome, pid), outcome + offsetof(struct outcome, pidfd),
         outcome + offsetof(struct outcome, result), offsetof(struct entry, error), sizeof(struct entry));
  printf("\"kinds\":{\"notification\":%d,\"hungup\":%d,\"failed\":%d,\"wake\":%d,\"job\":%d}},", ENTRY_NOTIFICATION,
         ENTRY_HUNGUP, ENTRY_FAILED, ENTRY_WAKE, ENTRY_JOB);
  printf("\"launch\":{\"address\":%lu,\"magic\":%u,\"version\":%u,\"seed\":\"%lu\",\"factor\":\"%lu\",\"header\":{\"magic\":%zu,\"version\":%zu,\"size\":%zu,"
         "\"image\":%zu,\"program\":%zu,\"passAll\":%zu,\"bytes\":%zu},",
         LAUNCH_ADDRESS, LAUNCH_MAGIC, LAUNCH_VERSION, LAUNCH_SEED, LAUNCH_FACTOR, offsetof(struct launch, magic), offsetof(struct launch, version),
         offsetof(struct launch, size), offsetof(struct launch, image), offsetof(struct launch, program),
         offsetof(struct launch, pass_all), sizeof(struct launch));
  printf("\"texts\":{\"args\":%zu,\"pass\":%zu,\"scrub\":%zu,\"set\":%zu,\"steps\":%zu}}}\n",
         offsetof(struct launch, arguments), offsetof(struct launch, pass), offsetof(struct launch, scrub),
         offsetof(struct launch, set), offsetof(struct launch, steps));
  return 0;
}
