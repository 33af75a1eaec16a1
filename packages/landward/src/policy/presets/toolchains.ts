/**
 * Where tool chains lie that the system's package manager did not install: version managers in home, and stores beside
 * `/usr`. Programs and what they choose a version by; no caches, no registries, no settings that may hold a token.
 */

/** Stores for all users, outside `/usr`. */
export const STORES = [
  '/home/linuxbrew/.linuxbrew',
  '/nix/store',
  '/nix/var/nix/profiles',
  '/run/current-system/sw',
  '/gnu/store',
  '/snap',
];

/** A version manager of the family of rbenv: its shims are scripts that start its own programs. */
function shims(root: string): string[] {
  return ['bin', 'libexec', 'completions', 'plugins', 'shims', 'version', 'versions'].map(
    (name) => `${root}/${name}`,
  );
}

/** Managers of tools for any language. */
const ANY_LANGUAGE = [
  '~/.asdf/asdf.sh',
  '~/.asdf/bin',
  '~/.asdf/installs',
  '~/.asdf/lib',
  '~/.asdf/libexec',
  '~/.asdf/plugins',
  '~/.asdf/shims',
  '~/.asdfrc',
  '~/.tool-versions',
  '~/.local/bin/mise',
  '~/.local/share/mise/bin',
  '~/.local/share/mise/installs',
  '~/.local/share/mise/plugins',
  '~/.local/share/mise/shims',
  '~/.nix-profile',
];

/** Node.js of version managers. */
export const NODE_TOOLS = [
  ...ANY_LANGUAGE,
  '~/.nvm/versions',
  '~/.volta/bin',
  '~/.volta/tools',
  '~/.volta/layout.v3',
  '~/.volta/layout.v4',
  '~/.local/share/fnm',
  '~/.fnm',
  ...shims('~/.nodenv'),
  '~/.nodenv/nodenv.d',
  '~/n/bin',
  '~/n/lib',
  '~/.local/share/pnpm/nodejs',
];

/** Python of version managers. */
export const PYTHON_TOOLS = [
  ...ANY_LANGUAGE,
  ...shims('~/.pyenv'),
  '~/.pyenv/pyenv.d',
  '~/.local/share/uv/python',
  '~/.rye/py',
  '~/.rye/shims',
  '~/miniconda3',
  '~/anaconda3',
  '~/miniforge3',
  '~/mambaforge',
];

/** Every tool chain that a person may have in home. */
export const HOME_TOOLS = [
  ...new Set([
    ...NODE_TOOLS,
    ...PYTHON_TOOLS,
    '~/bin',
    '~/.local/bin',
    '~/.local/lib',
    '~/.local/go',
    '~/.local/pipx/venvs',
    '~/.local/share/pipx/venvs',
    '~/.local/share/uv/tools',
    '~/.local/share/pnpm/bin',
    '~/.local/share/pnpm/global',
    '~/.local/share/pnpm/pnpm',
    '~/.local/share/pnpm/.tools',
    '~/.npm-global/bin',
    '~/.npm-global/lib',
    '~/.npm-packages/bin',
    '~/.npm-packages/lib',
    '~/.yarn/bin',
    '~/.config/yarn/global',
    '~/.bun/bin',
    '~/.bun/install/global',
    '~/.deno/bin',
    '~/.cargo/bin',
    '~/.rustup/toolchains',
    '~/.rustup/settings.toml',
    '~/go/bin',
    ...shims('~/.rbenv'),
    '~/.rbenv/rbenv.d',
    ...shims('~/.jenv'),
    '~/.sdkman/candidates',
    '~/.ghcup/bin',
    '~/.ghcup/ghc',
    '~/.juliaup/bin',
    '~/.julia/juliaup',
    '~/.linuxbrew',
  ]),
];
