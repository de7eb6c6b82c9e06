import { describe, expect, it } from 'vitest';
import { readManifest, readText } from './manifests.ts';

const dockerfile = readText('Dockerfile');
const { version, license, description } = JSON.parse(readText('package.json')) as Record<string, string>;

/** Instructions without comments, each on one line. */
const instructions = dockerfile
  .replace(/^#.*\n/gm, '')
  .replace(/\\\n\s*/g, ' ')
  .split('\n')
  .filter((line) => line !== '');
const finalStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));

describe('the image', () => {
  it('the image is built in two stages on the same base', () => {
    const bases = instructions.flatMap((line) => /^FROM (\S+)/.exec(line)?.[1] ?? []);
    expect(bases).toEqual(['node:24-bookworm-slim', 'node:24-bookworm-slim']);
  });

  it('the image starts the program without a shell, with source maps, as a user that is not root', () => {
    expect(finalStage).toContain('ENTRYPOINT ["node", "--enable-source-maps", "/app/dist/main.js"]');
    expect(finalStage).toContain('USER node');
    expect(finalStage.filter((line) => /^(RUN|SHELL|ADD)\b/.test(line))).toEqual([]);
  });

  it('the image has the program and nothing that installs or builds one', () => {
    const from = finalStage.filter((line) => line.startsWith('COPY ')).map((line) => line.split(' ').at(-1));
    expect(from).toEqual(['/app/package.json', '/app/dist', '/app/LICENSE', '/app/jobs/', '/ledgers']);
  });

  it('the image keeps ledgers in a volume that belongs to its user, where a run without --ledger puts them', () => {
    expect(finalStage).toContain('COPY --from=build --chown=node:node /ledgers /ledgers');
    expect(finalStage).toContain('VOLUME /ledgers');
    expect(finalStage).toContain('WORKDIR /');
  });

  it('the image needs no builder beyond the plainest', () => {
    expect(dockerfile).not.toMatch(/<<|--link|--mount/);
  });

  it('the image is labelled with what package.json says', () => {
    const labels = finalStage.find((line) => line.startsWith('LABEL '));
    expect(labels).toContain(`org.opencontainers.image.version="${version}"`);
    expect(labels).toContain(`org.opencontainers.image.licenses="${license}"`);
    expect(labels).toContain(`org.opencontainers.image.description="${description}"`);
    expect(labels).toContain(`org.opencontainers.image.base.name="docker.io/library/${finalStage[0]?.split(' ')[1]}"`);
  });

  it('the image is labelled by keys of the image spec alone, those that only the builder knows from arguments', () => {
    const labels = finalStage.find((line) => line.startsWith('LABEL ')) ?? '';
    const keys = [...labels.matchAll(/(\S+)=/g)].map(([, key = '']) => key.replace(/="?.*/, ''));
    // https://github.com/opencontainers/image-spec/blob/main/annotations.md
    const known =
      'created authors url documentation source version revision vendor licenses ref.name title description base.digest base.name';
    for (const key of keys) expect(known.split(' ').map((name) => `org.opencontainers.image.${name}`)).toContain(key);
    expect(new Set(keys).size).toBe(keys.length);
    for (const [key, argument] of [
      ['revision', 'SOURCE_COMMIT'],
      ['created', 'CREATED'],
      ['source', 'SOURCE_URL'],
    ]) {
      expect(labels).toContain(`org.opencontainers.image.${key}="$${argument}"`);
      expect(finalStage).toContain(`ARG ${argument}=`);
    }
    // The build's commit is what `--version` says, and the label too.
    expect(instructions.filter((line) => line === 'ARG SOURCE_COMMIT=')).toHaveLength(2);
  });

  it('the image takes nothing from the folder but what it is built from', () => {
    const [everything, ...rules] = readText('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(everything).toBe('*');
    const letIn = rules.flatMap((rule) => (rule.startsWith('!') ? [rule.slice(1)] : []));
    const copied = instructions
      .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
      .flatMap((line) => line.split(' ').slice(1, -1));
    expect(letIn.sort()).toEqual(copied.sort());
    expect(rules).toEqual(expect.arrayContaining(['**/*.jsonl', '**/.env*', '**/*.pem', '**/*.key']));
  });

  it.each([
    'jobs/deploy/kubernetes/cronjob.yaml',
    'jobs/deploy/kubernetes/job.yaml',
    'jobs/deploy/azure/container-apps-job.yaml',
  ])('the image is named with this version by %s', (path) => {
    expect(JSON.stringify(readManifest(path))).toContain(`"image":"ghcr.io/your-org/countermand:${version}"`);
  });
});
