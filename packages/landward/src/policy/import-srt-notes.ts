/** What always differs between sandbox-runtime and landward, and the files that sandbox-runtime protects without being told. */

/** Files that programs outside run or obey later; writing them is denied there in every project. */
export const STARTUP_FILES: readonly string[] = [
  ...[
    '.gitconfig',
    '.gitmodules',
    '.bashrc',
    '.bash_profile',
    '.zshrc',
    '.zprofile',
    '.profile',
    '.ripgreprc',
    '.mcp.json',
  ],
  ...['.vscode', '.idea', '.claude/commands', '.claude/agents', '.git/hooks'],
].map((name) => `$project/**/${name}`);

/** Writable there without being listed. */
export const OWN_WRITES: readonly string[] = ['/tmp/claude', '~/.npm/_logs', '~/.claude/debug'];

/** Devices that programs need and that no settings mention. */
export const DEVICES: readonly string[] = [
  'null',
  'zero',
  'full',
  'random',
  'urandom',
  'tty',
  'ptmx',
  'pts',
].map((name) => `/dev/${name}`);

/** Addresses that a name must not lead to there, unless they are listed by their digits. */
export const GUARDED: readonly string[] = [
  'loopback',
  'link-local',
  'multicast',
  '0.0.0.0/8',
  '[::]',
  '255.255.255.255',
  '100.100.100.200',
  '168.63.129.16',
  '192.0.0.192',
  '[fd00:ec2::]/32',
  '[fd20:ce::254]',
  '[fd00:c1::a9fe:a9fe]',
  '[fd00:42::42]',
];

/** Differences that hold for every settings file. */
export const SRT_NOTES: readonly string[] = [
  'There, the network is cut and a proxy decides by name; here, connections are decided by host, which needs the supervisor (gap net.host)',
  'There, a name that resolves to an address of this host itself is refused; here, only loopback, link-local, multicast and metadata addresses are',
  'There, denied directories look empty and take writes that are lost; here, access fails with EACCES',
  'There, files that match a denied glob later are readable on Linux; here, the glob is evaluated at each access, which needs the supervisor (gap fs.glob)',
  'There, UDP and all other protocols are cut with the network; here, they are refused by the filter',
  'There, the environment passes; here it does too, except the variables of the loader',
];
