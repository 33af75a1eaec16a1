/** The page that `landward --help` prints: one screen, by task. */

const PAGE = `landward: put any program in a Landlock domain, without root

Run a program confined (reads the system, writes this directory, no network):
  landward run -- npm test
  landward run --write dist --connect tcp:443 -- npm run build
  landward run -p policy.toml -- ./server

Find out:
  landward status                        what this kernel can enforce, and why not
  landward why policy.toml -- read ~/.ssh/id_ed25519
  landward run --dry-run --report -- npm test

After a denial:
  landward run --explain -- npm test     note every denial of a run, with its reason
  landward explain [SOURCE]              who said no, by which line, the smallest change
  landward allow 2 3                     make that change in your policy, as a diff
  landward run --trial -p p.toml -- ls   deny nothing, tell what would be denied
  landward ps                            the sandboxes on this host
  landward layer|domain|checkpoint       change, name and keep one that runs (restore goes on)

Many denials (of runs, of a log, of the host):
  landward log|stats|top                 which there were, which come most
  landward watch                         alarms on what looks like an attack
  landward fleet run -c fleet.toml       collect them from many hosts

Write a policy:
  landward init                          a starting policy for this project
  landward policy print|lint|test|diff|schema|import|export|approve

Ship a confined program without Node:
  landward compile -p policy.toml -o server.confined -- /usr/bin/server

  landward COMMAND --help                every option of a command
  landward --version

Exit status of run: the program's own; 125 landward could not set up, 126 found
but not executable, 127 not found. Nothing starts with a weaker policy than written
unless the gap is accepted by name (--degrade NAME).
`;

/** The page. */
export function help(): string {
  return PAGE;
}
