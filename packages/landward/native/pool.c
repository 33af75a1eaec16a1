/* The threads that apply images of jobs. See jobs.h. */

#include "apply.h"
#include "futex.h"
#include "job.h"
#include "spawn.h"
#include "thread.h"

#define IDLE_MOST 4
#define BY_PID 1
#define WAIT_EXITED 4
#define WAIT_LEAVE 0x01000000
#define SIGINFO_BYTES 128

static void tell(struct jobs *jobs, uint32_t number, struct outcome outcome) {
  struct entry entry = {.kind = ENTRY_JOB, .key = number, .outcome = outcome};
  ring_write(jobs->ring, &entry);
}

static struct outcome failure(int32_t error) {
  return (struct outcome){.step = -1, .error = error, .pid = -1, .pidfd = -1};
}

/* Forgets the descriptor before anybody can close it, so that no other process is ever killed by its number. */
static struct outcome start(struct jobs *jobs, struct job *job) {
  struct spawned spawned = spawn_image_at(job->image, &job->pidfd);
  lock(&jobs->lock);
  int32_t pidfd = job->pidfd;
  job->pidfd = -1;
  unlock(&jobs->lock);
  if (spawned.pid < 0 && pidfd >= 0) sys(NR_close, pidfd, 0, 0, 0, 0, 0);
  return (struct outcome){spawned.step, spawned.error, spawned.pid, spawned.pidfd, 0};
}

static struct outcome carry_out(struct jobs *jobs, struct job *job) {
  if (job->flags & JOB_SPAWN) return start(jobs, job);
  struct applied applied = image_apply(job->image);
  return (struct outcome){applied.step, applied.error, -1, -1, applied.result};
}

/* Until the process is gone. Leaves its exit to whoever takes it. */
static void outlive(int32_t pid) {
  uint64_t info[SIGINFO_BYTES / 8];
  while (sys(NR_waitid, BY_PID, pid, (long)info, WAIT_EXITED | WAIT_LEAVE, 0, 0) == -E_INTR) {
  }
}

static void *work(void *context);

/* With the lock held. Returns 0 or -errno. */
static long add_thread(struct jobs *jobs) {
  if (jobs->threads >= jobs->most) return -E_AGAIN;
  jobs->threads++;
  __atomic_add_fetch(jobs->users, 1, __ATOMIC_SEQ_CST);
  long error = thread_start(work, jobs);
  if (error == 0) return 0;
  jobs->threads--;
  __atomic_sub_fetch(jobs->users, 1, __ATOMIC_SEQ_CST);
  return error;
}

/* The next job, taken out of the queue; 0 when the thread should end. With the lock held. */
static struct job *next_job(struct jobs *jobs) {
  while (!jobs->first) {
    if (jobs->closed || jobs->idle >= IDLE_MOST) return 0;
    uint32_t calls = get(&jobs->calls);
    jobs->idle++;
    unlock(&jobs->lock);
    sleep_while(&jobs->calls, calls, 0);
    lock(&jobs->lock);
    jobs->idle--;
  }
  struct job *job = jobs->first;
  jobs->first = job->next;
  if (!jobs->first) jobs->end = 0;
  return job;
}

/* Whether the thread may go on with another job. With the lock held, which it gives up in between. */
static int run_job(struct jobs *jobs, struct job *job) {
  uint32_t number = job->number;
  uint32_t flags = job->flags;
  long error = job->cancelled ? -E_CANCELED : jobs->idle > 0 ? 0 : add_thread(jobs);
  struct outcome outcome = failure((int32_t)-error);
  if (error == 0) {
    job->state = RUNNING;
    job->tid = (int32_t)sys(NR_gettid, 0, 0, 0, 0, 0, 0);
    jobs->running++;
    unlock(&jobs->lock);
    outcome = carry_out(jobs, job);
    lock(&jobs->lock);
    jobs->running--;
    if (job->cancelled) jobs->cancelled--;
  }
  int interrupted = job->cancelled && error == 0;
  job->state = ENDED;
  int used_up = error == 0 && flags & (JOB_ONCE | JOB_KEEP);
  int keep = flags & JOB_KEEP && outcome.pid > 0;
  if (keep) jobs->kept++;
  unlock(&jobs->lock);
  /* Takes a late interruption here, where it does no harm. */
  if (interrupted) sys(NR_gettid, 0, 0, 0, 0, 0, 0);
  tell(jobs, number, outcome);
  if (keep) outlive(outcome.pid);
  lock(&jobs->lock);
  if (keep) jobs->kept--;
  return !used_up;
}

static void *work(void *context) {
  struct jobs *jobs = context;
  /* A directory and a umask of its own: those of the maker change with what it emulates. */
  sys(NR_unshare, CLONE_FS_, 0, 0, 0, 0, 0);
  lock(&jobs->lock);
  struct job *job = next_job(jobs);
  while (job && run_job(jobs, job)) job = next_job(jobs);
  jobs->threads--;
  unlock(&jobs->lock);
  jobs->gone(jobs->owner);
  return 0;
}

long jobs_open(struct jobs *jobs) {
  lock(&jobs->lock);
  long error = add_thread(jobs);
  unlock(&jobs->lock);
  return error;
}
