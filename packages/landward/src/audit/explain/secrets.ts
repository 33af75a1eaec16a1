/**
 * What looks like a secret by its name, and what a policy should not be widened to without a second thought.
 *
 * Owns the lists. They warn and ask for consent; they decide nothing about access.
 */

const NAMES = [
  /^\.env(\..*)?$/,
  /^id_(rsa|dsa|ecdsa|ed25519)(\..*)?$/,
  /\.(pem|key|p12|pfx|kdbx|jks|keystore|ovpn|asc|gpg)$/i,
  /^\.(netrc|pgpass|npmrc|pypirc|git-credentials|htpasswd|vault-token|my\.cnf)$/,
  /^(credentials?|secrets?|tokens?|passwords?)(\.[a-z0-9]+)?$/i,
  /^(shadow|gshadow)-?$/,
  /^(cookies|logins|key[34])\.(sqlite|json|db)$/i,
  /^(wallet\.dat|terraform\.tfstate|kubeconfig)$/,
];

const DIRECTORIES = new Set([
  '.ssh',
  '.gnupg',
  '.aws',
  '.azure',
  '.kube',
  '.docker',
  '.password-store',
  '.config/gcloud',
  '.config/gh',
  '.mozilla',
  '.thunderbird',
  '.local/share/keyrings',
]);

/** Whether a path looks like a credential: by its name, or by a directory that it lies in. */
export function looksSecret(path: string): boolean {
  const parts = path.split('/').filter((part) => part !== '');
  const name = parts.at(-1) ?? '';
  if (NAMES.some((pattern) => pattern.test(name))) return true;
  return parts.some(
    (part, index) =>
      DIRECTORIES.has(part) ||
      (index > 0 && DIRECTORIES.has(`${parts[index - 1]}/${part}`)) ||
      (index > 1 && DIRECTORIES.has(`${parts[index - 2]}/${parts[index - 1]}/${part}`)),
  );
}

/** Sockets whose service acts for whoever asks, with more rights than the asker has. */
const POWERFUL = [
  /^\/(var\/)?run\/(docker|podman\/podman|containerd\/containerd|crio\/crio|libvirt\/libvirt-sock|snapd|lxd\/unix)[.a-z-]*(\.sock(et)?)?$/,
  /^\/(var\/)?run\/(dbus\/system_bus_socket|systemd\/private|udev\/control)$/,
  /^\/(var\/)?run\/user\/[0-9]+\/(bus|systemd\/private|gnupg\/.*|keyring\/.*|podman\/podman\.sock|docker\.sock)$/,
  /\/(ssh-[^/]*\/agent\.[0-9]+|S\.gpg-agent[^/]*)$/,
];

/** Why a grant should not be given by the way; `undefined` where nothing speaks against asking once. */
export function weighty(path: string, home: string): string | undefined {
  if (path === '/') return 'it is the whole file system';
  if (path === home) return 'it is the whole home directory';
  if (home.startsWith(`${path}/`)) return 'it holds the home directory';
  if (POWERFUL.some((pattern) => pattern.test(path)))
    return 'its service acts for the program outside of the sandbox';
  if (looksSecret(path)) return 'it looks like a credential';
  if (/^\/(proc|sys|dev|boot|etc)$/.test(path)) return 'it is a directory of the system';
  return undefined;
}
