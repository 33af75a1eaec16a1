/**
 * What an alarm watches for: which denials concern it, how they are grouped, and when a group is worth a word. Owns the
 * shape and its TOML schema; rules that ship with landward are `shipped.ts`.
 */

import type { DenialEvent } from '../../model/denial.ts';
import { compileGlob, type Glob } from '../../model/glob.ts';
import type { TypeOf } from '../../policy/schema-kinds.ts';
import { readDuration } from '../../policy/units.ts';
import { readConfig } from '../read-config.ts';

/** What of a denial can be compared, counted or remembered. */
export const FIELDS = [
  'program',
  'comm',
  'user',
  'run',
  'domain',
  'policy',
  'right',
  'operation',
  'path',
  'address',
  'port',
  'object',
  'pid',
] as const;
export type Field = (typeof FIELDS)[number];

export const SEVERITIES = ['low', 'medium', 'high'] as const;

/** A rule as it is carried out. */
export interface AlarmRule {
  readonly name: string;
  readonly say: string;
  readonly severity: (typeof SEVERITIES)[number];
  readonly match: {
    readonly effect?: readonly DenialEvent['effect'][] | undefined;
    /** Rights, or categories with a dot at the end. */
    readonly right?: readonly string[] | undefined;
    readonly path?: readonly Glob[] | undefined;
    readonly program?: readonly string[] | undefined;
    readonly operation?: readonly string[] | undefined;
    readonly address?: readonly string[] | undefined;
    readonly port?: readonly number[] | undefined;
    readonly uid?: readonly number[] | undefined;
    readonly object?: readonly string[] | undefined;
  };
  /** Each combination of these is counted by itself. */
  readonly group: readonly Field[];
  /** `rate`: so many denials, or different values of `distinct`, within the window. `first-seen`: a key never met before. */
  readonly when:
    | {
        readonly kind: 'rate';
        readonly threshold: number;
        /** Milliseconds. */
        readonly window: number;
        readonly distinct?: Field | undefined;
      }
    | { readonly kind: 'first-seen'; readonly key: readonly Field[] };
  /** Milliseconds in which a group that has alarmed stays silent. */
  readonly quiet: number;
  /** A program and its arguments that get the alarm as JSON on standard input. */
  readonly exec?: readonly string[] | undefined;
}

const text = { kind: 'string', pattern: '^[^\\0]+$', expects: 'text' } as const;
const texts = { kind: 'list', of: text, min: 1 } as const;
const field = { kind: 'string', values: FIELDS } as const;
const duration = {
  kind: 'string',
  pattern: '^[0-9]+(ms|s|m|h|d)$',
  expects: 'a duration such as "30s", "10m" or "1d"',
} as const;
const numbers = { kind: 'list', of: { kind: 'integer', min: 0, max: 0xffff_ffff }, min: 1 } as const;

/** The schema of a file of alarms. */
export const ALARM_SCHEMA = {
  kind: 'table',
  required: ['alarm'],
  keys: {
    alarm: {
      kind: 'list',
      min: 1,
      of: {
        kind: 'table',
        required: ['name', 'match'],
        keys: {
          name: {
            kind: 'string',
            pattern: '^[a-z0-9][a-z0-9-]{0,62}$',
            expects: 'lower-case letters, digits and hyphens',
          },
          say: text,
          severity: { kind: 'string', values: SEVERITIES },
          match: {
            kind: 'table',
            keys: {
              effect: {
                kind: 'list',
                min: 1,
                of: { kind: 'string', values: ['denied', 'hidden', 'observed'] },
              },
              right: texts,
              path: {
                kind: 'list',
                min: 1,
                of: { kind: 'string', pattern: '^/[^\\0]*$', expects: 'an absolute glob' },
              },
              program: texts,
              operation: texts,
              address: texts,
              port: numbers,
              uid: numbers,
              object: {
                kind: 'list',
                min: 1,
                of: { kind: 'string', values: ['path', 'net', 'unix', 'task', 'mount', 'none'] },
              },
            },
          },
          group: { kind: 'list', of: field },
          threshold: { kind: 'integer', min: 1, max: 100_000 },
          window: duration,
          distinct: field,
          'first-seen': { kind: 'list', of: field, min: 1 },
          quiet: duration,
          exec: texts,
        },
      },
    },
  },
} as const;

/** What a rule counts by when it does not say. */
const GROUP: readonly Field[] = ['program', 'user'];

/**
 * Reads a file of alarms.
 *
 * @param file the name that a person knows the text by
 * @throws LandwardError or PolicyErrors with the place of each problem
 * @example await readAlarms('alarms.toml', '[[alarm]]\nname = "x"\nmatch = { right = ["ptrace"] }\nthreshold = 1\nwindow = "1m"')
 */
export async function readAlarms(file: string, source: Uint8Array | string): Promise<readonly AlarmRule[]> {
  const { alarm } = await readConfig<TypeOf<typeof ALARM_SCHEMA>>(file, source, ALARM_SCHEMA);
  return alarm.map((rule) => {
    const key = rule['first-seen'];
    return {
      name: rule.name,
      say: rule.say ?? rule.name,
      severity: rule.severity ?? 'medium',
      match: { ...rule.match, path: rule.match.path?.map(compileGlob) },
      group: rule.group ?? GROUP,
      when:
        key === undefined
          ? {
              kind: 'rate',
              threshold: rule.threshold ?? 1,
              window: readDuration(rule.window ?? '1m')!,
              distinct: rule.distinct,
            }
          : { kind: 'first-seen', key },
      quiet: readDuration(rule.quiet ?? '10m')!,
      exec: rule.exec,
    };
  });
}
