/**
 * The alarms that ship with landward, as a file of a user would state them. Each is proven by an attack in
 * `test/live/store-alarms.test.ts`.
 *
 * Owns which patterns are worth a word; what a pattern means is `rule.ts`.
 */

import type { AlarmRule } from './rule.ts';
import { readAlarms } from './rule.ts';

/** Where keys and tokens of people lie. */
const KEYS = [
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.config/{gcloud,gh,op}',
  '.local/share/keyrings',
  '.mozilla',
  '.config/{google-chrome,chromium}',
  '.password-store',
];
const FILES = ['.netrc', '.npmrc', '.pypirc', '.git-credentials', '.vault-token', '.pgpass', '.my.cnf'];

const HOMES = '/{home/*,root}';
const KEY_PATHS = [
  ...KEYS.map((folder) => `${HOMES}/${folder}/**`),
  ...FILES.map((file) => `${HOMES}/${file}`),
  '/etc/{shadow,gshadow}',
  '/etc/{ssh,ssl/private}/**',
];

/** The text of the shipped alarms: `landward watch --print` shows it as a start for one's own. */
export const SHIPPED_TEXT = `# Many different keys: no program needs them all. One denied read of a key is often an honest tool that looks around.
[[alarm]]
name = "key-hunting"
say = "A program tried to reach several different keys or tokens"
severity = "high"
match = { right = ["fs.read_file", "fs.read_dir", "meta."], path = [
${KEY_PATHS.map((path) => `  ${JSON.stringify(path)},`).join('\n')}
] }
group = ["program", "user"]
distinct = "path"
threshold = 3
window = "5m"

[[alarm]]
name = "port-scan"
say = "A program tried many different ports or addresses"
severity = "high"
match = { right = ["net.connect_tcp", "net.connect_send_udp"] }
group = ["program", "user"]
distinct = "object"
threshold = 10
window = "1m"

[[alarm]]
name = "ptrace"
say = "A program tried to look into or control a process outside of its domain"
severity = "high"
match = { right = ["ptrace"] }
group = ["program", "user"]
threshold = 1

[[alarm]]
name = "signals-outside"
say = "A program tried to signal several processes outside of its domain"
severity = "medium"
match = { right = ["scope.signal"] }
group = ["program", "user"]
distinct = "object"
threshold = 5
window = "1m"

[[alarm]]
name = "remount"
say = "A program tried to change what is mounted where"
severity = "high"
match = { right = ["fs.change_topology"] }
group = ["program", "user"]
threshold = 1

[[alarm]]
name = "cloud-metadata"
say = "A program tried to reach the address where clouds hand out credentials"
severity = "high"
match = { address = ["169.254.169.254", "fd00:ec2::254"] }
group = ["program", "user"]
threshold = 1

# A wiper or ransomware is stopped file by file, and goes on to the next.
[[alarm]]
name = "mass-change"
say = "A program tried to change or remove many different files"
severity = "high"
match = { right = ["fs.write_file", "fs.truncate", "fs.remove_file", "fs.remove_dir", "fs.refer"] }
group = ["program", "user"]
distinct = "path"
threshold = 50
window = "1m"

[[alarm]]
name = "first-net-program"
say = "A program that was never denied the network before tried to reach it"
severity = "low"
match = { right = ["net."] }
first-seen = ["program", "user"]
`;

/** The shipped alarms. */
export function shippedAlarms(): Promise<readonly AlarmRule[]> {
  return readAlarms('(shipped alarms)', SHIPPED_TEXT);
}
