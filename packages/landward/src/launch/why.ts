/**
 * A question about a policy, answered twice: by the rules as written, and by what this kernel alone would hold of them.
 *
 * Asks the model for both and decides nothing. The second answer comes from the compiled plan: its ruleset through the
 * model of Landlock, its filter through the interpreter.
 */

import { LandwardError } from '../errors.ts';
import { encodeCall, interpret } from '../filter/interpret.ts';
import { unpackProgram } from '../filter/program.ts';
import { decideRules } from '../model/decide-rules.ts';
import { linux, plainLandlock } from '../model/landlock/index.ts';
import type { PlainObject } from '../model/landlock/plain.ts';
import type { InodeType } from '../model/landlock/world.ts';
import { type Change, explainRules } from '../model/rules/explain.ts';
import type { Request, RulesDecision } from '../model/rules.ts';
import { PATH_OPERATIONS, readQuestion } from '../policy/ask.ts';
import { isRefusal } from '../policy/expand.ts';
import type { Host, PathFact, Plan } from '../policy/plan.ts';
import { systemScope } from '../policy/vars.ts';
import { AUDIT_ARCH } from '../uapi/audit-arch.ts';
import { FS_RIGHTS, type FsRight } from '../uapi/landlock.ts';
import { SECCOMP_RET, SECCOMP_RET_ACTION_FULL, SECCOMP_RET_DATA } from '../uapi/seccomp.ts';
import { syscallNumber } from '../uapi/syscalls.ts';
import { absolutePattern } from './command-line.ts';
import { systemVariables } from './variables.ts';

/** What the kernel alone does with a request. */
export interface KernelAnswer {
  readonly allowed: boolean;
  /** 0 when allowed. */
  readonly errno: number;
  /** Who refuses: the Landlock ruleset, the seccomp filter, or nobody. */
  readonly by: 'landlock' | 'filter' | 'nobody';
  /** Whether the kernel is as strict as the rules: `weaker` is a gap, `stricter` is said in the report. */
  readonly against: 'equal' | 'weaker' | 'stricter';
}

/** A question with its answers. */
export interface WhyAnswer {
  readonly question: string;
  readonly request: Request;
  readonly decision: RulesDecision;
  /** What stands in the way, oldest layer first. */
  readonly changes: readonly Change[];
  /** `null` where the kernel has no notion of what is asked (metadata). */
  readonly kernel: KernelAnswer | null;
  /** Where the two answers are about different things, such as a host that the kernel does not look at. */
  readonly notes: readonly string[];
}

/**
 * Answers a question.
 *
 * @param plan the policy's plan for `host`, gaps included
 * @param cwd what `$project` stands for in the question, and where its relative paths start
 * @param question an operation and its object, such as `read ~/.ssh/id_ed25519` or `connect tcp:443`
 * @throws LandwardError USAGE for a question that cannot be read
 */
export function why(plan: Plan, host: Host, question: string, cwd: string): WhyAnswer {
  const request = readQuestion(fromDirectory(question, cwd), systemScope(systemVariables(cwd)).lookup);
  if (isRefusal(request))
    throw new LandwardError('USAGE', request.refused, { part: question, fix: request.fix });
  const real = realRequest(request, host);
  const decision = decideRules(plan.layers, real);
  const kernel = kernelAnswer(plan, host, real);
  return {
    question,
    request: real,
    decision,
    changes: explainRules(plan.layers, real),
    kernel:
      kernel === null ? null : { ...kernel, against: compare(decision.verdict === 'allow', kernel.allowed) },
    notes: [
      ...programNotes(plan),
      ...(real.kind === 'net' && kernel?.allowed ? networkNotes(plan, host, real) : []),
    ],
  };
}

/** A question whose relative paths start from a directory. `connect x` is a target: a socket there is `./x`. */
function fromDirectory(question: string, cwd: string): string {
  const match = /^(\s*(\S+)\s+)(\S[\s\S]*?)\s*$/.exec(question);
  if (match === null) return question;
  const [, head, operation, object] = match as unknown as [string, string, string, string];
  const absolute = (path: string) => {
    const directory = /(^|\/)\.{1,2}$/.test(path) ? '/' : '';
    return `${absolutePattern(path, cwd)}${directory}`;
  };
  if (['rename', 'link', 'exchange'].includes(operation))
    return (
      head +
      object
        .split(/\s+->\s+/)
        .map(absolute)
        .join(' -> ')
    );
  const aboutPath =
    Object.hasOwn(PATH_OPERATIONS, operation) ||
    /^(fs|meta)\./.test(operation) ||
    (['connect', 'listen'].includes(operation) && /^\.{1,2}\//.test(object));
  return aboutPath ? head + absolute(object) : question;
}

/** Programs decide on what is there when they are asked: nobody can ask them ahead. */
function programNotes({ supervisor }: Plan): string[] {
  const names = supervisor?.programs?.map(({ name }) => name) ?? [];
  return names.length === 0 ? [] : [`policy programs may refuse it all the same: ${names.join(', ')}`];
}

/** What the kernel's yes to a connection leaves out: it looks at ports alone, and a name must be looked up first. */
function networkNotes(plan: Plan, host: Host, request: Extract<Request, { kind: 'net' }>): string[] {
  const { right, port, name, address } = request;
  const notes: string[] = [];
  const named = name !== undefined || address !== undefined;
  if (named && decideRules(plan.layers, { kind: 'net', right, port }).verdict !== 'allow')
    notes.push(`the kernel tells ports apart, not hosts: port ${port} of every host is as open as this one`);
  if (name === undefined) return notes;
  const reaches = (lookup: 'net.connect_send_udp' | 'net.connect_tcp') =>
    kernelAnswer(plan, host, { kind: 'net', right: lookup, port: 53 })?.allowed === true;
  if (reaches('net.connect_send_udp')) return notes;
  if (!reaches('net.connect_tcp'))
    notes.push('port 53 is refused for UDP and TCP: the name must be known without a lookup in DNS');
  else if (!(plan.env.set.RES_OPTIONS ?? '').includes('use-vc'))
    notes.push('UDP to port 53 is refused: the name is looked up only where RES_OPTIONS=use-vc asks by TCP');
  return notes;
}

function compare(rules: boolean, kernel: boolean): KernelAnswer['against'] {
  return rules === kernel ? 'equal' : kernel ? 'weaker' : 'stricter';
}

/** The request on the objects that symbolic links lead to, as the kernel sees it; what does not exist stays as written. */
function realRequest(request: Request, host: Host): Request {
  const follow = (path: string): string => {
    const fact = host.stat([path])[0];
    if (fact != null) return fact.real;
    const slash = path.lastIndexOf('/');
    if (slash <= 0) return path;
    const above = follow(path.slice(0, slash));
    return `${above === '/' ? '' : above}${path.slice(slash)}`;
  };
  if (request.kind === 'path') {
    const path = follow(request.path);
    // To read a directory is to list it: the kernel asks another right of it than of a file.
    const listing = request.rights.includes('fs.read_file') && host.stat([path])[0]?.type === 'directory';
    const rights = request.rights.map((right) =>
      listing && right === 'fs.read_file' ? 'fs.read_dir' : right,
    );
    return { ...request, path, rights: [...new Set(rights)] };
  }
  // Rename and link name entries, whose directories are followed and whose last component is not.
  const entry = (path: string) => {
    const slash = path.lastIndexOf('/');
    const above = follow(path.slice(0, slash) || '/');
    return `${above === '/' ? '' : above}${path.slice(slash)}`;
  };
  if (request.kind === 'refer') {
    const [from, to] = [entry(request.from), entry(request.to)];
    const [source, target] = host.stat([from, to]);
    const directory = source == null ? {} : { directory: source.type === 'directory' };
    return { ...directory, ...request, from, to, replaces: target != null };
  }
  return request;
}

function kernelAnswer(plan: Plan, host: Host, request: Request): Omit<KernelAnswer, 'against'> | null {
  const filtered = filterErrno(plan, request);
  if (filtered !== 0) return { allowed: false, errno: filtered, by: 'filter' };
  if (plan.ruleset === null) return { allowed: true, errno: 0, by: 'nobody' };
  const landlock = plainLandlock(linux(host.abi, { errata: host.errata }), [plan.ruleset], (path) =>
    objectOf(host.stat([path])[0]),
  );
  const answer = (() => {
    switch (request.kind) {
      case 'path': {
        const rights = request.rights.filter((right): right is FsRight => Object.hasOwn(FS_RIGHTS, right));
        return rights.length < request.rights.length ? null : landlock.path(request.path, rights);
      }
      case 'refer':
        return landlock.refer(request.operation, request.from, request.to);
      case 'net':
        return landlock.port(request.right, request.port);
      case 'scope':
        return landlock.scope(request.scope);
      default:
        return request.path === undefined
          ? landlock.scope('scope.abstract_unix_socket')
          : request.operation === 'connect'
            ? landlock.unix(request.path)
            : landlock.path(request.path, ['fs.make_sock']);
    }
  })();
  return answer === null
    ? null
    : { allowed: answer.allowed, errno: answer.errno, by: answer.allowed ? 'nobody' : 'landlock' };
}

const TYPES = {
  file: 'reg',
  directory: 'dir',
  char: 'char',
  block: 'block',
  fifo: 'fifo',
  socket: 'sock',
} as const satisfies Record<PathFact['type'], InodeType>;

/** Hard links share their inode, and what is bind-mounted shares it with its source: a rule on one is a rule on both. */
function objectOf(fact: PathFact | null | undefined): PlainObject {
  return fact == null ? null : { type: TYPES[fact.type], inode: `${fact.dev}:${fact.ino}` };
}

const AF_UNIX = 1;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const EPERM = 1;

/** What the filter answers to the `socket` call that a request needs; 0 where it lets it pass or has no say. */
function filterErrno(plan: Plan, request: Request): number {
  if (plan.filter === null || (request.kind !== 'net' && request.kind !== 'unix')) return 0;
  const tcp =
    request.kind === 'net' && (request.right === 'net.bind_tcp' || request.right === 'net.connect_tcp');
  const args =
    request.kind === 'unix' ? [AF_UNIX, SOCK_STREAM, 0] : [AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0];
  const call = { nr: syscallNumber(plan.arch, 'socket')!, arch: AUDIT_ARCH[plan.arch], args };
  const result = interpret(unpackProgram(plan.filter), encodeCall(call));
  const action = (result & SECCOMP_RET_ACTION_FULL) >>> 0;
  if (action === SECCOMP_RET.ALLOW) return 0;
  return action === SECCOMP_RET.ERRNO ? result & SECCOMP_RET_DATA : EPERM;
}
